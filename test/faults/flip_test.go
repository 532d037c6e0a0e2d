package faults

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

// lived makes a folder in which something has happened: records with several
// versions, a token, a closed period, and enough events for full tiles and a
// full block of the search index.
func lived(t testing.TB, url string) string {
	t.Helper()
	dir := data(t, url)
	must(t, dir, "record", "add", "people", "id=E1", "name=Alex Example", "joined_at=2026-01-05T09:00:00Z")
	must(t, dir, "record", "add", "people", "id=E2", "name=Émilie Example")
	must(t, dir, "record", "set", "person/E1", "department=Engineering")
	must(t, dir, "record", "add", "changes", "id=c1", "title=A change", `author={"name":"Alex"}`, "merged_at=2026-03-02T09:00:00Z")
	must(t, dir, "record", "move", "change/c1", "deployed", "deployed_at=2026-03-03T09:00:00Z")
	must(t, dir, "token", "create", "--role", "monitor")
	must(t, dir, "period", "open", "first", "--from", "2026-01-01", "--to", "2026-02-01")
	fill(t, dir, "before", 4200)
	must(t, dir, "record", "set", "change/c1", "note=Done")
	must(t, dir, "period", "close", "first")
	fill(t, dir, "after", 120)
	return dir
}

// fill appends n small events.
func fill(t testing.TB, dir, prefix string, n int) {
	t.Helper()
	var lines strings.Builder
	for i := range n {
		lines.WriteString(event(fmt.Sprintf("%s-%06d", prefix, i), 20) + "\n")
	}
	file := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, dir, "ledger", "append", file)
}

// table is a table that verification vouches for, the key's columns first.
type table struct {
	name    string
	keys    int
	columns []string
	types   string // of each column: i integer, n integer or null, b bytes, t text, j a JSON object or null
}

var tables = []table{
	{"ledger_bundle", 1, []string{"first", "events", "leaves", "packing", "bodies"}, "iibib"},
	{"ledger_key", 2, []string{"id", "source", "idx"}, "tti"},
	{"ledger_head", 0, []string{"origin", "size", "frontier", "root", "note"}, "tibbt"},
	{"ledger_tile", 2, []string{"level", "n", "hashes"}, "iib"},
	{"ledger_search", 1, []string{"block", "types", "subjects", "actors", "times", "note"}, "ibbbbt"},
	{"record_version", 3, []string{"kind", "id", "version", "from_idx", "to_idx", "at", "doc"}, "ttiinnt"},
	{"record_current_change", 1, []string{"id", "version", "at", "cols"}, "tinj"},
	{"record_current_person", 1, []string{"id", "version", "at", "cols"}, "tinj"},
}

// where selects one row by its key, whose parameters begin at the number.
func (tb table) where(first int) string {
	conditions := []string{"1 = 1"}
	for i, column := range tb.columns[:tb.keys] {
		conditions = append(conditions, fmt.Sprintf("%s = $%d", column, first+i))
	}
	return strings.Join(conditions, " AND ")
}

// rows reads the whole table.
func (tb table) rows(t testing.TB, db *store.DB) (all [][]any) {
	t.Helper()
	all, err := tb.read(db)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (tb table) read(db *store.DB) (all [][]any, err error) {
	err = db.Read(context.Background(), func(r *store.Reader) error {
		row := make([]any, len(tb.columns))
		into := make([]any, len(row))
		for i := range row {
			into[i] = &row[i]
		}
		order := "1"
		for i := 2; i <= tb.keys; i++ {
			order += fmt.Sprintf(", %d", i)
		}
		columns := strings.ReplaceAll(strings.Join(tb.columns, ", "), "cols", "CAST(cols AS TEXT)")
		return r.Each("SELECT "+columns+" FROM "+tb.name+" ORDER BY "+order, nil, into, func() error {
			one := slices.Clone(row)
			for i, value := range one {
				if b, ok := value.([]byte); ok {
					one[i] = bytes.Clone(b)
				}
			}
			all = append(all, one)
			return nil
		})
	})
	return all, err
}

// put replaces, adds (before is nil) or deletes (after is nil) a row.
func (tb table) put(tx *store.Tx, before, after []any) error {
	if before != nil {
		if n, err := tx.Exec("DELETE FROM "+tb.name+" WHERE "+tb.where(1), before[:tb.keys]...); err != nil || n != 1 {
			return fmt.Errorf("delete a row of %s: %d, %w", tb.name, n, err)
		}
	}
	if after == nil {
		return nil
	}
	columns := tb.columns
	if tb.name == "ledger_head" {
		columns, after = append([]string{"one"}, columns...), append([]any{1}, after...)
	}
	return tx.Insert(tb.name, columns, [][]any{after})
}

// damaged is a folder whose database a test changes behind the program's back.
type damaged struct {
	*surface.System
	t      *testing.T
	writer *store.Writer
}

func behind(t *testing.T, dir string) *damaged {
	t.Helper()
	s := open(t, dir, surface.Read)
	w, err := s.DB.Writer(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close(); closeSystem(t, s) })
	return &damaged{s, t, w}
}

