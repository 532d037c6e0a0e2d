package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record/expr"
	"scaf.dev/scaf/internal/record/rounds"
)

// Definition says what is particular to a register; the engine derives the
// rest from it and from the struct of a record.
//
// The struct has JSON tags. Where its pointer has a method Defaults(), that
// fills a new document; Compute() sets the fields that are computed from others;
// a method Validate() []FieldError says what is wrong with one. A lifecycle needs
// a field "state".
//
// A method Before(tx *act.Tx, old any) error is asked in the transaction, before a
// version is written; old is the document before, nil of a new record. It fills the
// given fields (Field.Given) that no transition stamps, refuses (*Invalid,
// act.ErrSamePerson, act.ErrDenied), and writes what the change brings with it to
// other records of the same domain. A preview of an import does not ask it. Where
// only what changes in a record that is there matters, the method is
// Changed(tx *act.Tx, old any) error: taking in many new records is then quicker.
//
// A method Compose(r *store.Reader) (string, error) makes the id of a new record of its
// fields, where whoever adds it gives none: forms do not ask for it. Empty: something
// is missing, which Validate says.
//
// A method Consult(r *store.Reader, old any) error is asked before these, and by a
// preview, too: it fills and refuses by what other records hold, and only reads.
type Definition struct {
	Kind     string // "vendor": what references and event types say
	Register string // "vendors": what people say
	Title    string // "Vendors"
	Singular string // "Vendor": what people call one of them
	// Named is the text field by which people call a record that has neither a name nor a
	// title: the function of a plan.
	Named string
	// Purpose says in a sentence what the register is for, and Comes how its records come
	// where people do not add them one by one; empty: they do.
	Purpose, Comes string
	// Mirror says that its records are copies of what another system keeps: imports say how
	// far it was copied, and nobody knows more (ADR 11, 43). Of a register that is kept here
	// a table is only one way to enter records.
	Mirror bool
	// Prefix gives the records numbered ids: "VEN" makes VEN-1, VEN-2 ... Without
	// it whoever adds a record gives its id.
	Prefix string
	// ID is the field that holds the id; "id" when empty.
	ID string
	// At is the top-level field that holds the record's instant.
	At string
	// Personal registers are those whose reading is recorded, Internal ones are
	// written by commands of their own only.
	Personal, Internal bool
	// States of the lifecycle, the first one that of a new record.
	States      []string
	Transitions []Transition
	// Columns are the top-level fields by which lists are filtered and sorted.
	Columns []Column
	// Shown are fields that lists show of a register without columns: what its records
	// are told apart by.
	Shown []string
	// Fields say how people see the fields, in the order of forms and pages. What
	// is not described is called by its name.
	Fields []Field
	// Explain gives the help of fields, by name, where it depends on what other
	// records hold; what it does not name has that of Fields. Nil: none does.
	Explain func(r *store.Reader) (map[string]string, error)
	// Dues are the deadlines that stand in the records.
	Dues []Due
	// Fixed are fields that nobody can change once the record is there.
	Fixed []string
	// Settled are further fields that nobody can simply change in some states; see
	// Kind.Settled.
	Settled []Settled
	// Unsettled are fields that can be changed in every state, though a move asked for
	// them.
	Unsettled []string
	// Author is a field that the engine fills with whoever adds the record, and
	// that nobody can set or change. Transitions name it in NotBy.
	Author string
	// Authors is a given field, a list of texts, that the engine fills with all who
	// have written what is not approved yet: who added the record, who changed what
	// people set, and from anew when it is taken back from where it was approved.
	// Transitions that approve name it in NotBy; nothing that people set changes in
	// them.
	Authors   string
	Retention Retention
	// Version of the definition, from 1 (0 is 1): raise it when existing
	// documents may not fit any more, and say in Migrations how they come along.
	Version    int
	Migrations []Migration
	Derived    []Derived
	// Opening says how the records of a round are added at once; nil: one by one.
	Opening *Opening
}

