package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/operations/systems"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/record/tabular"
)

const (
	pageSize   = 50 // records of a page
	boardSize  = 20 // records of a column of a board
	maxColumns = 7  // of a list, beside the records' names
	maxAbsent  = 20 // managers who are not there
)

// registerLine is a register in the list of all.
type registerLine struct {
	Href, Title, Purpose string
	Personal             bool
	Records              int64
	Late                 []chip // deadlines that have passed
	Comes                string // how records come, where people do not add them
	Add                  string // where a record is added; empty where the caller may not
	Views                []chip
}

// registerArea is what some registers are about.
type registerArea struct {
	ID, Title string
	Registers []registerLine
}

// registers is the list of what is kept as records, by what it is about.
func (p *Portal) registers(r *request) (*shown, error) {
	var data struct{ Areas []registerArea }
	late, now := map[*record.Kind][]chip{}, p.System.Clock.Now()
	passed, err := p.System.Overdue(r.Context(), r.caller, now, 0)
	if err != nil {
		return nil, err
	}
	for _, of := range passed {
		label := fmt.Sprintf("%d late", of.Count)
		if len(of.Kind.Dues) > 1 {
			label += ": " + of.Due.What
		}
		late[of.Kind] = append(late[of.Kind], chip{label, p.passed(of.Kind, of.Due, now)})
	}
	return &shown{page: "registers", title: "Registers", data: &data}, p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		for _, of := range p.System.Areas {
			area := registerArea{ID: strings.ReplaceAll(strings.ToLower(of.Title), " ", "-"), Title: of.Title}
			for _, kind := range of.Kinds {
				if !r.may(readAction(kind)) {
					continue
				}
				line := registerLine{Href: at(kind), Title: kind.Title, Purpose: kind.Purpose, Personal: kind.Personal, Late: late[kind], Comes: kind.Comes, Views: views[kind.Name]}
				if byHand(r, kind) {
					line.Add = "/new/" + kind.Register
				}
				var err error
				if line.Records, err = record.Total(reader, kind); err != nil {
					return err
				}
				area.Registers = append(area.Registers, line)
			}
			if len(area.Registers) > 0 {
				data.Areas = append(data.Areas, area)
			}
		}
		return nil
	})
}

// byHand reports whether the reader may add records to a register, and people do.
func byHand(r *request, kind *record.Kind) bool {
	return r.may(kind.Name+".add") && !kind.Internal && kind.Comes == ""
}

// readAction is what it takes to read a register.
func readAction(kind *record.Kind) string {
	if kind.Personal {
		return kind.Name + ".read"
	}
	return "record.read"
}

// asked is what a list is asked for by its address.
type asked struct {
	kind  *record.Kind
	query url.Values
	// conditions are those of the filter, with what people call them and without
	// which parameter they go.
	conditions []condition
	wrong      string
}

type condition struct{ cel, label, parameter string }

// ask reads the address of a list.
func (p *Portal) ask(kind *record.Kind, query url.Values) *asked {
	a := &asked{kind: kind, query: query}
	for _, c := range kind.Columns {
		if !c.Filter {
			continue
		}
		name, shape := prefix+c.Field, kind.Shape(c.Field)
		if value := query.Get(name); value != "" {
			a.is(c, shape, name, value)
		}
		if shape == record.ShapeTime {
			a.between(p.zone, c, name+".from", ">=", "from", 0)
			a.between(p.zone, c, name+".to", "<", "to", 1)
		}
	}
	if filter := strings.TrimSpace(query.Get("filter")); filter != "" {
		a.conditions = append(a.conditions, condition{"(" + filter + ")", filter, "filter"})
	}
	return a
}

// is asks that a column has a value.
func (a *asked) is(c record.Column, shape record.Shape, name, value string) {
	text := value
	if field := a.kind.Field(c.Field); len(field.Choices) > 0 || c.Field == "state" {
		text = field.Choice(value)
	}
	cel := "item." + c.Field + " == " + literal(value)
	switch shape {
	case record.ShapeTruth:
		cel, text = "item."+c.Field, "yes"
		if value != "true" {
			cel, text = "!"+cel, "no"
		}
	case record.ShapeNumber:
		if !json.Valid([]byte(value)) {
			a.wrong = fmt.Sprintf("%s: %q is no number.", c.Label, value)
			return
		}
		cel = "item." + c.Field + " == " + value
	case record.ShapeText, record.ShapeTime, record.ShapeTexts, record.ShapeJSON:
	}
	a.conditions = append(a.conditions, condition{cel, c.Label + ": " + text, name})
}

