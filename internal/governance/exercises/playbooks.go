package exercises

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"scaf.dev/scaf/catalog"
)

// Playbook is how to answer a kind of incident, with a scenario by which that is
// exercised.
type Playbook struct {
	ID       string   `yaml:"id" json:"id"`
	Title    string   `yaml:"title" json:"title"`
	When     string   `yaml:"when" json:"when"`
	Steps    []Step   `yaml:"steps" json:"steps"`
	Scenario string   `yaml:"scenario" json:"scenario"`
	Injects  []Inject `yaml:"injects" json:"injects"`
}

// Step is one of a playbook's phases.
type Step struct {
	Phase string   `yaml:"phase" json:"phase"`
	Do    []string `yaml:"do" json:"do"`
}

// Inject is something new that players are told, and what came of it.
type Inject struct {
	After  string `yaml:"after" json:"after" doc:"How long after the beginning, like 20m."`
	What   string `yaml:"what" json:"what" long:"true" doc:"What players are told."`
	Expect string `yaml:"expect" json:"expect,omitempty" label:"What is expected" long:"true"`
	Answer string `yaml:"-" json:"answer,omitempty" label:"What they did" long:"true"`
}

var playbooks = readPlaybooks()

// Playbooks are those of the catalog, by id.
func Playbooks() []Playbook { return playbooks }

// playbook finds one; nil when there is none.
func playbook(id string) *Playbook {
	at := slices.IndexFunc(playbooks, func(p Playbook) bool { return p.ID == id })
	if at < 0 {
		return nil
	}
	return &playbooks[at]
}

func ids() (all []string) {
	for i := range playbooks {
		all = append(all, playbooks[i].ID)
	}
	return all
}

// readPlaybooks reads the playbooks. They are part of the program: a mistake in
// one is one of the program, and panics.
func readPlaybooks() (all []Playbook) {
	for name, text := range catalog.Playbooks() {
		one := Playbook{}
		if err := yaml.Unmarshal(text, &one); err != nil || one.ID+".yaml" != name {
			panic(fmt.Sprintf("the playbook %s: it has the id %q, %v", name, one.ID, err))
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Playbook) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return all
}
