package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// controlVersionPath is the page of a version of a control.
func controlVersionPath(id string) string {
	return "/controls/" + url.PathEscape(versions.ControlOf(id)) + "/versions/" + url.PathEscape(id)
}

// controlVersionPage is a version of a control file: what it changes, who proposed it,
// and the forms of whoever decides on it.
type controlVersionPage struct {
	*versions.Version
	Href   string
	Before *versions.Version // that was approved before it; nil: none was
	Words  []string          // what changes, in words
	Lines  []policies.Line
	None   bool // the files are the same
	Unused bool // no control that is in use is called so
	Design *versions.Assessment
	// Waits: nobody has decided on it. Decide: the reader may; Own: they proposed it.
	Waits, Decide, Own bool
	AtApproval         bool    // it takes effect with its approval, and not before
	End                *ending // by which the reader lets nothing come of it
	// Assess are the fields of an assessment of its design, where the reader may make
	// one; NotAssess says why they may not.
	Assess    []input
	NotAssess string
	Wrong     []mistake
	Form      string // which form was not taken
}

// ending is a form by which nothing comes of a proposed version.
type ending struct {
	Action, Summary, Button string
	Reason                  input
	Open                    bool // it was not taken
}

func (p *Portal) controlVersion(r *request) (*shown, error) {
	return p.controlVersionWith(r, "", nil, 0)
}

// controlVersionWith shows a version, with what is wrong with one of the forms of its
// page, by the names of the fields.
func (p *Portal) controlVersionWith(r *request, form string, wrong map[string]string, status int) (*shown, error) {
	page := &controlVersionPage{Form: form}
	var actor versions.Actor
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		snapshot := populations.Stored(reader)
		if page.Version, page.Before, err = controlVersionOf(snapshot, r.PathValue("id"), r.PathValue("version")); err != nil {
			return err
		}
		if page.Design, err = versions.Design(snapshot, page.ID, 0); err != nil {
			return err
		}
		actor, err = versions.ActorOf(reader, r.caller)
		return err
	}); err != nil {
		return nil, err
	}
	page.Href = controlVersionPath(page.ID)
	if err := p.compareVersions(r, page); err != nil {
		return nil, err
	}
	_, err := p.System.Control(page.Control)
	if page.Unused = errors.Is(err, surface.ErrNoControl); err != nil && !page.Unused {
		return nil, err
	}
	of := func(name string) asking {
		if form != name {
			return asking{id: name + "-"}
		}
		a := sentForm(r, wrong)
		a.id = name + "-"
		return a
	}
	page.Waits = page.State == versions.Proposed
	page.AtApproval = page.Waits && page.Before != nil && page.EffectiveFrom.Before(p.System.Clock.Now())
	page.Own = page.ProposedBy == r.caller.ID
	page.Decide = page.Waits && !page.Own && r.may("control.approve")
	const why = "Why it does not come into force"
	switch {
	case page.Decide:
		page.End = &ending{page.Href + "/reject", "It does not come into force", "Reject it", of("reject").needed("lines", "reason", why, "Whoever proposed it is told this.", ""), form == "reject"}
	case page.Waits && page.Own && r.may("control.propose"):
		page.End = &ending{page.Href + "/withdraw", "Take it back", "Withdraw it", of("withdraw").needed("lines", "reason", why, "What was wrong, or what is done instead.", ""), form == "withdraw"}
	}
	if !page.Ended() && r.may("control.assess") {
		if versions.Owns(page.Owner, actor) {
			page.NotAssess = "You own the control: somebody else assesses its design."
		} else {
			page.Assess = assessmentInputs(of("assess"))
		}
	}
	answer := &shown{page: "controlversion", title: page.ID + " " + page.Title, status: status, data: page}
	inputs := page.Assess
	if page.End != nil {
		inputs = append(inputs, page.End.Reason)
	}
	page.Wrong = of(form).mistakes(inputs)
	return answer, nil
}

