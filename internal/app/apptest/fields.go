package apptest

import (
	"encoding/json"
	"fmt"
	"testing"

	"scaf.dev/scaf/internal/governance/people"
)

// Fields are those of JSON documents, the later ones over the earlier ones.
func Fields(t testing.TB, documents ...string) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	for _, text := range documents {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return all
}

// People adds people with these ids, whom records name.
func (f *Folder) People(t testing.TB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := f.AddRecord(t.Context(), Operator, people.Register, Fields(t, fmt.Sprintf(`{"id":%q,"name":"Example"}`, id))); err != nil {
			t.Fatal(err)
		}
	}
}
