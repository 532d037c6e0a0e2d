package portal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/markdown"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// shownValue is a field's value as people read it: each line of it, with what it
// leads to; or what stands in the structs that it holds.
type shownValue struct {
	Label string
	Name  string
	Shape record.Shape
	Lines []shownLine
	// Rendered is a text of Markdown as it reads.
	Rendered template.HTML
	Long     bool         // a text of several lines
	Parts    []shownValue // of a struct
	// Columns and Rows are those of a list of structs; More is how many rows there are
	// beside those that are shown.
	Columns []string
	Rows    [][]shownValue
	More    int
	Wide    bool // too many columns for the width of a page: a row stands on lines of its own
}

// Some reports whether there is anything to see.
func (v *shownValue) Some() bool {
	return len(v.Lines)+len(v.Rendered)+len(v.Parts)+len(v.Rows) > 0
}

// besides is how many columns a table in the page of a record has.
const besides = 5

// maxRows is how many rows of a list of structs a page shows.
const maxRows = 50

// shownLine is one value.
type shownLine struct {
	Text string
	Href string     // of the record that it names
	At   *time.Time // of a time
	Tone string     // the class of a state or another choice

	Missing string // why it names nothing, where that is known already

	absent func() bool             // whether it names a record that there is not
	named  func(ref string) string // what people call the record; nil: the text says it
	left   func(ref string) string // when the person left who is named for what lies ahead; nil: nobody is
}

// values shows fields of a document.
func (p *Portal) values(r *request, kind *record.Kind, doc json.RawMessage) (map[string]shownValue, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(doc, &fields); err != nil {
		return nil, err
	}
	all := map[string]shownValue{}
	for _, f := range kind.Ordered() {
		if raw, ok := fields[f.Name]; ok && string(raw) != "null" {
			value, err := p.value(r, described(kind, f), raw)
			if err != nil {
				return nil, err
			}
			if kind == risks.Register && f.Name == risks.DoneReviews {
				if err := p.earlierReviews(r, &value, raw); err != nil {
					return nil, err
				}
			}
			if f.Rows != nil {
				value.asked(f.Rows, p.typed(described(kind, kind.Field(f.Rows.By)), fields[f.Rows.By]).text())
			}
			all[f.Name] = value
		}
	}
	if kind.Internal {
		for name, value := range all {
			value.plain(kind, p.zone)
			all[name] = value
		}
	}
	switch kind {
	case results.Register:
		var of results.Result
		if err := json.Unmarshal(doc, &of); err != nil {
			return nil, err
		}
		leading(all, &of)
		return all, percent(all, doc)
	case judgments.Deviations:
		item := all["item"]
		line, err := p.deviating(r, doc)
		item.Lines = []shownLine{line}
		all["item"] = item
		return all, err
	}
	return all, nil
}

// code is what SCAF writes where people say several words.
var code = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

// plain says in words what SCAF writes as codes.
func (v *shownValue) plain(kind *record.Kind, zone *time.Location) {
	for i := range v.Lines {
		line := &v.Lines[i]
		switch {
		case line.Href != "":
		case code.MatchString(line.Text):
			line.Text = strings.ReplaceAll(line.Text, "_", " ")
		case kind == results.Register && v.Name == "reason":
			line.Text = controltests.Reason(line.Text).Words()
		case kind == results.Register:
			line.Text = controltests.Plainly(line.Text, zone)
		}
	}
	for i := range v.Parts {
		v.Parts[i].plain(kind, zone)
	}
	for _, row := range v.Rows {
		for i := range row {
			row[i].plain(kind, zone)
		}
	}
}

// percent says a result's rate as people do: of how many.
func percent(all map[string]shownValue, doc json.RawMessage) error {
	var result struct {
		Rate               json.Number `json:"rate"`
		Passed, Deviations int
		State              *controltests.State `json:"state"`
	}
	if err := json.Unmarshal(doc, &result); err != nil {
		return err
	}
	rate, err := result.Rate.Float64()
	value, ok := all["rate"]
	if err != nil || !ok || len(value.Lines) != 1 {
		return nil //nolint:nilerr // it stands as it is
	}
	value.Lines[0].Text = fmt.Sprintf("%.1f %%", rate*100)
	if result.State == nil {
		value.Lines[0].Text += fmt.Sprintf(" (%d of %d)", result.Deviations, result.Passed+result.Deviations)
	}
	all["rate"] = value
	return nil
}

