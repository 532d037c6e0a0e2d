package portal

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// controlsQuery is what a list of controls is filtered by.
type controlsQuery struct {
	Text, Owner, Criterion string
	Conclusion             controltests.Conclusion
}

// keeps reports whether it keeps a control, its conclusion aside.
func (q *controlsQuery) keeps(c *reports.Control) bool {
	text := strings.ToLower(c.ID + " " + c.Title + " " + c.Owner)
	for _, word := range strings.Fields(strings.ToLower(q.Text)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return (q.Owner == "" || c.Owner == q.Owner) && (q.Criterion == "" || slices.Contains(c.Criteria, q.Criterion))
}

// With is the address of the list with another conclusion.
func (q controlsQuery) With(conclusion controltests.Conclusion) string {
	values := url.Values{}
	for name, value := range map[string]string{"q": q.Text, "owner": q.Owner, "criterion": q.Criterion, "conclusion": string(conclusion)} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if len(values) == 0 {
		return "/controls"
	}
	return "/controls?" + values.Encode()
}

// controlLine is a control in a list.
type controlLine struct {
	reports.Control

	Tested, Items, Deviations int // tests that have a result, what they read, and what failed
	Why                       string
	Nobody                    bool // its owner is a title that nobody has
}

// ownedByNobody counts the controls of each owner whom nobody is: a title that nobody has,
// somebody who has left. Whoever may not read records is told of none.
func (p *Portal) ownedByNobody(r *request, all []reports.Control) (map[string]int, error) {
	counts := map[string]int{}
	if !r.may("record.read") {
		return counts, nil
	}
	var owners []string
	for i := range all {
		owners = append(owners, all[i].Owner)
	}
	absent, err := p.System.Nobody(r.Context(), sorted(owners))
	for _, owner := range owners {
		if absent[owner] {
			counts[owner]++
		}
	}
	return counts, err
}

func (p *Portal) controls(r *request) (*shown, error) {
	now, err := p.standings(r)
	if err != nil {
		return nil, err
	}
	q := controlsQuery{Text: r.FormValue("q"), Owner: r.FormValue("owner"), Criterion: r.FormValue("criterion"), Conclusion: controltests.Conclusion(r.FormValue("conclusion"))}
	page := struct {
		standings
		Query            controlsQuery
		Lines            []controlLine
		Counts           []reports.Count
		Total            int // whatever the conclusion
		Owners, Criteria []string
		Propose, Test    bool
		Unadopted        []string // of whoever may adopt them
	}{standings: now, Query: q, Propose: r.may("control.propose"), Test: now.Period != nil && r.may("control.test")}
	nobodys, err := p.ownedByNobody(r, now.Report.Controls)
	if err != nil {
		return nil, err
	}
	counts := map[controltests.Conclusion]int{}
	for i := range now.Report.Controls {
		c := &now.Report.Controls[i]
		page.Owners, page.Criteria = append(page.Owners, c.Owner), append(page.Criteria, c.Criteria...)
		if !q.keeps(c) {
			continue
		}
		counts[c.Conclusion]++
		page.Total++
		if q.Conclusion != "" && c.Conclusion != q.Conclusion {
			continue
		}
		line := controlLine{Control: *c, Nobody: nobodys[c.Owner] > 0}
		for _, test := range c.Tests {
			if test.Result != nil {
				line.Tested++
				line.Items += test.Result.Count
				line.Deviations += test.Result.Deviations
			}
		}
		if c.Conclusion != controltests.Effective && c.Conclusion != controltests.NotOccurring {
			line.Why = because(c, p.zone)
		}
		page.Lines = append(page.Lines, line)
	}
	for _, count := range now.Report.Conclusions {
		page.Counts = append(page.Counts, reports.Count{Conclusion: count.Conclusion, Controls: counts[count.Conclusion]})
	}
	if r.may("control.approve") {
		if page.Unadopted, err = p.System.Unadopted(r.Context()); err != nil {
			return nil, err
		}
	}
	slices.Sort(page.Owners)
	page.Owners = slices.Compact(page.Owners)
	page.Criteria = ranked(page.Criteria)
	return &shown{page: "controls", title: "Controls", data: page}, nil
}

// testLine is a test of a control with what its latest result came from.
type testLine struct {
	reports.Test

	Procedure  *controls.Test
	Population *populations.Banked // nil: it was not performed
	// Deviations are the first ones, of All.
	Deviations []finding
	All        int
	// Mismatches are the first ones that the result lists, of AllMismatches.
	Mismatches    []mismatchLine
	AllMismatches int
	// Asks: its population is empty, and the reader may say where they looked. Looked is what
	// was typed of that, and not taken.
	Asks   bool
	Looked string
}

// finding is a deviation with the reference of its item.
type finding struct {
	results.Found

	On         string
	Href, Step string // its page, and what the reader does there
}

// fewDeviations is how many deviations a control's page shows of each test, and how much
// that does not agree.
const fewDeviations = 10

// pastResults is how many results a control's page shows of those that came before.
const pastResults = 20

// fewEvidence is how much evidence a control's page lists.
const fewEvidence = 50

// fewAssessed is how many self-assessments a control's page lists: those of two years.
const fewAssessed = 8

// versionLine is a version of a control with how its design was assessed.
type versionLine struct {
	*versions.Version

	Design *versions.Assessment // nil: nobody has
}

// oneControl is what the page of a control shows.
type oneControl struct {
	standings
	Control  *controls.Control
	Line     *reports.Control
	Tests    []testLine
	Versions []versionLine
	Begun    bool // one of them is in force, or waits
	Past     []results.Result
	AllPast  int
	PastAt   string // the list of them all
	// Evidence is what was recorded for the control, the latest first, of AllEvidence.
	Evidence    []documents.Evidence
	AllEvidence int
	EvidenceAt  string // the list of it all
	// Assessed are the self-assessments of the control, the latest quarter first, of
	// AllAssessed; all of them are listed at AssessedAt.
	Assessed    []assessments.Assessment
	AllAssessed int64
	AssessedAt  string
	Assess      bool // the reader may begin one
	Strip       *strip
	Duties      []string // that its tests read
	// Adopt and Propose: the reader may bring the catalog's file into force, or put
	// another one forward.
	Adopt, Propose bool
	Collect        bool // the reader may add evidence
	Test           bool // the reader may have it tested now
	Conclude       bool // the reader may conclude from a result
	Nobody         bool // its owner is a title that nobody has
	Wrong          string
}

// controlPage is the page of one control.
func (p *Portal) controlPage(r *request) (*shown, error) { return p.controlWith(r, "") }

// controlWith shows a control, with what is wrong with what was asked for on its page.
func (p *Portal) controlWith(r *request, wrong string) (*shown, error) {
	control, now, err := p.standingOf(r)
	if err != nil {
		return nil, err
	}
	page := &oneControl{standings: now, Control: control, Propose: r.may("control.propose"), Collect: r.may("evidence.add"), Assess: r.may("self_assessment.add"), Test: now.Period != nil && r.may("control.test"), Conclude: r.may("control.conclude") || r.may("audit.conclude"), Wrong: wrong}
	for i := range now.Report.Controls {
		if now.Report.Controls[i].ID == control.ID {
			page.Line = &now.Report.Controls[i]
		}
	}
	nobodys, err := p.ownedByNobody(r, []reports.Control{*page.Line})
	if err != nil {
		return nil, err
	}
	page.Nobody = nobodys[control.Owner] > 0
	var found []finding
	if now.Period != nil {
		if found, err = p.deviationsOf(r, now.Period, control, ""); err != nil {
			return nil, err
		}
	}
	page.EvidenceAt = p.ofControl(documents.Register, control.ID, "")
	if now.Period != nil {
		page.PastAt = p.ofControl(results.Register, control.ID, now.Period.Name)
	}
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		return errors.Join(page.read(reader, found), page.assessed(reader, p.ask(assessments.Register, url.Values{prefix + "control": {control.ID}})))
	}); err != nil {
		return nil, err
	}
	for i := range page.Tests {
		if one := &page.Tests[i]; one.Result != nil {
			all, err := p.mismatches(r, one.Result)
			if err != nil {
				return nil, err
			}
			one.Mismatches, one.AllMismatches = all[:min(fewDeviations, len(all))], len(all)
		}
	}
	if page.Duties, err = p.dutiesOf(r, control); err != nil {
		return nil, err
	}
	if _, err := p.System.FromCatalog(control.ID); err == nil && !page.Begun {
		page.Adopt = r.may("control.approve")
	} else if err != nil && !errors.Is(err, surface.ErrNoControl) {
		return nil, err
	}
	answer := &shown{page: "control", title: control.ID + " " + control.Title, data: page}
	if wrong != "" {
		answer.status = http.StatusUnprocessableEntity
	}
	return answer, nil
}

