package versions_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

var kinds = record.Kinds{changes.Register, versions.Register, versions.Assessments}

// People; robin owns the controls.
var ann, ben, robin = person("ann"), person("ben"), person("robin")

func person(name string) act.Caller {
	return act.Caller{ID: "person/" + name, Roles: []string{"administrator"}}
}

// desk is a ledger with a desk over it; the clock stands at ledgertest.Begin,
// 2 March 2026, 09:00 UTC.
type desk struct {
	*testing.T
	*ledgertest.Ledger
	*versions.Desk
}

func each(t *testing.T, test func(d *desk)) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		blobs, err := blob.OpenFolder(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		test(&desk{t, l, &versions.Desk{Door: l.Door, Blobs: blobs, Kinds: kinds}})
		l.Verify(t, kinds)
	})
}

func file(t testing.TB, id, title string) *controls.Control {
	t.Helper()
	control, err := controls.Parse(id+".yaml", []byte("id: "+id+"\ntitle: "+title+"\nowner: robin\nfrequency: daily\ncriteria: [CC8.1]\ntests:\n"+
		"  - {id: one, kind: census, title: One, population: {from: changes}, pass: 'true'}\n"), controls.Builtin(kinds))
	if err != nil {
		t.Fatal(err)
	}
	return control
}

func (d *desk) propose(by act.Caller, control *controls.Control, at time.Time) *versions.Version {
	d.Helper()
	v, err := d.Propose(context.Background(), by, control, at)
	if err != nil {
		d.Fatal(err)
	}
	return v
}

func (d *desk) parts(control string, begin, end time.Time) (parts []versions.Part) {
	d.Helper()
	if err := d.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		parts, err = versions.Parts(populations.Stored(r), control, 0, begin, end)
		return err
	}); err != nil {
		d.Fatal(err)
	}
	return parts
}

func TestNobodyApprovesWhatTheyProposed(t *testing.T) {
	each(t, func(d *desk) {
		ctx := context.Background()
		c := file(d, "C-1", "First")
		v := d.propose(ann, c, ledgertest.Begin.AddDate(0, -2, 0))
		if v.ID != "C-1.1" || v.State != versions.Proposed || v.SHA256 != c.SHA256 || v.ProposedBy != ann.ID {
			d.Fatalf("%+v", v)
		}
		if parts := d.parts("C-1", ledgertest.Begin.AddDate(0, -1, 0), ledgertest.Begin); parts[0].Version != nil {
			d.Errorf("what is proposed is in force: %+v", parts)
		}
		if _, err := d.Propose(ctx, ben, c, ledgertest.Begin.AddDate(0, -2, 0)); !errors.Is(err, record.ErrSame) {
			d.Errorf("the same once more: %v", err)
		}
		if _, err := d.Approve(ctx, ann, "C-1", v.ID); !errors.Is(err, act.ErrSamePerson) {
			d.Errorf("the proposer: %v", err)
		}
		behalf := ann
		behalf.By = "local/root"
		if _, err := d.Approve(ctx, behalf, "C-1", v.ID); !errors.Is(err, act.ErrSamePerson) {
			d.Errorf("the proposer, entered by somebody else: %v", err)
		}
		for name, want := range map[string]error{"C-1.2": versions.ErrNone, c.SHA256[:7]: versions.ErrNone, strings.Repeat("0", 64): versions.ErrNone} {
			if _, err := d.Approve(ctx, ben, "C-1", name); !errors.Is(err, want) {
				d.Errorf("%s: %v", name, err)
			}
		}
		if _, err := d.Approve(ctx, act.Caller{ID: "token/none"}, "C-1", v.ID); !errors.Is(err, act.ErrDenied) {
			d.Errorf("without a role: %v", err)
		}
		// The owner can: two people have seen it.
		approved, err := d.Approve(ctx, robin, "C-1", c.SHA256[:8])
		if err != nil || approved.State != versions.Approved || approved.ApprovedBy != robin.ID || !approved.EffectiveFrom.Equal(*v.EffectiveFrom) {
			d.Fatalf("%+v, %v", approved, err)
		}
		if _, err := d.Approve(ctx, ben, "C-1", v.ID); !errors.Is(err, record.ErrSame) {
			d.Errorf("twice: %v", err)
		}
		if parts := d.parts("C-1", ledgertest.Begin.AddDate(0, -3, 0), ledgertest.Begin); len(parts) != 2 || parts[0].Version != nil || parts[1].Version.ID != "C-1.1" || !parts[1].From.Equal(*v.EffectiveFrom) {
			d.Errorf("%+v", parts)
		}
	})
}

