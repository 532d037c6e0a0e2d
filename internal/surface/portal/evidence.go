package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// evidenceFile sends the file of evidence, to be saved and not to be shown. The reading
// is recorded.
func (p *Portal) evidenceFile(r *request) (*shown, error) {
	found, content, err := p.System.OpenEvidence(r.Context(), r.caller, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return &shown{file: content, name: found.File}, nil
}

// evidenceFilePath is where the file of evidence is sent from.
func evidenceFilePath(id string) string { return "/evidence/" + url.PathEscape(id) + "/file" }

// evidenceReview is what the record of evidence asks of whoever may conclude on it.
type evidenceReview struct {
	Href   string
	Inputs []input
	Not    string // why the reader may not
}

// evidenceReview is nil where there is nothing to conclude, or the reader may not.
func (p *Portal) evidenceReview(r *request, v *record.Version) (*evidenceReview, error) {
	e, err := decoded[documents.Evidence](v)
	if err != nil || e.State != documents.Prepared || !r.may("evidence.review") {
		return nil, err
	}
	review := &evidenceReview{Href: "/evidence/" + url.PathEscape(e.ID) + "/review"}
	if r.caller.ID == e.PreparedBy || r.caller.ID == e.EnteredBy {
		review.Not = "You prepared or entered it: somebody else reads it and concludes."
		return review, nil
	}
	a := asking{id: "review-"}
	if r.Method == http.MethodPost && r.URL.Path == review.Href {
		a.sent = r.PostForm
	}
	review.Inputs = reviewInputs(a)
	return review, nil
}

func reviewInputs(a asking) []input {
	return []input{
		a.choice("one", "conclusion", "Conclusion", "", []option{
			{}, {Value: string(controltests.Accepted), Text: "Accepted: it shows what the test asks for"}, {Value: string(controltests.NotAccepted), Text: "Rejected: it does not"},
		}),
		a.needed("lines", "reason", "Reason", "What you looked at, and why it is enough, or what is missing.", ""),
	}
}

// reviewEvidence records what whoever is signed in concludes of evidence.
func (p *Portal) reviewEvidence(r *request) (*shown, error) {
	if wrong := r.missing("conclusion", "reason"); len(wrong) > 0 {
		return p.reviewWith(r, wrong, http.StatusUnprocessableEntity)
	}
	id := r.PathValue("id")
	_, err := documents.Conclude(r.once, p.System.Door, r.caller, id, controltests.ReviewConclusion(r.text("conclusion")), r.text("reason"))
	switch {
	case err == nil:
		return &shown{to: at(documents.Register, id)}, nil
	case errors.Is(err, record.ErrSame):
		return p.reviewWith(r, map[string]string{"": ownWords(err, record.ErrSame)}, http.StatusConflict)
	case errors.Is(err, act.ErrSamePerson):
		return p.reviewWith(r, map[string]string{"": ownWords(err, act.ErrSamePerson)}, http.StatusUnprocessableEntity)
	case errors.Is(err, documents.ErrInvalid):
		return p.reviewWith(r, map[string]string{"reason": ownWords(err, documents.ErrInvalid)}, http.StatusUnprocessableEntity)
	}
	return nil, err
}

// reviewWith shows the record of evidence with what is wrong with the form.
func (p *Portal) reviewWith(r *request, wrong map[string]string, status int) (*shown, error) {
	r.kind = documents.Register
	answer, err := p.recordWith(r, nil, "")
	if err != nil {
		return nil, err
	}
	if page, ok := answer.data.(*onePage); ok {
		a := sentForm(r, wrong)
		a.id = "review-"
		inputs := reviewInputs(a)
		page.Wrong = a.mistakes(inputs)
		if page.Review != nil && page.Review.Not == "" {
			page.Review.Inputs = inputs
		}
	}
	answer.status = status
	return answer, nil
}

func (p *Portal) reviewAgain(r *request) (*shown, error) {
	return p.reviewWith(r, map[string]string{"": r.held.text}, r.held.status)
}

// evidenceForm is the form by which a file is added as evidence of a control.
func (p *Portal) evidenceForm(r *request) (*shown, error) { return p.evidenceWith(r, nil, 0) }

func (p *Portal) evidenceWith(r *request, wrong map[string]string, status int) (*shown, error) {
	control, err := p.System.Control(r.PathValue("id"))
	if errors.Is(err, surface.ErrNoControl) {
		err = errNotFound
	}
	if err != nil {
		return nil, err
	}
	a := sentForm(r, wrong)
	var over []string
	tests := []option{{}}
	for _, t := range control.Tests {
		tests = append(tests, option{Value: t.ID, Text: t.ID + ": " + t.Title})
		if t.Kind == controls.Document {
			over = append(over, t.ID)
		}
	}
	first := r.URL.Query().Get("test")
	if first == "" && len(over) == 1 {
		first = over[0]
	}
	page := &askPage{
		Lead:   "A file that shows how the control was performed, where it comes from, and what it covers. You prepared it; somebody else reads it before it counts.",
		Action: "/controls/" + url.PathEscape(control.ID) + "/evidence", Button: "Add it", Back: "/controls/" + url.PathEscape(control.ID) + "#evidence", BackTo: control.ID + " " + control.Title, Upload: true,
		Inputs: []input{
			a.needed("file", "file", "File", fmt.Sprintf("At most %s. Choose it again if something else was wrong.", size(documents.MaxFile)), ""),
			a.choice("one", "test", "Test", "", tests, first),
			a.needed("text", "source", "Source", "The system that it comes from.", ""),
			a.needed("lines", "query", "Query", "Exactly enough to get it again: the report, its filters, the path.", ""),
			a.needed("date", "from", "First day that it covers", "", ""),
			a.needed("date", "to", "Last day that it covers", "", ""),
			a.field("datetime-local", "collected", "Taken from there", "Left open: now.", ""),
			a.field("datetime-local", "effective", "Shows the state of", "Left open: when it was taken.", ""),
		},
	}
	page.Wrong = a.mistakes(page.Inputs)
	return &shown{page: "ask", title: "Add evidence of " + control.ID, status: status, data: page}, nil
}

func (p *Portal) evidenceAgain(r *request) (*shown, error) {
	return p.evidenceWith(r, map[string]string{"": r.held.text}, r.held.status)
}

// addEvidence keeps the file that was sent as evidence.
func (p *Portal) addEvidence(r *request) (*shown, error) {
	e := documents.Evidence{Control: r.PathValue("id"), Test: r.text("test"), Source: r.text("source"), Query: r.text("query")}
	wrong := r.missing("test", "source", "query", "from", "to")
	for _, one := range []struct {
		name, form string
		into       *time.Time
	}{{"from", time.DateOnly, &e.From}, {"to", time.DateOnly, &e.To}, {"collected", minuteForm, &e.CollectedAt}, {"effective", minuteForm, &e.EffectiveAt}} {
		text := r.text(one.name)
		if text == "" {
			continue
		}
		at, err := time.ParseInLocation(one.form, text, p.zone)
		if err != nil {
			wrong[one.name] = "is no date like " + one.form
			continue
		}
		*one.into = at
	}
	switch now := p.System.Clock.Now(); {
	case wrong["from"] == "" && wrong["to"] == "" && e.To.Before(e.From):
		wrong["to"] = "lies before the first day"
	case e.CollectedAt.After(now):
		wrong["collected"] = "has not come"
	case e.EffectiveAt.After(now):
		wrong["effective"] = "has not come"
	}
	if !e.To.IsZero() {
		e.To = e.To.AddDate(0, 0, 1) // the end, which is not in it
	}
	file, header, err := r.FormFile("f.file")
	if err != nil {
		wrong["file"] = "is missing: choose one"
	} else {
		defer func() { _ = file.Close() }() // it was read
		e.File = header.Filename
	}
	if len(wrong) > 0 {
		return p.evidenceWith(r, wrong, http.StatusUnprocessableEntity)
	}
	kept, err := p.System.AddEvidence(r.once, r.caller, e, file)
	switch {
	case errors.Is(err, surface.ErrNoControl):
		return nil, errNotFound
	case errors.Is(err, documents.ErrInvalid):
		name := ""
		if strings.Contains(err.Error(), "the file ") {
			name = "file"
		}
		return p.evidenceWith(r, map[string]string{name: ownWords(err, documents.ErrInvalid)}, http.StatusUnprocessableEntity)
	case err != nil:
		return nil, err
	}
	return &shown{to: at(documents.Register, kept.ID)}, nil
}
