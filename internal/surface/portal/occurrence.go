package portal

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// occurrencePage is what the page of an occurrence shows. What was typed is kept.
type occurrencePage struct {
	*duty
	Occurrence *tasks.Occurrence
	Steps      []surface.Step // what was recorded about it, the newest first
	// MayDo and MayExcuse: the caller may record that it was done, or that there is
	// nothing to do, now.
	MayDo, MayExcuse       bool
	Open                   bool // something may be recorded, by whoever may
	Note, Evidence, Reason string
	Wrong                  string
	// Before and After are the days of the occurrences beside it; empty: none.
	Before, After string
}

func (p *Portal) occurrence(r *request) (*shown, error) {
	page, err := p.occurrencePage(r)
	if err != nil {
		return nil, err
	}
	return &shown{page: "occurrence", title: page.Title + ", " + r.PathValue("date"), data: page}, nil
}

func (p *Portal) occurrencePage(r *request) (*occurrencePage, error) {
	d, err := p.findDuty(r)
	if err != nil {
		return nil, err
	}
	ref := d.ID + "@" + r.PathValue("date")
	page := &occurrencePage{duty: d}
	if _, page.Occurrence, err = p.System.Task(r.Context(), r.caller, ref); err != nil {
		return nil, notFound(err)
	}
	o := page.Occurrence
	if page.Steps, err = p.System.History(r.Context(), tasks.Performances, o.ID, false); err != nil && !errors.Is(err, record.ErrNone) {
		return nil, err
	}
	slices.Reverse(page.Steps)
	page.Open = o.DoneAt == nil && o.Reason == "" && d.PerformedBy == "" && !o.OpensAt.After(p.System.Clock.Now()) && r.session != nil
	may := func(action string) bool { return p.System.Auth.Authorize(r.caller, action, "task/"+d.ID) == nil }
	if page.Open {
		if page.MayDo, err = p.System.MayDo(r.Context(), r.caller, d.Task, o); err != nil {
			return nil, err
		}
	}
	page.MayExcuse = page.Open && may("task.not-occurring") && o.State != calendar.Late && o.State != calendar.Missed
	beside, err := p.occurrences(r, tasks.Query{Duty: d.ID}, o.DueAt.AddDate(-1, -1, 0), o.DueAt.AddDate(1, 1, 0))
	at := slices.IndexFunc(beside, func(l tasks.Listed) bool { return l.ID == o.ID })
	if at > 0 {
		_, page.Before = tasks.Split(beside[at-1].ID)
	}
	if at >= 0 && at+1 < len(beside) {
		_, page.After = tasks.Split(beside[at+1].ID)
	}
	return page, err
}

// occurrenceDone records that an occurrence was done.
func (p *Portal) occurrenceDone(r *request) (*shown, error) {
	entry := tasks.Entry{Ref: r.PathValue("duty") + "@" + r.PathValue("date"), Note: r.PostFormValue("note"), Evidence: lines(r.PostFormValue("evidence"))}
	_, err := p.System.Desk().Done(r.once, r.caller, entry)
	return p.entered(r, err)
}

// occurrenceNot records why there is nothing to do in an occurrence.
func (p *Portal) occurrenceNot(r *request) (*shown, error) {
	_, err := p.System.Desk().NotOccurring(r.once, r.caller, tasks.Entry{Ref: r.PathValue("duty") + "@" + r.PathValue("date"), Note: r.PostFormValue("reason")})
	return p.entered(r, err)
}

// entered goes to the page of the occurrence, or shows what was wrong with what
// was typed.
func (p *Portal) entered(r *request, err error) (*shown, error) {
	status := http.StatusUnprocessableEntity
	switch {
	case err == nil:
		return &shown{to: dutyPath(r.PathValue("duty"), r.PathValue("date"))}, nil
	case errors.Is(err, record.ErrSame):
		status = http.StatusConflict
	case !errors.Is(err, tasks.ErrRefused):
		return nil, notFound(err)
	}
	return p.occurrenceWith(r, status, capital(strings.TrimPrefix(strings.TrimPrefix(err.Error(), tasks.ErrRefused.Error()+": "), record.ErrSame.Error()+": "))+".")
}

// occurrenceWith shows an occurrence, with what was typed and why it was not taken.
func (p *Portal) occurrenceWith(r *request, status int, wrong string) (*shown, error) {
	page, err := p.occurrencePage(r)
	if err != nil {
		return nil, notFound(err)
	}
	page.Wrong = wrong
	page.Note, page.Evidence, page.Reason = r.PostFormValue("note"), r.PostFormValue("evidence"), r.PostFormValue("reason")
	return &shown{page: "occurrence", title: page.Title + ", " + r.PathValue("date"), status: status, data: page}, nil
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// lines are the lines of a text that have something in them.
func lines(text string) (all []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}
