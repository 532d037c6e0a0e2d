//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"time"
)

const refreshTime = 5 * time.Second

// dailyRefresh measures what scaf serve does every day before it writes the
// readiness report.
func dailyRefresh(b *bench) {
	size, small := pick(b, 20_000, 1_000_000), pick(b, 500, 1_000)
	b.say("`scaf control test --changed`, the real program from start to end, over an open period and all tests of the catalog: what `scaf serve` does every day before it writes the readiness report. The ledger has %s events of AWS CloudTrail. **First**: no test was performed before. **Nothing new**: right after that. **Import**: after an import of %s further events of CloudTrail, which all belong to the population of one test (CLD-01) and come after those before: it goes on from its latest result. (Were one of them earlier, it would be performed over all of them again.) The last column says how many tests then said something new.", count(size), count(small))
	rows := [][]string{{"database", "events", "first", "nothing new", "target", "CPU", "import", "target", "CPU", "peak memory", "new"}}
	all, few := makeTrail(b, 0, size), makeTrail(b, size, size+small)
	for _, database := range databases {
		f := b.folder(database)
		f.run("period", "open", "P", "--from", "2025-01-01", "--to", "2028-01-01")
		imported := func(dir string, n int) {
			var done struct{ Taken, Refused int }
			if run := f.run("import", "cloudtrail", dir, "--json"); json.Unmarshal(run.out, &done) != nil || done.Taken != n || done.Refused != 0 {
				b.Fatalf("taken %d of %d, refused %d: %s", done.Taken, n, done.Refused, run.out)
			}
			f.settle()
		}
		refresh := func() (ran, int) {
			run := f.run("control", "test", "--changed", "--period", "P", "--json")
			n := 0
			for _, c := range run.out {
				if c == '\n' {
					n++
				}
			}
			return run, n
		}
		imported(all, size)
		first, n := refresh()
		if n == 0 {
			b.Fatal("no test was performed")
		}
		nothing, n := refresh()
		if n != 0 {
			b.Fatalf("%d tests say something new of nothing", n)
		}
		imported(few, small)
		after, n := refresh()
		if n == 0 {
			b.Fatal("no test says anything new")
		}
		rows = append(rows, []string{
			database.name, count(size), seconds(first.wall), seconds(nothing.wall), met("under 5 s", nothing.wall < refreshTime), seconds(nothing.cpu),
			seconds(after.wall), met("under 5 s", after.wall < refreshTime), seconds(after.cpu), megabytes(max(first.rss, nothing.rss, after.rss)), fmt.Sprint(n),
		})
	}
	b.table(rows...)
}
