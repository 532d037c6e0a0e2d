package surface

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

const (
	// near is how long before a deadline its owner is told.
	near = 7 * 24 * time.Hour
	// forgotten is how long after a deadline in a record it is told for the first
	// time, so that a register that is brought in does not tell of years.
	forgotten = 60 * 24 * time.Hour
	// again is how often the owner of a deadline that has passed is reminded, and
	// reminders how often at most.
	again     = 7 * 24 * time.Hour
	reminders = 8
	// mostDeviations is how many deviations are told one by one in a night, more or less: they
	// are looked through by as many at a time, until so many notes were new.
	mostDeviations = 100
)

// TellDeadlines tells people of duties that are due, late or missed, of deadlines in
// records that are near or have passed, of what becomes a deviation, of
// acknowledgments that nobody has read back, and of jobs that were given up. Each of these is told once; a deadline that has passed is
// reminded of every week, up to reminders times. It returns how many notes there
// were.
func (s *System) TellDeadlines(ctx context.Context, caller act.Caller) (int, error) {
	desk, err := s.NotificationDesk()
	if err != nil {
		return 0, err
	}
	var notes []notifications.Note
	var failed []act.GivenUp
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		a, err := s.audience(r)
		if err != nil {
			return err
		}
		for _, find := range []func(time.Time) ([]notifications.Note, error){a.duties, a.deadlines, a.unreconciled} {
			found, err := find(s.Clock.Now())
			if err != nil {
				return err
			}
			notes = append(notes, found...)
		}
		return jobs.Failed(r, func(kind, key, failure string) {
			failed = append(failed, act.GivenUp{Kind: kind, Key: key, Failure: failure})
		})
	}); err != nil {
		return 0, err
	}
	told, err := desk.Tell(ctx, caller, notes, nil)
	coming, unread := s.tellDeviations(ctx, desk, caller)
	return told + coming, errors.Join(err, unread, s.tellFailed(ctx, caller, failed))
}

// duties are of occurrences of duties that people do.
func (a *audience) duties(now time.Time) (notes []notifications.Note, err error) {
	desk := a.s.Desk()
	known, err := desk.All(a.r)
	if err != nil {
		return nil, err
	}
	own := map[string]bool{} // that SCAF does itself
	for _, t := range known {
		own[t.ID] = t.PerformedBy != ""
	}
	all, err := desk.List(a.r, tasks.Query{From: now.Add(-behind), To: now.Add(near)}, now)
	if err != nil {
		return nil, err
	}
	for i := range all {
		o := &all[i]
		name := ""
		switch {
		case o.DoneAt != nil || own[o.Duty]:
		case o.State == calendar.Missed:
			name = "missed"
		case o.State == calendar.Late:
			name = "late"
		case o.State == calendar.Due && o.DueAt.Sub(o.OpensAt) > 48*time.Hour: // what comes every day is told when it is late
			name = "due"
		}
		if name == "" {
			continue
		}
		to, err := a.both(o.Responsible, o.Owner, o.Orphaned)
		if err != nil {
			return nil, err
		}
		n := told{notifications.Note{Cause: "occurrence/" + o.ID + " " + name, Kind: notifications.Duty, About: tasks.Register.Name + "/" + o.ID}}
		if err := n.write("duty "+name, map[string]any{"Title": o.Title, "Ref": o.ID, "By": a.s.moment(o.DueAt), "Until": a.s.moment(o.Deadline)}); err != nil {
			return nil, err
		}
		notes = append(notes, toEach(n.Note, to, func(ref string) string { return a.pathOf(ref, occurrencePage(o.ID)) })...)
	}
	return notes, nil
}

// both are the one who does a duty and the one who answers for it; and where one of
// them has left, those who look after what is nobody's.
func (a *audience) both(responsible, owner, orphaned string) ([]string, error) {
	var to []string
	for _, words := range []string{responsible, owner} {
		refs, err := a.of(words)
		if err != nil {
			return nil, err
		}
		to = append(to, refs...)
	}
	if orphaned != "" {
		to = append(to, a.fallback()...)
	}
	slices.Sort(to)
	return slices.Compact(to), nil
}

