package results

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
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

// Latest reads the latest result of every test in a period, as of a
// checkpoint; 0 is now. A final result goes before an interim one, whenever
// that was performed.
func Latest(r *store.Reader, period string, asOf int64) (map[Key]Result, error) {
	type found struct {
		interim bool
		made    int64 // ledger index: the clock may have stood still, or gone back
		doc     []byte
	}
	newest := map[Key]*found{}
	err := record.Each(r, record.Range{Kind: Register.Name, AsOf: asOf}, func(v *record.Version) error {
		var one struct {
			Control, Test, Period string
			Interim               bool
		}
		if err := json.Unmarshal(v.Doc, &one); err != nil {
			return err
		}
		if one.Period != period {
			return nil
		}
		key := Key{one.Control, one.Test}
		before, known := newest[key]
		if !known || one.Interim == before.interim && v.From > before.made || before.interim && !one.Interim {
			newest[key] = &found{one.Interim, v.From, bytes.Clone(v.Doc)}
		}
		return nil
	})
	latest := map[Key]Result{}
	for key, one := range newest {
		var result Result
		err = errors.Join(err, json.Unmarshal(one.doc, &result))
		latest[key] = result
	}
	return latest, err
}