// between asks that a time lies on a day or after it, or on it or before.
func (a *asked) between(zone *time.Location, c record.Column, name, compare, word string, days int) {
	value := a.query.Get(name)
	if value == "" {
		return
	}
	day, err := time.ParseInLocation(time.DateOnly, value, zone)
	if err != nil {
		a.wrong = fmt.Sprintf("%s: %q is no day such as 2026-01-31.", c.Label, value)
		return
	}
	field := a.kind.Field(c.Field)
	a.conditions = append(a.conditions, condition{
		fmt.Sprintf("item.%s %s timestamp(%q)", c.Field, compare, field.Begin(day.AddDate(0, 0, days)).UTC().Format(time.RFC3339)), c.Label + ": " + word + " " + value, name,
	})
}

// filter is the whole condition as CEL.
func (a *asked) filter(more ...string) string {
	all := slices.Clone(more)
	for _, c := range a.conditions {
		all = append(all, c.cel)
	}
	return strings.Join(all, " && ")
}

// with is the address of the list with parameters set, or taken away where empty.
// The page begins anew.
func (a *asked) with(pairs ...string) string {
	next := url.Values{}
	for name, values := range a.query {
		if name != "after" && len(values) > 0 && values[0] != "" {
			next[name] = values
		}
	}
	for pair := range slices.Chunk(pairs, 2) {
		if name, value := pair[0], pair[len(pair)-1]; value == "" {
			next.Del(name)
		} else {
			next.Set(name, value)
		}
	}
	if len(next) == 0 {
		return at(a.kind)
	}
	return at(a.kind) + "?" + next.Encode()
}

// literal is a text as CEL writes it: JSON does the same.
func literal(text string) string {
	quoted, _ := json.Marshal(strings.ToValidUTF8(text, "\uFFFD")) // a text can always be written
	return string(quoted)
}

// list is the page of a register.
type list struct {
	Errand  *errandButton
	Kind    *record.Kind
	Href    string
	Columns []heading
	Rows    []row
	Filters []input
	Days    []input // from and until, of times
	Chips   []chip
	Words   string // that are searched for
	Filter  string // CEL
	Sort    string
	Wrong   string
	Total   int64
	Next    string
	First   string // the beginning of the list, from further on
	Add     string
	Import  string
	Board   string // the other view
	List    string
	States  []column
	// Absent are managers who are not there, with those who name them, and MoreAbsent says
	// how many others there are.
	Absent     []chip
	MoreAbsent int
	// Moving is where the moves of cards lead back to; empty: nobody moves them here.
	Moving string
	Views  []chip // pages that show the register in a way of its own
	CSV    string
	XLSX   string
}

type (
	heading struct {
		Label, Href string
		Sorted      string // ascending, descending
		Number      bool
	}
	row struct {
		Href, ID, Caption string
		Cells             []shownValue
		Card              *card // of a board
	}
	chip   struct{ Label, Href string }
	column struct {
		State, Title string
		Rows         []row
		More         string // the list of all that are in the state
	}
)

// register shows a page of a register's records.
func (p *Portal) register(r *request) (*shown, error) {
	kind, query := r.kind, r.URL.Query()
	a := p.ask(kind, query)
	l := &list{Kind: kind, Href: at(kind), Words: strings.TrimSpace(query.Get("q")), Filter: query.Get("filter"), Sort: query.Get("sort"), Wrong: a.wrong}
	if l.Sort == "" && latestFirst(kind) {
		l.Sort = "-" + kind.At
	}
	l.Errand = errandOf(r)
	p.describe(r, l, a)
	page := &shown{page: "register", title: kind.Title, data: l}
	if err := p.System.ViewRecords(r.Context(), r.caller, kind, "", map[string]string{"filter": a.filter(), "words": l.Words, "tags": strings.Join(query["tag"], " ")}); err != nil {
		return nil, err
	}
	err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		if l.Total, err = record.Total(reader, kind); err != nil || a.wrong != "" {
			return err
		}
		if kind == systems.Register && l.Total == 0 && r.may("system.add") {
			l.Errand = &errandButton{"/systems/install", "Propose the four primary systems"}
		}
		if kind == people.Register {
			unknown, err := people.Unknown(reader)
			if err != nil {
				return err
			}
			l.MoreAbsent = max(0, len(unknown)-maxAbsent)
			for _, ref := range unknown[:len(unknown)-l.MoreAbsent] {
				l.Absent = append(l.Absent, chip{ref, at(kind) + "?" + url.Values{prefix + "manager": {ref}}.Encode()})
			}
		}
		if query.Get("view") == "board" && l.Board != "" {
			return p.board(r, reader, l, a)
		}
		q := record.Query{Filter: a.filter(), Words: l.Words, Sort: l.Sort, Limit: pageSize, After: query.Get("after")}
		if q.Marks, err = attached.Tagged(query["tag"]...); err != nil {
			return err
		}
		next, err := record.List(reader, kind, q, func(v *record.Version) error {
			one, err := p.row(r, kind, v, l.Columns)
			l.Rows = append(l.Rows, one)
			return err
		})
		if next != "" {
			l.Next = a.with("after", next)
		}
		return err
	})
	if errors.Is(err, record.ErrFilter) || errors.Is(err, record.ErrCursor) {
		l.Rows, l.States, l.Wrong, page.status = nil, nil, sentence(err), http.StatusBadRequest
		return page, nil
	}
	if l.Wrong != "" {
		page.status = http.StatusBadRequest
	}
	return page, err
}

