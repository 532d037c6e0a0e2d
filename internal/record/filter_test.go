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

// row is a record with a column of each type.
type row struct {
	ID    string     `json:"id"`
	Name  string     `json:"name,omitempty"`
	Count *int       `json:"count,omitempty"`
	Score *float64   `json:"score,omitempty"`
	Open  *bool      `json:"open,omitempty"`
	When  *time.Time `json:"when,omitempty"`
	Long  string     `json:"long,omitempty"`
}

var rows = record.Define[row](record.Definition{
	Kind: "row", Register: "rows", Title: "Rows", Internal: true,
	Columns: []record.Column{
		{Field: "name", Label: "Name", Filter: true, Sort: true}, {Field: "count", Label: "Count", Filter: true, Sort: true},
		{Field: "score", Label: "Score", Filter: true, Sort: true}, {Field: "open", Label: "Open", Filter: true},
		{Field: "when", Label: "When", Filter: true, Sort: true}, {Field: "long", Label: "Long", Sort: true},
	},
})

// atom is a condition in CEL and what it means.
type atom struct {
	text  string
	holds func(*row) bool
}

func drawAtom(t *rapid.T) atom {
	name := rapid.SampledFrom([]string{"", "a", "aa", "b", "Z", "ä", "퟿", "😀", `"\`, "a'b"}).Draw(t, "text")
	number := rapid.IntRange(-2, 2).Draw(t, "number")
	moment := time.Date(2026, 1, 1, 0, 0, 0, 1000*rapid.IntRange(-1, 1).Draw(t, "micro"), time.UTC)
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
	operator := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "operator")
	compare := func(c int) bool {
		return map[string]bool{"==": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[operator]
	}
	sign := func(a, b float64) int {
		switch {
		case a < b:
			return -1
		case a > b:
			return 1
		}
		return 0
	}
	return rapid.SampledFrom([]atom{
		{"item.name " + operator + " " + quoted, func(r *row) bool { return r.Name != "" && compare(strings.Compare(r.Name, name)) }},
		{"item.name.startsWith(" + quoted + ")", func(r *row) bool { return r.Name != "" && strings.HasPrefix(r.Name, name) }},
		{"item.name.contains(" + quoted + ")", func(r *row) bool { return r.Name != "" && strings.Contains(r.Name, name) }},
		{"item.name in [" + quoted + `, "b"]`, func(r *row) bool { return r.Name != "" && (r.Name == name || r.Name == "b") }},
		{"has(item.name)", func(r *row) bool { return r.Name != "" }},
		{fmt.Sprintf("item.count %s %d", operator, number), func(r *row) bool { return r.Count != nil && compare(sign(float64(*r.Count), float64(number))) }},
		{fmt.Sprintf("item.score %s %d.5", operator, number), func(r *row) bool {
			half := 0.5
			if number < 0 {
				half = -0.5
			}
			return r.Score != nil && compare(sign(*r.Score, float64(number)+half))
		}},
		{"item.open", func(r *row) bool { return r.Open != nil && *r.Open }},
		{"item.open == false", func(r *row) bool { return r.Open != nil && !*r.Open }},
		{"has(item.when)", func(r *row) bool { return r.When != nil }},
		{fmt.Sprintf("timestamp(%q) %s item.when", moment.Format(time.RFC3339Nano), operator), func(r *row) bool { return r.When != nil && compare(moment.Compare(*r.When)) }},
		{"true", func(*row) bool { return true }},
	}).Draw(t, "atom")
}

func drawFilter(t *rapid.T, depth int) atom {
	if depth == 0 {
		return drawAtom(t)
	}
	switch a := drawFilter(t, depth-1); rapid.IntRange(0, 3).Draw(t, "node") {
	case 0:
		return atom{"!(" + a.text + ")", func(r *row) bool { return !a.holds(r) }}
	case 1:
		b := drawFilter(t, depth-1)
		return atom{"(" + a.text + " && " + b.text + ")", func(r *row) bool { return a.holds(r) && b.holds(r) }}
	case 2:
		b := drawFilter(t, depth-1)
		return atom{"(" + a.text + " || " + b.text + ")", func(r *row) bool { return a.holds(r) || b.holds(r) }}
	default:
		return a
	}
}

// A filter in SQL means on both databases what its conditions mean in Go; a
// comparison with a missing value is false.
func TestFiltersAndOrdersAreThoseOfTheModel(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{rows}, func(t *testing.T, l *ledgertest.Ledger) {
		var all []*row
		zones := []*time.Location{time.UTC, time.FixedZone("", 3600)}
		var changes []record.Change
		for i, name := range []string{"", "a", "aa", "ab", "b", "B", "Z", "ä", "퟿", "", "😀", `"\`, "a'b", "a", "a", "b"} {
			r := &row{ID: fmt.Sprintf("r%02d", (i*7)%16), Name: name, Long: strings.Repeat("x", 500+i) + name}
			if i%3 != 0 {
				n, f := i%5-2, float64(i%5)-1.5
				r.Count, r.Score = &n, &f
			}
			if i%4 != 1 {
				open := i%2 == 0
				when := time.Date(2026, 1, 1, 0, 0, 0, 1000*(i%3-1), time.UTC).In(zones[i%2])
				r.Open, r.When = &open, &when
			}
			all = append(all, r)
			changes = append(changes, record.Change{Verb: "added", ID: r.ID, Doc: r})
		}
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "rows", func(tx *act.Tx) error {
			_, err := record.Put(tx, rows, changes...)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		value := map[string]func(a, b *row) int{
			"name":  func(a, b *row) int { return strings.Compare(a.Name, b.Name) }, // a missing one is first
			"count": func(a, b *row) int { return first(a.Count, b.Count, func(a, b int) int { return a - b }) },
			"score": func(a, b *row) int {
				return first(a.Score, b.Score, func(a, b float64) int { return int(2 * (a - b)) })
			},
			"when": func(a, b *row) int { return first(a.When, b.When, time.Time.Compare) },
			"long": func(a, b *row) int { return strings.Compare(cut(a.Long), cut(b.Long)) },
			"id":   func(*row, *row) int { return 0 },
		}
		rapid.Check(t, func(rt *rapid.T) {
			filter := drawFilter(rt, rapid.IntRange(0, 3).Draw(rt, "depth"))
			sort := rapid.SampledFrom(rows.Sortable()).Draw(rt, "sort")
			descending := rapid.Bool().Draw(rt, "descending")
			limit := rapid.IntRange(0, 5).Draw(rt, "limit")
			var kept []*row
			for _, r := range all {
				if filter.holds(r) {
					kept = append(kept, r)
				}
			}
			slices.SortFunc(kept, func(a, b *row) int {
				c := value[sort](a, b)
				if c == 0 {
					c = strings.Compare(a.ID, b.ID)
				}
				if descending {
					c = -c
				}
				return c
			})
			var want, got []string
			for _, r := range kept {
				want = append(want, r.ID)
			}
			q := record.Query{Filter: filter.text, By: rapid.SampledFrom([]string{"", "name", "count"}).Draw(rt, "by"), Sort: map[bool]string{true: "-"}[descending] + sort, Limit: limit}
			if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
				for {
					next, err := record.List(r, rows, q, func(v *record.Version) error { got = append(got, v.ID); return nil })
					if err != nil || next == "" {
						return err
					}
					q.After = next
				}
			}); err != nil {
				rt.Fatalf("%s: %v", filter.text, err)
			}
			if !slices.Equal(got, want) {
				rt.Fatalf("%s by %s: got %v, want %v", filter.text, q.Sort, got, want)
			}
		})
		l.Verify(t, record.Kinds{rows})
	})
}

// cut is what counts of a text that lists are sorted by only.
func cut(text string) string { return strings.ToValidUTF8(text[:min(512, len(text))], "") }

func first[T any](a, b *T, compare func(T, T) int) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return compare(*a, *b)
}

// What no index can answer is refused, with the columns.
func TestAFilterThatIsNoneIsRefused(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	for _, filter := range []string{
		`item.id == "x"`, `item.long == "x"`, `item.name == item.long`, `size(item.name) > 1`, `item.name.matches("a")`, `item.name + "x" == "y"`,
		`item.when > timestamp("soon")`, `item.count == null`, `[item.count].exists(c, c == 1)`, `item.name == "\u0000"`, `item.count`, `1`, `item.`,
	} {
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			_, err := record.List(r, rows, record.Query{Filter: filter}, func(*record.Version) error { return nil })
			return err
		}); !errors.Is(err, record.ErrFilter) {
			t.Errorf("%s: %v", filter, err)
		}
	}
}
