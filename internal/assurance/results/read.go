package results

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
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
// that was performed. Nobody changes what a result holds.
func Latest(r *store.Reader, period string, asOf int64) (map[Key]Result, error) {
	if r.Memo() != nil {
		head, err := ledger.ReadHead(r)
		if err != nil {
			return nil, err
		}
		if asOf <= 0 || asOf > head.Size { // a later snapshot may have continued it
			asOf = head.Size
		}
	}
	all := remembered(r)
	all.mu.Lock()
	defer all.mu.Unlock()
	if err := all.goOn(r); err != nil {
		return nil, err
	}
	return all.latest(r, period, asOf)
}

// Of are the results of a control in a period that stand now, the newest first:
// at most as many as is said, and how many there are.
func Of(r *store.Reader, period, control string, most int) (found []Result, all int, err error) {
	head, err := ledger.ReadHead(r)
	if err != nil {
		return nil, 0, err
	}
	c := remembered(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.goOn(r); err != nil {
		return nil, 0, err
	}
	for i := len(c.all) - 1; i >= 0; i-- {
		one := &c.all[i]
		if one.period != period || one.Control != control || one.made >= head.Size || one.until > 0 && one.until < head.Size {
			continue
		}
		if all++; all > most {
			continue
		}
		result, err := c.result(r, one)
		if err != nil {
			return nil, 0, err
		}
		found = append(found, result)
	}
	return found, all, nil
}

// chronicle is the results of a ledger as far as it takes to tell the latest ones,
// kept beside the open database: results do not change, so that what is known
// of them is only continued with those that have come.
type chronicle struct {
	mu    sync.Mutex
	upTo  int64 // ledger index: those made before it are here
	all   []version
	whole map[string]Result // by id and version, of those that were the latest
}

type chronicleKey struct{}

// remembered is the chronicle that is kept beside the open database; a new one
// where nothing is.
func remembered(r *store.Reader) *chronicle {
	all, _ := store.Beside(r, chronicleKey{}, &chronicle{})
	return all
}

// maxWhole bounds the results that are kept whole.
const maxWhole = 1000

// version is a version of a result.
type version struct {
	Key

	period  string
	interim bool
	id      string
	number  int
	made    int64 // ledger index: the clock may have stood still, or gone back
	until   int64 // the ledger index of what came in its place; 0: nothing
}

// goOn reads the results that have come.
func (c *chronicle) goOn(r *store.Reader) error {
	return record.EachMade(r, Register.Name, c.upTo, func(v *record.Version) error {
		var one struct { // the rest is passed over, which this decoder does four times as fast
			Control string    `json:"control"`
			Test    string    `json:"test"`
			Period  string    `json:"period"`
			Interim bool      `json:"interim"`
			From    time.Time `json:"from"`
		}
		if err := jsonv2.Unmarshal(v.Doc, &one); err != nil {
			return fmt.Errorf("%s: %w", v.Ref(), err)
		}
		if v.Version > 1 {
			for i := range c.all {
				if c.all[i].id == v.ID && c.all[i].until == 0 {
					c.all[i].until = v.From
				}
			}
		}
		c.all = append(c.all, version{KeyOf(one.Control, one.Test, one.From), one.Period, one.Interim, v.ID, v.Version, v.From, 0})
		c.upTo = v.From + 1
		return nil
	})
}

// latest reads those that were the latest ones at a checkpoint.
func (c *chronicle) latest(r *store.Reader, period string, asOf int64) (map[Key]Result, error) {
	newest := map[Key]*version{}
	for i := range c.all {
		one := &c.all[i]
		if one.period != period || asOf > 0 && (one.made >= asOf || one.until > 0 && one.until < asOf) || asOf <= 0 && one.until > 0 {
			continue
		}
		before, seen := newest[one.Key]
		if !seen || one.interim == before.interim && one.made > before.made || before.interim && !one.interim {
			newest[one.Key] = one
		}
	}
	latest := map[Key]Result{}
	for key, one := range newest {
		result, err := c.result(r, one)
		if err != nil {
			return nil, err
		}
		latest[key] = result
	}
	return latest, nil
}

// result reads a version of a result.
func (c *chronicle) result(r *store.Reader, of *version) (Result, error) {
	name := fmt.Sprintf("%s/%d", of.id, of.number)
	if result, ok := c.whole[name]; ok {
		return result, nil
	}
	v, err := record.GetVersion(r, Register.Name, of.id, of.number)
	if err != nil {
		return Result{}, err
	}
	result, err := decode[Result](v)
	if err != nil {
		return Result{}, err
	}
	if c.whole == nil || len(c.whole) >= maxWhole {
		c.whole = map[string]Result{}
	}
	c.whole[name] = *result
	return *result, nil
}

func decode[T any](v *record.Version) (*T, error) {
	one := new(T)
	if err := json.Unmarshal(v.Doc, one); err != nil {
		return nil, fmt.Errorf("%s: %w", v.Ref(), err)
	}
	return one, nil
}
