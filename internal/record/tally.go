package record

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/platform/store"
)

// Tally counts the current records of a kind that a filter keeps (List), by the
// values of two columns that are whole numbers. Records without one of them are
// left out. Nobody changes what it gives. Beside an open database it goes on from what
// it counted before, by the records that have changed since.
func Tally(r *store.Reader, kind *Kind, filter, first, second string) (map[[2]int64]int64, error) {
	return counting[int64]{kind.Name, filter, first, second}.count(r, kind)
}

// TallyTexts counts like Tally, by the values of two columns that are texts.
func TallyTexts(r *store.Reader, kind *Kind, filter, first, second string) (map[[2]string]int64, error) {
	return counting[string]{kind.Name, filter, first, second}.count(r, kind)
}

// Counted is the number of the current records of a kind that a filter keeps, and goes
// on like Tally.
func Counted(r *store.Reader, kind *Kind, filter string) (int64, error) {
	counts, err := counting[int64]{kind.Name, filter, "", ""}.count(r, kind)
	return counts[[2]int64{}], err
}

// Values are those that a column of texts has in the current records of a kind which a
// filter keeps, each once, in no order. Nobody changes what it gives. Beside an open
// database they are asked for again when one of the records has changed.
func Values(r *store.Reader, kind *Kind, filter, field string) ([]string, error) {
	column := kind.column(field)
	if column == nil || column.kind != valueText {
		return nil, fmt.Errorf("%w: %q of %s is no column of texts", ErrFilter, field, kind.Register)
	}
	all := func() (values []string, err error) {
		value := kind.sql(r.Dialect(), column)
		where, args := value+" IS NOT NULL", []any(nil)
		if filter != "" {
			condition, given, err := kind.compileFilter(r.Dialect(), filter, "", 1)
			if err != nil {
				return nil, err
			}
			where, args = where+" AND "+condition, given
		}
		var text string
		return values, r.Each("SELECT DISTINCT "+value+" FROM "+kind.current()+" WHERE "+where, args, []any{&text}, func() error {
			values = append(values, text)
			return nil
		})
	}
	return goOn(r, kind, valuesKey{kind.Name, filter, field}, all, func([]string, int64) ([]string, error) { return all() })
}

type valuesKey struct{ kind, filter, field string }

// quarter is what the beginnings of days are multiples of, in every time zone that
// there has been since 1970 began, in microseconds.
const quarter = int64(15 * time.Minute / time.Microsecond)

// Spread counts the current records of a kind that a filter keeps by a time: how many
// have it in each of the half-open intervals between bounds, which rise and are whole
// quarters of an hour (UTC), as midnights are everywhere. It goes on like Tally.
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
	all, err := counting[int64]{kind.Name, filter, field, ""}.count(r, kind)
	for key, n := range all {
		day, found := slices.BinarySearch(at, key[0]*quarter)
		if !found {
			day-- // within the interval that began before
		}
		if day >= 0 && day < len(counts) {
			counts[day] += n
		}
	}
	return counts, err
}

// counting is what is counted: of what a filter keeps how many have the same values of
// columns, of times the same quarter of an hour. Without columns: how many there are.
type counting[V int64 | string] struct{ kind, filter, first, second string }

// leastRecount and recountPart: of so many changed records, or so many hundredths of all
// there are, what they were is taken away and what they are is added; of more, all are
// counted again.
const leastRecount, recountPart = 1000, 5

func (c counting[V]) count(r *store.Reader, kind *Kind) (map[[2]V]int64, error) {
	all := func() (map[[2]V]int64, error) {
		counts := map[[2]V]int64{}
		return counts, c.add(r, counts, kind, kind.current(), "count(*)", nil)
	}
	return goOn(r, kind, c, all, func(was map[[2]V]int64, index int64) (map[[2]V]int64, error) {
		total, err := Total(r, kind)
		if err != nil {
			return nil, err
		}
		most := max(leastRecount, int(total)*recountPart/100)
		ids, err := changedSince(r, kind.Name, index, most+1)
		if err != nil {
			return nil, err
		}
		if len(ids) > most {
			return all()
		}
		counts := maps.Clone(was)
		for batch := range slices.Chunk(ids, 100) {
			from, args, err := kind.turned(r, batch, index)
			if err == nil {
				err = c.add(r, counts, kind, from, "sum(turn)", args)
			}
			if err != nil {
				return nil, err
			}
		}
		return counts, nil
	})
}

