package policies_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

var ctx = context.Background()

func as(person string, roles ...string) act.Caller {
	return act.Caller{ID: "person/" + person, Roles: append(roles, "account")}
}

var (
	ann   = as("ann", "compliance")
	ben   = as("ben", "compliance")
	cleo  = as("cleo", "executive")
	staff = as("dan", "employee")
)

// house is a folder with one policy, and what people do in it.
type house struct {
	*testing.T
	f *apptest.Folder
}

func (h house) add(caller act.Caller, kind *record.Kind, pairs ...string) *record.Version {
	h.Helper()
	v, err := h.f.AddRecord(ctx, caller, kind, fields(pairs...))
	if err != nil {
		h.Fatal(err)
	}
	return v
}

func (h house) try(caller act.Caller, kind *record.Kind, id, state string, pairs ...string) error {
	_, err := h.f.MoveRecord(ctx, caller, kind, id, record.AnyVersion, state, fields(pairs...))
	return err
}

func (h house) move(caller act.Caller, id, state string, pairs ...string) {
	h.Helper()
	if err := h.try(caller, policies.Versions, id, state, pairs...); err != nil {
		h.Fatal(err)
	}
}

func (h house) version(id string) (v *policies.Version) {
	h.Helper()
	if err := h.f.DB.Read(ctx, func(r *store.Reader) (err error) {
		v, _, err = policies.Get(r, id)
		return err
	}); err != nil {
		h.Fatal(err)
	}
	return v
}

func (h house) policy() (p policies.Policy) {
	h.Helper()
	if err := h.f.DB.Read(ctx, func(r *store.Reader) error {
		v, err := record.Get(r, "policy", "desks")
		if err != nil {
			return err
		}
		return json.Unmarshal(v.Doc, &p)
	}); err != nil {
		h.Fatal(err)
	}
	return p
}

// text is a text of the policy with this rule.
func text(rule string) string { return front + "## Rules\n\n1. " + rule + "\n" }

func each(t *testing.T, test func(h house)) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := house{t, f}
		h.add(ann, policies.Register, "id", `"desks"`, "title", `"Desks"`, "owner", `"nobody yet"`, "audience", `"everybody"`, "review", `"annual"`)
		test(h)
	})
}

