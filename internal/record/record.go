// Package record keeps the versions of records: one row for every version,
// with the ledger index at which it began and at which it ended, so that any
// register can be read as of a checkpoint. Every version has exactly one event
// that carries the difference and the SHA-256 of the canonical document after
// it; Check holds the rows against these events.
package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// Errors of records.
var (
	// ErrExists: a record with this reference is there already.
	ErrExists = errors.New("the record exists already")
	// ErrNone: there is no such record.
	ErrNone = errors.New("there is no such record")
	// ErrStale: the record has been changed since the caller read it.
	ErrStale = errors.New("the record has been changed meanwhile")
	// ErrSame: the change changes nothing.
	ErrSame = errors.New("nothing would change")
)

// Version is one version of a record.
type Version struct {
	Kind    string          `json:"kind"`
	ID      string          `json:"id"`
	Version int             `json:"version"`
	From    int64           `json:"from"`         // ledger index of the event that made it
	To      *int64          `json:"to,omitempty"` // of the event that ended it; none on the current one
	Doc     json.RawMessage `json:"document"`     // canonical (RFC 8785)
}

// Ref is the record's reference: "kind/id".
func (v *Version) Ref() string { return v.Kind + "/" + v.ID }

// Change is a new version of a record.
type Change struct {
	// Verb ends the event's type: "scaf.<kind>.<verb>.v1".
	Verb string
	ID   string
	// Doc is marshalled as JSON and made canonical. Numbers are those of
	// RFC 8785: integers beyond 2^53 lose digits, so write them as strings.
	Doc any
	// Expect is the version that the change was made from: 0 for a new record.
	Expect int

	values any // of the columns, where they are known already
}

// Put writes new versions of records of one kind, each with its event, and
// returns the events' indexes. It fails as a whole: with ErrExists or ErrStale
// when a record is not at the expected version, with ErrSame when a document
// does not change.
func Put(tx *act.Tx, kind *Kind, changes ...Change) ([]int64, error) {
	indexes := make([]int64, len(changes))
	rows, current := make([][]any, len(changes)), make([][]any, len(changes))
	for i, change := range changes {
		doc, err := Canonical(change.Doc)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", kind.Name, change.ID, err)
		}
		if err := fits(doc); err != nil {
			return nil, fmt.Errorf("%s/%s: %w", kind.Name, change.ID, err)
		}
		at, err := kind.Instant(doc)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", kind.Name, change.ID, err)
		}
		values := change.values
		if values == nil {
			if values, err = kind.values(doc); err != nil {
				return nil, fmt.Errorf("%s/%s: %w", kind.Name, change.ID, err)
			}
		}
		data := eventData{Version: change.Expect + 1, SHA256: digest(doc)}
		if change.Expect > 0 {
			if data.Patch, err = replace(tx, kind, change, doc); err != nil {
				return nil, err
			}
		}
		if data.Patch == nil {
			data.Document = doc
		}
		index, err := tx.Event(act.Event{
			Type: "scaf." + kind.Name + "." + change.Verb + ".v1", Subject: kind.Name + "/" + change.ID, Data: data,
		})
		if err != nil {
			return nil, err
		}
		if change.Expect > 0 {
			n, err := tx.Exec(`UPDATE record_version SET to_idx = $1 WHERE `+of(kind.Name)+` AND id = $2 AND version = $3 AND to_idx IS NULL`,
				index, change.ID, change.Expect)
			if err != nil {
				return nil, err
			}
			if n != 1 {
				return nil, fmt.Errorf("%w: %s/%s is not at version %d", ErrStale, kind.Name, change.ID, change.Expect)
			}
		}
		indexes[i] = index
		rows[i] = []any{kind.Name, change.ID, change.Expect + 1, index, nil, at, string(doc)}
		current[i] = []any{change.ID, change.Expect + 1, at, values}
	}
	err := tx.Insert("record_version", []string{"kind", "id", "version", "from_idx", "to_idx", "at", "doc"}, rows)
	if err == nil {
		err = kind.keep(tx, current)
	}
	if errors.Is(err, store.ErrUnique) {
		return nil, fmt.Errorf("%w: %s", ErrExists, named(kind, changes))
	}
	return indexes, err
}

