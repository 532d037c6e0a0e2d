package continuity_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/continuity"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const plan = `{"function":"The API","owner":"person/owner","deputy":"person/deputy","recovery_time":"4h","recovery_point":"1h","steps":"Restore it","kept_at":"On paper"}`

// seed has the plans PLN-1 ... in force, which want four hours and lose one.
func seed(tx *act.Tx) error {
	hours := func(text record.Duration) *record.Duration { return &text }
	_, err := record.Put(tx, continuity.Plans, record.Change{Verb: "added", ID: "PLN-1", Doc: &continuity.Plan{
		ID: "PLN-1", Function: "The API", Owner: "person/owner", Deputy: "person/deputy", WrittenBy: "person/x", State: continuity.InForce,
		RecoveryTime: hours("4h"), RecoveryPoint: hours("1h"),
	}})
	return err
}

// wrongly is why something is done again.
const wrongly = `{"returned_why":"It was the copy of another day"}`

var withPlans = record.Kinds{continuity.Plans}

func TestPlans(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: continuity.Plans, New: plan, Set: `{"kept_at":"In the safe"}`,
		Refused: map[string]string{"deputy": `{"deputy":"person/owner"}`, "owner": `{"owner":"Ada"}`, "function": `{"function":" "}`},
	})
}

func TestTrials(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: continuity.Trials, New: `{"owner":"person/owner","store":"The database"}`, Set: `{"note":"On Monday"}`, With: withPlans, Seed: seed,
		ID: func(n int) string { return fmt.Sprintf("RT-PLN-1-20%02d-Q%d", 10+n/4, 1+n%4) },
		Fields: map[string]string{
			"planned done": `{"started_at":"2026-01-05T09:00:00Z","restored_at":"2026-01-05T11:00:00Z","data_until":"2026-01-05T08:30:00Z","whole":true}`,
			"done planned": wrongly, "reviewed planned": wrongly,
		},
		Refused: map[string]string{
			"id": `{"id":"RT-PLN-1-2026"}`, "restored_at": `{"started_at":"2026-01-05T09:00:00Z","restored_at":"2026-01-05T08:00:00Z"}`,
			"data_until": `{"started_at":"2026-01-05T09:00:00Z","data_until":"2026-01-05T10:00:00Z"}`,
		},
	})
}

func TestPractices(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: continuity.Practices, New: `{"owner":"person/owner","scenario":"The region is gone"}`, Set: `{"scenario":"The supplier is gone"}`, With: withPlans, Seed: seed,
		ID: func(n int) string { return fmt.Sprintf("PP-PLN-1-20%02d", 10+n) },
		Fields: map[string]string{
			"planned done":  `{"practised_at":"2026-01-05T09:00:00Z","participants":["person/owner"],"result":"It took an hour","findings":2}`,
			"done reviewed": `{"findings_in_plan":2}`, "done planned": wrongly, "reviewed planned": wrongly,
		},
		GuardFalse: map[string]string{"done reviewed findings_in_plan": `{"findings_in_plan":1}`},
		Refused:    map[string]string{"id": `{"id":"PP-PLN-1-2026-Q1"}`, "findings": `{"findings":-1}`, "practised_at": `{"practised_at":"2009-12-31T20:00:00Z"}`},
	})
}

