package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
)

// promises are what both databases do alike. Each test finds the tables empty.
var promises = map[string]func(t *testing.T, db *store.DB){
	"texts sort and compare by their bytes":                     textsSortAndCompareByTheirBytes,
	"integers keep all 64 bits and nulls come first":            integersKeepAll64BitsAndNullsComeFirst,
	"many rows at once are the same as one by one":              manyRowsAtOnceAreTheSameAsOneByOne,
	"bytes come back as they were":                              bytesComeBackAsTheyWere,
	"a taken key is ErrUnique and a missing row ErrNotFound":    aTakenKeyIsErrUniqueAndAMissingRowErrNotFound,
	"a savepoint that fails leaves the rest of the transaction": aSavepointThatFailsLeavesTheRestOfTheTransaction,
	"a read sees one moment and cannot write":                   aReadSeesOneMomentAndCannotWrite,
	"nothing of a rolled back transaction is kept":              nothingOfARolledBackTransactionIsKept,
	"a newer schema is refused":                                 aNewerSchemaIsRefused,
	"tables that are filled together are as filled apart":       tablesThatAreFilledTogetherAreAsFilledApart,
	"what fails together leaves nothing":                        whatFailsTogetherLeavesNothing,
	"an empty transaction can be ended":                         anEmptyTransactionCanBeEnded,
	"a visit cannot query":                                      aVisitCannotQuery,
}

// The third database sorts texts by language where a column does not say
// otherwise.
func TestEveryDatabaseKeepsThePromises(t *testing.T) {
	for name, location := range map[string]func(testing.TB) string{
		"sqlite":   storetest.SQLite,
		"postgres": storetest.Postgres,
		"icu":      func(t testing.TB) string { return storetest.PostgresWithICU(t, "de-DE") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, location(t))
			for name, test := range promises {
				must(t, write(t, db, func(tx *store.Tx) error {
					_, err := tx.Exec(`DELETE FROM record_version`)
					return err
				}))
				t.Run(name, func(t *testing.T) { test(t, db) })
			}
		})
	}
}

func open(t testing.TB, location string) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return db
}