// deadlines are of those that stand in records.
func (a *audience) deadlines(now time.Time) (notes []notifications.Note, err error) {
	for _, kind := range a.s.Kinds {
		if kind == policies.Acknowledgments || kind == training.Register {
			continue // whose reminders are events (RemindPeople)
		}
		for i := range kind.Dues {
			err := a.eachDeadline(kind, &kind.Dues[i], now, func(d Deadline) error {
				n, err := a.deadline(kind, &kind.Dues[i], d, now)
				notes = append(notes, n...)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", kind.Register, kind.Dues[i].Name, err)
			}
		}
	}
	return notes, nil
}

// deadlinePage is how many records are read at once.
const deadlinePage = 5000

// eachDeadline visits those deadlines of a register that are near or have passed.
func (a *audience) eachDeadline(kind *record.Kind, due *record.Due, now time.Time, visit func(Deadline) error) error {
	filter, zone := a.s.ending(kind, due, now.Add(-forgotten), now.Add(near)), a.s.zone()
	if due.Open != "" {
		filter += " && (" + due.Open + ")"
	}
	for after := ""; ; {
		var all []Deadline
		next, err := record.List(a.r, kind, record.Query{Filter: filter, Sort: due.At, Limit: deadlinePage, After: after}, func(v *record.Version) error {
			one, err := deadline(kind, v, due, zone)
			all = append(all, one)
			return err
		})
		if err != nil {
			return err
		}
		for _, d := range all { // after the list: a visit reads
			if err := visit(d); err != nil {
				return err
			}
		}
		if after = next; after == "" {
			return nil
		}
	}
}

func (a *audience) deadline(kind *record.Kind, due *record.Due, d Deadline, now time.Time) ([]notifications.Note, error) {
	id := strings.TrimPrefix(d.Ref, kind.Name+"/")
	to, err := a.of(d.Owner)
	if err != nil {
		return nil, err
	}
	title := d.Title
	if title == "" || kind.Personal {
		title = d.Ref
	}
	cause, template := fmt.Sprintf("%s %s %s near", d.Ref, due.Name, d.written.UTC().Format(time.RFC3339)), "deadline near"
	if late := now.Sub(d.At); late >= 0 {
		cause, template = fmt.Sprintf("%s %s %s passed %d", d.Ref, due.Name, d.written.UTC().Format(time.RFC3339), min(int(late/again), reminders-1)), "deadline passed"
	}
	n := told{notifications.Note{Cause: cause, Kind: notifications.Deadline, About: d.Ref}}
	path := func(ref string) string { return a.pathOf(ref, page(kind, id)) }
	err = n.write(template, map[string]any{"What": d.What, "Title": title, "Ref": d.Ref, "By": a.s.day(d.At)})
	return toEach(n.Note, to, path), err
}

// tellDeviations tells of what becomes a deviation before long, as the readiness
// report has it.
func (s *System) tellDeviations(ctx context.Context, desk *notifications.Desk, caller act.Caller) (int, error) {
	report, err := s.Readiness(ctx, ReadinessQuery{})
	if err != nil {
		return 0, err
	}
	return s.tellComing(ctx, desk, caller, report.Day.Coming)
}

// tellComing tells of those that have not been told of.
func (s *System) tellComing(ctx context.Context, desk *notifications.Desk, caller act.Caller, coming []*reports.Pending) (told int, err error) {
	for some := range slices.Chunk(coming, mostDeviations) { // of the first ones most were told before
		var notes []notifications.Note
		if err := s.DB.Read(ctx, func(r *store.Reader) error {
			a, err := s.audience(r)
			if err != nil {
				return err
			}
			for _, p := range some {
				if err := a.coming(p, &notes); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return told, err
		}
		now, err := desk.Tell(ctx, caller, notes, nil)
		if told += now; err != nil || told >= mostDeviations {
			return told, err
		}
	}
	return told, nil
}

// coming adds the notes of one of them: whoever can still do it is told, too.
func (a *audience) coming(p *reports.Pending, notes *[]notifications.Note) error {
	n := told{notifications.Note{
		Cause: fmt.Sprintf("deviation %s %s", p.Item, p.Deadline.UTC().Format(time.RFC3339)), Kind: notifications.Deviation, About: p.Item,
	}}
	to, do := a.doing(p)
	title, asked, err := a.pressing(p)
	if err != nil {
		return err
	}
	owner := p.Owner
	if kind, id, err := a.s.Kinds.Parse(p.Owner); err == nil && kind == people.Register {
		known, err := person(a.r, id)
		if err != nil {
			return err
		}
		if known != nil {
			owner = known.Name
		}
	}
	err = n.write("deviation", map[string]any{"Title": title, "Asked": asked, "Owner": owner, "By": a.s.moment(p.Deadline), "Tests": strings.Join(p.Tests, ", "), "Do": do})
	if err != nil {
		return err
	}
	of := a.toOrganization(n.Note, to)
	owners, err := a.of(p.Owner)
	for _, ref := range owners {
		if !slices.ContainsFunc(of, func(n notifications.Note) bool { return n.Recipient == ref }) {
			of = append(of, toEach(n.Note, []string{ref}, func(ref string) string { return a.pathOf(ref, to) })...)
		}
	}
	*notes = append(*notes, of...)
	return err
}

// pressing is what people call what becomes a deviation, and what the test asks of it where
// that is another thing: a record has its own title, or its number where it is personal.
func (a *audience) pressing(p *reports.Pending) (title, asked string, err error) {
	kind, id, err := a.s.Kinds.Parse(p.Item)
	if err != nil || kind.Name+"/"+id != p.Item || len(kind.Columns) == 0 {
		return p.Title, "", nil //nolint:nilerr // it is no record
	}
	title = kind.Singular + " " + id
	v, err := record.Get(a.r, kind.Name, id)
	if errors.Is(err, record.ErrNone) || kind.Personal {
		return title, p.Title, nil
	}
	if err != nil {
		return "", "", err
	}
	return cmp.Or(kind.Caption(v.Doc), title), p.Title, nil
}

// doing is where somebody does what presses, and what it is where the page does not say it.
func (a *audience) doing(p *reports.Pending) (place, string) {
	control, test, _ := strings.Cut(strings.Join(p.Tests[:min(1, len(p.Tests))], ""), " ")
	switch {
	case p.Unread != "":
		return page(documents.Register, p.Unread), "Somebody other than who prepared it has to read " + p.Unread + "."
	case p.Kind == controls.Document:
		return place{"/controls/" + url.PathEscape(control) + "/evidence?test=" + url.QueryEscape(test), "evidence.add"}, "A file that shows it has to be added as evidence."
	case p.Kind == controls.State:
		return place{"/controls/" + url.PathEscape(control), "control.read"}, "What it is has to be read again, by a probe or by a person, and sent as an observation."
	}
	kind, id, err := a.s.Kinds.Parse(p.Item)
	switch {
	case err != nil:
		return place{"/", "report.read"}, ""
	case kind == tasks.Performances || kind == tasks.Register:
		return occurrencePage(id), ""
	}
	return page(kind, id), ""
}
