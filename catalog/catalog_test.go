package catalog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/criteria"
)

func load(t *testing.T) []*controls.Control {
	t.Helper()
	loaded, err := controls.LoadFS(catalog.Controls(), controls.Builtin(app.Kinds))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestEveryControlIsComplete(t *testing.T) {
	loaded := load(t)
	if len(loaded) < 65 || len(loaded) > 80 {
		t.Errorf("%d controls, want about seventy", len(loaded))
	}
	titles := map[string]string{}
	for _, c := range loaded {
		if first, twice := titles[strings.ToLower(c.Title)]; twice {
			t.Errorf("%s and %s have the same title", first, c.ID)
		}
		titles[strings.ToLower(c.Title)] = c.ID
		if c.File != c.ID+".yaml" {
			t.Errorf("control %s is in the file %s", c.ID, c.File)
		}
		if c.Objective == "" {
			t.Errorf("%s: control %s has no objective", c.File, c.ID)
		}
	}
}

func TestEveryCriterionHasAControl(t *testing.T) {
	carried := map[string]bool{}
	for _, c := range load(t) {
		for _, id := range c.Criteria {
			carried[id] = true
		}
	}
	for _, id := range criteria.All() {
		if !carried[id] {
			t.Errorf("no control carries %s (%s)", id, criteria.Title(id))
		}
	}
}

// About thirty controls can be tested by what SCAF keeps now. Of the others no
// test can be, so that none is green by one of its tests alone.
func TestAControlWaitsForItsRegistersWhollyOrNotAtAll(t *testing.T) {
	runnable := 0
	for _, c := range load(t) {
		waits := 0
		for _, test := range c.Tests {
			if test.Population.Awaited {
				waits++
			}
		}
		switch waits {
		case 0:
			runnable++
		case len(c.Tests):
		default:
			t.Errorf("%s: %d of %d tests wait for a register", c.File, waits, len(c.Tests))
		}
	}
	if runnable < 32 {
		t.Errorf("%d controls have runnable tests, want about thirty", runnable)
	}
}

// Two tests that wait for the same register agree on the types of its fields,
// or one of them is wrong already.
func TestAwaitedRegistersAreDeclaredInOneWay(t *testing.T) {
	type declared struct{ kind, where string }
	known := map[string]declared{}
	for _, c := range load(t) {
		for _, test := range c.Tests {
			if !test.Population.Awaited {
				continue
			}
			for _, field := range test.Population.Fields() {
				name := test.Population.From + "." + field.Name
				one := declared{field.Type.String(), c.ID + " " + test.ID}
				if first, twice := known[name]; twice && first.kind != one.kind {
					t.Errorf("%s is %s in %s and %s in %s", name, first.kind, first.where, one.kind, one.where)
				}
				known[name] = one
			}
		}
	}
}

// A test of a duty names one that is on the calendar: a misspelt one would
// have no occurrences for ever.
func TestTestedDutiesExist(t *testing.T) {
	names := regexp.MustCompile(`item\.duty == "([^"]*)"`)
	tested := map[string]bool{}
	for _, c := range load(t) {
		for _, test := range c.Tests {
			if test.Population.From != "occurrences" {
				continue
			}
			duty := names.FindStringSubmatch(test.Population.Where)
			if duty == nil {
				t.Errorf("%s %s is not about one duty: %s", c.ID, test.ID, test.Population.Where)
				continue
			}
			tested[duty[1]+".yaml"] = true
			if _, err := fs.Stat(catalog.Duties(), duty[1]+".yaml"); err != nil {
				t.Errorf("%s %s: there is no duty %q", c.ID, test.ID, duty[1])
			}
		}
	}
	duties, err := fs.Glob(catalog.Duties(), "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range duties {
		// LOG-01 tests that one by the checks themselves.
		if !tested[name] && name != "log-integrity-check.yaml" {
			t.Errorf("no control tests that the duty %s is done", name)
		}
	}
}

func TestTheNarrativesMappingNamesControlsOfTheCatalog(t *testing.T) {
	byID := map[string]*controls.Control{}
	for _, c := range load(t) {
		byID[c.ID] = c
	}
	ids := regexp.MustCompile(`\b[A-Z]{3}-\d\d\b`)
	for _, row := range criteria.Narrative() {
		for _, id := range append(ids.FindAllString(row.Differs, -1), row.Controls...) {
			if byID[id] == nil {
				t.Errorf("%s: there is no control %s", row.Criterion, id)
			}
		}
		// What is said of our own mapping is so.
		for _, id := range row.Ours {
			if !slices.ContainsFunc(row.Controls, func(control string) bool {
				return byID[control] != nil && slices.Contains(byID[control].Criteria, id)
			}) {
				t.Errorf("%s: none of %v carries %s", row.Criterion, row.Controls, id)
			}
		}
	}
}

// docs/coverage.md answers a published methodology by our controls; each that
// it names exists, and each line says something.
func TestCoverageNamesControlsOfTheCatalog(t *testing.T) {
	known := map[string]bool{}
	for _, c := range load(t) {
		known[c.ID] = true
	}
	text, err := os.ReadFile("../docs/coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	ids := regexp.MustCompile(`\b[A-Z]{3}-\d\d\b`)
	named := map[string]bool{}
	rows := 0
	for i, line := range strings.Split(string(text), "\n") {
		for _, id := range ids.FindAllString(line, -1) {
			named[id] = true
			if !known[id] {
				t.Errorf("docs/coverage.md:%d: there is no control %s", i+1, id)
			}
		}
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 2 || strings.TrimSpace(cells[0]) == "" || strings.TrimSpace(cells[1]) == "" {
			t.Errorf("docs/coverage.md:%d: a row has an attribute and an answer: %s", i+1, line)
			continue
		}
		if answer := strings.TrimSpace(cells[1]); !ids.MatchString(answer) && !strings.HasPrefix(answer, "Not here: ") && answer != "---" && answer != "answered by" {
			t.Errorf("docs/coverage.md:%d: neither a control nor a reason: %s", i+1, line)
		}
		rows++
	}
	if rows < 200 {
		t.Errorf("docs/coverage.md has %d rows", rows)
	}
	for id := range known {
		if !named[id] {
			t.Errorf("docs/coverage.md does not name %s", id)
		}
	}
}

// Each test of each control has a file of items with what it says about each:
// pass, a deviation's reason, or out for one that is not in the population. At
// least one passes and one fails, so no control of the catalog can be green or
// red for everything.
func TestEveryTestTellsGoodItemsFromBad(t *testing.T) {
	fixtures, err := filepath.Glob("testdata/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	unused := map[string]bool{}
	for _, name := range fixtures {
		unused[name] = true
	}
	for _, c := range load(t) {
		for _, test := range c.Tests {
			name := filepath.Join("testdata", c.ID+"."+test.ID+".jsonl")
			t.Run(c.ID+"/"+test.ID, func(t *testing.T) {
				delete(unused, name)
				items, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				counts := map[string]int{}
				line := 0
				for item := range strings.Lines(string(items)) {
					line++
					var expect struct {
						Expect string `json:"expect"`
					}
					if err := json.Unmarshal([]byte(item), &expect); err != nil {
						t.Fatalf("%s:%d: %v", name, line, err)
					}
					got := judge(t, c, test, []byte(item))
					if got != expect.Expect {
						t.Errorf("%s:%d: %s, want %s: %s", name, line, got, expect.Expect, item)
					}
					counts[map[bool]string{true: got, false: "fail"}[got == "pass" || got == "out" || got == controltests.ItemAbsent]]++
				}
				if counts["pass"] == 0 || counts["fail"] == 0 {
					t.Errorf("%s has %d items that pass and %d that fail; one of each is the least", name, counts["pass"], counts["fail"])
				}
			})
		}
	}
	for name := range unused {
		t.Errorf("%s belongs to no test of the catalog", name)
	}
}

func judge(t *testing.T, c *controls.Control, test *controls.Test, item []byte) string {
	t.Helper()
	ran, err := controltests.Run(context.Background(), controltests.NewFile("item", bytes.NewReader(item)), controltests.Subject{Control: c, Test: test})
	if err != nil {
		return err.Error()
	}
	r := ran[0]
	switch {
	case r.Population.Count == 0:
		return "out"
	case len(r.Deviations) == 1 && r.Deviations[0].Reason == controltests.Failure:
		return "error: " + r.Because[0]
	case len(r.Deviations) == 1:
		return string(r.Deviations[0].Reason)
	case len(r.Open) == 1:
		return controltests.ItemOpen
	case r.State != nil && r.State.Unread == 1:
		return controltests.ItemUnread
	case r.State != nil && r.State.Absent == 1:
		return controltests.ItemAbsent
	}
	return "pass"
}
