package systems_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/operations/systems"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// kinds are all registers of the domain.
var kinds = record.Kinds{systems.Register, systems.Assets, systems.DataSets, systems.Disposals, systems.Media, systems.Copies}

// beside are those that the rules of one read.
func beside(kind *record.Kind) record.Kinds {
	return slices.DeleteFunc(slices.Clone(kinds), func(k *record.Kind) bool { return k == kind })
}

// put writes a record as it is, without the rules.
func put(tx *act.Tx, kind *record.Kind, id, doc string) error {
	_, err := record.Put(tx, kind, record.Change{Verb: "added", ID: id, Doc: json.RawMessage(doc)})
	return err
}

const (
	approved = `"boundary":"All of it","owner":"person/owner","data":["confidential"],"criticality":"high"`
	asset    = `{"name":"Laptop 7","kind":"device","owner":"person/other"}`
	dataSet  = `{"title":"Customer files","owner":"person/other","class":"confidential","store":"db","store_class":"confidential","retention":"8760h","retention_from":"the end of the contract"}`
)

// seed has a set of data whose owner is person/other, and an asset with confidential
// data.
func seed(tx *act.Tx) error {
	return errors.Join(
		put(tx, systems.DataSets, "DS-1", `{"id":"DS-1","title":"Files","owner":"person/other","class":"confidential","personal":false,"state":"in_use","proposed_by":"person/x"}`),
		put(tx, systems.Assets, "AST-1", `{"id":"AST-1","name":"Laptop","kind":"device","owner":"person/other","data_class":"confidential","state":"in_use","listed_by":"person/x"}`),
	)
}

func TestSystems(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: systems.Register, New: `{"name":"Secrets","purpose":"Keeps them",` + approved + `}`, Set: `{"primary":true}`,
		With: beside(systems.Register),
		Refused: map[string]string{
			"id": `{"id":"Secrets"}`, "owner": `{"owner":"Ada"}`, "data": `{"data":["secretish"]}`, "criticality": `{"criticality":"x"}`,
			"depends_on": `{"depends_on":["system/none"]}`, "name": `{"name":"` + strings.Repeat("x", 10001) + `"}`,
		},
	})
}

func TestAssets(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: systems.Assets, New: asset, Set: `{"location":"Berlin"}`, With: beside(systems.Assets),
		Fields: map[string]string{
			"in_use in_use": `{"data_class":"internal","flows":["none"]}`, "in_use retired": `{"ended":"Wiped and sold"}`,
		},
		GuardFalse: map[string]string{"in_use in_use": `{"data_class":"internal","flows":["none"],"owner":"person/author"}`},
		Refused:    map[string]string{"kind": `{"kind":"spoon"}`, "flows": `{"flows":["none","Mail"]}`, "scopes": `{"scopes":["read"]}`, "system": `{"system":"audit"}`},
	})
}

func TestDataSets(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: systems.DataSets, New: dataSet, Set: `{"location":"Berlin"}`, With: beside(systems.DataSets),
		Seed: func(tx *act.Tx) error {
			for i := range 30 {
				id := fmt.Sprintf("DSP-%d", i+1)
				if err := put(tx, systems.Disposals, id, fmt.Sprintf(`{"id":%q,"data":"data_set/DS-%d","what":"All","whole":true,"owner":"person/x","state":"witnessed"}`, id, i+1)); err != nil {
					return err
				}
			}
			return nil
		},
		GuardFalse: map[string]string{"in_use in_use": `{"owner":"person/author"}`},
		Refused:    map[string]string{"class": `{"class":"internal","personal":true}`, "store_class": `{"store_class":"public"}`, "title": `{"title":" "}`},
	})
}

func TestDisposals(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: systems.Disposals, New: `{"data":"data_set/DS-1","what":"Files of 2020","due_at":"2026-01-01T00:00:00Z","owner":"person/owner"}`, Set: `{"whole":true}`,
		With: beside(systems.Disposals), Seed: seed,
		Fields: map[string]string{
			"due done": `{"method":"purge","technique":"The key was destroyed","done_at":"2026-01-09T00:00:00Z","backups_until":"2026-01-09T00:00:00Z","certificate":"The log"}`,
			"due held": `{"hold":"Ordered for a case"}`,
		},
		Refused: map[string]string{"data": `{"data":"data_set/DS-9"}`, "method": `{"method":"delete"}`, "due_at": `{"due_at":null}`},
	})
}

