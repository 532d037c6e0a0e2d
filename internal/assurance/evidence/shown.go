package evidence

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/record"
)

// performanceKind is that of what was recorded about occurrences of duties.
const performanceKind = "performance"

// naming is that an occurrence of a duty is shown by a record.
type naming struct{ occurrence, kind, id string }

// shown names the occurrences of duties for which a record was named that the ledger did
// not have by then: tests read the reference alone.
func (v *verifying) shown() error {
	first := map[naming]int64{} // the event that named it first
	if err := v.state.every(performanceKind, func(p *record.Version) error {
		type entry struct {
			Evidence []string `json:"evidence"`
		}
		var doc struct {
			Done         entry   `json:"done"`
			Added        []entry `json:"added"`
			NotOccurring entry   `json:"not_occurring"`
		}
		if err := json.Unmarshal(p.Doc, &doc); err != nil {
			return fmt.Errorf("%s: %w", p.Ref(), err)
		}
		for _, one := range append(doc.Added, doc.Done, doc.NotOccurring) {
			for _, ref := range one.Evidence {
				kind, id, _ := strings.Cut(ref, "/")
				if !slices.ContainsFunc(v.Kinds, func(k *record.Kind) bool { return k.Name == kind }) {
					continue // it names no record, and no test takes it for one
				}
				n := naming{p.ID, kind, id}
				if at, known := first[n]; !known || p.From < at {
					first[n] = p.From
				}
			}
		}
		return nil
	}); err != nil {
		return err
	}
	made := map[string]map[string]int64{} // by kind and id, the events of first versions
	for n := range first {
		if made[n.kind] == nil {
			made[n.kind] = map[string]int64{}
		}
		made[n.kind][n.id] = v.log.Size
	}
	for kind, ids := range made {
		if err := v.state.every(kind, func(one *record.Version) error {
			if at, wanted := ids[one.ID]; wanted {
				ids[one.ID] = min(at, one.From)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	for _, n := range slices.SortedFunc(maps.Keys(first), func(a, b naming) int {
		return cmp.Or(cmp.Compare(first[a], first[b]), strings.Compare(a.kind+"/"+a.id, b.kind+"/"+b.id))
	}) {
		if at := first[n]; made[n.kind][n.id] >= at {
			v.differ("event %d, %s/%s: %s/%s is named as evidence, and was not in the ledger before", at, performanceKind, n.occurrence, n.kind, n.id)
		}
	}
	return nil
}