// named are the references of the first changes.
func named(kind *Kind, changes []Change) string {
	const most = 3
	var refs []string
	for _, change := range changes[:min(len(changes), most)] {
		refs = append(refs, kind.Name+"/"+change.ID)
	}
	if len(changes) > most {
		return fmt.Sprintf("one of %s and %d more", strings.Join(refs, ", "), len(changes)-most)
	}
	return strings.Join(refs, " or ")
}

// eventData is the data of a record's event.
type eventData struct {
	Version  int             `json:"version"`
	SHA256   string          `json:"sha256"`             // of the canonical document after the event
	Document json.RawMessage `json:"document,omitempty"` // whole: of the first version, or where Patch cannot say it
	Patch    json.RawMessage `json:"patch,omitempty"`    // RFC 7396 merge patch from the version before
}

// replace checks the version that is to be replaced and returns the patch
// from it to the new document, nil when no patch can say it.
func replace(tx *act.Tx, kind *Kind, change Change, doc []byte) (json.RawMessage, error) {
	before, err := Get(&tx.Reader, kind.Name, change.ID)
	if err != nil {
		return nil, err
	}
	if before.Version != change.Expect {
		return nil, fmt.Errorf("%w: %s is at version %d, the change was made from version %d", ErrStale, before.Ref(), before.Version, change.Expect)
	}
	if bytes.Equal(before.Doc, doc) {
		return nil, fmt.Errorf("%w: %s", ErrSame, before.Ref())
	}
	patch, err := jsonpatch.CreateMergePatch(before.Doc, doc)
	if err != nil {
		return nil, err
	}
	// A merge patch cannot say null: such a change is recorded whole.
	after, err := replay(before.Doc, patch)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(after, doc) {
		return nil, nil
	}
	return Canonical(json.RawMessage(patch))
}

// replay is the canonical document that a merge patch makes of another one.
func replay(before, patch []byte) ([]byte, error) {
	after, err := jsonpatch.MergePatch(before, patch)
	if err != nil {
		return nil, err
	}
	return Canonical(json.RawMessage(after))
}

// canonical is a document that is in its one form already.
type canonical []byte

// MaxDocument is the largest canonical document in bytes: its event, which
// carries it whole, must be an entry of the ledger.
const MaxDocument = 60_000

// fits checks a canonical document against MaxDocument.
func fits(doc []byte) error {
	if len(doc) > MaxDocument {
		field, size := longest(doc)
		return &Invalid{[]FieldError{{field, fmt.Sprintf("has %d bytes and makes the document one of %d, at most %d are taken: shorten it, or attach it as a file", size, len(doc), MaxDocument)}}}
	}
	return nil
}

// longest is the field of a document that has most bytes.
func longest(doc []byte) (field string, size int) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(doc, &fields) != nil {
		return "document", len(doc)
	}
	for name, value := range fields {
		if len(value) > size || len(value) == size && name < field {
			field, size = name, len(value)
		}
	}
	return field, size
}

// Canonical marshals a document in its one form: RFC 8785.
func Canonical(doc any) ([]byte, error) {
	if done, ok := doc.(canonical); ok {
		return done, nil
	}
	raw, ok := doc.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = json.Marshal(doc); err != nil {
			return nil, err
		}
	}
	value := jsontext.Value(bytes.Clone(raw))
	if err := value.Canonicalize(); err != nil {
		return nil, err
	}
	return value, nil
}

func digest(doc []byte) string {
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:])
}

const rowColumns = `id, version, from_idx, to_idx, doc`

// of selects the rows of a kind. Its name stands in the text: SQLite would plan
// a statement anew each time that it is run if the condition of an index, of
// which each kind has its own, depended on what is bound to it.
func of(kind string) string {
	if !nameShape(kind) { // there are no records of what is no name
		return "kind IS NULL"
	}
	return "kind = '" + kind + "'"
}

