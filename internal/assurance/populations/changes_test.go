package populations_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// modelVersion is a version of a change as the test remembers it.
type modelVersion struct {
	from   int64 // ledger index
	change changes.Change
	doc    string
}

// model is what the register must hold.
type model map[string][]modelVersion

// rule is a population with the same rule in Go.
type rule struct {
	name string
	from *controls.Population
	at   func(changes.Change) *time.Time
	in   func(changes.Change) bool
}

// expect computes a population from the model.
func (m model) expect(r rule, window populations.Window) (docs []string, asserted int64) {
	type item struct {
		at  int64
		id  string
		doc string
	}
	var items []item
	for id, versions := range m {
		var current *modelVersion
		for i := range versions {
			if versions[i].from < window.AsOf {
				current = &versions[i]
			}
		}
		if current == nil || !r.in(current.change) {
			continue
		}
		instant := r.at(current.change)
		if instant == nil || instant.Before(window.From) || !instant.Before(window.To) {
			continue
		}
		items = append(items, item{instant.UnixMicro(), id, current.doc})
		if current.change.Asserted {
			asserted++
		}
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
	for _, one := range items {
		docs = append(docs, one.doc)
	}
	return docs, asserted
}

func hashOf(docs []string) string {
	sum := sha256.New()
	for _, doc := range docs {
		sum.Write([]byte(doc + "\n"))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// instants are few, so that they collide with each other and with the bounds
// of windows; some are written with another offset or between microseconds.
func instants() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		at := ledgertest.Begin.Add(time.Duration(rapid.IntRange(-3, 3).Draw(t, "hours")) * time.Hour)
		at = at.Add(rapid.SampledFrom([]time.Duration{0, 0, 0, time.Microsecond, 999 * time.Nanosecond, -time.Nanosecond}).Draw(t, "fraction"))
		return at.In(time.FixedZone("", 3600*rapid.IntRange(-2, 2).Draw(t, "offset")))
	})
}

// TestPopulationOfChanges holds the population against a model: whatever was
// recorded and changed, before or after the checkpoint, it is every record of
// the window as of the checkpoint and nothing else, in the one order, with the
// same bytes and hash on both databases.
func TestPopulationOfChanges(t *testing.T) {
	sqlite := ledgertest.New(t, storetest.SQLite(t), kinds...)
	postgres := ledgertest.New(t, storetest.Postgres(t), kinds...)
	merged := func(c changes.Change) *time.Time { return c.MergedAt }
	deployed := func(c changes.Change) *time.Time { return c.DeployedAt }
	all := func(changes.Change) bool { return true }
	merges := func(c changes.Change) bool { return c.Merge }
	rules := []rule{
		{"by merged_at", population(t, "from: changes"), merged, all},
		{"merges by merged_at", population(t, "from: changes", "where: item.merge"), merged, merges},
		{"by deployed_at", population(t, "from: changes", "at: item.deployed_at"), deployed, all},
		{"merges by deployed_at", population(t, "from: changes", "at: item.deployed_at", "where: item.merge"), deployed, merges},
	}
	m := model{}
	checkpoints := []int64{1}
	number := 0
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 3).Draw(rt, "batches") {
			batch := map[string]record.Change{}
			for range rapid.IntRange(1, 6).Draw(rt, "changes") {
				number++
				id := rapid.StringMatching(`[AaBb_é0-9-]{1,3}`).Draw(rt, "id")
				if _, twice := batch[id]; twice {
					continue
				}
				change := changes.Change{
					ID: id, Title: fmt.Sprintf("change %d", number), Author: changes.Person{Name: "Ann"}, Reviewers: []changes.Person{},
					State: changes.Merged, MergedAt: pointer(instants().Draw(rt, "merged")),
					Merge: rapid.Bool().Draw(rt, "merge"), Asserted: rapid.Bool().Draw(rt, "asserted"),
				}
				if rapid.Bool().Draw(rt, "deployed") {
					change.DeployedAt = pointer(instants().Draw(rt, "deployed"))
				}
				batch[id] = record.Change{Verb: "changed", ID: id, Doc: change, Expect: len(m[id])}
			}
			list := make([]record.Change, 0, len(batch))
			for _, one := range batch {
				list = append(list, one)
			}
			size := put(t, sqlite, changes.Register, list...)
			if other := put(t, postgres, changes.Register, list...); other != size {
				rt.Fatalf("the ledgers have %d and %d events", size, other)
			}
			for i, one := range list {
				doc, err := record.Canonical(one.Doc)
				if err != nil {
					t.Fatal(err)
				}
				m[one.ID] = append(m[one.ID], modelVersion{size - int64(len(list)) + int64(i), one.Doc.(changes.Change), string(doc)})
			}
			checkpoints = append(checkpoints, size)
		}
		for _, rule := range rules {
			// Windows are whole microseconds, as periods are.
			window := populations.Window{
				From: instants().Draw(rt, "from").Truncate(time.Microsecond), To: instants().Draw(rt, "to").Truncate(time.Microsecond),
				AsOf: rapid.SampledFrom(checkpoints).Draw(rt, "checkpoint"),
			}
			docs, asserted := m.expect(rule, window)
			want := have{docs: docs, sha256: hashOf(docs), count: int64(len(docs)), asserted: asserted}
			for name, l := range map[string]*ledgertest.Ledger{"sqlite": sqlite, "postgres": postgres} {
				got := read(t, l.DB, rule.from, window)
				got.ids = nil
				if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(have{})); diff != "" {
					rt.Fatalf("%s on %s, %s to %s as of %d (-want +got):\n%s", rule.name, name, window.From, window.To, window.AsOf, diff)
				}
			}
		}
	})
	sqlite.Verify(t, kinds)
	postgres.Verify(t, kinds)
}

// TestPopulationStops: a reader that has seen enough is not given more.
func TestPopulationStops(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		var list []record.Change
		for i := range 10 {
			list = append(list, record.Change{Verb: "added", ID: fmt.Sprint(i), Doc: changes.Change{ID: fmt.Sprint(i), MergedAt: pointer(l.Clock.Now())}})
		}
		put(t, l, changes.Register, list...)
		for _, from := range []*controls.Population{population(t, "from: changes"), population(t, "from: changes", "at: item.authored_at", "where: item.id != \"3\"")} {
			stopped(t, l, from)
		}
	})
}
