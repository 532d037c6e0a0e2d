package record

import (
	"fmt"
	"slices"
	"strings"
	"time"

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

// quarter is what the beginnings of days are multiples of, in every time zone that
// there has been since 1970 began, in microseconds.
const quarter = int64(15 * time.Minute / time.Microsecond)

// Spread counts the current records of a kind that a filter keeps by a time: how many
// have it in each of the half-open intervals between bounds, which rise and are whole
// quarters of an hour (UTC), as midnights are everywhere.
func Spread(r *store.Reader, kind *Kind, filter, field string, bounds []time.Time) ([]int64, error) {
	c := kind.column(field)
	if c == nil || c.kind != valueTime {
		return nil, fmt.Errorf("%w: %s are counted by a column that is a time, and %q is none", ErrFilter, kind.Register, field)
	}
	at := make([]int64, len(bounds))
	for i, bound := range bounds {
		if at[i] = bound.UnixMicro(); at[i]%quarter != 0 || i > 0 && at[i] <= at[i-1] {
			return nil, fmt.Errorf("%w: %s is no whole quarter of an hour after the one before it", ErrFilter, bound.Format(time.RFC3339Nano))
		}
	}
	counts := make([]int64, max(len(bounds)-1, 0))
	if len(counts) == 0 {
		return counts, nil
	}
	value := kind.sql(r.Dialect(), c)
	where, args := value+" >= $1 AND "+value+" < $2", []any{at[0], at[len(at)-1]}
	if filter != "" {
		condition, given, err := kind.compileFilter(r.Dialect(), filter, field, len(args)+1)
		if err != nil {
			return nil, err
		}
		where, args = where+" AND "+condition, append(args, given...)
	}
	var since, n int64
	return counts, r.Each(fmt.Sprintf("SELECT (%s - $1) / %d, count(*) FROM %s WHERE %s GROUP BY 1", value, quarter, kind.current(), where), args,
		[]any{&since, &n}, func() error {
			day, found := slices.BinarySearch(at, at[0]+since*quarter)
			if !found {
				day-- // within the interval that began before
			}
			counts[day] += n
			return nil
		})
}
