package browser

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"scaf.dev/scaf/internal/app"
)

// Each register that is not kept by commands of its own alone is opened, added to or brought
// into in a journey: its name stands in one.
func TestEveryRegisterHasAJourney(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	visited := map[string]bool{}
	visit := regexp.MustCompile(`(?:"/(?:r|new|import)/|adds\(")([a-z_]+)`)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range visit.FindAllSubmatch(source, -1) {
			visited[string(found[1])] = true
		}
	}
	for _, kind := range app.Kinds {
		if !kind.Internal && !visited[kind.Register] {
			t.Errorf("%s: no journey opens the register", kind.Register)
		}
	}
}
