package portal

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// deviationPath is the page of a deviation, or where a form of that page is sent. The
// item's own id may be anything.
func deviationPath(form string, f *results.Found) string {
	path := "/results/" + url.PathEscape(f.Result) + "/deviation"
	if form != "" {
		path += "/" + form
	}
	return path + "?item=" + url.QueryEscape(f.Item)
}

// unconfirmed reports whether something is stated about a deviation that nobody has
// confirmed.
func unconfirmed(f *results.Found) bool {
	return f.Standing == results.Stated || f.Judged != nil && f.Judged.Compensation != nil && !f.Judged.Compensation.Confirmed()
}

// stepOf is what a reader does on the page of a deviation.
func (r *request) stepOf(f *results.Found) string {
	switch {
	case unconfirmed(f) && r.may("deviation.confirm"):
		return "Confirm it"
	case f.Standing == results.NoCause && r.may("deviation.state"):
		return "State its cause"
	}
	return "Look at it"
}

// deviationPage is a deviation with the forms of whoever judges it.
type deviationPage struct {
	finding
	Owner string // of the control
	// Waits: something is stated and not confirmed. NotConfirm says why the reader
	// does not confirm it.
	Waits      bool
	NotConfirm string
	Inputs     []input // by which the reader states something
	Wrong      []mistake
}

// Href is where a form of the page is sent.
func (d *deviationPage) Href(form string) string { return deviationPath(form, &d.Found) }

// Cause is what people call a cause.
func (d *deviationPage) Cause(id string) string {
	listed, _ := judgments.FindCause(id) // one that was taken off the list keeps its id
	return cmp.Or(listed.Title, id)
}

func (p *Portal) deviation(r *request) (*shown, error) { return p.deviationWith(r, nil, 0) }

func (p *Portal) deviationAgain(r *request) (*shown, error) {
	return p.deviationWith(r, map[string]string{"": r.held.text}, r.held.status)
}

// deviationRef is the reference of the deviation that is asked for.
func deviationRef(r *request) string { return r.PathValue("id") + "/" + r.URL.Query().Get("item") }

func (p *Portal) deviationWith(r *request, wrong map[string]string, status int) (*shown, error) {
	found, of, err := p.System.Lab().Deviation(r.Context(), deviationRef(r))
	if errors.Is(err, results.ErrNoDeviation) || errors.Is(err, results.ErrNoResult) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	page := &deviationPage{finding: finding{Found: *found}, Owner: of.Owner, Waits: unconfirmed(found)}
	page.On = p.System.Items()(found.Control, found.Test, found.Item)
	if page.Waits {
		if page.NotConfirm, err = p.notConfirming(r, found, of.Owner); err != nil {
			return nil, err
		}
	}
	a := sentForm(r, wrong)
	if r.may("deviation.state") {
		if page.Inputs, err = p.deviationInputs(r, a, found.Judged); err != nil {
			return nil, err
		}
	}
	page.Wrong = a.mistakes(page.Inputs)
	return &shown{page: "deviation", title: "Deviation from " + found.Control + " " + found.Test, status: status, data: page}, nil
}

// notConfirming says why a reader does not confirm what is stated; empty: they may.
func (p *Portal) notConfirming(r *request, found *results.Found, owner string) (string, error) {
	var by versions.Actor
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		by, err = versions.ActorOf(reader, r.caller)
		return err
	}); err != nil {
		return "", err
	}
	own := func(s judgments.Statement) bool { return !s.Confirmed() && s.StatedBy == r.caller.ID }
	cause, compensation := found.Judged.Cause, found.Judged.Compensation
	switch {
	case !r.may("deviation.confirm"):
		return "Somebody with the role " + allowing("deviation.confirm") + " confirms it, other than who stated it and who owns the control.", nil
	case cause != nil && own(cause.Statement), compensation != nil && own(compensation.Statement):
		return "You stated it: somebody else confirms it.", nil
	case versions.Owns(owner, by):
		return "You own the control: somebody else confirms it.", nil
	}
	return "", nil
}

