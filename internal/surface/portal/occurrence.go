package portal

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/surface"
)

// occurrencePage is what the page of an occurrence shows. What was typed is kept.
type occurrencePage struct {
	*duty
	Occurrence *tasks.Occurrence
	Steps      []surface.Step // what was recorded about it, the newest first
	// MayDo and MayExcuse: the caller may record that it was done, or that there is
	// nothing to do, now.
	MayDo, MayExcuse bool
	Open             bool // something may be recorded, by whoever may
	// MayAdd: the caller may name more evidence of what is done. Lacks: it is done, and
	// what its duty asks for is not named.
	MayAdd, Lacks bool
	Files         bool // a file shows it
	// Asks is what is to be named as evidence, and Like the references that show it; empty:
	// nothing is asked for.
	Asks, Like             string
	Note, Evidence, Reason string
	Wrong                  string
	WrongAt                map[string]string // by field
	// Before and After are the days of the occurrences beside it; empty: none.
	Before, After string
	// Deviations are those that tests have found it to be.
	Deviations []reports.NewDeviation
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
	page := &occurrencePage{duty: d, Files: true}
	if _, page.Occurrence, err = p.System.Task(r.Context(), r.caller, ref); err != nil {
		return nil, notFound(err)
	}
	o := page.Occurrence
	if page.Steps, err = p.System.History(r.Context(), tasks.Performances, o.ID, false); err != nil && !errors.Is(err, record.ErrNone) {
		return nil, err
	}
	slices.Reverse(page.Steps)
	if o.State == calendar.Late || o.State == calendar.Missed || o.DoneAt != nil {
		report, err := p.System.Standing(r.Context())
		if err != nil {
			return nil, err
		}
		found, err := p.System.Deviated(r.Context(), report, "task/"+o.ID)
		if err != nil {
			return nil, err
		}
		page.Deviations = found["task/"+o.ID]
	}
	page.Open = o.DoneAt == nil && o.Reason == "" && d.PerformedBy == "" && !o.OpensAt.After(p.System.Clock.Now()) && r.session != nil
	may := func(action string) bool { return p.System.Auth.Authorize(r.caller, action, "task/"+d.ID) == nil }
	if d.Evidence != nil {
		page.Asks, page.Like = d.Evidence.What, d.Evidence.Says(r.PathValue("date"))
		page.Files = slices.Contains(d.Evidence.Kinds(), attached.Files.Name)
		page.Lacks = o.DoneAt != nil && !d.Shown(o)
	}
	adds := r.session != nil && o.MayAdd(p.System.Clock.Now())
	if page.Open || adds {
		if page.MayDo, err = p.System.MayDo(r.Context(), r.caller, d.Task, o); err != nil {
			return nil, err
		}
		page.MayAdd, page.MayDo = adds && page.MayDo, !adds && page.MayDo
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
	var content io.Reader
	name := ""
	if file, header, err := r.FormFile("file"); err == nil {
		defer func() { _ = file.Close() }() // it was read
		content, name = file, header.Filename
	}
	_, err := p.System.Done(r.once, r.caller, entry, name, content)
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
	var invalid *record.Invalid
	switch {
	case errors.As(err, &invalid):
		wrong := map[string]string{}
		for _, field := range invalid.Fields {
			wrong[field.Field] = field.Problem
		}
		return p.occurrenceWith(r, status, "", wrong)
	case err == nil:
		return &shown{to: dutyPath(r.PathValue("duty"), r.PathValue("date"))}, nil
	case errors.Is(err, record.ErrSame):
		status = http.StatusConflict
	case !errors.Is(err, tasks.ErrRefused):
		return nil, notFound(err)
	}
	return p.occurrenceWith(r, status, capital(strings.TrimPrefix(strings.TrimPrefix(err.Error(), tasks.ErrRefused.Error()+": "), record.ErrSame.Error()+": "))+".", nil)
}

// occurrenceWith shows an occurrence, with what was typed and why it was not taken.
func (p *Portal) occurrenceWith(r *request, status int, wrong string, at map[string]string) (*shown, error) {
	page, err := p.occurrencePage(r)
	if err != nil {
		return nil, notFound(err)
	}
	page.Wrong, page.WrongAt = r.says(wrong), at
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