// controlVersionOf finds a version of a control, and the approved one before it.
func controlVersionOf(snapshot populations.Snapshot, control, id string) (found, before *versions.Version, err error) {
	all, err := versions.Of(snapshot, control, 0)
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(all, func(v *versions.Version) bool { return v.ID == id })
	if at < 0 {
		return nil, nil, errNotFound
	}
	found = all[at]
	for _, v := range all {
		if v.State == versions.Approved && v.Number < found.Number {
			before = v
		}
	}
	return found, before, nil
}

// compareVersions says what a version changes.
func (p *Portal) compareVersions(r *request, page *controlVersionPage) error {
	after, err := p.controlFile(r, page.SHA256)
	if err != nil {
		return err
	}
	before := &controls.Control{}
	if page.Before != nil {
		if before, err = p.controlFile(r, page.Before.SHA256); err != nil {
			return err
		}
		page.Words, err = controlChanges(before, after)
	}
	page.Lines = policies.Compare(string(before.Source), string(after.Source))
	page.None = page.Before != nil && page.Before.SHA256 == page.SHA256
	return err
}

// controlFile is a control file that was kept. One that this program cannot read any
// more is there with its text.
func (p *Portal) controlFile(r *request, sha256 string) (*controls.Control, error) {
	content, err := p.System.Blobs.Open(r.Context(), sha256)
	if err != nil {
		return nil, fmt.Errorf("the control file %s: %w", sha256, err)
	}
	defer func() { _ = content.Close() }() // it was read
	source, err := io.ReadAll(io.LimitReader(content, controls.MaxFileSize))
	if err != nil {
		return nil, fmt.Errorf("the control file %s: %w", sha256, err)
	}
	if control, err := controls.Parse("file", source, controls.Builtin(p.System.Kinds)); err == nil {
		return control, nil
	}
	return &controls.Control{Source: source}, nil
}

// controlChanges says in words how two files of a control differ.
func controlChanges(before, after *controls.Control) (words []string, err error) {
	if before.ID == "" || after.ID == "" {
		return nil, nil
	}
	for _, f := range []struct{ name, was, is string }{
		{"Title", before.Title, after.Title}, {"Owner", before.Owner, after.Owner}, {"Frequency", string(before.Frequency), string(after.Frequency)},
		{"Criteria", strings.Join(before.Criteria, ", "), strings.Join(after.Criteria, ", ")},
	} {
		if f.was != f.is {
			words = append(words, fmt.Sprintf("%s: %s, and was %s", f.name, f.is, f.was))
		}
	}
	for _, f := range []struct{ name, was, is string }{{"objective", before.Objective, after.Objective}, {"narrative", before.Narrative, after.Narrative}} {
		if f.was != f.is {
			words = append(words, "The "+f.name+" reads otherwise")
		}
	}
	for _, t := range after.Tests {
		was, ok := before.Test(t.ID)
		if !ok {
			words = append(words, fmt.Sprintf("The test %s is new: %s", t.ID, t.Title))
			continue
		}
		same, err := alike(was, t)
		if err != nil {
			return nil, err
		}
		if !same {
			words = append(words, fmt.Sprintf("The test %s asks something else", t.ID))
		}
	}
	for _, t := range before.Tests {
		if _, ok := after.Test(t.ID); !ok {
			words = append(words, fmt.Sprintf("The test %s is gone: %s", t.ID, t.Title))
		}
	}
	return words, nil
}

// alike reports whether two tests ask the same.
func alike(a, b *controls.Test) (bool, error) {
	one, err := json.Marshal(a)     //nolint:gosec // its pass is an expression
	other, wrong := json.Marshal(b) //nolint:gosec // as is this one's
	return string(one) == string(other) && a.Grace == b.Grace, errors.Join(err, wrong)
}

func (p *Portal) approveControl(r *request) (*shown, error) {
	_, err := p.System.VersionDesk().Approve(r.Context(), r.caller, r.PathValue("id"), r.PathValue("version"))
	return p.decidedOn(r, "approve", "", err)
}

func (p *Portal) rejectControl(r *request) (*shown, error) {
	return p.endControl(r, "reject", (*versions.Desk).Reject)
}

func (p *Portal) withdrawControl(r *request) (*shown, error) {
	return p.endControl(r, "withdraw", (*versions.Desk).Withdraw)
}

