package portal

import (
	"cmp"
	"context"
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
	"scaf.dev/scaf/internal/platform/together"
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
	var sought []soughtIn
	err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		sought, err = p.soughtIn(r, reader, page)
		return err
	})
	if err != nil {
		return nil, err
	}
	// What is no record comes first, the registers follow in their order, and what is attached
	// to records comes last; all of it is read at once, the largest register first.
	groups := make([][]naming, len(sought)+2)
	var all []func(context.Context) error
	read := func(at int, body func(*store.Reader) ([]naming, error)) {
		all = append(all, func(ctx context.Context) error {
			return p.System.DB.Read(ctx, func(reader *store.Reader) (err error) {
				groups[at], err = body(reader)
				return err
			})
		})
	}
	largest := make([]int, len(sought))
	for i := range largest {
		largest[i] = i
	}
	slices.SortStableFunc(largest, func(a, b int) int { return cmp.Compare(sought[b].records, sought[a].records) })
	for _, i := range largest {
		read(1+i, sought[i].look(page.Words))
	}
	read(0, func(reader *store.Reader) ([]naming, error) { return p.beside(r, reader, page.Words) })
	read(len(groups)-1, func(reader *store.Reader) ([]naming, error) { return p.beneath(r, reader, page.Words) })
	err = together.Do(r.Context(), all...)
	page.Groups = slices.Concat(groups...)
	page.Nothing = len(page.Groups) == 0
	return answer, err
}

// soughtIn is a register that words are looked for in.
type soughtIn struct {
	kind    *record.Kind
	records int64
	whole   bool // in whole documents, too
}

// soughtIn are the registers that have records and that the caller may read; those with
// personal data it adds to the page by their names only.
func (p *Portal) soughtIn(r *request, reader *store.Reader, page *found) (all []soughtIn, err error) {
	searched := int64(0)
	for _, kind := range p.System.Kinds {
		switch {
		case !r.may(readAction(kind)):
		case kind.Personal:
			page.Asked = append(page.Asked, naming{Title: kind.Title, Href: listOf(kind, page.Words)})
		default:
			n, err := record.Total(reader, kind)
			if err != nil {
				return nil, err
			}
			if n == 0 { // to plan a search takes longer than to make it
				continue
			}
			whole := !kind.Internal && n <= searchedWhole && searched+n <= searchedInAll
			if whole {
				searched += n
			}
			all = append(all, soughtIn{kind, n, whole})
		}
	}
	return all, nil
}

// listOf is the list of a register's records that have the words.
func listOf(kind *record.Kind, words string) string {
	return at(kind) + "?" + url.Values{"q": {words}}.Encode()
}

// look finds records of the register that have the words.
func (in *soughtIn) look(words string) func(*store.Reader) ([]naming, error) {
	return func(r *store.Reader) ([]naming, error) {
		group := naming{Title: in.kind.Title}
		shown := map[string]bool{}
		show := func(v *record.Version) error {
			if !shown[v.ID] {
				shown[v.ID] = true
				group.Rows = append(group.Rows, row{Href: at(in.kind, v.ID), ID: v.ID, Caption: caption(in.kind, v)})
			}
			return nil
		}
		more, err := look(r, in.kind, words, show)
		switch {
		case err != nil:
			return nil, err
		case more != "":
			group.Href = listOf(in.kind, words)
		case in.whole:
			// Somewhere else than in what lists show: in a treatment, a reason, a remediation.
			if group.Cut, err = record.Mention(r, in.kind, words, fewFound, show); err != nil {
				return nil, err
			}
		}
		if len(group.Rows) == 0 {
			return nil, nil
		}
		return []naming{group}, nil
	}
}

// How far a search looks into whole documents.
const (
	searchedWhole = 2000 // records of a register, or its columns are searched only
	fewFound      = 20   // of a register

	searchedInAll = 10_000 // records of all registers: about 5 µs each
)

// beneath finds the records of which a comment, a tag or the name of a file has the words. Of
// records with personal data it does not look.
func (p *Portal) beneath(r *request, reader *store.Reader, words string) ([]naming, error) {
	group := naming{Title: "Comments, tags and files"}
	for _, kind := range []*record.Kind{attached.Comments, attached.Tags, attached.Files} {
		n, err := record.Total(reader, kind)
		if err != nil {
			return nil, err
		}
		if n == 0 || n > searchedWhole {
			continue
		}
		cut, err := record.Mention(reader, kind, words, searchedWhole, func(v *record.Version) error {
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
			return nil, err
		}
	}
	if len(group.Rows) == 0 {
		return nil, nil
	}
	return []naming{group}, nil
}

// beside finds what is no record of a register: an event by its number, controls, criteria,
// duties, and the policies in force by their text.
func (p *Portal) beside(r *request, reader *store.Reader, sought string) (groups []naming, err error) {
	words := strings.Fields(strings.ToLower(sought))
	has := func(parts ...string) bool {
		text := strings.ToLower(strings.Join(parts, " "))
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	}
	add := func(title string, rows []row) {
		rows = slices.DeleteFunc(rows, func(one row) bool { return !p.opens(r, one.Href) })
		if len(rows) > 0 {
			groups = append(groups, naming{Title: title, Rows: rows[:min(fewFound, len(rows))], Cut: len(rows) > fewFound})
		}
	}
	all, err := p.System.Controls()
	if err != nil {
		return nil, err
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
	known, err := p.System.Desk().All(reader)
	if err != nil {
		return nil, err
	}
	rows = nil
	for _, t := range known {
		if has(t.ID, t.Title) {
			rows = append(rows, row{Href: dutyPath(t.ID, ""), ID: t.ID, Caption: t.Title})
		}
	}
	add("Duties", rows)
	current, err := policies.Current(reader)
	if err != nil {
		return nil, err
	}
	rows = nil
	for _, v := range current {
		if has(v.Title, v.Text) {
			rows = append(rows, row{Href: "/policies/" + url.PathEscape(v.ID), ID: v.Policy, Caption: v.Title})
		}
	}
	add("Policies in force", rows)
	if !p.opens(r, "/ledger/0") {
		return groups, nil
	}
	event, err := numberedEvent(reader, sought)
	return append(groups, event...), err
}

// soughtBy is what else people look for a control by: its criteria, and its tests.
func soughtBy(c *controls.Control) []string {
	all := slices.Clone(c.Criteria)
	for _, test := range c.Tests {
		all = append(all, test.ID, test.Title)
	}
	return all
}

// numberedEvent finds the event of the ledger that has this number.
func numberedEvent(reader *store.Reader, number string) ([]naming, error) {
	index, err := strconv.ParseInt(number, 10, 64)
	if err != nil || index < 0 {
		return nil, nil //nolint:nilerr // they are words like others
	}
	event, err := ledger.Get(reader, index)
	if errors.Is(err, ledger.ErrNoEvent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []naming{{Title: "Ledger", Rows: []row{{Href: "/ledger/" + number, ID: number, Caption: event.Type + " of " + event.Subject}}}}, nil
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