func TestMediaDisposals(t *testing.T) {
	wiped := `{"method":"destroy","technique":"Shredded","wiped_at":"2026-01-09T00:00:00Z","proof":"The certificate"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: systems.Media, New: `{"asset":"asset/AST-1","destination":"scrap"}`, Set: `{"destination":"sold"}`,
		With: beside(systems.Media), Seed: seed,
		Fields:     map[string]string{"planned wiped": wiped, "wiped left": `{"left_at":"2026-01-10T00:00:00Z"}`, "planned left": `{"left_at":"2026-01-10T00:00:00Z"}`},
		GuardFalse: map[string]string{"planned withdrawn left_at": `{"left_at":"2026-01-10T00:00:00Z","withdrawn_reason":"x"}`},
		Refused:    map[string]string{"asset": `{"asset":"asset/AST-9"}`, "destination": `{"destination":"the moon"}`, "method": `{"method":"anonymise"}`},
	})
}

func TestCopies(t *testing.T) {
	copied := `{"copied_at":"2026-01-09T00:00:00Z"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: systems.Copies, New: `{"data":"data_set/DS-1","purpose":"Look into a mistake","to":"test","masked":true}`, Set: `{"encrypted":true}`,
		With: beside(systems.Copies), Seed: seed,
		Fields: map[string]string{
			"requested approved": `{"until":"2026-05-01T00:00:00Z"}`, "requested copied": copied, "approved copied": copied,
			"copied destroyed": `{"destroyed_at":"2026-02-09T00:00:00Z","masking":"No names in ten rows"}`, "copied copied": `{"masking":"No names in ten rows"}`,
		},
		GuardFalse: map[string]string{
			"copied destroyed masking":      `{"destroyed_at":"2026-02-09T00:00:00Z"}`,
			"requested withdrawn copied_at": `{"copied_at":"2026-01-09T00:00:00Z","withdrawn_reason":"x"}`, "approved withdrawn copied_at": `{"copied_at":"2026-01-09T00:00:00Z","withdrawn_reason":"x"}`,
		},
		Refused: map[string]string{"data": `{"data":"data_set/DS-9"}`, "destroyed_at": `{"copied_at":"2026-01-09T00:00:00Z","destroyed_at":"2026-01-08T00:00:00Z"}`},
	})
}

// desk is the registers of the domain on one database.
type desk struct {
	*testing.T
	l *ledgertest.Ledger
}

func each(t *testing.T, body func(d *desk)) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		if err := l.Door.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := kinds.Adopt(context.Background(), l.DB); err != nil {
			t.Fatal(err)
		}
		l.OpenDoor(t)
		body(&desk{t, l})
		l.Verify(t, kinds)
	})
}

func (d *desk) do(who string, body func(*act.Tx) error) error {
	_, err := d.l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", "systems", body)
	return err
}

func (d *desk) fields(text string) (all map[string]json.RawMessage) {
	d.Helper()
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		d.Fatal(err)
	}
	return all
}

// says holds that an error says something; nothing: that there is none.
func (d *desk) says(what string, err error, want string) {
	d.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		d.Errorf("%s: %v, want %q", what, err, want)
	}
}

func (d *desk) add(who string, kind *record.Kind, text, want string) {
	d.Helper()
	d.says(text, d.do(who, func(tx *act.Tx) error { _, err := record.Add(tx, kind, d.fields(text)); return err }), want)
}

func (d *desk) set(who string, kind *record.Kind, id, text, want string) {
	d.Helper()
	d.says(id+" "+text, d.do(who, func(tx *act.Tx) error {
		_, err := record.Set(tx, kind, id, record.AnyVersion, d.fields(text))
		return err
	}), want)
}

