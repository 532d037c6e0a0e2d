package record_test

import (
	"context"
	"encoding/json"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// A merge patch takes null for "remove": a document that holds null must be
// replayed all the same.
func TestADocumentWithNullIsReplayed(t *testing.T) {
	kind := &record.Kind{Name: "thing", Register: "things", New: func() any { return &map[string]any{} }}
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		for version, doc := range []string{`{"a":1,"b":[1]}`, `{"a":null,"b":[1]}`, `{"a":{"c":null},"b":null}`, `{"b":2}`} {
			if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "thing/1", func(tx *act.Tx) error {
				_, err := record.Put(tx, kind, record.Change{Verb: "set", ID: "1", Doc: json.RawMessage(doc), Expect: version})
				return err
			}); err != nil {
				t.Fatalf("%s: %v", doc, err)
			}
		}
		l.Verify(t, record.Kinds{kind})
	})
}
