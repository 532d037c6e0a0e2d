package vocabulary_test

import (
	"context"
	"slices"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/vocabulary"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// A control is one of the catalog, or has a first version; nothing of a path is one.
func TestControlsAreThoseOfTheCatalogAndProposedOnes(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{versions.Register}, func(t *testing.T, l *ledgertest.Ledger) {
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
			_, err := record.Put(tx, versions.Register, record.Change{Verb: "proposed", ID: versions.ID("OWN-1", 1), Doc: &versions.Version{ID: versions.ID("OWN-1", 1), Control: "OWN-1", Number: 1, State: versions.Proposed}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			missing, err := vocabulary.Controls.Missing(r, []string{"ACC-01", "OWN-1", "OWN-2", "acc-01", "../criteria", "", "ACC-01.yaml"})
			if want := []string{"OWN-2", "acc-01", "../criteria", "", "ACC-01.yaml"}; err != nil || !slices.Equal(missing, want) {
				t.Errorf("%q, want %q (%v)", missing, want, err)
			}
			missing, err = vocabulary.Controls.Missing(r, []string{"END-01"})
			if err != nil || len(missing) > 0 {
				t.Errorf("%q is missing (%v)", missing, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}
