package portal

import (
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/criteria"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/reports"
)

// criterion is one of the 61 as its controls stand: as bad as the worst of them.
type criterion struct {
	criteria.Criterion

	Conclusion controltests.Conclusion
	// Worst is the control that the conclusion comes from, Why in words what it
	// comes from, and More how many further controls are as bad.
	Worst string
	Why   string
	More  int
	// Controls are those that answer for it.
	Controls []reports.Control
}

// series is a group of criteria: CC6.
type series struct {
	ID, Title string
	Criteria  []criterion
}

// Conclusion is the worst of its criteria's.
func (s *series) Conclusion() controltests.Conclusion {
	var all []controltests.Conclusion
	for i := range s.Criteria {
		all = append(all, s.Criteria[i].Conclusion)
	}
	return controltests.Combine(all...)
}

// mapped is the map of all criteria, of a readiness report.
func mapped(report *reports.Readiness, zone *time.Location) (all []series) {
	for _, c := range criteria.List() {
		if n := len(all); n == 0 || all[n-1].Title != c.Group {
			id, _, _ := strings.Cut(c.ID, ".")
			all = append(all, series{ID: id, Title: c.Group})
		}
		last := &all[len(all)-1]
		last.Criteria = append(last.Criteria, standing(c, report, zone))
	}
	return all
}

// standing is how a criterion stands, and why.
func standing(c criteria.Criterion, report *reports.Readiness, zone *time.Location) criterion {
	one := criterion{Criterion: c}
	var conclusions []controltests.Conclusion
	for i := range report.Controls {
		if control := &report.Controls[i]; slices.Contains(control.Criteria, c.ID) {
			one.Controls = append(one.Controls, *control)
			conclusions = append(conclusions, control.Conclusion)
		}
	}
	one.Conclusion = controltests.Combine(conclusions...)
	switch {
	case len(one.Controls) == 0:
		one.Why = "No control answers for it."
		return one
	case one.Conclusion == controltests.Effective:
		one.Why = "Every control that answers for it is effective, or had nothing to do."
		return one
	case one.Conclusion == controltests.NotOccurring:
		one.Why = "Nothing happened that its controls are about."
		return one
	}
	one.More = -1
	for i := range one.Controls {
		if control := &one.Controls[i]; control.Conclusion == one.Conclusion {
			if one.More++; one.Worst == "" {
				one.Worst, one.Why = control.ID, because(control, zone)
			}
		}
	}
	return one
}

// because is the first reason for a control's conclusion, and the second one
// where the first says little.
func because(control *reports.Control, zone *time.Location) string {
	return controltests.Plainly(firstReason(control), zone)
}

func firstReason(control *reports.Control) string {
	for _, test := range control.Tests {
		if test.Conclusion != control.Conclusion || len(test.Because) == 0 {
			continue
		}
		if len(test.Because) > 1 && len(test.Because[0]) < 100 {
			return test.Because[0] + " " + test.Because[1]
		}
		return test.Because[0]
	}
	return control.Title + "."
}

// standings are what the pages of criteria and controls show.
type standings struct {
	Period *periods.Period
	Report *reports.Readiness
}

func (p *Portal) standings(r *request) (standings, error) {
	report, err := p.System.Standing(r.Context())
	if err != nil {
		return standings{}, err
	}
	return standings{report.Period, report}, nil
}

func (p *Portal) criteria(r *request) (*shown, error) {
	now, err := p.standings(r)
	if err != nil {
		return nil, err
	}
	all := mapped(now.Report, p.zone)
	counted := criteriaCounts(now.Report, all)
	only := controltests.Conclusion(r.FormValue("conclusion"))
	if only != "" {
		for i := range all {
			all[i].Criteria = slices.DeleteFunc(all[i].Criteria, func(c criterion) bool { return c.Conclusion != only })
		}
	}
	return &shown{page: "criteria", title: "Criteria", data: struct {
		standings
		Map    []series
		Counts []reports.Count
		Only   controltests.Conclusion
	}{now, all, counted, only}}, nil
}

// criterionPage is the page of one criterion.
func (p *Portal) criterionPage(r *request) (*shown, error) {
	rank := criteria.Rank(r.PathValue("id"))
	if rank < 0 {
		return nil, errNotFound
	}
	now, err := p.standings(r)
	if err != nil {
		return nil, err
	}
	all := criteria.List()
	one := standing(all[rank], now.Report, p.zone)
	page := struct {
		standings
		criterion
		Before, After string
		Narrated      []criteria.Row
	}{standings: now, criterion: one}
	if rank > 0 {
		page.Before = all[rank-1].ID
	}
	if rank+1 < len(all) {
		page.After = all[rank+1].ID
	}
	for _, row := range criteria.Narrative() {
		if row.Criterion == one.ID || slices.Contains(row.Ours, one.ID) {
			page.Narrated = append(page.Narrated, row)
		}
	}
	return &shown{page: "criterion", title: one.ID + " " + one.Title, data: page}, nil
}
