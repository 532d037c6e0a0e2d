package risks

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// EachElsewhere visits the risks that are not closed and rated on another scale than
// this one, at most so many: those with the highest scores first, those without one
// last. It reports whether there are more.
func (s *Scale) EachElsewhere(r *store.Reader, most int, visit func(*record.Version) error) (more bool, err error) {
	if s.Ref() == "" {
		return false, nil // the default: there was none before it
	}
	all, err := record.Counted(r, Register, s.Elsewhere())
	if err != nil || all == 0 {
		return false, err
	}
	// Few among many are found by the index of one scale at a time.
	type scored struct {
		record.Version
		score int
	}
	var found []scored
	take := func(filter, by string, most int) error {
		_, err := record.List(r, Register, record.Query{Filter: filter, By: by, Sort: "-score", Limit: most}, func(v *record.Version) error {
			var doc struct {
				Score int `json:"score"`
			}
			err := json.Unmarshal(v.Doc, &doc)
			one := scored{*v, doc.Score}
			one.Doc = bytes.Clone(v.Doc)
			found = append(found, one)
			return err
		})
		return err
	}
	earlier, err := s.others(r)
	if err != nil {
		return false, err
	}
	rated := int64(0)
	for _, other := range earlier {
		filter := other.Here() + " && has(item.score)"
		n, err := record.Counted(r, Register, filter)
		if err == nil && n > 0 {
			err = take(filter, "scale", most)
		}
		if err != nil {
			return false, err
		}
		rated += n
	}
	slices.SortFunc(found, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), record.ByNumber(b.ID, a.ID)) })
	found = found[:min(len(found), most)]
	if len(found) < most && rated < all {
		if err := take(s.Elsewhere()+" && !has(item.score)", "", most-len(found)); err != nil {
			return false, err
		}
	}
	for i := range found {
		if err := visit(&found[i].Version); err != nil {
			return false, err
		}
	}
	return int64(len(found)) < all, nil
}

// others are the scales that were in force before this one, the default among them.
func (s *Scale) others(r *store.Reader) ([]*Scale, error) {
	all := []*Scale{Default()}
	return all, record.Each(r, record.Range{Kind: Scales.Name}, func(v *record.Version) error {
		other := &Scale{}
		err := json.Unmarshal(v.Doc, other)
		if err == nil && other.State == Superseded && other.ID != s.ID {
			all = append(all, other)
		}
		return err
	})
}
