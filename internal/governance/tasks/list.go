package tasks

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Query selects occurrences; zero values select all.
type Query struct {
	From, To time.Time // of the due time, half open; To is needed
	State    calendar.State
	Duty     string
	// Owner is the owner, or the one whom the duty was delegated to.
	Owner string
	// Orphaned selects those whose owner, or whose delegate, has left.
	Orphaned bool
}

// Listed is an occurrence with how those who are to do it stand.
type Listed struct {
	Occurrence
	// Orphaned says who of them has left or is not known; empty: nobody.
	Orphaned string `json:"orphaned,omitempty"`
}

// List gives the selected occurrences as they stand at an instant, by due
// time.
func (d *Desk) List(r *store.Reader, q Query, now time.Time) ([]Listed, error) {
	past := d.Past(r)
	all, err := load(past)
	if err != nil {
		return nil, err
	}
	return d.list(r, past, all, q, now)
}

// Preview is List of duties that are not in the register yet, as if they were
// established at the given instant.
func (d *Desk) Preview(r *store.Reader, duties []Duty, q Query, now time.Time) ([]Listed, error) {
	var all []*duty
	for i := range duties {
		t := &Task{ID: duties[i].ID}
		t.take(&duties[i], now, "")
		all = append(all, of(t))
	}
	return d.list(r, d.Past(r), all, q, now)
}

func (d *Desk) list(r *store.Reader, past record.Past, all []*duty, q Query, now time.Time) ([]Listed, error) {
	listed := []Listed{}
	standings := map[string]Standing{}
	gone := func(ref string) (bool, error) {
		standing, known := standings[ref]
		if !known {
			var err error
			if standing, err = d.People.Standing(r, ref); err != nil {
				return false, err
			}
			standings[ref] = standing
		}
		return standing == Gone || standing == Unknown, nil
	}
	if q.Duty != "" {
		all = slices.DeleteFunc(all, func(d *duty) bool { return d.ID != q.Duty })
	}
	err := eachOf(all, past, q.From, q.To, at(now), func(t *Task, o *Occurrence) error {
		l := Listed{Occurrence: *o}
		if o.DoneAt == nil && o.State != calendar.NotOccurring { // what is still to be done is the present owner's
			l.Owner, l.Responsible = t.Owner(later(o.DueAt, now)), t.Responsible(later(o.DueAt, now))
			for _, ref := range []string{l.Responsible, l.Owner} {
				left, err := gone(ref)
				if err != nil {
					return err
				}
				if left {
					l.Orphaned = ref
				}
			}
		}
		if q.State != "" && q.State != l.State || q.Orphaned && l.Orphaned == "" ||
			q.Owner != "" && q.Owner != l.Owner && q.Owner != l.Responsible {
			return nil
		}
		listed = append(listed, l)
		return nil
	})
	slices.SortStableFunc(listed, func(a, b Listed) int {
		return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID))
	})
	return listed, err
}

// All reads the register of duties, by id. Nobody changes what it gives.
func (d *Desk) All(r *store.Reader) ([]*Task, error) {
	var all []*Task
	duties, err := load(d.Past(r))
	for _, one := range duties {
		all = append(all, one.Task)
	}
	return all, err
}

func load(past record.Past) ([]*duty, error) {
	var all []*duty
	err := past.Documents(kindTask, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		one, err := dutyOf(past, doc)
		all = append(all, one)
		return err
	})
	return all, err
}

// Show reads a duty and the occurrence of it that the reference means, as it
// stands at an instant. Without a date it is the one that is to be done, nil
// when there is none.
func (d *Desk) Show(r *store.Reader, ref string, now time.Time) (*Task, *Occurrence, error) {
	duty, date := Split(ref)
	t, _, err := get(r, duty)
	if err != nil {
		return nil, nil, err
	}
	o, err := find(d.Past(r), t, ref, now)
	if errors.Is(err, ErrNone) && date == "" {
		return t, nil, nil
	}
	return t, o, err
}
