package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
)

func textsSortAndCompareByTheirBytes(t *testing.T, db *store.DB) {
	words := []string{"", " ", "-", "10", "9", "A", "B", "Z", "_", "a", "b", "z", "zebra", "Äpfel", "äpfel", "a\u0301", "á", "ß", "ss", "straße", "strasse", "日本", "日", "\u00a0", "😀", "😀b", "￿", "𝒜"}
	must(t, write(t, db, func(tx *store.Tx) error {
		var rows [][]any
		for _, word := range words {
			rows = append(rows, version(word, nil))
		}
		return tx.Insert("record_version", versionColumns, rows)
	}))
	want := slices.Clone(words)
	slices.Sort(want) // by bytes
	if got := texts(t, db, `SELECT id FROM record_version ORDER BY id`); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for i, word := range want {
		if got := texts(t, db, `SELECT id FROM record_version WHERE id > $1 ORDER BY id DESC`, word); len(got) != len(want)-i-1 {
			t.Errorf("%d words compare greater than %q, want %d: %q", len(got), word, len(want)-i-1, got)
		}
		if got := texts(t, db, `SELECT id FROM record_version WHERE id = $1`, word); !slices.Equal(got, []string{word}) {
			t.Errorf("%q equals %q", word, got)
		}
	}
}

func integersKeepAll64BitsAndNullsComeFirst(t *testing.T, db *store.DB) {
	values := []any{nil, int64(math.MinInt64), int64(-1), int64(0), int64(1774429323123456), int64(math.MaxInt64)}
	must(t, write(t, db, func(tx *store.Tx) error {
		var rows [][]any
		for i, value := range values {
			rows = append(rows, version(fmt.Sprint(len(values)-i), value))
		}
		return tx.Insert("record_version", versionColumns, rows)
	}))
	var got []any
	var at *int64
	must(t, db.Read(context.Background(), func(r *store.Reader) error {
		return r.Each(`SELECT at FROM record_version ORDER BY at NULLS FIRST, id`, nil, []any{&at}, func() error {
			if at == nil {
				got = append(got, nil)
			} else {
				got = append(got, *at)
			}
			at = nil
			return nil
		})
	}))
	if !slices.Equal(got, values) {
		t.Errorf("got %v, want %v", got, values)
	}
}

func manyRowsAtOnceAreTheSameAsOneByOne(t *testing.T, db *store.DB) {
	type row struct {
		id, doc string
		at      *int64
	}
	text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 })).Filter(utf8.ValidString)
	insert := func(tx *store.Tx, kind string, from int, rows []row, together bool) {
		var all [][]any
		for i, r := range rows {
			one := []any{kind, fmt.Sprintf("%03d %s", i, r.id), i, from + i, nil, r.at, r.doc}
			if all = append(all, one); !together {
				must(t, tx.Insert("record_version", versionColumns, [][]any{one}))
			}
		}
		if together {
			must(t, tx.Insert("record_version", versionColumns, all))
		}
	}
	read := func(tx *store.Tx, kind string) (all []string) {
		var id, doc string
		var at *int64
		must(t, tx.Each(`SELECT id, doc, at FROM record_version WHERE kind = $1 ORDER BY id`, []any{kind}, []any{&id, &doc, &at}, func() error {
			value := "null"
			if at != nil {
				value = fmt.Sprint(*at)
			}
			all = append(all, fmt.Sprintf("%q %q %s", id, doc, value))
			at = nil
			return nil
		}))
		return all
	}
	w, err := db.Writer(context.Background())
	must(t, err)
	defer func() { must(t, w.Close()) }()
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) row {
			return row{text.Draw(t, "id"), text.Draw(t, "doc"), rapid.Ptr(rapid.Int64(), true).Draw(t, "at")}
		}), 1, 12).Draw(rt, "rows")
		tx, err := w.Begin()
		must(t, err)
		defer w.Rollback()
		insert(tx, "together", 0, rows, true)
		insert(tx, "single", 100, rows, false)
		together, single := read(tx, "together"), read(tx, "single")
		if !slices.Equal(together, single) || len(single) != len(rows) {
			rt.Fatalf("together %q\nsingle   %q", together, single)
		}
	})
}

func bytesComeBackAsTheyWere(t *testing.T, db *store.DB) {
	values := [][]byte{{}, {0}, {0, 0xff, '\\', '"', 0}, bytes.Repeat([]byte{0xa5}, 3<<20)}
	for _, together := range []bool{false, true} {
		must(t, write(t, db, func(tx *store.Tx) error {
			if _, err := tx.Exec(`DELETE FROM ledger_tile`); err != nil {
				return err
			}
			var rows [][]any
			for i, value := range values {
				rows = append(rows, []any{0, i, value})
			}
			if together {
				return tx.Insert("ledger_tile", []string{"level", "n", "hashes"}, rows)
			}
			for _, row := range rows {
				if err := tx.Insert("ledger_tile", []string{"level", "n", "hashes"}, [][]any{row}); err != nil {
					return err
				}
			}
			return nil
		}))
		var got [][]byte
		var raw store.Raw
		must(t, db.Read(context.Background(), func(r *store.Reader) error {
			return r.Each(`SELECT hashes FROM ledger_tile ORDER BY n`, nil, []any{&raw}, func() error {
				got = append(got, bytes.Clone(raw))
				return nil
			})
		}))
		if !slices.EqualFunc(got, values, bytes.Equal) {
			t.Errorf("together %v: other bytes came back", together)
		}
	}
}

func TestAValueOfAnotherTypeIsCorruption(t *testing.T) {
	db := open(t, storetest.SQLite(t))
	must(t, write(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO record_version (kind, id, version, from_idx, doc) VALUES ('a', 'b', 'not a number', 0, '')`)
		return err
	}))
	err := db.Read(context.Background(), func(r *store.Reader) error {
		return r.One(`SELECT version FROM record_version`, nil, []any{new(int64)})
	})
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
}
