package portal

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"time"

	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/surface"
)

// calendarDay is a day with what falls due on it.
type calendarDay struct {
	At                  time.Time
	Date                string
	Other, Today, Empty bool // Other: of the month before or after
	Occurrences         []tasks.Listed
	Deadlines           []surface.Deadline
	More                []moreDeadlines
	// Every are those of duties of every day that are as they should be, in a month.
	Every []stateCount
	Next  string // the day after
}

// moreDeadlines are too many to list each of them.
type moreDeadlines struct {
	Count      int64
	What, Href string
	Late       bool // they have passed
}

// fewDeadlines are so many of a kind that each of them has its line on a day of a
// month, and of a week.
const (
	fewDeadlines       = 3
	fewDeadlinesOfWeek = 15
)

// deadlines are what falls due on each day.
func (p *Portal) deadlines(r *request, days []calendarDay, few int64) (sum int64, err error) {
	begins := make([]time.Time, len(days), len(days)+1)
	for i := range days {
		begins[i] = days[i].At
	}
	last := begins[len(begins)-1]
	falling, err := p.System.Falling(r.Context(), r.caller, append(begins, last.AddDate(0, 0, 1)), few)
	if err != nil {
		return 0, err
	}
	for i := range days {
		day := &days[i]
		for _, f := range falling[i] {
			sum += f.Count
			if f.Each != nil {
				day.Deadlines = append(day.Deadlines, f.Each...)
				continue
			}
			day.More = append(day.More, moreDeadlines{f.Count, f.Due.What, p.falling(&f, day.Date, day.Date), !day.At.AddDate(0, 0, 1).After(p.System.Clock.Now())})
		}
		slices.SortFunc(day.Deadlines, func(a, b surface.Deadline) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.What, b.What))
		})
	}
	return sum, nil
}

// falling is the list of the records of a deadline that is on the days from the first to the
// last.
func (p *Portal) falling(f *surface.Falling, first, last string) string {
	return p.ask(f.Kind, url.Values{prefix + f.Due.At + ".from": {first}, prefix + f.Due.At + ".to": {last}, "filter": {f.Due.Open}, "sort": {f.Due.At}}).with()
}

// mostDays are of how many days the deadlines are listed.
const mostDays = 800

// fallingPage lists the deadlines of records that are on some days, by what is to be done.
type fallingPage struct {
	Name, Calendar string
	Count          int64
	Of             []fallingLine
	Now            time.Time
}

type fallingLine struct {
	Count     int64
	What      string
	Register  string
	Href      string // the list of all of them
	Deadlines []surface.Deadline
}

// fallingDeadlines is what the calendar's number of deadlines leads to.
func (p *Portal) fallingDeadlines(r *request) (*shown, error) {
	from, err1 := time.ParseInLocation(time.DateOnly, r.FormValue("from"), p.zone)
	to, err2 := time.ParseInLocation(time.DateOnly, r.FormValue("to"), p.zone)
	if err1 != nil || err2 != nil || from.Year() < firstYear || !from.Before(to) || to.Sub(from) > mostDays*day {
		return &shown{to: "/calendar"}, nil //nolint:nilerr // what is no span of days leads to the calendar
	}
	last := to.AddDate(0, 0, -1).Format(time.DateOnly)
	page := &fallingPage{Name: from.Format(time.DateOnly), Calendar: "/calendar?month=" + from.Format("2006-01"), Now: p.System.Clock.Now()}
	if last != page.Name {
		page.Name += " to " + last
	}
	if to.Equal(from.AddDate(0, 0, 7)) {
		page.Calendar = "/calendar?week=" + from.Format(time.DateOnly)
	}
	all, err := p.System.Falling(r.Context(), r.caller, []time.Time{from, to}, fewDeadlinesOfWeek)
	if err != nil {
		return nil, err
	}
	for i := range all[0] {
		f := &all[0][i]
		page.Count += f.Count
		page.Of = append(page.Of, fallingLine{f.Count, f.Due.What, f.Kind.Title, p.falling(f, from.Format(time.DateOnly), last), f.Each})
	}
	return &shown{page: "falling", title: "Deadlines of records", data: page}, nil
}

// firstYear is the first that is shown: before it, midnights were not always at whole
// quarters of an hour (record.Spread).
const firstYear = 1973

