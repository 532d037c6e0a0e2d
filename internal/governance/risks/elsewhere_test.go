package risks_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// What is rated elsewhere is what the filter finds, in the order of the list: of
// several scales, with partial ratings, closed ones, and however many are asked for.
func TestWhatIsRatedElsewhere(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{risks.Register, risks.Scales}, func(t *testing.T, l *ledgertest.Ledger) {
		ctx, versions, seen := context.Background(), map[string]int{}, 0
		put := func(t *rapid.T, kind *record.Kind, changes ...record.Change) {
			if _, err := l.Do(ctx, ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
				_, err := record.Put(tx, kind, changes...)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		rapid.Check(t, func(t *rapid.T) {
			var changes []record.Change
			inForce := rapid.IntRange(1, 3).Draw(t, "in force")
			if len(versions) == 0 {
				inForce = 1
			}
			for i := range 3 {
				s := risks.Default()
				s.ID, s.Title, s.State = fmt.Sprintf("SCL-%d", i+1), fmt.Sprintf("%d", len(versions)), risks.Superseded
				if i+1 == inForce {
					s.State = risks.InForce
				}
				changes = append(changes, record.Change{Verb: "written", ID: s.ID, Doc: s, Expect: versions[s.ID]})
			}
			for _, c := range changes {
				if _, err := l.Do(ctx, ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
					_, err := record.Put(tx, risks.Scales, c)
					return err
				}); err == nil {
					versions[c.ID]++
				}
			}
			some := rapid.OneOf(rapid.Just[*int](nil), rapid.Map(rapid.IntRange(1, 5), func(n int) *int { return &n }))
			changes = nil
			for range rapid.IntRange(0, 5).Draw(t, "risks") {
				r := &risks.Risk{
					ID: fmt.Sprintf("RSK-%d", len(versions)), Title: "T", Category: "fraud", Owner: "person/E1", Likelihood: some.Draw(t, "likelihood"), Impact: some.Draw(t, "impact"), ResidualImpact: some.Draw(t, "residual"),
					State: rapid.SampledFrom([]string{risks.Identified, risks.Assessed, risks.Closed}).Draw(t, "state"),
					Scale: rapid.SampledFrom([]string{"", "risk_scale/SCL-1", "risk_scale/SCL-2", "risk_scale/SCL-3"}).Draw(t, "scale"),
				}
				if r.Likelihood == nil && r.Impact == nil && r.ResidualImpact == nil {
					r.Scale = ""
				}
				r.Compute()
				versions[r.ID]++
				changes = append(changes, record.Change{Verb: "added", ID: r.ID, Doc: r})
			}
			put(t, risks.Register, changes...)
			most := rapid.IntRange(1, 30).Draw(t, "most")
			if err := l.DB.Read(ctx, func(r *store.Reader) error {
				scale, err := risks.InCharge(r)
				if err != nil || scale.ID != fmt.Sprintf("SCL-%d", inForce) {
					t.Fatalf("%s is in force (%v)", scale.ID, err)
				}
				var want, got []string
				next, err := record.List(r, risks.Register, record.Query{Filter: scale.Elsewhere(), Sort: "-score", Limit: most}, func(v *record.Version) error {
					want = append(want, v.ID+string(v.Doc))
					return nil
				})
				if err != nil {
					return err
				}
				more, err := scale.EachElsewhere(r, most, func(v *record.Version) error {
					got = append(got, v.ID+string(v.Doc))
					return nil
				})
				if !slices.Equal(got, want) || more != (next != "") {
					t.Fatalf("%d, more %t, want %d, more %t:\n%s\n%s", len(got), more, len(want), next != "", got, want)
				}
				seen += len(got)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		})
		if seen == 0 {
			t.Error("nothing was compared")
		}
	})
}