// Whoever may approve says no as well: with a reason, once, and not to what they
// proposed themselves.
func TestAProposalIsRejectedBySomebodyElse(t *testing.T) {
	each(t, func(d *desk) {
		ctx := context.Background()
		c := file(d, "C-1", "First")
		v := d.propose(ann, c, ledgertest.Begin)
		if _, err := d.Reject(ctx, ann, "C-1", v.ID, "No."); !errors.Is(err, act.ErrSamePerson) {
			d.Errorf("the proposer: %v", err)
		}
		for _, reason := range []string{" \n", strings.Repeat("x", 4001)} {
			if _, err := d.Reject(ctx, ben, "C-1", v.ID, reason); !errors.Is(err, versions.ErrWrong) {
				d.Errorf("the reason %.10q: %v", reason, err)
			}
		}
		if _, err := d.Reject(ctx, act.Caller{ID: "token/none"}, "C-1", v.ID, "No."); !errors.Is(err, act.ErrDenied) {
			d.Errorf("who may not approve: %v", err)
		}
		rejected, err := d.Reject(ctx, ben, "C-1", v.ID, " It tests nothing. ")
		if err != nil || rejected.State != versions.Rejected || rejected.RejectedBy != ben.ID || rejected.RejectedAt == nil || rejected.Reason != "It tests nothing." || rejected.ApprovedBy != "" {
			d.Fatalf("%+v, %v", rejected, err)
		}
		if _, err := d.Approve(ctx, robin, "C-1", v.ID); !errors.Is(err, record.ErrSame) {
			d.Errorf("approved afterwards: %v", err)
		}
		if _, err := d.Reject(ctx, robin, "C-1", v.ID, "Again."); !errors.Is(err, record.ErrSame) {
			d.Errorf("twice: %v", err)
		}
		if parts := d.parts("C-1", ledgertest.Begin.AddDate(0, 0, -1), ledgertest.Begin.AddDate(0, 0, 1)); len(parts) != 1 || parts[0].Version != nil {
			d.Errorf("what was rejected is in force: %+v", parts)
		}
		// The same file can be proposed again, as the version after it.
		again := d.propose(ann, c, ledgertest.Begin)
		if _, err := d.Approve(ctx, ben, "C-1", again.ID); again.ID != "C-1.2" || err != nil {
			d.Errorf("%+v, %v", again, err)
		}
		if _, err := d.Reject(ctx, robin, "C-1", again.ID, "Too late."); !errors.Is(err, record.ErrSame) {
			d.Errorf("what is approved: %v", err)
		}
	})
}

