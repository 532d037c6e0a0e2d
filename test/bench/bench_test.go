//go:build bench

package bench

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/platform/store/storetest"
)

// benchmark is a section of docs/benchmarks.md.
type benchmark struct {
	name, title string
	run         func(b *bench)
}

var benchmarks = []benchmark{
	{"ingest", "Ingestion", ingest},
	{"changes", "Small state changes beside ingestion", stateChanges},
	{"verify", "Verification", verify},
	{"census", "Census", census},
	{"period", "A period with many tests", wholePeriod},
	{"evidence", "Evidence bundles", evidenceBundle},
	{"refresh", "What is new since yesterday", dailyRefresh},
	{"imports", "Imports", imports},
	{"tables", "Registers as tables", tables},
	{"records", "Lists of a register", records},
	{"pages", "The portal over large registers", pages},
	{"demo", "The demonstration", demonstration},
	{"start", "Start, idle, and short commands", start},
}

// bench is a section that is being measured.
type bench struct {
	*testing.T
	section
	quick, full bool
	shared      *shared
}

// pick chooses between a quick and an ordinary size.
func pick[V any](b *bench, quick, ordinary V) V {
	if b.quick {
		return quick
	}
	return ordinary
}

// database is one of the two that SCAF runs on.
type database struct {
	name  string
	fresh func(t testing.TB) string
}

// databases are both, or the one that DB names.
var databases = slices.DeleteFunc([]database{{"SQLite", storetest.SQLite}, {"PostgreSQL", storetest.Postgres}}, func(d database) bool {
	return !strings.EqualFold(cmp.Or(os.Getenv("DB"), d.name), d.name)
})

func TestBench(t *testing.T) {
	var chosen []string
	if text := os.Getenv("BENCH"); text != "" {
		chosen = strings.Split(text, ",")
	}
	for _, name := range chosen {
		if !slices.ContainsFunc(benchmarks, func(b benchmark) bool { return b.name == name }) {
			t.Fatalf("BENCH: there is no section %q", name)
		}
	}
	common := &shared{t: t}
	for _, one := range benchmarks {
		if chosen != nil && !slices.Contains(chosen, one.name) {
			continue
		}
		t.Run(one.name, func(t *testing.T) {
			b := &bench{T: t, quick: os.Getenv("QUICK") != "", full: os.Getenv("FULL") != "", shared: common}
			b.name, b.title = one.name, one.title
			one.run(b)
			text := b.markdown()
			fmt.Println(text)
			out := os.Getenv("OUT")
			if t.Failed() || b.quick && out == "" {
				return
			}
			if out == "" {
				out = filepath.Join("..", "..", "docs", "benchmarks.md")
			}
			if err := replaceSection(out, b.section); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// profile writes a CPU profile of what follows, until the returned function is
// called; nothing without PROFILE.
func (b *bench) profile(name string) (stop func()) {
	folder := os.Getenv("PROFILE")
	if folder == "" {
		return func() {}
	}
	file, err := os.Create(filepath.Join(folder, name+".pprof"))
	if err != nil {
		b.Fatal(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		b.Fatal(err)
	}
	return func() {
		pprof.StopCPUProfile()
		file.Close()
	}
}