// foundNothing performs a test with an empty population anew, with where somebody looked.
func (p *Portal) foundNothing(r *request) (*shown, error) {
	control, now, err := p.standingOf(r)
	if err == nil && now.Period == nil {
		err = errNotFound // nothing is tested yet
	}
	if err != nil {
		return nil, err
	}
	test, looked := r.PostFormValue("test"), r.PostFormValue("looked")
	err = p.System.FoundNothing(r.Context(), r.caller, *now.Period, control.ID, test, looked)
	var invalid *record.Invalid
	switch {
	case errors.As(err, &invalid):
		return p.lookedWith(r, "Where you looked: "+invalid.Fields[0].Problem+".")
	case err != nil:
		return nil, err
	}
	return &shown{to: "/controls/" + url.PathEscape(control.ID) + "#" + url.PathEscape(test)}, nil
}

func (p *Portal) nothingAgain(r *request) (*shown, error) { return p.lookedWith(r, r.held.text) }

// lookedWith is the control's page with what was typed, and what was wrong with it.
func (p *Portal) lookedWith(r *request, wrong string) (*shown, error) {
	answer, err := p.controlWith(r, wrong)
	if err != nil {
		return nil, err
	}
	if page, ok := answer.data.(*oneControl); ok {
		for i := range page.Tests {
			if page.Tests[i].ID == r.PostFormValue("test") {
				page.Tests[i].Looked = r.PostFormValue("looked")
			}
		}
	}
	return answer, nil
}