func TestCapacityReviews(t *testing.T) {
	done := `{"demand":"A launch in May","resources":[{"what":"The disk","measured":"400 of 800 GB","enough_until":"2031-01-31T00:00:00Z"},{"what":"Workers","measured":"9 of 12","decision":"%s"}]}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: continuity.CapacityReviews, New: `{"owner":"person/owner"}`, Set: `{"owner":"person/other"}`, With: withPlans, Seed: seed,
		ID:         func(n int) string { return fmt.Sprintf("CPR-PLN-1-20%02d-Q%d", 10+n/4, 1+n%4) },
		Fields:     map[string]string{"planned done": fmt.Sprintf(done, "Four more in April"), "done planned": wrongly, "reviewed planned": wrongly},
		GuardFalse: map[string]string{"planned done resources": fmt.Sprintf(done, " ")},
		Refused:    map[string]string{"id": `{"id":"CPR-PLN-1-2026"}`, "resources[0].measured": `{"resources":[{"what":"The disk","measured":" "}]}`},
	})
}

// What is not enough until the end of the next quarter is counted, and so is that of which
// nobody says it.
func TestWhatIsNotEnoughIsCounted(t *testing.T) {
	day := func(text string) *time.Time {
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return &at
	}
	c := &continuity.CapacityReview{ID: "CPR-PLN-1-2026-Q4", Resources: []continuity.Resource{
		{What: "a", EnoughUntil: day("2027-03-31")}, {What: "b", EnoughUntil: day("2027-03-30")}, {What: "c"}, {What: "d", EnoughUntil: day("2026-01-01"), Decision: "Bought"}, {What: "e", Decision: " "},
	}}
	c.Compute()
	if c.Plan != "continuity_plan/PLN-1" || c.Quarter != "2026-Q4" || *c.Short != 4 || *c.ShortDecided != 1 {
		t.Errorf("%s %s: %d short, %d decided", c.Plan, c.Quarter, *c.Short, *c.ShortDecided)
	}
}

// What is returned is not done, and who did and reviewed it is in the history.
func TestWhatIsReturnedIsNotDone(t *testing.T) {
	at, n := time.Now(), 2
	again := continuity.Returned{ReturnedWhy: "It was another plan's", ReturnedBy: "person/b"}
	trial := &continuity.Trial{ID: "RT-PLN-1-2026-Q1", State: continuity.Planned, DoneAt: &at, DoneBy: "person/a", ReviewedAt: &at, ReviewedBy: "person/b", Returned: again}
	if trial.Compute(); trial.DoneAt != nil || trial.DoneBy != "" || trial.ReviewedAt != nil || trial.ReviewedBy != "" || trial.ReturnedBy != "person/b" {
		t.Errorf("%+v", trial)
	}
	practice := &continuity.Practice{ID: "PP-PLN-1-2026", State: continuity.Planned, PractisedAt: &at, PractisedBy: "person/a", ReviewedAt: &at, ReviewedBy: "person/b", FindingsInPlan: &n, Returned: again}
	practice.Compute()
	before := *practice
	before.State = continuity.Reviewed
	if err := practice.Before(nil, &before); err != nil || practice.PractisedAt != nil || practice.PractisedBy != "" || practice.ReviewedAt != nil || practice.ReviewedBy != "" || practice.FindingsInPlan != nil {
		t.Errorf("%v %+v", err, practice)
	}
	capacity := &continuity.CapacityReview{ID: "CPR-PLN-1-2026-Q1", State: continuity.Planned, DoneAt: &at, DoneBy: "person/a", ReviewedAt: &at, ReviewedBy: "person/b"}
	if capacity.Compute(); capacity.DoneAt != nil || capacity.DoneBy != "" || capacity.ReviewedAt != nil || capacity.ReviewedBy != "" {
		t.Errorf("%+v", capacity)
	}
}

// What was done before a round began is none of it.
func TestATrialAndAPracticeAreOfTheirRound(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{continuity.Plans, continuity.Trials, continuity.Practices}, func(t *testing.T, l *ledgertest.Ledger) {
		_, err := l.Do(context.Background(), act.Caller{ID: "person/owner", Roles: []string{"administrator"}}, "test", "test", func(tx *act.Tx) error { return seed(tx) })
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			kind          *record.Kind
			id, doc, with string
			want          string
		}{
			{continuity.Trials, "RT-PLN-1-2025-Q4", `"store":"db"`, `{"started_at":"2020-11-27T12:00:00Z","restored_at":"2020-11-27T13:00:00Z","data_until":"2020-11-27T11:00:00Z","whole":true}`, "started_at: is on 2020-11-27, and this is the one of 2025-Q4, which began on 2025-10-01"},
			{continuity.Practices, "PP-PLN-1-2025", `"scenario":"s"`, `{"practised_at":"2019-01-01T00:00:00Z","participants":["person/owner"],"result":"r","findings":0}`, "practised_at: is on 2019-01-01, and this is the one of 2025, which began on 2025-01-01"},
		} {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/owner", Roles: []string{"administrator"}}, "test", "test", func(tx *act.Tx) error {
				if _, err := record.Put(tx, c.kind, record.Change{Verb: "put", ID: c.id, Doc: json.RawMessage(`{"id":"` + c.id + `","owner":"person/owner","state":"planned",` + c.doc + `}`)}); err != nil {
					return err
				}
				fields := map[string]json.RawMessage{}
				if err := json.Unmarshal([]byte(c.with), &fields); err != nil {
					return err
				}
				_, err := record.Move(tx, c.kind, c.id, record.AnyVersion, continuity.Done, "", fields)
				return err
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.id, err, c.want)
			}
		}
	})
}

func TestBackups(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: continuity.Backups, New: `{"store":"db","due_at":"2026-01-05T09:00:00Z"}`, Set: `{"ok":true}`,
		Refused: map[string]string{"store": `{"store":" "}`, "due_at": `{"due_at":null}`},
	})
}

func TestWarnings(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: continuity.Warnings, New: `{"resource":"db","raised_at":"2026-01-05T09:00:00Z","threshold":0.8,"reading":0.83,"owner":"person/owner"}`, Set: `{"owner":"person/other"}`,
		Fields:  map[string]string{"raised decided": `{"decision":"Extended","forecast":"Eight months"}`},
		Refused: map[string]string{"owner": `{"owner":"Ada"}`},
	})
}

func TestOutages(t *testing.T) {
	closed := `{"noticed_at":"2026-01-05T09:0%d:00Z","noticed_by":"alert","ended_at":"2026-01-05T10:00:00Z","allowed":"1h","cause":"A disk"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: continuity.Outages, With: withPlans, Seed: seed, New: `{"service":"API","began_at":"2026-01-05T09:02:00Z","owner":"person/owner"}`, Set: `{"cause":"A disk"}`,
		Fields: map[string]string{
			"open closed": fmt.Sprintf(closed, 3), "open open": `{"began_at":"2026-01-05T09:01:00Z","corrected_why":"The log says so"}`,
			"closed closed": `{"allowed":"2h","corrected_why":"The contract says so"}`, "confirmed closed": `{"allowed":"2h","corrected_why":"The contract says so"}`,
		},
		GuardFalse: map[string]string{"open closed noticed_at": fmt.Sprintf(closed, 1), "open closed ended_at": strings.Replace(fmt.Sprintf(closed, 3), "T10:", "T08:", 1),
			"closed closed noticed_at": `{"noticed_at":"2026-01-05T09:01:00Z","corrected_why":"x"}`, "closed closed ended_at": `{"ended_at":"2026-01-05T09:01:00Z","corrected_why":"x"}`,
			"confirmed closed noticed_at": `{"noticed_at":"2026-01-05T09:01:00Z","corrected_why":"x"}`, "confirmed closed ended_at": `{"ended_at":"2026-01-05T09:01:00Z","corrected_why":"x"}`},
		Refused: map[string]string{"noticed_by": `{"noticed_by":"luck"}`},
	})
}

