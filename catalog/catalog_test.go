package catalog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
)

func load(t *testing.T) []*controls.Control {
	t.Helper()
	loaded, err := controls.LoadFS(catalog.Controls(), controls.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestEveryControlIsComplete(t *testing.T) {
	loaded := load(t)
	if len(loaded) < 10 {
		t.Errorf("%d controls, want ten or more", len(loaded))
	}
	for _, c := range loaded {
		if c.File != c.ID+".yaml" {
			t.Errorf("control %s is in the file %s", c.ID, c.File)
		}
		if c.Objective == "" {
			t.Errorf("%s: control %s has no objective", c.File, c.ID)
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
					counts[map[bool]string{true: got, false: "fail"}[got == "pass" || got == "out"]]++
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
	r, err := controltests.Run(context.Background(), c, test, controltests.NewFile("item", bytes.NewReader(item)), controltests.Options{})
	switch {
	case err != nil:
		return err.Error()
	case r.Population.Count == 0:
		return "out"
	case len(r.Deviations) == 1 && r.Deviations[0].Reason == controltests.Failure:
		return "error: " + r.Because[0]
	case len(r.Deviations) == 1:
		return string(r.Deviations[0].Reason)
	}
	return "pass"
}