// asked puts what was asked in the place of its key.
func (v *shownValue) asked(rows *record.Rows, by string) {
	for _, one := range rows.Of(by) {
		for _, row := range v.Rows {
			for i := range row {
				if lines := row[i].Lines; row[i].Name == rows.Key && len(lines) == 1 && lines[0].Text == one.Key {
					row[i].Lines = []shownLine{{Text: one.Text}}
				}
			}
		}
	}
}

// described is a field of a record with the type of what it holds. The state has the
// choices of the lifecycle.
func described(kind *record.Kind, f record.Field) record.Part {
	if f.Name == "state" && len(kind.States) > 0 {
		f.Choices = states(kind)
	}
	return record.Part{Field: f, Of: kind.Type(f.Name)}
}

// states are the names of a register's states.
func states(kind *record.Kind) (names []string) {
	for _, state := range kind.States {
		names = append(names, state.Name)
	}
	return names
}

// value shows what a field of a record, or of a struct in one, holds.
func (p *Portal) value(r *request, f record.Part, raw json.RawMessage) (shownValue, error) {
	v := shownValue{Label: f.Label, Name: f.Name, Shape: record.ShapeOf(f.Of), Long: f.Long}
	line := func(text string) shownLine {
		switch {
		case len(f.Choices) > 0:
			return shownLine{Text: f.Choice(text), Tone: text}
		case f.Name == "control" || f.Name == "controls":
			one := shownLine{Text: text, Href: p.controlOf(r, text)}
			if len(r.controls) > 0 && !r.controls[text] {
				one.Missing = "not in the catalog"
			}
			return one
		}
		one := p.reference(r, text)
		if kind, _, err := p.System.Kinds.Parse(text); err == nil && kind == people.Register && one.named != nil && f.Ahead() {
			one.left = func(ref string) string { return p.leftOn(r, ref) }
		}
		return one
	}
	switch v.Shape {
	case record.ShapeText:
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return v, err
		}
		switch {
		case text == "":
		case f.Markdown:
			var err error
			if f.FrontMatter {
				text = markdown.Body(text)
			}
			v.Rendered, err = markdown.HTML(text)
			return v, err
		case f.Of == reflect.TypeFor[record.Duration]():
			v.Lines = []shownLine{{Text: record.Duration(text).Words()}}
		default:
			v.Lines = []shownLine{line(text)}
		}
	case record.ShapeTexts:
		var texts []string
		if err := json.Unmarshal(raw, &texts); err != nil {
			return v, err
		}
		for _, text := range texts {
			v.Lines = append(v.Lines, line(text))
		}
	case record.ShapeTime:
		var at time.Time
		if err := json.Unmarshal(raw, &at); err != nil {
			return v, err
		}
		v.Lines = []shownLine{p.moment(at, f.Day)}
		if f.LastDay {
			v.Lines[0].Text = f.Read(at, p.zone).Format(time.DateOnly)
		}
	case record.ShapeTruth:
		v.Lines = []shownLine{{Text: map[bool]string{true: "Yes", false: "No"}[string(raw) == "true"]}}
	case record.ShapeNumber:
		v.Lines = []shownLine{{Text: string(raw)}}
	case record.ShapeNumbers:
		var all []json.Number
		if err := json.Unmarshal(raw, &all); err != nil {
			return v, err
		}
		for _, number := range all {
			v.Lines = append(v.Lines, shownLine{Text: number.String()})
		}
	case record.ShapeParts, record.ShapeRows:
		return v, p.structs(r, &v, record.Parts(f.Of), raw)
	case record.ShapeJSON:
		return v, p.loose(r, &v, raw)
	}
	return v, nil
}

// controlOf is the page of a control by its id; empty when there is none, or the reader
// may not open it.
func (p *Portal) controlOf(r *request, id string) string {
	if r.controls == nil {
		r.controls = map[string]bool{}
		all, err := p.System.Controls()
		if err != nil {
			p.Log.Error("controls cannot be read", "error", err) // ids say which they are
		}
		for _, control := range all {
			r.controls[control.ID] = true
		}
	}
	if !r.controls[id] {
		return ""
	}
	return p.leads(r, "control/"+id)
}

func (p *Portal) moment(at time.Time, day bool) shownLine {
	form := "2006-01-02 15:04"
	if day {
		form = time.DateOnly
	}
	return shownLine{Text: at.In(p.zone).Format(form), At: &at}
}

