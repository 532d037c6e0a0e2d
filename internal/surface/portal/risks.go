package portal

import (
	"fmt"
	"strings"

	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// riskMap counts the risks by how likely they are and how much they would hurt,
// once before anything is done about them and once with what is done.
type riskMap struct {
	Register string
	Maps     []heat
	Open     int64
	Unrated  string // the list of those that nobody has rated
}

type heat struct {
	Title   string
	Says    string
	Impacts []string // from 1 on
	Rows    []heatRow
	Rated   int64
}

type heatRow struct {
	Title string
	Cells []heatCell
}

type heatCell struct {
	Level, Label, Href string
	Count              int64
}

const openRisks = `item.state != "closed"`

func (p *Portal) riskMap(r *request) (*shown, error) {
	kind := risks.Register
	page := &riskMap{Register: at(kind), Unrated: at(kind) + "?f.state=" + risks.Identified}
	return &shown{page: "risks", title: "Risk map", data: page}, p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		for _, one := range []struct{ title, says, before string }{{"Inherent", "before anything is done", ""}, {"Residual", "with what is done", "residual_"}} {
			likelihood, impact := one.before+"likelihood", one.before+"impact"
			counts, err := record.Tally(reader, kind, openRisks, likelihood, impact)
			if err != nil {
				return err
			}
			h := heat{Title: one.title, Says: one.says, Impacts: risks.Impacts[:]}
			for i := risks.Steps; i > 0; i-- {
				line := heatRow{Title: risks.Likelihoods[i-1]}
				for j := 1; j <= risks.Steps; j++ {
					n := counts[[2]int64{int64(i), int64(j)}]
					a := p.ask(kind, map[string][]string{prefix + likelihood: {fmt.Sprint(i)}, prefix + impact: {fmt.Sprint(j)}, "filter": {openRisks}})
					level := risks.Level(i * j)
					line.Cells = append(line.Cells, heatCell{
						Level: level, Count: n, Href: a.with(),
						Label: fmt.Sprintf("%d %s, %s: %s", n, strings.ToLower(line.Title), risks.Impacts[j-1], level),
					})
					h.Rated += n
				}
				h.Rows = append(h.Rows, line)
			}
			page.Maps = append(page.Maps, h)
		}
		return nil
	})
}
