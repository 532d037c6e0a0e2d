package record_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
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

// thing is a document with an instant, and whatever else.
type thing struct {
	ID   string     `json:"id"`
	When *time.Time `json:"when,omitempty"`
	Note any        `json:"note"`
}

var things = &record.Kind{
	Name: "thing", Register: "things", At: "when",
	New:      func() any { return &thing{} },
	Identify: func(doc any) string { return doc.(*thing).ID },
}

// others is a second kind, whose records have the same ids.
var others = &record.Kind{Name: "other", Register: "others", New: things.New, Identify: things.Identify}

// was is a version in the model.
type was struct {
	doc      string
	when     *time.Time
	from, to int64 // ledger indexes; to is MaxInt64 on the current version
}

// The register is held against the simplest model of it: a list of versions
// for each id.
func TestARegisterKeepsEveryVersion(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		model := map[string][]was{}
		var size int64
		ids := []string{"a", "A", "b", "ä", "a/b", "z z", "😀"}
		moments := []*time.Time{nil, at("1969-12-31T23:59:59.999999Z"), at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00+01:00"), at("2026-01-01T00:00:00.000001Z"), at("9999-12-31T23:59:59Z")}
		rapid.Check(t, func(rt *rapid.T) {
			for range rapid.IntRange(1, 4).Draw(rt, "changes") {
				id := rapid.SampledFrom(ids).Draw(rt, "id")
				doc := &thing{id, rapid.SampledFrom(moments).Draw(rt, "when"), rapid.SampledFrom([]any{nil, "x", 1.5, map[string]any{"k": nil, "l": []any{1.0}}, map[string]any{"k": "v"}}).Draw(rt, "note")}
				canonical, err := record.Canonical(doc)
				if err != nil {
					rt.Fatal(err)
				}
				versions := model[id]
				expect := len(versions)
				var want error
				switch rapid.IntRange(0, 5).Draw(rt, "mistake") {
				case 0:
					if expect > 0 {
						expect--
						want = record.ErrStale
						if expect == 0 {
							want = record.ErrExists
						}
					}
				case 1:
					expect++
					want = record.ErrStale
					if len(versions) == 0 {
						want = record.ErrNone
					}
				}
				if want == nil && expect > 0 && versions[expect-1].doc == string(canonical) {
					want = record.ErrSame
				}
				receipts, err := l.Do(context.Background(), ledgertest.Operator, "test", "thing/"+id, func(tx *act.Tx) error {
					_, err := record.Put(tx, things, record.Change{Verb: "set", ID: id, Doc: doc, Expect: expect})
					return err
				})
				if !errors.Is(err, want) || (err == nil) != (want == nil) {
					rt.Fatalf("%s at version %d, changed from %d: got %v, want %v", id, len(versions), expect, err, want)
				}
				if want != nil {
					continue
				}
				index := receipts[0].Index
				if index != size {
					rt.Fatalf("the change is event %d, want %d: a refused one leaves none", index, size)
				}
				size++
				if n := len(versions); n > 0 {
					versions[n-1].to = index
				}
				model[id] = append(versions, was{string(canonical), doc.When, index, math.MaxInt64})
			}
			q := record.Range{Kind: "thing", AsOf: rapid.Int64Range(0, size).Draw(rt, "as of")}
			for _, bound := range []*time.Time{&q.From, &q.To} {
				if moment := rapid.SampledFrom(moments).Draw(rt, "bound"); moment != nil {
					*bound = *moment
				}
			}
			compare(rt, l, model, q)
			compare(rt, l, model, record.Range{Kind: "thing"})
		})
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			for id, versions := range model {
				history, err := record.History(r, "thing", id)
				if err != nil || len(history) != len(versions) {
					return fmt.Errorf("%s has %d versions, want %d (%w)", id, len(history), len(versions), err)
				}
				for i, v := range history {
					if string(v.Doc) != versions[i].doc || v.From != versions[i].from || v.Version != i+1 || (v.To == nil) != (i == len(history)-1) {
						t.Errorf("version %d of %s is %+v", i+1, id, v)
					}
				}
				if _, err := record.Get(r, "other", id); !errors.Is(err, record.ErrNone) {
					t.Errorf("another kind has it, too: %v", err)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		l.Verify(t, record.Kinds{things, others})
	})
}

// compare holds what a range selects, in its order, against the model; and the
// pages of the current records against the whole.
func compare(rt *rapid.T, l *ledgertest.Ledger, model map[string][]was, q record.Range) {
	type row struct {
		at      int64
		id, doc string
	}
	var want []row
	for id, versions := range model {
		for _, v := range versions {
			current := q.AsOf == 0 && v.to == math.MaxInt64 || q.AsOf > 0 && v.from < q.AsOf && v.to >= q.AsOf
			if !current || v.when == nil && (!q.From.IsZero() || !q.To.IsZero()) ||
				v.when != nil && (!q.From.IsZero() && v.when.Before(q.From) || !q.To.IsZero() && !v.when.Before(q.To)) {
				continue
			}
			moment := int64(math.MinInt64) // none comes first
			if v.when != nil {
				moment = v.when.UnixMicro()
			}
			want = append(want, row{moment, id, v.doc})
		}
	}
	slices.SortFunc(want, func(a, b row) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.id, b.id)) })
	lines := func(rows []row) (text string) {
		for _, r := range rows {
			text += r.id + " " + r.doc + "\n"
		}
		return text
	}
	paging := q == record.Range{Kind: "thing"}
	var got, paged strings.Builder
	if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
		n, err := record.Count(r, q)
		if err != nil || n != int64(len(want)) {
			return fmt.Errorf("%+v counts %d, want %d (%w)", q, n, len(want), err)
		}
		if paging {
			if n, err := record.Total(r, things); err != nil || n != int64(len(want)) {
				return fmt.Errorf("there are %d in all, want %d (%w)", n, len(want), err)
			}
		}
		if err := record.Each(r, q, func(v *record.Version) error {
			fmt.Fprintf(&got, "%s %s\n", v.ID, v.Doc)
			return nil
		}); err != nil || !paging {
			return err
		}
		after := ""
		for paged.Len() <= got.Len() { // pages of two
			next, err := record.List(r, things, record.Query{Limit: 2, After: after}, func(v *record.Version) error {
				fmt.Fprintf(&paged, "%s %s\n", v.ID, v.Doc)
				return nil
			})
			if err != nil || next == "" {
				return err
			}
			after = next
		}
		return nil
	}); err != nil {
		rt.Fatal(err)
	}
	if got.String() != lines(want) {
		rt.Fatalf("%+v gives\n%swant\n%s", q, &got, lines(want))
	}
	if paging && paged.String() != got.String() {
		rt.Fatalf("page by page comes\n%swant\n%s", &paged, &got)
	}
}

