package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"scaf.dev/scaf/internal/platform/store"
)

// Applied is an event that made a version, as the ledger holds it.
type Applied struct {
	Index   int64
	Type    string
	Subject string
	Data    []byte
}

// Difference says where the rows are not what replaying the events gives.
type Difference struct {
	Index int64 // of the event; -1 where it is of none
	What  string
}

// Error implements error.
func (d *Difference) Error() string {
	if d.Index < 0 {
		return d.What
	}
	return fmt.Sprintf("event %d: %s", d.Index, d.What)
}

// Check holds the versions that began at the indexes from..to (exclusive)
// against the events of that range: every record event has exactly its
// version, every version its event, and the documents are the same bytes.
// Events of kinds that ks does not know are passed over; a row of an unknown
// kind is a difference. The first difference is a *Difference.
func (ks Kinds) Check(r *store.Reader, from, to int64, events []Applied) error {
	var made []Applied
	for _, event := range events {
		if ks.makes(event) {
			made = append(made, event)
		}
	}
	type row struct {
		Version
		at *int64
	}
	var rows []row
	var v row
	current := map[string][]string{} // ids by kind
	var doc string
	err := r.Each(`SELECT kind, `+rowColumns+`, at FROM record_version WHERE from_idx >= $1 AND from_idx < $2 ORDER BY from_idx`,
		[]any{from, to}, []any{&v.Kind, &v.ID, &v.Version.Version, &v.From, &v.To, &doc, &v.at}, func() error {
			one := v
			one.Doc = json.RawMessage(doc)
			rows = append(rows, one)
			if v.To == nil {
				current[v.Kind] = append(current[v.Kind], v.ID)
			}
			v.To, v.at = nil, nil
			return nil
		})
	if err != nil {
		return err
	}
	listed, err := ks.listedAs(r, current)
	if err != nil {
		return err
	}
	for len(made) > 0 || len(rows) > 0 {
		switch {
		case len(rows) == 0 || len(made) > 0 && made[0].Index < rows[0].From:
			return &Difference{made[0].Index, fmt.Sprintf("made a version of %s, which is missing in the database", made[0].Subject)}
		case len(made) == 0 || rows[0].From < made[0].Index:
			return &Difference{rows[0].From, fmt.Sprintf("the database holds version %d of %s, which no event made", rows[0].Version.Version, rows[0].Ref())}
		}
		if err := ks.same(r, made[0], &rows[0].Version, rows[0].at, listed[rows[0].Ref()]); err != nil {
			return err
		}
		made, rows = made[1:], rows[1:]
	}
	return nil
}

// makes reports whether the event makes a version of a known kind.
func (ks Kinds) makes(event Applied) bool {
	parts := strings.Split(event.Type, ".")
	if len(parts) != 4 || parts[0] != "scaf" || !strings.HasPrefix(event.Subject, parts[1]+"/") {
		return false
	}
	for _, k := range ks {
		if k.Name == parts[1] {
			return true
		}
	}
	return false
}

// listedRow is a row of a kind's own table.
type listedRow struct {
	version int
	at      *int64
	values  *string
}

