package portal

import (
	"slices"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// historyPage is every version of a record.
type historyPage struct {
	Kind  *record.Kind
	Ref   string
	Back  string
	Steps []historyStep
}

type historyStep struct {
	surface.Step
	Changes []staleRow
}

func (p *Portal) history(r *request) (*shown, error) {
	v, err := p.load(r)
	if err != nil {
		return nil, err
	}
	steps, err := p.System.History(r.Context(), r.kind, v.ID, false)
	if err != nil {
		return nil, err
	}
	page := &historyPage{Kind: r.kind, Ref: v.Ref(), Back: at(r.kind, v.ID)}
	before := map[string]shownValue{}
	for _, step := range steps {
		one := historyStep{Step: step}
		after, err := p.values(r, r.kind, step.Document)
		if err != nil {
			return nil, err
		}
		for _, f := range r.kind.Ordered() {
			value := after[f.Name]
			changed := step.Version == 1 && value.Some()
			for _, d := range step.Fields {
				changed = changed || d.Field == f.Name
			}
			if changed {
				one.Changes = append(one.Changes, staleRow{f.Label, value, before[f.Name]})
			}
		}
		before = after
		page.Steps = append(page.Steps, one)
	}
	slices.Reverse(page.Steps)
	return &shown{page: "history", title: "History of " + caption(r.kind, v), data: page}, nil
}