func (d *desk) move(who string, kind *record.Kind, id, state, text, want string) {
	d.Helper()
	d.says(id+" to "+state, d.do(who, func(tx *act.Tx) error {
		permission, err := record.Permission(&tx.Reader, kind, id, state)
		if err == nil {
			_, err = record.Move(tx, kind, id, record.AnyVersion, state, permission, d.fields(text))
		}
		return err
	}), want)
}

// holds is that a field of a record has a value; empty: none.
func (d *desk) holds(kind *record.Kind, id, field, want string) {
	d.Helper()
	if err := d.l.DB.Read(context.Background(), func(r *store.Reader) error {
		v, err := record.Get(r, kind.Name, id)
		if err == nil {
			if got := string(d.fields(string(v.Doc))[field]); got != want {
				d.Errorf("%s: %s is %s, want %q", id, field, got, want)
			}
		}
		return err
	}); err != nil {
		d.Fatal(err)
	}
}

func TestNoSystemDependsOnItself(t *testing.T) {
	each(t, func(d *desk) {
		system := func(id, needs string) string {
			return fmt.Sprintf(`{"id":%q,"name":"n","purpose":"p",%s,"depends_on":[%s]}`, id, approved, needs)
		}
		d.add("person/a", systems.Register, system("a", ""), "")
		d.set("person/a", systems.Register, "a", `{"depends_on":["system/a"]}`, "goes round in a circle: a needs a")
		d.add("person/a", systems.Register, system("b", `"system/a"`), "")
		d.add("person/a", systems.Register, system("c", `"system/a","system/b"`), "")
		d.add("person/a", systems.Register, system("d", `"system/c","system/a"`), "")
		d.set("person/a", systems.Register, "a", `{"depends_on":["system/d"]}`, "goes round in a circle: a needs d needs c needs a")
		d.set("person/a", systems.Register, "b", `{"depends_on":["system/c"]}`, "goes round in a circle: b needs c needs b")
		d.set("person/a", systems.Register, "b", `{"depends_on":["system/a","system/x"]}`, "system/x names no record")
		d.set("person/a", systems.Register, "b", `{"depends_on":[]}`, "")
		d.set("person/a", systems.Register, "a", `{"depends_on":["system/b"]}`, "")
	})
}

func TestWhatWasApprovedOfASystemStays(t *testing.T) {
	each(t, func(d *desk) {
		d.add("person/a", systems.Register, `{"id":"a","name":"n","purpose":"p",`+approved+`}`, "")
		d.add("person/a", systems.Register, `{"id":"b","name":"n","purpose":"p",`+approved+`,"depends_on":["system/a"]}`, "")
		for _, id := range []string{"a", "b"} {
			d.move("person/a", systems.Register, id, "in_use", `{}`, act.ErrSamePerson.Error())
			d.move("person/owner", systems.Register, id, "in_use", `{}`, act.ErrSamePerson.Error())
			d.move("person/b", systems.Register, id, "in_use", `{}`, "")
		}
		for _, change := range []string{`{"boundary":"Less"}`, `{"owner":"person/a"}`, `{"criticality":"low"}`, `{"data":["public"]}`} {
			d.set("person/a", systems.Register, "a", change, "were approved")
		}
		d.set("person/a", systems.Register, "a", `{"name":"m"}`, "stands as it was when the record became in use")
		d.set("person/a", systems.Register, "a", `{"vendors":[]}`, "nothing would change")
		d.move("person/b", systems.Register, "a", "retired", `{}`, "system/b depends on it")
		d.move("person/b", systems.Register, "b", "retired", `{}`, "")
		d.move("person/b", systems.Register, "a", "retired", `{}`, "")
	})
}

