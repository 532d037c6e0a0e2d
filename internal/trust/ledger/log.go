// Package ledger is the append-only log of events with its RFC 6962 Merkle
// tree: appending inside act's transactions, proofs, publication as tlog-tiles,
// and verification.
//
// It proves that what was recorded is complete and unaltered since it was
// witnessed. It does not prove that everything was recorded, and whoever holds
// the signing key can make up a past: only an independent time stamp or
// witness speaks against that.
package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	f_log "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// Errors of the ledger.
var (
	// ErrDamaged: what is stored cannot be what was written.
	ErrDamaged = errors.New("the ledger is damaged")
	// ErrNoLedger: the database holds no ledger.
	ErrNoLedger = errors.New("there is no ledger in the database: run scaf init first")
	// ErrForeign: the database holds the ledger of another origin.
	ErrForeign = errors.New("the database holds the ledger of another origin")
	// ErrNoEvent: no event has this index.
	ErrNoEvent = errors.New("no such event")
	// ErrNoKey: appending needs the signing key, and it is not there.
	ErrNoKey = errors.New("the signing key is not available")
)

// Log is the ledger of one origin. It implements act.Log; within a process
// only the lane calls these methods.
type Log struct {
	origin      string
	signer      note.Signer
	verifierKey string

	size   int64
	tree   *tree
	search *searchBlock
	stale  bool // what is in memory may not be what is in the database
}

// NewLog returns the log of the origin. The signer's name is the origin, and
// the verifier key that of the signer.
func NewLog(origin string, signer note.Signer, verifierKey string) *Log {
	return &Log{origin: origin, signer: signer, verifierKey: verifierKey, stale: true}
}

// Create writes the head of an empty log.
func (l *Log) Create(tx *store.Tx) error {
	empty := &tree{frontier: ranges.NewEmptyRange(0)}
	root, err := empty.root()
	if err != nil {
		return err
	}
	signed, err := l.sign(0, root)
	if err != nil {
		return err
	}
	return tx.Insert("ledger_head", []string{"one", "origin", "size", "frontier", "root", "note"},
		[][]any{{1, l.origin, 0, []byte{}, root, signed}})
}

// DemoOrigin begins the origin of every ledger whose events are made up for a
// demonstration. Nothing that such a ledger says is evidence of anything.
const DemoOrigin = "demo/"

// Source implements act.Log.
func (l *Log) Source() string { return OwnSource(l.origin) }

// OwnSource is the CloudEvents source of SCAF's own events in a ledger.
func OwnSource(origin string) string { return "urn:scaf:" + origin }

// Begin implements act.Log.
func (l *Log) Begin(tx *store.Tx, lock bool) (int64, error) {
	if !lock && !l.stale {
		return l.size, nil
	}
	head, err := readHead(&tx.Reader, tx.ForUpdate())
	if err != nil {
		return 0, err
	}
	if head.Origin != l.origin {
		return 0, fmt.Errorf("%w: %s, not %s", ErrForeign, head.Origin, l.origin)
	}
	if !l.stale && head.Size == l.size {
		return l.size, nil
	}
	// What this key did not sign it must not extend: its next signature would
	// cover whatever somebody without the key has written.
	if err := head.signed(l.verifierKey); err != nil {
		return 0, fmt.Errorf("%w: %w: nothing is appended to it; run scaf ledger verify", ErrDamaged, err)
	}
	if l.tree, err = loadTree(&tx.Reader, head.Size, head.frontier); err != nil {
		return 0, err
	}
	if root, err := l.tree.root(); err != nil || !bytes.Equal(root, head.Root) {
		return 0, fmt.Errorf("%w: the head's root is not that of its frontier: run scaf ledger verify", ErrDamaged)
	}
	if l.search, err = loadSearch(&tx.Reader, head.Size); err != nil {
		return 0, err
	}
	l.size, l.stale = head.Size, false
	return l.size, nil
}

// Committed implements act.Log.
func (l *Log) Committed() {}

// Aborted implements act.Log: what was added in memory is forgotten.
func (l *Log) Aborted() { l.stale = true }

// Append implements act.Log.
func (l *Log) Append(tx *store.Tx, now time.Time, entries []act.Entry) ([]act.Receipt, error) {
	l.stale = true // until the end of this function, and again if the commit fails
	keys := make([][]any, len(entries))
	bodies := make([][]byte, len(entries))
	leaves := make([]byte, 0, len(entries)*tlog.HashSize)
	receipts := make([]act.Receipt, len(entries))
	for i := range entries {
		entry := &entries[i]
		body := stored(entry, now)
		if len(body) > MaxEvent {
			return nil, tooLarge(len(body))
		}
		leaf := leafHash(body)
		if err := l.tree.add(leaf); err != nil {
			return nil, err
		}
		index := l.size + int64(i)
		keys[i] = []any{entry.ID, entry.Source, index}
		bodies[i] = body
		leaves = append(leaves, leaf...)
		receipts[i] = act.Receipt{Index: index, LeafHash: hexHash(leaf)}
		l.search.add(entry, now)
	}
	root, err := l.tree.root()
	if err != nil {
		return nil, err
	}
	size := l.size + int64(len(entries))
	signed, err := l.sign(size, root)
	if err != nil {
		return nil, err
	}
	searchable, err := l.search.flush(l.origin, l.signer)
	if err != nil {
		return nil, err
	}
	// The head comes first: whoever has moved it, or is about to, is met here,
	// and not at a key, where two could wait for each other.
	changed, err := tx.Together([]store.Insertion{
		{Table: "ledger_key", Columns: []string{"id", "source", "idx"}, Rows: keys},
		{Table: "ledger_bundle", Columns: bundleColumns, Rows: bundled(l.size, bodies, leaves)},
		{Table: "ledger_tile", Columns: []string{"level", "n", "hashes"}, Rows: l.tree.flush()},
		searchable,
	}, `UPDATE ledger_head SET size = $1, frontier = $2, root = $3, note = $4 WHERE one = 1 AND size = $5`,
		size, l.tree.packed(), root, signed, l.size)
	if err != nil && (changed == 1 || !errors.Is(err, store.ErrUnique)) {
		return nil, err
	}
	if changed != 1 {
		return nil, fmt.Errorf("%w: it is not at size %d any more", act.ErrMoved, l.size)
	}
	rootHex := hexHash(root)
	for i := range receipts {
		receipts[i].Size, receipts[i].Root = size, rootHex
	}
	l.size, l.stale = size, false
	return receipts, nil
}

