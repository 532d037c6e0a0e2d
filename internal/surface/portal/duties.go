package portal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// gridColumn is a period of the grid: its first day and the first after it, as dates.
type gridColumn struct {
	From, To   string
	Name, Note string
	Now        bool // it holds today
}

// span is how a grid divides time.
type span struct {
	name    string
	columns int
	begin   func(at time.Time) time.Time // of the period that holds a day
	next    func(begin time.Time, by int) time.Time
	label   func(begin time.Time) (name, note string)
}

var spans = []span{
	{"week", 13,
		func(at time.Time) time.Time { return date(at.Year(), at.Month(), at.Day()-(int(at.Weekday())+6)%7, at) },
		func(begin time.Time, by int) time.Time { return begin.AddDate(0, 0, 7*by) },
		func(begin time.Time) (string, string) {
			year, week := begin.ISOWeek()
			return fmt.Sprintf("W%02d", week), begin.Format("2 Jan") + " " + fmt.Sprint(year)
		}},
	{"month", 12,
		func(at time.Time) time.Time { return date(at.Year(), at.Month(), 1, at) },
		func(begin time.Time, by int) time.Time { return begin.AddDate(0, by, 0) },
		func(begin time.Time) (string, string) { return begin.Format("Jan"), begin.Format("2006") }},
	{"quarter", 8,
		func(at time.Time) time.Time { return date(at.Year(), at.Month()-(at.Month()-1)%3, 1, at) },
		func(begin time.Time, by int) time.Time { return begin.AddDate(0, 3*by, 0) },
		func(begin time.Time) (string, string) {
			return fmt.Sprintf("Q%d", (begin.Month()+2)/3), begin.Format("2006")
		}},
}

// date is midnight of a day in the zone of an instant.
func date(year int, month time.Month, day int, in time.Time) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, in.Location())
}

// duty is a duty as the pages show it.
type duty struct {
	*tasks.Task

	Owner, Responsible string   // now
	Controls           []string // whose tests read it
	Criteria           []string // for which those controls answer
	// Nobody is who of them is nobody: a title that nobody has, somebody who has left.
	// Empty: both are somebody.
	Nobody string
}

// cell is what falls due of a duty in a period.
type cell struct {
	Duty, From, To string
	Counts         []stateCount
	One            *tasks.Listed // where there is one occurrence
}

type stateCount struct {
	State calendar.State
	Count int
}

// dutyRow is a duty's line of the grid.
type dutyRow struct {
	duty

	Cells []cell
}

// grave are the states from the gravest to the lightest.
var grave = []calendar.State{calendar.Missed, calendar.Late, calendar.Due, calendar.NotYetDue, calendar.NotOccurring, calendar.Done}

// dutiesQuery is what the grid shows.
type dutiesQuery struct {
	By, From, To   string // To: the day after the last one
	Owner, Control string
	State          calendar.State // not empty: a list, instead of the grid
	Nobody         bool           // only duties of nobody
}

// Address is that of the same page with some parameters changed, given as pairs.
func (q dutiesQuery) Address(pairs ...string) string {
	values := url.Values{}
	set := func(name, value string) {
		if values.Del(name); value != "" {
			values.Set(name, value)
		}
	}
	set("by", q.By)
	set("from", q.From)
	set("to", q.To)
	set("owner", q.Owner)
	set("control", q.Control)
	set("state", string(q.State))
	if q.Nobody {
		set("nobody", "yes")
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		set(pairs[i], pairs[i+1])
	}
	return "/duties?" + values.Encode()
}

// mostListed is how many occurrences a list shows.
const mostListed = 200