func TestWhatOtherRecordsSay(t *testing.T) {
	each(t, func(d *desk) {
		d.add("person/a", systems.DataSets, dataSet, "")
		d.move("person/b", systems.DataSets, "DS-1", "in_use", `{}`, "")
		d.set("person/a", systems.DataSets, "DS-1", `{"class":"public"}`, "class and retention were approved")
		d.set("person/a", systems.DataSets, "DS-1", `{"retention":"1h"}`, "class and retention were approved")
		d.set("person/a", systems.DataSets, "DS-1", `{"store":"bucket"}`, "with the move Review")

		// A set ends when all of it was disposed of, before a witness.
		d.move("person/b", systems.DataSets, "DS-1", "ended", `{}`, "no witnessed disposal of the whole of DS-1")
		d.add("person/a", systems.Disposals, `{"data":"data_set/DS-1","what":"All","whole":true,"due_at":"2026-01-01T00:00:00Z","owner":"person/owner"}`, "")
		end := `{"method":"purge","technique":"Key destroyed","done_at":"%s","backups_until":"2026-01-09T00:00:00Z","certificate":"c"}`
		d.move("person/a", systems.Disposals, "DSP-1", "done", fmt.Sprintf(end, "2036-01-01T00:00:00Z"), "is in the future")
		d.move("person/a", systems.Disposals, "DSP-1", "done", fmt.Sprintf(end, "2026-01-09T00:00:00Z"), "")
		d.set("person/a", systems.Disposals, "DSP-1", `{"method":"clear"}`, "is witnessed as it was said")
		d.move("person/b", systems.DataSets, "DS-1", "ended", `{}`, "no witnessed disposal")
		d.move("person/a", systems.Disposals, "DSP-1", "witnessed", `{}`, act.ErrSamePerson.Error())
		d.move("person/b", systems.Disposals, "DSP-1", "witnessed", `{}`, "")
		d.set("person/a", systems.Disposals, "DSP-1", `{"what":"Some"}`, "it stays as it was")
		d.move("person/b", systems.DataSets, "DS-1", "ended", `{}`, "")
		d.set("person/a", systems.DataSets, "DS-1", `{"title":"x"}`, "it stays as it was")

		// What held confidential data is purged or destroyed before it leaves.
		d.add("person/a", systems.Assets, `{"name":"Laptop 7","kind":"device","owner":"person/a","data_class":"confidential"}`, "")
		d.add("person/a", systems.Media, `{"asset":"asset/AST-1","destination":"sold"}`, "")
		wiped := `{"method":"%s","technique":"t","wiped_at":"2026-01-09T00:00:00Z","proof":"p"}`
		d.move("person/a", systems.Media, "MED-1", "wiped", fmt.Sprintf(wiped, "clear"), "it held confidential data: purge or destroy it")
		d.move("person/a", systems.Media, "MED-1", "wiped", fmt.Sprintf(wiped, "purge"), "")
		d.set("person/a", systems.Media, "MED-1", `{"proof":"q"}`, "stays as it was said")
		d.move("person/a", systems.Media, "MED-1", "left", `{"left_at":"2026-01-10T00:00:00Z"}`, act.ErrSamePerson.Error())
		d.move("person/b", systems.Media, "MED-1", "left", `{"left_at":"2026-01-10T00:00:00Z"}`, "")

		// A copy is approved by who owns the data, and stays what was approved.
		d.add("person/a", systems.DataSets, dataSet, "")
		d.add("person/a", systems.Copies, `{"data":"data_set/DS-2","purpose":"p","to":"test"}`, "")
		d.move("person/b", systems.Copies, "CPY-1", "approved", `{"until":"2026-05-01T00:00:00Z"}`, "person/other owns the data")
		d.move("person/other", systems.Copies, "CPY-1", "approved", `{"until":"2026-05-01T00:00:00Z"}`, "")
		d.set("person/a", systems.Copies, "CPY-1", `{"to":"a laptop"}`, "stay as they are")
		d.move("person/a", systems.Copies, "CPY-1", "copied", `{"copied_at":"2026-03-02T00:00:00Z","until":"2027-05-01T00:00:00Z"}`, "stay as they are")
		d.move("person/a", systems.Copies, "CPY-1", "copied", `{"copied_at":"2026-03-02T00:00:00Z"}`, "")
		// That it is gone, or masked, is not for who asked for it to confirm.
		d.move("person/b", systems.Copies, "CPY-1", "copied", `{"masking":"No names"}`, "it was copied as it is")
		d.set("person/a", systems.Copies, "CPY-1", `{"destroyed_at":"2026-03-02T08:00:00Z"}`, "")
		d.move("person/a", systems.Copies, "CPY-1", "destroyed", `{}`, act.ErrSamePerson.Error())
		d.move("person/b", systems.Copies, "CPY-1", "destroyed", `{}`, "")
		d.holds(systems.Copies, "CPY-1", "confirmed_by", `"person/b"`)
		// In the minute of its approval, as a form says times.
		d.l.Clock.Set(time.Date(2026, 3, 10, 9, 0, 40, 0, time.UTC))
		for i, at := range []string{"2026-03-10T09:00:00Z", "2026-03-10T08:59:00Z"} {
			id := fmt.Sprintf("CPY-%d", i+2)
			d.add("person/a", systems.Copies, `{"data":"data_set/DS-2","purpose":"p","to":"test"}`, "")
			d.move("person/other", systems.Copies, id, "approved", `{"until":"2026-05-01T00:00:00Z"}`, "")
			d.move("person/a", systems.Copies, id, "copied", `{"copied_at":"`+at+`"}`, "")
		}
		for id, want := range map[string]string{"CPY-2": `"2026-03-10T09:00:40Z"`, "CPY-3": `"2026-03-10T08:59:00Z"`} {
			d.holds(systems.Copies, id, "copied_at", want)
		}
	})
}

