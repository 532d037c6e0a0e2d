// Package recordtest holds a register against everything that the engine
// promises of it, on both databases.
package recordtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/record/expr"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// Register is a register with what it takes to use it.
type Register struct {
	Kind *record.Kind
	// New is a whole document of a new record, as JSON: with its id, where the
	// register does not number its records. It is in the first state.
	New string
	// Set changes a field to another valid value: a merge patch.
	Set string
	// Fields are what a move to a state needs, by "from to".
	Fields map[string]string
	// Refused are documents that the register's own rules refuse, by the field
	// that is wrong.
	Refused map[string]string
	// GuardFalse are fields with which a guard is false, by "from to". Each guard
	// of the definition needs one.
	GuardFalse map[string]string
}

// exercise is a register under test.
type exercise struct {
	*testing.T
	Register
	l     *ledgertest.Ledger
	kinds record.Kinds
	n     int // records so far
}

// Exercise runs all of it. It fails when the definition is wrong.
func Exercise(t *testing.T, r Register) {
	t.Helper()
	if err := r.Kind.Wrong(); err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string]func(*exercise){
		"changes": (*exercise).changes, "lifecycle": (*exercise).lifecycle, "lists": (*exercise).lists,
		"tables": (*exercise).tables, "attached": (*exercise).attached,
	} {
		t.Run(name, func(t *testing.T) {
			ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
				x := &exercise{T: t, Register: r, l: l, kinds: append(record.Kinds{r.Kind}, attached.Kinds...)}
				x.adopt()
				part(x)
				l.Verify(t, x.kinds)
			})
		})
	}
}

// adopt makes the register's indexes, as opening a folder does.
func (x *exercise) adopt() {
	x.Helper()
	if err := x.l.Door.Close(); err != nil { // it has the connection for writing
		x.Fatal(err)
	}
	if _, err := x.kinds.Adopt(context.Background(), x.l.DB); err != nil {
		x.Fatal(err)
	}
	x.l.OpenDoor(x.T)
}

func fields(x *exercise, text string) map[string]json.RawMessage {
	x.Helper()
	all := map[string]json.RawMessage{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			x.Fatalf("%s: %v", text, err)
		}
	}
	return all
}

// as acts as somebody.
func (x *exercise) as(who string, body func(*act.Tx) error) error {
	_, err := x.l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", x.Kind.Register, body)
	return err
}

const (
	someone  = "person/author"
	somebody = "person/other"
)

// add adds a record like New, with an id of its own.
func (x *exercise) add(change map[string]json.RawMessage) *record.Version {
	x.Helper()
	v, err := x.tryAdd(change)
	if err != nil {
		x.Fatal(err)
	}
	return v
}

func (x *exercise) tryAdd(change map[string]json.RawMessage) (v *record.Version, err error) {
	given := fields(x, x.New)
	x.n++
	if x.Kind.Prefix == "" {
		given[x.Kind.IDField] = json.RawMessage(fmt.Sprintf(`"r%03d"`, x.n))
	}
	for field, value := range change {
		given[field] = value
	}
	return v, x.as(someone, func(tx *act.Tx) (err error) {
		v, err = record.Add(tx, x.Kind, given)
		return err
	})
}

func (x *exercise) set(id string, version int, change map[string]json.RawMessage) (v *record.Version, err error) {
	return v, x.as(somebody, func(tx *act.Tx) (err error) {
		v, err = record.Set(tx, x.Kind, id, version, change)
		return err
	})
}

func (x *exercise) move(who, id, state string, change map[string]json.RawMessage) (v *record.Version, err error) {
	return v, x.as(who, func(tx *act.Tx) error {
		permission, err := record.Permission(&tx.Reader, x.Kind, id, state)
		if err == nil {
			v, err = record.Move(tx, x.Kind, id, record.AnyVersion, state, permission, change)
		}
		return err
	})
}

// invalid holds that an error names the field.
func (x *exercise) invalid(err error, field, what string) {
	x.Helper()
	var wrong *record.Invalid
	if !errors.As(err, &wrong) || !slices.ContainsFunc(wrong.Fields, func(f record.FieldError) bool { return f.Field == field && f.Problem != "" }) {
		x.Errorf("%s: got %v, want the field %s to be named", what, err, field)
	}
}

