package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// resultSteps are what the record of a result shows beside it: what people concluded from
// it, what does not agree in it, and the forms of whoever concludes.
type resultSteps struct {
	Concluded  []judgments.Conclusion
	Later      string // the result that has taken its place
	Forms      []concluding
	Mismatches []mismatchLine
	Deviations []finding // the first of All

	Reconciliation *results.Reconciliation // nil: it was held against nothing
	All            int
	AllAt          string // the list of them all
}

// concluding is the form by which a person concludes from a result.
type concluding struct {
	name          string
	Href          string
	Title, Button string
	Lead          string
	Not           string // why the reader does not
	Inputs        []input
	Open          bool // it was not taken

	inputs func(asking) []input
}

// The forms by which a person concludes, as they are called in addresses.
const (
	concludeForm = "conclude" // for management
	auditForm    = "audit"
)

// concluders are the forms, with what whoever fills them in must be allowed.
var concluders = []struct {
	concluding
	action string
	role   judgments.Role // of whoever may; what an auditor may conclude, they may confirm
}{
	{concluding{name: concludeForm, Title: "Conclude for management", Button: "Conclude", Lead: "Where the rule leaves it to a person, or where it is worse than was computed."}, "control.conclude", judgments.Management},
	{concluding{name: auditForm, Title: "Record what the audit found", Button: "Record it", Lead: "On performing the test again, or as the auditor's own conclusion."}, "audit.conclude", judgments.Auditor},
}

// resultSteps reads what belongs to a result.
func (p *Portal) resultSteps(r *request, v *record.Version) (*resultSteps, error) {
	of, err := decoded[results.Result](v)
	if err != nil {
		return nil, err
	}
	steps := &resultSteps{All: of.Deviations, AllAt: deviationsPath(of.Control, "", of.ID, 0), Reconciliation: of.Reconciliation}
	if steps.Deviations, err = p.deviationsIn(r, of, 0, fewDeviations); err != nil {
		return nil, err
	}
	if steps.Mismatches, err = p.mismatches(r, of); err != nil {
		return nil, err
	}
	var actor versions.Actor
	var before []judgments.Conclusion
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		latest, err := results.Latest(reader, of.Period, 0)
		if err != nil {
			return err
		}
		if one, ok := latest[results.KeyOf(of.Control, of.Test, of.From)]; ok && one.ID != of.ID {
			steps.Later = one.ID
		}
		if before, err = judgments.List(reader, of.Period, 0); err != nil {
			return err
		}
		actor, err = versions.ActorOf(reader, r.caller)
		return err
	}); err != nil {
		return nil, err
	}
	for _, c := range slices.Backward(before) {
		if c.Result == of.ID {
			steps.Concluded = append(steps.Concluded, c)
		}
	}
	for _, by := range concluders {
		if !r.may(by.action) {
			continue
		}
		form := by.concluding
		form.Href = "/results/" + url.PathEscape(of.ID) + "/" + form.name
		possible, err := judgments.Possible(before, of.Basis(), by.role, actor, p.System.Clock.Now())
		switch {
		case errors.Is(err, act.ErrSamePerson):
			form.Not = r.says(ownWords(err, act.ErrSamePerson))
		case err != nil:
			return nil, err
		}
		form.inputs = func(a asking) []input { return conclusionInputs(a, form.name, of, possible) }
		if form.Not == "" {
			form.Inputs = form.inputs(asking{id: form.name + "-"})
		}
		steps.Forms = append(steps.Forms, form)
	}
	return steps, nil
}

// conclusionInputs are the fields of a conclusion: what somebody may come to, of a result.
func conclusionInputs(a asking, form string, of *results.Result, possible []controltests.Conclusion) (inputs []input) {
	if form == auditForm {
		inputs = append(inputs, a.choice("one", "role", "What it is", "", []option{
			{}, {Value: string(judgments.Confirmation), Text: "What the test gave when it was performed again"}, {Value: string(judgments.Auditor), Text: "The auditor's own conclusion"},
		}))
	}
	options := []option{{}}
	for _, c := range possible {
		options = append(options, option{Value: string(c), Text: capital(c.Words())})
	}
	return append(inputs,
		a.choice("one", "conclusion", "Conclusion", "Computed was: "+of.Conclusion.Words()+". It stays beside what you conclude.", options),
		a.field("lines", "reason", "Reason", "Needed where you conclude something softer than was computed.", ""))
}

// concludeWith shows the record of a result with what is wrong with one of its forms.
func (p *Portal) concludeWith(r *request, name string, wrong map[string]string, status int) (*shown, error) {
	r.kind = results.Register
	answer, err := p.recordWith(r, nil, "")
	if err != nil {
		return nil, err
	}
	a := sentForm(r, wrong)
	a.id = name + "-"
	if page, ok := answer.data.(*onePage); ok {
		for i := range page.Result.Forms {
			form := &page.Result.Forms[i]
			if form.name == name {
				form.Open = true
				if form.Not == "" {
					form.Inputs = form.inputs(a)
				}
				page.Wrong = a.mistakes(form.Inputs)
			}
		}
	}
	answer.status = status
	return answer, nil
}

func concludeAgain(name string) func(*Portal, *request) (*shown, error) {
	return func(p *Portal, r *request) (*shown, error) {
		return p.concludeWith(r, name, map[string]string{"": r.held.text}, r.held.status)
	}
}

// conclude records what whoever is signed in concludes from a result.
func conclude(name string) func(*Portal, *request) (*shown, error) {
	return func(p *Portal, r *request) (*shown, error) {
		id := r.PathValue("id")
		of, err := p.System.Lab().Result(r.Context(), id)
		if errors.Is(err, results.ErrNoResult) {
			err = errNotFound
		}
		if err != nil {
			return nil, err
		}
		made := judgments.Conclusion{Role: judgments.Management, Conclusion: controltests.Conclusion(r.text("conclusion")), Reason: r.text("reason")}
		wrong := r.missing("conclusion")
		if name == auditForm {
			if made.Role = judgments.Role(r.text("role")); made.Role != judgments.Confirmation && made.Role != judgments.Auditor {
				wrong["role"] = "is missing: choose one"
			}
		}
		if made.Reason == "" && made.Softer(of.Conclusion) {
			wrong["reason"] = "is missing: it is softer than " + of.Conclusion.Words() + ", which was computed"
		}
		if len(wrong) > 0 {
			return p.concludeWith(r, name, wrong, http.StatusUnprocessableEntity)
		}
		_, err = p.System.Lab().Conclude(r.once, r.caller, id, made)
		switch {
		case err == nil:
			return &shown{to: at(results.Register, id) + "#concluded"}, nil
		case errors.Is(err, act.ErrSamePerson):
			return p.concludeWith(r, name, map[string]string{"": ownWords(err, act.ErrSamePerson)}, http.StatusUnprocessableEntity)
		case errors.Is(err, judgments.ErrWrong):
			return p.concludeWith(r, name, map[string]string{"conclusion": ownWords(err, judgments.ErrWrong)}, http.StatusUnprocessableEntity)
		}
		return nil, err
	}
}
