package app

import "testing"

// A mistake in a definition is one in the program: nobody meets it at run time.
func TestEveryDefinitionIsRight(t *testing.T) {
	for _, kind := range Kinds {
		if err := kind.Wrong(); err != nil {
			t.Error(err)
		}
	}
}
