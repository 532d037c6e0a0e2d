package results

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Key names a test of a control, over a part of a period.
type Key struct {
	Control, Test string
	From          int64 // the beginning of the part, in microseconds since 1970
}

// KeyOf is the key of a test over a part that begins at an instant.
func KeyOf(control, test string, from time.Time) Key { return Key{control, test, from.UnixMicro()} }

// Keys are the tests of a set of results, sorted.
func Keys(latest map[Key]Result) []Key {
	return slices.SortedFunc(maps.Keys(latest), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Control, b.Control), cmp.Compare(a.Test, b.Test), cmp.Compare(a.From, b.From))
	})
}

// Latest reads the latest result of every test over every part of a period, as
// of a checkpoint; 0 is now. A final result goes before an interim one, whenever
// that was performed.
func Latest(r *store.Reader, period string, asOf int64) (map[Key]Result, error) {
	type found struct {
		interim bool
		made    int64 // ledger index: the clock may have stood still, or gone back
		doc     []byte
	}
	newest := map[Key]*found{}
	err := record.Each(r, record.Range{Kind: Register.Name, AsOf: asOf}, func(v *record.Version) error {
		var one struct { // the rest is passed over, which this decoder does four times as fast
			Control string    `json:"control"`
			Test    string    `json:"test"`
			Period  string    `json:"period"`
			Interim bool      `json:"interim"`
			From    time.Time `json:"from"`
		}
		if err := jsonv2.Unmarshal(v.Doc, &one); err != nil {
			return err
		}
		if one.Period != period {
			return nil
		}
		key := KeyOf(one.Control, one.Test, one.From)
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

func decode[T any](v *record.Version) (*T, error) {
	one := new(T)
	if err := json.Unmarshal(v.Doc, one); err != nil {
		return nil, fmt.Errorf("%s: %w", v.Ref(), err)
	}
	return one, nil
}
