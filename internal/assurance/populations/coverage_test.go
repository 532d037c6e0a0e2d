package populations_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// imported is an import of the tests: into register, of scope, from since to
// until (days of January 2026, 0 is open), recorded on a day of January.
type imported struct {
	register, scope  string
	since, until, on int
	gap              string // not empty: incomplete, for this reason
}

func january(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }

func record1(t *testing.T, l *ledgertest.Ledger, one imported, query any) {
	t.Helper()
	done := record.Completed{Source: "test", Register: one.register, Scope: one.scope, Query: query, Summary: &record.Summary{}, Complete: true}
	if one.since > 0 {
		done.Since = pointer(january(one.since))
	}
	if one.until > 0 {
		done.Until = pointer(january(one.until))
	}
	if one.gap != "" {
		done.Miss("%s", one.gap)
	}
	l.Clock.Set(january(one.on))
	if err := record.Complete(context.Background(), l.Door, ledgertest.Operator, "import.test", "test", done); err != nil {
		t.Fatal(err)
	}
}

func covered(t *testing.T, l *ledgertest.Ledger, window populations.Window) *populations.Coverage {
	t.Helper()
	var coverage *populations.Coverage
	if err := l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		coverage, err = populations.Covered(populations.Stored(r), "changes", window)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return coverage
}

// The window is that of 5 to 20 January in every case.
var coverageCases = []struct {
	name    string
	imports []imported
	until   int      // day up to which all is covered
	gaps    []string // one part of each
}{
	{"one that reaches over both ends", []imported{{"changes", "", 1, 25, 26, ""}}, 20, nil},
	{"exactly the window", []imported{{"changes", "", 5, 20, 26, ""}}, 20, nil},
	{"open ends", []imported{{"changes", "", 0, 0, 26, ""}}, 20, nil},
	{"nothing after the import itself", []imported{{"changes", "", 1, 25, 12, ""}}, 12, []string{"up to 2026-01-12T00:00:00Z, the period runs to 2026-01-20T00:00:00Z"}},
	{"nor with an open end", []imported{{"changes", "", 0, 0, 12, ""}}, 12, []string{"up to 2026-01-12"}},
	{"the beginning is missing", []imported{{"changes", "", 6, 25, 26, ""}}, 5, []string{"no complete import covers the beginning of the period, 2026-01-05T00:00:00Z"}},
	{"two that meet", []imported{{"changes", "", 10, 25, 26, ""}, {"changes", "", 1, 10, 26, ""}}, 20, nil},
	{"a hole between two", []imported{{"changes", "", 1, 9, 26, ""}, {"changes", "", 10, 25, 26, ""}}, 9, []string{"up to 2026-01-09"}},
	{"three that overlap", []imported{{"changes", "", 1, 9, 26, ""}, {"changes", "", 2, 6, 26, ""}, {"changes", "", 8, 25, 26, ""}}, 20, nil},
	{"one a day, each up to its own moment", []imported{{"changes", "", 0, 0, 10, ""}, {"changes", "", 10, 0, 21, ""}}, 20, nil},
	{"an incomplete one speaks for nothing", []imported{{"changes", "", 1, 25, 26, "two refused"}}, 5, []string{"the beginning of the period", "import 0 is incomplete: two refused"}},
	{"an incomplete one is made good by a complete one", []imported{{"changes", "", 1, 25, 26, "two refused"}, {"changes", "", 1, 25, 26, ""}}, 20, nil},
	{"and a complete one is not spoilt by it", []imported{{"changes", "", 1, 25, 26, ""}, {"changes", "", 1, 25, 26, "two refused"}}, 20, nil},
	{"every scope must be covered", []imported{{"changes", "a", 1, 25, 26, ""}, {"changes", "b", 1, 15, 26, ""}, {"changes", "c", 1, 10, 26, ""}}, 10, []string{"b: complete imports reach up to 2026-01-15", "c: complete imports reach up to 2026-01-10"}},
	{"one scope does not cover another", []imported{{"changes", "a", 1, 10, 26, ""}, {"changes", "b", 10, 25, 26, ""}}, 5, []string{"a: complete imports reach up to 2026-01-10", "b: no complete import covers the beginning"}},
	{"other sources do not count", []imported{{"changes", "", 1, 25, 26, ""}, {"events", "", 1, 2, 26, ""}, {"people", "", 1, 2, 26, "refused"}}, 20, nil},
	{"an empty interval", []imported{{"changes", "", 7, 7, 26, ""}}, 5, []string{"the beginning"}},
}

func TestCoverageIsWhatCompleteImportsSpeakFor(t *testing.T) {
	window := populations.Window{From: january(5), To: january(20), Zone: time.UTC}
	run := func(t *testing.T, l *ledgertest.Ledger, imports []imported, until int, gaps []string) {
		begin := sizeOf(t, l)
		mine := 0
		for _, one := range imports {
			record1(t, l, one, map[string]int{"since": one.since})
			if one.register == "changes" {
				mine++
			}
		}
		got := covered(t, l, window)
		if got.Imports != mine || !got.Until.Equal(january(until)) || got.Complete != (len(gaps) == 0) || len(got.Gaps) != len(gaps) {
			t.Fatalf("%+v; want %d imports, until %s, gaps %q", got, mine, january(until), gaps)
		}
		for i, gap := range gaps {
			if !strings.Contains(got.Gaps[i], gap) {
				t.Errorf("gap %q, want one with %q", got.Gaps[i], gap)
			}
		}
		// What is imported later does not change what was known at a checkpoint.
		early := window
		early.AsOf = begin + 1
		if first := covered(t, l, early); first.Imports != 1 && imports[0].register == "changes" {
			t.Errorf("as of the first import: %+v", first)
		}
	}
	for _, c := range coverageCases {
		t.Run(c.name, func(t *testing.T) {
			run(t, ledgertest.New(t, storetest.SQLite(t), kinds...), c.imports, c.until, c.gaps)
		})
	}
	t.Run("postgres", func(t *testing.T) {
		c := coverageCases[13]
		run(t, ledgertest.New(t, storetest.Postgres(t), kinds...), c.imports, c.until, c.gaps)
	})
}

func TestNoImportSaysNothing(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		record1(t, l, imported{"people", "", 0, 0, 26, ""}, nil)
		if got := covered(t, l, populations.Window{From: january(5), To: january(20)}); got.Imports != 0 || got.Complete || got.Query != nil {
			t.Errorf("%+v", got)
		}
	})
}

// TestCoverageIsOfBoundedSize: a banked population is one record of at most
// record.MaxDocument bytes, however many imports there were.
func TestCoverageIsOfBoundedSize(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	long := strings.Repeat("x", 300)
	for i := range 100 {
		record1(t, l, imported{"changes", fmt.Sprintf("scope-%03d", i), 1, 25, 26, long}, map[string]string{"path": strings.Repeat("y", 40_000)})
	}
	got := covered(t, l, populations.Window{From: january(5), To: january(20)})
	body, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > record.MaxDocument/2 {
		t.Errorf("the coverage has %d bytes", len(body))
	}
	if last := got.Gaps[len(got.Gaps)-1]; got.Complete || last != "and 160 more" {
		t.Errorf("complete %t, the last gap is %q", got.Complete, last)
	}
	if string(got.Query) != `{"event":99}` {
		t.Errorf("the query is %s, want the event that holds it", got.Query)
	}
}
