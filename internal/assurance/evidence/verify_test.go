package evidence_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/platform/config"
)

func TestBundleIsComputedAgainWithTheSameResult(t *testing.T) {
	for name, c := range map[string]config.Config{"sqlite": {}, "postgres": {Database: apptest.Postgres(t)}} {
		t.Run(name, func(t *testing.T) {
			w := usual(t, c)
			bundle, done := w.export()
			verified, err := verify(bundle, check(w.VerifierKey))
			if err != nil {
				t.Fatal(err)
			}
			if len(verified.Differences) > 0 || len(done.Differences) > 0 {
				t.Errorf("differences: %q, %q", verified.Differences, done.Differences)
			}
			if len(verified.Results) != 9 || verified.Exported != done.Event || verified.Origin != w.Config.Origin || verified.Records != 24+8+2+9+8+2+3+2 {
				t.Errorf("%+v", verified)
			}
			for _, one := range verified.Results {
				if !one.Same || one.Count == 0 {
					t.Errorf("%+v", one)
				}
			}
			if len(verified.Existed) != 0 {
				t.Errorf("existed: %+v", verified.Existed)
			}
			if diff := cmp.Diff([]string{"people", "job_changes", "agreements", "performance_reviews", "conduct_cases",
				"subject_requests", "privacy_complaints", "consents", "disclosures", "erasures", "accounts", "links", "comments", "attachments", "taggings", "disposals"}, verified.Clear); diff != "" {
				t.Error(diff)
			}
			again, _ := w.export()
			if _, err := verify(again, check(w.VerifierKey)); err != nil {
				t.Errorf("a second export: %v", err)
			}
		})
	}
}