// Get reads the current version of a record. ErrNone when there is none.
func Get(r *store.Reader, kind, id string) (*Version, error) {
	v, err := oneVersion(r, kind, ` AND to_idx IS NULL`, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s/%s", ErrNone, kind, id)
	}
	return v, err
}

// Load reads a record's current document, by its id or its reference, and the number
// of its version. ErrNone when there is none.
func Load[T any](r *store.Reader, kind *Kind, ref string) (*T, int, error) {
	v, err := Get(r, kind.Name, kind.Bare(ref))
	if err != nil {
		return nil, 0, err
	}
	doc := new(T)
	return doc, v.Version, json.Unmarshal(v.Doc, doc)
}

// Bare is the id in a reference to a record of the kind, or the id itself.
func (k *Kind) Bare(ref string) string { return strings.TrimPrefix(ref, k.Name+"/") }

// SameTime reports whether two instants are the same, or both are missing.
func SameTime(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

// GetVersion reads a version of a record. ErrNone when there is none.
func GetVersion(r *store.Reader, kind, id string, number int) (*Version, error) {
	v, err := oneVersion(r, kind, ` AND version = $2`, id, number)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: %s/%s version %d", ErrNone, kind, id, number)
	}
	return v, err
}

// oneVersion reads a version of a record. An id that no database can hold is that of none.
func oneVersion(r *store.Reader, kind, which, id string, further ...any) (*Version, error) {
	v := &Version{Kind: kind}
	if strings.ContainsRune(id, 0) || !utf8.ValidString(id) {
		return nil, store.ErrNotFound
	}
	var doc string
	err := r.One(`SELECT `+rowColumns+` FROM record_version WHERE `+of(kind)+` AND id = $1`+which, append([]any{id}, further...), []any{&v.ID, &v.Version, &v.From, &v.To, &doc})
	v.Doc = json.RawMessage(doc)
	return v, err
}

// Current reads the current documents of those of the ids that have a record of
// the kind, in one query.
func Current(r *store.Reader, kind string, ids []string) (map[string]json.RawMessage, error) {
	current := map[string]json.RawMessage{}
	if len(ids) == 0 {
		return current, nil
	}
	args := make([]any, 0, len(ids))
	var list strings.Builder
	for i, id := range ids {
		if i > 0 {
			list.WriteString(", ")
		}
		list.WriteString("(" + store.Parameters(len(args)+1, 1) + ")")
		args = append(args, id)
	}
	// One look into the index for each id, whatever a planner without
	// statistics thinks of the table. Both databases call the column column1.
	var id string
	var doc *string
	err := r.Each(`SELECT v.column1,
			(SELECT r.doc FROM record_version r WHERE r.`+of(kind)+` AND r.id = v.column1 ORDER BY r.version DESC LIMIT 1)
		FROM (VALUES `+list.String()+`) AS v`,
		args, []any{&id, &doc}, func() error {
			if doc != nil {
				current[id] = json.RawMessage(*doc)
			}
			doc = nil
			return nil
		})
	return current, err
}

// History reads all versions of a record, the first one first.
func History(r *store.Reader, kind, id string) ([]*Version, error) {
	var versions []*Version
	var v Version
	var doc string
	err := r.Each(`SELECT `+rowColumns+` FROM record_version WHERE `+of(kind)+` AND id = $1 ORDER BY version`,
		[]any{id}, []any{&v.ID, &v.Version, &v.From, &v.To, &doc}, func() error {
			one := v
			one.Kind, one.Doc = kind, json.RawMessage(doc)
			versions = append(versions, &one)
			v.To = nil
			return nil
		})
	if err == nil && len(versions) == 0 {
		err = fmt.Errorf("%w: %s/%s", ErrNone, kind, id)
	}
	return versions, err
}