// Opening is what it takes to open a round of a register that has one record in every
// round for each of what it is about: each control, each plan in force, each open site.
// Whoever opens it says what is the same for all.
type Opening struct {
	Every rounds.Every
	// Round is the field that names the round, About the one that names what a record is
	// about, and Owner the one that names who has it to do: the owner of that, where it is
	// one person.
	Round, About, Owner string
	// In is the state in which what About refers to has its rounds, from its instant on.
	// Its field "owner" names who it belongs to.
	In string
	// Same are the fields of which whoever opens a round is asked, for all of its records.
	// People among them are others than those who have it to do.
	Same []string
	// Kept are those of Same that stay as the round before had them, where there was one.
	Kept []string
}

// Transition lets a record move from one state to another.
type Transition struct {
	From, To string
	// Called is what people call the move where that is not the state it leads to:
	// "Confirm", of one that leads back to where the record is. Empty: see Kind.Called.
	Called string
	// Permission is needed beside <kind>.move; empty: none.
	Permission string
	// Guards are conditions on the record as it would be. Each that does not hold is
	// told, and the move refused.
	Guards []Guard
	// Required fields have to be there after the move. A move that takes a permission or
	// another person (NotBy, Who) changes what is required, offered or set here, and
	// nothing else.
	Required []string
	// Offered fields are asked for, beside the required ones, and can be left as they
	// are: what belongs to the move, such as the scale of a rating.
	Offered []string
	// NotBy are fields that hold who may not make the move: the author, the
	// owner, the requester. A field may be a text or a list of texts. Whoever stood
	// in a field that people set in any version of the record may not, either.
	NotBy []string
	// Who refuses whoever cannot make the move (act.ErrSamePerson) where that depends on
	// more than who stands in a field: on how critical the record is, on who owns what
	// another one describes. It is asked of the record as it is, by pages beforehand, and
	// of the record as it would be.
	Who func(r *store.Reader, caller act.Caller, doc json.RawMessage) error
	// Stamp are given fields (Field.Given) that the engine fills when the move is
	// made: a time with its moment, a text with who makes it.
	Stamp []string
	// Sets are given fields that whoever makes the move may set in it, and in no
	// other way: what takes another person, such as another tier. Those of them that
	// are required are said each time: the reason of one move is none of the next.
	Sets []string
	// Check says why the move cannot be made for what other records hold: what a
	// guard, which sees this one alone, cannot say. It reads within the
	// transaction of the move; doc is the record as it would be.
	Check func(r *store.Reader, doc json.RawMessage) error
}

// Guard is a condition on a record as a move would leave it.
type Guard struct {
	Field string // the field that it speaks of, at which people are told; empty: the state
	If    string // a CEL expression over the record (item)
	Why   string // what is wanted, to be read after the field's label
}

// Asks are the fields of which a form of the move asks: the required ones, and in the
// order of the register those that are offered among them. What is required of an
// approval was written before (Definition.Authors).
func (k *Kind) Asks(t *Transition) []string {
	required := t.Required
	if k.Approves(t) {
		required = nil
	}
	if len(t.Offered) == 0 {
		return required
	}
	var all []string
	for _, f := range k.Described {
		if slices.Contains(required, f.Name) || slices.Contains(t.Offered, f.Name) {
			all = append(all, f.Name)
		}
	}
	return all
}

// Anew reports whether a field is said each time that the move is made.
func (t *Transition) Anew(field string) bool {
	return slices.Contains(t.Required, field) && slices.Contains(t.Sets, field)
}

// governed reports whether there is more to a transition than its two states.
func (t *Transition) governed() bool {
	return t.Permission != "" || len(t.Guards) > 0 || len(t.NotBy) > 0 || t.Who != nil || len(t.Stamp) > 0 || t.Check != nil
}

// Column is a field by which a list is filtered or sorted: a text, number,
// bool or time at the top level of the document. Without a Label it has that of
// the field's description.
type Column struct {
	Field, Label string
	Filter, Sort bool
	// Scanned columns have no index of their own: what filters by them and by
	// nothing else reads the columns of all records; but for what is sorted by Order.
	Scanned bool
	Order   string
	// Selective columns have values that few records share, such as the name of a
	// person: one index is enough for every order of what is found by one.
	Selective bool
}