// round is what is asked of the items of a source.
type round struct {
	ID          string     `json:"id"`
	Owner       string     `json:"owner"`
	ConfirmedAt *time.Time `json:"confirmed_at"`
	ReviewedAt  *time.Time `json:"reviewed_at"`
	DueAt       time.Time  `json:"due_at"`
}

// rounds are the items of a source that fall due between two days, by id: the owner,
// and the day when it was done.
func (d *desk) rounds(source, from, to string) string {
	d.Helper()
	var all []string
	if err := d.l.DB.Read(context.Background(), func(r *store.Reader) error {
		return populations.Items(populations.Stored(r), kinds.Derived(source), 0, day(from), day(to), func(doc []byte) error {
			one := round{}
			if err := json.Unmarshal(doc, &one); err != nil {
				return err
			}
			done := "never"
			for _, at := range []*time.Time{one.ConfirmedAt, one.ReviewedAt} {
				if at != nil {
					done = at.Format(time.DateOnly)
				}
			}
			all = append(all, fmt.Sprintf("%s %s %s", one.ID, one.Owner, done))
			if due := one.DueAt; due.Before(day(from)) || !due.Before(day(to)) {
				d.Errorf("%s is due at %s", one.ID, due)
			}
			return nil
		})
	}); err != nil {
		d.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

// Every quarter while an asset is on the list is an item, whether somebody has
// confirmed it or not; who is late does not move the next one.
func TestEveryQuarterOfAnAssetIsOwed(t *testing.T) {
	each(t, func(d *desk) {
		d.l.Clock.Set(day("2026-02-10"))
		for range 3 {
			d.add("person/a", systems.Assets, asset, "")
		}
		confirm := `{"data_class":"internal","flows":["none"]}`
		d.move("person/a", systems.Assets, "AST-1", "in_use", confirm, "the owner confirms it, in their own name")
		d.move("person/other", systems.Assets, "AST-1", "in_use", confirm, "")
		d.l.Clock.Set(day("2026-04-09"))
		d.move("person/other", systems.Assets, "AST-2", "in_use", confirm, "")
		d.set("person/a", systems.Assets, "AST-1", `{"owner":"person/new"}`, "")
		d.l.Clock.Set(day("2026-05-01"))
		d.move("person/new", systems.Assets, "AST-1", "in_use", `{}`, "")
		d.move("person/other", systems.Assets, "AST-3", "retired", `{"ended":"Sold"}`, "")
		d.set("person/other", systems.Assets, "AST-3", `{"name":"x"}`, "it stays as it was")
		for span, want := range map[[2]string]string{
			{"2026-01-01", "2026-04-01"}: "AST-1@2026-Q1 person/other 2026-02-10, AST-2@2026-Q1 person/other 2026-04-09, AST-3@2026-Q1 person/other never",
			{"2026-04-01", "2026-07-01"}: "AST-1@2026-Q2 person/new 2026-05-01, AST-2@2026-Q2 person/other never",
			{"2025-01-01", "2026-01-01"}: "",
		} {
			if got := d.rounds("asset_confirmations", span[0], span[1]); got != want {
				t.Errorf("%v: %s\nwant %s", span, got, want)
			}
		}
	})
}

func TestEveryQuarterOfASetOfDataIsOwed(t *testing.T) {
	each(t, func(d *desk) {
		d.l.Clock.Set(day("2026-01-10"))
		d.add("person/a", systems.DataSets, dataSet, "")
		d.l.Clock.Set(day("2026-04-10"))
		d.move("person/b", systems.DataSets, "DS-1", "in_use", `{}`, "")
		d.move("person/b", systems.DataSets, "DS-1", "in_use", `{}`, "the owner reviews it, in their own name")
		d.move("person/other", systems.DataSets, "DS-1", "in_use", `{}`, "")
		// What is approved again is owed all the same.
		d.move("person/a", systems.DataSets, "DS-1", "proposed", `{"class":"restricted"}`, "")
		d.l.Clock.Set(day("2026-10-10"))
		d.move("person/b", systems.DataSets, "DS-1", "in_use", `{}`, "")
		d.move("person/other", systems.DataSets, "DS-1", "in_use", `{}`, "")
		want := "DS-1@2026-Q2 person/other 2026-04-10, DS-1@2026-Q3 person/other 2026-10-10, DS-1@2026-Q4 person/other never"
		if got := d.rounds("data_set_reviews", "2026-01-01", "2027-01-01"); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}

func TestAHoldStopsADisposalAndItsEndBeginsIt(t *testing.T) {
	each(t, func(d *desk) {
		if err := d.do("person/a", seed); err != nil {
			t.Fatal(err)
		}
		d.add("person/a", systems.Disposals, `{"data":"data_set/DS-1","what":"All","due_at":"2026-01-01T00:00:00Z","owner":"person/owner"}`, "")
		d.move("person/owner", systems.Disposals, "DSP-1", "held", `{"hold":"A case"}`, act.ErrSamePerson.Error())
		d.move("person/b", systems.Disposals, "DSP-1", "held", `{"hold":"A case"}`, "")
		d.l.Clock.Set(day("2026-09-01"))
		d.move("person/b", systems.Disposals, "DSP-1", "due", `{}`, "")
		var disposal systems.Disposal
		if err := d.l.DB.Read(context.Background(), func(r *store.Reader) error {
			v, err := record.Get(r, systems.Disposals.Name, "DSP-1")
			if err != nil {
				return err
			}
			return json.Unmarshal(v.Doc, &disposal)
		}); err != nil {
			t.Fatal(err)
		}
		if !disposal.DueAt.Equal(day("2026-09-01")) || disposal.Hold != "" || disposal.HeldBy != "" {
			t.Errorf("%+v", disposal)
		}
	})
}

// What is held is not tested: nobody takes a disposal out by an order that they enter with
// another move. Whoever did it says when, each time that they say it was done.
func TestADisposalIsHeldAndDoneByItsMovesAlone(t *testing.T) {
	each(t, func(d *desk) {
		if err := d.do("person/a", seed); err != nil {
			t.Fatal(err)
		}
		end := `{"method":"purge","technique":"Key destroyed","done_at":"2026-01-09T00:00:00Z","backups_until":"2026-01-09T00:00:00Z","certificate":"c"%s}`
		d.add("person/a", systems.Disposals, `{"data":"data_set/DS-1","what":"All","due_at":"2026-01-01T00:00:00Z","owner":"person/owner","hold":"A case"}`, "hold: is given")
		d.add("person/a", systems.Disposals, `{"data":"data_set/DS-1","what":"All","due_at":"2026-01-01T00:00:00Z","owner":"person/owner"}`, "")
		d.set("person/owner", systems.Disposals, "DSP-1", `{"hold":"A case"}`, "hold: is given")
		d.set("person/owner", systems.Disposals, "DSP-1", `{"done_at":"2026-01-02T00:00:00Z"}`, "nothing would change")
		d.move("person/owner", systems.Disposals, "DSP-1", "done", fmt.Sprintf(end, `,"hold":"A case"`), "hold: is given")
		d.move("person/owner", systems.Disposals, "DSP-1", "done", fmt.Sprintf(end, ""), "")
		d.move("person/b", systems.Disposals, "DSP-1", "due", `{}`, "")
		d.holds(systems.Disposals, "DSP-1", "done_at", "")
		d.move("person/owner", systems.Disposals, "DSP-1", "done", `{"technique":"Shredded"}`, "done_at: is needed")
		d.move("person/owner", systems.Disposals, "DSP-1", "done", `{"done_at":"2026-02-20T00:00:00Z"}`, "")
		d.holds(systems.Disposals, "DSP-1", "done_at", `"2026-02-20T00:00:00Z"`)
	})
}

// An order ends with the hold, and what was done with its return.
func TestWhatBelongsToAStateOfADisposalEndsWithIt(t *testing.T) {
	for state, want := range map[string]systems.Disposal{
		"due": {State: "due"}, "done": {State: "done", DoneAt: new(day("2026-01-09"))}, "held": {State: "held", Hold: "A case", HeldBy: "person/b"},
	} {
		got := systems.Disposal{State: state, Hold: "A case", HeldBy: "person/b", DoneAt: new(day("2026-01-09"))}
		got.Compute()
		if got.Hold != want.Hold || got.HeldBy != want.HeldBy || (got.DoneAt == nil) != (want.DoneAt == nil) {
			t.Errorf("%s: %+v", state, got)
		}
	}
}

// What was confirmed several times in a quarter counted for quarters to come, before.
func TestDocumentsOfBeforeLoseWhatWasConfirmedAhead(t *testing.T) {
	entry := func(round, due, at string) string {
		return fmt.Sprintf(`{"at":"%sT00:00:00Z","by":"person/a","due_at":"%sT00:00:00Z","round":"%s"}`, at, due, round)
	}
	q1, q3 := entry("2026-Q1", "2026-03-31", "2026-02-02"), entry("2026-Q3", "2026-09-30", "2026-07-01")
	for name, test := range map[string]struct{ was, due, want, next string }{
		"none":     {`[]`, `"2026-03-31T00:00:00Z"`, `[]`, `"2026-03-31T00:00:00Z"`},
		"each own": {`[` + q1 + `]`, `"2026-06-30T00:00:00Z"`, `[` + q1 + `]`, `"2026-06-30T00:00:00Z"`},
		"late":     {`[` + entry("2026-Q1", "2026-03-31", "2026-07-01") + `]`, `"2026-06-30T00:00:00Z"`, `[` + entry("2026-Q1", "2026-03-31", "2026-07-01") + `]`, `"2026-06-30T00:00:00Z"`},
		"ahead":    {`[` + q1 + `,` + entry("2026-Q2", "2026-06-30", "2026-02-03") + `,` + q3 + `]`, `"2026-12-31T00:00:00Z"`, `[` + q1 + `,` + entry("2026-Q2", "2026-06-30", "2026-07-01") + `]`, `"2026-09-30T00:00:00Z"`},
		"given up": {`[` + q1 + `,` + entry("2026-Q2", "2026-06-30", "2026-02-03") + `]`, `null`, `[` + q1 + `]`, `null`},
	} {
		for list, of := range map[string]struct {
			kind  *record.Kind
			since string
		}{"confirmations": {systems.Assets, "listed_at"}, "reviews": {systems.DataSets, "in_use_from"}} {
			fields, want := map[string]any{}, map[string]any{}
			document := `{%q:%s,"due_at":%s,%q:"2026-01-05T00:00:00Z"}`
			if err := errors.Join(json.Unmarshal(fmt.Appendf(nil, document, list, test.was, test.due, of.since), &fields), json.Unmarshal(fmt.Appendf(nil, document, list, test.want, test.next, of.since), &want)); err != nil {
				t.Fatal(err)
			}
			if err := of.kind.Migrations[0].Change(fields); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got, err := json.Marshal(fields)
			if wanted, _ := json.Marshal(want); err != nil || string(got) != string(wanted) {
				t.Errorf("%s of %s: %s, %v\nwant %s", name, list, got, err, wanted)
			}
		}
	}
}
