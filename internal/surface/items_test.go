package surface_test

import (
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/platform/config"
)

func TestAnItemIsCalledByWhatItIsOf(t *testing.T) {
	f := apptest.New(t, config.Config{})
	for _, one := range []struct{ from, item, want string }{
		{"vendors", "VEN-1", "vendor/VEN-1"},
		{"occurrences", "access-review@2026-01-31", "task/access-review@2026-01-31"},
		{"asset_confirmations", "AST-1@2026-Q1", "asset_confirmations/AST-1@2026-Q1"},
		{"self_assessment_rounds", "SA-CHG-01-2026-Q1", "self_assessment/SA-CHG-01-2026-Q1"}, // so that its own deadline and the test's are one line
		{"policy_announcements", "PV-1", "policy_version/PV-1"},
	} {
		test := &controls.Test{Population: controls.Population{From: one.from, ID: "item.id"}}
		if got := f.Item(test, one.item); got != one.want {
			t.Errorf("%s of %s is %s, want %s", one.item, one.from, got, one.want)
		}
	}
}