// Retention says how long a record is kept: Years after the instant in Field.
// The zero value: for ever.
type Retention struct {
	Field string
	Years int
}

// Migration brings a document of the version From to the next one. It changes
// the fields in place.
type Migration struct {
	From   int
	Change func(fields map[string]any) error
}

// Define makes the register of documents of type T.
func Define[T any](d Definition) *Kind {
	k := &Kind{
		Name: d.Kind, Register: d.Register, Title: d.Title, Purpose: d.Purpose, Comes: d.Comes, Mirror: d.Mirror, At: d.At, Personal: d.Personal, Internal: d.Internal,
		Fixed: slices.Clone(d.Fixed), Derived: computed(d.Kind, d.Derived), Prefix: d.Prefix, Author: d.Author, Authors: d.Authors, Singular: d.Singular, Named: d.Named, Described: d.Fields, Dues: d.Dues, Explain: d.Explain,
		Transitions: d.Transitions, Columns: slices.Clone(d.Columns), Shown: d.Shown, Retention: d.Retention, settled: d.Settled, unsettled: d.Unsettled, Opening: d.Opening, Version: max(1, d.Version), Migrations: d.Migrations,
	}
	if k.Singular == "" {
		k.Singular = Words(k.Name)
	}
	if withdrawable(reflect.TypeFor[T]()) {
		k.Described = slices.Concat(d.Fields, withdrawal)
	}
	for i := range k.Columns {
		if c := &k.Columns[i]; c.Label == "" {
			if f := k.Field(c.Field); slices.ContainsFunc(k.Described, func(f Field) bool { return f.Name == c.Field }) {
				c.Label = f.Label
			}
		}
	}
	for _, name := range d.States {
		state := State{Name: name}
		for _, t := range d.Transitions {
			if t.From == name {
				state.To = append(state.To, t.To)
			}
		}
		k.States = append(k.States, state)
	}
	if d.Author != "" {
		k.Fixed = append(k.Fixed, d.Author)
	}
	k.New = func() any {
		doc := new(T)
		if filled, ok := any(doc).(interface{ Defaults() }); ok {
			filled.Defaults()
		}
		if state := text(doc, "state"); len(d.States) > 0 && state != nil && *state == "" {
			*state = d.States[0]
		}
		return doc
	}
	k.past = k.tellsOfThePast()
	id := d.ID
	if id == "" {
		id = "id"
	}
	k.IDField = id
	k.Identify = func(doc any) string {
		if value := text(doc, id); value != nil {
			return *value
		}
		return ""
	}
	k.Validate = func(doc any) (wrong []FieldError) {
		wrong = k.amiss(doc)
		if d.Prefix != "" && k.Identify(doc) == "" {
			wrong = append(wrong, FieldError{id, fmt.Sprintf("is missing: %s-1, %s-2 ... in a table", d.Prefix, d.Prefix)})
		}
		if own, ok := doc.(interface{ Validate() []FieldError }); ok {
			wrong = append(wrong, own.Validate()...)
		}
		if k.Composes() && len(wrong) == 0 && k.Identify(doc) == "" {
			wrong = append(wrong, FieldError{id, "is missing: a table has it for each row"})
		}
		if state := text(doc, "state"); state != nil && len(d.States) > 0 && !slices.Contains(d.States, *state) &&
			!slices.ContainsFunc(wrong, func(e FieldError) bool { return e.Field == "state" }) {
			wrong = append(wrong, FieldError{"state", fmt.Sprintf("%q is no state of %s: %s", *state, d.Register, strings.Join(d.States, ", "))})
		}
		return wrong
	}
	k.wrong = sync.OnceValue(func() error { return k.mistakes(&d) })
	return k
}

// text is the text field of this JSON name in a pointer to a struct, nil when
// there is none.
func text(doc any, name string) *string {
	v := reflect.ValueOf(doc).Elem()
	if v.Kind() != reflect.Struct {
		return nil
	}
	if field := member(v, name); field.IsValid() && field.Kind() == reflect.String && field.CanAddr() {
		if value, ok := field.Addr().Interface().(*string); ok {
			return value
		}
	}
	return nil
}

