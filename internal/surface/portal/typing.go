package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/record"
)

// typing is what a person types into a field: its texts, or what they type into the
// fields of the structs that it holds.
type typing struct {
	texts []string
	rows  []map[string]typing
	sent  int // rows that a form had, the empty ones included
}

func (t typing) text() string { return strings.Join(t.texts, "\n") }

// empty reports whether nothing was typed.
func (t typing) empty() bool {
	return strings.TrimSpace(t.text()) == "" && len(t.rows) == 0
}

// same reports whether two say the same.
func (t typing) same(other typing) bool {
	return t.text() == other.text() && slices.EqualFunc(t.rows, other.rows, sameRow)
}

func sameRow(a, b map[string]typing) bool {
	return maps.EqualFunc(a, b, typing.same)
}

// typed is a field's value as a person types it into a form.
func (p *Portal) typed(f record.Part, raw json.RawMessage) (t typing) {
	if len(raw) == 0 || string(raw) == "null" {
		return t
	}
	var err error
	switch record.ShapeOf(f.Of) {
	case record.ShapeText:
		var text string
		if err = json.Unmarshal(raw, &text); err == nil && text != "" {
			if f.Of == reflect.TypeFor[record.Duration]() {
				text = record.Duration(text).Words()
			}
			t.texts = []string{text}
		}
	case record.ShapeTexts:
		err = json.Unmarshal(raw, &t.texts)
	case record.ShapeNumbers:
		var all []json.Number
		err = json.Unmarshal(raw, &all)
		for _, number := range all {
			t.texts = append(t.texts, number.String())
		}
	case record.ShapeTime:
		var at time.Time
		if err = json.Unmarshal(raw, &at); err == nil {
			t.texts = []string{f.Read(at, p.zone).Format(timeForm(f.Field))}
		}
	case record.ShapeParts, record.ShapeRows:
		var rows []map[string]json.RawMessage
		if rows, err = structsOf(raw); err == nil {
			for _, fields := range rows {
				row := map[string]typing{}
				for _, part := range record.Parts(f.Of) {
					row[part.Name] = p.typed(part, fields[part.Name])
				}
				t.rows = append(t.rows, row)
			}
		}
	case record.ShapeTruth, record.ShapeNumber, record.ShapeJSON:
		t.texts = []string{string(raw)}
	}
	if err != nil {
		return typing{}
	}
	return t
}

