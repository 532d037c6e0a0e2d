package criteria

import (
	"strings"
	"testing"
)

func TestWhatIsWrongWithTheFilesIsNamedByLine(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"empty", "", "f:1: the file is empty"},
		{"unknown key", "- {group: G, criterion: []}\n", "f:1: unknown key: criterion"},
		{"no list", "a: b\n", "f:1: cannot unmarshal !!map"},
		{"syntax", "- [\n", "f:1: did not find expected node content"},
		{"two documents", "- {group: G, criteria: []}\n---\n[]\n", "f: a second document"},
		{"no group", "- criteria:\n    - {id: CC1.1, title: T}\n", "f:1: a group without a title"},
		{"no title", "- group: G\n  criteria:\n    - {id: CC1.1}\n", "f:3: a criterion needs id and title"},
		{"twice", "- group: G\n  criteria:\n    - {id: CC1.1, title: T}\n    - {id: CC1.1, title: T}\n",
			"f:4: the criterion \"CC1.1\" is already on line 3\nf:4: the title \"T\" is already on line 3"},
	} {
		_, err := parse("f", []byte(test.file))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v\nwant %s", test.name, err, test.want)
		}
	}
	for _, test := range []struct{ name, file, want string }{
		{"unknown criterion", "- {criterion: CC9.9, reference: r, says: s, controls: [A], ours: [CC9.9]}\n", "f:1: unknown criterion \"CC9.9\"\nf:1: unknown criterion \"CC9.9\""},
		{"no controls", "- {criterion: CC6.1, reference: r, says: s, ours: [CC6.1]}\n", "f:1: a row needs"},
		{"differs unsaid", "- {criterion: CC6.1, reference: r, says: s, controls: [A], ours: [CC6.2]}\n", "f:1: differs is given exactly where"},
		{"agrees and differs", "- {criterion: CC6.1, reference: r, says: s, controls: [A], ours: [CC6.1], differs: d}\n", "f:1: differs is given exactly where"},
	} {
		_, err := parseMapping("f", []byte(test.file))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v\nwant %s", test.name, err, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("- group: G\n  criteria:\n    - {id: CC1.1, title: T}\n"))
	f.Add([]byte("- {criterion: CC6.2, reference: r, says: s, controls: [A], ours: [CC6.1], differs: d}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := parse("f", data); err == nil {
			for _, c := range list {
				if c.ID == "" || c.Title == "" || c.Group == "" {
					t.Fatalf("accepted %+v", c)
				}
			}
		}
		if rows, err := parseMapping("f", data); err == nil {
			for _, row := range rows {
				if !Known(row.Criterion) || len(row.Controls) == 0 {
					t.Fatalf("accepted %+v", row)
				}
			}
		}
	})
}
