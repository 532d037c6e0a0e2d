package changes_test

import (
	"testing"

	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/record/recordtest"
)

func TestTheRegister(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: changes.Register,
		New:  `{"title":"Fix","author":{"name":"Alex Example"},"merged_at":"2026-02-01T10:00:00Z","repository":"shop"}`,
		Set:  `{"ticket":"SHOP-1"}`,
		Refused: map[string]string{
			"title": `{"title":" "}`, "author": `{"author":{}}`, "merged_at": `{"merged_at":null}`, "id": `{"id":"a b"}`, "state": `{"state":"lost"}`,
		},
	})
}
