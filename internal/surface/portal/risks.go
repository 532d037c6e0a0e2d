package portal

import (
	"encoding/json"
	"fmt"
	"strings"

	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// riskMap counts the risks that are rated on the scale in force by how likely they
// are and how much they would hurt, once before anything is done about them and once
// with what is done. Those that are rated on another scale have no place in it, and
// are listed.
type riskMap struct {
	Register string
	Scale    *risks.Scale
	ScaleAt  string // its page; empty of the default
	Scales   string
	Maps     []heat
	Legend   []legendLine
	Others   []otherRisk
	More     bool   // there are more of them than are listed
	OthersAt string // the list of all of them
	Unrated  string // the list of those that have no inherent rating
}

type heat struct {
	Title   string
	Says    string
	Impacts []string // from 1 on
	Rows    []heatRow
	// Rated are so many in the map, Unrated so many others have no such rating on any scale;
	// at the addresses they are listed.
	Rated, Unrated     int64
	RatedAt, UnratedAt string
}

type heatRow struct {
	Title string
	Cells []heatCell
}

type heatCell struct {
	Tone, Label, Href string
	Count             int64
}

type legendLine struct {
	Tone, Level string
	From, To    int
}

type otherRisk struct {
	Href, Caption   string
	On              shownLine
	Level, Residual string
	By              shownValue
}

// tones are the colours of a map, which tells so many levels apart.
var tones = []string{"low", "moderate", "high", "critical"}

// tone is that of one of so many levels: the lowest and the highest are those of
// every map.
func tone(level, levels int) string {
	return tones[(level*(len(tones)-1)+(levels-1)/2)/(levels-1)]
}

// listedOthers are so many of the risks that are rated on another scale.
const listedOthers = 50

func (p *Portal) riskMap(r *request) (*shown, error) {
	kind := risks.Register
	page := &riskMap{Register: at(kind), Scales: at(risks.Scales)}
	return &shown{page: "risks", title: "Risk map", data: page}, p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		scale, err := risks.InCharge(reader)
		if err != nil {
			return err
		}
		page.Scale = scale
		if scale.Ref() != "" {
			page.ScaleAt = at(risks.Scales, scale.ID)
		}
		for i, level := range scale.Levels {
			line := legendLine{tone(i, len(scale.Levels)), level, scale.LevelFrom[i], len(scale.Likelihoods) * len(scale.Impacts)}
			if i+1 < len(scale.LevelFrom) {
				line.To = scale.LevelFrom[i+1] - 1
			}
			page.Legend = append(page.Legend, line)
		}
		for _, one := range []struct{ title, says, before string }{{"Inherent", "before anything is done", ""}, {"Residual", "with what is done", "residual_"}} {
			h, err := p.heat(reader, scale, one.before)
			if err != nil {
				return err
			}
			h.Title, h.Says = one.title, one.says
			page.Maps = append(page.Maps, h)
		}
		page.Unrated = page.Maps[0].UnratedAt
		return p.otherRisks(r, reader, page)
	})
}

// heat is the map of the ratings whose fields begin so.
func (p *Portal) heat(reader *store.Reader, scale *risks.Scale, before string) (heat, error) {
	kind, terms := risks.Register, scale.Terms()
	likelihood, impact := before+"likelihood", before+"impact"
	h := heat{Impacts: scale.Impacts}
	counts, err := record.Tally(reader, kind, scale.Here(), likelihood, impact)
	if err != nil {
		return h, err
	}
	for i := len(scale.Likelihoods); i > 0; i-- {
		line := heatRow{Title: scale.Likelihoods[i-1]}
		for j, hurts := range scale.Impacts {
			n := counts[[2]int64{int64(i), int64(j + 1)}]
			a := p.ask(kind, map[string][]string{prefix + likelihood: {fmt.Sprint(i)}, prefix + impact: {fmt.Sprint(j + 1)}, "filter": {scale.Here()}})
			level := terms.Level(i * (j + 1))
			line.Cells = append(line.Cells, heatCell{
				Tone: tone(level, len(scale.Levels)), Count: n, Href: a.with(),
				Label: fmt.Sprintf("%d %s, %s: %s", n, strings.ToLower(line.Title), hurts, scale.Levels[level]),
			})
			h.Rated += n
		}
		h.Rows = append(h.Rows, line)
	}
	both := fmt.Sprintf("has(item.%s) && has(item.%s)", likelihood, impact)
	without := risks.NotClosed + " && !(" + both + ")"
	h.RatedAt = p.ask(kind, map[string][]string{"filter": {scale.Here() + " && " + both}}).with()
	h.UnratedAt = p.ask(kind, map[string][]string{"filter": {without}}).with()
	h.Unrated, err = record.Counted(reader, kind, without)
	return h, err
}

// otherRisks are those that are rated on another scale.
func (p *Portal) otherRisks(r *request, reader *store.Reader, page *riskMap) error {
	page.OthersAt = p.ask(risks.Register, map[string][]string{"filter": {page.Scale.Elsewhere()}}).with()
	var err error
	page.More, err = page.Scale.EachElsewhere(reader, listedOthers, func(v *record.Version) error {
		one := &risks.Risk{}
		if err := json.Unmarshal(v.Doc, one); err != nil {
			return err
		}
		line := otherRisk{Href: at(risks.Register, v.ID), Caption: caption(risks.Register, v), On: shownLine{Text: risks.DefaultID}, Level: one.Level, Residual: one.ResidualLevel}
		if one.Scale != "" {
			line.On = p.reference(r, one.Scale)
		}
		values, err := p.values(r, risks.Register, v.Doc)
		line.By = values["rate_by"]
		page.Others = append(page.Others, line)
		return err
	})
	return err
}

// earlierReviews makes a table of the reviews that a risk has behind it, the latest
// first: for which date, when and by whom, how it was rated, and what was decided. The
// numbers of the scale, which each of them keeps, are its scale's to tell.
func (p *Portal) earlierReviews(r *request, v *shownValue, raw json.RawMessage) error {
	var all []risks.Review
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	documents, err := structsOf(raw)
	if err != nil {
		return err
	}
	v.Columns, v.Rows, v.Wide, v.More = nil, nil, false, max(0, len(all)-maxRows)
	for _, name := range []string{"due_at", "reviewed_at", "reviewed_by", "score", "response"} {
		f := risks.Register.Field(name)
		f.Day = risks.Register.Shape(name) == record.ShapeTime && !f.LastDay // the history has the hours
		column := make([]shownValue, 0, len(all))
		for i := len(all) - 1; i >= v.More; i-- {
			cell := shownValue{Label: f.Label, Name: name}
			switch held, ok := documents[i][name]; {
			case name == "score":
				if rating := all[i].Rating(); rating != "" {
					cell.Lines = []shownLine{{Text: rating}}
				}
			case ok:
				if cell, err = p.value(r, described(risks.Register, f), held); err != nil {
					return err
				}
			}
			if by := all[i].AcceptedBy; name == "response" && by != "" {
				cell.Lines = append(cell.Lines, p.reference(r, by)) // who said so
			}
			column = append(column, cell)
		}
		v.Columns = append(v.Columns, f.Label)
		if v.Rows == nil {
			v.Rows = make([][]shownValue, len(column))
		}
		for i := range column {
			v.Rows[i] = append(v.Rows[i], column[i])
		}
	}
	return nil
}