// add adds up what there is in rows of a kind's columns, whose arguments come first.
func (c counting[V]) add(r *store.Reader, counts map[[2]V]int64, kind *Kind, from, sum string, args []any) error {
	values, where := [2]string{"0", "0"}, []string{"1 = 1"}
	for i, name := range []string{c.first, c.second} {
		if name == "" {
			continue
		}
		column := kind.column(name)
		if _, texts := any(*new(V)).(string); texts && (column == nil || column.kind != valueText) {
			return fmt.Errorf("%w: %s are counted by columns that are texts, and %q is none", ErrFilter, kind.Register, name)
		} else if !texts && (column == nil || column.kind != valueInt && column.kind != valueTime) {
			return fmt.Errorf("%w: %s are counted by columns that are whole numbers, and %q is none", ErrFilter, kind.Register, name)
		}
		values[i] = kind.sql(r.Dialect(), column)
		where = append(where, values[i]+" IS NOT NULL")
		if column.kind == valueTime {
			values[i] = fmt.Sprintf("(%[1]s - (%[1]s %% %[2]d + %[2]d) %% %[2]d) / %[2]d", values[i], quarter)
		}
	}
	if c.filter != "" {
		condition, given, err := kind.compileFilter(r.Dialect(), c.filter, "", len(args)+1)
		if err != nil {
			return err
		}
		where, args = append(where, condition), append(args, given...)
	}
	var a, b V
	var n int64
	return r.Each("SELECT "+values[0]+", "+values[1]+", "+sum+" FROM "+from+" WHERE "+strings.Join(where, " AND ")+" GROUP BY 1, 2 ORDER BY 1, 2", args,
		[]any{&a, &b, &n}, func() error {
			key := [2]V{a, b}
			if counts[key] += n; counts[key] == 0 {
				delete(counts, key)
			}
			return nil
		})
}

// changedSince are the ids of records of a kind, at most so many, that have got a
// version by the event at a ledger index or a later one.
func changedSince(r *store.Reader, kind string, index int64, most int) (ids []string, err error) {
	var id string
	return ids, r.Each(`SELECT DISTINCT id FROM record_version WHERE `+madeOf+` ORDER BY id LIMIT `+strconv.Itoa(most), []any{index, kind}, []any{&id}, func() error {
		ids = append(ids, id)
		return nil
	})
}

// turned are rows of a kind's columns with a turn: of each record what it was before a
// ledger index, -1, and what it is, 1.
func (k *Kind) turned(r *store.Reader, ids []string, index int64) (from string, args []any, err error) {
	asked := []any{index}
	for _, id := range ids {
		asked = append(asked, id)
	}
	jsonType := "TEXT"
	if r.Dialect() == store.Postgres {
		jsonType = "JSONB"
	}
	var rows []string
	var id string
	var made, version int64
	var at *int64
	var doc store.Raw
	err = r.Each(`SELECT id, version, from_idx, at, doc FROM record_version WHERE `+of(k.Name)+` AND id IN (`+store.Parameters(2, len(ids))+`)
		AND (to_idx IS NULL OR from_idx < $1 AND to_idx >= $1)`, asked, []any{&id, &version, &made, &at, &doc}, func() error {
		cols, err := k.values(doc)
		if err != nil {
			return err
		}
		turn := 1
		if made < index {
			turn = -1
		}
		n := len(args)
		rows = append(rows, fmt.Sprintf("SELECT %d AS turn, CAST($%d AS TEXT) AS id, CAST($%d AS BIGINT) AS version, CAST($%d AS BIGINT) AS at, CAST($%d AS %s) AS cols", turn, n+1, n+2, n+3, n+4, jsonType))
		args = append(args, id, version, at, cols)
		at = nil
		return nil
	})
	return "(" + strings.Join(rows, " UNION ALL ") + ") AS turned", args, err
}