// Whoever proposed it takes it back: with a reason, once, and nobody else does.
func TestAProposalIsWithdrawnByWhoMadeIt(t *testing.T) {
	each(t, func(d *desk) {
		ctx := context.Background()
		c := file(d, "C-1", "First")
		v := d.propose(ann, c, ledgertest.Begin)
		if _, err := d.Withdraw(ctx, ben, "C-1", v.ID, "No."); !errors.Is(err, versions.ErrWrong) || !strings.Contains(err.Error(), "others reject it") {
			d.Errorf("another person: %v", err)
		}
		for _, reason := range []string{" \n", strings.Repeat("x", 4001)} {
			if _, err := d.Withdraw(ctx, ann, "C-1", v.ID, reason); !errors.Is(err, versions.ErrWrong) {
				d.Errorf("the reason %.10q: %v", reason, err)
			}
		}
		if _, err := d.Withdraw(ctx, act.Caller{ID: ann.ID}, "C-1", v.ID, "No."); !errors.Is(err, act.ErrDenied) {
			d.Errorf("who may not propose any more: %v", err)
		}
		by := ann
		by.By = "local/root"
		withdrawn, err := d.Withdraw(ctx, by, "C-1", v.ID, " The wrong file. ")
		if err != nil || withdrawn.State != versions.Withdrawn || withdrawn.WithdrawnBy != ann.ID || withdrawn.WithdrawnVia != "local/root" || !withdrawn.WithdrawnAt.Equal(d.Clock.Now()) || withdrawn.Reason != "The wrong file." || !withdrawn.Ended() {
			d.Fatalf("%+v, %v", withdrawn, err)
		}
		if _, err := d.Approve(ctx, robin, "C-1", v.ID); !errors.Is(err, record.ErrSame) || !strings.Contains(err.Error(), "is withdrawn since") {
			d.Errorf("approved afterwards: %v", err)
		}
		if _, err := d.Withdraw(ctx, ann, "C-1", v.ID, "Again."); !errors.Is(err, record.ErrSame) {
			d.Errorf("twice: %v", err)
		}
		if parts := d.parts("C-1", ledgertest.Begin.AddDate(0, 0, -1), ledgertest.Begin.AddDate(0, 0, 1)); len(parts) != 1 || parts[0].Version != nil {
			d.Errorf("what was withdrawn is in force: %+v", parts)
		}
		again := d.propose(ann, c, ledgertest.Begin)
		if _, err := d.Approve(ctx, ben, "C-1", again.ID); again.ID != "C-1.2" || err != nil {
			d.Errorf("%+v, %v", again, err)
		}
		if _, err := d.Withdraw(ctx, ann, "C-1", again.ID, "Too late."); !errors.Is(err, record.ErrSame) {
			d.Errorf("what is approved: %v", err)
		}
	})
}

// That nothing comes of a proposal is taken, when it is read back, only as the door takes
// it.
func TestTheBookTakesNoOtherEnd(t *testing.T) {
	at := ledgertest.Begin
	later := at.Add(time.Hour)
	proposed := versions.Version{ID: "C-1.1", Control: "C-1", Number: 1, SHA256: "ab", State: versions.Proposed, EffectiveFrom: &at, ProposedBy: ann.ID, ProposedAt: at}
	rejected, withdrawn := proposed, proposed
	rejected.State, rejected.RejectedBy, rejected.RejectedAt, rejected.Reason = versions.Rejected, ben.ID, &at, "No."
	withdrawn.State, withdrawn.WithdrawnBy, withdrawn.WithdrawnAt, withdrawn.Reason = versions.Withdrawn, ann.ID, &at, "No."
	for _, one := range []struct {
		end versions.Version
		by  act.Caller
	}{{rejected, ben}, {withdrawn, ann}} {
		try := func(change func(v *versions.Version)) error {
			was, is := proposed, one.end
			change(&is)
			return versions.NewBook(&was).Record(&is, versions.Actor{Caller: one.by}, at)
		}
		if err := try(func(*versions.Version) {}); err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(v *versions.Version){
			"another file":         func(v *versions.Version) { v.SHA256 = "cd" },
			"another day":          func(v *versions.Version) { v.EffectiveFrom = &later },
			"rejected by another":  func(v *versions.Version) { v.RejectedBy = robin.ID },
			"withdrawn by another": func(v *versions.Version) { v.WithdrawnBy = robin.ID },
			"another moment":       func(v *versions.Version) { v.RejectedAt, v.WithdrawnAt = &later, &later },
			"no moment":            func(v *versions.Version) { v.RejectedAt, v.WithdrawnAt = nil, nil },
			"both":                 func(v *versions.Version) { v.RejectedAt, v.WithdrawnAt = &at, &at },
			"no reason":            func(v *versions.Version) { v.Reason = "" },
			"an approval":          func(v *versions.Version) { v.ApprovedBy = ben.ID },
		} {
			if err := try(change); !errors.Is(err, versions.ErrWrong) {
				t.Errorf("%s, %s: %v", one.end.State, name, err)
			}
		}
	}
}

