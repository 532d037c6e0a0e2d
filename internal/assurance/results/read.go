package results

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Key names a test of a control.
type Key struct{ Control, Test string }

// Keys are the tests of a set of results, sorted.
func Keys(latest map[Key]Result) []Key {
	return slices.SortedFunc(maps.Keys(latest), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Control, b.Control), cmp.Compare(a.Test, b.Test))
	})
}

// Latest reads the latest result of every test in a period. A final result
// goes before an interim one, whenever that was performed.
func Latest(r *store.Reader, period string) (map[Key]Result, error) {
	latest := map[Key]Result{}
	made := map[Key]int64{} // ledger index: the clock may have stood still, or gone back
	err := record.Each(r, record.Range{Kind: Register.Name}, func(v *record.Version) error {
		var one Result
		if err := json.Unmarshal(v.Doc, &one); err != nil {
			return err
		}
		if one.Period != period {
			return nil
		}
		key := Key{one.Control, one.Test}
		before, known := latest[key]
		later := one.Interim == before.Interim && v.From > made[key] || before.Interim && !one.Interim
		if !known || later {
			latest[key], made[key] = one, v.From
		}
		return nil
	})
	return latest, err
}