// How long an outage may last is what its plan says, and not what whoever ends it says.
func TestAnOutageLastsAsLongAsItsPlanAllows(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{continuity.Plans, continuity.Outages}, func(t *testing.T, l *ledgertest.Ledger) {
		as := func(who string, body func(*act.Tx) error) error {
			_, err := l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", "test", body)
			return err
		}
		fields := func(text string) (all map[string]json.RawMessage) {
			if err := json.Unmarshal([]byte(text), &all); err != nil {
				t.Fatal(err)
			}
			return all
		}
		if err := as("person/x", seed); err != nil {
			t.Fatal(err)
		}
		const (
			outage  = `{"service":"API","began_at":"2026-01-05T09:00:00Z","owner":"person/owner","plan":"continuity_plan/PLN-1"%s}`
			closing = `{"noticed_at":"2026-01-05T09:01:00Z","noticed_by":"alert","ended_at":"2026-01-05T10:00:00Z","cause":"A disk"%s}`
		)
		wants := func(what, want string, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			if err := as("person/x", func(tx *act.Tx) error {
				o, _, err := record.Load[continuity.Outage](&tx.Reader, continuity.Outages, "OUT-1")
				if err == nil && (o.Allowed == nil || string(*o.Allowed) != want) {
					t.Errorf("%s: %v is allowed, want %s", what, o.Allowed, want)
				}
				return errors.Join(err, errStop)
			}); !errors.Is(err, errStop) {
				t.Fatal(err)
			}
		}
		refused := func(what string, err error) {
			t.Helper()
			var invalid *record.Invalid
			if !errors.As(err, &invalid) || invalid.Fields[0].Field != "allowed" {
				t.Errorf("%s: %v, want allowed to be refused", what, err)
			}
		}
		add := func(more string) error {
			return as("person/owner", func(tx *act.Tx) error {
				_, err := record.Add(tx, continuity.Outages, fields(fmt.Sprintf(outage, more)))
				return err
			})
		}
		move := func(who, permission, text string) error {
			return as(who, func(tx *act.Tx) error {
				_, err := record.Move(tx, continuity.Outages, "OUT-1", record.AnyVersion, "closed", permission, fields(text))
				return err
			})
		}
		refused("added with more", add(`,"allowed":"8h"`))
		wants("added", "4h", add(""))
		set := func(text string) error {
			return as("person/owner", func(tx *act.Tx) error {
				_, err := record.Set(tx, continuity.Outages, "OUT-1", record.AnyVersion, fields(text))
				return err
			})
		}
		refused("set to more", set(`{"allowed":"8h"}`))
		wants("less is promised", "2h", set(`{"allowed":"2h"}`))
		wants("nothing is", "4h", set(`{"allowed":null}`))
		refused("closed with more", move("person/owner", "", fmt.Sprintf(closing, `,"allowed":"8h"`)))
		wants("closed", "4h", move("person/owner", "", fmt.Sprintf(closing, "")))
		wants("corrected by somebody else", "8h", move("person/x", "outage.correct", `{"allowed":"8h","corrected_why":"The contract says so"}`))
		for who, same := range map[string]bool{"person/owner": true, "person/x": true, "person/y": false} {
			if err := as(who, func(tx *act.Tx) error {
				_, err := record.Move(tx, continuity.Outages, "OUT-1", record.AnyVersion, "confirmed", "outage.confirm", nil)
				return errors.Join(err, errStop)
			}); errors.Is(err, act.ErrSamePerson) != same || !errors.Is(err, errStop) {
				t.Errorf("confirmed by %s: %v", who, err)
			}
		}
	})
}