// Nobody changes by which rule the past is judged.
func TestALaterVersionTakesEffectWithItsApprovalAtTheEarliest(t *testing.T) {
	each(t, func(d *desk) {
		ctx := context.Background()
		if _, own, err := d.Adopt(ctx, ann, []*controls.Control{file(d, "C-1", "First")}, nil); err != nil || len(own) > 0 {
			d.Fatal(own, err)
		}
		early := d.propose(ann, file(d, "C-1", "Second"), ledgertest.Begin.AddDate(0, -1, 0))
		late := d.propose(ann, file(d, "C-1", "Third"), ledgertest.Begin.AddDate(0, 1, 0))
		d.Clock.Advance(time.Hour)
		now := d.Clock.Now()
		for id, want := range map[string]time.Time{early.ID: now, late.ID: *late.EffectiveFrom} {
			v, err := d.Approve(ctx, ben, "C-1", id)
			if err != nil || !v.EffectiveFrom.Equal(want) {
				d.Errorf("%s: %+v, %v; want %s", id, v, err, want)
			}
		}
		var got []string
		for _, p := range d.parts("C-1", ledgertest.Begin.AddDate(0, -6, 0), ledgertest.Begin.AddDate(0, 6, 0)) {
			got = append(got, p.Version.ID)
		}
		if want := []string{"C-1.1", "C-1.2", "C-1.3"}; !slices.Equal(got, want) {
			d.Errorf("%q, want %q", got, want)
		}
	})
}

func TestTheCatalogIsAdoptedOnce(t *testing.T) {
	each(t, func(d *desk) {
		ctx := context.Background()
		all := []*controls.Control{file(d, "C-1", "One"), file(d, "C-2", "Two"), file(d, "C-3", "Three")}
		d.propose(ann, all[2], ledgertest.Begin)
		if adopted, own, err := d.Adopt(ctx, robin, all, nil); err != nil || len(adopted) != 0 || !slices.Equal(own, []string{"C-1", "C-2"}) {
			d.Errorf("the owner alone: %d, %v, %v", len(adopted), own, err)
		}
		adopted, own, err := d.Adopt(ctx, ben, all, nil)
		if err != nil || len(adopted) != 2 || len(own) != 0 || adopted[0].ProposedBy != versions.Catalog || adopted[0].ApprovedBy != ben.ID || adopted[0].EffectiveFrom != nil {
			d.Errorf("%+v, %v, %v", adopted, own, err)
		}
		before := len(d.Events(d.T, "scaf.control_version.adopted.v1"))
		if adopted, _, err := d.Adopt(ctx, ann, all, nil); err != nil || len(adopted) != 0 {
			d.Errorf("again: %v, %v", adopted, err)
		}
		if after := len(d.Events(d.T, "scaf.control_version.adopted.v1")); before != 2 || after != 2 {
			d.Errorf("%d and %d events", before, after)
		}
		if _, _, err := d.Adopt(ctx, act.Caller{ID: "token/none"}, all, nil); !errors.Is(err, act.ErrDenied) {
			d.Errorf("without a role: %v", err)
		}
	})
}

