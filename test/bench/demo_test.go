//go:build bench

package bench

import (
	"encoding/json"
	"path/filepath"
	"time"

	"scaf.dev/scaf/internal/assurance/reports"
)

const demoTime = 60 * time.Second

// demonstration measures how long a user waits for the first command of the README.
func demonstration(b *bench) {
	rounds := pick(b, 1, 3)
	until := pick(b, "2025-02-01", "")
	b.say("`scaf demo`, the real program from start to end: a year of the invented company is played night by night through the real code, on SQLite, the ledger's daily verification and the readiness report of each day included. Median and longest of %d rounds.", rounds)
	var walls []time.Duration
	var events int64
	var rss int64
	for number := range rounds {
		f := folder{b, filepath.Join(b.TempDir(), string(rune('a'+number)))}
		arguments := []string{"demo", "--dir", f.dir, "--json"}
		if until != "" {
			arguments = append(arguments, "--until", until)
		}
		run := f.run(arguments...)
		walls, rss = append(walls, run.wall), max(rss, run.rss)
		var report reports.Readiness
		if err := json.Unmarshal(run.out, &report); err != nil || report.Ledger.Size == 0 {
			b.Fatalf("the demonstration says nothing of its ledger: %v", err)
		}
		if events != 0 && events != report.Ledger.Size {
			b.Fatalf("%d events, and %d of the same seed", events, report.Ledger.Size)
		}
		events = report.Ledger.Size
	}
	longest := walls[0]
	for _, wall := range walls {
		longest = max(longest, wall)
	}
	b.table(
		[]string{"", "events", "median", "longest", "target", "peak memory"},
		[]string{"`scaf demo`", count(int(events)), seconds(median(walls)), seconds(longest), met("under 60 s", longest < demoTime), megabytes(rss)},
	)
}
