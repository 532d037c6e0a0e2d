package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
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
	if kind, id, err := p.System.Kinds.Parse(page.Words); err == nil && kind.Name+"/"+id == page.Words && r.may(readAction(kind)) {
		return &shown{to: at(kind, id)}, nil // a reference is one record
	}
	err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		for _, kind := range p.System.Kinds {
			if !r.may(readAction(kind)) {
				continue
			}
			group := naming{Title: kind.Title, Href: at(kind) + "?" + url.Values{"q": {page.Words}}.Encode()}
			if kind.Personal {
				page.Asked = append(page.Asked, group)
				continue
			}
			show := func(v *record.Version) error {
				group.Rows = append(group.Rows, row{Href: at(kind, v.ID), ID: v.ID, Caption: caption(v)})
				return nil
			}
			more, err := look(reader, kind, page.Words, show)
			if err != nil {
				return err
			}
			if more == "" && len(group.Rows) > 0 {
				group.Href = ""
			}
			if len(group.Rows) > 0 {
				page.Groups = append(page.Groups, group)
			}
		}
		return nil
	})
	page.Nothing = len(page.Groups) == 0
	if errors.Is(err, record.ErrFilter) {
		page.Groups, page.Wrong, page.Nothing, answer.status = nil, sentence(err), false, http.StatusBadRequest
		return answer, nil
	}
	return answer, err
}

// look visits the first records of a register that have the words, and says whether
// there are more. Registers without words may hold very many records: of these it is
// the one with this id.
func look(r *store.Reader, kind *record.Kind, words string, visit func(*record.Version) error) (more string, err error) {
	const few = 5
	if kind.Worded() || strings.ContainsRune(words, 0) || !utf8.ValidString(words) { // a list says what is wrong with them
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