// What was proposed and came to nothing does not keep the catalog's file out.
func TestTheCatalogIsAdoptedAfterProposalsThatCameToNothing(t *testing.T) {
	each(t, func(d *desk) {
		ctx := context.Background()
		c := file(d, "C-1", "One")
		first, second := d.propose(ann, c, ledgertest.Begin), d.propose(ann, file(d, "C-1", "Other"), ledgertest.Begin)
		if _, err := d.Reject(ctx, ben, "C-1", first.ID, "No."); err != nil {
			d.Fatal(err)
		}
		if adopted, _, err := d.Adopt(ctx, ben, []*controls.Control{c}, nil); err != nil || len(adopted) != 0 {
			d.Errorf("while one is proposed: %v, %v", adopted, err)
		}
		if _, err := d.Withdraw(ctx, ann, "C-1", second.ID, "No."); err != nil {
			d.Fatal(err)
		}
		adopted, _, err := d.Adopt(ctx, ben, []*controls.Control{c}, nil)
		if err != nil || len(adopted) != 1 || adopted[0].ID != "C-1.3" || adopted[0].State != versions.Approved || adopted[0].EffectiveFrom != nil {
			d.Fatalf("%+v, %v", adopted, err)
		}
		if parts := d.parts("C-1", ledgertest.Begin.AddDate(0, 0, -1), ledgertest.Begin); len(parts) != 1 || parts[0].Version == nil || parts[0].Version.ID != "C-1.3" {
			d.Errorf("%+v", parts)
		}
		if again, _, err := d.Adopt(ctx, ben, []*controls.Control{c}, nil); err != nil || len(again) != 0 {
			d.Errorf("again: %v, %v", again, err)
		}
	})
}

func TestADesignIsAssessedBySomebodyElseThanTheOwner(t *testing.T) {
	each(t, func(d *desk) {
		ctx := context.Background()
		whole := versions.Assessment{Control: "C-1", Risk: "r", Precision: "p", Walkthrough: "event/0", Conclusion: controltests.Effective, Reason: "w"}
		if _, err := d.Assess(ctx, ann, whole); !errors.Is(err, versions.ErrNone) {
			d.Errorf("without a version: %v", err)
		}
		v := d.propose(ann, file(d, "C-1", "One"), ledgertest.Begin)
		for name, change := range map[string]func(*versions.Assessment){
			"risk": func(a *versions.Assessment) { a.Risk = " " }, "precision": func(a *versions.Assessment) { a.Precision = "" },
			"reason": func(a *versions.Assessment) { a.Reason = "" }, "is no reference": func(a *versions.Assessment) { a.Walkthrough = "yes" },
			"effective or ineffective": func(a *versions.Assessment) { a.Conclusion = controltests.NotOccurring },
		} {
			wrong := whole
			change(&wrong)
			if _, err := d.Assess(ctx, ann, wrong); !errors.Is(err, versions.ErrWrong) || !strings.Contains(err.Error(), name) {
				d.Errorf("%s: %v", name, err)
			}
		}
		made := whole
		made.Walkthrough = "change/none"
		if _, err := d.Assess(ctx, ann, made); !errors.Is(err, record.ErrNone) {
			d.Errorf("an item that is not there: %v", err)
		}
		if _, err := d.Assess(ctx, robin, whole); !errors.Is(err, act.ErrSamePerson) {
			d.Errorf("the owner: %v", err)
		}
		if _, err := d.Assess(ctx, act.Caller{ID: "token/none"}, whole); !errors.Is(err, act.ErrDenied) {
			d.Errorf("without a role: %v", err)
		}
		a, err := d.Assess(ctx, ann, whole)
		if err != nil || a.ID != "ASM-1" || a.Version != v.ID || a.SHA256 != v.SHA256 || a.Assessor != ann.ID {
			d.Fatalf("%+v, %v", a, err)
		}
		second := d.propose(ann, file(d, "C-1", "Two"), ledgertest.Begin.AddDate(0, 1, 0))
		if err := d.DB.Read(ctx, func(r *store.Reader) error {
			for id, want := range map[string]bool{v.ID: true, second.ID: false} {
				if design, err := versions.Design(populations.Stored(r), id, 0); err != nil || (design != nil) != want {
					d.Errorf("%s: %+v, %v", id, design, err)
				}
			}
			return nil
		}); err != nil {
			d.Fatal(err)
		}
	})
}