// calendar shows a month, or a week, of what falls due.
func (p *Portal) calendar(r *request) (*shown, error) {
	zone, err := p.System.Config.Location()
	if err != nil {
		return nil, err
	}
	now := p.System.Clock.Now().In(zone)
	page := struct {
		Week                 bool
		From, To             string
		Name                 string
		Before, After, Other string // addresses; Other: of the week, or the month
		Weeks                [][]calendarDay
		Counts               []stateCount
		Deadlines            int64
		Any                  bool // there are duties at all
		Nobodys              int  // duties that are nobody's
		Now                  time.Time
	}{Now: now}
	week, month := &spans[0], &spans[1]
	begin := month.begin(now)
	if at, err := time.ParseInLocation("2006-01", r.FormValue("month"), zone); err == nil && at.Year() >= firstYear {
		begin = at
	}
	end := month.next(begin, 1)
	page.Name = begin.Format("January 2006")
	page.Before, page.After = "/calendar?month="+month.next(begin, -1).Format("2006-01"), "/calendar?month="+end.Format("2006-01")
	page.Other = "/calendar?week=" + begin.Format(time.DateOnly)
	if month.begin(now).Equal(begin) {
		page.Other = "/calendar?week=" + now.Format(time.DateOnly)
	}
	if at, err := time.ParseInLocation(time.DateOnly, r.FormValue("week"), zone); err == nil && at.Year() >= firstYear {
		page.Week, begin = true, week.begin(at)
		end = week.next(begin, 1)
		year, number := begin.ISOWeek()
		page.Name = fmt.Sprintf("Week %d of %d", number, year)
		page.Before, page.After = "/calendar?week="+week.next(begin, -1).Format(time.DateOnly), "/calendar?week="+end.Format(time.DateOnly)
		page.Other = "/calendar?month=" + begin.Format("2006-01")
	}
	page.From, page.To = begin.Format(time.DateOnly), end.Format(time.DateOnly)
	listed, err := p.occurrences(r, tasks.Query{}, begin, end)
	if err != nil {
		return nil, err
	}
	page.Counts = counted(listed)
	all, err := p.allDuties(r.Context())
	if err != nil {
		return nil, err
	}
	page.Any, page.Nobodys = len(all) > 0, nobodys(all)
	var days []calendarDay
	var first, last int // days of the month, or the week, itself
	for at := week.begin(begin); at.Before(end); at = week.next(at, 1) {
		for n := range 7 {
			day := calendarDay{At: date(at.Year(), at.Month(), at.Day()+n, at)}
			day.Date = day.At.Format(time.DateOnly)
			day.Other, day.Today = day.At.Before(begin) || !day.At.Before(end), day.Date == now.Format(time.DateOnly)
			day.Next = day.At.AddDate(0, 0, 1).Format(time.DateOnly)
			day.occurrences(listed, page.Week)
			if days = append(days, day); day.At.Before(begin) {
				first = len(days)
			} else if !day.Other {
				last = len(days)
			}
		}
	}
	few := int64(fewDeadlines)
	if page.Week {
		few = fewDeadlinesOfWeek
	}
	if page.Deadlines, err = p.deadlines(r, days[first:last], few); err != nil {
		return nil, err
	}
	for i := range days {
		day := &days[i]
		day.Empty = len(day.Occurrences)+len(day.Deadlines)+len(day.More)+len(day.Every) == 0
	}
	page.Weeks = slices.Collect(slices.Chunk(days, 7))
	return &shown{page: "calendar", title: "Calendar", data: page}, nil
}

// occurrences puts on the day what of it is listed: in a month, what is done every day
// and is as it should be is counted only.
func (day *calendarDay) occurrences(listed []tasks.Listed, week bool) {
	var every []tasks.Listed
	for _, l := range listed {
		_, on := tasks.Split(l.ID)
		usual := l.Frequency == calendar.Daily && (l.State == calendar.Done && l.OK || l.State == calendar.NotYetDue)
		switch {
		case on != day.Date:
		case usual && !week:
			every = append(every, l)
		default:
			day.Occurrences = append(day.Occurrences, l)
		}
	}
	day.Every = counted(every)
	slices.SortStableFunc(day.Occurrences, func(a, b tasks.Listed) int {
		return slices.Index(grave, a.State) - slices.Index(grave, b.State)
	})
}
