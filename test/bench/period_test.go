//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const (
	periodTime   = 2 * time.Minute
	periodMemory = 500 << 10 // KiB
	repositories = 50
)

// wholePeriod measures a period with many tests of controls.
func wholePeriod(b *bench) {
	// Tests over all changes, over those of one repository, and over people.
	whole, filtered, small := pick(b, 4, 24), pick(b, 10, 176), pick(b, 36, 800)
	staff := pick(b, 200, 780)
	size := pick(b, 5_000, 50_000)
	items := whole*size + filtered*size/repositories + small*staff
	tests := whole + filtered + small
	b.say("`scaf control test --period P`, the real program from start to end, with %s tests of controls whose populations have %s items together: %d tests over all %s changes of the period, %d each over the changes of one of %d repositories (a filter over the register), and %d over the %d people. Population and result of every test are recorded, and the evidence files written. **Scan**: the registers read once for every test by one goroutine and nothing done with the rows.",
		count(tests), count(items), whole, count(size), filtered, repositories, small, staff)
	rows := [][]string{{"database", "tests", "items", "scan", "tested", "target", "CPU", "peak memory", "target"}}
	for _, database := range databases {
		f := b.folder(database)
		f.open(func(s *surface.System) {
			fillChanges(b, s, size, false)
			fillPeople(b, s, staff)
		})
		writeControls(b, f, whole, filtered, small)
		f.run("period", "open", "P", "--from", "2025-01-01", "--to", "2026-01-01")
		f.run("period", "close", "P")
		f.settle()
		scan := time.Duration(float64((whole+filtered)*size) / scanRate(b, f, size) * float64(time.Second))
		run := f.run("control", "test", "--period", "P", "--json")
		var done, sum int
		for lines := bufio.NewScanner(bytes.NewReader(run.out)); lines.Scan(); {
			var result results.Result
			if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
				b.Fatalf("%v: %s", err, lines.Bytes())
			}
			if len(result.Control) > 4 && result.Control[:4] == "BEN-" {
				done, sum = done+1, sum+result.Count
			}
		}
		if done != tests || sum != items {
			b.Fatalf("%d tests over %d items, want %d over %d", done, sum, tests, items)
		}
		rows = append(rows, []string{
			database.name, count(tests), count(items), seconds(scan), seconds(run.wall), met("under 2 min", run.wall < periodTime), seconds(run.cpu),
			megabytes(run.rss), met("under 500 MB", run.rss < periodMemory),
		})
	}
	b.table(rows...)
}

// fillPeople records n people who joined in the year 2025.
func fillPeople(b *bench, s *surface.System, n int) {
	b.Helper()
	list := make([]record.Change, 0, n)
	for i := range n {
		at := yearBegin.Add(time.Duration(i) * time.Hour)
		list = append(list, record.Change{Verb: "imported", ID: fmt.Sprintf("E%d", i), Doc: people.Person{
			ID: fmt.Sprintf("E%d", i), Name: fmt.Sprintf("Person %d Example", i), Email: fmt.Sprintf("person%d@example.org", i),
			Employment: people.Employee, State: people.Active, JoinedAt: &at, BackgroundCheckAt: &at,
		}})
	}
	if _, err := s.Door.Do(context.Background(), ledgertest.Operator, "import.csv", "people", func(tx *act.Tx) error {
		_, err := record.Put(tx, people.Register, list...)
		return err
	}); err != nil {
		b.Fatal(err)
	}
}

// writeControls writes the folder's own control files, with four tests each.
func writeControls(b *bench, f folder, whole, filtered, small int) {
	b.Helper()
	dir := filepath.Join(f.dir, surface.ControlsDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	var tests []string
	add := func(from, where, at, pass string) {
		if where != "" {
			where = "\n      where: " + where
		}
		tests = append(tests, fmt.Sprintf("  - id: t%d\n    kind: census\n    title: Test %d\n    population:\n      from: %s%s\n      id: item.id\n      at: item.%s\n    pass: %s\n", len(tests), len(tests), from, where, at, pass))
	}
	for i := range whole {
		add("changes", "", "merged_at", fmt.Sprintf("has(item.author) && item.author.name != \"Author %d\"", 40+i))
	}
	for i := range filtered {
		add("changes", fmt.Sprintf("item.repository == \"git.example.org/shop%d\"", i%repositories), "merged_at", "has(item.title) && size(item.title) > 3")
	}
	for i := range small {
		add("people", "", "joined_at", fmt.Sprintf("has(item.background_check_at) && item.name != \"%d\"", i))
	}
	const each = 4
	for i := 0; i < len(tests); i += each {
		text := fmt.Sprintf("id: BEN-%d\ntitle: Control %d\nobjective: To be measured.\nowner: engineering lead\nfrequency: multi_daily\ncriteria: [CC8.1]\ntests:\n", i, i)
		for _, test := range tests[i:min(len(tests), i+each)] {
			text += test
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("BEN-%d.yaml", i)), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
}