func TestOwns(t *testing.T) {
	for _, c := range []struct {
		owner, caller, person string
		want                  bool
	}{
		{"person/E1", "person/E1", "", true}, {"robin", "local/robin", "", true}, {"Robin ", "person/robin", "", true}, {"person/E1", "person/E2", "", false},
		{"engineering lead", "local/engineering", "", false}, {"", "", "", false}, {"", "local/", "", false}, {"local", "local/robin", "", false},
		{"people lead", "person/E1", `{"title":" People Lead","state":"active"}`, true},
		{"people lead", "person/E1", `{"title":"People Lead","state":"left"}`, false},
		{"people lead", "person/E1", `{"title":"Deputy people lead","state":"active"}`, false},
		{"people lead", "local/E1", `{"title":"people lead","state":"active"}`, false},
		{"", "person/E1", `{"title":"","state":"active"}`, false},
	} {
		var doc []byte
		if c.person != "" {
			doc = []byte(c.person)
		}
		by, err := versions.Acting(act.Caller{ID: c.caller}, doc)
		if err != nil {
			t.Fatal(err)
		}
		if got := versions.Owns(c.owner, by); got != c.want {
			t.Errorf("%q (%s) owns what %q names: %t", c.caller, c.person, c.owner, got)
		}
	}
}

// The parts follow each other without a hole from one end to the other, and at
// every instant the version is the one that took effect last.
func TestParts(t *testing.T) {
	hour := func(n int) time.Time { return ledgertest.Begin.Add(time.Duration(n) * time.Hour) }
	rapid.Check(t, func(rt *rapid.T) {
		var all []*versions.Version
		for i := range rapid.IntRange(0, 6).Draw(rt, "versions") {
			v := &versions.Version{ID: fmt.Sprint(i), State: versions.Approved}
			if at := rapid.IntRange(-1, 20).Draw(rt, "effective"); at >= 0 {
				from := hour(at)
				v.EffectiveFrom = &from
			}
			if rapid.IntRange(0, 4).Draw(rt, "proposed") == 0 {
				v.State = versions.Proposed
			}
			all = append(all, v)
		}
		slices.SortStableFunc(all, func(a, b *versions.Version) int {
			at := func(v *versions.Version) int64 {
				if v.EffectiveFrom == nil {
					return 0
				}
				return v.EffectiveFrom.Unix()
			}
			return int(at(a) - at(b))
		})
		begin := rapid.IntRange(0, 10).Draw(rt, "begin")
		end := begin + rapid.IntRange(1, 12).Draw(rt, "length")
		parts := versions.Cut(all, hour(begin), hour(end))
		if !parts[0].From.Equal(hour(begin)) || !parts[len(parts)-1].To.Equal(hour(end)) {
			rt.Fatalf("%+v does not reach from end to end", parts)
		}
		for i, p := range parts {
			if !p.From.Before(p.To) || i > 0 && !p.From.Equal(parts[i-1].To) {
				rt.Fatalf("%+v has a hole, or a part of nothing", parts)
			}
		}
		for at := begin; at < end; at++ {
			var want *versions.Version
			for _, v := range all {
				if v.State == versions.Approved && (v.EffectiveFrom == nil || !v.EffectiveFrom.After(hour(at))) {
					want = v
				}
			}
			for _, p := range parts {
				if !hour(at).Before(p.From) && hour(at).Before(p.To) && p.Version != want {
					rt.Fatalf("at %d h %+v is in force, want %+v", at, p.Version, want)
				}
			}
		}
	})
}