// duties is the grid of occurrences: a row for each duty, a column for each
// period.
func (p *Portal) duties(r *request) (*shown, error) {
	zone, err := p.System.Config.Location()
	if err != nil {
		return nil, err
	}
	q := dutiesQuery{By: r.FormValue("by"), From: r.FormValue("from"), To: r.FormValue("to"), Owner: r.FormValue("owner"), Control: r.FormValue("control"), State: calendar.State(r.FormValue("state")), Nobody: r.FormValue("nobody") != ""}
	at := slices.IndexFunc(spans, func(s span) bool { return s.name == q.By })
	if at < 0 {
		at, q.By = 1, spans[1].name
	}
	s, now := &spans[at], p.System.Clock.Now().In(zone)
	begin, err := time.ParseInLocation(time.DateOnly, q.From, zone)
	if err != nil {
		begin = s.next(s.begin(now), 2-s.columns)
	}
	if q.State == "" {
		begin = s.begin(begin)
	}
	end, err := time.ParseInLocation(time.DateOnly, q.To, zone)
	if q.State == "" || err != nil || !end.After(begin) || end.Sub(begin) > 800*24*time.Hour {
		end = s.next(begin, s.columns)
	}
	q.From, q.To = begin.Format(time.DateOnly), end.Format(time.DateOnly)
	all, err := p.allDuties(r.Context())
	if err != nil {
		return nil, err
	}
	listed, err := p.occurrences(r, tasks.Query{Owner: q.Owner}, begin, end)
	if err != nil {
		return nil, err
	}
	page := struct {
		Query                dutiesQuery
		Spans                []string
		Columns              []gridColumn
		Rows                 []dutyRow
		Counts               []stateCount
		Owners, Controls     []string
		Before, After, Today string // addresses
		Listed               []tasks.Listed
		Of                   int // are listed, of which Listed are the first
		Nobodys              int
	}{
		Query: q, Spans: []string{"week", "month", "quarter"},
		Before: q.Address("from", s.next(begin, 1-s.columns).Format(time.DateOnly), "to", ""),
		After:  q.Address("from", s.next(begin, s.columns-1).Format(time.DateOnly), "to", ""),
		Today:  q.Address("from", "", "to", ""),
	}
	page.Nobodys = nobodys(all)
	for _, d := range all {
		page.Owners, page.Controls = append(page.Owners, d.Owner, d.Responsible), append(page.Controls, d.Controls...)
	}
	page.Owners, page.Controls = sorted(page.Owners), sorted(page.Controls)
	shownDuties := slices.DeleteFunc(slices.Clone(all), func(d duty) bool {
		return q.Control != "" && !slices.Contains(d.Controls, q.Control) || q.Nobody && d.Nobody == ""
	})
	listed = slices.DeleteFunc(listed, func(l tasks.Listed) bool {
		return !slices.ContainsFunc(shownDuties, func(d duty) bool { return d.ID == l.Duty })
	})
	page.Counts = counted(listed)
	if q.State != "" {
		page.Listed = slices.DeleteFunc(listed, func(l tasks.Listed) bool { return l.State != q.State })
		page.Of = len(page.Listed)
		page.Listed = page.Listed[:min(page.Of, mostListed)]
		return &shown{page: "duties", title: "Duties", data: page}, nil
	}
	today := now.Format(time.DateOnly)
	for n := range s.columns {
		from, to := s.next(begin, n), s.next(begin, n+1)
		c := gridColumn{From: from.Format(time.DateOnly), To: to.Format(time.DateOnly)}
		c.Name, c.Note = s.label(from)
		c.Now = c.From <= today && today < c.To
		page.Columns = append(page.Columns, c)
	}
	for _, d := range shownDuties {
		of := slices.DeleteFunc(slices.Clone(listed), func(l tasks.Listed) bool { return l.Duty != d.ID })
		if len(of) > 0 || q.Owner == "" {
			page.Rows = append(page.Rows, dutyRow{d, cellsOf(d.ID, page.Columns, of)})
		}
	}
	return &shown{page: "duties", title: "Duties", data: page}, nil
}

// nobodys is how many duties are nobody's.
func nobodys(all []duty) (n int) {
	for i := range all {
		if all[i].Nobody != "" {
			n++
		}
	}
	return n
}

// cellsOf puts a duty's occurrences under the columns that their days are in.
func cellsOf(duty string, columns []gridColumn, listed []tasks.Listed) []cell {
	cells := make([]cell, len(columns))
	for i, c := range columns {
		cells[i] = cell{Duty: duty, From: c.From, To: c.To}
		var in []tasks.Listed
		for _, l := range listed {
			if _, day := tasks.Split(l.ID); c.From <= day && day < c.To {
				in = append(in, l)
			}
		}
		if len(in) == 1 {
			cells[i].One = &in[0]
		}
		cells[i].Counts = counted(in)
	}
	return cells
}

// counted counts occurrences by state, the gravest first.
func counted(listed []tasks.Listed) (counts []stateCount) {
	for _, state := range grave {
		n := 0
		for i := range listed {
			if listed[i].State == state {
				n++
			}
		}
		if n > 0 {
			counts = append(counts, stateCount{state, n})
		}
	}
	return counts
}

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" })
}

// occurrences lists those whose day lies between two midnights.
func (p *Portal) occurrences(r *request, q tasks.Query, begin, end time.Time) ([]tasks.Listed, error) {
	// A day's duty may fall due in the day after it.
	q.From, q.To = begin.AddDate(0, 0, -1), end.AddDate(0, 0, 2)
	listed, err := p.System.Occurrences(r.Context(), r.caller, q)
	from, to := begin.Format(time.DateOnly), end.Format(time.DateOnly)
	return slices.DeleteFunc(listed, func(l tasks.Listed) bool {
		_, day := tasks.Split(l.ID)
		return day < from || day >= to
	}), err
}

