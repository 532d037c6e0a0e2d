package surface_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/surface"
)

// own writes a control file into the folder's own controls.
func own(t *testing.T, f *apptest.Folder, name, text string) {
	t.Helper()
	dir := filepath.Join(f.Dir, surface.ControlsDir)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// titled is a control over changes with this id and predicate.
func titled(id, pass string) string {
	return "id: " + id + "\ntitle: Ours\nowner: me\nfrequency: daily\ncriteria: [CC8.1]\ntests:\n" +
		"  - {id: one, kind: census, title: Ours, population: {from: changes}, pass: '" + pass + "'}\n"
}

func TestOwnControlsAreAddedAndTakeThePlaceOfTheCatalogs(t *testing.T) {
	f := apptest.New(t, config.Config{})
	catalog, err := f.Controls()
	if err != nil || len(catalog) < 10 {
		t.Fatalf("%d controls, %v", len(catalog), err)
	}
	own(t, f, "zzz.yaml", titled("ZZZ-01", "true"))
	own(t, f, "change.yml", titled("CHG-01", "has(item.title)"))
	all, err := f.Controls()
	if err != nil || len(all) != len(catalog)+1 {
		t.Fatalf("%d controls, %v; want one more than %d", len(all), err, len(catalog))
	}
	if all[len(all)-1].ID != "ZZZ-01" {
		t.Errorf("the last one is %s", all[len(all)-1].ID)
	}
	if one, err := f.Control("CHG-01"); err != nil || one.Title != "Ours" || one.SHA256 == catalog[0].SHA256 {
		t.Errorf("CHG-01: %+v, %v", one, err)
	}
	if _, err := f.Control("CHG-99"); !errors.Is(err, surface.ErrNoControl) || !strings.Contains(err.Error(), `"CHG-99"`) {
		t.Errorf("one that is not there: %v", err)
	}
	own(t, f, "wrong.yaml", strings.Replace(titled("W-1", "item.titel == 1"), "CC8.1", "CC99.9", 1))
	_, err = f.Controls()
	var wrong controls.Errors
	if !errors.As(err, &wrong) || len(wrong) != 2 || wrong[0].File != "wrong.yaml" || wrong[0].Line != 5 || wrong[1].Line != 7 || !strings.HasPrefix(err.Error(), filepath.Join(f.Dir, surface.ControlsDir)) {
		t.Errorf("a wrong file: %v", err)
	}
	if _, err := f.Readiness(context.Background(), surface.ReadinessQuery{}); !errors.As(err, &wrong) {
		t.Errorf("a report with a wrong file: %v", err)
	}
}

func addChange(t *testing.T, f *apptest.Folder, id string, fields map[string]any) {
	t.Helper()
	kind, err := f.Kinds.Find("changes")
	if err != nil {
		t.Fatal(err)
	}
	raw := map[string]json.RawMessage{}
	for name, value := range map[string]any{"id": id, "title": "a change", "author": map[string]string{"name": "Ann"}, "merged_at": "2026-02-01T10:00:00Z"} {
		if _, ok := fields[name]; !ok {
			fields[name] = value
		}
	}
	for name, value := range fields {
		if raw[name], err = json.Marshal(value); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.AddRecord(context.Background(), apptest.Operator, kind, raw); err != nil {
		t.Fatal(err)
	}
}

// TestWholeCatalogOverAPeriod performs every test of the catalog, interim and
// final, reports, and verifies: the ledger holds what was done, and nothing in
// it differs.
func TestWholeCatalogOverAPeriod(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ctx := context.Background()
		for i := range 12 {
			addChange(t, f, fmt.Sprintf("c%d", i), map[string]any{"reviewers": []map[string]string{{"name": "Ben", "email": "ben@example.org"}}})
		}
		own(t, f, "file.yaml", strings.Replace(titled("FIL-01", "true"), "{from: changes}", "{from: items}", 1))
		all, err := f.Controls()
		if err != nil {
			t.Fatal(err)
		}
		versionstest.InForce(t, f.Door, f.Blobs, all...)
		period, err := periods.OpenPeriod(ctx, f.Door, apptest.Operator, periods.Period{Name: "Q1", From: apptest.Begin.AddDate(0, -2, 0), To: apptest.Begin.AddDate(0, 0, 1), Timezone: "Europe/Berlin"})
		if err != nil {
			t.Fatal(err)
		}
		test := func() (performed int) {
			for _, control := range all {
				for _, one := range control.Tests {
					_, err := f.Lab().Perform(ctx, apptest.Operator, results.Task{Control: control, Test: one, Period: *period})
					absent := one.Population.Awaited || one.Population.From == controls.FromItems
					if absent != errors.Is(err, populations.ErrSource) {
						t.Errorf("%s over %s: %v", control.ID, one.Population.From, err)
					}
					if err == nil {
						performed++
					}
				}
			}
			return performed
		}
		interim := test()
		report, err := f.Readiness(ctx, surface.ReadinessQuery{Period: period.Name})
		if err != nil {
			t.Fatal(err)
		}
		f.Manual.Set(period.To)
		if period, err = periods.Close(ctx, f.Door, apptest.Operator, "Q1"); err != nil {
			t.Fatal(err)
		}
		if final := test(); final != interim || final < 10 {
			t.Errorf("%d tests were performed finally, %d before", final, interim)
		}
		after, err := f.Readiness(ctx, surface.ReadinessQuery{Period: period.Name})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Controls) != len(all) || len(after.Controls) != len(all) {
			t.Fatalf("%d and %d controls of %d are in the reports", len(report.Controls), len(after.Controls), len(all))
		}
		want := map[string]controltests.Conclusion{
			"CHG-01": controltests.Effective,   // entered by somebody else than the author
			"LOG-01": controltests.Ineffective, // nobody has verified in two months
			"FIL-01": controltests.NotTested,
		}
		for i, c := range after.Controls {
			if expected, ok := want[c.ID]; ok && c.Conclusion != expected {
				t.Errorf("%s is %s, want %s: %+v", c.ID, c.Conclusion, expected, c.Tests)
			}
			tested := c.Conclusion != controltests.NotTested
			if c.Interim || tested != report.Controls[i].Interim {
				t.Errorf("%s: interim %t before, %t after the close", c.ID, report.Controls[i].Interim, c.Interim)
			}
		}
		verified, err := f.Verify(ctx, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if verified.Checkpoints < 10 {
			t.Errorf("%d checkpoints were compared: every banked population cites one", verified.Checkpoints)
		}
	})
}

