//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/xuri/excelize/v2"
)

const (
	tableTime   = 20 * time.Second
	tableMemory = 300 << 10 // KiB
)

// tables measures registers as spreadsheets: in, what an import would do, and
// out.
func tables(b *bench) {
	size := pick(b, 5_000, 100_000)
	const rounds = 3
	b.say("An XLSX file of %s people with %d columns, the real program from start to end. **In**: `scaf import xlsx` into a fresh folder, once from a file whose cells hold their texts (as SCAF writes it) and once from one whose cells share them (as Excel does). **Preview**: the same file again, every row compared with its record. **Out**: `scaf record export --format xlsx`. Medians of %d rounds; the memory is the highest peak.", count(size), len(tableHeader), rounds)
	inline, shared := makeWorkbook(b, size, false), makeWorkbook(b, size, true)
	rows := [][]string{{"", "database", "rows", "time", "target", "peak memory", "target"}}
	for _, database := range databases {
		walls, peaks := map[string][]time.Duration{}, map[string]int64{}
		add := func(what string, run ran) {
			walls[what] = append(walls[what], run.wall)
			peaks[what] = max(peaks[what], run.rss)
		}
		in := func(file string) (folder, ran) {
			f := b.folder(database)
			run := f.run("import", "xlsx", "people", file, "--json")
			var done struct{ Taken, Refused int }
			if err := json.Unmarshal(run.out, &done); err != nil || done.Taken != size || done.Refused != 0 {
				b.Fatalf("taken %d of %d, refused %d, %v", done.Taken, size, done.Refused, err)
			}
			f.settle()
			return f, run
		}
		for range rounds {
			_, run := in(shared)
			add("in, shared texts", run)
			f, run := in(inline)
			add("in", run)
			run = f.run("import", "xlsx", "people", inline, "--preview", "--json")
			var done struct{ Unchanged int }
			if err := json.Unmarshal(run.out, &done); err != nil || done.Unchanged != size {
				b.Fatalf("%d of %d rows are unchanged, %v", done.Unchanged, size, err)
			}
			add("preview", run)
			out := filepath.Join(b.TempDir(), "out.xlsx")
			add("out", f.run("record", "export", "people", "--format", "xlsx", "-o", out))
			if info, err := os.Stat(out); err != nil || info.Size() < int64(size) {
				b.Fatalf("the file is no register of %d people: %v", size, err)
			}
		}
		for _, what := range []string{"in", "in, shared texts", "preview", "out"} {
			wall := median(walls[what])
			target := "none"
			if what != "preview" {
				target = met("under 20 s", wall < tableTime)
			}
			rows = append(rows, []string{
				what, database.name, count(size), seconds(wall), target,
				megabytes(peaks[what]), met("under 300 MB", peaks[what] < tableMemory),
			})
		}
	}
	b.table(rows...)
}

var tableHeader = []any{"id", "name", "email", "title", "department", "manager", "employment", "joined_at", "background_check_at", "policies_acknowledged_at"}

// makeWorkbook writes people into a workbook whose cells hold their texts or
// share them.
func makeWorkbook(b *bench, n int, shared bool) string {
	b.Helper()
	f := excelize.NewFile()
	defer f.Close()
	flush := func() error { return nil }
	set := func(line int, row []any) error { return f.SetSheetRow("Sheet1", fmt.Sprintf("A%d", line), &row) }
	if !shared {
		w, err := f.NewStreamWriter("Sheet1")
		if err != nil {
			b.Fatal(err)
		}
		flush = w.Flush
		set = func(line int, row []any) error { return w.SetRow(fmt.Sprintf("A%d", line), row) }
	}
	if err := set(1, tableHeader); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		at := yearBegin.Add(time.Duration(i) * time.Minute)
		if err := set(i+2, []any{
			fmt.Sprintf("E%06d", i), fmt.Sprintf("Person %d Example", i), fmt.Sprintf("person%d@example.org", i), fmt.Sprintf("Engineer %d", i%90),
			fmt.Sprintf("Department %d", i%12), fmt.Sprintf("E%06d", i%40), "employee",
			at.Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339), at.Add(48 * time.Hour).Format(time.RFC3339),
		}); err != nil {
			b.Fatal(err)
		}
	}
	if err := flush(); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "people.xlsx")
	if err := f.SaveAs(path); err != nil {
		b.Fatal(err)
	}
	return path
}
