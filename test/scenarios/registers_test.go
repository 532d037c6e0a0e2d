package scenarios

import (
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"scaf.dev/scaf/internal/app"
)

// registers wants a record in every register that there is, but in those that are
// named, which are empty.
func registers(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: registers [EMPTY...]")
	}
	var lacking []string
	for _, kind := range app.Kinds {
		ts.Check(ts.Exec("scaf", "record", "list", kind.Register, "--limit", "1", "--json"))
		empty := strings.TrimSpace(ts.ReadFile("stdout")) == ""
		at := slices.Index(args, kind.Register)
		switch {
		case empty && at < 0:
			lacking = append(lacking, kind.Register)
		case !empty && at >= 0:
			ts.Fatalf("%s has records, and was said to be empty", kind.Register)
		}
		if at >= 0 {
			args = slices.Delete(args, at, at+1)
		}
	}
	if len(lacking) > 0 {
		ts.Fatalf("no record in %s: the story of the demonstration does not tell of them", strings.Join(lacking, ", "))
	}
	if len(args) > 0 {
		ts.Fatalf("there is no register %s", strings.Join(args, ", "))
	}
}
