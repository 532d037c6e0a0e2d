package portal

import (
	"errors"
	"net/http"
	"net/url"

	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
	"scaf.dev/scaf/internal/surface"
)

// roundPath is where the self-assessments of a quarter are opened.
const roundPath = "/self-assessments/open"

type openedPage struct {
	*surface.OpenedRound

	List, Again string
}

func (p *Portal) askRound(r *request) (*shown, error) { return p.askRoundWith(r, nil, 0) }

func (p *Portal) askRoundWith(r *request, wrong map[string]string, status int) (*shown, error) {
	a := sentForm(r, wrong)
	quarter := r.URL.Query().Get("quarter")
	if quarter == "" {
		quarter = rounds.Quarter.At(p.System.Clock.Now().In(p.zone)).Name
	}
	page := &askPage{
		Lead: "Each control in force gets a self-assessment of the quarter, unless it has one. Its owner is the assessor where that is one person. " +
			"Nothing that is there is changed: what is missing is opened when the form is sent again.",
		Action: roundPath, Button: "Open the quarter", Back: at(assessments.Register), BackTo: "Self-assessments",
		Inputs: []input{
			a.needed("text", "quarter", "Quarter", "Such as 2026-Q1.", quarter),
			a.needed("text", "reviewer", "Reviewer", "Who is to read them, such as person/E1001: not an assessor.", r.person()),
			a.field("text", "assessor", "Assessor of the others", "Who assesses the controls whose owner is nobody, several people or the reviewer. Empty: they are left, and listed.", ""),
		},
	}
	for i := range page.Inputs[1:] {
		in := &page.Inputs[i+1]
		in.Refers = people.Register.Name
		if err := p.suggest(r, in); err != nil {
			return nil, err
		}
	}
	page.Wrong = a.mistakes(page.Inputs)
	return &shown{page: "ask", title: "Open the self-assessments of a quarter", status: status, data: page}, nil
}

func (p *Portal) askRoundAgain(r *request) (*shown, error) {
	return p.askRoundWith(r, map[string]string{"": r.held.text}, r.held.status)
}

// openRound opens them, and says for which controls it did not.
func (p *Portal) openRound(r *request) (*shown, error) {
	if wrong := r.missing("quarter", "reviewer"); len(wrong) > 0 {
		return p.askRoundWith(r, wrong, http.StatusUnprocessableEntity)
	}
	quarter, who, wrong := r.text("quarter"), map[string]string{}, map[string]string{}
	for _, field := range []string{"reviewer", "assessor"} {
		typed := typing{texts: []string{r.text(field)}}
		meant, err := p.meant(r, record.Part{Field: record.Field{Name: field, Refers: people.Register.Name}}, typed)
		var invalid *record.Invalid
		if errors.As(err, &invalid) {
			wrong[field] = invalid.Fields[0].Problem
		} else if err != nil {
			return nil, err
		} else {
			who[field] = meant.texts[0]
		}
	}
	if len(wrong) > 0 {
		return p.askRoundWith(r, wrong, http.StatusUnprocessableEntity)
	}
	opened, err := p.System.OpenAssessments(r.once, r.caller, quarter, who["reviewer"], who["assessor"])
	if _, wrong, taken := p.mistakes(assessments.Register, err); taken {
		return p.askRoundWith(r, wrong, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return nil, err
	}
	list := at(assessments.Register) + "?" + url.Values{prefix + "quarter": {quarter}}.Encode()
	if len(opened.Left) == 0 {
		return &shown{to: list}, nil
	}
	return &shown{page: "opened", title: "Self-assessments of " + quarter, data: &openedPage{opened, list, roundPath + "?" + url.Values{"quarter": {quarter}}.Encode()}}, nil
}