// write runs body in a transaction and commits it.
func write(t testing.TB, db *store.DB, body func(*store.Tx) error) error {
	t.Helper()
	w, err := db.Writer(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	tx, err := w.Begin()
	if err != nil {
		return err
	}
	if err := body(tx); err != nil {
		return err
	}
	return w.Commit()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The tests use the table of record versions: it has a column of every type,
// one of which may be null.
var versionColumns = []string{"kind", "id", "version", "from_idx", "to_idx", "at", "doc"}

var rowNumber atomic.Int64

// version is a row with this id.
func version(id string, at any) []any {
	return []any{"probe", id, 1, rowNumber.Add(1), nil, at, "{}"}
}

func texts(t testing.TB, db *store.DB, query string, args ...any) []string {
	t.Helper()
	var all []string
	var text string
	must(t, db.Read(context.Background(), func(r *store.Reader) error {
		return r.Each(query, args, []any{&text}, func() error { all = append(all, text); return nil })
	}))
	return all
}

func count(t testing.TB, db *store.DB) (n int) {
	t.Helper()
	must(t, db.Read(context.Background(), func(r *store.Reader) error {
		return r.One(`SELECT count(*) FROM record_version`, nil, []any{&n})
	}))
	return n
}

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

func aTakenKeyIsErrUniqueAndAMissingRowErrNotFound(t *testing.T, db *store.DB) {
	must(t, write(t, db, func(tx *store.Tx) error {
		return tx.Insert("record_version", versionColumns, [][]any{version("a", nil)})
	}))
	for _, n := range []int{1, 20} {
		err := write(t, db, func(tx *store.Tx) error {
			var rows [][]any
			for i := range n - 1 {
				rows = append(rows, version(fmt.Sprint(i), nil))
			}
			return tx.Insert("record_version", versionColumns, append(rows, version("a", nil)))
		})
		if !errors.Is(err, store.ErrUnique) {
			t.Errorf("%d rows: got %v, want ErrUnique", n, err)
		}
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows, want 1: a refused insert leaves nothing", n)
	}
	var id string
	err := db.Read(context.Background(), func(r *store.Reader) error {
		return r.One(`SELECT id FROM record_version WHERE id = $1`, []any{"b"}, []any{&id})
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func aSavepointThatFailsLeavesTheRestOfTheTransaction(t *testing.T, db *store.DB) {
	refused := errors.New("no")
	must(t, write(t, db, func(tx *store.Tx) error {
		for i, body := range []func() error{
			func() error { return tx.Insert("record_version", versionColumns, [][]any{version("kept", nil)}) },
			func() error {
				if err := tx.Insert("record_version", versionColumns, [][]any{version("undone", nil)}); err != nil {
					return err
				}
				return refused
			},
			func() error { return tx.Insert("record_version", versionColumns, [][]any{version("kept", nil)}) },
			func() error { return tx.Insert("record_version", versionColumns, [][]any{version("kept too", nil)}) },
		} {
			before := tx.Changed()
			err := tx.Savepoint(body)
			switch i {
			case 1:
				if !errors.Is(err, refused) || tx.Changed() != before {
					t.Errorf("got %v and %d changed rows, want the body's error and %d", err, tx.Changed(), before)
				}
			case 2:
				if !errors.Is(err, store.ErrUnique) {
					t.Errorf("got %v, want ErrUnique", err)
				}
			default:
				if err != nil || tx.Changed() != before+1 {
					t.Errorf("savepoint %d: %v, %d rows changed, want %d", i, err, tx.Changed(), before+1)
				}
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic of a body was swallowed")
				}
			}()
			_ = tx.Savepoint(func() error {
				must(t, tx.Insert("record_version", versionColumns, [][]any{version("panicked", nil)}))
				panic("a bug")
			})
		}()
		return nil
	}))
	if got := texts(t, db, `SELECT id FROM record_version ORDER BY id`); !slices.Equal(got, []string{"kept", "kept too"}) {
		t.Errorf("the table holds %q", got)
	}
}

func aReadSeesOneMomentAndCannotWrite(t *testing.T, db *store.DB) {
	must(t, db.Read(context.Background(), func(r *store.Reader) error {
		var before, after int
		if err := r.One(`SELECT count(*) FROM record_version`, nil, []any{&before}); err != nil {
			return err
		}
		must(t, write(t, db, func(tx *store.Tx) error {
			return tx.Insert("record_version", versionColumns, [][]any{version("a", nil)})
		}))
		if err := r.One(`SELECT count(*) FROM record_version`, nil, []any{&after}); err != nil {
			return err
		}
		if before != 0 || after != 0 {
			t.Errorf("the snapshot counts %d rows, and %d after another's commit", before, after)
		}
		return nil
	}))
	err := db.Read(context.Background(), func(r *store.Reader) error {
		return r.Each(`DELETE FROM record_version RETURNING id`, nil, []any{new(string)}, func() error { return nil })
	})
	if !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("a reader's DELETE: got %v, want ErrReadOnly", err)
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func nothingOfARolledBackTransactionIsKept(t *testing.T, db *store.DB) {
	w, err := db.Writer(context.Background())
	must(t, err)
	for _, end := range []func(){w.Rollback, func() { must(t, w.Close()) }} {
		tx, err := w.Begin()
		must(t, err)
		if _, err := w.Begin(); err == nil {
			t.Error("a second transaction could be opened beside the first")
		}
		must(t, tx.Insert("record_version", versionColumns, [][]any{version("a", nil)}))
		end()
	}
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows, want none", n)
	}
}

// insertions fill two tables, the second with rows of this size.
func insertions(size int) []store.Insertion {
	var keys, bundles [][]any
	for i := range 5 {
		keys = append(keys, []any{fmt.Sprintf("id-%d", i), []string{"", "source é"}[i%2], int64(i)})
		bundles = append(bundles, []any{i, 1, bytes.Repeat([]byte{byte(i)}, size/2), bytes.Repeat([]byte{0, byte(i)}, size/2)})
	}
	return []store.Insertion{
		{Table: "ledger_key", Columns: []string{"id", "source", "idx"}, Rows: keys},
		{Table: "ledger_tile", Columns: []string{"level", "n", "hashes"}},
		{Table: "ledger_bundle", Columns: []string{"first", "events", "leaves", "bodies"}, Rows: bundles},
	}
}

func tablesThatAreFilledTogetherAreAsFilledApart(t *testing.T, db *store.DB) {
	for _, size := range []int{0, 64, 5000, 200_000} {
		for _, after := range []bool{false, true} { // another statement, so that the transaction is under way
			must(t, write(t, db, func(tx *store.Tx) error {
				if after {
					must(t, tx.Insert("record_version", versionColumns, [][]any{version(fmt.Sprintf("%d", size), nil)}))
				}
				n, err := tx.Together(insertions(size), `UPDATE record_version SET doc = doc WHERE version < $1`, 2)
				if want := map[bool]int64{true: 1}[after]; n != want {
					t.Errorf("the first statement changed %d rows, want %d", n, want)
				}
				if want := int64(10); !after && tx.Changed() != want {
					t.Errorf("%d rows were changed, want %d", tx.Changed(), want)
				}
				return err
			}))
			must(t, db.Read(context.Background(), func(r *store.Reader) error {
				var id, source string
				var index, first, events int64
				var leaves, bodies store.Raw
				i := 0
				must(t, r.Each(`SELECT id, source, idx FROM ledger_key ORDER BY idx`, nil, []any{&id, &source, &index}, func() error {
					if id != fmt.Sprintf("id-%d", i) || source != []string{"", "source é"}[i%2] || index != int64(i) {
						t.Errorf("row %d is %q, %q, %d", i, id, source, index)
					}
					i++
					return nil
				}))
				must(t, r.Each(`SELECT first, events, leaves, bodies FROM ledger_bundle ORDER BY first`, nil, []any{&first, &events, &leaves, &bodies}, func() error {
					i++
					if events != 1 || !bytes.Equal(leaves, bytes.Repeat([]byte{byte(first)}, size/2)) || !bytes.Equal(bodies, bytes.Repeat([]byte{0, byte(first)}, size/2)) {
						t.Errorf("bundle %d of %d bytes came back as another one", first, size)
					}
					return nil
				}))
				if i != 10 {
					t.Errorf("%d rows, want 10", i)
				}
				return nil
			}))
			must(t, write(t, db, func(tx *store.Tx) error {
				_, err := tx.Exec(`DELETE FROM ledger_key`)
				must(t, err)
				_, err = tx.Exec(`DELETE FROM record_version`)
				must(t, err)
				_, err = tx.Exec(`DELETE FROM ledger_bundle`)
				return err
			}))
		}
	}
}

func whatFailsTogetherLeavesNothing(t *testing.T, db *store.DB) {
	twice := insertions(5000)
	twice[0].Rows = append(twice[0].Rows, twice[0].Rows[0])
	err := write(t, db, func(tx *store.Tx) error {
		_, err := tx.Together(twice, `DELETE FROM record_version`)
		return err
	})
	if !errors.Is(err, store.ErrUnique) {
		t.Errorf("got %v, want ErrUnique", err)
	}
	must(t, db.Read(context.Background(), func(r *store.Reader) error {
		var n int
		must(t, r.One(`SELECT (SELECT count(*) FROM ledger_key) + (SELECT count(*) FROM ledger_bundle)`, nil, []any{&n}))
		if n != 0 {
			t.Errorf("%d rows were kept", n)
		}
		return nil
	}))
}

func anEmptyTransactionCanBeEnded(t *testing.T, db *store.DB) {
	w, err := db.Writer(context.Background())
	must(t, err)
	defer func() { must(t, w.Close()) }()
	_, err = w.Begin()
	must(t, err)
	must(t, w.Commit())
	_, err = w.Begin()
	must(t, err)
	w.Rollback()
	tx, err := w.Begin()
	must(t, err)
	must(t, tx.Insert("record_version", versionColumns, [][]any{version("a", nil)}))
	must(t, w.Commit())
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func aVisitCannotQuery(t *testing.T, db *store.DB) {
	var n int
	query := func(r *store.Reader) error { return r.One(`SELECT 1`, nil, []any{&n}) }
	must(t, db.Read(context.Background(), func(r *store.Reader) error {
		err := r.Each(`SELECT 1`, nil, []any{&n}, func() error { return query(r) })
		if err == nil {
			t.Error("a visit could query")
		}
		return query(r) // afterwards it can be used
	}))
}

// PostgreSQL answers such a commit with ROLLBACK, and no error.
func TestACommitThatKeptNothingIsAnError(t *testing.T) {
	db := open(t, storetest.Postgres(t))
	err := write(t, db, func(tx *store.Tx) error {
		must(t, tx.Insert("record_version", versionColumns, [][]any{version("a", nil)}))
		if _, err := tx.Exec(`SELECT 1/0`); err == nil {
			t.Error("a division by zero succeeded")
		}
		return nil // forgets the error
	})
	if !errors.Is(err, store.ErrBroken) || count(t, db) != 0 {
		t.Errorf("got %v with %d rows kept, want ErrBroken and none", err, count(t, db))
	}
}

func TestDurabilityDoesNotDependOnTheServersDefaults(t *testing.T) {
	lite := open(t, storetest.SQLite(t))
	url := storetest.Postgres(t)
	first := open(t, url)
	must(t, write(t, first, func(tx *store.Tx) error {
		name := texts(t, first, `SELECT current_database()`)[0]
		_, err := tx.Exec(`ALTER DATABASE ` + name + ` SET synchronous_commit = off`)
		return err
	}))
	for query, check := range map[string]struct {
		db   *store.DB
		want string
	}{
		"PRAGMA synchronous":      {lite, "2"}, // FULL
		"PRAGMA journal_mode":     {lite, "wal"},
		"SHOW synchronous_commit": {open(t, url), "on"},
	} {
		must(t, write(t, check.db, func(tx *store.Tx) error {
			var got string
			if err := tx.One(query, nil, []any{&got}); err != nil {
				return err
			}
			if got != check.want {
				t.Errorf("%s is %s, want %s", query, got, check.want)
			}
			return nil
		}))
	}
}

func aNewerSchemaIsRefused(t *testing.T, db *store.DB) {
	must(t, db.Migrate(context.Background())) // again: nothing to do
	must(t, write(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
		return err
	}))
	defer func() {
		must(t, write(t, db, func(tx *store.Tx) error {
			_, err := tx.Exec(`DELETE FROM goose_db_version WHERE version_id = 99999`)
			return err
		}))
	}()
	for name, check := range map[string]func(context.Context) error{"migrate": db.Migrate, "check": db.CheckSchema} {
		err := check(context.Background())
		if err == nil || !strings.Contains(err.Error(), "99999") || !strings.Contains(err.Error(), "newer scaf") {
			t.Errorf("%s: got %v, want an error that names the version and what to do", name, err)
		}
	}
}

func TestADatabaseWithoutASchemaIsRefused(t *testing.T) {
	for name, location := range map[string]string{"sqlite": storetest.SQLite(t), "postgres": storetest.Postgres(t)} {
		db, err := store.Open(context.Background(), location)
		must(t, err)
		if err := db.CheckSchema(context.Background()); err == nil || !strings.Contains(err.Error(), "no schema of SCAF's") {
			t.Errorf("%s: got %v, want an error that says so", name, err)
		}
		must(t, db.Close())
	}
}

func TestWhatCannotBeOpenedIsNamed(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	must(t, os.WriteFile(text, bytes.Repeat([]byte("no database\n"), 1000), 0o600))
	for name, test := range map[string]struct {
		location string
		want     error
		says     string
	}{
		"folder missing":   {filepath.Join(dir, "none", "scaf.db"), store.ErrUnavailable, "folder"},
		"another file":     {text, store.ErrCorrupt, "text.db"},
		"no server":        {"postgres://scaf:secret@127.0.0.1:1/scaf?connect_timeout=5", store.ErrUnavailable, "127.0.0.1"},
		"no such database": {strings.Replace(storetest.Postgres(t), "/test_", "/none_", 1), store.ErrUnavailable, "does not exist"},
		"bad URL":          {"postgres://scaf:secret@:x:/", store.ErrUnavailable, "postgres://user@host:5432/name"},
	} {
		db, err := store.Open(context.Background(), test.location)
		if err == nil {
			err = db.Migrate(context.Background())
			_ = db.Close()
		}
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %v that says %q", name, err, test.want, test.says)
		}
		if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: the error shows the password, or has more than a line: %v", name, err)
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
