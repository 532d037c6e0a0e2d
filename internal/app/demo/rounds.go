package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/governance/privacy"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/operations/systems"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// repeated is what is done in every quarter.
type repeated struct {
	Steps   []entered
	Without []string       // the quarters in which it is not
	Late    map[string]int // days after the usual one
}

// steps are those of a year. In their texts {round} is the quarter, as 2025-Q1, and
// {-9} the day that is nine before its last one.
func (r *repeated) steps(year int) (all []entered) {
	for quarter := 1; quarter <= 4; quarter++ {
		name := fmt.Sprintf("%d-Q%d", year, quarter)
		if slices.Contains(r.Without, name) {
			continue
		}
		day := func(n int) time.Time { // a working day
			at := time.Date(year, time.Month(3*quarter+1), n+r.Late[name], 12, 0, 0, 0, time.UTC)
			for at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
				at = at.AddDate(0, 0, -1)
			}
			return at
		}
		fill := func(text string) string {
			return dayOfRound.ReplaceAllStringFunc(strings.ReplaceAll(text, "{round}", name), func(of string) string {
				n, _ := strconv.Atoi(strings.Trim(of, "{}")) // digits
				return day(n).Format(time.DateOnly)
			})
		}
		for _, step := range r.Steps {
			at := day(step.Day)
			step.On = date{at.Year(), int(at.Month()), at.Day()}
			step.Called, step.Move, step.Set = fill(step.Called), fill(step.Move), fill(step.Set)
			if step.Fields != nil {
				step.Fields = filled(step.Fields, fill).(map[string]any) //nolint:errcheck // a mapping stays one
			}
			all = append(all, step)
		}
	}
	return all
}

var dayOfRound = regexp.MustCompile(`\{-?\d+\}`)

// filled is a value with its texts filled in.
func filled(value any, fill func(string) string) any {
	switch value := value.(type) {
	case string:
		return fill(value)
	case map[string]any:
		all := make(map[string]any, len(value))
		for name, one := range value {
			all[name] = filled(one, fill)
		}
		return all
	case []any:
		all := make([]any, len(value))
		for i, one := range value {
			all[i] = filled(one, fill)
		}
		return all
	}
	return value
}