// sign makes the checkpoint: a C2SP tlog-checkpoint, signed.
func (l *Log) sign(size int64, root []byte) (string, error) {
	if l.signer == nil {
		return "", ErrNoKey
	}
	checkpoint := f_log.Checkpoint{Origin: l.origin, Size: uint64(size), Hash: root}
	signed, err := note.Sign(&note.Note{Text: string(checkpoint.Marshal())}, l.signer)
	if err != nil {
		return "", fmt.Errorf("sign the checkpoint: %w", err)
	}
	return string(signed), nil
}

// Known implements act.Log.
func (l *Log) Known(tx *store.Tx, entries []act.Entry) (map[int]act.Receipt, error) {
	head, err := readHead(&tx.Reader, "")
	if err != nil {
		return nil, err
	}
	return known(&tx.Reader, head, entries)
}

// known looks submitted entries up by id and source.
func known(r *store.Reader, head Head, entries []act.Entry) (map[int]act.Receipt, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	type key struct{ id, source string }
	positions := make(map[key][]int, len(entries))
	args := make([]any, 0, 2*len(entries))
	var list bytes.Buffer
	for i := range entries {
		k := key{entries[i].ID, entries[i].Source}
		if positions[k] == nil {
			if list.Len() > 0 {
				list.WriteString(", ")
			}
			list.WriteString("(" + store.Parameters(len(args)+1, 2) + ")")
			args = append(args, k.id, k.source)
		}
		positions[k] = append(positions[k], i)
	}
	at := map[int64]key{} // where the ledger has them
	var k key
	var index int64
	if err := r.Each(`SELECT id, source, idx FROM ledger_key WHERE (id, source) IN (VALUES `+list.String()+`)`, args,
		[]any{&k.id, &k.source, &index}, func() error { at[index] = k; return nil }); err != nil {
		return nil, err
	}
	found := map[int]act.Receipt{}
	err := eachOf(r, slices.Sorted(maps.Keys(at)), func(index int64, body []byte) error {
		submitted := asSubmitted(body)
		k := at[index]
		for _, i := range positions[k] {
			if !bytes.Equal(submitted, entries[i].JSON) {
				return &act.ConflictError{Position: i, ID: k.id, Source: k.source}
			}
			found[i] = act.Receipt{Index: index, LeafHash: hexHash(leafHash(body)), Size: head.Size, Root: hexHash(head.Root)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Head is the latest checkpoint.
type Head struct {
	Origin     string
	Size       int64
	Root       []byte
	Checkpoint string // the signed note

	frontier []byte
}

// signed checks that the head's checkpoint is signed with the ledger's key, and
// says what the head says.
func (h Head) signed(verifierKey string) error {
	checkpoint, err := OpenCheckpoint(h.Checkpoint, verifierKey)
	if err != nil {
		return damage("the signed checkpoint of the head row: %v", err)
	}
	if int64(checkpoint.Size) != h.Size || !bytes.Equal(checkpoint.Hash, h.Root) || checkpoint.Origin != h.Origin {
		return damage("the head row says size %d and root %s, its signed checkpoint says %d and %s", h.Size, hexHash(h.Root), checkpoint.Size, hexHash(checkpoint.Hash))
	}
	return nil
}

// Hash is the root as tlog has it.
func (h Head) Hash() (hash tlog.Hash) { copy(hash[:], h.Root); return hash }

func readHead(r *store.Reader, lock string) (Head, error) {
	var head Head
	err := r.One(`SELECT origin, size, frontier, root, note FROM ledger_head WHERE one = 1`+lock, nil,
		[]any{&head.Origin, &head.Size, &head.frontier, &head.Root, &head.Checkpoint})
	if errors.Is(err, store.ErrNotFound) {
		return head, ErrNoLedger
	}
	if err != nil {
		return head, err
	}
	if len(head.Root) != tlog.HashSize {
		return head, damage("the root of the head row has %d bytes", len(head.Root))
	}
	return head, nil
}

// ReadHead reads the latest checkpoint in the reader's snapshot.
func ReadHead(r *store.Reader) (Head, error) { return readHead(r, "") }

// ReadTogether reads with up to as many readers at once, which see the same
// checkpoint; at least with one (see store.DB.ReadTogether).
func ReadTogether(ctx context.Context, db *store.DB, most int, body func([]*store.Reader) error) error {
	return db.ReadTogether(ctx, most, func(r *store.Reader) (string, error) {
		head, err := readHead(r, "")
		return fmt.Sprintf("%d %x", head.Size, head.Root), err
	}, body)
}

// Exists reports whether the database holds a ledger.
func Exists(ctx context.Context, db *store.DB) (bool, error) {
	err := db.Read(ctx, func(r *store.Reader) error { _, err := readHead(r, ""); return err })
	if errors.Is(err, ErrNoLedger) {
		return false, nil
	}
	return err == nil, err
}
