package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/criteria"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/trust/ledger"
)

// found is what a search over everything finds.
type found struct {
	Words   string
	Groups  []naming
	Asked   []naming // personal registers: reading them is recorded, so only for whoever asks
	Nothing bool
	Wrong   string

	searched int64 // records whose whole documents were looked into
}

// search looks for words in all registers that the caller may read.
func (p *Portal) search(r *request) (*shown, error) {
	page := &found{Words: strings.TrimSpace(r.URL.Query().Get("q"))}
	answer := &shown{page: "search", title: "Search", data: page}
	if page.Words == "" {
		return answer, nil
	}
	if err := record.CheckWords(page.Words); err != nil {
		page.Wrong, answer.status = sentence(err), http.StatusBadRequest
		return answer, nil
	}
	if kind, id, err := p.System.Kinds.Parse(page.Words); err == nil && kind.Name+"/"+id == page.Words && r.may(readAction(kind)) {
		return &shown{to: at(kind, id)}, nil // a reference is one record
	}
	if err := p.beside(r, page); err != nil {
		return nil, err
	}
	err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		if p.opens(r, "/ledger/0") {
			if err := page.numbered(reader); err != nil {
				return err
			}
		}
		for _, kind := range p.System.Kinds {
			if !r.may(readAction(kind)) {
				continue
			}
			group := naming{Title: kind.Title, Href: at(kind) + "?" + url.Values{"q": {page.Words}}.Encode()}
			if kind.Personal {
				page.Asked = append(page.Asked, group)
				continue
			}
			n, err := record.Total(reader, kind)
			if err != nil {
				return err
			}
			if n == 0 { // to plan a search takes longer than to make it
				continue
			}
			shown := map[string]bool{}
			show := func(v *record.Version) error {
				shown[v.ID] = true
				group.Rows = append(group.Rows, row{Href: at(kind, v.ID), ID: v.ID, Caption: caption(kind, v)})
				return nil
			}
			more, err := look(reader, kind, page.Words, show)
			if err != nil {
				return err
			}
			if more == "" {
				group.Href = ""
				if err := page.mentioning(reader, kind, n, shown, &group); err != nil {
					return err
				}
			}
			if len(group.Rows) > 0 {
				page.Groups = append(page.Groups, group)
			}
		}
		return nil
	})
	if err == nil {
		err = p.beneath(r, page)
	}
	page.Nothing = len(page.Groups) == 0
	return answer, err
}

// How far a search looks into whole documents.
const (
	searchedWhole = 2000 // records of a register, or its columns are searched only
	fewFound      = 20   // of a register

	searchedInAll = 10_000 // records of all registers: about 5 µs each
)

// mentioning adds the records of a small register that have the words somewhere else than in
// what lists show of them: in a treatment, a reason, a remediation.
func (page *found) mentioning(r *store.Reader, kind *record.Kind, records int64, shown map[string]bool, group *naming) (err error) {
	if kind.Internal || records > searchedWhole || page.searched+records > searchedInAll {
		return nil
	}
	page.searched += records
	group.Cut, err = record.Mention(r, kind, page.Words, fewFound, func(v *record.Version) error {
		if !shown[v.ID] {
			group.Rows = append(group.Rows, row{Href: at(kind, v.ID), ID: v.ID, Caption: caption(kind, v)})
		}
		return nil
	})
	return err
}

// beneath adds the records of which a comment, a tag or the name of a file has the words. Of
// records with personal data it does not look.
func (p *Portal) beneath(r *request, page *found) error {
	group := naming{Title: "Comments, tags and files"}
	err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		for _, kind := range []*record.Kind{attached.Comments, attached.Tags, attached.Files} {
			n, err := record.Total(reader, kind)
			if err != nil || n > searchedWhole {
				return err
			}
			if n == 0 {
				continue
			}
			cut, err := record.Mention(reader, kind, page.Words, searchedWhole, func(v *record.Version) error {
				of, id, err := p.System.Kinds.Parse(attached.On(v))
				if err != nil || of.Personal || of.Internal || !r.may(readAction(of)) {
					return nil //nolint:nilerr // it is no record that the reader may open
				}
				if len(group.Rows) == fewFound {
					group.Cut = true
					return nil
				}
				group.Rows = append(group.Rows, row{Href: at(of, id), ID: of.Name + "/" + id, Caption: attached.Saying(v)})
				return nil
			})
			if group.Cut = group.Cut || cut; err != nil {
				return err
			}
		}
		return nil
	})
	if len(group.Rows) > 0 {
		page.Groups = append(page.Groups, group)
	}
	return err
}

