package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
)

// employee is somebody who works, or worked, at the company.
type employee struct {
	people.Person
	gone  time.Time // zero: still there at the end
	reads time.Time // the policies, for the first time
}

func (e *employee) ref() string { return "person/" + e.ID }

// caller is the employee at work.
func (e *employee) caller() act.Caller {
	return act.Caller{ID: e.ref(), Roles: []string{"compliance"}}
}

// hrSystem is the connector of the HR system.
var hrSystem = act.Caller{ID: "connector/hr", Roles: []string{"compliance"}}

// invent makes somebody who joins at an instant.
func (w *world) invent(joins time.Time) *employee {
	n := len(w.people)
	e := &employee{Person: people.Person{
		ID: fmt.Sprintf("E%d", 1001+n), State: people.Active, Employment: people.Employee, Department: pick(w, w.Departments),
		Name: w.First[(n*7)%len(w.First)] + " " + w.Last[(n*11)%len(w.Last)],
	}}
	if n < len(w.Officers) {
		o := w.Officers[n]
		e.Name, e.Department, e.Title = o.Name, o.Department, o.Role
		w.officers[o.Role] = e
		if o.Also != "" {
			w.officers[o.Also] = e
		}
		if n > 0 {
			e.Manager = w.people[0].ref()
		}
	} else {
		e.Title = w.Titles[e.Department]
		e.Manager = w.people[w.random.IntN(len(w.Officers))].ref()
		if n%9 == 0 {
			e.Employment = people.Contractor
		}
	}
	e.Email = strings.ToLower(strings.ReplaceAll(e.Name, " ", ".")) + "@example.com"
	joins = joins.UTC()
	e.JoinedAt = &joins
	w.people = append(w.people, e)
	return e
}

