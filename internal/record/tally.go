package record

import (
	"fmt"
	"strings"

	"scaf.dev/scaf/internal/platform/store"
)

// Tally counts the current records of a kind that a filter keeps (List), by the
// values of two columns that are whole numbers. Records without one of them are
// left out. It reads all of the kind's columns when a record of it has changed. Nobody
// changes what it gives.
func Tally(r *store.Reader, kind *Kind, filter, first, second string) (map[[2]int64]int64, error) {
	all := func() (map[[2]int64]int64, error) { return tally(r, kind, filter, first, second) }
	return goOn(r, kind, tallyKey{kind.Name, filter, first, second}, all,
		func(map[[2]int64]int64, int64) (map[[2]int64]int64, error) { return all() })
}

type tallyKey struct{ kind, filter, first, second string }

func tally(r *store.Reader, kind *Kind, filter, first, second string) (map[[2]int64]int64, error) {
	var values []string
	var args []any
	for _, name := range []string{first, second} {
		c := kind.column(name)
		if c == nil || c.kind != valueInt {
			return nil, fmt.Errorf("%w: %s are counted by columns that are whole numbers, and %q is none", ErrFilter, kind.Register, name)
		}
		values = append(values, kind.sql(r.Dialect(), c))
	}
	where := strings.Join(values, " IS NOT NULL AND ") + " IS NOT NULL"
	if filter != "" {
		condition, given, err := kind.compileFilter(r.Dialect(), filter, "", 1)
		if err != nil {
			return nil, err
		}
		where, args = where+" AND "+condition, given
	}
	counts := map[[2]int64]int64{}
	var a, b, n int64
	return counts, r.Each("SELECT "+strings.Join(values, ", ")+", count(*) FROM "+kind.current()+" WHERE "+where+" GROUP BY 1, 2 ORDER BY 1, 2", args,
		[]any{&a, &b, &n}, func() error {
			counts[[2]int64{a, b}] = n
			return nil
		})
}