// Wrong says everything that is wrong with the kind's definition; nil for one
// that was not made by Define. It is asked by the tests of the registers: a
// mistake in a definition is one in the program.
func (k *Kind) Wrong() error {
	if k.wrong == nil {
		return nil
	}
	return k.wrong()
}

func (k *Kind) mistakes(d *Definition) error {
	var all []error
	say := func(format string, args ...any) {
		all = append(all, fmt.Errorf("register %s: "+format, append([]any{d.Register}, args...)...))
	}
	fields := k.Schema()
	has := func(what, field string, want ...expr.Type) {
		t, ok := expr.Of(fields, field)
		switch {
		case !ok:
			say("%s: %q is no field of a record", what, field)
		case len(want) > 0 && !slices.ContainsFunc(want, t.Is):
			say("%s: the field %q is a %s", what, field, t)
		}
	}
	if !nameShape(d.Kind) || !nameShape(d.Register) || d.Title == "" {
		say("Kind and Register are lowercase letters, digits and '_', and Title is not empty")
	}
	if !d.Internal || d.ID != "" { // SCAF's own commands may name a record otherwise
		has("ID", k.IDField, expr.String)
	}
	if d.At != "" {
		has("At", d.At, expr.Timestamp)
	}
	if d.Author != "" {
		has("Author", d.Author, expr.String)
	}
	if d.Authors != "" {
		has("Authors", d.Authors, expr.List(expr.String))
		if !k.Field(d.Authors).Given || !slices.ContainsFunc(d.Transitions, func(t Transition) bool { return k.Approves(&t) }) {
			say("Authors: %s is described as given, and the transition that approves names it in NotBy", d.Authors)
		}
	}
	if d.Named != "" {
		has("Named", d.Named, expr.String)
	}
	for _, field := range d.Fixed {
		has("Fixed", field)
	}
	if d.Retention != (Retention{}) {
		has("Retention", d.Retention.Field, expr.Timestamp)
		if d.Retention.Years < 1 {
			say("Retention: %d years", d.Retention.Years)
		}
	}
	if len(d.States) > 0 {
		has("States", "state", expr.String)
	}
	if slices.Contains(d.States, Withdrawn) != withdrawable(reflect.TypeOf(k.New()).Elem()) {
		say("States: what can be withdrawn has the state %s, and its struct embeds Withdrawal", Withdrawn)
	}
	for _, s := range d.Settled {
		for _, state := range s.States {
			if !slices.Contains(d.States, state) {
				say("Settled: %q is no state", state)
			}
		}
		for _, field := range s.Fields {
			has("Settled", field)
		}
	}
	for _, field := range d.Unsettled {
		has("Unsettled", field)
	}
	if o := d.Opening; o != nil {
		for _, field := range slices.Concat([]string{o.Round, o.About, o.Owner}, o.Same) {
			has("Opening", field, expr.String)
		}
		for _, field := range o.Kept {
			if !slices.Contains(o.Same, field) {
				say("Opening: %s is kept, and not among what is the same for all", field)
			}
		}
		if !k.Composes() || !slices.Contains(k.Filterable(), o.Round) || (k.Field(o.About).Refers == "") != (o.In == "") {
			say("Opening: ids are composed, lists are filtered by %s, and In is a state of what %s refers to", o.Round, o.About)
		}
	}
	seen := map[string]bool{}
	k.misdescribed(say)
	for _, c := range k.Columns {
		has("Columns", c.Field, expr.String, expr.Int, expr.Double, expr.Bool, expr.Timestamp)
		if seen[c.Field] || c.Label == "" || !c.Filter && !c.Sort {
			say("Columns: %q must be given once, with a label, to filter or to sort", c.Field)
		}
		seen[c.Field] = true
		if sort := k.column(c.Order); c.Order != "" && (!c.Scanned || sort == nil || !sort.Sort) {
			say("Columns: the order of %q is that of a scanned column, by another one that is sorted by", c.Field)
		}
	}
	for _, field := range d.Shown {
		has("Shown", field)
	}
	for i := range d.Transitions {
		t := &d.Transitions[i]
		name := t.From + " to " + t.To
		for _, state := range []string{t.From, t.To} {
			if !slices.Contains(d.States, state) {
				say("transition %s: %q is no state", name, state)
			}
		}
		if seen[name] {
			say("transition %s is given twice", name)
		}
		seen[name] = true
		for _, field := range t.Required {
			has("transition "+name+": Required", field)
		}
		for _, field := range t.Offered {
			has("transition "+name+": Offered", field)
		}
		if len(t.Offered) > 0 && !k.Approves(t) && len(k.Asks(t)) != len(t.Offered)+len(t.Required) {
			say("transition %s: Offered: what the move asks for is described, and is offered or required", name)
		}
		for _, field := range t.Sets {
			has("transition "+name+": Sets", field)
			if !k.Field(field).Given {
				say("transition %s: Sets: the field %q is not described as given", name, field)
			}
		}
		for _, field := range t.Stamp {
			has("transition "+name+": Stamp", field, expr.Timestamp, expr.String)
			if !k.Field(field).Given {
				say("transition %s: Stamp: the field %q is not described as given", name, field)
			}
		}
		for _, field := range t.NotBy {
			has("transition "+name+": NotBy", field, expr.String, expr.List(expr.String))
		}
		for i := range t.Guards {
			g := &t.Guards[i]
			if g.Why == "" {
				say("transition %s: Guards: Why must say what %s wants", name, g.If)
			}
			if g.Field != "" {
				has("transition "+name+": Guards", g.Field)
			}
			if _, _, err := k.guard(g); err != nil {
				say("transition %s: Guards: %v", name, err)
			}
		}
	}
	for from := 1; from < k.Version; from++ {
		if !slices.ContainsFunc(d.Migrations, func(m Migration) bool { return m.From == from && m.Change != nil }) {
			say("Migrations: none is from version %d", from)
		}
	}
	if wrong := k.Validate(k.New()); wrong == nil && d.Prefix == "" && !d.Internal {
		say("Validate: a document without an id is taken")
	}
	return errors.Join(all...)
}

