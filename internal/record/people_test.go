package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

type holder struct {
	ID     string `json:"id"`
	Person string `json:"person,omitempty"`
}

type plan struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Owner      string     `json:"owner,omitempty"`
	Helpers    []string   `json:"helpers,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	State      string     `json:"state"`
	Author     string     `json:"author"`
	Authors    []string   `json:"authors,omitempty"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	ApprovedAt *time.Time `json:"approved_at,omitempty"`
}

var (
	holders = record.Define[holder](record.Definition{Kind: "account", Register: "accounts", Title: "Accounts", Internal: true})
	plans   = record.Define[plan](record.Definition{
		Kind: "plan", Register: "plans", Title: "Plans", States: []string{"draft", "approved", "used"}, Author: "author", Authors: "authors",
		Transitions: []record.Transition{
			{From: "draft", To: "approved", Required: []string{"title"}, Offered: []string{"reason"}, NotBy: []string{"author", "authors", "owner"}, Stamp: []string{"approved_by", "approved_at"}},
			{From: "draft", To: "draft", Called: "Return", Required: []string{"reason"}},
			{From: "approved", To: "draft"},
			{From: "approved", To: "used"},
		},
		Columns: []record.Column{{Field: "title", Label: "Title", Filter: true}},
		Fields: []record.Field{
			{Name: "title", Label: "Title", Required: true}, {Name: "owner", Label: "Owner", Refers: "person"}, {Name: "helpers", Label: "Helpers", Refers: "person"},
			{Name: "reason", Label: "Reason"}, {Name: "authors", Label: "All who wrote in it", Given: true},
			{Name: "approved_by", Label: "Approved by", Given: true}, {Name: "approved_at", Label: "Approved", Given: true},
		},
	})
)

// drafted are plans on which several people work.
type drafted struct {
	testing.TB
	l *ledgertest.Ledger
}

func (d drafted) do(who string, body func(tx *act.Tx) error) error {
	_, err := d.l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", "plans", body)
	return err
}

func (d drafted) add(who, id string, pairs ...string) error {
	return d.do(who, func(tx *act.Tx) error {
		_, err := record.Add(tx, plans, given(append(pairs, "id", id)...))
		return err
	})
}

func (d drafted) set(who, id string, pairs ...string) error {
	return d.do(who, func(tx *act.Tx) error {
		_, err := record.Set(tx, plans, id, record.AnyVersion, given(pairs...))
		return err
	})
}

func (d drafted) move(who, id, state string, pairs ...string) error {
	return d.do(who, func(tx *act.Tx) error {
		_, err := record.Move(tx, plans, id, record.AnyVersion, state, "", given(pairs...))
		return err
	})
}

func (d drafted) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func (d drafted) refused(err error, what string) {
	d.Helper()
	if !errors.Is(err, act.ErrSamePerson) {
		d.Errorf("%s: %v", what, err)
	}
}

func (d drafted) get(id string) (p plan) {
	d.Helper()
	d.must(d.l.DB.Read(context.Background(), func(r *store.Reader) error {
		v, err := record.Get(r, plans.Name, id)
		if err != nil {
			return err
		}
		return json.Unmarshal(v.Doc, &p)
	}))
	return p
}

// given are fields; a value in brackets is JSON.
func given(pairs ...string) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	for i := 0; i < len(pairs); i += 2 {
		if fields[pairs[i]] = json.RawMessage(pairs[i+1]); pairs[i+1] == "" || pairs[i+1][0] != '[' {
			fields[pairs[i]] = json.RawMessage(fmt.Sprintf("%q", pairs[i+1]))
		}
	}
	return fields
}