// standingOf is the control that is asked for, and how all stand.
func (p *Portal) standingOf(r *request) (*controls.Control, standings, error) {
	control, err := p.System.Control(r.PathValue("id"))
	if errors.Is(err, surface.ErrNoControl) {
		err = errNotFound
	}
	if err != nil {
		return nil, standings{}, err
	}
	now, err := p.standings(r)
	return control, now, err
}

// read reads what was recorded of the control.
func (page *oneControl) read(r *store.Reader, found []finding) error {
	for _, test := range page.Line.Tests {
		line := testLine{Test: test}
		line.Procedure, _ = page.Control.Test(test.ID)
		if test.Result != nil {
			line.Asks = page.Test && test.Result.Count == 0 && test.Result.RecordedQuery == "" && test.Conclusion == controltests.Incomplete
			v, err := record.Get(r, populations.Register.Name, test.Result.Population)
			if err != nil {
				return err
			}
			if line.Population, err = decoded[populations.Banked](v); err != nil {
				return err
			}
			for _, f := range found {
				if f.Result != test.Result.ID {
					continue
				}
				if line.All++; line.All <= fewDeviations {
					line.Deviations = append(line.Deviations, f)
				}
			}
		}
		page.Tests = append(page.Tests, line)
	}
	snapshot := populations.Stored(r)
	all, err := versions.Of(snapshot, page.Control.ID, 0)
	if err != nil {
		return err
	}
	page.Begun = versions.Begun(all)
	for _, v := range slices.Backward(all) {
		design, err := versions.Design(snapshot, v.ID, 0)
		if err != nil {
			return err
		}
		page.Versions = append(page.Versions, versionLine{v, design})
	}
	kept, err := documents.List(r, page.Control.ID)
	if err != nil {
		return err
	}
	slices.Reverse(kept)

	page.Evidence, page.AllEvidence = kept[:min(fewEvidence, len(kept))], len(kept)
	if page.Period == nil {
		return nil
	}
	past, count, err := results.Of(r, page.Period.Name, page.Control.ID, mostStrip)
	page.Past, page.AllPast, page.Strip = past[:min(pastResults, len(past))], count, stripOf(page.Control, past)
	return err
}

