// Package periods keeps the observation periods of examinations: half-open
// intervals that do not overlap, open until somebody closes them after their
// end.
package periods

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// States of a period.
const (
	Open   = "open"
	Closed = "closed"
)

// Period is an observation period: From is in it, To is not.
type Period struct {
	Name     string     `json:"name"`
	From     time.Time  `json:"from"`
	To       time.Time  `json:"to"`
	Timezone string     `json:"timezone"`
	State    string     `json:"state"`
	ClosedAt *time.Time `json:"closed_at,omitempty"`
	// Corrects names the closed period in whose place this one is examined, and
	// Reason says why. That one stays as it is.
	Corrects string `json:"corrects,omitempty"`
	Reason   string `json:"reason,omitempty"`
}

// Register describes the register. Its ids are the names.
var Register = record.Define[Period](record.Definition{
	Kind: "period", Register: "periods", Title: "Periods", ID: "name", At: "from", Internal: true,
	Purpose: "The stretches of time over which controls are tested.",
})

// Errors of periods.
var (
	// ErrInvalid: the name or the interval cannot be one of a period.
	ErrInvalid = errors.New("the period cannot be opened")
	// ErrOverlap: the interval overlaps that of another period.
	ErrOverlap = errors.New("the period overlaps another one")
	// ErrRunning: a period cannot be closed before its end.
	ErrRunning = errors.New("the period has not ended")
	// ErrNone: there is no such period.
	ErrNone = errors.New("there is no such period")
)

var nameShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// OpenPeriod opens a period.
func OpenPeriod(ctx context.Context, door *act.Door, caller act.Caller, p Period) (*Period, error) {
	// Instants are microseconds everywhere: an end between two of them would
	// not be the same one for every population.
	p.From, p.To = p.From.UTC().Truncate(time.Microsecond), p.To.UTC().Truncate(time.Microsecond)
	switch {
	case !nameShape.MatchString(p.Name):
		return nil, fmt.Errorf("%w: the name %q must begin with a letter or digit and have at most 64 letters, digits, dots, dashes and underscores", ErrInvalid, p.Name)
	case !p.From.Before(p.To):
		return nil, fmt.Errorf("%w: it ends (%s) before it starts (%s), or is empty", ErrInvalid, p.To.Format(time.RFC3339), p.From.Format(time.RFC3339))
	}
	if _, err := time.LoadLocation(p.Timezone); err != nil {
		return nil, fmt.Errorf("%w: the time zone %q is not known", ErrInvalid, p.Timezone)
	}
	p.State = Open
	_, err := door.Do(ctx, caller, "period.open", "period/"+p.Name, func(tx *act.Tx) error {
		all, err := List(&tx.Reader)
		if err != nil {
			return err
		}
		if err := p.fits(all); err != nil {
			return err
		}
		_, err = record.Put(tx, Register, record.Change{Verb: "opened", ID: p.Name, Doc: p})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// fits checks a new period against those that are there: they do not overlap,
// but where one corrects another.
func (p *Period) fits(all []Period) error {
	if err := p.corrects(all); err != nil {
		return err
	}
	for _, other := range all {
		switch {
		case other.Name == p.Name:
			return fmt.Errorf("%w: period %s", record.ErrExists, p.Name)
		case p.From.Before(other.To) && other.From.Before(p.To) && !corrected(all, p.Corrects, other.Name):
			return fmt.Errorf("%w: %s, %s", ErrOverlap, other.Name, other.Interval())
		}
	}
	return nil
}

// corrects checks what a new period corrects: one that is closed, that no other
// one corrects, for a reason.
func (p *Period) corrects(all []Period) error {
	switch {
	case p.Corrects == "" && p.Reason != "":
		return fmt.Errorf("%w: a reason belongs to a period that corrects another one", ErrInvalid)
	case p.Corrects == "":
		return nil
	case strings.TrimSpace(p.Reason) == "":
		return fmt.Errorf("%w: a period that corrects %s needs a reason", ErrInvalid, p.Corrects)
	}
	found := false
	for _, other := range all {
		switch {
		case other.Corrects == p.Corrects:
			return fmt.Errorf("%w: %s corrects %s already: correct that one", ErrInvalid, other.Name, p.Corrects)
		case other.Name == p.Corrects && other.State != Closed:
			return fmt.Errorf("%w: %s is open, so there is nothing to correct: test it, then close it", ErrInvalid, other.Name)
		}
		found = found || other.Name == p.Corrects
	}
	if !found {
		return fmt.Errorf("%w: %q, which is to be corrected", ErrNone, p.Corrects)
	}
	return nil
}

// corrected reports whether the period was corrected, over any number of steps,
// by the one with the name by.
func corrected(all []Period, by, name string) bool {
	for steps := 0; by != "" && steps <= len(all); steps++ {
		if by == name {
			return true
		}
		next := ""
		for _, p := range all {
			if p.Name == by {
				next = p.Corrects
			}
		}
		by = next
	}
	return false
}

// Close closes a period: from now on tests over it are final. It is refused
// before the period's end. There is no way back (ADR 20).
func Close(ctx context.Context, door *act.Door, caller act.Caller, name string) (*Period, error) {
	var p *Period
	_, err := door.Do(ctx, caller, "period.close", "period/"+name, func(tx *act.Tx) error {
		var version int
		var err error
		if p, version, err = get(&tx.Reader, name); err != nil {
			return err
		}
		if p.State == Closed {
			return fmt.Errorf("%w: %s is closed since %s", record.ErrSame, name, p.ClosedAt.Format(time.RFC3339))
		}
		now := tx.Now()
		if now.Before(p.To) {
			return fmt.Errorf("%w: %s runs up to %s; until then its tests are interim", ErrRunning, name, p.To.Format(time.RFC3339))
		}
		p.State, p.ClosedAt = Closed, &now
		_, err = record.Put(tx, Register, record.Change{Verb: "closed", ID: name, Doc: p, Expect: version})
		return err
	})
	return p, err
}

// Get reads a period.
func Get(r *store.Reader, name string) (*Period, error) {
	p, _, err := get(r, name)
	return p, err
}

func get(r *store.Reader, name string) (*Period, int, error) {
	v, err := record.Get(r, Register.Name, name)
	if errors.Is(err, record.ErrNone) {
		return nil, 0, fmt.Errorf("%w: %q: open one with scaf period open %s --from D --to D", ErrNone, name, name)
	}
	if err != nil {
		return nil, 0, err
	}
	p := &Period{}
	return p, v.Version, json.Unmarshal(v.Doc, p)
}

// List reads all periods in the order of their beginnings.
func List(r *store.Reader) ([]Period, error) { return list(r, 0) }

// list reads all periods as they were at a checkpoint; 0 is now.
func list(r *store.Reader, asOf int64) ([]Period, error) {
	var all []Period
	err := record.Each(r, record.Range{Kind: Register.Name, AsOf: asOf}, func(v *record.Version) error {
		var p Period
		err := json.Unmarshal(v.Doc, &p)
		all = append(all, p)
		return err
	})
	return all, err
}

// ChooseAt is Choose as of a checkpoint: the period as it was then.
func ChooseAt(r *store.Reader, name string, asOf int64) (*Period, error) {
	all, err := list(r, asOf)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return last(all)
	}
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("%w: %q had not been opened at the checkpoint of size %d", ErrNone, name, asOf)
}

// Choose reads the named period, or without a name the latest one.
func Choose(r *store.Reader, name string) (*Period, error) {
	if name == "" {
		return Latest(r)
	}
	return Get(r, name)
}

// Latest is the period that a command means when none is named: the one that
// began last, of those that no other one corrects. ErrNone when there is none.
func Latest(r *store.Reader) (*Period, error) {
	all, err := List(r)
	if err != nil {
		return nil, err
	}
	return last(all)
}

func last(all []Period) (*Period, error) {
	for i := len(all) - 1; i >= 0; i-- {
		if !slices.ContainsFunc(all, func(p Period) bool { return p.Corrects == all[i].Name }) {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("%w: open one with scaf period open NAME --from D --to D", ErrNone)
}

// Interval is the period as people read it, in its own time zone.
func (p *Period) Interval() string {
	zone, err := time.LoadLocation(p.Timezone)
	if err != nil {
		zone = time.UTC
	}
	return day(p.From.In(zone)) + " up to, not including, " + day(p.To.In(zone)) + " (" + zone.String() + ")"
}

// day leaves the time away when it is midnight.
func day(at time.Time) string {
	if at.Hour() == 0 && at.Minute() == 0 && at.Second() == 0 {
		return at.Format(time.DateOnly)
	}
	return at.Format("2006-01-02 15:04:05")
}