// change runs body in a transaction; false when the database itself refuses it.
func (d *damaged) change(body func(*store.Tx) error) bool {
	d.t.Helper()
	tx, err := d.writer.Begin()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := body(tx); err != nil {
		d.writer.Rollback()
		if !errors.Is(err, store.ErrUnique) && !strings.Contains(err.Error(), "constraint") {
			d.t.Fatal(err)
		}
		return false
	}
	if err := d.writer.Commit(); err != nil {
		d.t.Fatal(err)
	}
	return true
}

// finds makes a change, expects verification to name it, and takes it back.
func (d *damaged) finds(what string, change, undo func(*store.Tx) error) *ledger.DamageError {
	d.t.Helper()
	if !d.change(change) {
		return nil // the database's own constraints do not let it happen
	}
	_, err := d.Verify(context.Background(), nil, nil)
	d.change(undo)
	var damage *ledger.DamageError
	if !errors.As(err, &damage) {
		d.t.Errorf("%s: verification says %v", what, err)
		return nil
	}
	for _, place := range []string{"event ", "tile ", "index", "bundle", "key", "head row", "checkpoint", "state"} {
		if strings.Contains(err.Error(), place) {
			return damage
		}
	}
	d.t.Errorf("%s: %q does not name the place", what, err)
	return damage
}

func (d *damaged) whole() {
	d.t.Helper()
	for _, spans := range [][]ledger.Span{nil, {{From: 0, To: 1 << 40}}} {
		if _, err := d.Verify(context.Background(), spans, nil); err != nil {
			d.t.Fatalf("the untouched folder does not verify: %v", err)
		}
	}
}

// altered is another value of the same type: usually one byte of it changed.
func altered(random *rand.Rand, round int, kind byte, value any) any {
	switch kind {
	case 'b':
		b := bytes.Clone(value.([]byte))
		switch {
		case len(b) == 0:
			return []byte{1}
		case round == 0:
			return append(b, b[len(b)-1])
		case round == 1 && random.IntN(2) == 0:
			return b[:len(b)-1]
		}
		b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		return b
	case 't':
		b := []byte(value.(string))
		for {
			if at := random.IntN(len(b)); b[at] < 0x80 { // texts are UTF-8 in any case
				b[at] = (b[at]-0x20+1+byte(random.IntN(93)))%94 + 0x21
				if string(b) != value.(string) {
					return string(b)
				}
			}
		}
	case 'j':
		if value == nil || random.IntN(2) == 0 {
			return fmt.Sprintf(`{"x":"%d"}`, random.IntN(100))
		}
		return nil
	case 'n':
		if value == nil {
			return random.Int64N(5000)
		}
		if random.IntN(3) == 0 {
			return nil
		}
	}
	number, wide := value.(int64) // an integer of PostgreSQL has 32 bits
	if !wide {
		number = int64(value.(int32))
	}
	return number + []int64{-1, 1, 2, -5000, 4096}[random.IntN(5)]
}

