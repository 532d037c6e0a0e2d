//go:build bench

package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

const (
	verifyRatio  = 0.35
	verifyMemory = 300 << 10 // KiB
)

func verify(b *bench) {
	size := pick(b, 100_000, 1_000_000)
	if b.full {
		size = 10_000_000
	}
	rounds := 3
	b.say("`scaf ledger verify`, the real program from start to end, over %s events. **Hash rate**: two goroutines that compute the RFC 6962 leaf hash of the same stored bytes (65,536 of the events again and again) and one inner node for each. %d rounds in turns. Memory is the program's peak resident set; a quarter of the events shows whether it grows with the log. **Random**: as many events whose text is random, so that they hardly shrink where they are stored (those of the other rows shrink to a seventh, as CloudTrail's do).", count(size), rounds)
	rows := [][]string{{"database", "events", "hash rate/s", "verified/s", "ratio", "target", "time", "peak memory"}}
	for _, database := range databases {
		f := b.folder(database)
		made := newEvents()
		f.fill(made, size/4)
		f.settle()
		small := f.run("ledger", "verify")
		rows = append(rows, []string{database.name, count(size / 4), "", count(float64(size/4) / small.wall.Seconds()), "", "", seconds(small.wall), megabytes(small.rss)})
		f.fill(made, size-size/4)
		f.settle()
		bodies := storedBodies(b, f)
		var hashed, verified, ratios []float64
		var walls []time.Duration
		var rss int64
		for range rounds {
			h := hashRate(bodies, size)
			run := f.run("ledger", "verify")
			v := float64(size) / run.wall.Seconds()
			hashed, verified, ratios, walls = append(hashed, h), append(verified, v), append(ratios, v/h), append(walls, run.wall)
			rss = max(rss, run.rss)
		}
		ratio := median(ratios)
		rows = append(rows, []string{
			database.name, count(size), count(median(hashed)), count(median(verified)), fmt.Sprintf("%.2f", ratio),
			met(fmt.Sprintf("at least %.2f", verifyRatio), ratio >= verifyRatio), seconds(median(walls)), megabytes(rss) + ", " + met("under 300 MB", rss < verifyMemory),
		})
		other := b.folder(database)
		other.fill(randomEvents(), size/4)
		other.settle()
		random := other.run("ledger", "verify")
		rows = append(rows, []string{database.name, count(size/4) + ", random", "", count(float64(size/4) / random.wall.Seconds()), "", "none", seconds(random.wall), megabytes(random.rss)})
		f.profiled(b, "verify-"+database.name, func(s *surface.System) error {
			_, err := s.Verify(context.Background(), nil, nil)
			return err
		})
	}
	b.table(rows...)
}

// profiled runs something once more in this process, when PROFILE is set.
func (f folder) profiled(b *bench, name string, work func(s *surface.System) error) {
	f.open(func(s *surface.System) {
		stop := b.profile(name)
		defer stop()
		if err := work(s); err != nil {
			b.Fatal(err)
		}
	})
}

// storedBodies reads events as they are stored.
func storedBodies(b *bench, f folder) (bodies [][]byte) {
	f.open(func(s *surface.System) {
		err := s.DB.Read(context.Background(), func(r *store.Reader) error {
			return ledger.FindIn(r, ledger.Query{To: 65_536}, func(e *ledger.Event) error {
				bodies = append(bodies, e.Body)
				return nil
			})
		})
		if err != nil {
			b.Fatal(err)
		}
	})
	return bodies
}

// hashRate is the rate at which two goroutines hash n events into a tree: one
// leaf and one node each.
func hashRate(bodies [][]byte, n int) float64 {
	var group sync.WaitGroup
	begin := time.Now()
	for half := range 2 {
		group.Go(func() {
			var node tlog.Hash
			for i := half; i < n; i += 2 {
				node = tlog.NodeHash(node, tlog.RecordHash(bodies[i%len(bodies)]))
			}
		})
	}
	group.Wait()
	return float64(n) / time.Since(begin).Seconds()
}
