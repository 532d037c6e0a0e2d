package record_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// odd has what JSON writes in another way.
const odd = "a\\b\n<\x1f\u2028>"

type counted struct {
	ID    string `json:"id"`
	Title string `json:"title,omitempty"`
	A     *int   `json:"a,omitempty"`
	B     *int   `json:"b,omitempty"`
}

// Counting by two columns gives what counting the documents does, and looking
// for words what looking into them does, on both databases.
func TestTallyAndWords(t *testing.T) {
	kind := record.Define[counted](record.Definition{Kind: "counted", Register: "counteds", Title: "Counted", Columns: []record.Column{
		{Field: "title", Label: "Title", Filter: true, Sort: true}, {Field: "a", Label: "A", Filter: true, Scanned: true}, {Field: "b", Label: "B", Filter: true, Scanned: true},
	}})
	ledgertest.EachOf(t, record.Kinds{kind}, func(t *testing.T, l *ledgertest.Ledger) {
		var docs []counted
		versions := map[string]int{}
		want := func() map[[2]int64]int64 {
			counts := map[[2]int64]int64{}
			for _, doc := range docs {
				if doc.A != nil && doc.B != nil && doc.Title != "one" {
					counts[[2]int64{int64(*doc.A), int64(*doc.B)}]++
				}
			}
			return counts
		}
		titles := func() map[[2]string]int64 {
			counts := map[[2]string]int64{}
			for _, doc := range docs {
				if doc.Title != "" {
					counts[[2]string{doc.Title, doc.Title}]++
				}
			}
			return counts
		}
		check := func(t *rapid.T) {
			ones := int64(0)
			for _, doc := range docs {
				if doc.Title == "one" {
					ones++
				}
			}
			for range 2 { // the second time nothing has changed
				if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
					got, err := record.Tally(r, kind, `!has(item.title) || item.title != "one"`, "a", "b")
					if err != nil || fmt.Sprint(got) != fmt.Sprint(want()) {
						t.Fatalf("counted %v, want %v (%v)", got, want(), err)
					}
					texts, err := record.TallyTexts(r, kind, "", "title", "title")
					if err != nil || fmt.Sprint(texts) != fmt.Sprint(titles()) {
						t.Fatalf("counted %v, want %v (%v)", texts, titles(), err)
					}
					n, err := record.Total(r, kind)
					if err != nil || n != int64(len(docs)) {
						t.Fatalf("there are %d, want %d (%v)", n, len(docs), err)
					}
					n, err = record.Counted(r, kind, `item.title == "one"`)
					if err != nil || n != ones {
						t.Fatalf("%d are called one, want %d (%v)", n, ones, err)
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				at := len(docs)
				if at > 0 && rapid.Bool().Draw(t, "known") {
					at = rapid.IntRange(0, at-1).Draw(t, "which")
				}
				doc := counted{ID: fmt.Sprintf("r%04d", at+1), Title: rapid.SampledFrom([]string{"", "Ärger", "ONE two", "one", "Ones", "%~_'\"x", odd}).Draw(t, "title")}
				small := rapid.OneOf(rapid.Just[*int](nil), rapid.Map(rapid.IntRange(1, 3), func(n int) *int { return &n }))
				doc.A, doc.B = small.Draw(t, "a"), small.Draw(t, "b")
				change := record.Change{Verb: "written", ID: doc.ID, Doc: &doc, Expect: versions[doc.ID]}
				_, err := l.Do(context.Background(), act.Caller{ID: "test", Roles: []string{"administrator"}}, "test", "counteds", func(tx *act.Tx) error {
					_, err := record.Put(tx, kind, change)
					return err
				})
				switch {
				case err == nil:
					versions[doc.ID]++
				case !errors.Is(err, record.ErrSame):
					t.Fatal(err)
				}
				docs = append(docs[:at], append([]counted{doc}, docs[min(at+1, len(docs)):]...)...)
			}
			check(t)
		})
		if _, err := l.Do(context.Background(), act.Caller{ID: "test", Roles: []string{"administrator"}}, "test", "counteds", func(tx *act.Tx) error {
			var many []record.Change
			for range 250 {
				doc := counted{ID: fmt.Sprintf("r%04d", len(docs)+1), Title: []string{"", "three", "four"}[len(docs)%3]}
				docs = append(docs, doc)
				many = append(many, record.Change{Verb: "written", ID: doc.ID, Doc: &doc})
			}
			_, err := record.Put(tx, kind, many...)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		words, number := map[string]int{}, len(docs)
		for _, doc := range docs {
			words[doc.Title]++
		}
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			got, err := record.Tally(r, kind, `!has(item.title) || item.title != "one"`, "a", "b")
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want()) {
				t.Errorf("counted %v, want %v (%v)", got, want(), err)
			}
			for text, want := range map[string]int{
				"oNe": words["ONE two"] + words["one"] + words["Ones"], "%~_'\"": words["%~_'\"x"], "~": words["%~_'\"x"], "_": words["%~_'\"x"], "%~~_": 0, "rger": words["Ärger"], "Är": words["Ärger"], "ärger": words["Ärger"], "ÄRGER": words["Ärger"], "A\u0308rger": words["Ärger"], "ärgér": 0, "%": words["%~_'\"x"], "R0": number, "zz": 0, "two  ONE": words["ONE two"], "one r0": words["ONE two"] + words["one"] + words["Ones"], "one zz": 0,
				`a\B`: words[odd], "\n<": words[odd], "\x1f": words[odd], "\u2028>": words[odd], `\n`: 0, "title": 0, "one title": 0, `":"`: 0, "u2028": 0,
			} {
				mentioned := 0
				if more, err := record.Mention(r, kind, text, number, func(*record.Version) error { mentioned++; return nil }); err != nil || more || mentioned != want {
					t.Errorf("%q is mentioned %d times, want %d (%v)", text, mentioned, want, err)
				}
				mentioned = 0
				if more, err := record.Mention(r, kind, text, 1, func(*record.Version) error { mentioned++; return nil }); err != nil || more != (want > 1) || mentioned != min(1, want) {
					t.Errorf("%q is mentioned %d times, and more is %t (%v)", text, mentioned, more, err)
				}
				found := 0
				if _, err := record.List(r, kind, record.Query{Words: text}, func(*record.Version) error { found++; return nil }); err != nil || found != want {
					t.Errorf("%q is found %d times, want %d (%v)", text, found, want, err)
				}
			}
			for _, text := range []string{strings.Repeat("x", 8001), "\x00", "\xff"} {
				nothing := func(*record.Version) error { t.Errorf("%.4q… is found", text); return nil }
				_, err := record.List(r, kind, record.Query{Words: text}, nothing)
				if _, mention := record.Mention(r, kind, text, 1, nothing); !errors.Is(err, record.ErrFilter) || !errors.Is(mention, record.ErrFilter) {
					t.Errorf("%.4q… is looked for: %v, %v", text, err, mention)
				}
			}
			// In an order, and page by page, it is the whole list's without the others.
			for text, want := range map[string]int{"oNe": words["ONE two"] + words["one"] + words["Ones"], "R0": number, "zz": 0} {
				for _, sort := range []string{"title", "-title"} {
					var ordered []string
					has := map[string]bool{}
					err := inPages(r, kind, record.Query{Words: text, Limit: 7, Sort: "id"}, func(id string) { has[id] = true })
					err = errors.Join(err, inPages(r, kind, record.Query{Limit: 1000, Sort: sort}, func(id string) {
						if has[id] {
							ordered = append(ordered, id)
						}
					}))
					var got []string
					err = errors.Join(err, inPages(r, kind, record.Query{Words: text, Limit: 7, Sort: sort}, func(id string) { got = append(got, id) }))
					if err != nil || len(got) != want || !slices.Equal(got, ordered) {
						t.Errorf("%q by %s: %v, want %v (%v)", text, sort, got, ordered, err)
					}
				}
			}
			for _, words := range []string{"a\x00", "\xff"} {
				if _, err := record.List(r, kind, record.Query{Words: words}, func(*record.Version) error { return nil }); !errors.Is(err, record.ErrFilter) {
					t.Errorf("%q: %v", words, err)
				}
			}
			for _, wrong := range [][2]string{{"a", "title"}, {"nothing", "b"}} {
				if _, err := record.Tally(r, kind, "", wrong[0], wrong[1]); !errors.Is(err, record.ErrFilter) {
					t.Errorf("counting by %v: %v", wrong, err)
				}
			}
			for _, wrong := range [][2]string{{"a", "title"}, {"title", "nothing"}} {
				if _, err := record.TallyTexts(r, kind, "", wrong[0], wrong[1]); !errors.Is(err, record.ErrFilter) {
					t.Errorf("counting by %v: %v", wrong, err)
				}
			}
			_, err = record.Tally(r, kind, "item.colour", "a", "b")
			if !errors.Is(err, record.ErrFilter) {
				t.Errorf("a wrong filter: %v", err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

type spread struct {
	ID   string     `json:"id"`
	At   *time.Time `json:"at,omitempty"`
	Open bool       `json:"open"`
}

// What falls between two bounds is what the documents have there, days that a clock
// makes longer or shorter included, on both databases.
func TestSpread(t *testing.T) {
	kind := record.Define[spread](record.Definition{Kind: "spread", Register: "spreads", Title: "Spread", Columns: []record.Column{
		{Field: "at", Label: "At", Filter: true, Sort: true}, {Field: "open", Label: "Open", Filter: true, Scanned: true},
	}})
	zone, err := time.LoadLocation("Asia/Kathmandu") // +05:45
	if err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.EachOf(t, record.Kinds{kind}, func(t *testing.T, l *ledgertest.Ledger) {
		var docs []spread
		versions := map[string]int{}
		spreads := func(filter string, bounds ...time.Time) (counts []int64, err error) {
			if done := l.DB.Read(context.Background(), func(r *store.Reader) error {
				counts, err = record.Spread(r, kind, filter, "at", bounds)
				return nil
			}); done != nil {
				t.Fatal(done)
			}
			return counts, err
		}
		rapid.Check(t, func(t *rapid.T) {
			number := len(docs)
			if number > 0 && rapid.Bool().Draw(t, "known") {
				number = rapid.IntRange(0, number-1).Draw(t, "which")
			}
			doc := spread{ID: fmt.Sprintf("s%04d", number), Open: rapid.Bool().Draw(t, "open")}
			in := rapid.SampledFrom([]*time.Location{zone, berlin}).Draw(t, "zone")
			days := make([]time.Time, rapid.IntRange(1, 8).Draw(t, "days")+1)
			for i := range days {
				days[i] = time.Date(2026, 3, 27+i, 0, 0, 0, 0, in)
			}
			if rapid.Bool().Draw(t, "all before") {
				days[0] = time.Time{}
			}
			if rapid.IntRange(0, 9).Draw(t, "none") > 0 {
				year := rapid.SampledFrom([]int{2026, 2026, 2026, 1969}).Draw(t, "year")
				at := time.Date(year, 3, 27, 0, 0, 0, 0, in).Add(time.Duration(rapid.IntRange(-2, 200).Draw(t, "hours")) * time.Hour).Add(rapid.SampledFrom([]time.Duration{-time.Microsecond, 0, time.Microsecond, time.Minute}).Draw(t, "more")).UTC()
				doc.At = &at
			}
			if number == len(docs) {
				docs = append(docs, doc)
			}
			docs[number] = doc
			switch _, err := l.Do(context.Background(), ledgertest.Operator, "spread.add", "spreads", func(tx *act.Tx) error {
				_, err := record.Put(tx, kind, record.Change{Verb: "written", ID: doc.ID, Doc: doc, Expect: versions[doc.ID]})
				return err
			}); {
			case err == nil:
				versions[doc.ID]++
			case !errors.Is(err, record.ErrSame):
				t.Fatal(err)
			}
			want := make([]int64, len(days)-1)
			for _, doc := range docs {
				for i := range want {
					if doc.Open && doc.At != nil && !doc.At.Before(days[i]) && doc.At.Before(days[i+1]) {
						want[i]++
					}
				}
			}
			if got, err := spreads("item.open", days...); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%v: counted %v, want %v (%v)", days, got, want, err)
			}
		})
		at := time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC)
		if got, err := spreads("", at); err != nil || len(got) != 0 {
			t.Errorf("between one bound and none: %v %v", got, err)
		}
		for _, wrong := range [][]time.Time{{at, at}, {at, at.Add(-time.Hour)}, {at, at.Add(time.Minute)}} {
			if _, err := spreads("", wrong...); !errors.Is(err, record.ErrFilter) {
				t.Errorf("%v: %v", wrong, err)
			}
		}
		if _, err := spreads("item.colour", at, at.Add(time.Hour)); !errors.Is(err, record.ErrFilter) {
			t.Errorf("a wrong filter: %v", err)
		}
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			if _, err := record.Spread(r, kind, "", "open", []time.Time{at, at.Add(time.Hour)}); !errors.Is(err, record.ErrFilter) {
				t.Errorf("by what is no time: %v", err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

// inPages visits the ids of a list, page by page.
func inPages(r *store.Reader, kind *record.Kind, q record.Query, visit func(id string)) error {
	for {
		next, err := record.List(r, kind, q, func(v *record.Version) error {
			visit(v.ID)
			return nil
		})
		if err != nil || next == "" {
			return err
		}
		q.After = next
	}
}

// The values of a column are those of the records as they are.
func TestValuesOfAColumn(t *testing.T) {
	kind := record.Define[counted](record.Definition{Kind: "counted", Register: "counteds", Title: "Counted", Columns: []record.Column{
		{Field: "title", Label: "Title", Filter: true, Sort: true}, {Field: "a", Label: "A", Filter: true, Scanned: true},
	}})
	ledgertest.EachOf(t, record.Kinds{kind}, func(t *testing.T, l *ledgertest.Ledger) {
		ctx := context.Background()
		says := func(want ...string) {
			t.Helper()
			if err := l.DB.Read(ctx, func(r *store.Reader) error {
				got, err := record.Values(r, kind, "item.a >= 2", "title")
				if slices.Sort(got); err != nil || !slices.Equal(got, want) {
					t.Errorf("%q (%v), want %q", got, err, want)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		put := func(id, title string, a, version int) {
			t.Helper()
			if _, err := l.Do(ctx, act.Caller{ID: "test", Roles: []string{"administrator"}}, "test", "counteds", func(tx *act.Tx) error {
				_, err := record.Put(tx, kind, record.Change{Verb: "put", ID: id, Doc: &counted{ID: id, Title: title, A: &a}, Expect: version})
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		says()
		put("1", "one", 2, 0)
		put("2", "two", 2, 0)
		put("3", "two", 3, 0)
		put("4", "low", 1, 0)
		put("5", "", 2, 0)
		says("one", "two")
		put("1", "un", 2, 1)
		put("2", "two", 1, 1)
		put("4", "high", 2, 1)
		says("high", "two", "un")
		if err := l.DB.Read(ctx, func(r *store.Reader) error {
			_, err := record.Values(r, kind, "", "a")
			return err
		}); !errors.Is(err, record.ErrFilter) {
			t.Errorf("numbers are no texts: %v", err)
		}
	})
}