// latestFirst reports whether people look for the latest of a register's records before
// all others: of what SCAF has found and done, and of what happened and has no course of
// its own.
func latestFirst(kind *record.Kind) bool {
	return kind.At != "" && len(kind.Dues) == 0 && (kind.Internal || len(kind.States) == 0)
}

// describe fills in what the list has around its records.
func (p *Portal) describe(r *request, l *list, a *asked) {
	kind := a.kind
	for _, c := range kind.Columns {
		if c.Filter {
			p.control(l, a, c)
		}
	}
	for _, c := range shownColumns(kind) {
		h := heading{Label: c.Label, Number: kind.Shape(c.Field) == record.ShapeNumber}
		if c.Sort {
			h.Href = a.with("sort", c.Field)
			switch l.Sort {
			case c.Field:
				h.Sorted, h.Href = "ascending", a.with("sort", "-"+c.Field)
			case "-" + c.Field:
				h.Sorted = "descending"
			}
		}
		l.Columns = append(l.Columns, h)
	}
	if l.Words != "" {
		l.Chips = append(l.Chips, chip{"“" + l.Words + "”", a.with("q", "")})
	}
	for _, c := range a.conditions {
		l.Chips = append(l.Chips, chip{c.label, a.with(c.parameter, "")})
	}
	for _, tag := range a.query["tag"] {
		l.Chips = append(l.Chips, chip{"Tag: " + tag, a.with("tag", "")})
	}
	if a.query.Get("after") != "" {
		l.First = a.with()
	}
	if byHand(r, kind) {
		l.Add = "/new/" + kind.Register
	}
	if r.may(kind.Name+".add") && !kind.Internal {
		if path := "/import/" + kind.Register; p.opens(r, path) {
			l.Import = path
		}
	}
	if kind == periods.Register && r.may("period.open") {
		l.Add = openPeriodPath
	}
	l.Views = views[kind.Name]
	if kind.Opening != nil && r.may(kind.Name+".add") {
		l.Views = append(slices.Clone(l.Views), roundChip(kind))
	}
	if len(kind.States) > 1 && slices.Contains(kind.Filterable(), "state") {
		l.Board, l.List = a.with("view", "board"), a.with("view", "")
	}
	export := func(form string) string {
		values := url.Values{"format": {form}}
		if filter := a.filter(); filter != "" {
			values.Set("filter", filter)
		}
		if l.Words != "" {
			values.Set("q", l.Words)
		}
		return "/export/" + kind.Register + "?" + values.Encode()
	}
	l.CSV, l.XLSX = export("csv"), export("xlsx")
}

// views are the pages that show a register in a way of its own, by its kind.
var views = map[string][]chip{
	"risk":           {{"Risk map", "/risks"}},
	"risk_scale":     {{"Risk map", "/risks"}},
	"policy":         {{"As people read them", "/policies"}},
	"policy_version": {{"As people read them", "/policies"}},
}