// allDuties are the duties of the register.
func (p *Portal) allDuties(ctx context.Context) ([]duty, error) {
	known, nobody, err := p.knownDuties(ctx)
	if err != nil {
		return nil, err
	}
	all, err := p.System.Controls()
	if err != nil {
		return nil, err
	}
	now := p.System.Clock.Now()
	duties := make([]duty, 0, len(known))
	for _, t := range known {
		read, err := readBy(t, all)
		if err != nil {
			return nil, err
		}
		var criteria []string
		for _, control := range all {
			if slices.Contains(read, control.ID) {
				criteria = append(criteria, control.Criteria...)
			}
		}
		duties = append(duties, duty{t, t.Owner(now), t.Responsible(now), read, ranked(criteria), nobody[t.ID]})
	}
	slices.SortStableFunc(duties, func(a, b duty) int { return strings.Compare(a.Title, b.Title) })
	return duties, nil
}

// knownDuties are the duties of the register, and by the ids of those that are nobody's
// who of their owner and their delegate is nobody.
func (p *Portal) knownDuties(ctx context.Context) (known []*tasks.Task, nobody map[string]string, err error) {
	if err := p.System.DB.Read(ctx, func(r *store.Reader) (err error) {
		known, err = p.System.Desk().All(r)
		return err
	}); err != nil {
		return nil, nil, err
	}
	now := p.System.Clock.Now()
	var owners []string
	for _, t := range known {
		owners = append(owners, t.Owner(now), t.Responsible(now))
	}
	absent, err := p.System.Nobody(ctx, sorted(owners))
	nobody = map[string]string{}
	for _, t := range known {
		for _, owner := range []string{t.Owner(now), t.Responsible(now)} {
			if absent[owner] {
				nobody[t.ID] = owner
			}
		}
	}
	return known, nobody, err
}

// fromOccurrences is what control files call the occurrences of duties.
var fromOccurrences = tasks.Register.Derived[0].Name

// readBy are the controls that have a test of which an occurrence of the duty,
// done in time, is an item.
func readBy(t *tasks.Task, all []*controls.Control) (ids []string, err error) {
	doc, err := record.Canonical(&tasks.Occurrence{
		ID: t.ID + "@", Duty: t.ID, Title: t.Title, Frequency: t.Schedule().Frequency, State: calendar.Done, OK: true,
	})
	if err != nil {
		return nil, err
	}
	for _, control := range all {
		if slices.ContainsFunc(control.Tests, func(test *controls.Test) bool {
			if test.Population.From != fromOccurrences || test.Population.Awaited {
				return false
			}
			e := test.Evaluator()
			if e.Read(doc) != nil {
				return false
			}
			in, err := e.In()
			return in && err == nil
		}) {
			ids = append(ids, control.ID)
		}
	}
	return ids, nil
}

// dutiesOf are the duties that a control's tests read.
func (p *Portal) dutiesOf(r *request, control *controls.Control) (ids []string, err error) {
	all, err := p.allDuties(r.Context())
	for _, d := range all {
		if slices.Contains(d.Controls, control.ID) {
			ids = append(ids, d.ID)
		}
	}
	return ids, err
}

// findDuty is the duty that is asked for.
func (p *Portal) findDuty(r *request) (*duty, error) {
	all, err := p.allDuties(r.Context())
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].ID == r.PathValue("duty") {
			return &all[i], nil
		}
	}
	return nil, errNotFound
}

// duty is the page of one duty with its occurrences, the newest first.
func (p *Portal) duty(r *request) (*shown, error) {
	d, err := p.findDuty(r)
	if err != nil {
		return nil, err
	}
	zone, err := p.System.Config.Location()
	if err != nil {
		return nil, err
	}
	now := p.System.Clock.Now().In(zone)
	page := struct {
		*duty
		From, To         string
		State            calendar.State
		Counts           []stateCount
		Listed           []tasks.Listed
		More             bool
		Assign, Delegate bool // the reader may
	}{duty: d, Assign: r.may("task.assign") && r.session != nil, Delegate: r.may("task.delegate") && r.session != nil, From: r.FormValue("from"), To: r.FormValue("to"), State: calendar.State(r.FormValue("state"))}
	begin, err := time.ParseInLocation(time.DateOnly, page.From, zone)
	if err != nil {
		begin = date(now.Year()-1, now.Month(), now.Day(), now)
	}
	end, err := time.ParseInLocation(time.DateOnly, page.To, zone)
	if err != nil || !end.After(begin) {
		end = begin.AddDate(1, 1, 0)
	}
	page.From, page.To = begin.Format(time.DateOnly), end.Format(time.DateOnly)
	if page.Listed, err = p.occurrences(r, tasks.Query{Duty: d.ID}, begin, end); err != nil {
		return nil, err
	}
	page.Counts = counted(page.Listed)
	if page.State != "" {
		page.Listed = slices.DeleteFunc(page.Listed, func(l tasks.Listed) bool { return l.State != page.State })
	}
	slices.Reverse(page.Listed)
	if page.More = len(page.Listed) > mostListed; page.More {
		page.Listed = page.Listed[:mostListed]
	}
	return &shown{page: "duty", title: d.Title, data: page}, nil
}

// notFound makes the error of a duty that there is not one of a page.
func notFound(err error) error {
	if errors.Is(err, tasks.ErrNone) {
		return errNotFound
	}
	return err
}
