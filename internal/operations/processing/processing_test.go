package processing_test

import (
	"encoding/json"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/processing"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

func TestSpecifications(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: processing.Specifications, New: `{"product":"Screening","owner":"person/owner"}`, Set: `{"text":"It screens"}`,
		Fields: map[string]string{
			"draft approved": `{"inputs":[{"name":"person","format":"JSON","source":"customer"}],"outputs":[{"name":"score","recipient":"customer"}],"tolerance":"none"}`,
		},
		Refused: map[string]string{"inputs": `{"inputs":[{"name":"person"}]}`, "outputs": `{"outputs":[{"name":"score"}]}`, "owner": `{"owner":"Ada"}`},
	})
}

func TestBatches(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: processing.Batches, New: `{"received_at":"2026-01-05T09:00:00Z","records":10,"accepted":9,"refused":1}`, Set: `{"refused_with_reason":1}`,
		Refused: map[string]string{"id": `{"id":"a b"}`, "records": `{"records":-1}`},
	})
}

func TestRuns(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: processing.Runs, New: `{"specification":"specification/SPC-1","ran_at":"2026-01-05T09:00:00Z","records":10,"processed":9,"failed":1}`, Set: `{"corrected":1}`,
		With: record.Kinds{processing.Specifications},
		Seed: func(tx *act.Tx) error {
			for id, state := range map[string]string{"SPC-1": "approved", "SPC-2": "draft"} {
				doc := `{"id":"` + id + `","product":"p","owner":"person/o","author":"person/x","state":"` + state + `"}`
				if _, err := record.Put(tx, processing.Specifications, record.Change{Verb: "added", ID: id, Doc: json.RawMessage(doc)}); err != nil {
					return err
				}
			}
			return nil
		},
		Refused: map[string]string{"specification": `{"specification":"specification/SPC-2"}`, "failed": `{"failed":-1}`},
	})
}

func TestDeliveries(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: processing.Deliveries, New: `{"sent_at":"2026-01-05T09:00:00Z","recipient":"a","intended":"a","records":1,"made":1}`, Set: `{"protected":true}`,
		Refused: map[string]string{"recipient": `{"recipient":""}`, "made": `{"made":-1}`},
	})
}

func TestChecks(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: processing.Checks, New: `{"store":"db","due_at":"2026-01-05T09:00:00Z","records":10}`, Set: `{"compared":10}`,
		Refused: map[string]string{"store": `{"store":""}`, "changed": `{"changed":-1}`, "compared": `{"compared":11}`},
	})
	// What is changed or missing is among what was compared.
	for _, test := range []struct {
		changed, missing int
		want             string
	}{
		{0, 5, ""}, {5, 0, ""}, {2, 3, ""}, {9, 0, "changed is 9, and 5 were compared"}, {0, 9, "missing is 9, and 5 were compared"},
		{9, 9, "changed is 9, and 5 were compared; missing is 9, and 5 were compared"}, {3, 3, "missing and changed are 6 together, and 5 were compared"},
	} {
		var got []string
		for _, wrong := range (&processing.Check{ID: "c1", Store: "db", Records: 20, Compared: 5, Changed: test.changed, Missing: test.missing}).Validate() {
			got = append(got, wrong.Field+" "+wrong.Problem)
		}
		if strings.Join(got, "; ") != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestEveryRecordIsAccountedFor(t *testing.T) {
	for _, test := range []struct {
		batch processing.Batch
		want  bool
	}{
		{processing.Batch{Records: 10, Accepted: 9, Refused: 1, RefusedWithReason: 1}, true},
		{processing.Batch{Records: 10, Accepted: 8, Refused: 1, RefusedWithReason: 1}, false},
		{processing.Batch{Records: 10, Accepted: 9, Refused: 1}, false},
		{processing.Batch{}, true},
	} {
		if test.batch.Compute(); test.batch.Reconciled != test.want {
			t.Errorf("%+v", test.batch)
		}
	}
	for _, test := range []struct {
		run  processing.Run
		want bool
	}{
		{processing.Run{Records: 10, Processed: 9, Failed: 1, Corrected: 1}, true},
		{processing.Run{Records: 10, Processed: 9, Failed: 1}, false},
		{processing.Run{Records: 10, Processed: 9}, false},
	} {
		if test.run.Compute(); test.run.Reconciled != test.want {
			t.Errorf("%+v", test.run)
		}
	}
}