func TestAVersionComesIntoForceByTwoPeople(t *testing.T) {
	each(t, func(h house) {
		h.add(ann, policies.Versions, "policy", `"policy/desks"`, "text", quoted(text("Lock it away.")), "procedure", `"wiki/desks"`)
		for name, err := range map[string]error{
			"a version of no policy": func() error {
				_, err := h.f.AddRecord(ctx, ann, policies.Versions, fields("policy", `"policy/chairs"`, "text", quoted(strings.Replace(text("x"), "desks", "chairs", 1))))
				return err
			}(),
			"a version that begins approved": func() error {
				_, err := h.f.AddRecord(ctx, ann, policies.Versions, fields("policy", `"policy/desks"`, "text", quoted(text("x")), "state", `"in_review"`))
				return err
			}(),
			"a policy that begins in force": func() error {
				_, err := h.f.AddRecord(ctx, ann, policies.Register, fields("id", `"chairs"`, "title", `"x"`, "owner", `"x"`, "audience", `"everybody"`, "review", `"annual"`, "state", `"in_force"`))
				return err
			}(),
			"a policy moved into force": h.try(cleo, policies.Register, "desks", policies.InForce),
		} {
			var wrong *record.Invalid
			if !errors.As(err, &wrong) {
				t.Errorf("%s: %v", name, err)
			}
		}
		// Ben writes in it, too: neither of the two can approve it.
		if _, err := h.f.SetRecord(ctx, ben, policies.Versions, "PV-1", record.AnyVersion, fields("text", quoted(text("Lock it away each evening.")))); err != nil {
			t.Fatal(err)
		}
		h.move(ann, "PV-1", policies.InReview)
		if _, err := h.f.SetRecord(ctx, ben, policies.Versions, "PV-1", record.AnyVersion, fields("text", quoted(text("Changed behind the reviewers.")))); err == nil {
			t.Error("a text changes while it is in review")
		}
		for _, writer := range []string{"ann", "ben"} {
			if err := h.try(as(writer, "executive", "compliance"), policies.Versions, "PV-1", policies.Approved); !errors.Is(err, act.ErrSamePerson) {
				t.Errorf("%s approves what they wrote: %v", writer, err)
			}
		}
		for _, other := range []act.Caller{as("eve", "compliance"), as("eve", "auditor"), staff} {
			if err := h.try(other, policies.Versions, "PV-1", policies.Approved); !errors.Is(err, act.ErrDenied) {
				t.Errorf("%v approves: %v", other.Roles, err)
			}
		}
		h.move(cleo, "PV-1", policies.Approved)
		if err := h.try(cleo, policies.Versions, "PV-1", policies.InForce, "channels", `["portal"]`); !errors.Is(err, act.ErrDenied) {
			t.Errorf("an executive announces: %v", err)
		}
		if err := h.try(ann, policies.Versions, "PV-1", policies.InForce); err == nil {
			t.Error("it came into force and nobody was told")
		}
		if err := h.try(ann, policies.Versions, "PV-1", policies.InForce, "channels", `["portal","carrier pigeon"]`); err == nil || !strings.Contains(err.Error(), "carrier pigeon") {
			t.Errorf("people are told by a channel that nobody has: %v", err)
		}
		h.f.Manual.Advance(time.Hour)
		h.move(ann, "PV-1", policies.InForce, "channels", `["portal","Slack"]`)
		v, p := h.version("PV-1"), h.policy()
		if v.ApprovedBy != "person/cleo" || v.AnnouncedBy != "person/ann" || v.AnnouncedAt.Sub(*v.ApprovedAt) != time.Hour || v.Round != 1 || v.Number != 1 || !v.NextReviewAt.Equal(v.EffectiveAt.AddDate(1, 0, 0)) {
			t.Errorf("%+v", v)
		}
		if p.State != policies.InForce || p.CurrentVersion != "policy_version/PV-1" || p.Title != "Clear desks" || p.Owner != "people lead" || !p.NextReviewAt.Equal(*v.NextReviewAt) ||
			p.Number != 1 || p.ApprovedBy != v.ApprovedBy || !p.ApprovedAt.Equal(*v.ApprovedAt) || !p.EffectiveAt.Equal(*v.EffectiveAt) {
			t.Errorf("%+v", p)
		}
		if _, err := h.f.SetRecord(ctx, ann, policies.Register, "desks", record.AnyVersion, fields("title", `"Messy desks"`)); err == nil {
			t.Error("a policy in force says something that nobody approved")
		}
		// The next one takes its place.
		h.add(ben, policies.Versions, "policy", `"policy/desks"`, "text", quoted(text("Lock it away at noon.")), "procedure", `"wiki/desks"`)
		h.move(ben, "PV-2", policies.InReview)
		if err := h.try(ann, policies.Versions, "PV-2", policies.Draft); err == nil {
			t.Error("a text comes back from review without a word")
		}
		h.move(ann, "PV-2", policies.Draft, "returned_reason", `"Not at noon"`)
		if _, err := h.f.SetRecord(ctx, ben, policies.Versions, "PV-2", record.AnyVersion, fields("text", quoted(text("Lock it away at one.")))); err != nil {
			t.Fatal(err)
		}
		h.move(ben, "PV-2", policies.InReview)
		h.changes("PV-2", 0, false, "round 1", "- 1. Lock it away at noon.", "+ 1. Lock it away at one.")
		h.changes("PV-2", 0, true, "version 1 (PV-1)", "- 1. Lock it away each evening.", "+ 1. Lock it away at one.")
		h.changes("PV-2", 1, false, "version 1 (PV-1)", "- 1. Lock it away each evening.", "+ 1. Lock it away at noon.")
		h.move(cleo, "PV-2", policies.Approved)
		h.move(ann, "PV-2", policies.InForce, "channels", `["portal"]`)
		if first := h.version("PV-1"); first.State != policies.Superseded || !first.SupersededAt.Equal(*h.version("PV-2").EffectiveAt) {
			t.Errorf("%+v", first)
		}
		if p := h.policy(); p.CurrentVersion != "policy_version/PV-2" || p.Number != 2 {
			t.Errorf("%+v", p)
		}
		var document strings.Builder
		if n, err := h.f.PolicyDocument(ctx, ann, &document); err != nil || n != 1 || !strings.Contains(document.String(), "Lock it away at one") || strings.Contains(document.String(), "evening") {
			t.Errorf("%d %v: %s", n, err, document.String())
		}
		// Retired: nothing of it is in force, and nothing new comes.
		if err := h.try(ann, policies.Register, "desks", policies.Retired); !errors.Is(err, act.ErrDenied) {
			t.Error(err)
		}
		if err := h.try(cleo, policies.Register, "desks", policies.Retired); err != nil {
			t.Fatal(err)
		}
		if v, p := h.version("PV-2"), h.policy(); v.State != policies.Superseded || p.Number != 0 || p.ApprovedBy != "" || p.ApprovedAt != nil || p.EffectiveAt != nil {
			t.Errorf("%+v %+v", v, p)
		}
		if _, err := h.f.AddRecord(ctx, ann, policies.Versions, fields("policy", `"policy/desks"`, "text", quoted(text("x")))); err == nil {
			t.Error("a retired policy gets a version")
		}
		if _, err := h.f.Verify(ctx, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

func (h house) changes(id string, round int, all bool, from string, want ...string) {
	h.Helper()
	got, lines, err := h.f.PolicyChanges(ctx, cleo, id, round, all)
	var said []string
	for _, line := range lines {
		if line.Mark == "+" || line.Mark == "-" {
			said = append(said, line.Mark+" "+line.Text)
		}
	}
	if err != nil || got != from || strings.Join(said, "\n") != strings.Join(want, "\n") {
		h.Errorf("%s beside %q: %q (%v)", id, got, said, err)
	}
}

// force brings a first text into force.
func (h house) force() {
	h.Helper()
	h.add(ann, policies.Versions, "policy", `"policy/desks"`, "text", quoted(text("Lock it away.")), "procedure", `"wiki/desks"`)
	h.move(ann, "PV-1", policies.InReview)
	h.move(cleo, "PV-1", policies.Approved)
	h.move(ann, "PV-1", policies.InForce, "channels", `["portal"]`)
}

// A text binds from the day for which it was approved: before, the one that is in force
// stays so, whoever is in a hurry, and nobody approves one day and gets another.
func TestAVersionComesIntoForceOnItsDayAndNotBefore(t *testing.T) {
	each(t, func(h house) {
		h.force()
		day := h.f.Manual.Now().Add(60 * 24 * time.Hour).UTC().Truncate(24 * time.Hour)
		h.add(ann, policies.Versions, "policy", `"policy/desks"`, "text", quoted(text("Lock it away at noon.")), "procedure", `"wiki/desks"`)
		h.move(ann, "PV-2", policies.InReview)
		h.move(cleo, "PV-2", policies.Approved, "effective_at", quoted(day.Format(time.RFC3339)))
		for _, other := range []string{`null`, quoted(day.Add(-50 * 24 * time.Hour).Format(time.RFC3339))} {
			if _, err := h.f.SetRecord(ctx, ann, policies.Versions, "PV-2", record.AnyVersion, fields("effective_at", other)); err == nil {
				t.Errorf("what was approved for one day gets the day %s", other)
			}
			if err := h.try(ann, policies.Versions, "PV-2", policies.InForce, "channels", `["portal"]`, "effective_at", other); err == nil {
				t.Errorf("what was approved for one day comes into force for the day %s", other)
			}
		}
		if err := h.try(ann, policies.Versions, "PV-2", policies.InForce, "channels", `["portal"]`); err == nil || !strings.Contains(err.Error(), day.Format(time.RFC3339)) {
			t.Errorf("it comes into force before its day: %v", err)
		}
		if first, p := h.version("PV-1"), h.policy(); first.State != policies.InForce || p.CurrentVersion != "policy_version/PV-1" {
			t.Errorf("%+v %+v", first, p)
		}
		if second := h.version("PV-2"); !second.PlannedAt.Equal(day) {
			t.Errorf("%+v", second)
		}
		h.f.Manual.Set(day.Add(9 * time.Hour))
		h.move(ann, "PV-2", policies.InForce, "channels", `["portal"]`)
		first, second := h.version("PV-1"), h.version("PV-2")
		if !second.EffectiveAt.Equal(h.f.Manual.Now()) || !second.PlannedAt.Equal(day) || first.State != policies.Superseded || !first.SupersededAt.Equal(*second.EffectiveAt) {
			t.Errorf("%+v %+v", first, second)
		}
		var document strings.Builder
		if _, err := h.f.PolicyDocument(ctx, ann, &document); err != nil || !strings.Contains(document.String(), "| "+day.Format(time.DateOnly)+" |") {
			t.Errorf("%v: %s", err, document.String())
		}
	})
}

func (h house) person(id string, pairs ...string) {
	h.Helper()
	h.add(ann, people.Register, append([]string{"id", quoted(id), "name", `"Example"`, "joined_at", `"2020-01-01T00:00:00Z"`}, pairs...)...)
}

func (h house) ask(want int) {
	h.Helper()
	if asked, err := h.f.AskEverybody(ctx, ann); err != nil || asked != want {
		h.Errorf("%d are asked (%v), want %d", asked, err, want)
	}
}

func TestEverybodyIsAskedOnceAndAnswersForThemselves(t *testing.T) {
	each(t, func(h house) {
		h.person("dan")
		h.person("eve")
		h.person("gone", "state", `"left"`, "left_at", `"2021-01-01T00:00:00Z"`)
		h.ask(0) // nothing is in force
		if _, err := h.f.AskToAcknowledge(ctx, ann, "PV-1"); !errors.Is(err, record.ErrNone) {
			t.Error(err)
		}
		h.force()
		if _, err := h.f.AskToAcknowledge(ctx, staff, "PV-1"); !errors.Is(err, act.ErrDenied) {
			t.Error(err)
		}
		h.ask(2)
		h.ask(0)
		h.person("fay") // a joiner
		h.ask(1)
		a := func(id string) (a policies.Acknowledgment) {
			v, err := h.get(policies.Acknowledgments, id)
			if err == nil {
				err = json.Unmarshal(v.Doc, &a)
			}
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		if got, v := a("PV-1.dan"), h.version("PV-1"); got.SHA256 != v.SHA256 || got.Policy != "policy/desks" || got.DueAt.Sub(*got.AskedAt) != policies.DaysToAnswer*24*time.Hour {
			t.Errorf("%+v", got)
		}
		for _, other := range []act.Caller{as("eve", "employee"), ann, apptest.Operator, as("eve", "administrator")} {
			if err := h.try(other, policies.Acknowledgments, "PV-1.dan", policies.Acknowledged); !errors.Is(err, act.ErrSamePerson) {
				t.Errorf("%s answers for dan: %v", other.ID, err)
			}
		}
		if err := h.try(staff, policies.Acknowledgments, "PV-1.dan", policies.Refused); err == nil {
			t.Error("refused without a reason")
		}
		if err := h.try(staff, policies.Acknowledgments, "PV-1.dan", policies.Refused, "reason", `"I have no lock."`); err != nil {
			t.Error(err)
		}
		if err := h.try(staff, policies.Acknowledgments, "PV-1.dan", policies.Acknowledged, "acknowledged_at", `"2020-01-01T00:00:00Z"`); err == nil {
			t.Error("an answer has the time that somebody likes")
		}
		h.f.Manual.Advance(time.Hour)
		if err := h.try(staff, policies.Acknowledgments, "PV-1.dan", policies.Acknowledged); err != nil {
			t.Error(err)
		}
		if got := a("PV-1.dan"); got.State != policies.Acknowledged || !got.AcknowledgedAt.Equal(h.f.Manual.Now()) || got.RefusedAt == nil || got.Reason == "" {
			t.Errorf("%+v", got)
		}
	})
}

func (h house) get(kind *record.Kind, id string) (v *record.Version, err error) {
	err = h.f.DB.Read(ctx, func(r *store.Reader) error {
		v, err = record.Get(r, kind.Name, id)
		return err
	})
	return v, err
}

func TestAnAudience(t *testing.T) {
	for audience, want := range map[string]string{
		"everybody": "PV-1.boss PV-1.dev PV-1.lead", "managers": "PV-1.boss PV-1.lead", "engineers": "PV-1.dev", "executives": "PV-1.boss",
	} {
		t.Run(audience, func(t *testing.T) {
			h := house{t, apptest.New(t, config.Config{})}
			h.add(ann, policies.Register, "id", `"desks"`, "title", `"Desks"`, "owner", `"x"`, "audience", `"everybody"`, "review", `"annual"`)
			h.person("boss", "title", `"Chief executive officer"`, "email", `"Boss@example.com"`)
			_, err := people.Take(ctx, h.f.Door, act.JobCaller("hris.people"), "m1", []byte(`{"type":"people.changed","timestamp":"2026-01-01T00:00:00Z","data":{"people":[{"id":"lead","name":"Example","title":"Team lead","manager":"boss@example.com","joined_at":"2020-01-01T00:00:00Z"}]}}`))
			if err != nil {
				t.Fatal(err)
			}
			h.person("dev", "department", `"Engineering"`, "manager", `"lead"`)
			h.add(ann, policies.Versions, "policy", `"policy/desks"`, "procedure", `"wiki"`, "text", quoted(strings.Replace(text("x"), "everybody", audience, 1)))
			h.move(ann, "PV-1", policies.InReview)
			h.move(cleo, "PV-1", policies.Approved)
			h.move(ann, "PV-1", policies.InForce, "channels", `["portal"]`)
			h.ask(strings.Count(want, " ") + 1)
			for _, id := range strings.Fields(want) {
				if _, err := h.get(policies.Acknowledgments, id); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A campaign goes on where it was interrupted: more people than one act may
// have, some of whom were asked.
func TestACampaignIsResumed(t *testing.T) {
	each(t, func(h house) {
		h.force()
		var all []string
		for i := range 2500 {
			all = append(all, fmt.Sprintf("person/e%04d", i))
		}
		if n, err := policies.Campaign(ctx, h.f.Door, ann, "PV-1", all[400:1400]); err != nil || n != 1000 {
			t.Fatal(n, err)
		}
		if n, err := policies.Campaign(ctx, h.f.Door, ann, "PV-1", all); err != nil || n != 1500 {
			t.Error(n, err)
		}
	})
}

func TestCatalogTextsAreOfferedAndNeverOverwrite(t *testing.T) {
	each(t, func(h house) {
		offer := catalog.Policies()
		first, err := h.f.InstallPolicies(ctx, ann, offer, "")
		if err != nil || len(first.Policies) != len(offer) || len(first.Versions) != len(offer) || len(offer) < 3 {
			t.Fatalf("%+v %v", first, err)
		}
		again, err := h.f.InstallPolicies(ctx, ben, offer, "")
		if err != nil || len(again.Policies)+len(again.Versions) != 0 {
			t.Errorf("%+v %v", again, err)
		}
		changed := offer[0]
		changed.File = append(changed.File[:len(changed.File):len(changed.File)], "\nOne more rule.\n"...)
		third, err := policies.Install(ctx, h.f.Door, ben, []catalog.Policy{changed}, "")
		if err != nil || len(third.Policies) != 0 || len(third.Versions) != 1 {
			t.Errorf("%+v %v", third, err)
		}
		if before, after := h.version(first.Versions[0]), h.version(third.Versions[0]); before.Text != string(offer[0].File) || after.Number != 2 || after.State != policies.Draft {
			t.Errorf("%+v %+v", before, after)
		}
	})
}

func FuzzVersion(f *testing.F) {
	f.Add(text("x"))
	f.Add("---\n---\n")
	f.Add("![[<x>](a:b)")
	f.Fuzz(func(t *testing.T, text string) {
		v := &policies.Version{Policy: "policy/desks", Text: text}
		v.Compute()
		if len(v.Validate()) == 0 && (v.Title == "" || v.Owner == "") {
			t.Errorf("%q is taken: %+v", text, v)
		}
	})
}

// The question ends with the leaving of whom it was put to; what was due before stays
// missed. Who comes back is asked again.
func TestALeaverOwesNoAnswerThatWasNotDue(t *testing.T) {
	each(t, func(h house) {
		h.force()
		for _, id := range []string{"eve", "fay", "fay.2"} {
			h.person(id)
		}
		h.ask(3)
		leave := func(id string, after time.Duration) {
			left, err := json.Marshal(h.f.Manual.Now().Add(after))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.f.MoveRecord(ctx, ann, people.Register, id, record.AnyVersion, people.Left, map[string]json.RawMessage{"left_at": left}); err != nil {
				t.Fatal(err)
			}
		}
		settle := func(want int) {
			t.Helper()
			if n, err := h.f.SettleLeavers(ctx, act.JobCaller("register.watch")); err != nil || n != want {
				t.Errorf("%d are closed (%v), want %d", n, err, want)
			}
		}
		state := func(id string) string {
			t.Helper()
			var a policies.Acknowledgment
			v, err := h.get(policies.Acknowledgments, id)
			if err == nil {
				err = json.Unmarshal(v.Doc, &a)
			}
			if err != nil {
				t.Fatal(err)
			}
			return a.State
		}
		leave("eve", 0)
		settle(1)
		h.f.Manual.Advance((policies.DaysToAnswer + 1) * 24 * time.Hour)
		leave("fay", 0)
		settle(1)
		settle(0)
		if eve, fay, other := state("PV-1.eve"), state("PV-1.fay"), state("PV-1.fay.2"); eve != policies.Ended || fay != policies.Missed || other != policies.Asked {
			t.Errorf("%s %s %s", eve, fay, other)
		}
		if err := h.try(as("eve", "employee"), policies.Acknowledgments, "PV-1.eve", policies.Acknowledged); err == nil {
			t.Error("what has ended was answered")
		}
		h.ask(0)
		if _, err := h.f.MoveRecord(ctx, ann, people.Register, "fay", record.AnyVersion, people.Active, nil); err != nil {
			t.Fatal(err)
		}
		h.ask(1)
		h.ask(0)
		if again := state("PV-1.fay.3"); again != policies.Asked || state("PV-1.fay") != policies.Missed { // PV-1.fay.2 is another person's
			t.Error(again)
		}
		if err := h.try(as("fay", "employee"), policies.Acknowledgments, "PV-1.fay.3", policies.Acknowledged); err != nil {
			t.Error(err)
		}
	})
}

// What is asked about a text ends with it: what was due before stays missed, whoever
// answered or refused has answered, and the audience is asked about the next text.
func TestWhatIsInForceNoLongerIsAskedNoLonger(t *testing.T) {
	each(t, func(h house) {
		for _, id := range []string{"dan", "eve"} {
			h.person(id)
		}
		h.force()
		h.ask(2)
		h.f.Manual.Advance((policies.DaysToAnswer + 1) * 24 * time.Hour)
		for _, id := range []string{"fay", "guy"} {
			h.person(id)
		}
		h.ask(2) // who have time to answer
		if err := h.try(as("eve", "employee"), policies.Acknowledgments, "PV-1.eve", policies.Refused, "reason", `"No lock."`); err != nil {
			t.Fatal(err)
		}
		if err := h.try(as("guy", "employee"), policies.Acknowledgments, "PV-1.guy", policies.Acknowledged); err != nil {
			t.Fatal(err)
		}
		h.add(ann, policies.Versions, "policy", `"policy/desks"`, "text", quoted(text("Lock it away at noon.")), "procedure", `"wiki/desks"`)
		h.move(ann, "PV-2", policies.InReview)
		h.move(cleo, "PV-2", policies.Approved)
		h.move(ann, "PV-2", policies.InForce, "channels", `["portal"]`)
		h.ask(4)
		for id, want := range map[string]string{
			"PV-1.dan": policies.Missed, "PV-1.eve": policies.Refused, "PV-1.fay": policies.Superseded, "PV-1.guy": policies.Acknowledged,
			"PV-2.dan": policies.Asked, "PV-2.eve": policies.Asked, "PV-2.fay": policies.Asked, "PV-2.guy": policies.Asked,
		} {
			var a policies.Acknowledgment
			v, err := h.get(policies.Acknowledgments, id)
			if err == nil {
				err = json.Unmarshal(v.Doc, &a)
			}
			closed := want == policies.Missed || want == policies.Superseded
			if err != nil || a.State != want || closed != (a.SupersededAt != nil && a.SupersededAt.Equal(*h.version("PV-1").SupersededAt) && strings.Contains(a.Reason, "PV-1")) {
				t.Errorf("%s: %+v (%v), want %s", id, a, err, want)
			}
		}
		if err := h.try(as("fay", "employee"), policies.Acknowledgments, "PV-1.fay", policies.Acknowledged); err == nil {
			t.Error("what is asked no longer was answered")
		}
		if _, err := h.f.Verify(ctx, nil, nil); err != nil {
			t.Error(err)
		}
	})
}
