package portal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// atTheConsole are the commands that texts may name which could come to somebody's eyes in
// the portal, and why: by the file and the command.
var atTheConsole = map[string]string{
	"internal/surface/portal/pages/event.html: scaf ledger check-proof":            "anybody runs it, on a machine of their own",
	"internal/surface/portal/pages/event.html: scaf ledger verify":                 "the ledger is damaged: only the console looks through all of it",
	"internal/governance/notifications/templates/messages.txt: scaf ledger verify": "as above",
	"internal/trust/ledger/log.go: scaf ledger verify":                             "as above",
	"internal/trust/ledger/log.go: scaf init first":                                "there is no server without a ledger",
	"internal/trust/ledger/folder.go: scaf ledger publish":                         "who runs SCAF publishes the ledger, and settings say where",
	"internal/surface/portal/accounts.go: scaf token create":                       "a token that decides on what others did is not made by a page",
	"internal/surface/stamps.go: scaf init":                                        "time stamps are configured at the console",
	"internal/surface/behalf.go: scaf record list":                                 "only commands act for somebody else",
	"internal/surface/assurance.go: scaf control list":                             "pages say that there is nothing here",
	"internal/trust/keys/keys.go: scaf key check":                                  "is no command",
	"internal/governance/tasks/task.go: scaf task list":                            "pages say that there is nothing here",
	"internal/governance/policies/document.go: scaf policy document":               "the document says how it was made",
	"internal/assurance/populations/reading.go: scaf control try":                  "such a population is read by that command only",
	"internal/assurance/periods/phase.go: scaf control test":                       "what the command that shows a period says; pages have words of their own",
	"internal/assurance/periods/phase.go: scaf period close":                       "as above",
	"internal/assurance/periods/phase.go: scaf period open":                        "as above",
	"internal/assurance/periods/periods.go: scaf period open":                      "pages lead to the form where there is no period, and name the one they mean",
	"internal/assurance/results/undecided.go: scaf control assess":                 "what commands and programs are told that ask what is missing",
	"internal/assurance/results/undecided.go: scaf control approve":                "as above",
	"internal/assurance/results/undecided.go: scaf control adopt":                  "as above",
	"internal/assurance/results/undecided.go: scaf control propose":                "as above",
	"internal/assurance/results/deviations.go: scaf control assess":                "of a file of notes, which only a command reads",
	"internal/assurance/reports/pending.go: scaf observation record":               "what the report as text says; pages lead to where it is done",
	"internal/assurance/reports/pending.go: scaf evidence add":                     "as above",
	"internal/assurance/reports/pending.go: scaf evidence review":                  "as above",
	"internal/assurance/reports/text.go: scaf period open":                         "as above",
	"internal/assurance/reports/daytext.go: scaf task list":                        "as above",
	"internal/assurance/reports/daytext.go: scaf task show":                        "as above",
	"internal/assurance/reports/daytext.go: scaf record show":                      "as above",
	"internal/assurance/reports/daytext.go: scaf control show":                     "as above",
}

var command = regexp.MustCompile(`\bscaf [a-z]+( [a-z][a-z-]+)?`)

// The folder is the server's while it runs: a page that tells somebody to give a command
// tells them what is impossible, or what they have no console for.
func TestNoPageNamesACommand(t *testing.T) {
	t.Parallel()
	const root = "../../.."
	used := map[string]bool{}
	names := func(file, text string) {
		for _, named := range command.FindAllString(text, -1) {
			at := file + ": " + named
			if used[at] = true; atTheConsole[at] == "" {
				t.Errorf("%s: lead to the form that does it, or say in words what is to be done", at)
			}
		}
	}
	for _, folder := range []string{"internal/surface", "internal/governance", "internal/assurance", "internal/operations", "internal/record", "internal/trust", "catalog"} {
		if err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			file := filepath.ToSlash(strings.TrimPrefix(path, root+"/"))
			switch {
			case entry.IsDir():
				// commands and the API speak to others, and bundles are read without a server
				for _, other := range []string{"internal/surface/cli", "internal/surface/api", "internal/assurance/evidence"} {
					if file == other {
						return filepath.SkipDir
					}
				}
				if entry.Name() == "testdata" {
					return filepath.SkipDir
				}
				return nil
			case strings.HasSuffix(file, "_test.go"):
				return nil
			case strings.HasSuffix(file, ".go"):
				parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
				if err != nil {
					return err
				}
				ast.Inspect(parsed, func(n ast.Node) bool {
					if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
						if text, err := strconv.Unquote(literal.Value); err == nil {
							names(file, text)
						}
					}
					return true
				})
				return nil
			}
			text, err := os.ReadFile(path)
			for line := range strings.Lines(string(text)) {
				if !strings.HasPrefix(strings.TrimSpace(line), "#") { // a comment
					names(file, line)
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	for at := range atTheConsole {
		if !used[at] {
			t.Errorf("%s: nothing says so any more", at)
		}
	}
}
