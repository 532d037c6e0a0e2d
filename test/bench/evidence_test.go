//go:build bench

package bench

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/evidence"
	"scaf.dev/scaf/internal/surface"
)

const bundleTime = 60 * time.Second

func evidenceBundle(b *bench) {
	size := pick(b, 50_000, 1_000_000)
	changes := size * 4 / 10
	b.say("`scaf evidence export` and `scaf evidence verify`, the real program from start to end, over a closed period with %s changes and %s ingested events of 1 KiB, and the results of all tests of the catalog that have their register. Verifying computes every hash, replays every record, reads every population and tests every item again. **Hash rate**: how long two goroutines take for the leaf hash of as many events.", count(changes), count(size-changes))
	rows := [][]string{{"database", "events", "tests", "hash rate", "bundle", "export", "target", "CPU", "peak memory", "verify", "target", "CPU", "peak memory"}}
	for _, database := range databases {
		f := b.folder(database)
		f.open(func(s *surface.System) { fillChanges(b, s, changes, false) })
		f.fill(eventsOf2025(), size-changes)
		f.run("period", "open", "P", "--from", "2025-01-01", "--to", "2026-01-01")
		f.run("period", "close", "P")
		f.run("control", "test", "--period", "P")
		f.settle()
		bundle, key := filepath.Join(b.TempDir(), "bundle"), filepath.Join(b.TempDir(), "key")
		if err := os.WriteFile(key, f.run("ledger", "key").out, 0o600); err != nil {
			b.Fatal(err)
		}
		exported := f.run("evidence", "export", "--period", "P", "-o", bundle)
		info, err := os.Stat(bundle)
		if err != nil {
			b.Fatal(err)
		}
		verified := f.run("evidence", "verify", bundle, "--key", key, "--json")
		var result evidence.Verified
		if err := json.Unmarshal(verified.out, &result); err != nil || len(result.Differences) > 0 || !slices.ContainsFunc(result.Results, func(one evidence.Tested) bool { return one.Control == "CHG-01" && one.Count == int64(changes) }) {
			b.Fatalf("%v: %s", err, verified.out)
		}
		rows = append(rows, []string{
			database.name, count(int(result.Checkpoint.Size)), count(len(result.Results)), seconds(time.Duration(float64(size) / hashRate(storedBodies(b, f), size) * float64(time.Second))), megabytes(info.Size() / 1024),
			seconds(exported.wall), met("under 60 s", exported.wall < bundleTime), seconds(exported.cpu), megabytes(exported.rss),
			seconds(verified.wall), met("under 60 s", verified.wall < bundleTime), seconds(verified.cpu), megabytes(verified.rss),
		})
	}
	b.table(rows...)
}
