package portal

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/record"
)

const (
	// lateOfADeadline are so many of one deadline of one register that each of them is
	// listed among what is late; the others are in their register's list.
	lateOfADeadline = 100
	// mostPressing is how many lines the list of what is late shows.
	mostPressing = 1000
)

// pressing is something that is late, or becomes a deviation soon: one line, whatever
// tests and deadlines say so of it.
type pressing struct {
	Item string // a reference, where there is a record
	Ref  string // what pages show and lead to
	Name string // that it is called by; empty: as its record is
	What string // what is to be done, or what the test asks for; empty: the name says it
	By   string // who has to do it
	// At is when it is due; of Day only the day counts. Deviates is until when a test
	// that reads it waits, where that is another time: after it, it is a deviation.
	At       time.Time
	Day      bool
	Deviates time.Time
	// named says that By is whom the record's own deadline names.
	named bool
	// Tests read it, as "control test"; Criteria are those for which they answer.
	Tests, Criteria []string
	// deviated are the pages of the deviations that it is already, by the tests.
	deviated map[string]string
}

// Deviation is the page of the deviation that it is for a test; empty: it is none that is
// known.
func (p pressing) Deviation(test string) string { return p.deviated[test] }

// agenda is what presses at the time of a report.
type agenda struct {
	// Late and Coming are the first lines, mostPressing at most, of Listed and Expected.
	Late, Coming     []pressing
	Listed, Expected int
	// More are deadlines that have passed of which only the first are listed; Count is
	// how many are late with them.
	More  []moreDeadlines
	Count int64
}

// lastAgenda keeps it as long as the report is the same one, for readers who may read
// records and for those who may not.
type lastAgenda struct {
	mu     sync.Mutex
	report *reports.Readiness
	made   map[bool]*agenda
}

// agenda is what presses: what the report finds, and, for whoever may read records,
// deadlines in them that have passed and who has to do something about them.
func (p *Portal) agenda(r *request, report *reports.Readiness) (*agenda, error) {
	last := &p.pressing
	last.mu.Lock()
	defer last.mu.Unlock()
	reads := r.may("record.read")
	if last.report != report {
		last.report, last.made = report, map[bool]*agenda{}
	}
	if made := last.made[reads]; made != nil {
		return made, nil
	}
	a, criteria, late := &agenda{}, map[string][]string{}, map[string]int{}
	for i := range report.Controls {
		criteria[report.Controls[i].ID] = report.Controls[i].Criteria
	}
	if report.Day != nil {
		var coming map[string]int
		a.Late, late = p.items(report.Day.Late, criteria)
		a.Coming, coming = p.items(report.Day.Coming, criteria)
		a.Expected = len(coming)
	}
	if reads {
		if err := p.ofRecords(r, report, a, late); err != nil {
			return nil, err
		}
	}
	if err := p.deviated(r, report, a.Late); err != nil {
		return nil, err
	}
	a.Listed = len(late)
	a.Count += int64(a.Listed)
	slices.SortStableFunc(a.Late, func(a, b pressing) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Item, b.Item)) })
	a.Late = a.Late[:min(len(a.Late), mostPressing)]
	last.made[reads] = a
	return a, nil
}

// deviated finds which of the lines are deviations already.
func (p *Portal) deviated(r *request, report *reports.Readiness, lines []pressing) error {
	var refs []string
	for i := range lines {
		refs = append(refs, lines[i].Item)
	}
	known, err := p.System.Deviated(r.Context(), report, refs...)
	if err != nil {
		return err
	}
	for i := range lines {
		for _, d := range known[lines[i].Item] {
			if test := d.Control + " " + d.Test; slices.Contains(lines[i].Tests, test) {
				if lines[i].deviated == nil {
					lines[i].deviated = map[string]string{}
				}
				lines[i].deviated[test] = deviationPath("", &results.Found{Result: d.Result, Item: d.ID})
			}
		}
	}
	return nil
}

// ofRecords adds to it what records say; late are the items that it has.
func (p *Portal) ofRecords(r *request, report *reports.Readiness, a *agenda, late map[string]int) error {
	passed, err := p.System.Overdue(r.Context(), r.caller, report.At, lateOfADeadline)
	if err != nil {
		return err
	}
	bears, err := p.bearing()
	if err != nil {
		return err
	}
	for _, of := range passed {
		a.Count += of.Count - int64(len(of.Each))
		for _, d := range of.Each {
			if i, ok := late[d.Ref]; ok {
				if i != unlisted {
					a.Late[i].By, a.Late[i].What, a.Late[i].named, a.Late[i].At, a.Late[i].Day = d.Owner, d.What, true, d.At, d.Day
				}
				continue
			}
			late[d.Ref] = len(a.Late)
			line := pressing{Item: d.Ref, Ref: d.Ref, What: d.What, By: d.Owner, At: d.At, Day: d.Day, named: true, Criteria: bears[of.Kind.Register]}
			line.Name = numbered(of.Kind, strings.TrimPrefix(d.Ref, of.Kind.Name+"/"))
			if of.Kind == policies.Acknowledgments {
				line.Name = d.Title // the policy's: it has none of its own
			}
			a.Late = append(a.Late, line)
		}
		if rest := of.Count - int64(len(of.Each)); rest > 0 {
			a.More = append(a.More, moreDeadlines{Count: rest, What: of.Due.What, Href: p.passed(of.Kind, of.Due, report.At), Late: true})
		}
	}
	return nil
}

