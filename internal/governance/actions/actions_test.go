package actions_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/actions"
	"scaf.dev/scaf/internal/governance/exercises"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

const action = `{"title":"Print the roster","owner":"person/owner","due_at":"2027-03-02T00:00:00Z","exercise":"exercise/EXE-1"}`

func TestTheRegister(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: actions.Register, New: action, Set: `{"what":"On paper"}`,
		Fields: map[string]string{
			"open done": `{"result":"It hangs there"}`, "returned done": `{"result":"Now it does"}`, "done returned": `{"returned_reason":"It does not"}`,
			"open dropped": `{"dropped_reason":"We use a phone"}`, "returned dropped": `{"dropped_reason":"We use a phone"}`,
		},
		Refused: map[string]string{
			"owner": `{"owner":"Ada"}`, "due_at": `{"due_at":null}`, "source": `{"meeting":"meeting/MTG-1"}`, "exercise": `{"exercise":"EXE-1"}`,
		},
	})
}

func TestWhereAnActionComesFrom(t *testing.T) {
	for _, test := range []struct {
		a      actions.Action
		source string
		wrong  bool
	}{
		{actions.Action{Exercise: "exercise/EXE-1"}, actions.FromExercise, false},
		{actions.Action{Meeting: "meeting/MTG-1"}, actions.FromMeeting, false},
		{actions.Action{Regulation: "regulation/REG-1"}, actions.FromRegulation, false},
		{actions.Action{Risk: "risk/RSK-1"}, actions.FromRisk, false},
		{actions.Action{Finding: "finding/FND-1"}, actions.FromFinding, false},
		{actions.Action{Vendor: "vendor/VEN-1"}, actions.FromVendor, false},
		{actions.Action{Risk: "risk/RSK-1", Finding: "finding/FND-1"}, actions.FromFinding, true},
		{actions.Action{}, "", true},
		{actions.Action{Exercise: "exercise/EXE-1", Meeting: "meeting/MTG-1"}, actions.FromMeeting, true},
	} {
		if test.a.Compute(); test.a.Source != test.source || (len(test.a.Validate()) > 0) != test.wrong {
			t.Errorf("%+v: %v", test.a, test.a.Validate())
		}
	}
}

// A due date is moved by somebody other than the owner, present or past, and while it is to
// come. The owner takes less time, and lays it into no period that is over.
func TestALaterDueDateIsForSomebodyElse(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		due := func(days int) string {
			return fmt.Sprintf(`{"due_at":%q}`, f.Manual.Now().Add(time.Duration(days)*24*time.Hour).Format(time.RFC3339))
		}
		as := func(who string) act.Caller { return act.Caller{ID: who, Roles: []string{"compliance"}} }
		f.People(t, "owner", "next")
		if _, err := f.AddRecord(t.Context(), as("person/keeper"), exercises.Register, apptest.Fields(t, `{"title":"A key is public","playbook":"leaked-key","facilitator":"person/owner"}`)); err != nil {
			t.Fatal(err)
		}
		made, err := f.AddRecord(t.Context(), as("person/keeper"), actions.Register, apptest.Fields(t, action, due(10)))
		if err != nil {
			t.Fatal(err)
		}
		set := func(who, change string) error {
			_, err := f.SetRecord(t.Context(), as(who), actions.Register, made.ID, record.AnyVersion, apptest.Fields(t, change))
			return err
		}
		if err := set("person/owner", due(11)); !errors.Is(err, act.ErrSamePerson) {
			t.Errorf("the owner gives more time: %v", err)
		}
		if err := set("person/owner", due(9)); err != nil {
			t.Errorf("the owner takes less time: %v", err)
		}
		if err := set("person/owner", `{"owner":"person/next"}`); err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{"person/owner", "person/next"} {
			if err := set(who, due(11)); !errors.Is(err, act.ErrSamePerson) {
				t.Errorf("%s, the owner before or now, gives more time: %v", who, err)
			}
		}
		if err := set("person/keeper", due(11)); err != nil {
			t.Errorf("somebody else gives more time: %v", err)
		}
		over := due(-1)
		for _, who := range []string{"person/owner", "person/next"} {
			if err := set(who, over); !errors.Is(err, act.ErrSamePerson) {
				t.Errorf("%s, the owner before or now, lays it before today: %v", who, err)
			}
		}
		// Nor with a move.
		if _, err := f.MoveRecord(t.Context(), as("person/next"), actions.Register, made.ID, record.AnyVersion, actions.Done, apptest.Fields(t, `{"result":"r"}`, over)); !errors.Is(err, act.ErrSamePerson) {
			t.Errorf("the owner lays it before today when it is done: %v", err)
		}
		for what, err := range map[string]error{"put off": set("person/keeper", due(367)), "taken in": func() error {
			_, err := f.AddRecord(t.Context(), as("person/keeper"), actions.Register, apptest.Fields(t, action, due(367)))
			return err
		}()} {
			var invalid *record.Invalid
			if !errors.As(err, &invalid) || invalid.Fields[0].Field != "due_at" || !strings.Contains(err.Error(), "at most a year (366 days) ahead, by 2027-03-03") {
				t.Errorf("more than a year ahead, %s: %v", what, err)
			}
		}
		earlier, later := due(5), due(30)
		f.Manual.Advance(12 * 24 * time.Hour)
		for what, change := range map[string]string{"more time": later, "less time": earlier} {
			for _, who := range []string{"person/keeper", "person/next"} {
				var invalid *record.Invalid
				if err := set(who, change); !errors.As(err, &invalid) || !strings.Contains(err.Error(), "is over, and stands") {
					t.Errorf("%s when it is over, by %s: %v", what, who, err)
				}
			}
		}
		made, err = f.AddRecord(t.Context(), as("person/keeper"), actions.Register, apptest.Fields(t, action, due(10)))
		if err != nil {
			t.Fatal(err)
		}
		if err := set("person/keeper", over); err != nil {
			t.Errorf("somebody else corrects it: %v", err)
		}
	})
}
