package apptest

import (
	"encoding/json"
	"testing"
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
