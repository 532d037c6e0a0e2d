//go:build bench

package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const changeTarget = 50 * time.Millisecond

// stateChanges measures how long one record's change takes: alone, and while
// 64 writers ingest.
func stateChanges(b *bench) {
	rounds, length := pick(b, 2, 5), pick(b, 500*time.Millisecond, 4*time.Second)
	const clients, writers = 8, 64
	b.say("%d clients each add one record of the register of changes at a time, through the door; beside them %d writers ingest 1 KiB events as fast as they can. **Alone**: the same clients with nobody ingesting. %d rounds of %s each, in turns; the p99 is the worst of the rounds.", clients, writers, rounds, length)
	rows := [][]string{{"database", "", "changes/s", "p50", "p99", "target", "events/s beside"}}
	for _, database := range databases {
		l := ledgertest.New(b, database.fresh(b), changes.Register)
		made := newEvents()
		var number atomic.Int64
		change := func() error {
			id := fmt.Sprintf("change-%d", number.Add(1))
			_, err := l.Do(context.Background(), ledgertest.Operator, "change.add", "change/"+id, func(tx *act.Tx) error {
				at := tx.Now()
				_, err := record.Put(tx, changes.Register, record.Change{Verb: "added", ID: id, Doc: changes.Change{ID: id, Title: "a change", MergedAt: &at, Reviewers: []changes.Person{}, State: changes.Merged}})
				return err
			})
			return err
		}
		var alone, beside []load
		var ingested []float64
		for range rounds {
			alone = append(alone, drive(b, clients, length, change))
			others := make(chan load)
			go func() { others <- drive(b, writers, length, made.appender(b, l.Door, l.Parser)) }()
			beside = append(beside, drive(b, clients, length, change))
			ingested = append(ingested, (<-others).rate)
		}
		row := func(what string, list []load, target, others string) []string {
			var rates, p50s []float64
			var worst time.Duration
			for _, l := range list {
				rates, p50s, worst = append(rates, l.rate), append(p50s, float64(l.p50)), max(worst, l.p99)
			}
			if target != "" {
				target = met(target, worst <= changeTarget)
			}
			return []string{database.name, what, count(median(rates)), ms(time.Duration(median(p50s))), ms(worst), target, others}
		}
		rows = append(rows, row("alone", alone, "", ""), row("beside ingestion", beside, "p99 at most 50 ms", count(median(ingested))))
	}
	b.table(rows...)
}