var errStop = errors.New("read")

func TestATrialIsMeasuredAgainstItsPlan(t *testing.T) {
	at := func(text string) *time.Time {
		if text == "" {
			return nil
		}
		value, err := time.Parse(time.RFC3339, "2026-01-05T"+text+":00Z")
		if err != nil {
			t.Fatal(err)
		}
		return &value
	}
	yes, no := true, false
	for _, test := range []struct {
		began, restored, until string
		whole                  *bool
		allowed, loss          record.Duration
		took, lost, result     string
	}{
		{"09:00", "11:00", "08:30", &yes, "4h", "1h", "2h0m0s", "30m0s", "passed"},
		{"09:00", "13:00", "08:00", &yes, "4h", "1h", "4h0m0s", "1h0m0s", "passed"}, // as long as allowed
		{"09:00", "13:01", "08:30", &yes, "4h", "1h", "4h1m0s", "30m0s", "failed"},
		{"09:00", "11:00", "07:59", &yes, "4h", "1h", "2h0m0s", "1h1m0s", "failed"},
		{"09:00", "11:00", "08:30", &no, "4h", "1h", "2h0m0s", "30m0s", "failed"},
		{"09:00", "11:00", "08:30", nil, "4h", "1h", "2h0m0s", "30m0s", "failed"},
		{"09:00", "11:00", "", &yes, "4h", "1h", "2h0m0s", "", "failed"},
		{"09:00", "", "08:30", &yes, "4h", "1h", "", "30m0s", "failed"},
		{"09:00", "11:00", "08:30", &yes, "", "1h", "2h0m0s", "30m0s", "failed"}, // nobody said what is allowed
		{"09:00", "11:00", "08:30", &yes, "4h", "", "2h0m0s", "30m0s", "failed"},
	} {
		trial := &continuity.Trial{ID: "RT-PLN-1-2026-Q1", State: continuity.Done, StartedAt: at(test.began), RestoredAt: at(test.restored), DataUntil: at(test.until), Whole: test.whole}
		if test.allowed != "" {
			trial.Allowed = &test.allowed
		}
		if test.loss != "" {
			trial.AllowedLoss = &test.loss
		}
		trial.Compute()
		text := func(d *record.Duration) string {
			if d == nil {
				return ""
			}
			return string(*d)
		}
		if text(trial.Took) != test.took || text(trial.Lost) != test.lost || trial.Result != test.result || trial.Plan != "continuity_plan/PLN-1" || trial.Quarter != "2026-Q1" {
			t.Errorf("%+v: %s, %s, %s", test, text(trial.Took), text(trial.Lost), trial.Result)
		}
		trial.State = continuity.Planned
		if trial.Compute(); trial.Result != "" {
			t.Errorf("%+v: a planned trial has %s", test, trial.Result)
		}
	}
}
