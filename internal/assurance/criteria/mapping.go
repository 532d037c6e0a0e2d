package criteria

import (
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"scaf.dev/scaf/catalog"
)

// Row is a row of the narrative's own mapping of criteria, beside the
// catalog's.
type Row struct {
	// Criterion, Reference and Says are what the narrative has.
	Criterion string `json:"criterion"`
	Reference string `json:"reference"`
	Says      string `json:"says"`
	// Controls are those of the catalog that do what the row is about, Ours
	// the criteria under which the catalog has them.
	Controls []string `json:"controls"`
	Ours     []string `json:"ours"`
	// Differs says why Ours is not Criterion; empty where they agree.
	Differs string `json:"differs,omitempty"`
}

var narrated = sync.OnceValue(func() []Row {
	rows, err := parseMapping(catalog.NarrativeFile, catalog.Narrative())
	if err != nil { // the file is part of the program, and a test holds it
		panic(err)
	}
	return rows
})

// Narrative returns the narrative's mapping in its order. The caller owns the
// slice.
func Narrative() []Row { return slices.Clone(narrated()) }

// parseMapping reads the narrative's mapping. The error names file and line of
// everything that is wrong. Whether the controls exist is for those to say who
// have loaded them.
func parseMapping(file string, data []byte) ([]Row, error) {
	var read []struct {
		Criterion yaml.Node   `yaml:"criterion"`
		Reference string      `yaml:"reference"`
		Says      string      `yaml:"says"`
		Controls  []string    `yaml:"controls"`
		Ours      []yaml.Node `yaml:"ours"`
		Differs   string      `yaml:"differs"`
	}
	if err := decode(file, data, &read); err != nil {
		return nil, err
	}
	var rows []Row
	p := problems{file: file}
	seen := map[string]int{}
	for i := range read {
		one := &read[i]
		line := one.Criterion.Line
		row := Row{Criterion: one.Criterion.Value, Reference: one.Reference, Says: one.Says, Controls: one.Controls, Differs: strings.TrimSpace(one.Differs)}
		p.known(&one.Criterion)
		p.unique(seen, &one.Criterion, "criterion")
		if row.Reference == "" || row.Says == "" || len(row.Controls) == 0 || len(one.Ours) == 0 {
			p.add(line, "a row needs criterion, reference, says, controls and ours")
		}
		for k := range one.Ours {
			p.known(&one.Ours[k])
			row.Ours = append(row.Ours, one.Ours[k].Value)
		}
		if same := slices.Equal(row.Ours, []string{row.Criterion}); same != (row.Differs == "") {
			p.add(line, "differs is given exactly where ours is another criterion than the narrative's")
		}
		rows = append(rows, row)
	}
	return rows, p.err()
}

func (p *problems) known(node *yaml.Node) {
	if !Known(node.Value) {
		p.add(node.Line, "unknown criterion %q", node.Value)
	}
}