// confirm plans that owners confirm and review what is theirs in the third month of
// every quarter.
func (w *world) confirm() {
	for month := time.March; month <= time.December; month += 3 {
		day := date{w.From.year, int(month), 18}.at(w.zone, 11)
		w.plan(day, func(ctx context.Context) error {
			for _, kind := range []*record.Kind{systems.Assets, systems.DataSets, privacy.Activities, regulations.Register} {
				if err := w.confirmAll(ctx, kind); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// confirmAll confirms what of a register is due at the end of the quarter.
func (w *world) confirmAll(ctx context.Context, kind *record.Kind) error {
	type owned struct{ ID, Owner, State string }
	due, err := listed[owned](ctx, w, kind, fmt.Sprintf("item.due_at < timestamp(%q)", w.clock.Now().AddDate(0, 0, 20).UTC().Format(time.RFC3339)))
	if err != nil {
		return err
	}
	slices.SortFunc(due, func(a, b *owned) int { return strings.Compare(a.ID, b.ID) })
	for _, one := range due {
		to := one.State
		if kind == privacy.Activities || kind == regulations.Register {
			to = regulations.Reviewed
		}
		for _, e := range w.people {
			if e.ref() != one.Owner {
				continue
			}
			if _, err := w.MoveRecord(ctx, e.caller(), kind, one.ID, record.AnyVersion, to, nil); err != nil {
				return fmt.Errorf("%s/%s: %w", kind.Name, one.ID, err)
			}
		}
	}
	return nil
}

// selfAssess plans the self-assessments of every quarter, one of each control: opened at
// once five weeks before its end, stated in its last days, and read in the days after it.
// What the story tells of is told there.
func (w *world) selfAssess() {
	lead := w.officers["compliance lead"]
	for quarter := 1; quarter <= 4; quarter++ {
		name := fmt.Sprintf("%d-Q%d", w.From.year, quarter)
		of := fmt.Sprintf("item.quarter == %q", name)
		end := time.Date(w.From.year, time.Month(3*quarter+1), 1, 11, 0, 0, 0, w.zone)
		w.plan(end.AddDate(0, 0, -35), func(ctx context.Context) error {
			said, err := asFields(map[string]any{"reviewer": lead.ref(), "assessor": w.officers["chief information security officer"].ref()})
			if err == nil {
				_, err = w.OpenRound(ctx, lead.caller(), assessments.Register, name, said)
			}
			return err
		})
		each := func(state string, do func(ctx context.Context, a *assessments.Assessment) error) func(context.Context) error {
			return func(ctx context.Context) error {
				all, err := listed[assessments.Assessment](ctx, w, assessments.Register, fmt.Sprintf("%s && item.state == %q", of, state))
				slices.SortFunc(all, func(a, b *assessments.Assessment) int { return strings.Compare(a.ID, b.ID) })
				for _, a := range all {
					if err == nil && !slices.Contains(w.unsaid, a.ID) {
						err = do(ctx, a)
					}
				}
				return err
			}
		}
		w.plan(end.AddDate(0, 0, -4), each(assessments.Draft, func(ctx context.Context, a *assessments.Assessment) error {
			return w.state(ctx, a.ID, fmt.Sprintf("What the tests of %s read, and two items of it.", a.Control))
		}))
		w.plan(end.AddDate(0, 0, 6), each(assessments.Submitted, func(ctx context.Context, a *assessments.Assessment) error {
			_, err := w.MoveRecord(ctx, lead.caller(), assessments.Register, a.ID, record.AnyVersion, assessments.Reviewed, nil)
			return err
		}))
	}
}

// state submits a self-assessment in the name of its assessor: the control works.
func (w *world) state(ctx context.Context, id, evidence string) error {
	a := &assessments.Assessment{}
	if err := w.DB.Read(ctx, func(r *store.Reader) error {
		v, err := record.Get(r, assessments.Register.Name, id)
		if err != nil {
			return err
		}
		return json.Unmarshal(v.Doc, a)
	}); err != nil {
		return err
	}
	fields, err := asFields(map[string]any{"as_written": "Yes.", "evidence": evidence, "improvements": "Nothing.", "result": assessments.Works})
	if err != nil {
		return err
	}
	for _, e := range w.people {
		if e.ref() == a.Assessor {
			_, err = w.MoveRecord(ctx, e.caller(), assessments.Register, id, record.AnyVersion, assessments.Submitted, fields)
			return err
		}
	}
	return fmt.Errorf("%s: nobody here is %s", id, a.Assessor)
}

// Duties that are done in a meeting.
const postureReview = "posture-review"

// meet plans the meeting in which a weekly posture review is done: whoever answers for
// it keeps the minutes, and somebody else who was there confirms them. It returns what
// the meeting is called.
func (w *world) meet(o tasks.Listed, at time.Time) string {
	called := o.ID
	planned := at.AddDate(0, 0, -3)
	if begins := w.clock.Now().Add(time.Hour); planned.Before(begins) { // the calendar has just begun
		planned = begins
	}
	keeper := func(ctx context.Context) (*employee, error) {
		t, _, err := w.Task(ctx, w.officers["compliance lead"].caller(), o.Duty)
		if err != nil {
			return nil, err
		}
		return w.responsible(t), nil
	}
	w.plan(planned, func(ctx context.Context) error {
		by, err := keeper(ctx)
		if err != nil {
			return err
		}
		_, week := at.In(w.zone).ISOWeek()
		fields, err := asFields(map[string]any{
			"title": fmt.Sprintf("Security posture, week %d", week), "series": meetings.Posture, "chair": w.officers["chief information security officer"].ref(),
			"keeper": by.ref(), "planned_for": at.Add(-time.Hour).UTC(),
		})
		if err != nil {
			return err
		}
		made, err := w.AddRecord(ctx, by.caller(), meetings.Register, fields)
		if err == nil {
			w.known[called] = made.Ref()
		}
		return err
	})
	w.plan(at.Add(-time.Minute), func(ctx context.Context) error {
		id := strings.TrimPrefix(w.known[called], meetings.Register.Name+"/")
		var m meetings.Meeting
		if err := w.DB.Read(ctx, func(r *store.Reader) error {
			v, err := record.Get(r, meetings.Register.Name, id)
			if err != nil {
				return err
			}
			return json.Unmarshal(v.Doc, &m)
		}); err != nil {
			return err
		}
		there := []string{m.Chair}
		for _, role := range []string{"compliance lead", "security lead", "engineering lead", "platform lead"} {
			if e := w.officers[role]; e.gone.IsZero() || e.gone.After(at) {
				there = append(there, e.ref())
			}
		}
		minutes := pick(w, w.Minutes)
		values := map[string]any{"held_at": at.Add(-time.Hour).UTC(), "attendees": there, "notes": minutes.Notes, "topics": []string{"What changed", "Alerts of the week"}}
		if minutes.Decision == "" {
			values["no_decisions"] = "Nothing of the week asked for one."
		} else {
			values["decisions"] = []string{minutes.Decision}
		}
		fields, err := asFields(values)
		if err != nil {
			return err
		}
		for _, e := range w.people {
			if e.ref() == m.Keeper {
				_, err = w.MoveRecord(ctx, e.caller(), meetings.Register, id, record.AnyVersion, meetings.Held, fields)
			}
		}
		return err
	})
	w.plan(at.AddDate(0, 0, 3), func(ctx context.Context) error {
		_, err := w.MoveRecord(ctx, w.officers["chief information security officer"].caller(), meetings.Register, strings.TrimPrefix(w.known[called], meetings.Register.Name+"/"), record.AnyVersion, meetings.Confirmed, nil)
		return err
	})
	return "$" + called
}
