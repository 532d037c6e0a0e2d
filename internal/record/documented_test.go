package record_test

import (
	"os"
	"reflect"
	"regexp"
	"testing"

	"scaf.dev/scaf/internal/record"
)

// The developer guide names everything that a definition of a register can say.
func TestTheGuideNamesWhatADefinitionSays(t *testing.T) {
	guide, err := os.ReadFile("../../docs/developer.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range []reflect.Type{reflect.TypeFor[record.Definition](), reflect.TypeFor[record.Transition]()} {
		for _, field := range reflect.VisibleFields(of) {
			if !regexp.MustCompile("`" + field.Name + "`|`Transition\\." + field.Name + "`|\\b" + field.Name + ": ").Match(guide) {
				t.Errorf("docs/developer.md does not name %s.%s", of.Name(), field.Name)
			}
		}
	}
}
