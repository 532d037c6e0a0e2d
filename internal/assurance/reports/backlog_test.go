package reports_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/operations/systems"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// awaiting makes a control whose tests wait for changes to be deployed: one by the
// register's own instant, and one by another; and for assets to be confirmed, which is
// made of one record each.
func awaiting(t testing.TB, id, grace string) *controls.Control {
	t.Helper()
	loaded, err := controls.Parse(id+".yaml", []byte("id: "+id+`
title: Deployed in time
owner: engineering lead
frequency: multi_daily
criteria: [CC8.1]
tests:
  - {id: own, kind: occurrence, title: Own, population: {from: changes}, due: item.merged_at, done: item.deployed_at, grace: `+grace+`}
  - {id: shop, kind: occurrence, title: Shop, population: {from: changes, where: item.repository == "shop"}, due: item.merged_at, done: item.deployed_at, grace: `+grace+`}
  - {id: other, kind: occurrence, title: Other, population: {from: changes, at: item.authored_at}, due: item.merged_at, done: item.deployed_at, grace: `+grace+`}
  - {id: quarter, kind: occurrence, title: Confirmed, population: {from: asset_confirmations, where: item.kind == "service"}, due: item.due_at, done: item.confirmed_at, grace: `+grace+`}
`), controls.Builtin(app.Kinds))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// errRead ends a transaction that is there to be read in.
var errRead = errors.New("it is read")

// A report that goes on from what is kept of the ones before is the report that
// reads everything: while records come and change, of several controls, and of
// the past.
func TestAReportThatGoesOnIsTheOneThatReadsAll(t *testing.T) {
	files := []*controls.Control{awaiting(t, "C-01", "3h"), awaiting(t, "C-02", "2d"), awaiting(t, "C-03", "1h")}
	kinds := append(slices.Clone(kinds), systems.Assets)
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		ctx := context.Background()
		from := ledgertest.Begin.AddDate(0, 0, -10)
		if _, err := periods.OpenPeriod(ctx, l.Door, ledgertest.Operator, periods.Period{Name: "Q1", From: from, To: ledgertest.Begin.AddDate(2, 0, 0), Timezone: "UTC"}); err != nil {
			t.Fatal(err)
		}
		blobs, err := blob.OpenFolder(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		var all []*changes.Change // by number, at their last version
		var assets []*systems.Asset
		versions := map[string]int{}
		put := func(rt *rapid.T, kind *record.Kind, id string, doc any) {
			_, err := l.Do(ctx, ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
				_, err := record.Put(tx, kind, record.Change{Verb: "edited", ID: id, Doc: doc, Expect: versions[id]})
				return err
			})
			if errors.Is(err, record.ErrSame) {
				return
			}
			if err != nil {
				rt.Fatal(err)
			}
			versions[id]++
		}
		late, coming, confirmations := 0, 0, 0
		rapid.Check(t, func(rt *rapid.T) {
			if rapid.IntRange(0, 9).Draw(rt, "later") == 0 && l.Clock.Now().Before(ledgertest.Begin.AddDate(1, 10, 0)) {
				l.Clock.Set(l.Clock.Now().AddDate(0, 0, rapid.IntRange(1, 50).Draw(rt, "days")))
			}
			instant := func(name string) *time.Time {
				at := l.Clock.Now().Truncate(time.Hour).Add(time.Duration(rapid.IntRange(-10*24, 4*24).Draw(rt, name)) * time.Hour)
				return &at
			}
			for range rapid.IntRange(0, 2).Draw(rt, "assets") {
				a := &systems.Asset{ID: fmt.Sprintf("AST-%d", len(assets)+1), Name: "A", Owner: "person/E1", State: systems.InUse, ListedAt: instant("listed")}
				if len(assets) > 0 && rapid.Bool().Draw(rt, "known") {
					one := *assets[rapid.IntRange(0, len(assets)-1).Draw(rt, "which")]
					a = &one
				} else {
					assets = append(assets, a)
				}
				a.Kind = rapid.SampledFrom([]string{"service", "machine"}).Draw(rt, "kind")
				if rapid.Bool().Draw(rt, "confirmed") {
					a.Confirmations = []systems.Confirmation{{Round: rounds.Quarter.At(*instant("confirmed at")), At: *instant("at"), By: "person/E1"}}
				}
				if rapid.IntRange(0, 5).Draw(rt, "retired") == 0 {
					a.RetiredAt = instant("retired at")
				}
				put(rt, systems.Assets, a.ID, a)
			}
			for range rapid.IntRange(0, 4).Draw(rt, "changes") {
				l.Clock.Set(l.Clock.Now().Add(time.Minute))
				c := &changes.Change{ID: fmt.Sprintf("c%d", len(all)), Title: "T", Reviewers: []changes.Person{}, State: changes.Merged}
				if len(all) > 0 && rapid.Bool().Draw(rt, "known") {
					one := *all[rapid.IntRange(0, len(all)-1).Draw(rt, "which")]
					c = &one
				} else {
					all = append(all, c)
				}
				c.Repository, c.MergedAt, c.DeployedAt, c.AuthoredAt = rapid.SampledFrom([]string{"shop", "mill"}).Draw(rt, "repository"), instant("merged"), nil, nil
				if rapid.Bool().Draw(rt, "deployed") {
					c.DeployedAt = instant("deployed at")
				}
				if rapid.Bool().Draw(rt, "authored") {
					c.AuthoredAt = instant("authored at")
				}
				put(rt, changes.Register, c.ID, c)
			}
			now := l.Clock.Now()
			q := reports.Question{
				Organization: "Example", Kinds: kinds, Zone: time.UTC, At: now, Since: now.AddDate(0, 0, -1), Horizon: time.Duration(rapid.SampledFrom([]int{2, 2, 60}).Draw(rt, "horizon")) * 24 * time.Hour,
				Controls: files[rapid.IntRange(0, 1).Draw(rt, "first"):rapid.IntRange(2, 3).Draw(rt, "last")],
				Files:    &results.Files{Blobs: blobs, Kinds: app.Kinds},
			}
			if rapid.IntRange(0, 4).Draw(rt, "past") == 0 {
				q.At = now.Add(-time.Duration(rapid.IntRange(0, 30).Draw(rt, "minutes")) * time.Minute)
			}
			var want, got *reports.Readiness
			if err := l.DB.Read(ctx, func(r *store.Reader) (err error) {
				got, err = reports.Build(ctx, q, r)
				return err
			}); err != nil {
				rt.Fatal(err)
			}
			// Beside a transaction that writes nothing is kept.
			if _, err := l.Do(ctx, ledgertest.Operator, "test", "test", func(tx *act.Tx) (err error) {
				if want, err = reports.Build(ctx, q, &tx.Reader); err == nil {
					err = errRead
				}
				return err
			}); !errors.Is(err, errRead) {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(reports.Control{}, reports.Test{})); diff != "" {
				rt.Fatalf("-all +going on\n%s", diff)
			}
			late, coming = late+len(want.Day.Late), coming+len(want.Day.Coming)
			for _, p := range want.Day.Coming {
				if strings.Contains(p.Item, "@") {
					confirmations++
				}
			}
		})
		if late == 0 || coming == 0 || confirmations == 0 {
			t.Errorf("%d late, %d coming, %d of them confirmations: nothing was compared", late, coming, confirmations)
		}
	})
}
