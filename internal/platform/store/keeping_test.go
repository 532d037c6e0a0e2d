package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
)

// Whatever queries a connection has run before, and however they ended, a query
// gives what is in the table at that moment: with rows and columns added
// meanwhile, after more different texts than are kept, after one that failed and
// one whose context had ended.
func TestAQueryGivesWhatIsThereWhateverRanBefore(t *testing.T) {
	full := errors.New("enough")
	for name, location := range map[string]string{"sqlite": storetest.SQLite(t), "postgres": storetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			db := open(t, location)
			writer, err := db.Writer(context.Background())
			must(t, err)
			defer func() { must(t, writer.Close()) }()
			write := func(statement string, args ...any) {
				tx, err := writer.Begin()
				must(t, err)
				_, err = tx.Exec(statement, args...)
				must(t, err)
				must(t, writer.Commit())
			}
			write(`CREATE TABLE kept_test (n INTEGER NOT NULL)`)
			var rows []int
			columns, texts := 0, 0
			query := func(text, from, most int, ctx context.Context) (got []int, err error) {
				err = db.Read(ctx, func(r *store.Reader) error {
					var n int
					return r.Each(fmt.Sprintf(`SELECT n FROM kept_test WHERE n >= $1 AND n %% 5 <> %d ORDER BY n`, text), []any{from}, []any{&n}, func() error {
						if len(got) == most {
							return full
						}
						got = append(got, n)
						return nil
					})
				})
				return got, err
			}
			ended, end := context.WithCancel(context.Background())
			end()
			rapid.Check(t, func(rt *rapid.T) {
				rt.Repeat(map[string]func(*rapid.T){
					"row": func(rt *rapid.T) {
						n := rapid.IntRange(0, 50).Draw(rt, "n")
						if len(rows) == 200 {
							return
						}
						write(`INSERT INTO kept_test (n) VALUES ($1)`, n)
						rows = append(rows, n)
						slices.Sort(rows)
					},
					"column": func(*rapid.T) {
						if columns < 20 {
							columns++
							write(fmt.Sprintf(`ALTER TABLE kept_test ADD COLUMN c%d INTEGER`, columns))
						}
					},
					"many": func(*rapid.T) {
						for range store.MaxKept / 2 {
							if texts++; texts > 4*store.MaxKept {
								return
							}
							if _, err := query(1000+texts, 50, 1, context.Background()); err != nil && !errors.Is(err, full) {
								rt.Fatal(err)
							}
						}
					},
					"fails": func(rt *rapid.T) {
						if err := db.Read(context.Background(), func(r *store.Reader) error {
							var n int
							return r.One(`SELECT absent FROM kept_test WHERE n = $1`, []any{1}, []any{&n})
						}); err == nil || errors.Is(err, store.ErrNotFound) {
							rt.Fatalf("a query of a column that is not there: %v", err)
						}
					},
					"ended": func(rt *rapid.T) {
						if _, err := query(0, 0, 1000, ended); err == nil {
							rt.Fatal("a query after the end of its context")
						}
					},
					"query": func(rt *rapid.T) {
						from, most := rapid.IntRange(0, 50).Draw(rt, "from"), rapid.IntRange(0, 5).Draw(rt, "most")
						text := rapid.IntRange(0, 3).Draw(rt, "text")
						want := slices.DeleteFunc(slices.Clone(rows), func(n int) bool { return n < from || n%5 == text })
						got, err := query(text, from, most, context.Background())
						if cut := len(want) > most; cut != errors.Is(err, full) || !cut && err != nil {
							rt.Fatalf("%d rows, at most %d: %v", len(want), most, err)
						}
						if want = want[:min(len(want), most)]; !slices.Equal(got, want) {
							rt.Fatalf("from %d: %v, want %v", from, got, want)
						}
					},
				})
			})
		})
	}
}

// An index of some rows that comes after a query was run is not used for others.
func TestAQueryGivesWhatIsThereWhateverIndexesCameMeanwhile(t *testing.T) {
	for name, location := range map[string]string{"sqlite": storetest.SQLite(t), "postgres": storetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			db := open(t, location)
			writer, err := db.Writer(context.Background())
			must(t, err)
			defer func() { must(t, writer.Close()) }()
			write := func(statements ...string) {
				tx, err := writer.Begin()
				must(t, err)
				for _, statement := range statements {
					_, err = tx.Exec(statement)
					must(t, err)
				}
				must(t, writer.Commit())
			}
			write(`CREATE TABLE kept_kinds (kind TEXT NOT NULL, n INTEGER NOT NULL)`, `INSERT INTO kept_kinds VALUES ('a', 1), ('b', 1), ('b', 2)`)
			want := func(kind string, most, want int) {
				t.Helper()
				must(t, db.Read(context.Background(), func(r *store.Reader) error {
					var n int
					err := r.One(`SELECT count(*) FROM kept_kinds WHERE kind = $1 AND n < $2`, []any{kind, most}, []any{&n})
					if n != want {
						t.Errorf("%s below %d: %d rows, want %d", kind, most, n, want)
					}
					return err
				}))
			}
			want("a", 9, 1)
			write(`CREATE INDEX kept_kinds_a ON kept_kinds (n) WHERE kind = 'a'`, `CREATE INDEX kept_kinds_b ON kept_kinds (n) WHERE kind = 'b'`)
			for range 2 {
				want("a", 9, 1)
				want("b", 9, 2)
				want("b", 2, 1)
				want("a", 1, 0)
			}
		})
	}
}
