package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// mismatchPath is the page of what does not agree in a result, or where a form of that
// page is sent.
func mismatchPath(form, result, mismatch string) string {
	path := "/results/" + url.PathEscape(result) + "/mismatch"
	if form != "" {
		path += "/" + form
	}
	return path + "?mismatch=" + url.QueryEscape(mismatch)
}

// mismatchLine is a mismatch in a list.
type mismatchLine struct {
	results.Mismatch
	On []string // its items
	// Known is the resolution that was confirmed, or else the latest one that waits for it.
	Known      *resolutions.Resolution
	Href, Step string // its page, and what the reader does there; empty where the result does not list it
}

// mismatches are what does not agree in a result.
func (p *Portal) mismatches(r *request, of *results.Result) (lines []mismatchLine, err error) {
	return p.mismatchLines(r, of, of.Mismatches())
}

// mismatchLines are those of mismatches that were found when a result was made.
func (p *Portal) mismatchLines(r *request, of *results.Result, found []results.Mismatch) (lines []mismatchLine, err error) {
	if len(found) == 0 {
		return nil, nil
	}
	var known []resolutions.Resolution
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		known, err = resolutions.List(reader, of.Period)
		return err
	}); err != nil {
		return nil, err
	}
	test, err := p.testOf(of)
	if err != nil {
		return nil, err
	}
	for _, one := range found {
		line := mismatchLine{Mismatch: one, Href: mismatchPath("", of.ID, one.ID), Step: "Look at it"}
		for _, item := range one.Items {
			line.On = append(line.On, p.reconciledItem(test, one.There(), item))
		}
		for i := range known {
			k := &known[i]
			if resolves(k, of, one.ID) && (line.Known == nil || line.Known.State != resolutions.Confirmed) {
				line.Known = k
			}
		}
		switch {
		case line.Known == nil && r.may("resolution.propose"):
			line.Step = "Say why"
		case line.Known != nil && line.Known.State == resolutions.Proposed && r.may("resolution.confirm"):
			line.Step = "Confirm it"
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// resolves reports whether a resolution is of a mismatch in a result.
func resolves(one *resolutions.Resolution, of *results.Result, mismatch string) bool {
	return one.Mismatch == mismatch && one.Control == of.Control && one.Test == of.Test && one.Period == of.Period
}

// testOf is the test that a result is of; nil: the control has none of this name any more.
func (p *Portal) testOf(of *results.Result) (*controls.Test, error) {
	control, err := p.System.Control(of.Control)
	if errors.Is(err, surface.ErrNoControl) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	test, _ := control.Test(of.Test)
	return test, nil
}

// reconciledItem is the reference of an item of the test's population, or of the second one
// (there).
func (p *Portal) reconciledItem(test *controls.Test, there bool, item string) string {
	switch {
	case test == nil:
		return item
	case !there:
		return p.System.Item(test, item)
	case test.Reconcile == nil:
		return item
	}
	return p.System.Item(&controls.Test{Population: test.Reconcile.With}, item)
}

// mismatchPage is what does not agree, with the forms of whoever finds out why.
type mismatchPage struct {
	mismatchLine
	Of     *results.Result
	Cutoff *results.CutoffItem // where two instants disagree
	Source string              // with which the population was reconciled
	// Proposed are the resolutions that somebody has proposed, the latest first.
	Proposed []proposal
	Inputs   []input // by which the reader proposes one
	Wrong    []mistake
}

// proposal is a proposed resolution, for whoever confirms it.
type proposal struct {
	resolutions.Resolution
	Confirm    string // where the reader confirms it
	NotConfirm string // why they do not
}

// Resolved reports whether somebody has confirmed why there is a mismatch.
func (m *mismatchPage) Resolved() bool {
	return m.Known != nil && m.Known.State == resolutions.Confirmed
}

// Href is where a form of the page is sent.
func (m *mismatchPage) Path(form string) string { return mismatchPath(form, m.Of.ID, m.ID) }

func (p *Portal) mismatch(r *request) (*shown, error) { return p.mismatchWith(r, nil, 0) }

func (p *Portal) mismatchAgain(r *request) (*shown, error) {
	return p.mismatchWith(r, map[string]string{"": r.held.text}, r.held.status)
}

// mismatchOf finds what is asked for, in its result.
func (p *Portal) mismatchOf(r *request) (*results.Result, *mismatchLine, error) {
	of, err := p.System.Lab().Result(r.Context(), r.PathValue("id"))
	if errors.Is(err, results.ErrNoResult) {
		err = errNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	asked := func(m results.Mismatch) bool { return m.ID == r.URL.Query().Get("mismatch") }
	found := of.Mismatches()
	if known := of.Reconciliation; known != nil && len(known.Listed) < known.Mismatches && !slices.ContainsFunc(found, asked) {
		all, err := p.System.Lab().Reconciled(r.Context(), of.ID) // the result lists the first ones
		if errors.Is(err, results.ErrNotReconciled) {
			err = errNotFound
		}
		if err != nil {
			return nil, nil, err
		}
		found = all.Mismatches
	}
	at := slices.IndexFunc(found, asked)
	if at < 0 {
		return nil, nil, errNotFound
	}
	lines, err := p.mismatchLines(r, of, found[at:at+1])
	if err != nil {
		return nil, nil, err
	}
	return of, &lines[0], nil
}

func (p *Portal) mismatchWith(r *request, wrong map[string]string, status int) (*shown, error) {
	of, line, err := p.mismatchOf(r)
	if err != nil {
		return nil, err
	}
	page := &mismatchPage{mismatchLine: *line, Of: of}
	if of.Cutoff != nil {
		for i := range of.Cutoff.Listed {
			if of.Cutoff.Listed[i].ID == line.ID {
				page.Cutoff = &of.Cutoff.Listed[i]
			}
		}
	}
	if of.Reconciliation != nil {
		page.Source = of.Reconciliation.Query.Source
	}
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		by, err := versions.ActorOf(reader, r.caller)
		if err != nil {
			return err
		}
		known, err := resolutions.List(reader, of.Period)
		for _, one := range known {
			if !resolves(&one, of, line.ID) {
				continue
			}
			next := proposal{Resolution: one}
			if one.State == resolutions.Proposed && !page.Resolved() {
				if next.NotConfirm = notResolving(r, &one, by); next.NotConfirm == "" {
					next.Confirm = page.Path("confirm")
				}
			}
			page.Proposed = append(page.Proposed, next)
		}
		return err
	}); err != nil {
		return nil, err
	}
	slices.SortStableFunc(page.Proposed, func(a, b proposal) int { return b.ProposedAt.Compare(a.ProposedAt) })
	a := sentForm(r, wrong)
	if r.may("resolution.propose") && !page.Resolved() {
		page.Inputs = []input{a.needed("lines", "reason", "Why", "What you found out about it: why it is no mismatch, or what it comes from, and how you know.", "")}
	}
	page.Wrong = a.mistakes(page.Inputs)
	return &shown{page: "mismatch", title: "“" + line.ID + "” in " + of.Control + " " + of.Test, status: status, data: page}, nil
}

// notResolving says why a reader does not confirm a resolution; empty: they may.
func notResolving(r *request, one *resolutions.Resolution, by versions.Actor) string {
	switch {
	case !r.may("resolution.confirm"):
		return "Somebody with the role " + allowing("resolution.confirm") + " confirms it, other than who proposed it and who owns the control."
	case one.ProposedBy == r.caller.ID || one.EnteredBy == r.caller.ID:
		return "You proposed it: somebody else confirms it."
	case versions.Owns(one.Owner, by):
		return "You own the control: somebody else confirms it."
	}
	return ""
}

// resolveMismatch proposes why there is a mismatch.
func (p *Portal) resolveMismatch(r *request) (*shown, error) {
	of, line, err := p.mismatchOf(r)
	if err != nil {
		return nil, err
	}
	if line.Known != nil && line.Known.State == resolutions.Confirmed {
		return p.mismatchWith(r, map[string]string{"": "It is resolved already: " + line.Known.ID + " was confirmed."}, http.StatusConflict)
	}
	if wrong := r.missing("reason"); len(wrong) > 0 {
		return p.mismatchWith(r, wrong, http.StatusUnprocessableEntity)
	}
	_, err = p.System.ProposeResolution(r.once, r.caller, resolutions.Resolution{Period: of.Period, Control: of.Control, Test: of.Test, Mismatch: line.ID, Reason: r.text("reason")})
	if errors.Is(err, resolutions.ErrInvalid) {
		return p.mismatchWith(r, map[string]string{"reason": ownWords(err, resolutions.ErrInvalid)}, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return nil, err
	}
	return &shown{to: line.Href}, nil
}

// confirmResolution confirms why there is a mismatch.
func (p *Portal) confirmResolution(r *request) (*shown, error) {
	of, line, err := p.mismatchOf(r)
	if err != nil {
		return nil, err
	}
	id := r.PostForm.Get("resolution")
	var known []resolutions.Resolution
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		known, err = resolutions.List(reader, of.Period)
		return err
	}); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(known, func(one resolutions.Resolution) bool { return one.ID == id && resolves(&one, of, line.ID) }) {
		return p.mismatchWith(r, map[string]string{"": "Nobody has proposed this resolution of it."}, http.StatusConflict)
	}
	_, err = resolutions.Confirm(r.Context(), p.System.Door, r.caller, id)
	switch {
	case err == nil:
		return &shown{to: line.Href}, nil
	case errors.Is(err, record.ErrSame):
		return p.mismatchWith(r, map[string]string{"": ownWords(err, record.ErrSame)}, http.StatusConflict)
	case errors.Is(err, act.ErrSamePerson):
		return p.mismatchWith(r, map[string]string{"": ownWords(err, act.ErrSamePerson)}, http.StatusUnprocessableEntity)
	}
	return nil, err
}

// resolutionPage is the page of the mismatch that a resolution is of: in the latest result
// that has it; empty: none has any more.
func (p *Portal) resolutionPage(r *request, v *record.Version) (path string, err error) {
	one, err := decoded[resolutions.Resolution](v)
	if err != nil {
		return "", err
	}
	return path, p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		latest, err := results.Latest(reader, one.Period, 0)
		if err != nil {
			return err
		}
		for _, key := range results.Keys(latest) {
			of := latest[key]
			if one.Control == of.Control && one.Test == of.Test && slices.ContainsFunc(of.Mismatches(), func(m results.Mismatch) bool { return m.ID == one.Mismatch }) {
				path = mismatchPath("", of.ID, one.Mismatch)
			}
		}
		return nil
	})
}
