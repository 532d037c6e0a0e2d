package portal

import (
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/governance/calendar"
)

// How much the overview shows of a list: the readiness report has all of it.
const (
	overviewMost    = 5
	overviewReasons = 12
)

// overviewPage is what people see first.
type overviewPage struct {
	*reports.Readiness

	Map []series
	// Criteria counts them by conclusion; Reasons say why those stand as they do that
	// are not effective, and MoreReasons how many there are beside them.
	Criteria    []reports.Count
	Reasons     []reason
	MoreReasons int
	Total       int // of controls
	// Deviations are the first ones that are new.
	Deviations []reports.NewDeviation
	// Late and Coming are the first of what presses.
	Late, Coming []pressing

	Nobodys int // duties that are nobody's
	Unowned int // controls that are nobody's, of Absent
	Absent  []string

	agenda *agenda
}

// reason is a control with the criteria that stand as they do because of it.
type reason struct {
	Control, Title, Why string
	Conclusion          controltests.Conclusion
	Criteria            []criterion
}

// overview is the page that people land on.
func (p *Portal) overview(r *request) (*shown, error) {
	report, err := p.System.Standing(r.Context())
	if err != nil {
		return nil, err
	}
	page := &overviewPage{Readiness: report, Map: mapped(report, p.zone), Total: len(report.Controls)}
	page.Criteria = criteriaCounts(report, page.Map)
	if report.Day != nil {
		page.Deviations = slices.Clone(head(report.Day.Deviations))
		items := p.System.Items()
		for i := range page.Deviations {
			of := &page.Deviations[i]
			of.Item = items(of.Control, of.Test, of.ID)
		}
	}
	if page.agenda, err = p.agenda(r, report); err != nil {
		return nil, err
	}
	if page.Late, err = p.owners(r, page.agenda.Late, overviewMost); err != nil {
		return nil, err
	}
	page.reasons()
	if r.may("record.read") {
		_, nobody, err := p.knownDuties(r.Context())
		if err != nil {
			return nil, err
		}
		page.Nobodys = len(nobody)
	}
	unowned, err := p.ownedByNobody(r, report.Controls)
	if err != nil {
		return nil, err
	}
	for owner, count := range unowned {
		page.Unowned += count
		page.Absent = append(page.Absent, owner)
	}
	slices.Sort(page.Absent)
	page.Coming, err = p.owners(r, page.agenda.Coming, overviewMost)
	return &shown{page: "overview", title: "Overview", data: page}, err
}

// criteriaCounts counts criteria by conclusion, in the order of the report's.
func criteriaCounts(report *reports.Readiness, all []series) (counted []reports.Count) {
	counts := map[controltests.Conclusion]int{}
	for i := range all {
		for _, c := range all[i].Criteria {
			counts[c.Conclusion]++
		}
	}
	for _, count := range report.Conclusions {
		counted = append(counted, reports.Count{Conclusion: count.Conclusion, Controls: counts[count.Conclusion]})
	}
	return counted
}

// reasons are those of the criteria that somebody has to do something about, the
// gravest first. What was not tested is counted only: its reason is that.
func (o *overviewPage) reasons() {
	for _, conclusion := range []controltests.Conclusion{controltests.Ineffective, controltests.Incomplete, controltests.EffectiveWithExceptions} {
		for i := range o.Map {
			for _, c := range o.Map[i].Criteria {
				if c.Conclusion != conclusion {
					continue
				}
				at := slices.IndexFunc(o.Reasons, func(r reason) bool { return r.Control == c.Worst })
				if at < 0 {
					at = len(o.Reasons)
					o.Reasons = append(o.Reasons, reason{Control: c.Worst, Title: o.titleOf(c.Worst), Why: c.Why, Conclusion: conclusion})
				}
				o.Reasons[at].Criteria = append(o.Reasons[at].Criteria, c)
			}
		}
	}
	o.MoreReasons = max(0, len(o.Reasons)-overviewReasons)
	o.Reasons = o.Reasons[:len(o.Reasons)-o.MoreReasons]
}

func (o *overviewPage) titleOf(control string) string {
	for i := range o.Controls {
		if o.Controls[i].ID == control {
			return o.Controls[i].Title
		}
	}
	return control
}

// For says how long ago an instant was, or how far it is.
func (o *overviewPage) For(at time.Time) string {
	if at.After(o.At) {
		return "in " + reports.Span(at.Sub(o.At))
	}
	return reports.Span(o.At.Sub(at))
}

// Duties counts the period's that have fallen due: what somebody must look at, also
// where there is none, and then what was done.
func (o *overviewPage) Duties() (counts []stateCount) {
	for _, state := range []calendar.State{calendar.Missed, calendar.Late, calendar.Due, calendar.Done, calendar.NotOccurring} {
		n := 0
		for _, count := range o.Day.Duties {
			if count.State == string(state) {
				n = count.Count
			}
		}
		if n > 0 || state != calendar.Done && state != calendar.NotOccurring {
			counts = append(counts, stateCount{state, n})
		}
	}
	return counts
}

// Bar is how much of a hundred each conclusion has of the controls, for a picture.
func (o *overviewPage) Bar() (parts []barPart) {
	x := 0.0
	for _, count := range o.Conclusions {
		if count.Controls > 0 {
			width := 1000 * float64(count.Controls) / float64(o.Total)
			parts = append(parts, barPart{count.Conclusion, count.Controls, x, width})
			x += width
		}
	}
	return parts
}

type barPart struct {
	Conclusion controltests.Conclusion
	Controls   int
	X, Width   float64
}

// LateCount and ComingCount are how many there are.
func (o *overviewPage) LateCount() int64 { return o.agenda.Count }
func (o *overviewPage) ComingCount() int { return o.agenda.Expected }

// head is the beginning of a list of the overview, and how many there are.
func head[T any](list []T) []T { return list[:min(overviewMost, len(list))] }

// Changes and Turned are the first of each.
func (o *overviewPage) Changes() []reports.Change { return head(o.Day.Changes) }
func (o *overviewPage) Turned() []reports.Turned  { return head(o.Day.Turned) }
