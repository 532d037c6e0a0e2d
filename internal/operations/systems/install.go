package systems

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// template is a system of the catalog.
type template struct {
	ID          string   `yaml:"id"`
	Name        string   `yaml:"name"`
	Purpose     string   `yaml:"purpose"`
	Boundary    string   `yaml:"boundary"`
	Outside     string   `yaml:"outside"`
	Data        []string `yaml:"data"`
	Criticality string   `yaml:"criticality"`
	DependsOn   []string `yaml:"depends_on"`
}

var templates = load()

// load reads the catalog's systems, each after those that it depends on. They are
// part of the program: a mistake in them is one of the program, and panics.
func load() (all []template) {
	if err := yaml.Unmarshal(catalog.Systems(), &all); err != nil || len(all) == 0 {
		panic(fmt.Sprintf("the catalog's systems: %d, %v", len(all), err))
	}
	return all
}

// Install proposes the systems of the catalog, the narrative's primary ones. One
// that is in the register, whatever its state, is passed over. It returns the ids
// of the new ones.
func Install(ctx context.Context, door *act.Door, caller act.Caller) (made []string, err error) {
	for i := range templates {
		t := &templates[i]
		needs := make([]string, len(t.DependsOn))
		for n, id := range t.DependsOn {
			needs[n] = Register.Name + "/" + id
		}
		fields := map[string]json.RawMessage{}
		for name, value := range map[string]any{
			"id": t.ID, "name": t.Name, "purpose": t.Purpose, "primary": true, "boundary": t.Boundary, "outside": t.Outside,
			"data": t.Data, "criticality": t.Criticality, "depends_on": needs,
		} {
			if fields[name], err = json.Marshal(value); err != nil {
				return made, err
			}
		}
		_, err := door.Do(ctx, caller, "system.add", Register.Name+"/"+t.ID, func(tx *act.Tx) error {
			_, err := record.Add(tx, Register, fields)
			return err
		})
		switch {
		case err == nil:
			made = append(made, t.ID)
		case !errors.Is(err, record.ErrExists):
			return made, fmt.Errorf("%s: %w", t.ID, err)
		}
	}
	return made, nil
}