// bearing are the criteria for which those controls answer whose tests read a register, or
// what is computed of it, by the register.
func (p *Portal) bearing() (map[string][]string, error) {
	all, err := p.System.Controls()
	if err != nil {
		return nil, err
	}
	bears := map[string][]string{}
	for _, control := range all {
		for _, test := range control.Tests {
			register := p.System.Kinds.Keeper(test.Population.From)
			bears[register] = append(bears[register], control.Criteria...)
		}
	}
	for register := range bears {
		bears[register] = ranked(bears[register])
	}
	return bears, nil
}

// passed is the list of those records of a register that are owed and of which a deadline
// has passed by an instant, to the day.
func (p *Portal) passed(kind *record.Kind, due *record.Due, at time.Time) string {
	last := at.In(p.zone)
	if field := kind.Field(due.At); field.Whole() {
		last = last.AddDate(0, 0, -1) // today can still be done
	}
	return p.ask(kind, url.Values{prefix + due.At + ".to": {last.Format(time.DateOnly)}, "filter": {due.Open}, "sort": {due.At}}).with()
}

// numbered is what a record of a personal register is called in lists that everybody may
// read; empty: as its record is.
func numbered(kind *record.Kind, id string) string {
	if !kind.Personal || kind == people.Register {
		return ""
	}
	return kind.Singular + " " + id
}

// unlisted is the number of an item that comes after the first lines.
const unlisted = -1

// items are the first lines of what a report lists, each item once, and the number of
// each item's line.
func (p *Portal) items(all []*reports.Pending, criteria map[string][]string) (lines []pressing, at map[string]int) {
	at = make(map[string]int, len(all))
	reference := p.System.Awaited()
	for _, one := range all {
		n, ok := at[one.Item]
		if !ok && len(lines) == mostPressing {
			n, ok = unlisted, true
			at[one.Item] = unlisted
		}
		if !ok {
			n = len(lines)
			at[one.Item] = n
			line := pressing{Item: one.Item, Ref: reference(one), Name: one.Title, By: one.Owner, At: one.Due, Day: one.Day, Deviates: one.Deadline}
			if kind, _, _ := p.System.Computed(line.Ref); kind != nil {
				line.Name, line.What = "", one.Title
			}
			if kind, id, err := p.System.Kinds.Parse(one.Item); err == nil && kind.Name+"/"+id == one.Item && len(kind.Columns) > 0 {
				line.Name, line.What = numbered(kind, id), one.Title
			}
			lines = append(lines, line)
		}
		if n != unlisted {
			lines[n].Tests = append(lines[n].Tests, one.Tests...)
		}
	}
	known := map[string][]string{} // many lines have the same tests
	for i := range lines {
		tests := strings.Join(lines[i].Tests, "\x00")
		if _, ok := known[tests]; !ok {
			var of []string
			for _, test := range lines[i].Tests {
				control, _, _ := strings.Cut(test, " ")
				of = append(of, criteria[control]...)
			}
			known[tests] = ranked(of)
		}
		lines[i].Criteria = known[tests]
	}
	return lines, at
}

// owners are the first lines with who has to do something about records: whom their own
// deadlines name, and not the control's owner, who only tests it.
func (p *Portal) owners(r *request, lines []pressing, most int) ([]pressing, error) {
	lines = slices.Clone(lines[:min(len(lines), most)])
	if !r.may("record.read") {
		return lines, nil
	}
	of := map[string][]*pressing{}
	for i := range lines {
		if ref := p.System.RecordOf(lines[i].Ref); !lines[i].named {
			of[ref] = append(of[ref], &lines[i])
		}
	}
	owners, err := p.System.OwnersOf(r.Context(), slices.Collect(maps.Keys(of)))
	for ref, owner := range owners {
		for _, line := range of[ref] {
			line.By = owner
		}
	}
	return lines, err
}

// latePage lists what is late.
type latePage struct {
	*agenda

	Shown  []pressing // with who has to do it
	report *reports.Readiness
}

// For says how long ago an instant was.
func (l *latePage) For(at time.Time) string { return reports.Span(l.report.At.Sub(at)) }

func (p *Portal) late(r *request) (*shown, error) {
	report, err := p.System.Standing(r.Context())
	if err != nil {
		return nil, err
	}
	all, err := p.agenda(r, report)
	if err != nil {
		return nil, err
	}
	lines, err := p.owners(r, all.Late, mostPressing)
	return &shown{page: "late", title: "Late", data: &latePage{all, lines, report}}, err
}
