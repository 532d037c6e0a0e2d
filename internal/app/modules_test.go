package app

import "testing"

// A mistake in a definition is one in the program: nobody meets it at run time.
func TestEveryDefinitionIsRight(t *testing.T) {
	names := map[string]bool{}
	for _, kind := range Kinds {
		if err := kind.Wrong(); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"kind " + kind.Name, "register " + kind.Register} {
			if names[name] {
				t.Errorf("there are two of the name %s", name)
			}
			names[name] = true
		}
	}
}
