package portal

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/platform/markdown"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// trainingLine is a training of the reader.
type trainingLine struct {
	*training.Training
	Href string
	Late bool
}

type trainingList struct {
	Person string // the reader's record; empty: the account belongs to nobody
	Open   []trainingLine
	Done   []trainingLine // the latest first
}

// trainings lists what the reader has to finish, and what they finished.
func (p *Portal) trainings(r *request) (*shown, error) {
	page := &trainingList{Person: r.person()}
	answer := &shown{page: "trainings", title: "Training", data: page}
	if page.Person == "" {
		return answer, nil
	}
	now := p.System.Clock.Now()
	err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		all, err := training.Of(reader, page.Person)
		for _, t := range all {
			line := trainingLine{t, trainingPath(t.ID), t.Open() && t.DueAt.Before(now)}
			switch {
			case t.Open():
				page.Open = append(page.Open, line)
			case t.CompletedAt != nil:
				page.Done = append(page.Done, line)
			}
		}
		return err
	})
	slices.SortStableFunc(page.Done, func(a, b trainingLine) int { return b.CompletedAt.Compare(*a.CompletedAt) })
	return answer, err
}

func trainingPath(id string) string { return "/training/" + url.PathEscape(id) }

// trainingOf is the page on which a training is finished; empty for other
// references.
func trainingOf(ref string) string {
	id, ok := strings.CutPrefix(ref, training.Register.Name+"/")
	if !ok {
		return ""
	}
	return trainingPath(id)
}

type trainingPage struct {
	trainingLine
	Of      *training.Course
	Text    template.HTML
	Link    string // where the content is, if that is an address
	Mine    bool
	Changed bool // the content is no longer what was finished
	Record  string
	Wrong   string
}

// training is what is to be read, and the button for whose training it is.
func (p *Portal) training(r *request) (*shown, error) { return p.trainingWith(r, "") }

func (p *Portal) trainingWith(r *request, wrong string) (*shown, error) {
	page := &trainingPage{Wrong: wrong}
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		if page.Training, _, err = training.Get(reader, r.PathValue("id")); err != nil {
			return err
		}
		page.Of, _, err = training.GetCourse(reader, page.Course)
		return err
	}); err != nil {
		return nil, err
	}
	page.Mine = page.Person == r.person()
	if !page.Mine && !r.may("record.read") {
		return nil, fmt.Errorf("%w: it is somebody else's training", act.ErrDenied)
	}
	var err error
	if page.Text, err = markdown.HTML(page.Of.Text); err != nil {
		return nil, err
	}
	if to, err := url.Parse(page.Of.Reference); err == nil && (to.Scheme == "https" || to.Scheme == "http") {
		page.Link = page.Of.Reference
	}
	page.Href = trainingPath(page.ID)
	page.Late = page.Open() && page.DueAt.Before(p.System.Clock.Now())
	page.Changed = page.SHA256 != "" && page.SHA256 != page.Of.SHA256
	if r.may("record.read") {
		page.Record = at(training.Register, page.ID)
	}
	answer := &shown{page: "training", title: page.Title, data: page}
	if wrong != "" {
		answer.status = http.StatusUnprocessableEntity
	}
	return answer, nil
}

// finishTraining takes from a person that they have finished what they saw.
func (p *Portal) finishTraining(r *request) (*shown, error) {
	var t *training.Training
	var c *training.Course
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		if t, _, err = training.Get(reader, r.PathValue("id")); err != nil {
			return err
		}
		c, _, err = training.GetCourse(reader, t.Course)
		return err
	}); err != nil {
		return nil, err
	}
	switch {
	case t.Person != r.person():
		return nil, fmt.Errorf("%w: it is somebody else's training", act.ErrDenied)
	case r.PostForm.Get("sha256") != c.SHA256:
		return p.trainingWith(r, "The text has changed since you opened it: read it again.")
	}
	_, err := p.System.MoveRecord(r.once, r.caller, training.Register, t.ID, record.AnyVersion, training.Completed, nil)
	if wrong, _, taken := p.mistakes(r, training.Register, err); taken {
		return p.trainingWith(r, wrong[0].Problem)
	}
	if err != nil {
		return nil, err
	}
	return &shown{to: "/training"}, nil
}
