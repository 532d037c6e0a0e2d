package record

import (
	"encoding/json"

	"scaf.dev/scaf/internal/platform/store"
)

// Place is a place in the order in which Each visits the records of a kind:
// that of the record with this instant (microseconds; nil: none) and id.
type Place struct {
	At *int64 `json:"at"`
	ID string `json:"id"`
}

// After visits the current versions of a kind that come after the place (all
// when it is nil), in the order of Each, each with its own place. The version
// and its document are valid during the visit only.
func After(r *store.Reader, kind string, place *Place, visit func(*Version, Place) error) error {
	condition, args := "", []any{kind}
	switch {
	case place == nil:
	case place.At == nil:
		condition = ` AND (at IS NOT NULL OR id > $2)`
		args = append(args, place.ID)
	default:
		condition = ` AND at >= $2 AND (at > $2 OR id > $3)`
		args = append(args, *place.At, place.ID)
	}
	v := Version{Kind: kind}
	var to, at *int64
	var doc store.Raw
	return r.Each(`SELECT `+columns+`, at FROM record_version WHERE kind = $1 AND to_idx IS NULL`+condition+` ORDER BY at NULLS FIRST, id`, args,
		[]any{&v.ID, &v.Version, &v.From, &to, &doc, &at}, func() error {
			v.Doc = json.RawMessage(doc)
			here := Place{ID: v.ID}
			if at != nil {
				moment := *at
				here.At = &moment
			}
			return visit(&v, here)
		})
}