// nameShape reports whether a name can stand in references, types and actions.
func nameShape(name string) bool {
	for i, r := range name {
		if (r < 'a' || r > 'z') && (i == 0 || r != '_' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// Schema is the declared fields of a document, as its struct has them; nil
// where the document is no struct.
func (k *Kind) Schema() []expr.Field {
	t := reflect.TypeOf(k.New()).Elem()
	if t.Kind() != reflect.Struct {
		return nil
	}
	return expr.FieldsOf(t)
}

// guard compiles a guard.
func (k *Kind) guard(g *Guard) (*expr.Environment, *expr.Program, error) {
	env, err := k.environment()
	if err != nil {
		return nil, nil, err
	}
	program, wrong := env.Compile(expr.Truth("guard"), g.If)
	if len(wrong) > 0 {
		return nil, nil, wrong[0]
	}
	return env, program, nil
}

// transition finds the transition between two states, nil when there is none
// or it is nothing but the two states.
func (k *Kind) transition(from, to string) *Transition {
	for i := range k.Transitions {
		if t := &k.Transitions[i]; t.From == from && t.To == to {
			return t
		}
	}
	return nil
}

// guarded reports whether a state is only for those who move a record there
// under some condition: no record begins in it. In the first state every record
// may begin, though a governed move leads back to it.
func (k *Kind) guarded(state string) bool {
	first := len(k.States) > 0 && k.States[0].Name == state
	return !first && slices.ContainsFunc(k.Transitions, func(t Transition) bool { return t.To == state && t.governed() })
}

// Expires is the instant from which on a document need not be kept; nil for
// never, and where the document does not have the instant.
func (k *Kind) Expires(doc []byte) (*time.Time, error) {
	if k.Retention.Years == 0 {
		return nil, nil
	}
	at, err := instantOf(doc, k.Retention.Field)
	if at == nil || err != nil {
		return nil, err
	}
	end := at.AddDate(k.Retention.Years, 0, 0)
	return &end, nil
}