// ofControl is the list of a register's records of a control, or of those of one period.
func (p *Portal) ofControl(kind *record.Kind, control, period string) string {
	return p.ask(kind, url.Values{prefix + "control": {control}, prefix + "period": {period}, "sort": {"-" + kind.At}}).with()
}

// assessed reads the latest self-assessments of the control, which a list asks for.
func (page *oneControl) assessed(r *store.Reader, list *asked) (err error) {
	page.AssessedAt = list.with()
	if page.AllAssessed, err = record.Counted(r, assessments.Register, list.filter()); err != nil {
		return err
	}
	_, err = record.List(r, assessments.Register, record.Query{Filter: list.filter(), Sort: "-due_at", Limit: fewAssessed}, func(v *record.Version) error {
		one, err := decoded[assessments.Assessment](v)
		if err == nil {
			page.Assessed = append(page.Assessed, *one)
		}
		return err
	})
	return err
}

// deviationsOf are the deviations that a control's latest results in a period
// show, of one test or of all.
func (p *Portal) deviationsOf(r *request, period *periods.Period, control *controls.Control, test string) ([]finding, error) {
	all, err := p.System.Lab().Deviations(r.Context(), period.Name)
	var found []finding
	for i := range all {
		f := &all[i]
		if f.Control != control.ID || test != "" && f.Test != test {
			continue
		}
		of, _ := control.Test(f.Test)
		found = append(found, p.findingOf(r, f, of))
	}
	return found, err
}

// findingOf is a deviation from a test in a list; there is no test where the control has it
// no more.
func (p *Portal) findingOf(r *request, f *results.Found, test *controls.Test) finding {
	one := finding{Found: *f, On: f.Item, Href: deviationPath("", f), Step: r.stepOf(f)}
	if test != nil {
		one.On = p.System.Item(test, f.Item)
	}
	return one
}

// mostDeviations is how many deviations one page lists.
const mostDeviations = 200

// deviationsPage lists the deviations that the latest results of a control show, or that one
// result shows.
type deviationsPage struct {
	standings
	Control    *controls.Control
	Test       string
	Result     string // "": the latest ones
	Of         *results.Result
	Found      []finding
	First, All int // the number of the first one that is listed, from 1
	Next, Prev int // where other pages begin; -1: there is none
}

// Address is that of the list from a number on.
func (page *deviationsPage) Address(from int) string {
	return deviationsPath(page.Control.ID, page.Test, page.Result, from)
}

// deviationsPath is the page of the deviations of a control, of one of its tests or of one
// result.
func deviationsPath(control, test, result string, from int) string {
	query := url.Values{}
	for name, value := range map[string]string{"test": test, "result": result} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if from > 0 {
		query.Set("from", strconv.Itoa(from))
	}
	return (&url.URL{Path: "/controls/" + control + "/deviations", RawQuery: query.Encode()}).String()
}

// deviations lists all deviations of a control.
func (p *Portal) deviations(r *request) (*shown, error) {
	control, now, err := p.standingOf(r)
	if err != nil {
		return nil, err
	}
	page := &deviationsPage{standings: now, Control: control, Test: r.FormValue("test"), Result: r.FormValue("result"), Next: -1, Prev: -1}
	title := "Deviations of " + cmp.Or(page.Result, control.ID)
	from, err := strconv.Atoi(r.FormValue("from"))
	if err != nil || from < 0 {
		from = 0
	}
	switch {
	case page.Result != "":
		of, err := p.resultOf(r, page)
		if err != nil {
			return nil, err
		}
		if from >= of.Deviations {
			from = 0
		}
		page.Of = of
		if page.Test, page.All = of.Test, of.Deviations; page.All > 0 {
			if page.Found, err = p.deviationsIn(r, of, from, mostDeviations); err != nil {
				return nil, err
			}
		}
	case now.Period != nil:
		found, err := p.deviationsOf(r, now.Period, control, page.Test)
		if err != nil {
			return nil, err
		}
		if page.All = len(found); from >= page.All {
			from = 0
		}
		page.Found = found[from:min(from+mostDeviations, page.All)]
	}
	page.First = from + 1
	if from > 0 {
		page.Prev = max(0, from-mostDeviations)
	}
	if to := from + len(page.Found); to < page.All {
		page.Next = to
	}
	return &shown{page: "deviations", title: title, data: page}, nil
}