func (x *exercise) changes() {
	v := x.add(nil)
	if x.Kind.Prefix != "" && v.ID != x.Kind.Prefix+"-1" {
		x.Errorf("the first record is %s", v.ID)
	}
	if x.Kind.Author != "" {
		if got := string(fields(x, string(v.Doc))[x.Kind.Author]); got != `"`+someone+`"` {
			x.Errorf("%s is %s, want who added it", x.Kind.Author, got)
		}
		_, err := x.tryAdd(map[string]json.RawMessage{x.Kind.Author: json.RawMessage(`"person/else"`)})
		x.invalid(err, x.Kind.Author, "a forged author")
	}
	if x.Kind.Prefix == "" {
		x.n--
		if _, err := x.tryAdd(nil); !errors.Is(err, record.ErrExists) {
			x.Errorf("the same id again: %v", err)
		}
	}
	_, err := x.tryAdd(map[string]json.RawMessage{"no_such_field": json.RawMessage(`1`)})
	x.invalid(err, "no_such_field", "an unknown field")
	for _, field := range x.Kind.Schema() {
		bad := `{"x":[1]}`
		if field.Type.Is(expr.Map) || field.Type.Is(expr.Dyn) || field.Type.Is(expr.Object()) {
			bad = `[["x"]]`
		}
		if field.Type.Is(expr.Dyn) || field.Name == x.Kind.Author || field.Name == x.Kind.IDField {
			continue
		}
		if _, err := x.tryAdd(map[string]json.RawMessage{field.Name: json.RawMessage(bad)}); err == nil {
			x.Errorf("the field %s takes %s", field.Name, bad)
		}
	}
	for field, doc := range x.Refused {
		_, err := x.tryAdd(fields(x, doc))
		x.invalid(err, field, doc)
	}
	change := fields(x, x.Set)
	next, err := x.set(v.ID, v.Version, change)
	if err != nil || next.Version != 2 {
		x.Fatalf("set %s: %+v %v", x.Set, next, err)
	}
	if _, err := x.set(v.ID, 2, change); !errors.Is(err, record.ErrSame) {
		x.Errorf("the same again: %v", err)
	}
	// Two people: the second sees both versions, and nothing is overwritten.
	_, err = x.set(v.ID, 1, change)
	var stale *record.StaleError
	if !errors.As(err, &stale) || !bytes.Equal(stale.Current.Doc, next.Doc) || stale.Yours == nil || stale.From != 1 {
		x.Errorf("a stale change: %v", err)
	}
	for _, field := range x.Kind.Fixed {
		value := fields(x, string(v.Doc))[field]
		_, err := x.set(v.ID, record.AnyVersion, map[string]json.RawMessage{field: value})
		x.invalid(err, field, "a fixed field")
	}
	if _, err := x.set("none", record.AnyVersion, change); !errors.Is(err, record.ErrNone) {
		x.Errorf("a record that is not there: %v", err)
	}
	x.history(v.ID, 2)
	x.asOf(v, next)
}

// history holds the versions against the events, and proves each event.
func (x *exercise) history(id string, versions int) {
	x.Helper()
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
		all, err := record.History(r, x.Kind.Name, id)
		if err != nil {
			return err
		}
		if len(all) != versions {
			x.Errorf("%s has %d versions, want %d", id, len(all), versions)
		}
		for i, v := range all {
			event, err := ledger.Get(r, v.From)
			if err != nil {
				return err
			}
			if event.Subject != v.Ref() || (i+1 < len(all)) != (v.To != nil) || v.To != nil && *v.To != all[i+1].From {
				x.Errorf("version %d of %s: event about %s, ends at %v", v.Version, id, event.Subject, v.To)
			}
			proof, err := ledger.Prove(r, v.From)
			if err != nil {
				return err
			}
			if _, err := proof.Check(x.l.VerifierKey); err != nil {
				x.Errorf("the proof of event %d: %v", v.From, err)
			}
		}
		return nil
	}); err != nil {
		x.Fatal(err)
	}
}

// asOf reads the record as it was.
func (x *exercise) asOf(first, second *record.Version) {
	x.Helper()
	for _, one := range []*record.Version{first, second} {
		var got []byte
		if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
			return record.Each(r, record.Range{Kind: x.Kind.Name, AsOf: one.From + 1}, func(v *record.Version) error {
				if v.ID == one.ID {
					got = bytes.Clone(v.Doc)
				}
				return nil
			})
		}); err != nil {
			x.Fatal(err)
		}
		if !bytes.Equal(got, one.Doc) {
			x.Errorf("as of %d it reads %s, want %s", one.From+1, got, one.Doc)
		}
	}
}