// beside adds what is no record of a register: controls, criteria, duties, and the
// policies in force by their text.
func (p *Portal) beside(r *request, page *found) error {
	words := strings.Fields(strings.ToLower(page.Words))
	has := func(parts ...string) bool {
		text := strings.ToLower(strings.Join(parts, " "))
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	}
	add := func(title string, rows []row) {
		rows = slices.DeleteFunc(rows, func(one row) bool { return !p.opens(r, one.Href) })
		if len(rows) > 0 {
			page.Groups = append(page.Groups, naming{Title: title, Rows: rows[:min(fewFound, len(rows))], Cut: len(rows) > fewFound})
		}
	}
	all, err := p.System.Controls()
	if err != nil {
		return err
	}
	var rows []row
	for _, c := range all {
		if has(append([]string{c.ID, c.Title, c.Objective}, soughtBy(c)...)...) {
			rows = append(rows, row{Href: "/controls/" + url.PathEscape(c.ID), ID: c.ID, Caption: c.Title})
		}
	}
	add("Controls", rows)
	rows = nil
	for _, c := range criteria.List() {
		if has(c.ID, c.Title) {
			rows = append(rows, row{Href: "/criteria/" + url.PathEscape(c.ID), ID: c.ID, Caption: c.Title})
		}
	}
	add("Criteria", rows)
	var duties, texts []row
	err = p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		known, err := p.System.Desk().All(reader)
		if err != nil {
			return err
		}
		for _, t := range known {
			if has(t.ID, t.Title) {
				duties = append(duties, row{Href: dutyPath(t.ID, ""), ID: t.ID, Caption: t.Title})
			}
		}
		current, err := policies.Current(reader)
		for _, v := range current {
			if has(v.Title, v.Text) {
				texts = append(texts, row{Href: "/policies/" + url.PathEscape(v.ID), ID: v.Policy, Caption: v.Title})
			}
		}
		return err
	})
	add("Duties", duties)
	add("Policies in force", texts)
	return err
}

// soughtBy is what else people look for a control by: its criteria, and its tests.
func soughtBy(c *controls.Control) []string {
	all := slices.Clone(c.Criteria)
	for _, test := range c.Tests {
		all = append(all, test.ID, test.Title)
	}
	return all
}

// numbered adds the event of the ledger that has this number.
func (page *found) numbered(reader *store.Reader) error {
	index, err := strconv.ParseInt(page.Words, 10, 64)
	if err != nil || index < 0 {
		return nil //nolint:nilerr // they are words like others
	}
	event, err := ledger.Get(reader, index)
	if errors.Is(err, ledger.ErrNoEvent) {
		return nil
	}
	if err == nil {
		page.Groups = append(page.Groups, naming{Title: "Ledger", Rows: []row{{Href: "/ledger/" + page.Words, ID: page.Words, Caption: event.Type + " of " + event.Subject}}})
	}
	return err
}

// look visits the first records of a register that have the words, and says whether
// there are more. Registers without words may hold very many records: of these it is
// the one with this id.
func look(r *store.Reader, kind *record.Kind, words string, visit func(*record.Version) error) (more string, err error) {
	const few = 5
	if kind.Worded() {
		return record.List(r, kind, record.Query{Words: words, Limit: few}, visit)
	}
	v, err := record.Get(r, kind.Name, words)
	if errors.Is(err, record.ErrNone) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return "", visit(v)
}
