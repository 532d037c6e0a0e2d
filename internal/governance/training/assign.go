package training

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Member is somebody of a course's audience.
type Member struct {
	Person string     // person/E1001
	Since  *time.Time // from when joiners owe it: joining, or being known; nil: it is not known
}

// Assign gives a course that is offered to people: to those who were never
// assigned it, and to those whose renewal has fallen due (record.InBatches). It
// returns how many trainings are new.
func Assign(ctx context.Context, door *act.Door, caller act.Caller, course string, audience []Member) (assigned int, err error) {
	ref := Courses.Name + "/" + Courses.Bare(course)
	return record.InBatches(ctx, door, caller, "training.assign", ref, Register, audience, func(tx *act.Tx, batch []Member) ([]record.Change, error) {
		c, _, err := GetCourse(&tx.Reader, course)
		if err != nil {
			return nil, err
		}
		if c.State != Offered {
			return nil, record.Refuse("course", "%s is %s: people are assigned what is offered", c.ID, c.State)
		}
		return wanting(tx, c, batch)
	})
}

// wanting are the new trainings of those who need one now.
func wanting(tx *act.Tx, c *Course, members []Member) ([]record.Change, error) {
	people := make([]string, len(members))
	for i, m := range members {
		people[i] = m.Person
	}
	last, err := latest(&tx.Reader, c, people)
	if err != nil {
		return nil, err
	}
	var changes []record.Change
	for _, m := range members {
		before := last[m.Person]
		t := &Training{Person: m.Person, Round: 1}
		switch {
		case before == nil:
			t.assign(c, m.Since, tx.Now())
		case before.State == Ended || before.State == Missed: // somebody who has come back
			t.Round = before.Round + 1
			t.assign(c, nil, tx.Now())
		case before.Open() || before.RenewsAt == nil || before.RenewsAt.After(tx.Now()):
			continue
		default:
			t.Round = before.Round + 1
			t.assign(c, nil, tx.Now())
		}
		t.ID = roundID(c, m.Person, t.Round)
		changes = append(changes, record.Change{Verb: "assigned", ID: t.ID, Doc: t})
	}
	return changes, nil
}

// latest are the trainings of people's last rounds of a course.
func latest(r *store.Reader, c *Course, people []string) (map[string]*Training, error) {
	last := map[string]*Training{}
	id := func(person string, n int) string { return roundID(c, person, n) }
	return last, record.Series(r, Register, people, id, func(person string, _ int, t *Training) { last[person] = t })
}

// Settle closes what people who have left were assigned and did not finish: the duty
// ends with their leaving, and what was due before stays missed. gone says since when
// somebody is not there any more. It returns how many were closed.
func Settle(ctx context.Context, door *act.Door, caller act.Caller, gone map[string]time.Time) (int, error) {
	filter := fmt.Sprintf("item.state in [%q, %q, %q]", Assigned, Ended, Missed)
	return record.Revise(ctx, door, caller, "training.settle", Register, filter, func(t *Training) string {
		left, ok := gone[t.Person]
		if !ok || t.DueAt == nil || t.LeftAt != nil && t.LeftAt.Equal(left) {
			return ""
		}
		t.LeftAt, t.State = &left, Ended
		if t.DueAt.Before(left) {
			t.State = Missed
		}
		return t.State
	})
}

// Remind reminds those who have not finished what they were assigned, as
// policies.Remind does.
func Remind(ctx context.Context, door *act.Door, caller act.Caller, steps []time.Duration) (int, error) {
	now := door.Clock.Now()
	filter := fmt.Sprintf("item.state == %q && item.due_at <= timestamp(%q)", Assigned, now.Add(-slices.Min(steps)).UTC().Format(time.RFC3339Nano))
	return record.Revise(ctx, door, caller, "training.remind", Register, filter, func(t *Training) string {
		if !t.Open() || !record.Passed(t.DueAt, steps, now, t.AssignedAt, t.RemindedAt) {
			return ""
		}
		t.Reminders++
		t.RemindedAt = &now
		return "reminded"
	})
}

// roundID is the id of a person's round of a course. No course has a dot in its
// id, and no round has one, so that no two are the same.
func roundID(c *Course, person string, round int) string {
	return fmt.Sprintf("%s.%s.%d", c.ID, strings.TrimPrefix(person, "person/"), round)
}