// structsOf are the structs in a document: one, or those of a list.
func structsOf(raw json.RawMessage) (all []map[string]json.RawMessage, err error) {
	if raw[0] == '{' {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	return all, json.Unmarshal(raw, &all)
}

// timeForm is how browsers write a day, or a minute of one.
func timeForm(f record.Field) string {
	if f.Whole() {
		return time.DateOnly
	}
	return minuteForm
}

// minuteForm is how browsers write a minute.
const minuteForm = "2006-01-02T15:04"

// read is a field's value from what was typed; null for nothing. A struct of a list
// that says what one said before (old) stays that one, to the second of its times.
func (p *Portal) read(f record.Part, t typing, old json.RawMessage) (json.RawMessage, error) {
	null := json.RawMessage("null")
	switch record.ShapeOf(f.Of) {
	case record.ShapeTexts:
		if len(t.texts) == 0 {
			return null, nil
		}
		return json.Marshal(t.texts)
	case record.ShapeNumbers:
		var all []json.Number
		for _, text := range t.texts {
			if _, err := strconv.ParseFloat(text, 64); err != nil {
				return nil, record.Refuse(f.Name, "%q is no number: one a line", text)
			}
			all = append(all, json.Number(text))
		}
		if len(all) == 0 {
			return null, nil
		}
		return json.Marshal(all)
	case record.ShapeTime:
		for _, form := range []string{timeForm(f.Field), "2006-01-02T15:04:05"} {
			if at, err := time.ParseInLocation(form, t.text(), p.zone); err == nil {
				if f.Whole() {
					at = f.Begin(at)
				}
				return json.Marshal(at.UTC())
			}
		}
	case record.ShapeParts, record.ShapeRows:
		if len(t.rows) == 0 {
			return null, nil
		}
		return p.readRows(f, t, old)
	case record.ShapeText, record.ShapeTruth, record.ShapeNumber, record.ShapeJSON:
	}
	return f.Value(t.text(), p.zone)
}

func (p *Portal) readRows(f record.Part, t typing, old json.RawMessage) (json.RawMessage, error) {
	list := record.ShapeOf(f.Of) == record.ShapeRows
	before := p.typed(f, old).rows
	var documents []map[string]json.RawMessage
	if len(before) > 0 {
		var err error
		if documents, err = structsOf(old); err != nil {
			return nil, err
		}
	}
	var all []map[string]json.RawMessage
	invalid := &record.Invalid{}
	for i, row := range t.rows {
		if at := slices.IndexFunc(before, func(other map[string]typing) bool { return sameRow(row, other) }); at >= 0 {
			all = append(all, documents[at])
			continue
		}
		fields := map[string]json.RawMessage{}
		for _, part := range record.Parts(f.Of) {
			name := part.Name
			part.Name = inside(f, i, name)
			raw, err := p.read(part, row[name], nil)
			var wrong *record.Invalid
			switch {
			case errors.As(err, &wrong):
				invalid.Fields = append(invalid.Fields, wrong.Fields...)
			case err != nil:
				return nil, err
			case string(raw) != "null":
				fields[name] = raw
			}
		}
		all = append(all, fields)
	}
	switch {
	case len(invalid.Fields) > 0:
		return nil, invalid
	case list:
		return json.Marshal(all)
	}
	return json.Marshal(all[0])
}

// inside is how errors call a field of the struct, or of the i-th one, in a field.
func inside(f record.Part, i int, part string) string {
	if record.ShapeOf(f.Of) == record.ShapeRows {
		return record.Within(f.Name, i, part)
	}
	return f.Name + "." + part
}

// maxTyped is how many rows of a list a form is read for.
const maxTyped = 500

// sent reports whether a form says anything of a field. A browser sends every field that
// the form has: of boxes to tick the empty text that stands before them.
func sent(f record.Part, form url.Values) bool {
	if form.Has(prefix + f.Name) {
		return true
	}
	for name := range form {
		if strings.HasPrefix(name, prefix+f.Name+".") {
			return true
		}
	}
	return false
}

// posted is what a form says of a field: a line each of a list of texts, what is
// ticked of choices, rows of structs in their order but for those that are empty or to
// be removed, one text of anything else.
func posted(f record.Part, form url.Values) typing { return postedAt(f, prefix+f.Name, form) }

func postedAt(f record.Part, path string, form url.Values) (t typing) {
	shape := record.ShapeOf(f.Of)
	switch shape {
	case record.ShapeRows:
		for _, n := range rowsSent(path, form) {
			t.sent++
			row := path + "." + strconv.Itoa(n)
			if fields, some := postedRow(f, row, form); some && !form.Has(row) {
				t.rows = append(t.rows, fields)
			}
		}
		return t
	case record.ShapeParts:
		if fields, some := postedRow(f, path, form); some {
			t.rows = append(t.rows, fields)
		}
		return t
	case record.ShapeText, record.ShapeTexts, record.ShapeNumbers, record.ShapeNumber, record.ShapeTruth, record.ShapeTime, record.ShapeJSON:
	}
	lines := shape == record.ShapeTexts || shape == record.ShapeNumbers
	all := form[path]
	if lines && len(f.Choices) == 0 {
		all = strings.Split(strings.Join(all, "\n"), "\n")
	}
	for _, text := range all {
		text = strings.ReplaceAll(text, "\r\n", "\n") // as browsers end the lines of a text
		if lines {
			text = strings.TrimSpace(text)
		}
		if text != "" {
			t.texts = append(t.texts, text)
		}
	}
	return t
}

// postedRow is what a form says of the fields of a struct, and whether it is anything:
// which row it is was not typed.
func postedRow(f record.Part, path string, form url.Values) (fields map[string]typing, some bool) {
	fields = map[string]typing{}
	for _, part := range record.Parts(f.Of) {
		t := postedAt(part, path+"."+part.Name, form)
		fields[part.Name] = t
		some = some || !t.empty() && (f.Rows == nil || part.Name != f.Rows.Key)
	}
	return fields, some
}

// rowsSent are the numbers of the rows of a list that a form has.
func rowsSent(path string, form url.Values) (numbers []int) {
	for name := range form {
		rest, ok := strings.CutPrefix(name, path+".")
		number, _, part := strings.Cut(rest, ".")
		n, err := strconv.Atoi(number)
		if ok && part && err == nil && n >= 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	return numbers[:min(len(numbers), maxTyped)]
}

// input is a field of a form.
type input struct {
	record.Field
	ID      string
	Control string // what kind of control
	Value   string
	Options []option
	// List is where the records stand that the field can name; the first field of a
	// page that can name them has them.
	List      string
	Suggested []option
	Offered   []option   // what can be named in a list, a line each
	Naming    *shownLine // what the value names
	Wrong     string
	HelpAt    string // where the help stands that is in the first row of a list
	// Begins is the heading that stands before the field.
	Begins string
	// Parts are the fields of a struct, Blocks the structs of a list; where people add
	// them, More is the value of the button that makes room for more.
	Parts  []input
	Blocks []block
	More   string
	Asks   string // what the button says that shows the rows there are to fill in

	key    string // how errors call it
	filled bool
}

// block is a struct of a list.
type block struct {
	Title  string
	Inputs []input
	Remove string // the name of the box that removes it; empty of an empty one
	ID     string
	// Key and Is: which of the rows that there are to fill in it is.
	Key, Is string
}

// option is something to choose.
type option struct {
	Value, Text string
	Chosen      bool
}

// roomFor is how many empty rows a list has in a form, and how many more there are
// when somebody asks for them.
const (
	roomFor  = 2
	roomMore = 3
)

// filling makes the fields of a form: id stands before the ids of its controls; of
// the record, typed gives what stands in another field.
type filling struct {
	id    string
	wrong map[string]string
	other func(field string) string
	more  string // the list that is to have more rows
}

// input is the control for a field with what is in it.
func (p *Portal) input(f record.Part, t typing, by filling) input {
	return p.inputAt(f, f.Name, f.Name, t, by)
}

// inputAt is the control of a field that forms send under a name, and errors call by
// a key.
func (p *Portal) inputAt(f record.Part, name, key string, t typing, by filling) input {
	in := input{Field: f.Field, ID: by.id + "f-" + strings.ReplaceAll(name, ".", "-"), Value: t.text(), Wrong: by.wrong[key], key: key, filled: !t.empty()}
	in.Name = name
	shape := record.ShapeOf(f.Of)
	switch {
	case shape == record.ShapeRows:
		in.Control = "rows"
		p.blocks(&in, f, name, t, by)
	case shape == record.ShapeParts:
		in.Control = "parts"
		row := map[string]typing{}
		if len(t.rows) > 0 {
			row = t.rows[0]
		}
		for _, part := range record.Parts(f.Of) {
			in.Parts = append(in.Parts, p.inputAt(part, name+"."+part.Name, key+"."+part.Name, row[part.Name], by))
		}
	case len(f.Choices) > 0:
		in.Control = "one"
		if shape == record.ShapeTexts {
			in.Control = "some"
		} else {
			in.Options = append(in.Options, option{"", "–", in.Value == ""})
		}
		for _, choice := range f.Choices {
			in.Options = append(in.Options, option{choice, f.Choice(choice), slices.Contains(t.texts, choice)})
		}
	case shape == record.ShapeTruth:
		in.Control = "one"
		in.Options = []option{{"", "–", in.Value == ""}, {"true", "Yes", in.Value == "true"}, {"false", "No", in.Value == "false"}}
	case shape == record.ShapeTime && f.Whole():
		in.Control = "date"
	case shape == record.ShapeTime:
		in.Control = "datetime-local"
	case shape == record.ShapeNumber:
		in.Control = "number"
	case shape == record.ShapeTexts, shape == record.ShapeNumbers, shape == record.ShapeJSON, f.Long, f.Markdown:
		in.Control = "lines"
	default:
		in.Control = "text"
	}
	return in
}

// blocks are the structs of a list: those that are there and some room, or those that
// there are to fill in.
func (p *Portal) blocks(in *input, f record.Part, name string, t typing, by filling) {
	parts := record.Parts(f.Of)
	add := func(n, i int, row map[string]typing) *block {
		b := block{Title: fmt.Sprintf("%s %d", f.Label, n+1), ID: in.ID + "-" + strconv.Itoa(n)}
		for _, part := range parts {
			at := name + "." + strconv.Itoa(n) + "." + part.Name
			one := p.inputAt(part, at, record.Within(in.key, i, part.Name), row[part.Name], by)
			if n > 0 && one.Help != "" {
				one.HelpAt, one.Help = in.Blocks[0].helpOf(part.Name), ""
			}
			b.Inputs = append(b.Inputs, one)
		}
		in.Blocks = append(in.Blocks, b)
		return &in.Blocks[len(in.Blocks)-1]
	}
	if f.Rows != nil {
		asked := f.Rows.Of(by.other(f.Rows.By))
		for n, one := range asked {
			i := slices.IndexFunc(t.rows, func(row map[string]typing) bool { return row[f.Rows.Key].text() == one.Key })
			var row map[string]typing
			if i >= 0 {
				row = t.rows[i]
			}
			b := add(n, i, row)
			b.Title, b.Key, b.Is = fmt.Sprintf("%d. %s", n+1, one.Text), prefix+name+"."+strconv.Itoa(n)+"."+f.Rows.Key, one.Key
			b.Inputs = slices.DeleteFunc(b.Inputs, func(in input) bool { return strings.HasSuffix(in.Name, "."+f.Rows.Key) })
			for i := range b.Inputs {
				if one := &b.Inputs[i]; one.Control == "one" {
					one.Control, one.Options = "radio", one.Options[1:]
				}
			}
		}
		in.More, in.Asks = name, "Show what is asked"
		return
	}
	for i, row := range t.rows {
		add(i, i, row).Remove = prefix + name + "." + strconv.Itoa(i)
	}
	room := roomFor
	if by.more == name {
		room = min(max(t.sent-len(t.rows), 0), maxTyped) + roomMore
	}
	for range room {
		add(len(in.Blocks), len(in.Blocks), nil)
	}
	in.More = name
}

// helpOf is where the help of a field stands.
func (b *block) helpOf(part string) string {
	at := slices.IndexFunc(b.Inputs, func(in input) bool { return strings.HasSuffix(in.Name, "."+part) })
	if at < 0 {
		return ""
	}
	return b.Inputs[at].ID + helpSuffix
}

const helpSuffix = "-help"

// Notes are where the page says more about an input.
func (in *input) Notes() string {
	var all []string
	if in.Wrong != "" {
		all = append(all, in.ID+"-wrong")
	}
	if in.Help != "" {
		all = append(all, in.ID+helpSuffix)
	} else if in.HelpAt != "" {
		all = append(all, in.HelpAt)
	}
	return strings.Join(all, " ")
}

// each visits an input and those within it.
func (in *input) each(visit func(*input) error) error {
	if err := visit(in); err != nil {
		return err
	}
	for i := range in.Parts {
		if err := in.Parts[i].each(visit); err != nil {
			return err
		}
	}
	for i := range in.Blocks {
		for j := range in.Blocks[i].Inputs {
			if err := in.Blocks[i].Inputs[j].each(visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// Wide reports whether a control takes the whole width of a form.
func (in *input) Wide() bool { return in.Markdown }

// Height is that of a control of several lines.
func (in *input) Height() string {
	if in.Markdown {
		return "16"
	}
	least := 3
	if strings.Contains(in.Name, ".") {
		least = 2 // of a row
	}
	return strconv.Itoa(min(12, least+strings.Count(in.Value, "\n")))
}
