package sites_test

import (
	"fmt"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/sites"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

func TestSites(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: sites.Register, New: `{"name":"Berlin","purpose":"office","owner":"person/owner"}`, Set: `{"address":"Example Street 1"}`,
		Fields:  map[string]string{"open closed": `{"closed_how":"Keys are back"}`},
		Refused: map[string]string{"id": `{"id":"Berlin"}`, "purpose": `{"purpose":"fun"}`, "name": `{"name":"` + strings.Repeat("x", 4001) + `"}`},
	})
}

func TestReviews(t *testing.T) {
	counts := func(holders, unneeded, ended int) string {
		return fmt.Sprintf(`{"compared":"The list of badges with the people","holders":%d,"unneeded":%d,"ended":%d}`, holders, unneeded, ended)
	}
	recordtest.Exercise(t, recordtest.Register{
		Kind: sites.Reviews, New: `{"reviewer":"person/owner"}`, Set: `{"note":"On Monday"}`,
		ID:   func(n int) string { return fmt.Sprintf("PAR-berlin-20%02d-Q%d", 10+n/4, 1+n%4) },
		With: record.Kinds{sites.Register},
		Seed: func(tx *act.Tx) error {
			_, err := record.Put(tx, sites.Register, record.Change{Verb: "added", ID: "berlin", Doc: &sites.Site{ID: "berlin", Name: "Berlin", Purpose: "office", Owner: "person/x", State: sites.Open}})
			return err
		},
		Fields:     map[string]string{"planned reviewed": counts(9, 2, 1), "reviewed confirmed": `{"ended":2}`, "reviewed planned": `{"note":"Of another house"}`},
		GuardFalse: map[string]string{"planned reviewed ended": counts(9, 2, 3), "planned reviewed unneeded": counts(9, 10, 2), "reviewed confirmed ended": `{"ended":1}`},
		Refused:    map[string]string{"id": `{"id":"PAR-berlin-2026-Q5"}`, "holders": `{"holders":-1}`, "reviewer": `{"reviewer":"Ada"}`},
	})
}