// resultOf is the result that the page is about: one of the control.
func (p *Portal) resultOf(r *request, page *deviationsPage) (of *results.Result, err error) {
	err = p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		v, err := record.Get(reader, results.Register.Name, page.Result)
		if errors.Is(err, record.ErrNone) {
			return errNotFound
		}
		if err != nil {
			return err
		}
		if of, err = decoded[results.Result](v); err == nil && of.Control != page.Control.ID {
			return errNotFound
		}
		return err
	})
	return of, err
}

// deviationsIn are deviations of a result, at most so many, from the one with this number on.
func (p *Portal) deviationsIn(r *request, of *results.Result, from, most int) (all []finding, err error) {
	test, err := p.testOf(of)
	if err != nil {
		return nil, err
	}
	found, err := p.System.Lab().DeviationsOf(r.Context(), of, from, most)
	for i := range found {
		all = append(all, p.findingOf(r, &found[i], test))
	}
	return all, err
}

// strip shows the results of a control over time: a row for each test, a mark
// for each result.
type strip struct {
	Height   int
	Rows     []stripRow
	From, To time.Time
}

type stripRow struct {
	Test  string
	Y     int // of its middle
	Marks []stripMark
}

// Text is the y of the row's name.
func (r stripRow) Text() int { return r.Y + 4 }

// Top is the y of the row's marks.
func (r stripRow) Top() int { return r.Y - 6 }

type stripMark struct {
	X, Width   int
	Conclusion controltests.Conclusion
	Result     string
	At         time.Time
}

const (
	// mostStrip is how many results a strip shows.
	mostStrip = 400
	stripLeft = 150 // where the marks begin
	stripSpan = 740 // pixels that they lie in
	stripRise = 22  // pixels from row to row
)

// stripped are the tests that have results, over each part of the period: one
// result of each.
func stripped(control *controls.Control, past []results.Result) (rows []results.Result) {
	for _, test := range control.Tests {
		for _, one := range slices.Backward(past) {
			if one.Test == test.ID && !slices.ContainsFunc(rows, func(r results.Result) bool { return r.Test == one.Test && r.From.Equal(one.From) }) {
				rows = append(rows, one)
			}
		}
	}
	return rows
}

// stripOf draws results, the newest first; nil: there is nothing to compare.
func stripOf(control *controls.Control, past []results.Result) *strip {
	if len(past) < 2 {
		return nil
	}
	s := &strip{From: past[len(past)-1].PerformedAt, To: past[0].PerformedAt}
	whole := s.To.Sub(s.From)
	if whole <= 0 {
		return nil
	}
	for _, of := range stripped(control, past) {
		row := stripRow{Test: of.Test, Y: 14 + stripRise*len(s.Rows)}
		if !of.From.Equal(past[len(past)-1].From) { // a part of the period
			row.Test += " " + of.From.Format(time.DateOnly)
		}
		end := stripLeft + stripSpan + 10
		for i := range past { // each holds up to the one after it
			if past[i].Test != of.Test || !past[i].From.Equal(of.From) {
				continue
			}
			x := stripLeft + int(int64(stripSpan)*int64(past[i].PerformedAt.Sub(s.From)/time.Second)/max(1, int64(whole/time.Second)))
			if x >= end {
				continue // hidden behind a newer one
			}
			row.Marks = append(row.Marks, stripMark{x, end - x, past[i].Conclusion, past[i].ID, past[i].PerformedAt})
			end = x
		}
		s.Rows = append(s.Rows, row)
	}
	s.Height = 6 + stripRise*len(s.Rows)
	return s
}