func at(text string) *time.Time {
	moment, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return &moment
}

func TestChangesOfOneCallAreMadeTogetherOrNotAtAll(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		put := func(changes ...record.Change) error {
			_, err := l.Do(context.Background(), ledgertest.Operator, "test", "thing", func(tx *act.Tx) error {
				_, err := record.Put(tx, things, changes...)
				return err
			})
			return err
		}
		var many []record.Change
		for i := range 20 {
			many = append(many, record.Change{Verb: "added", ID: fmt.Sprint(i), Doc: &thing{ID: fmt.Sprint(i)}})
		}
		if err := put(many...); err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string]record.Change{
			"exists":    {Verb: "added", ID: "7", Doc: &thing{ID: "7", Note: "x"}},
			"stale":     {Verb: "set", ID: "7", Doc: &thing{ID: "7", Note: "x"}, Expect: 2},
			"the same":  {Verb: "set", ID: "7", Doc: &thing{ID: "7"}, Expect: 1},
			"missing":   {Verb: "set", ID: "none", Doc: &thing{ID: "none"}, Expect: 1},
			"too large": {Verb: "added", ID: "large", Doc: &thing{ID: "large", Note: strings.Repeat("x", record.MaxDocument)}},
			"no time":   {Verb: "added", ID: "bad", Doc: json.RawMessage(`{"id":"bad","when":"yesterday"}`)},
			"no JSON":   {Verb: "added", ID: "bad", Doc: json.RawMessage(`{"id":`)},
			"twice":     {Verb: "added", ID: "bad", Doc: json.RawMessage(`{"id":"bad","id":"worse"}`)},
		} {
			fresh := record.Change{Verb: "added", ID: "fresh-" + name, Doc: &thing{ID: "fresh-" + name}}
			if err := put(fresh, bad); err == nil {
				t.Errorf("%s: it was taken", name)
			}
			if err := put(bad, fresh); err == nil {
				t.Errorf("%s: it was taken", name)
			}
		}
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			n, err := record.Count(r, record.Range{Kind: "thing"})
			if err == nil && n != 20 {
				t.Errorf("%d records are there, want the first 20", n)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		l.Verify(t, record.Kinds{things})
	})
}

// A snapshot counts the records that are in it, also after a later one was counted.
func TestTotalOfAnEarlierSnapshot(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{things}, func(t *testing.T, l *ledgertest.Ledger) {
		ctx := context.Background()
		total := func(r *store.Reader, want int64) {
			t.Helper()
			if n, err := record.Total(r, things); err != nil || n != want {
				t.Errorf("%d (%v), want %d", n, err, want)
			}
		}
		if err := l.DB.Read(ctx, func(before *store.Reader) error {
			total(before, 0)
			if _, err := l.Do(ctx, ledgertest.Operator, "test", "thing/1", func(tx *act.Tx) error {
				_, err := record.Put(tx, things, record.Change{Verb: "added", ID: "1", Doc: &thing{ID: "1"}})
				if err == nil {
					total(&tx.Reader, 1)
				}
				return err
			}); err != nil {
				return err
			}
			if err := l.DB.Read(ctx, func(after *store.Reader) error { total(after, 1); return nil }); err != nil {
				return err
			}
			total(before, 0)
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
}

// A kind that the program does not know any more is not passed over in
// silence.
func TestRowsOfAnUnknownKindAreADifference(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "thing/1", func(tx *act.Tx) error {
		_, err := record.Put(tx, things, record.Change{Verb: "added", ID: "1", Doc: &thing{ID: "1"}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	err := l.DB.Read(context.Background(), func(r *store.Reader) error { return record.Kinds{others}.Check(r, 0, 1, nil) })
	var difference *record.Difference
	if !errors.As(err, &difference) || difference.Index != 0 || !strings.Contains(err.Error(), "thing/1") {
		t.Errorf("got %v, want a difference that names thing/1", err)
	}
}
