package portal

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/record"
)

// errNobody says that what was typed is nobody.
var errNobody = errors.New("nobody is called so, and nobody has this title or role")

func (p *Portal) assignForm(r *request) (*shown, error) { return p.assignWith(r, nil, 0) }

func (p *Portal) assignAgain(r *request) (*shown, error) {
	return p.assignWith(r, map[string]string{"": r.held.text}, r.held.status)
}

func (p *Portal) assignWith(r *request, wrong map[string]string, status int) (*shown, error) {
	d, err := p.findDuty(r)
	if err != nil {
		return nil, err
	}
	a := sentForm(r, wrong)
	owner, err := p.whoseDuty(r, a, "New owner")
	if err != nil {
		return nil, err
	}
	page := &askPage{
		Lead:   fmt.Sprintf("“%s” belongs to %s. From now on it is somebody else's; what was done before stays as it is.", d.Title, (links{p, r}).Ref(d.Owner).Words()),
		Action: dutyPath(d.ID, "assign"), Button: "Give it to them", Back: dutyPath(d.ID, ""), BackTo: d.Title,
		Inputs: []input{owner},
	}
	page.Wrong = a.mistakes(page.Inputs)
	return &shown{page: "ask", title: "Give a duty another owner", status: status, data: page}, nil
}

// assign gives a duty another owner.
func (p *Portal) assign(r *request) (*shown, error) {
	owner, wrong, err := p.dutyTo(r)
	if err != nil {
		return nil, err
	}
	if len(wrong) == 0 {
		_, err = p.System.Desk().Assign(r.Context(), r.caller, r.PathValue("duty"), owner)
		wrong, err = notGiven(err)
	}
	switch {
	case err != nil:
		return nil, notFound(err)
	case len(wrong) > 0:
		return p.assignWith(r, wrong, http.StatusUnprocessableEntity)
	}
	return &shown{to: dutyPath(r.PathValue("duty"), "")}, nil
}

func (p *Portal) delegateForm(r *request) (*shown, error) { return p.delegateWith(r, nil, 0) }

func (p *Portal) delegateAgain(r *request) (*shown, error) {
	return p.delegateWith(r, map[string]string{"": r.held.text}, r.held.status)
}

func (p *Portal) delegateWith(r *request, wrong map[string]string, status int) (*shown, error) {
	d, err := p.findDuty(r)
	if err != nil {
		return nil, err
	}
	a := sentForm(r, wrong)
	to, err := p.whoseDuty(r, a, "To")
	if err != nil {
		return nil, err
	}
	page := &askPage{
		Lead:   fmt.Sprintf("“%s” belongs to %s. Somebody else does it until a day; the owner answers for it meanwhile, too.", d.Title, (links{p, r}).Ref(d.Owner).Words()),
		Action: dutyPath(d.ID, "delegate"), Button: "Hand it over", Back: dutyPath(d.ID, ""), BackTo: d.Title,
		Inputs: []input{to, a.needed("date", "until", "Last day", "A year ahead at most.", "")},
	}
	page.Wrong = a.mistakes(page.Inputs)
	return &shown{page: "ask", title: "Delegate a duty", status: status, data: page}, nil
}

// delegate hands a duty to somebody else until the end of a day.
func (p *Portal) delegate(r *request) (*shown, error) {
	to, wrong, err := p.dutyTo(r)
	if err != nil {
		return nil, err
	}
	last, unread := time.ParseInLocation(time.DateOnly, r.text("until"), p.zone)
	if unread != nil {
		wrong["until"] = "is no day such as 2026-01-31"
	}
	if len(wrong) == 0 {
		_, err = p.System.Desk().Delegate(r.Context(), r.caller, r.PathValue("duty"), to, last.AddDate(0, 0, 1))
		wrong, err = notGiven(err)
	}
	switch {
	case err != nil:
		return nil, notFound(err)
	case len(wrong) > 0:
		return p.delegateWith(r, wrong, http.StatusUnprocessableEntity)
	}
	return &shown{to: dutyPath(r.PathValue("duty"), "")}, nil
}

// whoseDuty asks for somebody, or a title.
func (p *Portal) whoseDuty(r *request, a asking, label string) (input, error) {
	to := a.needed("text", "to", label, "A person, such as person/E1001, or a title or role that somebody has, such as security lead.", "")
	to.Refers = people.Register.Name
	return to, p.suggest(r, &to)
}

// dutyTo is who was typed as somebody to do a duty: a person, by their name as well, or
// words that are somebody's title or role; and what is wrong with it.
func (p *Portal) dutyTo(r *request) (to string, wrong map[string]string, err error) {
	wrong = r.missing("to")
	to = r.text("to")
	if len(wrong) > 0 || strings.Contains(to, "/") { // the act says of a person who is not there that they are not
		return to, wrong, nil
	}
	nobody, err := p.System.Nobody(r.Context(), []string{to})
	if err != nil || !nobody[to] {
		return to, wrong, err
	}
	person := record.Part{Field: record.Field{Name: "to", Refers: people.Register.Name}}
	meant, err := p.meant(r, person, typing{texts: []string{to}})
	var invalid *record.Invalid
	switch {
	case errors.As(err, &invalid):
		wrong["to"] = invalid.Fields[0].Problem
		return to, wrong, nil
	case err == nil && meant.texts[0] == to:
		wrong["to"] = errNobody.Error()
	}
	return meant.texts[0], wrong, err
}

// notGiven is what is wrong with whom a duty was to be given to, of an error that is
// about that.
func notGiven(err error) (map[string]string, error) {
	if !errors.Is(err, tasks.ErrRefused) && !errors.Is(err, record.ErrSame) {
		return nil, err
	}
	text, field := strings.TrimPrefix(strings.TrimPrefix(err.Error(), tasks.ErrRefused.Error()+": "), record.ErrSame.Error()+": "), "to"
	if strings.Contains(text, "delegation") {
		field = "until"
	}
	return map[string]string{field: text}, nil
}