// lifecycle tries every pair of states: what the definition allows and what it
// does not.
func (x *exercise) lifecycle() {
	for _, from := range x.Kind.States {
		for _, to := range x.Kind.States {
			name := from.Name + " " + to.Name
			at := slices.IndexFunc(x.Kind.Transitions, func(t record.Transition) bool { return t.From == from.Name && t.To == to.Name })
			id := x.bring(from.Name)
			if id == "" {
				x.Errorf("no record can come to the state %s by the moves and fields given", from.Name)
				break
			}
			if at < 0 {
				if _, err := x.move(somebody, id, to.Name, fields(x, x.Fields[name])); err == nil {
					x.Errorf("a record moves from %s, which the definition does not allow", name)
				}
				continue
			}
			x.transition(id, &x.Kind.Transitions[at], name)
		}
	}
	v := x.add(nil)
	if len(x.Kind.States) > 0 {
		_, err := x.set(v.ID, record.AnyVersion, map[string]json.RawMessage{"state": json.RawMessage(`"` + x.Kind.States[0].Name + `"`)})
		x.invalid(err, "state", "setting the state")
		if _, err := x.move(somebody, v.ID, "no_such_state", nil); err == nil {
			x.Error("a record moves to a state that there is not")
		}
	}
}

// transition tries one move: refused for each reason, then allowed.
func (x *exercise) transition(id string, t *record.Transition, name string) {
	x.Helper()
	change := fields(x, x.Fields[name])
	doc := fields(x, string(x.current(id).Doc))
	for _, field := range t.NotBy {
		var who string
		if json.Unmarshal(doc[field], &who) != nil || who == "" {
			x.Errorf("move %s: the field %s names nobody: give it in New", name, field)
			continue
		}
		if _, err := x.move(who, id, t.To, change); !errors.Is(err, act.ErrSamePerson) {
			x.Errorf("move %s by the %s: %v", name, field, err)
		}
	}
	for _, field := range t.Required {
		without := map[string]json.RawMessage{field: json.RawMessage("null")}
		for name, value := range change {
			if name != field {
				without[name] = value
			}
		}
		_, err := x.move(somebody, id, t.To, without)
		x.invalid(err, field, "move "+name+" without what is required")
	}
	if t.Guard != "" {
		bad, ok := x.GuardFalse[name]
		if !ok {
			x.Errorf("move %s has a guard: GuardFalse must say with which fields it is false", name)
		} else if _, err := x.move(somebody, id, t.To, fields(x, bad)); err == nil {
			x.Errorf("move %s: the guard is true with %s", name, bad)
		}
	}
	before := x.current(id)
	v, err := x.move(somebody, id, t.To, change)
	if err != nil {
		x.Errorf("move %s: %v", name, err)
		return
	}
	if v.Version != before.Version+1 || string(fields(x, string(v.Doc))["state"]) != `"`+t.To+`"` {
		x.Errorf("move %s gives %+v", name, v)
	}
}

func (x *exercise) current(id string) (v *record.Version) {
	x.Helper()
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		v, err = record.Get(r, x.Kind.Name, id)
		return err
	}); err != nil {
		x.Fatal(err)
	}
	return v
}

// bring makes a record and moves it to a state by the shortest way; "" when
// there is none.
func (x *exercise) bring(state string) string {
	x.Helper()
	type way struct {
		at    string
		moves []record.Transition
	}
	seen := map[string]bool{}
	for ways := []way{{at: x.Kind.States[0].Name}}; len(ways) > 0; ways = ways[1:] {
		if ways[0].at == state {
			id := x.add(nil).ID
			for _, t := range ways[0].moves {
				if _, err := x.move(somebody, id, t.To, fields(x, x.Fields[t.From+" "+t.To])); err != nil {
					x.Errorf("move %s %s: %v", t.From, t.To, err)
					return ""
				}
			}
			return id
		}
		if seen[ways[0].at] {
			continue
		}
		seen[ways[0].at] = true
		for _, t := range x.Kind.Transitions {
			if t.From == ways[0].at {
				ways = append(ways, way{t.To, append(slices.Clone(ways[0].moves), t)})
			}
		}
	}
	return ""
}

