package tasks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Asked is the evidence without which an occurrence is not recorded as done: what the
// tests of controls ask of it.
type Asked struct {
	// What says in words what shows that the duty was done.
	What string `json:"what"`
	// Like are references, of which one has to be named: "attachment/*", where the star
	// stands for anything, and {year}, {quarter} and {month} for those of the occurrence.
	Like []string `json:"like"`
	// States are those in which the record shows it; none: any.
	States []string `json:"states,omitempty"`
}

// likeShape is the kind of a record, and what its id looks like.
var likeShape = regexp.MustCompile(`^([a-z][a-z_]*)/([A-Za-z0-9*._-]|\{year\}|\{quarter\}|\{month\})+$`)

// Kinds are those of the records that may be named.
func (a *Asked) Kinds() (kinds []string) {
	for _, like := range a.Like {
		kind, _, _ := strings.Cut(like, "/")
		kinds = append(kinds, kind)
	}
	return kinds
}

// Of are the references that show the occurrence of a day, like 2026-12-31, with a star
// for anything.
func (a *Asked) Of(date string) (of []string) {
	at, err := time.Parse(time.DateOnly, date)
	if err != nil { // it is that of an occurrence
		panic(err)
	}
	filled := strings.NewReplacer(
		"{year}", at.Format("2006"), "{quarter}", fmt.Sprintf("%d-Q%d", at.Year(), (at.Month()+2)/3), "{month}", at.Format("2006-01"))
	for _, like := range a.Like {
		of = append(of, filled.Replace(like))
	}
	return of
}

// Says is what is to be named, for people.
func (a *Asked) Says(date string) string {
	var all []string
	for _, like := range a.Of(date) {
		all = append(all, strings.ReplaceAll(like, "*", "…"))
	}
	return either(all)
}

// either is "a, b or c".
func either(all []string) string {
	text := all[len(all)-1]
	if len(all) > 1 {
		text = strings.Join(all[:len(all)-1], ", ") + " or " + text
	}
	return text
}

// like are those of the references that are like what is asked for.
func (a *Asked) like(date string, refs []string) (alike []string) {
	for _, like := range a.Of(date) {
		shape := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(like), `\*`, ".+") + "$")
		for _, ref := range refs {
			if shape.MatchString(ref) && !slices.Contains(alike, ref) {
				alike = append(alike, ref)
			}
		}
	}
	return alike
}

// Shown reports whether what was named of an occurrence is like what its duty asks for.
func (t *Task) Shown(o *Occurrence) bool {
	_, date := Split(o.ID)
	return t.Evidence == nil || len(t.Evidence.like(date, o.Evidence)) > 0
}

// lacking is the error of an entry without the evidence that is asked for.
func lacking(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRefused, record.Refuse("evidence", format, args...))
}

// shows refuses an entry that does not name what the duty asks for: a record like it, in
// its state, and of the time since the occurrence before.
func (d *Desk) shows(r *store.Reader, t *Task, o *Occurrence, refs []string) error {
	a := t.Evidence
	if a == nil {
		return nil
	}
	_, date := Split(o.ID)
	why := lacking("name what shows it: %s, as %s", a.What, a.Says(date))
	since := before(o)
	for _, ref := range a.like(date, refs) {
		found, err := d.People.Find(r, ref)
		switch {
		case err != nil:
			return err
		case found == nil: // which is refused of any evidence
		case len(a.States) > 0 && !slices.Contains(a.States, found.State):
			why = lacking("%s is %s: it shows it when it is %s", ref, strings.ReplaceAll(found.State, "_", " "), strings.ReplaceAll(either(a.States), "_", " "))
		case found.At != nil && found.At.Before(since):
			why = lacking("%s is of %s: name one of the time since %s", ref, found.At.Format(time.DateOnly), since.Format(time.DateOnly))
		default:
			return nil
		}
	}
	return why
}

// before is when the occurrence before one was due by its frequency, with a day for those
// months that are shorter.
func before(o *Occurrence) time.Time {
	years, months, days := 0, 0, 0
	switch o.Frequency {
	case calendar.Annual:
		years = 1
	case calendar.Quarterly:
		months = 3
	case calendar.Monthly:
		months = 1
	case calendar.Weekly:
		days = 7
	case calendar.Daily:
		days = 1
	case calendar.Once:
		years = 10
	}
	return o.DueAt.AddDate(-years, -months, -days-1)
}

// severalStates makes a list of the one state that evidence had.
func severalStates(fields map[string]any) error {
	if asked, ok := fields["evidence"].(map[string]any); ok && asked["state"] != nil {
		asked["states"] = []any{asked["state"]}
		delete(asked, "state")
	}
	return nil
}