// endControl lets nothing come of a proposed version, for the reason that a form gives.
func (p *Portal) endControl(r *request, form string, end func(d *versions.Desk, ctx context.Context, by act.Caller, control, name, reason string) (*versions.Version, error)) (*shown, error) {
	if wrong := r.missing("reason"); len(wrong) > 0 {
		return p.controlVersionWith(r, form, wrong, http.StatusUnprocessableEntity)
	}
	_, err := end(p.System.VersionDesk(), r.Context(), r.caller, r.PathValue("id"), r.PathValue("version"), r.text("reason"))
	return p.decidedOn(r, form, "reason", err)
}

// decidedOn goes to the page of a version, or shows what was wrong with what was sent
// from it: field is what a refused form is about.
func (p *Portal) decidedOn(r *request, form, field string, err error) (*shown, error) {
	status := http.StatusUnprocessableEntity
	switch {
	case err == nil:
		return &shown{to: controlVersionPath(r.PathValue("version"))}, nil
	case errors.Is(err, versions.ErrNone):
		return nil, errNotFound
	case errors.Is(err, record.ErrSame):
		status, field = http.StatusConflict, ""
	case errors.Is(err, act.ErrSamePerson):
		field = ""
	case !errors.Is(err, versions.ErrWrong) && !errors.Is(err, record.ErrNone):
		return nil, err
	}
	return p.controlVersionWith(r, form, map[string]string{field: ownWords(err, act.ErrSamePerson, record.ErrSame, versions.ErrWrong)}, status)
}

// controlVersionAgain shows a form of the page as it was filled in.
func (p *Portal) controlVersionAgain(r *request) (*shown, error) {
	return p.controlVersionWith(r, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], map[string]string{"": r.held.text}, r.held.status)
}

// assessmentInputs are the fields of an assessment of a design.
func assessmentInputs(a asking) []input {
	return []input{
		a.needed("lines", "risk", "The risk that it addresses", "", ""),
		a.needed("lines", "precision", "Precision", "What deviation it would catch.", ""),
		a.needed("text", "walkthrough", "Walked through", "The reference of the one item that you followed from its beginning to its end, such as change/4f2a.", ""),
		a.choice("one", "conclusion", "Conclusion", "", []option{
			{}, {Value: string(controltests.Effective), Text: "The design is effective"}, {Value: string(controltests.Ineffective), Text: "It is ineffective"},
		}),
		a.needed("lines", "reason", "Reason", "", ""),
	}
}

// assessControl records how the design of a version was assessed.
func (p *Portal) assessControl(r *request) (*shown, error) {
	if wrong := r.missing("risk", "precision", "walkthrough", "conclusion", "reason"); len(wrong) > 0 {
		return p.controlVersionWith(r, "assess", wrong, http.StatusUnprocessableEntity)
	}
	_, err := p.System.VersionDesk().Assess(r.Context(), r.caller, versions.Assessment{
		Control: r.PathValue("id"), Version: r.PathValue("version"), Risk: r.text("risk"), Precision: r.text("precision"), Walkthrough: r.text("walkthrough"),
		Conclusion: controltests.Conclusion(r.text("conclusion")), Reason: r.text("reason"),
	})
	return p.decidedOn(r, "assess", "walkthrough", err)
}

// adoptControl brings the catalog's file of a control into force, as its first version.
func (p *Portal) adoptControl(r *request) (*shown, error) {
	id := r.PathValue("id")
	chosen, err := p.System.FromCatalog(id)
	if errors.Is(err, surface.ErrNoControl) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	_, own, err := p.System.VersionDesk().Adopt(r.Context(), r.caller, chosen, nil)
	if err != nil {
		return nil, err
	}
	if len(own) > 0 {
		return p.controlWith(r, "You own the control: another person adopts its file.")
	}
	return &shown{to: "/controls/" + url.PathEscape(id) + "#versions"}, nil // also where it has a version already
}