// control is what a column is filtered by: choices, or days.
func (p *Portal) control(l *list, a *asked, c record.Column) {
	kind, f, name := a.kind, a.kind.Field(c.Field), prefix+c.Field
	f.Label, f.Name = c.Label, name
	value := a.query.Get(name)
	choose := func(values []string, words func(string) string) {
		in := input{Field: f, ID: "by-" + c.Field, Control: "one", Options: []option{{"", "Any", value == ""}}}
		for _, choice := range values {
			in.Options = append(in.Options, option{choice, words(choice), choice == value})
		}
		l.Filters = append(l.Filters, in)
	}
	switch shape := kind.Shape(c.Field); {
	case c.Field == "state" && len(kind.States) > 0:
		choose(states(kind), record.Words)
	case len(f.Choices) > 0:
		choose(f.Choices, record.Words)
	case shape == record.ShapeTruth:
		choose([]string{"true", "false"}, func(value string) string { return map[string]string{"true": "Yes", "false": "No"}[value] })
	case shape == record.ShapeTime:
		for _, end := range []struct{ name, label string }{{".from", ": from"}, {".to", ": to"}} {
			day := input{Field: f, ID: "by-" + c.Field + strings.ReplaceAll(end.name, ".", "-"), Control: "date", Value: a.query.Get(name + end.name)}
			day.Name, day.Label = name+end.name, c.Label+end.label
			l.Days = append(l.Days, day)
		}
	}
}

// shownColumns are the columns of a list, beside what the records are called: the state,
// and the first ones.
func shownColumns(kind *record.Kind) []record.Column {
	var columns []record.Column
	state := slices.IndexFunc(kind.Columns, func(c record.Column) bool { return c.Field == "state" })
	for i, c := range kind.Columns {
		room := maxColumns
		if i < state {
			room--
		}
		if !slices.Contains(kind.Naming(), c.Field) && c.Field != kind.IDField && !c.Scanned && len(columns) < room {
			columns = append(columns, c)
		}
	}
	if at := slices.IndexFunc(columns, func(c record.Column) bool { return c.Field == "state" }); at > 0 { // what is looked for is not cut off at the right
		columns = slices.Insert(slices.Delete(slices.Clone(columns), at, at+1), 0, columns[at])
	}
	for _, field := range kind.Shown {
		columns = append(columns, record.Column{Field: field, Label: kind.Field(field).Label})
	}
	if len(columns) == 0 && kind.At != "" {
		columns = append(columns, record.Column{Field: kind.At, Label: kind.Field(kind.At).Label, Sort: true})
	}
	return columns
}

func (p *Portal) row(r *request, kind *record.Kind, v *record.Version, columns []heading) (row, error) {
	return p.rowOf(r, kind, v, shownColumns(kind)[:len(columns)])
}

// rowOf is a record in a list, with what stands in these columns.
func (p *Portal) rowOf(r *request, kind *record.Kind, v *record.Version, columns []record.Column) (row, error) {
	one := row{Href: at(kind, v.ID), ID: v.ID, Caption: caption(kind, v)}
	if kind == judgments.Deviations {
		one.ID = one.Caption // a hash says nothing
	}
	values, err := p.values(r, kind, v.Doc)
	for _, c := range columns {
		value := values[c.Field]
		if len(value.Parts) > 0 {
			value = value.Parts[0] // what a struct is called; the record's page has all of it
		}
		value.Label = c.Label
		one.Cells = append(one.Cells, value)
	}
	return one, err
}

// export sends the records of a list as a table.
func (p *Portal) export(r *request) (*shown, error) {
	kind, query := r.kind, r.URL.Query()
	form := query.Get("format")
	if form != tabular.CSV && form != tabular.XLSX {
		return nil, errNotFound
	}
	a := p.ask(kind, query)
	q := record.Query{Filter: a.filter(), Words: query.Get("q"), Sort: query.Get("sort")}
	if err := p.System.ViewRecords(r.Context(), r.caller, kind, "", map[string]string{"filter": q.Filter, "words": q.Words, "format": form}); err != nil {
		return nil, err
	}
	// It is whole before anything is sent: a part would pass for the register.
	file, err := os.CreateTemp("", "scaf-export-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(file.Name()) }() // it is still read through the open file
	if err := p.table(r, file, form, q); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &shown{file: file, name: kind.Register + "." + form}, nil
}

func (p *Portal) table(r *request, to io.Writer, form string, q record.Query) error {
	zone, err := p.System.Config.Location()
	if err != nil {
		return err
	}
	out, err := tabular.NewWriter(to, r.kind, form, zone)
	if err != nil {
		return err
	}
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		_, err := record.List(reader, r.kind, q, out.Write)
		return err
	}); err != nil {
		out.Abort()
		return err
	}
	return out.Close()
}