// Nobody approves what they wrote, whoever began it, and whatever way it came in.
func TestWhoWroteInARecordDoesNotApproveIt(t *testing.T) {
	const ann, ben, cid = "person/ann", "person/ben", "person/cid"
	ledgertest.EachOf(t, record.Kinds{holders, plans}, func(t *testing.T, l *ledgertest.Ledger) {
		d := drafted{t, l}
		wrote := func(id string, want ...string) {
			t.Helper()
			if got := d.get(id).Authors; !slices.Equal(got, want) {
				t.Errorf("%s was written by %v, want %v", id, got, want)
			}
		}
		d.must(d.add(ann, "a", "title", "One"))
		wrote("a", ann)
		d.must(d.set(ben, "a", "title", "Two"))
		d.must(d.set(ben, "a", "title", "Three"))
		wrote("a", ann, ben)
		d.refused(d.move(ann, "a", "approved"), "by who began it")
		d.refused(d.move(ben, "a", "approved"), "by who went on")
		// Nor does an approval bring its own words in.
		var wrong *record.Invalid
		if err := d.move(cid, "a", "approved", "title", "Four"); !errors.As(err, &wrong) || wrong.Fields[0].Field != "title" {
			t.Errorf("approved with another text: %v", err)
		}
		// To send something back, and say why, is not to write it.
		d.must(d.move(cid, "a", "draft", "reason", "unclear"))
		wrote("a", ann, ben)
		d.must(d.move(cid, "a", "approved", "reason", "well said"))
		// What is done with it then has been approved by nobody, and needs nobody.
		d.must(d.set(cid, "a", "helpers", `["person/dan"]`))
		wrote("a", ann, ben)
		// Taken back it has what was approved in it, and what is written from now on.
		d.must(d.move(cid, "a", "draft"))
		wrote("a")
		d.must(d.move(cid, "a", "approved"))
		d.must(d.move(ben, "a", "draft", "title", "Five"))
		wrote("a", ben)
		d.must(d.set(cid, "a", "title", "Six"))
		wrote("a", ben, cid)
		d.refused(d.move(ben, "a", "approved"), "by who changed it when it was taken back")
		d.refused(d.move(cid, "a", "approved"), "by who changed it then")
		d.must(d.move("person/dan", "a", "approved"))

		// An import is no way around it.
		bring := func(who string, p plan, fields map[string]json.RawMessage) {
			t.Helper()
			items := func(yield func(record.Item, error) bool) {
				yield(record.Item{Where: "plans.csv:2", Doc: &p, Fields: fields}, nil)
			}
			in := record.Intake{Door: l.Door, Caller: act.Caller{ID: who, Roles: []string{"administrator"}}, Kind: plans, Action: "test", Update: true}
			if done, err := in.Run(context.Background(), items); err != nil || done.Refused > 0 {
				t.Fatalf("%+v %v", done, err)
			}
		}
		bring(ann, plan{ID: "b", Title: "One", State: "draft", Author: ann}, nil)
		wrote("b", ann)
		bring(ben, plan{ID: "b", Title: "Two", State: "draft", Author: ann}, nil)
		bring(cid, plan{ID: "b", Title: "Three", State: "draft", Author: ann}, given("id", "b", "title", "Three"))
		wrote("b", ann, ben, cid)
		for _, who := range []string{ann, ben, cid} {
			d.refused(d.move(who, "b", "approved"), "by "+who+", who imported it")
		}
	})
}

// A person stands in a record once, whatever account they sign in with.
func TestAPersonIsNotTheirAccount(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{holders, plans}, func(t *testing.T, l *ledgertest.Ledger) {
		d := drafted{t, l}
		account := func(id, person string, version int) {
			d.must(d.do("person/root", func(tx *act.Tx) error {
				_, err := record.Put(tx, holders, record.Change{Verb: "created", ID: id, Doc: holder{id, person}, Expect: version - 1})
				return err
			}))
		}
		account("ben", "person/E2", 1)
		account("nobody", "", 1)
		account("late", "", 1)
		d.must(d.add("person/E1", "a", "title", "One", "owner", "account/ben", "helpers", `["account/ben","account/nobody","person/E3"]`))
		if p := d.get("a"); p.Owner != "person/E2" || !slices.Equal(p.Helpers, []string{"person/E2", "account/nobody", "person/E3"}) {
			t.Errorf("it names %s and %v", p.Owner, p.Helpers)
		}
		d.refused(d.move("person/E2", "a", "approved"), "by the owner, who was named by an account")
		// An account that got its person later is theirs, too.
		d.must(d.add("person/E1", "b", "title", "One", "owner", "account/late"))
		account("late", "person/E5", 2)
		if p := d.get("b"); p.Owner != "account/late" {
			t.Errorf("it names %s", p.Owner)
		}
		d.refused(d.move("person/E5", "b", "approved"), "by the owner of an account that was given them later")
		d.must(d.move("person/E2", "b", "approved"))
		if p := d.get("b"); p.Owner != "account/late" || p.ApprovedBy != "person/E2" {
			t.Errorf("approving changed the owner to %s (%s)", p.Owner, p.ApprovedBy)
		}
	})
}