// deviationInputs are the fields by which something is stated about a deviation. They
// begin with what is stated.
func (p *Portal) deviationInputs(r *request, a asking, judged *judgments.Deviation) ([]input, error) {
	if judged == nil {
		judged = &judgments.Deviation{}
	}
	cause, compensation := cmp.Or(judged.Cause, &judgments.Cause{}), cmp.Or(judged.Compensation, &judgments.Compensation{})
	options := []option{{}}
	for _, listed := range judgments.Causes() {
		text := listed.Title
		if listed.Design {
			text += " (the design)"
		}
		options = append(options, option{Value: listed.ID, Text: text})
	}
	choice := a.choice("one", "cause", "Cause", "From one list, so that it is seen when one recurs.", options, cause.ID)
	choice.Required = false
	person := a.field("text", "person", "Whom it is with", "A person, where it is with one.", cause.Person)
	person.Refers = people.Register.Name
	if err := p.suggest(r, &person); err != nil {
		return nil, err
	}
	inputs := []input{
		choice, person,
		a.field("text", "subsystem", "What it is in", "The part of the system, where it is in one.", cause.Subsystem),
		a.field("lines", "note", "What happened", "", cause.Note),
		a.field("lines", "reason", "Why something stood in for the item", "Where a compensating control or another occurrence did. The item stays a deviation.", compensation.Reason),
		a.field("text", "by", "What stood in", "The reference of a control, an occurrence or a record, such as control/CHG-02.", compensation.By),
		a.field("text", "incident", "Incident", "The reference of an incident that it belongs to. A person then judges, and it is never unlinked.", judged.Incident),
	}
	inputs[4].Begins, inputs[6].Begins = "Compensation", "Incident"
	return inputs, nil
}

// stateDeviation records what whoever is signed in states about a deviation.
func (p *Portal) stateDeviation(r *request) (*shown, error) {
	cause := judgments.Cause{ID: r.text("cause"), Person: r.text("person"), Subsystem: r.text("subsystem"), Note: r.text("note")}
	compensation := judgments.Compensation{By: r.text("by"), Reason: r.text("reason")}
	stated, wrong := judgments.Deviation{Incident: r.text("incident")}, map[string]string{}
	if err := p.causePerson(r, &cause, wrong); err != nil {
		return nil, err
	}
	switch {
	case cause.ID != "":
		stated.Cause = &cause
	case cause != judgments.Cause{}:
		wrong["cause"] = "is missing: a person, a part and what happened belong to a cause"
	}
	switch {
	case compensation.Reason != "":
		stated.Compensation = &compensation
	case compensation.By != "":
		wrong["reason"] = "is missing: say why that stood in"
	case len(wrong) == 0 && stated == judgments.Deviation{}:
		wrong["cause"] = "is missing: choose one, or say what stood in for the item, or of which incident it is"
	}
	if len(wrong) > 0 {
		return p.deviationWith(r, wrong, http.StatusUnprocessableEntity)
	}
	_, err := p.System.Lab().State(r.Context(), r.caller, deviationRef(r), stated)
	return p.judged(r, err)
}

// causePerson makes a reference of the person whom a cause is with, who may be named.
func (p *Portal) causePerson(r *request, cause *judgments.Cause, wrong map[string]string) error {
	if cause.Person == "" {
		return nil
	}
	typed, err := p.meant(r, record.Part{Field: record.Field{Name: "person", Refers: people.Register.Name}}, typing{texts: []string{cause.Person}})
	var several *record.Invalid
	if errors.As(err, &several) {
		wrong["person"] = several.Fields[0].Problem
		return nil
	}
	if err != nil {
		return err
	}
	cause.Person = typed.text()
	id, ok := strings.CutPrefix(cause.Person, people.Register.Name+"/")
	return p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		_, err := record.Get(reader, people.Register.Name, id)
		if !ok || errors.Is(err, record.ErrNone) {
			wrong["person"] = "there is nobody like this in the register of people"
			return nil
		}
		return err
	})
}

func (p *Portal) confirmDeviation(r *request) (*shown, error) {
	_, err := p.System.Lab().Confirm(r.Context(), r.caller, deviationRef(r))
	return p.judged(r, err)
}

// judged goes to the page of a deviation, or says there why what was sent was not taken.
func (p *Portal) judged(r *request, err error) (*shown, error) {
	status := http.StatusUnprocessableEntity
	switch {
	case err == nil:
		return &shown{to: deviationPath("", &results.Found{Result: r.PathValue("id"), Item: r.URL.Query().Get("item")})}, nil
	case errors.Is(err, results.ErrNoDeviation), errors.Is(err, results.ErrNoResult):
		return nil, errNotFound
	case errors.Is(err, record.ErrSame), errors.Is(err, judgments.ErrNothing):
		status = http.StatusConflict
	case !errors.Is(err, act.ErrSamePerson) && !errors.Is(err, judgments.ErrWrong):
		return nil, err
	}
	return p.deviationWith(r, map[string]string{"": ownWords(err, judgments.ErrWrong, judgments.ErrNothing, record.ErrSame)}, status)
}
