package portal

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/access"
)

// workAhead is how far ahead a person's work is shown: beyond the 30 days in which
// policies are acknowledged and trainings are finished.
const workAhead = 31 * 24 * time.Hour

// workShown is how many deadlines the page has, the first ones: it stays within what a page
// may weigh, and what somebody reads.
const workShown = 100

// workPage is what somebody has to do: what is late, what is due now, and what
// comes.
type workPage struct {
	*surface.Owed
	Groups []workGroup
	Read   bool     // the caller may read the pages of duties
	Known  []string // the titles and roles by which duties know the reader
	Now    time.Time
	After  int // the page has the deadlines after so many
	Shown  int // how many deadlines the page has, where there are others
	All    int // how many there are
	Later  int // how many of these there are: they fall due after them
	Next   int // the next page has those after so many
	More   []moreWork
	// presses is what the lists of what presses say, by record.
	presses map[string]*pressing
	others  map[string]string
}

// Others are the roles that record that the deadline of a record was met; empty where whoever
// owes it opens its page.
func (w *workPage) Others(ref string) string { return w.others[ref] }

// Overdue is the state of a deadline that has passed, Due of one that has not.
func (w *workPage) Overdue() calendar.State { return calendar.Late }
func (w *workPage) Due() calendar.State     { return calendar.Due }

// Pressing is what the lists of what presses say of a record: until when the tests wait that
// read it, and of which of them it is a deviation already; nil: nothing.
func (w *workPage) Pressing(ref string) *pressing { return w.presses[ref] }

// moreWork is what more is to be done of than is listed, with the list of all of it.
type moreWork struct{ What, Href string }

type workGroup struct {
	ID, Title   string
	Occurrences []tasks.Listed
	Deadlines   []surface.Deadline
}

func (p *Portal) work(r *request) (*shown, error) {
	owed, err := p.System.Owed(r.Context(), r.caller, workAhead)
	if err != nil {
		return nil, err
	}
	now := p.System.Clock.Now()
	page := &workPage{Owed: owed, Read: r.may("record.read"), Known: slices.DeleteFunc(slices.Clone(owed.As), func(name string) bool {
		return strings.Contains(name, "/") || name == access.AccountRole || strings.HasSuffix(r.caller.ID, "/"+name)
	})}
	page.All = len(owed.Deadlines)
	if after, err := strconv.Atoi(r.FormValue("after")); err == nil && after > 0 && after < page.All { // the first page has the rest
		page.After, owed.Occurrences, owed.Own, owed.Deadlines = after, nil, nil, owed.Deadlines[after:]
	}
	page.Shown = min(len(owed.Deadlines), workShown)
	page.Later, page.Next, owed.Deadlines = len(owed.Deadlines)-page.Shown, page.After+page.Shown, owed.Deadlines[:page.Shown]
	for _, list := range owed.Lists {
		page.More = append(page.More, moreWork{list.Due.What, p.ask(list.Kind, url.Values{"filter": {list.Filter}, "sort": {list.Due.At}}).with()})
	}
	if page.others, err = p.recorders(r, owed.Deadlines); err != nil {
		return nil, err
	}
	groups := []workGroup{{ID: "late", Title: "Late"}, {ID: "now", Title: "Due now"}, {ID: "coming", Title: "Coming"}}
	for _, o := range owed.Occurrences {
		at := 2
		switch o.State {
		case calendar.Late:
			at = 0
		case calendar.Due:
			at = 1
		}
		groups[at].Occurrences = append(groups[at].Occurrences, o)
	}
	for _, d := range owed.Deadlines {
		at := 2
		if d.At.Before(now) {
			at = 0
		}
		groups[at].Deadlines = append(groups[at].Deadlines, d)
	}
	page.Now = now
	if r.may("report.read") { // whoever sees what is late and breaks soon
		report, err := p.System.Standing(r.Context())
		if err != nil {
			return nil, err
		}
		agenda, err := p.agenda(r, report)
		if err != nil {
			return nil, err
		}
		page.presses = map[string]*pressing{}
		for _, list := range [][]pressing{agenda.Coming, agenda.Late} { // what is late counts
			for i := range list {
				if len(list[i].Tests) > 0 {
					page.presses[list[i].Item] = &list[i]
				}
			}
		}
	}
	slices.Sort(page.Known)
	page.Known = slices.Compact(page.Known)
	for _, group := range groups {
		if len(group.Occurrences)+len(group.Deadlines) > 0 {
			page.Groups = append(page.Groups, group)
		}
	}
	return &shown{page: "work", title: "My work", data: page}, nil
}

// recorders are the roles that move the records of deadlines, by their references, of which
// the reader may open neither the record nor another page: the review that a manager holds.
func (p *Portal) recorders(r *request, deadlines []surface.Deadline) (map[string]string, error) {
	all := map[string]string{}
	for _, d := range deadlines {
		kind, _, err := p.System.Kinds.Parse(d.Ref)
		if err != nil {
			return nil, err
		}
		if doneAt(d.Ref) == "" && !r.may(readAction(kind)) {
			all[d.Ref] = oneOf(access.Roles.Allowing(kind.Name + ".move"))
		}
	}
	return all, nil
}

// doneAt is the page on which whoever owes what a record is about does it: an
// acknowledgment, a training, an agreement. Empty: there is none but the record's.
func doneAt(ref string) string { return cmp.Or(policyOf(ref), trainingOf(ref), agreementOf(ref)) }