// structs shows a struct, or a list of them, as a table of those fields that hold
// something in one of them.
func (p *Portal) structs(r *request, v *shownValue, parts []record.Part, raw json.RawMessage) error {
	one := raw[0] == '{'
	if one {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return err
	}
	if len(all) > maxRows {
		v.More, all = len(all)-maxRows, all[:maxRows]
	}
	rows := make([][]shownValue, len(all))
	for _, part := range parts {
		some := false
		column := make([]shownValue, len(all))
		for i, fields := range all {
			column[i] = shownValue{Label: part.Label, Name: part.Name}
			if held, ok := fields[part.Name]; ok && string(held) != "null" {
				var err error
				if column[i], err = p.value(r, part, held); err != nil {
					return err
				}
			}
			some = some || column[i].Some()
		}
		if !some {
			continue
		}
		v.Columns = append(v.Columns, part.Label)
		v.Wide = len(v.Columns) > besides
		for i := range all {
			rows[i] = append(rows[i], column[i])
		}
	}
	switch {
	case len(v.Columns) == 0:
	case one:
		v.Columns, v.Parts = nil, rows[0]
	default:
		v.Rows = rows
	}
	return nil
}

// loose shows what no type says anything of: by what it is.
func (p *Portal) loose(r *request, v *shownValue, raw json.RawMessage) error {
	switch raw[0] {
	case '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return err
		}
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
			v.Lines = []shownLine{p.moment(at, false)}
		} else if text != "" {
			v.Lines = []shownLine{p.reference(r, text)}
		}
	case '{', '[':
		objects := []json.RawMessage{raw}
		if raw[0] == '[' {
			if err := json.Unmarshal(raw, &objects); err != nil {
				return err
			}
		}
		var names []string
		for _, object := range objects {
			var fields map[string]json.RawMessage
			if json.Unmarshal(object, &fields) != nil || fields == nil { // a list of something else
				var inner shownValue
				if err := p.loose(r, &inner, object); err != nil {
					return err
				}
				v.Lines = append(v.Lines, inner.Lines...)
				continue
			}
			names = append(names, slices.Sorted(maps.Keys(fields))...)
		}
		if len(v.Lines) > 0 {
			return nil
		}
		slices.Sort(names)
		var parts []record.Part
		for _, name := range slices.Compact(names) {
			parts = append(parts, record.Part{Field: record.Field{Name: name, Label: record.Words(name)}})
		}
		return p.structs(r, v, parts, raw)
	case 't', 'f':
		v.Lines = []shownLine{{Text: map[bool]string{true: "Yes", false: "No"}[raw[0] == 't']}}
	default:
		v.Lines = []shownLine{{Text: string(raw)}}
	}
	return nil
}

// leads is the page of what a text names: of a record, a control, a duty or its
// occurrence; empty when it names none, or one that the reader may not open.
func (p *Portal) leads(r *request, text string) string {
	if to := p.page(text); to != "" && p.opens(r, to) {
		return to
	}
	return ""
}

// page is the page of what a text names, whoever reads it.
func (p *Portal) page(text string) string {
	if result, item, ok := surface.DeviationNamed(text); ok {
		return deviationPath("", &results.Found{Result: result, Item: item})
	}
	if kind, id, _ := p.System.Computed(text); kind != nil {
		return at(kind, id)
	}
	switch kind, id, _ := strings.Cut(text, "/"); {
	case id == "*": // any of them, as duties ask for
		return ""
	case id == "" || strings.ContainsAny(id, " /\n"):
	case kind == "control":
		return "/controls/" + url.PathEscape(id)
	case kind == tasks.Register.Name, kind == tasks.Performances.Name:
		return dutyPath(tasks.Split(id))
	}
	kind, id, err := p.System.Kinds.Parse(text)
	if err != nil || kind.Name+"/"+id != text || strings.ContainsAny(text, " \n") {
		return ""
	}
	return at(kind, id)
}

// at is the path of a register's page, or of a record's.
func at(kind *record.Kind, parts ...string) string {
	path := "/r/" + kind.Register
	for _, part := range parts {
		path += "/" + url.PathEscape(part)
	}
	return path
}

// caption is what people call a record: its name or its title, or else its id. A
// deviation is one from a test: its id is a hash.
func caption(kind *record.Kind, v *record.Version) string {
	if v.Kind == judgments.Deviations.Name {
		var d judgments.Deviation
		if json.Unmarshal(v.Doc, &d) == nil {
			return d.Control + " " + d.Test
		}
	}
	return cmp.Or(kind.Caption(v.Doc), v.ID)
}

// deviating is the item of a deviation: the record where it is one.
func (p *Portal) deviating(r *request, doc json.RawMessage) (shownLine, error) {
	var d judgments.Deviation
	if err := json.Unmarshal(doc, &d); err != nil {
		return shownLine{}, err
	}
	return p.reference(r, p.System.Items()(d.Control, d.Test, d.Item)), nil
}

// prefix is that of fields of records in forms and addresses: a register may have
// one that is called as something of the page.
const prefix = "f."