// listedAs are the rows of the kinds' own tables, by reference.
func (ks Kinds) listedAs(r *store.Reader, ids map[string][]string) (map[string]*listedRow, error) {
	found := map[string]*listedRow{}
	for name, of := range ids {
		kind, err := ks.Find(name)
		if err != nil || !kind.listed() { // an unknown kind is named with its row
			continue
		}
		args := make([]any, len(of))
		for i, id := range of {
			args[i] = id
		}
		var id string
		var one listedRow
		if err := r.Each(`SELECT id, version, at, CAST(cols AS TEXT) FROM `+kind.table()+` WHERE id IN (`+store.Parameters(1, len(args))+`)`, args,
			[]any{&id, &one.version, &one.at, &one.values}, func() error {
				kept := one
				found[name+"/"+id] = &kept
				one.at, one.values = nil, nil
				return nil
			}); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// same compares one event with the row that it made, and with what its list says.
func (ks Kinds) same(r *store.Reader, event Applied, v *Version, at *int64, listed *listedRow) error {
	differs := func(format string, args ...any) error {
		return &Difference{event.Index, fmt.Sprintf("%s version %d: ", v.Ref(), v.Version) + fmt.Sprintf(format, args...)}
	}
	var data eventData
	if err := jsonv2.Unmarshal(event.Data, &data); err != nil {
		return differs("the event's data cannot be read: %v", err)
	}
	if v.Ref() != event.Subject || v.Version != data.Version {
		return differs("the event made %s version %d", event.Subject, data.Version)
	}
	if got := digest(v.Doc); got != data.SHA256 {
		return differs("the stored document has the SHA-256 %s, the event says %s", got, data.SHA256)
	}
	kind, err := ks.Find(v.Kind)
	if err != nil {
		return differs("%v", err)
	}
	instant, err := kind.Instant(v.Doc)
	if err != nil || (instant == nil) != (at == nil) || instant != nil && *instant != *at {
		return differs("the row's instant is not that of its document")
	}
	if err := kind.holds(v, at, listed); err != nil {
		return differs("%v", err)
	}
	want := []byte(data.Document)
	if data.Version > 1 {
		before, end := "", int64(-1)
		err := r.One(`SELECT doc, to_idx FROM record_version WHERE `+of(v.Kind)+` AND id = $1 AND version = $2`,
			[]any{v.ID, v.Version - 1}, []any{&before, &end})
		if err != nil || end != event.Index {
			return differs("the version before it is missing, or does not end at event %d", event.Index)
		}
		if data.Patch != nil {
			if want, err = replay([]byte(before), data.Patch); err != nil {
				return differs("the event's patch cannot be applied: %v", err)
			}
		}
	}
	if string(want) != string(v.Doc) {
		return differs("replaying the event gives another document")
	}
	return nil
}

// CheckEnds finds a version that ended without a successor, or that did not
// end though it has one, among those that began at the indexes from..to (exclusive).
func CheckEnds(r *store.Reader, from, to int64) error {
	var kind, id string
	var version int
	var began int64
	return r.Each(`SELECT a.kind, a.id, a.version, a.from_idx FROM record_version a
		LEFT JOIN record_version b ON b.kind = a.kind AND b.id = a.id AND b.version = a.version + 1
		WHERE a.from_idx >= $1 AND a.from_idx < $2 AND (a.to_idx IS DISTINCT FROM b.from_idx) ORDER BY a.from_idx LIMIT 1`,
		[]any{from, to}, []any{&kind, &id, &version, &began}, func() error {
			return &Difference{began, fmt.Sprintf("%s/%s version %d does not end where the next version begins", kind, id, version)}
		})
}

// CheckLists finds rows that an index of the database does not lead to
// (store.ErrCorrupt), and rows in the list of a register that are no current version
// (*Difference, of no event). It looks up every row in every index.
func (ks Kinds) CheckLists(r *store.Reader) error {
	if err := r.Sound("record_version"); err != nil {
		return err
	}
	for _, k := range ks {
		if !k.listed() {
			continue
		}
		if err := r.Sound(k.table()); err != nil {
			return err
		}
		var id string
		if err := r.Each(`SELECT c.id FROM `+k.table()+` AS c LEFT JOIN record_version AS v ON v.`+of(k.Name)+` AND v.id = c.id AND v.version = c.version AND v.to_idx IS NULL
			WHERE v.id IS NULL ORDER BY c.id LIMIT 1`, nil, []any{&id}, func() error {
			return &Difference{-1, fmt.Sprintf("the list of %s holds %s, which is not the current version of a record", k.Register, id)}
		}); err != nil {
			return err
		}
	}
	return nil
}

// CheckOutside finds a version that began outside a log of this size.
func CheckOutside(r *store.Reader, size int64) error {
	var kind, id string
	var from int64
	return r.Each(`SELECT kind, id, from_idx FROM record_version WHERE from_idx < 0 OR from_idx >= $1 ORDER BY from_idx LIMIT 1`,
		[]any{size}, []any{&kind, &id, &from}, func() error {
			return &Difference{from, fmt.Sprintf("the database holds %s/%s, which no event made", kind, id)}
		})
}

// holds checks that the column values of a row are those of its document, and
// that only the current version has some.
func (k *Kind) holds(v *Version, at *int64, listed *listedRow) error {
	if v.To != nil || !k.listed() {
		return nil
	}
	if listed == nil {
		return errors.New("it is missing in the list of its register")
	}
	if listed.version != v.Version || (at == nil) != (listed.at == nil) || at != nil && *at != *listed.at || listed.values == nil {
		return errors.New("the list of its register is not of this version")
	}
	want, err := k.values(v.Doc)
	if err != nil {
		return err
	}
	// PostgreSQL writes JSON in a form of its own.
	a, err := Canonical(json.RawMessage(*listed.values))
	if err != nil {
		return fmt.Errorf("the row's column values cannot be read: %w", err)
	}
	text, ok := want.(string)
	if !ok {
		return errors.New("the row's column values are of an unknown form")
	}
	b, err := Canonical(json.RawMessage(text))
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return errors.New("the row's column values are not those of its document")
	}
	return nil
}