func TestFilterIsCheckedAgainstTheRegister(t *testing.T) {
	f := apptest.New(t, config.Config{})
	kind, err := f.Kinds.Find("changes")
	if err != nil {
		t.Fatal(err)
	}
	for expression, want := range map[string]string{
		"item.titel == \"x\"": "titel",
		"item.merge == \"x\"": "cannot be applied to (bool, string)",
		"item.merge &&":       "Syntax error",
		"item.title":          "must give true or false",
	} {
		if _, err := f.Filter(kind, expression); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want a line with %q", expression, err, want)
		}
	}
	for expression, want := range map[string]bool{
		"":                        true,
		"item.merge":              true,
		`item.author.name == "x"`: false,
		`item.merged_at < timestamp("2026-01-01T00:00:00Z")`: false,
		`has(item.deployed_at)`:                              false,
		`item.deployed_at > item.merged_at`:                  false, // a time that is not there is no error, and not true
	} {
		filter, err := f.Filter(kind, expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		got, err := filter([]byte(`{"id":"a","title":"t","merge":true,"merged_at":"2026-01-02T00:00:00Z","author":{"name":"Ann"}}`))
		if err != nil || got != want {
			t.Errorf("%s: %t, %v; want %t", expression, got, err, want)
		}
	}
}