// adoptControls brings all files of the catalog into force that have no version; those
// that the caller owns stay, for another person.
func (p *Portal) adoptControls(r *request) (*shown, error) {
	all, err := p.System.FromCatalog()
	if err != nil {
		return nil, err
	}
	_, _, err = p.System.VersionDesk().Adopt(r.Context(), r.caller, all, nil)
	return &shown{to: "/controls"}, err
}

// proposeForm is the form by which a control file is proposed; it begins with the file
// that is in use.
func (p *Portal) proposeForm(r *request) (*shown, error) {
	text := ""
	if id := r.URL.Query().Get("control"); id != "" {
		control, err := p.System.Control(id)
		if err != nil && !errors.Is(err, surface.ErrNoControl) {
			return nil, err
		}
		if err == nil {
			text = string(control.Source)
		}
	}
	return p.proposeWith(r, text, nil, 0)
}

func (p *Portal) proposeWith(r *request, text string, wrong map[string]string, status int) (*shown, error) {
	id := r.URL.Query().Get("control")
	page := &askPage{
		Lead:   "A control file says what is tested, and how. Another person approves it before it is in force. A first version may take effect on any day; a later one takes effect with its approval at the earliest.",
		Action: "/controls/propose", Button: "Propose it", Back: "/controls", BackTo: "Controls", Upload: true,
	}
	title := "Propose a control file"
	if id != "" {
		page.Action += "?control=" + url.QueryEscape(id)
		page.Back, page.BackTo, title = "/controls/"+url.PathEscape(id), id, "Propose a version of "+id
	}
	a := sentForm(r, wrong)
	file := a.needed("lines", "text", "The file", "YAML. The developer guide says what stands in it.", "")
	file.Value, file.Markdown = text, true // wide
	page.Inputs = []input{
		a.needed("date", "effective", "In force from", "", p.System.Clock.Now().In(p.zone).Format(time.DateOnly)),
		a.field("file", "file", "A file instead", "A .yaml file of at most 1 MB takes the place of the text below.", ""),
		file,
	}
	page.Wrong = a.mistakes(page.Inputs)
	return &shown{page: "ask", title: title, status: status, data: page}, nil
}

// propose puts a control file forward: the one that was sent, or the text.
func (p *Portal) propose(r *request) (*shown, error) {
	text := strings.ReplaceAll(r.PostForm.Get("f.text"), "\r\n", "\n")
	name, from := "file", "text"
	if file, header, err := r.FormFile("f.file"); err == nil {
		defer func() { _ = file.Close() }() // it was read
		content, err := io.ReadAll(io.LimitReader(file, controls.MaxFileSize+1))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errForm, err)
		}
		if len(content) > controls.MaxFileSize {
			return p.proposeWith(r, text, map[string]string{"file": fmt.Sprintf("it has more than %d bytes, the most that a control file has", controls.MaxFileSize)}, http.StatusUnprocessableEntity)
		}
		text, name, from = strings.ToValidUTF8(string(content), "�"), header.Filename, "file"
	}
	wrong := map[string]string{}
	if strings.TrimSpace(text) == "" {
		wrong["text"] = "is missing: choose a file, or write it here"
	}
	at, err := p.System.Instant(r.text("effective"))
	if err != nil {
		wrong["effective"] = "is no date like 2026-01-31"
	}
	if len(wrong) > 0 {
		return p.proposeWith(r, text, wrong, http.StatusUnprocessableEntity)
	}
	control, err := controls.Parse(name, []byte(text), controls.Builtin(p.System.Kinds))
	if err != nil {
		return p.proposeWith(r, text, map[string]string{from: strings.ReplaceAll(err.Error(), "\n", "; ")}, http.StatusUnprocessableEntity)
	}
	v, err := p.System.VersionDesk().Propose(r.Context(), r.caller, control, at)
	switch {
	case errors.Is(err, record.ErrSame):
		return p.proposeWith(r, text, map[string]string{"": ownWords(err, record.ErrSame)}, http.StatusConflict)
	case err != nil:
		return nil, err
	}
	return &shown{to: controlVersionPath(v.ID)}, nil
}

func (p *Portal) proposeAgain(r *request) (*shown, error) {
	return p.proposeWith(r, r.PostForm.Get("f.text"), map[string]string{"": r.held.text}, r.held.status)
}