// hire takes the roster of the HR system over.
func (w *world) hire(ctx context.Context) error {
	var items []record.Item
	for i := range w.Staff {
		e := w.invent(w.Begin.at(w.zone, 9).AddDate(0, -3-w.random.IntN(48), -w.random.IntN(28)))
		before, after := e.JoinedAt.AddDate(0, 0, -5), e.JoinedAt.AddDate(0, 0, 7)
		e.BackgroundCheckAt, e.PoliciesAcknowledgedAt, e.TrainingCompletedAt = &before, &after, &after
		doc := e.Person
		items = append(items, record.Item{Where: fmt.Sprintf("roster:%d", i+1), Doc: &doc})
	}
	intake := record.Intake{Door: w.Door, Caller: hrSystem, Kind: people.Register, Action: "import.csv"}
	_, err := intake.Run(ctx, func(yield func(record.Item, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	})
	return err
}

// comeAndGo plans who joins, moves and leaves.
func (w *world) comeAndGo() {
	var days []time.Time
	w.workdays(func(day time.Time) { days = append(days, day) })
	for n := range w.Joiners {
		w.join(n+1, days[8+n*(len(days)-20)/w.Joiners])
	}
	departure := w.officers[w.Departure.Role]
	w.leave(0, departure, w.Departure.On.at(w.zone, 17))
	leavers := w.Leavers - 1
	for n := range leavers {
		w.leave(n+1, w.people[len(w.Officers)+n*2], days[14+n*(len(days)-30)/leavers].Add(17*time.Hour))
	}
	for n := range 8 { // who takes over other work
		e := w.people[len(w.Officers)+1+n*2]
		department := pick(w, w.Departments)
		for department == e.Department {
			department = pick(w, w.Departments)
		}
		moves := days[20+n*25].Add(10 * time.Hour)
		w.plan(moves, func(ctx context.Context) error {
			return w.set(ctx, e, map[string]any{"department": department, "title": w.Titles[department]})
		})
		w.plan(moves.AddDate(0, 0, 1+n%3), func(ctx context.Context) error {
			fields, err := asFields(map[string]any{"rights": "Those of the old department ended, those of the new one given."})
			if err != nil {
				return err
			}
			_, err = w.MoveRecord(ctx, w.officers["compliance lead"].caller(), people.JobChanges, e.ID+".1", record.AnyVersion, people.Reviewed, fields)
			return err
		})
	}
}

// join plans that somebody joins on a day.
func (w *world) join(number int, day time.Time) {
	policies, training := 2+w.random.IntN(14), 3+w.random.IntN(20)
	e := w.invent(day.Add(9 * time.Hour))
	for _, story := range w.Joined {
		if story.Number != number {
			continue
		}
		if story.Policies > 0 {
			policies = story.Policies
			w.note("PPL-03", e.ID, story.because())
			for i := range len(catalog.Policies()) + len(w.Revised.Policies) {
				w.note("POL-02", fmt.Sprintf("PV-%d.%s", i+1, e.ID), story.because())
			}
		}
		if story.Training > 0 {
			training = story.Training
			w.note("PPL-04", e.ID, story.because())
		}
	}
	checked := day.AddDate(0, 0, -4).Add(11 * time.Hour).UTC()
	e.BackgroundCheckAt = &checked
	w.plan(day.Add(9*time.Hour), func(ctx context.Context) error {
		fields, err := asFields(e.Person)
		if err != nil {
			return err
		}
		if _, err = w.AddRecord(ctx, hrSystem, people.Register, fields); err != nil {
			return err
		}
		if err := w.sign(ctx); err != nil {
			return err
		}
		return w.ask(ctx)
	})
	for _, duty := range []struct {
		field string
		after int
	}{{"policies_acknowledged_at", policies}, {"training_completed_at", training}} {
		at := day.AddDate(0, 0, duty.after).Add(time.Duration(10+w.random.IntN(6)) * time.Hour)
		if duty.field == "policies_acknowledged_at" {
			e.reads = at
		}
		if at.Before(w.End.at(w.zone, 0)) {
			w.plan(at, func(ctx context.Context) error {
				if duty.field == "policies_acknowledged_at" {
					if err := w.acknowledge(ctx, e); err != nil {
						return err
					}
				}
				return w.set(ctx, e, map[string]any{duty.field: at.UTC()})
			})
		}
	}
}

// leave plans that somebody leaves, and when their access ends.
func (w *world) leave(number int, e *employee, at time.Time) {
	e.gone = at
	hours := w.random.IntN(9)
	for _, story := range w.Left {
		if story.Number == number {
			hours = story.Access
			w.note("PPL-01", e.ID, story.because())
		}
	}
	w.plan(at, func(ctx context.Context) error {
		fields, err := asFields(map[string]any{"left_at": at.UTC()})
		if err != nil {
			return err
		}
		_, err = w.MoveRecord(ctx, hrSystem, people.Register, e.ID, record.AnyVersion, people.Left, fields)
		return err
	})
	ends := at.Add(time.Duration(hours)*time.Hour + 25*time.Minute)
	w.plan(ends, func(ctx context.Context) error { return w.set(ctx, e, map[string]any{"access_ended_at": ends.UTC()}) })
	w.plan(at.AddDate(0, 0, 1), func(ctx context.Context) error { return w.returned(ctx, e) })
}

// set changes fields of somebody's record.
func (w *world) set(ctx context.Context, e *employee, values map[string]any) error {
	fields, err := asFields(values)
	if err != nil {
		return err
	}
	_, err = w.SetRecord(ctx, hrSystem, people.Register, e.ID, record.AnyVersion, fields)
	return err
}

// asFields gives a value's fields as records take them.
func asFields(value any) (map[string]json.RawMessage, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	return fields, json.Unmarshal(raw, &fields)
}

// present draws somebody of a department who is there at an instant, and is
// none of the others.
func (w *world) present(at time.Time, department string, others ...*employee) *employee {
	for {
		e := pick(w, w.people)
		if (department == "" || e.Department == department) && !e.JoinedAt.After(at) && (e.gone.IsZero() || e.gone.After(at)) && !slices.Contains(others, e) {
			return e
		}
	}
}
