package portal

import (
	"time"

	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/surface"
)

// overviewMost is how many lines the overview shows of a list; the readiness report
// has them all.
const overviewMost = 5

// overviewPage is what people see first.
type overviewPage struct {
	*reports.Readiness

	Map []series
}

// overview is the page that people land on.
func (p *Portal) overview(r *request) (*shown, error) {
	report, err := p.System.Readiness(r.Context(), surface.ReadinessQuery{})
	if err != nil {
		return nil, err
	}
	return &shown{page: "overview", title: "Overview", data: &overviewPage{report, mapped(report)}}, nil
}

// For says how long ago an instant was, or how far it is.
func (o *overviewPage) For(at time.Time) string {
	if at.After(o.At) {
		return "in " + reports.Span(at.Sub(o.At))
	}
	return reports.Span(o.At.Sub(at))
}

// head is the beginning of a list of the overview, and how many there are.
func head[T any](list []T) []T { return list[:min(overviewMost, len(list))] }

// Late, Coming, Changes, Deviations and Turned are the first of each.
func (o *overviewPage) Late() []reports.Pending            { return head(o.Day.Late) }
func (o *overviewPage) Coming() []reports.Pending          { return head(o.Day.Coming) }
func (o *overviewPage) Changes() []reports.Change          { return head(o.Day.Changes) }
func (o *overviewPage) Deviations() []reports.NewDeviation { return head(o.Day.Deviations) }
func (o *overviewPage) Turned() []reports.Turned           { return head(o.Day.Turned) }