// Range selects the versions that were current at a checkpoint and whose
// instant (Kind.At) lies in a half-open interval.
type Range struct {
	Kind string
	// AsOf is the size of the checkpoint; 0 means now.
	AsOf int64
	// From and To bound the instant; zero times do not. A record without an
	// instant is selected only when neither is given.
	From, To time.Time
}

// where is the condition of a range.
func (q Range) where() (string, []any) {
	conditions, args := []string{of(q.Kind)}, []any(nil)
	add := func(condition string, arg int64) {
		args = append(args, arg)
		conditions = append(conditions, strings.ReplaceAll(condition, "?", store.Parameters(len(args), 1)))
	}
	if q.AsOf > 0 {
		add("from_idx < ?", q.AsOf)
		add("(to_idx IS NULL OR to_idx >= ?)", q.AsOf)
	} else {
		conditions = append(conditions, "to_idx IS NULL")
	}
	if !q.From.IsZero() {
		add("at >= ?", q.From.UnixMicro())
	}
	if !q.To.IsZero() {
		add("at < ?", q.To.UnixMicro())
	}
	return strings.Join(conditions, " AND "), args
}

// Each visits the selected versions ordered by instant (records without one
// first), then id, bytewise: the same order on every database. The version
// and its document are valid during the visit only.
func Each(r *store.Reader, q Range, visit func(*Version) error) error {
	where, args := q.where()
	order := "at NULLS FIRST, id"
	if !q.From.IsZero() || !q.To.IsZero() { // there is no null: PostgreSQL can read by its index
		order = "at, id"
	}
	return eachVersion(r, q.Kind, where, order, args, visit)
}

func eachVersion(r *store.Reader, kind, where, order string, args []any, visit func(*Version) error) error {
	v := Version{Kind: kind}
	var to *int64
	var doc store.Raw
	return r.Each(`SELECT `+rowColumns+` FROM record_version WHERE `+where+` ORDER BY `+order, args,
		[]any{&v.ID, &v.Version, &v.From, &to, &doc}, func() error {
			v.To, v.Doc = to, json.RawMessage(doc)
			return visit(&v)
		})
}

// Count counts what Each would visit.
func Count(r *store.Reader, q Range) (int64, error) {
	where, args := q.where()
	var n int64
	err := r.One(`SELECT count(*) FROM record_version WHERE `+where, args, []any{&n})
	return n, err
}

// madeOf selects versions by the events that made them, and of those a kind: the
// concatenation keeps SQLite from going through all versions of the kind.
const madeOf = `from_idx >= $1 AND kind || '' = $2`

// EachMade visits all versions of a kind, current or not, that were made by the
// event at this ledger index or later ones, in the order of the ledger. The
// version and its document are valid during the visit only.
func EachMade(r *store.Reader, kind string, index int64, visit func(*Version) error) error {
	if changed, err := ChangedSince(r, kind, index); err != nil || !changed {
		return err
	}
	return eachVersion(r, kind, madeOf, "from_idx", []any{index, kind}, visit)
}

// Number is the number of the kind's next record, from 1, for kinds whose
// records are numbered. It is right within a transaction that holds the lane.
func Number(r *store.Reader, kind string) (int64, error) {
	var n int64
	err := r.One(`SELECT count(*) FROM record_version WHERE `+of(kind)+` AND version = 1`, nil, []any{&n})
	return n + 1, err
}

// Numbering gives the ids of a kind's next records, one after the other, where SCAF
// numbers them. Numbers that an import has brought are passed over. They are right within
// a transaction that holds the lane.
func Numbering(r *store.Reader, kind *Kind) func() (id string, err error) {
	number := int64(0) // nothing was asked for
	return func() (string, error) {
		if number == 0 {
			var err error
			if number, err = Number(r, kind.Name); err != nil {
				return "", err
			}
		}
		for {
			id := fmt.Sprintf("%s-%d", kind.Prefix, number)
			number++
			if _, err := Get(r, kind.Name, id); errors.Is(err, ErrNone) {
				return id, nil
			} else if err != nil {
				return "", err
			}
		}
	}
}
