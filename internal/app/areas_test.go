package app_test

import (
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app"
)

// Whoever reads the list of registers sees of each what it is for, in one short sentence,
// and no two are called alike.
func TestEveryRegisterSaysWhatItIsFor(t *testing.T) {
	const most = 90
	called, sentences := map[string]string{}, map[string]string{}
	for _, area := range app.Areas {
		for _, kind := range area.Kinds {
			for _, text := range []string{kind.Purpose, kind.Comes} {
				if text == "" && text == kind.Comes {
					continue // people add its records
				}
				if len(text) > most || !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") || strings.Count(text, ". ") > 0 {
					t.Errorf("%s: %q is no sentence of at most %d bytes", kind.Register, text, most)
				}
			}
			if other := called[kind.Title]; other != "" {
				t.Errorf("%s is called %q, as %s is", kind.Register, kind.Title, other)
			}
			if other := sentences[kind.Purpose]; other != "" {
				t.Errorf("%s is for the same as %s: %q", kind.Register, other, kind.Purpose)
			}
			called[kind.Title], sentences[kind.Purpose] = kind.Register, kind.Register
		}
	}
}
