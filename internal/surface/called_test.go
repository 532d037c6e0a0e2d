package surface_test

import (
	"context"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/platform/config"
)

// The catalog names owners by titles, for which companies have other words.
func TestATitleHasOtherWords(t *testing.T) {
	h := &half{apptest.New(t, config.Config{}), t}
	h.adds("lead", "people", `{"id":"E1","name":"Ann","title":"Chief Executive Officer","state":"active"}`)
	h.adds("lead", "people", `{"id":"E2","name":"Ben","title":"CISO","state":"active"}`)
	nobody, err := h.Nobody(context.Background(), []string{"chief executive", "chief information security officer", "chief financial officer"})
	if err != nil || nobody["chief executive"] || nobody["chief information security officer"] || !nobody["chief financial officer"] {
		t.Errorf("nobody is %v, %v", nobody, err)
	}
}
