package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record/expr"
)

// Misfits is the error of a start with a definition that existing records do
// not fit, and that does not say how they come along.
type Misfits struct {
	Records []Misfit
	More    int64 // beyond those listed
}

// Misfit is a record that does not fit its register's definition.
type Misfit struct {
	Ref    string
	Reason error
}

// maxMisfits is how many are listed.
const maxMisfits = 100

// Error names the records, one on a line.
func (m *Misfits) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d records do not fit the definition of their register, and no migration brings them there; nothing was changed:", int64(len(m.Records))+m.More)
	for _, one := range m.Records {
		fmt.Fprintf(&b, "\n  %s: %v", one.Ref, one.Reason)
	}
	if m.More > 0 {
		fmt.Fprintf(&b, "\n  and %d more", m.More)
	}
	return b.String()
}

// fingerprint is what a definition is, as far as it decides whether documents
// fit and which indexes there are. Rules in Go are not in it: whoever changes
// them raises the version.
func (k *Kind) fingerprint() (string, error) {
	text, err := json.Marshal(map[string]any{
		"version": k.Version, "at": k.At, "columns": k.Columns, "states": k.States, "format": 5,
		"fields": expr.Signature(k.Schema()),
	})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// defined is what is kept of a definition.
type defined struct {
	version     int
	fingerprint string
}

func readDefined(r *store.Reader) (map[string]defined, error) {
	known := map[string]defined{}
	var kind string
	var one defined
	err := r.Each(`SELECT kind, version, fingerprint FROM record_definition`, nil, []any{&kind, &one.version, &one.fingerprint}, func() error {
		known[kind] = one
		return nil
	})
	return known, err
}

// changed are the kinds whose definitions are not those that are kept.
func (ks Kinds) changed(r *store.Reader) ([]*Kind, map[string]defined, error) {
	known, err := readDefined(r)
	if err != nil {
		return nil, nil, err
	}
	var changed []*Kind
	for _, k := range ks {
		sum, err := k.fingerprint()
		if err != nil {
			return nil, nil, err
		}
		if known[k.Name].fingerprint != sum {
			changed = append(changed, k)
		}
	}
	return changed, known, nil
}

// Defined fails with store.ErrUnavailable when a definition has changed since
// the database was last opened for writing: for those who only read.
func (ks Kinds) Defined(ctx context.Context, db *store.DB) error {
	return db.Read(ctx, func(r *store.Reader) error {
		changed, _, err := ks.changed(r)
		if err == nil && len(changed) > 0 {
			err = fmt.Errorf("%w: the definition of %s has changed: any command that writes brings the database there", store.ErrUnavailable, changed[0].Register)
		}
		return err
	})
}

// Adoption is what is left to do after the start with changed definitions:
// documents that a migration changes.
type Adoption struct {
	changes map[*Kind][]Change
}

// Adopt brings a database to these definitions: indexes and column values. It
// costs one short query when no definition has changed. Documents that do not fit a changed definition are
// migrated by Migrate; those that no migration brings along are *Misfits, and
// then nothing is changed. It must be called before the door is opened.
func (ks Kinds) Adopt(ctx context.Context, db *store.DB) (*Adoption, error) {
	adoption := &Adoption{changes: map[*Kind][]Change{}}
	var changed []*Kind
	misfits := &Misfits{}
	err := db.Read(ctx, func(r *store.Reader) error {
		var known map[string]defined
		var err error
		if changed, known, err = ks.changed(r); err != nil {
			return err
		}
		for _, k := range changed {
			if err := k.survey(r, max(1, known[k.Name].version), adoption, misfits); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(misfits.Records) > 0:
		return nil, misfits
	case len(changed) == 0:
		return adoption, nil
	}
	writer, err := db.Writer(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = writer.Close() }() // after the commits there is nothing to lose
	tx, err := writer.Begin()
	if err != nil {
		return nil, err
	}
	for _, k := range changed {
		if err := k.adopt(tx, len(adoption.changes[k]) == 0); err != nil {
			writer.Rollback()
			return nil, fmt.Errorf("register %s: %w", k.Register, err)
		}
	}
	return adoption, writer.Commit()
}

// survey holds the current documents against the definition.
func (k *Kind) survey(r *store.Reader, from int, adoption *Adoption, misfits *Misfits) error {
	return Each(r, Range{Kind: k.Name}, func(v *Version) error {
		_, wrong := k.Decode(v.Doc)
		if wrong == nil {
			_, wrong = k.values(v.Doc)
		}
		if wrong == nil && from < k.Version && len(k.States) > 0 { // the register has states since
			var state string
			if state, wrong = stateOf(v.Doc); wrong == nil && state == "" {
				wrong = &Invalid{[]FieldError{{"state", "is missing"}}}
			}
		}
		if wrong == nil {
			return nil
		}
		next, err := k.migrate(v.Doc, from)
		if err != nil {
			wrong = errors.Join(wrong, err)
		}
		if next != nil && err == nil {
			adoption.changes[k] = append(adoption.changes[k], Change{Verb: "migrated", ID: v.ID, Doc: next, Expect: v.Version})
			return nil
		}
		if len(misfits.Records) == maxMisfits {
			misfits.More++
			return nil
		}
		misfits.Records = append(misfits.Records, Misfit{v.Ref(), wrong})
		return nil
	})
}

// migrate is the document that the migrations make of one; nil when there are
// none.
func (k *Kind) migrate(doc []byte, from int) (canonical, error) {
	if from >= k.Version {
		return nil, nil
	}
	var fields map[string]any
	decoder := json.NewDecoder(strings.NewReader(string(doc)))
	decoder.UseNumber()
	if err := decoder.Decode(&fields); err != nil {
		return nil, err
	}
	for version := from; version < k.Version; version++ {
		at := slices.IndexFunc(k.Migrations, func(m Migration) bool { return m.From == version })
		if at < 0 {
			return nil, fmt.Errorf("there is no migration from version %d of the definition", version)
		}
		if err := k.Migrations[at].Change(fields); err != nil {
			return nil, fmt.Errorf("the migration from version %d: %w", version, err)
		}
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	made, err := k.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("after the migration: %w", err)
	}
	next, err := Canonical(made)
	if err != nil {
		return nil, err
	}
	if _, err := k.values(next); err != nil {
		return nil, fmt.Errorf("after the migration: %w", err)
	}
	return next, nil
}

// every visits all versions of a kind's records.
func every(r *store.Reader, kind string, visit func(*Version) error) error {
	v := Version{Kind: kind}
	var to *int64
	var doc store.Raw
	return r.Each(`SELECT `+rowColumns+` FROM record_version WHERE `+of(kind)+` ORDER BY id, version`, nil,
		[]any{&v.ID, &v.Version, &v.From, &to, &doc}, func() error {
			v.To, v.Doc = to, json.RawMessage(doc)
			return visit(&v)
		})
}

// adopt makes the kind's indexes and column values, and keeps the definition's
// fingerprint when that is all there is to do.
func (k *Kind) adopt(tx *store.Tx, done bool) error {
	type row struct {
		id      string
		version int
		at      any
	}
	var rows []row
	var current [][]any
	err := every(&tx.Reader, k.Name, func(v *Version) error {
		one := row{id: v.ID, version: v.Version}
		at, err := k.Instant(v.Doc)
		if at != nil {
			one.at = *at
		}
		var values any
		if err == nil && v.To == nil {
			values, err = k.values(v.Doc)
		}
		if err != nil { // it will be migrated, or was
			one.at, values = nil, nil
		}
		rows = append(rows, one)
		if v.To == nil {
			current = append(current, []any{v.ID, v.Version, one.at, values})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, one := range rows {
		if _, err := tx.Exec(`UPDATE record_version SET at = $1 WHERE `+of(k.Name)+` AND id = $2 AND version = $3`, one.at, one.id, one.version); err != nil {
			return err
		}
	}
	if err := k.list(tx, current); err != nil || !done {
		return err
	}
	sum, err := k.fingerprint()
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM record_definition WHERE kind = $1`, k.Name); err != nil {
		return err
	}
	return tx.Insert("record_definition", []string{"kind", "version", "fingerprint"}, [][]any{{k.Name, k.Version, sum}})
}

// list makes the kind's own table with its indexes, in the place of one of an
// earlier definition.
func (k *Kind) list(tx *store.Tx, rows [][]any) error {
	if _, err := tx.Exec("DROP TABLE IF EXISTS " + k.table()); err != nil || !k.listed() {
		return err
	}
	if err := tx.Define("CREATE TABLE " + k.table() + " (id @text NOT NULL PRIMARY KEY, version INTEGER NOT NULL, at BIGINT, cols @json) @clustered"); err != nil {
		return err
	}
	if err := tx.Insert(k.table(), currentColumns, rows); err != nil {
		return err
	}
	for _, statement := range k.indexes(tx.Dialect()) {
		if _, err := tx.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}

// Migrate writes the documents that migrations change, each with its event
// "scaf.<kind>.migrated.v1". When it is interrupted, the next start goes on.
func (a *Adoption) Migrate(ctx context.Context, door *act.Door) error {
	for kind, changes := range a.changes {
		for batch := range slices.Chunk(changes, act.MaxBatch) {
			if _, err := door.Do(ctx, act.JobCaller("record.migrate"), "record.migrate", kind.Register, func(tx *act.Tx) error {
				_, err := Put(tx, kind, batch...)
				return err
			}); err != nil {
				return fmt.Errorf("migrate %s: %w", kind.Register, err)
			}
		}
	}
	return nil
}