// lists holds every order, page by page, against the whole.
func (x *exercise) lists() {
	for range 7 {
		x.add(nil)
	}
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
		for _, sort := range x.Kind.Sortable() {
			for _, order := range []string{sort, "-" + sort} {
				whole, err := ids(r, x.Kind, record.Query{Sort: order})
				if err != nil {
					return err
				}
				paged, err := ids(r, x.Kind, record.Query{Sort: order, Limit: 2})
				if err != nil || len(whole) != 7 || !slices.Equal(whole, paged) {
					x.Errorf("by %s: %v, page by page %v (%v)", order, whole, paged, err)
				}
			}
		}
		for _, field := range x.Kind.Filterable() {
			for filter, want := range map[string]int{"has(item." + field + ") || !has(item." + field + ")": 7, "has(item." + field + ") && !has(item." + field + ")": 0} {
				got, err := ids(r, x.Kind, record.Query{Filter: filter})
				if err != nil || len(got) != want {
					x.Errorf("%s gives %d records, want %d (%v)", filter, len(got), want, err)
				}
			}
		}
		for _, bad := range []record.Query{{Sort: "no_such_field"}, {Filter: "item.no_such_field == 1"}, {Filter: "item."}} {
			if _, err := ids(r, x.Kind, bad); !errors.Is(err, record.ErrFilter) {
				x.Errorf("%+v: %v, want it refused", bad, err)
			}
		}
		_, err := ids(r, x.Kind, record.Query{After: "xx"})
		if !errors.Is(err, record.ErrCursor) {
			x.Errorf("a cursor that is none: %v", err)
		}
		return nil
	}); err != nil {
		x.Fatal(err)
	}
}

// ids lists a query to its end.
func ids(r *store.Reader, kind *record.Kind, q record.Query) (all []string, err error) {
	for {
		next, err := record.List(r, kind, q, func(v *record.Version) error {
			all = append(all, v.ID)
			return nil
		})
		if err != nil || next == "" {
			return all, err
		}
		q.After = next
	}
}

// tables exports the register in each form; an import of the file changes
// nothing.
func (x *exercise) tables() {
	for range 3 {
		x.add(nil)
	}
	if x.Kind.Internal {
		return
	}
	for _, form := range []string{tabular.CSV, tabular.XLSX} {
		var file bytes.Buffer
		out, err := tabular.NewWriter(&file, x.Kind, form)
		if err != nil {
			x.Fatal(err)
		}
		if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
			return record.Each(r, record.Range{Kind: x.Kind.Name}, out.Write)
		}); err != nil {
			x.Fatal(err)
		}
		if err := out.Close(); err != nil {
			x.Fatal(err)
		}
		x.again(form, file.Bytes())
	}
}

// again previews the import of an exported file.
func (x *exercise) again(form string, file []byte) {
	x.Helper()
	content := bytes.NewReader(file)
	table, err := tabular.Open("export.csv", content, x.Kind, tabular.Options{})
	if form == tabular.XLSX {
		table, err = tabular.OpenXLSX("export.xlsx", content, int64(len(file)), "", x.Kind, tabular.Options{})
	}
	if err != nil {
		x.Fatalf("%s: %v", form, err)
	}
	done, err := record.Intake{Kind: x.Kind, Update: true}.Preview(context.Background(), x.l.DB, table.Items(), func(p record.Preview) error {
		if p.Outcome != record.Unchanged {
			x.Errorf("%s: after the way out and in again: %+v", form, p)
		}
		return nil
	})
	if err != nil || done.Unchanged != 3 {
		x.Errorf("%s: %+v %v", form, done, err)
	}
}

