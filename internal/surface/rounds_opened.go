package surface

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// OpenedRound is what came of opening a round of a register.
type OpenedRound struct {
	Register string     `json:"register"`
	Round    string     `json:"round"`
	Opened   int        `json:"opened"`
	There    int        `json:"there"` // were there before
	Left     []Unopened `json:"left"`
}

// Unopened is something that has its rounds and got no record in this one.
type Unopened struct {
	About string `json:"about"` // a control's id, or a reference
	Title string `json:"title"`
	Why   string `json:"why"`
}

// PartlyOpenedError says that a round was not opened to its end: what was opened stays.
type PartlyOpenedError struct {
	Opened, Of int
	Err        error
}

// Says is what whoever opens the round is told.
func (e *PartlyOpenedError) Says() string {
	return fmt.Sprintf("%d of %d were opened before it failed, and stay: open the round again, and it goes on with the others", e.Opened, e.Of)
}

// Error implements error.
func (e *PartlyOpenedError) Error() string { return e.Says() + ": " + e.Err.Error() }

// Unwrap is what went wrong.
func (e *PartlyOpenedError) Unwrap() error { return e.Err }

// owing is something that has its rounds.
type owing struct{ about, title, owner string }

// OpenRound opens a round of a register (record.Opening): a record for each of what the
// register is about that has none in it. Whoever owns that has it to do, where that is
// one person; of what several people own, or nobody, it is the one whom the field of the
// owner names among those given, and where that names nobody it is left. Run again it
// opens what is missing. A wrong field (*record.Invalid) opens nothing. What is more than
// act.MaxBatch is several acts: where one of them fails, those before it stay
// (*PartlyOpenedError).
func (s *System) OpenRound(ctx context.Context, caller act.Caller, kind *record.Kind, round string, given map[string]json.RawMessage) (*OpenedRound, error) {
	o, action := kind.Opening, kind.Name+".add"
	if err := s.Allow(ctx, caller, action, kind.Register); err != nil {
		return nil, err
	}
	if o == nil {
		return nil, fmt.Errorf("%w: %s have no rounds that are opened at once", record.ErrRegister, kind.Register)
	}
	of, _ := o.Every.Parse(round) // refused below where it is none
	done := &OpenedRound{Register: kind.Register, Round: round, Left: []Unopened{}}
	var wanted []map[string]json.RawMessage
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		said, err := s.saidOfRound(r, kind, round, given)
		if err != nil {
			return err
		}
		there, err := inRound(r, kind, round)
		if err != nil {
			return err
		}
		kept, err := s.keptFrom(r, kind, of)
		if err != nil {
			return err
		}
		all, err := s.owing(r, kind, of)
		if err != nil {
			return err
		}
		a, err := s.audience(r)
		if err != nil {
			return err
		}
		for _, one := range all {
			if there[one.about] {
				done.There++
				continue
			}
			fields, why, err := a.opening(kind, one, said, kept[one.about])
			if err != nil {
				return err
			}
			if why != "" {
				done.Left = append(done.Left, Unopened{one.about, one.title, why})
				continue
			}
			fields[o.Round] = round
			raw := map[string]json.RawMessage{}
			for field, value := range fields {
				if raw[field], err = json.Marshal(value); err != nil {
					return err
				}
			}
			wanted = append(wanted, raw)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	for batch := range slices.Chunk(wanted, act.MaxBatch) {
		var added int
		if _, err := s.Door.Do(ctx, caller, action, kind.Register, func(tx *act.Tx) (err error) {
			added, err = openIn(tx, kind, round, batch)
			return err
		}); err != nil {
			if done.Opened > 0 {
				err = &PartlyOpenedError{Opened: done.Opened, Of: len(wanted), Err: err}
			}
			return nil, err
		}
		done.Opened += added
		done.There += len(batch) - added
	}
	return done, nil
}

// openIn adds the records of one act, but for those that somebody else has added since
// they were found missing.
func openIn(tx *act.Tx, kind *record.Kind, round string, batch []map[string]json.RawMessage) (added int, err error) {
	there, err := inRound(&tx.Reader, kind, round)
	if err != nil {
		return 0, err
	}
	for _, one := range batch {
		var about string
		if err := json.Unmarshal(one[kind.Opening.About], &about); err != nil {
			return 0, err
		}
		if there[about] {
			continue
		}
		if _, err := record.Add(tx, kind, one); err != nil {
			return 0, err
		}
		added++
	}
	return added, nil
}

// saidOfRound are the fields that whoever opens a round gives, read and checked.
func (s *System) saidOfRound(r *store.Reader, kind *record.Kind, round string, given map[string]json.RawMessage) (map[string]string, error) {
	o, said, wrong := kind.Opening, map[string]string{}, &record.Invalid{}
	refuse := func(field, format string, args ...any) {
		wrong.Fields = append(wrong.Fields, record.Wrong(field, format, args...))
	}
	if _, ok := o.Every.Parse(round); round == "" {
		refuse(o.Round, "is missing")
	} else if !ok {
		refuse(o.Round, "%q is no %s", round, o.Every.Words())
	}
	asked := append(slices.Clone(o.Same), o.Owner)
	for field, raw := range given {
		var text *string
		if !slices.Contains(asked, field) {
			refuse(field, "is not the same for all of a round: say %s", strings.Join(asked, ", "))
		} else if json.Unmarshal(raw, &text) != nil {
			refuse(field, "is no text")
		} else if text != nil {
			said[field] = strings.TrimSpace(*text)
		}
	}
	for _, field := range asked {
		f := kind.Field(field)
		switch {
		case said[field] == "":
			if f.Required && field != o.Owner && !slices.Contains(o.Kept, field) {
				refuse(field, "is missing")
			}
		case f.Refers != "":
			of, id, err := s.Kinds.Parse(said[field])
			if err == nil {
				_, err = record.Get(r, of.Name, id)
			}
			if err != nil {
				refuse(field, "%s names no record: say which %s it is, by its reference", said[field], record.Words(f.Refers))
			} else if field != o.Owner && said[field] == said[o.Owner] {
				refuse(o.Owner, "is the %s: name somebody else", strings.ToLower(f.Label))
			}
		}
	}
	if len(wrong.Fields) > 0 {
		return nil, wrong
	}
	return said, nil
}

// inRound are those that have a record in a round already, withdrawn or not.
func inRound(r *store.Reader, kind *record.Kind, round string) (map[string]bool, error) {
	there := map[string]bool{}
	_, err := record.List(r, kind, record.Query{Filter: fmt.Sprintf("item.%s == %q", kind.Opening.Round, round)}, func(v *record.Version) error {
		fields, err := texts(v)
		there[fields[kind.Opening.About]] = true
		return err
	})
	return there, err
}

// keptFrom are the fields that stay, as the last round before one had them, by what it
// is about.
func (s *System) keptFrom(r *store.Reader, kind *record.Kind, of rounds.Round) (map[string]map[string]string, error) {
	kept := map[string]map[string]string{}
	if len(kind.Opening.Kept) == 0 {
		return kept, nil
	}
	filter := fmt.Sprintf("item.%s < timestamp(%q)", kind.At, of.DueAt.Format(time.RFC3339))
	_, err := record.List(r, kind, record.Query{Filter: filter, Sort: kind.At}, func(v *record.Version) error {
		fields, err := texts(v)
		kept[fields[kind.Opening.About]] = fields
		return err
	})
	return kept, err
}

// owing is what has a round: of a register, what is in the state that has rounds and was
// there before the round ended, or the controls in force.
func (s *System) owing(r *store.Reader, kind *record.Kind, of rounds.Round) (all []owing, err error) {
	o := kind.Opening
	if o.In == "" {
		return s.controlsInForce(r, func(since time.Time) bool { return o.Every.At(since).DueAt.After(of.DueAt) })
	}
	about, err := s.Kinds.Find(kind.Field(o.About).Refers)
	if err != nil {
		return nil, err
	}
	_, err = record.List(r, about, record.Query{Filter: fmt.Sprintf("item.state == %q", o.In)}, func(v *record.Version) error {
		fields, err := texts(v)
		if since, bad := time.Parse(time.RFC3339Nano, fields[about.At]); bad == nil && o.Every.At(since).DueAt.After(of.DueAt) {
			return err // it came later
		}
		all = append(all, owing{v.Ref(), fields[about.Columns[0].Field], fields["owner"]})
		return err
	})
	return all, err
}

// controlsInForce are the controls of which a version is approved, with the owner that
// it names, but for those whose first one was approved after a round.
func (s *System) controlsInForce(r *store.Reader, after func(time.Time) bool) (all []owing, err error) {
	known, err := s.Controls()
	if err != nil {
		return nil, err
	}
	versioned, err := versions.ByControl(r)
	if err != nil {
		return nil, err
	}
	for _, control := range known {
		of := slices.DeleteFunc(versioned[control.ID], func(v *versions.Version) bool { return v.State != versions.Approved })
		if len(of) > 0 && (of[0].ApprovedAt == nil || !after(*of[0].ApprovedAt)) {
			all = append(all, owing{control.ID, control.Title, of[len(of)-1].Owner})
		}
	}
	return all, nil
}

// texts are the fields of a record that are texts.
func texts(v *record.Version) (map[string]string, error) {
	var doc map[string]any
	err := json.Unmarshal(v.Doc, &doc)
	all := map[string]string{}
	for field, value := range doc {
		if text, ok := value.(string); ok {
			all[field] = text
		}
	}
	return all, err
}

// opening are the fields of the record about one of those that have a round, or why there
// is none.
func (a *audience) opening(kind *record.Kind, one owing, said, kept map[string]string) (fields map[string]string, why string, err error) {
	o := kind.Opening
	fields = map[string]string{o.About: one.about}
	apart := map[string]string{} // people who are others than who has it to do, and as what
	for _, field := range o.Same {
		f := kind.Field(field)
		fields[field] = said[field]
		if slices.Contains(o.Kept, field) && kept[field] != "" {
			fields[field] = kept[field]
		}
		if fields[field] == "" && f.Required {
			return nil, fmt.Sprintf("no round before says its %s, and nobody has now", strings.ToLower(f.Label)), nil
		}
		if f.Refers == people.Register.Name {
			apart[fields[field]] = strings.ToLower(f.Label)
		}
	}
	fields[o.Owner], why, err = a.doer(one.owner, apart, said[o.Owner])
	return fields, why, err
}

// doer is who does what an owner owes, or why nobody does: not one of those apart, by
// what they are.
func (a *audience) doer(owner string, apart map[string]string, others string) (doer, why string, err error) {
	found, err := a.named(owner)
	if err != nil {
		return "", "", err
	}
	called := "the " + owner
	if kind, id, err := a.s.Kinds.Parse(owner); err == nil && kind == people.Register {
		called = owner
		if p, err := person(a.r, id); err != nil {
			return "", "", err
		} else if p != nil {
			called = p.Name
		}
		if len(found) == 0 && others == "" {
			return "", fmt.Sprintf("its owner, %s, has left", called), nil
		}
	}
	switch {
	case len(found) == 1 && apart[found[0]] == "":
		return found[0], "", nil
	case others != "":
		return others, "", nil
	case len(found) == 1:
		return "", fmt.Sprintf("its owner, %s, is the %s", called, apart[found[0]]), nil
	case len(found) == 0:
		return "", fmt.Sprintf("nobody is its owner, %s", called), nil
	}
	return "", fmt.Sprintf("%d people are its owner, %s", len(found), called), nil
}
