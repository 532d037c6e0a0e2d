//go:build bench

package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const (
	censusRate = 250_000
	censusTime = 15 * time.Second
)

func census(b *bench) {
	size := pick(b, 50_000, 1_000_000)
	const rounds = 3
	b.say("`scaf control test CHG-01`, the real program from start to end, over a closed period of %s changes: it reads the population in its order at the latest checkpoint, hashes it, evaluates the predicate over every item, and records population and result. **Scan**: the same rows read in the same order by one goroutine and nothing done with them. %d rounds in turns. Imports bring changes nearly in the order of time; **shuffled** is the worst case, in which neighbours in time lie on different pages.", count(size), rounds)
	rows := [][]string{{"database", "changes", "recorded", "scan/s", "census/s", "ratio", "target", "time", "target", "peak memory"}}
	for _, database := range databases {
		for _, recorded := range []string{"in order", "shuffled"} {
			rows = append(rows, censusOf(b, database, recorded, size, rounds))
		}
	}
	b.table(rows...)
}

func censusOf(b *bench, database database, recorded string, size, rounds int) []string {
	f := b.folder(database)
	f.open(func(s *surface.System) { fillChanges(b, s, size, recorded == "shuffled") })
	f.run("period", "open", "P", "--from", "2025-01-01", "--to", "2026-01-01")
	f.run("period", "close", "P")
	f.settle()
	var scanned, tested, ratios []float64
	var walls []time.Duration
	var rss int64
	for range rounds {
		scan := scanRate(b, f, size)
		run := f.run("control", "test", "CHG-01", "--period", "P", "--json")
		var result results.Result
		if err := json.Unmarshal(run.out, &result); err != nil {
			b.Fatalf("%v: %s", err, run.out)
		}
		if result.Count != size || result.Deviations != size/100 {
			b.Fatalf("%d items and %d deviations, want %d and %d", result.Count, result.Deviations, size, size/100)
		}
		rate := float64(size) / run.wall.Seconds()
		scanned, tested, ratios, walls, rss = append(scanned, scan), append(tested, rate), append(ratios, rate/scan), append(walls, run.wall), max(rss, run.rss)
	}
	row := []string{
		database.name, count(size), recorded, count(median(scanned)), count(median(tested)), fmt.Sprintf("%.2f", median(ratios)),
		met("at least 250,000/s", median(tested) >= censusRate), seconds(median(walls)), met("under 15 s", median(walls) < censusTime), megabytes(rss),
	}
	f.profiled(b, "census-"+database.name+"-"+strings.ReplaceAll(recorded, " ", "-"), func(s *surface.System) error {
		control, err := s.Control("CHG-01")
		if err != nil {
			return err
		}
		period, err := periodOf(s, "P")
		if err != nil {
			return err
		}
		_, err = s.Lab().Perform(context.Background(), ledgertest.Operator, results.Task{Control: control, Test: control.Tests[0], Period: *period})
		return err
	})
	return row
}

var (
	yearBegin = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	yearEnd   = yearBegin.AddDate(1, 0, 0)
)

// fillChanges records n reviewed changes of the year 2025, of which one in a
// hundred has no reviewer.
func fillChanges(b *bench, s *surface.System, n int, shuffled bool) {
	b.Helper()
	step := yearEnd.Sub(yearBegin) / time.Duration(n)
	for begin := 0; begin < n; begin += act.MaxBatch {
		list := make([]record.Change, 0, act.MaxBatch)
		for i := begin; i < min(n, begin+act.MaxBatch); i++ {
			place := i
			if shuffled {
				place = i * 7919 % n
			}
			at := yearBegin.Add(step * time.Duration(place)).Truncate(time.Second)
			c := changes.Change{
				ID: fmt.Sprintf("%040x", i*2654435761), Title: fmt.Sprintf("service %d: make the answer to request %d quicker", i%50, i),
				Author:     changes.Person{Name: fmt.Sprintf("Author %d", i%40), Email: fmt.Sprintf("author%d@example.org", i%40)},
				Committer:  changes.Person{Name: "Merge Queue", Email: "queue@example.org"},
				Reviewers:  []changes.Person{{Name: fmt.Sprintf("Reviewer %d", i%7), Email: fmt.Sprintf("reviewer%d@example.org", i%7)}},
				AuthoredAt: &at, MergedAt: &at, Repository: fmt.Sprintf("git.example.org/shop%d", i%repositories), State: changes.Merged,
			}
			if i%100 == 0 {
				c.Reviewers = []changes.Person{}
			}
			list = append(list, record.Change{Verb: "imported", ID: c.ID, Doc: c})
		}
		if _, err := s.Door.Do(context.Background(), ledgertest.Operator, "import.git", "changes", func(tx *act.Tx) error {
			_, err := record.Put(tx, changes.Register, list...)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// scanRate reads the period's rows in their order.
func scanRate(b *bench, f folder, size int) (rate float64) {
	f.open(func(s *surface.System) {
		begin, n := time.Now(), 0
		err := s.DB.Read(context.Background(), func(r *store.Reader) error {
			return record.Each(r, record.Range{Kind: changes.Register.Name, From: yearBegin, To: yearEnd}, func(*record.Version) error { n++; return nil })
		})
		if err != nil || n != size {
			b.Fatalf("%d of %d rows, %v", n, size, err)
		}
		rate = float64(n) / time.Since(begin).Seconds()
	})
	return rate
}
