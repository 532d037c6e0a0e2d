package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

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
	"what is read once of a snapshot":                           whatIsReadOnceOfASnapshot,
	"tables that are filled together are as filled apart":       tablesThatAreFilledTogetherAreAsFilledApart,
	"what fails together leaves nothing":                        whatFailsTogetherLeavesNothing,
	"an empty transaction can be ended":                         anEmptyTransactionCanBeEnded,
	"a visit cannot query":                                      aVisitCannotQuery,
	"readers together see the same moment":                      readersTogetherSeeTheSameMoment,
	"readers together do not wait for ever":                     readersTogetherDoNotWaitForEver,
	"readers together leave room for others":                    readersTogetherLeaveRoomForOthers,
	"readers together fail as the body does":                    readersTogetherFailAsTheBodyDoes,
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
