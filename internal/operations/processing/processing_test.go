package processing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/processing"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
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
}

// What is changed or missing is among what was compared. A check that said otherwise before
// anybody refused that is changed in what else it says, and its numbers when they are put right.
func TestWhatIsMissingWasLookedFor(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{processing.Checks}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(body func(tx *act.Tx) error) string {
			_, err := l.Do(context.Background(), ledgertest.Operator, "test", "storage_checks", body)
			if err == nil {
				return ""
			}
			return err.Error()
		}
		fields := func(text string) (all map[string]json.RawMessage) {
			if err := json.Unmarshal([]byte(text), &all); err != nil {
				t.Fatal(err)
			}
			return all
		}
		for i, test := range []struct{ numbers, want string }{
			{`"changed":0,"missing":5`, ""}, {`"changed":5`, ""}, {`"changed":2,"missing":3`, ""},
			{`"changed":9`, "changed: is 9, and 5 were compared"}, {`"missing":9`, "missing: is 9, and 5 were compared"},
			{`"changed":9,"missing":9`, "changed: is 9, and 5 were compared; missing: is 9, and 5 were compared"},
			{`"changed":3,"missing":3`, "missing: and changed are 6 together, and 5 were compared"},
		} {
			if got := do(func(tx *act.Tx) error {
				_, err := record.Add(tx, processing.Checks, fields(fmt.Sprintf(`{"id":"c%d","store":"db","due_at":"2026-01-05T09:00:00Z","records":20,"compared":5,%s}`, i, test.numbers)))
				return err
			}); got != test.want {
				t.Errorf("added with %s: %q, want %q", test.numbers, got, test.want)
			}
		}
		if got := do(func(tx *act.Tx) error {
			_, err := record.Put(tx, processing.Checks, record.Change{Verb: "added", ID: "old", Doc: json.RawMessage(`{"id":"old","store":"db","due_at":"2026-01-05T09:00:00Z","records":20,"compared":5,"changed":0,"missing":9,"early":0}`)})
			return err
		}); got != "" {
			t.Fatal(got)
		}
		for _, test := range []struct{ change, want string }{
			{`{"done_at":"2026-01-05T10:00:00Z"}`, ""}, {`{"early":1,"missing":9}`, ""},
			{`{"missing":8}`, "missing: is 8, and 5 were compared"}, {`{"changed":1}`, "missing: is 9, and 5 were compared"},
			{`{"compared":14}`, ""}, {`{"changed":6}`, "missing: and changed are 15 together, and 14 were compared"},
		} {
			if got := do(func(tx *act.Tx) error {
				_, err := record.Set(tx, processing.Checks, "old", record.AnyVersion, fields(test.change))
				return err
			}); got != test.want {
				t.Errorf("set to %s: %q, want %q", test.change, got, test.want)
			}
		}
	})
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
