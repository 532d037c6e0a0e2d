package portal

import (
	"fmt"
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
	// Every are those of duties of every day that are as they should be, in a month.
	Every []stateCount
	Next  string // the day after
}

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
		Deadlines            int
		Any                  bool // there are duties at all
	}{}
	week, month := &spans[0], &spans[1]
	begin := month.begin(now)
	if at, err := time.ParseInLocation("2006-01", r.FormValue("month"), zone); err == nil {
		begin = at
	}
	end := month.next(begin, 1)
	page.Name = begin.Format("January 2006")
	page.Before, page.After = "/calendar?month="+month.next(begin, -1).Format("2006-01"), "/calendar?month="+end.Format("2006-01")
	page.Other = "/calendar?week=" + begin.Format(time.DateOnly)
	if month.begin(now).Equal(begin) {
		page.Other = "/calendar?week=" + now.Format(time.DateOnly)
	}
	if at, err := time.ParseInLocation(time.DateOnly, r.FormValue("week"), zone); err == nil {
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
	deadlines, err := p.System.Deadlines(r.Context(), r.caller, begin, end)
	if err != nil {
		return nil, err
	}
	page.Counts, page.Deadlines = counted(listed), len(deadlines)
	all, err := p.allDuties(r.Context())
	if err != nil {
		return nil, err
	}
	page.Any = len(all) > 0
	for at := week.begin(begin); at.Before(end); at = week.next(at, 1) {
		var days []calendarDay
		for n := range 7 {
			day := calendarDay{At: date(at.Year(), at.Month(), at.Day()+n, at)}
			day.Date = day.At.Format(time.DateOnly)
			day.Other, day.Today = day.At.Before(begin) || !day.At.Before(end), day.Date == now.Format(time.DateOnly)
			day.Next = day.At.AddDate(0, 0, 1).Format(time.DateOnly)
			var every []tasks.Listed
			for _, l := range listed {
				_, on := tasks.Split(l.ID)
				usual := l.Frequency == calendar.Daily && (l.State == calendar.Done && l.OK || l.State == calendar.NotYetDue)
				switch {
				case on != day.Date:
				case usual && !page.Week:
					every = append(every, l)
				default:
					day.Occurrences = append(day.Occurrences, l)
				}
			}
			day.Every = counted(every)
			for _, d := range deadlines {
				if d.At.In(zone).Format(time.DateOnly) == day.Date {
					day.Deadlines = append(day.Deadlines, d)
				}
			}
			slices.SortStableFunc(day.Occurrences, func(a, b tasks.Listed) int {
				return slices.Index(grave, a.State) - slices.Index(grave, b.State)
			})
			day.Empty = len(day.Occurrences)+len(day.Deadlines)+len(day.Every) == 0
			days = append(days, day)
		}
		page.Weeks = append(page.Weeks, days)
	}
	return &shown{page: "calendar", title: "Calendar", data: page}, nil
}