// Whatever is changed in the tables behind SCAF's back is found and named.
func TestAnyChangeOfAnyRowIsFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		url          func(testing.TB) string
		each, longer int
	}{
		"sqlite":   {func(testing.TB) string { return "" }, 6, 50},
		"postgres": {storetest.Postgres, 2, 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each := test.each
			if long {
				each *= test.longer
			}
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 1))
			d := behind(t, lived(t, test.url(t)))
			d.whole()
			tried := 0
			for _, tb := range tables {
				rows := tb.rows(t, d.DB)
				pick := func() []any { return rows[random.IntN(len(rows))] }
				for column, name := range tb.columns {
					for round := range each {
						before := pick()
						after := slices.Clone(before)
						after[column] = altered(random, round, tb.types[column], before[column])
						tried++
						d.finds(fmt.Sprintf("%s.%s of row %v", tb.name, name, before[:tb.keys]),
							func(tx *store.Tx) error { return tb.put(tx, before, after) },
							func(tx *store.Tx) error { return tb.put(tx, after, before) })
					}
				}
				for range 2 {
					row := pick()
					if tb.keys > 0 {
						d.finds(fmt.Sprintf("a row less in %s: %v", tb.name, row[:tb.keys]),
							func(tx *store.Tx) error { return tb.put(tx, row, nil) },
							func(tx *store.Tx) error { return tb.put(tx, nil, row) })
					}
					a, b := pick(), pick()
					if slices.EqualFunc(a, b, same) || tb.keys == 0 {
						continue
					}
					newA := append(slices.Clone(a[:tb.keys]), b[tb.keys:]...)
					newB := append(slices.Clone(b[:tb.keys]), a[tb.keys:]...)
					if slices.EqualFunc(a, newA, same) {
						continue
					}
					d.finds(fmt.Sprintf("two rows of %s swapped: %v and %v", tb.name, a[:tb.keys], b[:tb.keys]),
						func(tx *store.Tx) error {
							return errors.Join(tb.put(tx, a, nil), tb.put(tx, b, nil), tb.put(tx, nil, newA), tb.put(tx, nil, newB))
						},
						func(tx *store.Tx) error {
							return errors.Join(tb.put(tx, newA, nil), tb.put(tx, newB, nil), tb.put(tx, nil, a), tb.put(tx, nil, b))
						})
				}
				for _, number := range []int64{-1, 1, 2, 100_000} {
					row := slices.Clone(pick())
					switch tb.name {
					case "ledger_head":
						continue
					case "ledger_key":
						row[0] = row[0].(string) + "x"
					case "record_current_change", "record_current_person":
						row[0] = fmt.Sprintf("added%d", number)
					case "record_version":
						row[1], row[3] = fmt.Sprintf("added%d", number), number
					default:
						row[0] = number
					}
					d.finds(fmt.Sprintf("a row more in %s: %v", tb.name, row[:tb.keys]),
						func(tx *store.Tx) error { return tb.put(tx, nil, row) },
						func(tx *store.Tx) error { return tb.put(tx, row, nil) })
				}
			}
			d.whole()
			t.Logf("%d changes of a value", tried)
		})
	}
}

func same(a, b any) bool {
	x, ok := a.([]byte)
	if !ok {
		return a == b
	}
	return bytes.Equal(x, b.([]byte))
}

// A byte changed in an event is found in that event, wherever it is.
func TestAChangedEventIsNamedByItsIndex(t *testing.T) {
	t.Parallel()
	d := behind(t, lived(t, ""))
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	bundles := tables[0]
	rows := bundles.rows(t, d.DB)
	for range 60 {
		row := rows[random.IntN(len(rows))]
		body := row[4].([]byte)
		if row[3].(int64) != 0 { // packed: an S2 block and its checksum (ADR 17)
			unpacked, err := s2.Decode(nil, body[:len(body)-4])
			if err != nil {
				t.Fatal(err)
			}
			body = unpacked
		}
		// the events' places in the bundle
		wanted, at := row[0].(int64)+random.Int64N(row[1].(int64)), 0
		for i := row[0].(int64); i < wanted; i++ {
			at += 2 + int(binary.BigEndian.Uint16(body[at:]))
		}
		changed := slices.Clone(row)
		altered := bytes.Clone(body)
		altered[at+2+random.IntN(int(binary.BigEndian.Uint16(body[at:])))] ^= 1 << random.IntN(8)
		changed[3], changed[4] = int64(0), altered
		damage := d.finds(fmt.Sprintf("event %d", wanted),
			func(tx *store.Tx) error { return bundles.put(tx, row, changed) },
			func(tx *store.Tx) error { return bundles.put(tx, changed, row) })
		if damage != nil && (damage.Index != wanted || !strings.HasPrefix(damage.Error(), fmt.Sprintf("event %d: ", wanted))) {
			t.Errorf("a byte of event %d was changed, verification names %d: %v", wanted, damage.Index, damage)
		}
	}
}

// A log of more than 65,536 events has a full tile of level 1.
func TestChangesInTilesOfHigherLevelsAreFound(t *testing.T) {
	t.Parallel()
	dir := data(t, "")
	fill(t, dir, "many", 65_536+300)
	d := behind(t, dir)
	d.whole()
	tiles := tables[3]
	for _, row := range tiles.rows(t, d.DB) {
		if row[0].(int64) == 0 && row[1].(int64)%100 != 0 {
			continue
		}
		changed := slices.Clone(row)
		hashes := bytes.Clone(row[2].([]byte))
		hashes[len(hashes)-1] ^= 0x80
		changed[2] = hashes
		d.finds(fmt.Sprintf("tile %v", row[:2]),
			func(tx *store.Tx) error { return tiles.put(tx, row, changed) },
			func(tx *store.Tx) error { return tiles.put(tx, changed, row) })
	}
}