func (x *exercise) attached() {
	ref := x.add(nil).Ref()
	other := x.add(nil).Ref()
	var file *attached.File
	err := x.as(somebody, func(tx *act.Tx) error {
		if _, err := attached.AddLink(tx, x.kinds, ref, "mitigates", other); err != nil {
			return err
		}
		if _, err := attached.AddComment(tx, x.kinds, ref, "What was agreed."); err != nil {
			return err
		}
		if _, err := attached.ChangeTags(tx, x.kinds, ref, []string{"b", "a"}, nil); err != nil {
			return err
		}
		var err error
		file, err = attached.AttachFile(tx, x.kinds, attached.File{Ref: ref, Name: "report.pdf", Type: "application/pdf", Size: 3, SHA256: strings.Repeat("0", 64)})
		return err
	})
	if err != nil {
		x.Fatal(err)
	}
	for name, bad := range map[string]func(*act.Tx) error{
		"a link to nothing": func(tx *act.Tx) error {
			_, err := attached.AddLink(tx, x.kinds, ref, "mitigates", x.Kind.Name+"/none")
			return err
		},
		"a link of no relation": func(tx *act.Tx) error { _, err := attached.AddLink(tx, x.kinds, ref, "likes", other); return err },
		"the same link again": func(tx *act.Tx) error {
			_, err := attached.AddLink(tx, x.kinds, other, "mitigated_by", ref)
			return err
		},
		"a link to itself": func(tx *act.Tx) error { _, err := attached.AddLink(tx, x.kinds, ref, "causes", ref); return err },
		"an empty comment": func(tx *act.Tx) error { _, err := attached.AddComment(tx, x.kinds, ref, " "); return err },
		"a comment on nothing": func(tx *act.Tx) error {
			_, err := attached.AddComment(tx, x.kinds, x.Kind.Name+"/none", "x")
			return err
		},
		"a tag that is none": func(tx *act.Tx) error {
			_, err := attached.ChangeTags(tx, x.kinds, ref, []string{"Not A Tag"}, nil)
			return err
		},
		"a tag that is not there": func(tx *act.Tx) error {
			_, err := attached.ChangeTags(tx, x.kinds, ref, nil, []string{"c"})
			return err
		},
		"a path as a name": func(tx *act.Tx) error {
			_, err := attached.AttachFile(tx, x.kinds, attached.File{Ref: ref, Name: "../x", Type: "a/b", Size: 1})
			return err
		},
		"a file of no size": func(tx *act.Tx) error {
			_, err := attached.AttachFile(tx, x.kinds, attached.File{Ref: ref, Name: "x", Type: "a/b"})
			return err
		},
		"a file of another record": func(tx *act.Tx) error { _, err := attached.RemoveFile(tx, other, file.ID); return err },
		"a link that is not there": func(tx *act.Tx) error { _, err := attached.RemoveLink(tx, other, "mitigates", ref); return err },
		"disposing of what is kept": func(tx *act.Tx) error {
			_, err := attached.Dispose(tx, x.Kind, strings.TrimPrefix(ref, x.Kind.Name+"/"), "why")
			return err
		},
	} {
		if err := x.as(somebody, bad); err == nil {
			x.Errorf("%s is taken", name)
		}
	}
	x.attachedAre(ref, other, 1)
	x.attachedAre(other, ref, 0)
	if err := x.as(somebody, func(tx *act.Tx) error {
		if _, err := attached.RemoveLink(tx, other, "mitigated_by", ref); err != nil {
			return err
		}
		_, err := attached.RemoveFile(tx, ref, file.ID)
		return err
	}); err != nil {
		x.Fatal(err)
	}
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
		links, err := attached.LinksOf(r, ref)
		if err != nil || len(links) != 0 {
			x.Errorf("links %+v %v", links, err)
		}
		files, err := attached.FilesOf(r, ref)
		if err != nil || len(files) != 0 {
			x.Errorf("files %+v %v", files, err)
		}
		// Nothing is erased in silence: both versions are there.
		history, err := record.History(r, attached.Files.Name, file.ID)
		if len(history) != 2 {
			x.Errorf("a removed file has %d versions (%v)", len(history), err)
		}
		return err
	}); err != nil {
		x.Fatal(err)
	}
}

// attachedAre reads what is attached to a record from its side.
func (x *exercise) attachedAre(ref, other string, comments int) {
	x.Helper()
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
		links, err := attached.LinksOf(r, ref)
		if err != nil || len(links) != 1 || links[0].Record != other || links[0].Relation != map[int]string{1: "mitigates", 0: "mitigated_by"}[comments] {
			x.Errorf("links of %s: %+v %v", ref, links, err)
		}
		said, err := attached.CommentsOf(r, ref)
		if err != nil || len(said) != comments {
			x.Errorf("comments on %s: %+v %v", ref, said, err)
		}
		tags, err := attached.TagsOf(r, ref)
		if err != nil || len(tags) != 2*comments || comments > 0 && tags[0] != "a" {
			x.Errorf("tags of %s: %v %v", ref, tags, err)
		}
		return nil
	}); err != nil {
		x.Fatal(err)
	}
}