// dump is everything that verification vouches for, as text, read in the ways
// in which the program reads it: through each index.
func dump(s *surface.System) (string, error) {
	var b strings.Builder
	for _, tb := range tables {
		rows, err := tb.read(s.DB)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s %v\n", tb.name, rows)
		if tb.name != "ledger_key" {
			continue
		}
		for i := 0; i < len(rows); i += 40 {
			var index int64
			if err := s.DB.Read(context.Background(), func(r *store.Reader) error {
				return r.One(`SELECT idx FROM ledger_key WHERE id = $1 AND source = $2`, rows[i][:2], []any{&index})
			}); err != nil {
				return "", err
			}
			fmt.Fprintln(&b, index)
		}
	}
	for _, kind := range s.Kinds {
		if err := s.DB.Read(context.Background(), func(r *store.Reader) error {
			return record.Each(r, record.Range{Kind: kind.Name}, func(v *record.Version) error {
				fmt.Fprintf(&b, "%s %d %d %s\n", v.Ref(), v.Version, v.From, v.Doc)
				return nil
			})
		}); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// Bytes of the database file change by themselves. Verification fails, or what
// the file says is what it said before.
func TestChangedBytesOfTheFileAreFoundOrChangeNothing(t *testing.T) {
	t.Parallel()
	rounds := 80
	if long {
		rounds = 5000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	dir := lived(t, "")
	s := open(t, dir, surface.Read)
	want, err := dump(s)
	if err != nil {
		t.Fatal(err)
	}
	closeSystem(t, s)
	path := filepath.Join(dir, "scaf.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found, harmless := 0, 0
	for round := range rounds {
		spoilt := bytes.Clone(whole)
		var offsets []int
		for range min(round, 1+random.IntN(3)) { // at first none
			at := random.IntN(len(spoilt))
			if random.IntN(2) == 0 {
				at = at/8192*8192 + random.IntN(64) // where a page says what is in it
			}
			offsets = append(offsets, at)
			spoilt[at] ^= 1 << random.IntN(8)
		}
		for _, name := range []string{"scaf.db-wal", "scaf.db-shm"} {
			_ = os.Remove(filepath.Join(dir, name)) // of the round before; mostly it is not there
		}
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		r := inProcess(dir)
		switch {
		case round == 0 && r.err != nil:
			t.Fatal(r.err)
		case r.err != nil && (errors.Is(r.err, ledger.ErrDamaged) || errors.Is(r.err, store.ErrCorrupt)):
			found++
		case errors.Is(r.err, store.ErrUnavailable) && strings.Contains(r.err.Error(), "the definition of "):
			found++ // in what the database remembers of a register's definition
		case r.err != nil:
			t.Errorf("round %d, offsets %d: neither whole nor damaged: %v", round, offsets, r.err)
		case r.dump != want:
			t.Errorf("round %d, offsets %d: the contents have changed, and verification found nothing:\n%s", round, offsets, firstDifference(want, r.dump))
		default:
			harmless++
		}
	}
	t.Logf("%d of %d found, %d in places that hold nothing", found, rounds, harmless)
	if harmless == 0 {
		t.Error("not even the untouched file verifies")
	}
	// The program's own exit status, once.
	spoilt := bytes.Clone(whole)
	copy(spoilt[bytes.Index(spoilt, []byte("after-000077")):], "after-000078")
	if err := os.WriteFile(path, spoilt, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, scaf(t, dir, "ledger", "verify"), 1, "event ")
	if err := os.WriteFile(path, append([]byte("no database at all"), whole[18:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, scaf(t, dir, "ledger", "verify"), 1, "damaged")
}

// firstDifference is the place at which two dumps begin to differ, in both.
func firstDifference(want, got string) string {
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	from := max(0, at-100)
	return fmt.Sprintf("of %d bytes  %.300q\nof %d bytes  %.300q", len(want), want[from:], len(got), got[from:])
}

type verified struct {
	dump string
	err  error
}

// inProcess verifies a folder, and dumps what a verified one holds.
func inProcess(dir string) (v verified) {
	s, err := app.New("test").Open(context.Background(), dir, surface.Read)
	if err != nil {
		return verified{err: err}
	}
	defer func() { _ = s.Close() }() // it was only read
	if _, err := s.Verify(context.Background(), nil, nil); err != nil {
		return verified{err: err}
	}
	text, err := dump(s)
	if err != nil {
		text = "unreadable: " + err.Error()
	}
	return verified{dump: text}
}
