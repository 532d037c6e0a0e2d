package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"scaf.dev/scaf/internal/platform/store"
)

// Verification says what to verify and how.
type Verification struct {
	// VerifierKey is the log's, from outside the database.
	VerifierKey string
	// Folders are publications of this log; each is compared file by file.
	Folders []string
	// State checks what the own events of a block say against the tables that
	// replaying them gives; nil checks none. It is called for every block of
	// the log, from several goroutines.
	State func(r *store.Reader, from, to int64, own []*Event) error
	// Closing is called once beside the blocks, with the head of the snapshot that
	// it is given and the spans that are read.
	Closing func(r *store.Reader, head Head, read []Span) error
	// Index computes the search index again from the events that are read. It
	// costs as much as all the rest (every event is parsed, which hashing does
	// not need); without it the index is held against the signatures that it was
	// written with, so that whoever changes it must hold the ledger's key.
	Index bool
	// Progress is told how many events have been read, of how many.
	Progress func(done, total int64)
	// Only restricts the reading of events and of bundles in publications to
	// these spans, each widened to multiples of 256 (a tile); nil reads all. The tiles
	// of what is left out still count into the root.
	Only []Span
}

// Span is a half-open interval of indexes.
type Span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// VerifiedType is the type of the event that records a verification.
const VerifiedType = "scaf.ledger.verified.v1"

// Verified is what a verification that found nothing wrong has read.
type Verified struct {
	Origin      string `json:"origin"`
	Size        int64  `json:"size"`
	Root        string `json:"root"`
	Ranges      []Span `json:"ranges"`      // read
	Events      int64  `json:"events"`      // read and hashed
	Tiles       int64  `json:"tiles"`       // compared
	Checkpoints int    `json:"checkpoints"` // earlier ones that the log continues
	Files       int    `json:"files"`       // of publications
}

// Verify reads the whole log and checks that every stored event hashes into
// the tiles, the tiles into the root, and the root is the one that the key
// signed; that every checkpoint which an event cites, or a publication holds,
// is an earlier state of this log; and whatever State checks. The first thing
// that differs is a *DamageError. Memory does not grow with the log, but with
// the checkpoints that its events cite.
func (v Verification) Verify(ctx context.Context, db *store.DB) (*Verified, error) {
	var head Head
	if err := db.Read(ctx, func(r *store.Reader) error {
		var err error
		if head, err = readHead(r, ""); err != nil {
			return err
		}
		return v.checkHead(r, head)
	}); err != nil {
		return nil, err
	}
	run := &verifying{Verification: v, head: head, source: []byte(OwnSource(head.Origin)), seed: maphash.MakeSeed(), cited: map[int64][]byte{}}
	run.plan()
	if err := run.units(ctx, db); err != nil {
		return nil, err
	}
	if err := run.checkKeys(ctx, db); err != nil {
		return nil, err
	}
	result := &Verified{Origin: head.Origin, Size: head.Size, Root: hexHash(head.Root), Ranges: run.ranges, Events: run.events.Load()}
	if err := db.Read(ctx, func(r *store.Reader) error {
		if err := run.upper(r); err != nil {
			return err
		}
		result.Tiles = run.tiles.Load()
		// Every full tile has been compared with the events by now, so that the
		// root computed from them is that of the events.
		root, err := RootAt(r, head.Size)
		if err != nil || !bytes.Equal(root[:], head.Root) {
			return damage("the root of the %d events is not %s, which the head row and its checkpoint say", head.Size, hexHash(head.Root))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if err := run.citedRoots(ctx, db); err != nil {
		return nil, err
	}
	result.Checkpoints = len(run.cited)
	if len(v.Folders) == 0 {
		return result, nil
	}
	if err := db.Read(ctx, func(r *store.Reader) error {
		for _, folder := range v.Folders {
			files, err := verifyFolder(r, head, folder, v.VerifierKey, run.covers)
			if err != nil {
				return err
			}
			result.Files += files
			result.Checkpoints++
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return result, nil
}

// checkHead checks the head row and that no row lies outside the log.
func (v Verification) checkHead(r *store.Reader, head Head) error {
	if err := head.signed(v.VerifierKey); err != nil {
		return err
	}
	if root, err := frontierRoot(head); err != nil || !bytes.Equal(root, head.Root) {
		return damage("the frontier of the head row does not hash to its root")
	}
	// A bundle that begins earlier and reaches beyond the end holds too many
	// events, which is found when it is read.
	var outside int64
	if err := r.One(`SELECT count(*) FROM ledger_bundle WHERE first < 0 OR first > $1 AND first + events > $2`,
		[]any{head.Size - bundleEvents, head.Size}, []any{&outside}); err != nil {
		return err
	}
	if outside > 0 {
		return damage("%d bundles of events lie outside the log of size %d", outside, head.Size)
	}
	if r.Dialect() == store.SQLite { // a key that is no number is passed over by a search, and not by a scan
		var odd int64
		if err := r.One(`SELECT count(*) FROM ledger_tile WHERE typeof(level) <> 'integer' OR typeof(n) <> 'integer'`, nil, []any{&odd}); err != nil {
			return err
		}
		if odd > 0 {
			return damage("%d tiles have a level or a number that is no integer", odd)
		}
	}
	for level := 0; ; level++ {
		want := head.Size >> (tileHeight * (level + 1))
		var have int64
		if err := r.One(`SELECT count(*) FROM ledger_tile WHERE level = $1 AND n >= 0 AND n < $2`, []any{level, want}, []any{&have}); err != nil {
			return err
		}
		if have != want {
			return damage("tile level %d has %d full tiles, a log of size %d has %d", level, have, head.Size, want)
		}
		if want == 0 {
			break
		}
	}
	var tiles, total int64
	for size := head.Size >> tileHeight; size > 0; size >>= tileHeight {
		tiles += size
	}
	if err := r.One(`SELECT count(*) FROM ledger_tile`, nil, []any{&total}); err != nil {
		return err
	}
	if tiles != total {
		return strayTile(r, head.Size)
	}
	return checkSearchEnd(r, head.Size)
}

// strayTile names a tile that a log of this size does not have.
func strayTile(r *store.Reader, size int64) error {
	var level, n int64
	if err := r.Each(`SELECT level, n FROM ledger_tile ORDER BY level, n`, nil, []any{&level, &n}, func() error {
		if level >= 0 && level < 63/tileHeight && n >= 0 && n < size>>(tileHeight*(level+1)) {
			return nil
		}
		return damage("tile %d of level %d does not belong to a log of size %d", n, level, size)
	}); err != nil {
		return err
	}
	return damage("there are more tiles than a log of size %d has", size)
}

// unitEvents are the events under one full tile of level 1. partEvents is the most
// that one goroutine checks at a time, leastEvents the least: all cores are busy to
// the end, of a night's part of the log, too.
const (
	unitEvents  = tileWidth * tileWidth
	partEvents  = unitEvents / 8
	leastEvents = 2 * tileWidth
)

// verifying is one run over the log.
type verifying struct {
	Verification
	head   Head
	source []byte // of own events
	ranges []Span // what is read: apart, in order
	total  int64  // of events in them
	events atomic.Int64
	tiles  atomic.Int64

	seed maphash.Seed // of the key sums: nobody can foresee it
	keys keySum       // of the events that were read
	// filed is the sum of the key rows of these events.
	filed keySum

	mu    sync.Mutex
	cited map[int64][]byte
}

// plan lays the ranges out.
func (v *verifying) plan() {
	wanted := v.Only
	if wanted == nil {
		wanted = []Span{{0, v.head.Size}}
	}
	wanted = slices.Clone(wanted)
	slices.SortFunc(wanted, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	v.ranges = []Span{}
	for _, span := range wanted {
		from := max(span.From, 0) / tileWidth * tileWidth
		to := v.head.Size
		if span.To < to {
			to = min(to, (span.To+tileWidth-1)/tileWidth*tileWidth)
		}
		if n := len(v.ranges); n > 0 && from <= v.ranges[n-1].To {
			v.ranges[n-1].To = max(v.ranges[n-1].To, to)
		} else if from < to {
			v.ranges = append(v.ranges, Span{from, to})
		}
	}
	for _, span := range v.ranges {
		v.total += span.To - span.From
	}
}

// covers reports whether the event is in what is read.
func (v *verifying) covers(index int64) bool {
	return slices.ContainsFunc(v.ranges, func(s Span) bool { return s.From <= index && index < s.To })
}

// units reads the ranges, and what goes with them, on all cores. What cannot be
// divided comes first: nothing should wait for it at the end.
func (v *verifying) units(ctx context.Context, db *store.DB) error {
	work := []func(*store.Reader) error{v.readKeys, v.closing, v.searchIndex}
	size := int64(partEvents)
	for size > blockEvents && v.total < 4*size*int64(runtime.GOMAXPROCS(0)) {
		size /= 2
	}
	for _, span := range v.ranges {
		for from, to := span.From, int64(0); from < span.To; from = to {
			if to = min((from/size+1)*size, span.To); to-from < blockEvents { // no whole block is in it, of which there is an index
				to = min((from/leastEvents+1)*leastEvents, span.To)
			}
			work = append(work, func(r *store.Reader) error { return v.part(r, from, to) })
		}
	}
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for {
				at := next.Add(1) - 1
				if at >= int64(len(work)) || ctx.Err() != nil {
					return ctx.Err()
				}
				if err := db.Read(ctx, work[at]); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// closing checks what Closing does, in a snapshot of its own.
func (v *verifying) closing(r *store.Reader) error {
	if v.Closing == nil {
		return nil
	}
	head, err := readHead(r, "") // of this snapshot: events may have been appended since
	if err != nil {
		return err
	}
	return v.Closing(r, head, v.ranges)
}

// part checks the events from..to, which lie under one tile of level 1, the
// tiles above them, and their part of that tile.
func (v *verifying) part(r *store.Reader, from, to int64) error {
	roots := make([]byte, 0, partEvents/tileWidth*tlog.HashSize)
	for at := from; at < to; {
		end := min((at/blockEvents+1)*blockEvents, to)
		hashes, err := v.block(r, at, end)
		if err != nil {
			return err
		}
		full := hashes[:len(hashes)/tileBytes*tileBytes]
		if err := v.compare(r, 0, at/tileWidth, full); err != nil {
			return err
		}
		for ; len(full) > 0; full = full[tileBytes:] {
			root, err := tileRoot(full[:tileBytes])
			if err != nil {
				return err
			}
			roots = append(roots, root...)
		}
		if done := v.events.Add(end - at); v.Progress != nil {
			v.Progress(done, v.total)
		}
		at = end
	}
	unit := from / unitEvents
	if (unit+1)*unitEvents > v.head.Size || len(roots) == 0 { // no full tile
		return nil
	}
	return v.compareRoots(r, unit, from%unitEvents/tileWidth, roots)
}

// compareRoots checks hashes of a full tile of level 1, from the one with this
// number on.
func (v *verifying) compareRoots(r *store.Reader, unit, number int64, computed []byte) error {
	var stored []byte
	err := r.One(`SELECT hashes FROM ledger_tile WHERE level = 1 AND n = $1`, []any{unit}, []any{&stored})
	if errors.Is(err, store.ErrNotFound) {
		return damage("tile %d of level 1 is missing", unit)
	}
	if err != nil {
		return err
	}
	if len(stored) != tileBytes {
		return damage("tile %d of level 1 has %d bytes, not %d", unit, len(stored), tileBytes)
	}
	begin := number * tlog.HashSize
	if begin == 0 {
		v.tiles.Add(1)
	}
	return sameHashes(1, unit*tileWidth+number, stored[begin:begin+int64(len(computed))], computed)
}

// block checks the events of one block and returns their leaf hashes.
func (v *verifying) block(r *store.Reader, from, to int64) ([]byte, error) {
	hashes := make([]byte, 0, (to-from)*tlog.HashSize)
	var own []*Event
	var keys keySum
	var indexing *searchBlock
	if v.Index && to-from == blockEvents {
		indexing = &searchBlock{number: from / blockEvents}
	}
	err := eachLeaf(r, from, to, func(index int64, leaf, body []byte) error {
		computed := leafHash(body)
		if !bytes.Equal(computed, leaf) {
			return &DamageError{index, fmt.Sprintf("its stored bytes hash to %s, the leaf stored beside them is %s", hexHash(computed), hexHash(leaf))}
		}
		hashes = append(hashes, computed...)
		id, source, err := identify(body)
		if err != nil {
			return &DamageError{index, "the stored bytes are not an event: " + err.Error()}
		}
		keys.add(v.seed, id, source, index)
		if indexing != nil {
			entry, err := indexed(index, body)
			if err != nil {
				return &DamageError{index, "the stored bytes are not an event: " + err.Error()}
			}
			indexing.add(entry, entry.Time)
		}
		if !bytes.Equal(source, v.source) {
			return nil
		}
		event, err := read(index, bytes.Clone(body))
		if err != nil {
			return &DamageError{index, "the stored bytes are not an event: " + err.Error()}
		}
		own = append(own, event)
		return v.cite(event)
	})
	if err != nil {
		return nil, err
	}
	v.keys.merge(&keys)
	if indexing != nil {
		if err := sameIndex(r, &indexing.full[0]); err != nil {
			return nil, err
		}
	}
	if v.State != nil {
		if err := v.State(r, from, to, own); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// compare checks stored full tiles, the first of which has number n, against
// computed hashes.
func (v *verifying) compare(r *store.Reader, level int, n int64, computed []byte) error {
	if len(computed) == 0 {
		return nil
	}
	expected, last := n, n+int64(len(computed)/tileBytes)
	var present store.Raw
	var at int64
	err := r.Each(`SELECT n, hashes FROM ledger_tile WHERE level = $1 AND n >= $2 AND n < $3 ORDER BY n`,
		[]any{level, n, last}, []any{&at, &present}, func() error {
			if at != expected {
				return damage("tile %d of level %d is missing", expected, level)
			}
			expected++
			v.tiles.Add(1)
			return sameTile(level, at, present, computed[(at-n)*tileBytes:(at-n+1)*tileBytes])
		})
	if err == nil && expected != last {
		err = damage("tile %d of level %d is missing", expected, level)
	}
	return err
}

// sameTile names the first hash of a stored tile that is not the computed one.
func sameTile(level int, n int64, present, computed []byte) error {
	if bytes.Equal(present, computed) {
		return nil
	}
	if len(present) != len(computed) {
		return damage("tile %d of level %d has %d bytes, not %d", n, level, len(present), len(computed))
	}
	return sameHashes(level, n*tileWidth, present, computed)
}

// sameHashes names the first hash of a level, of which the first one has the
// number, that is not the computed one.
func sameHashes(level int, first int64, present, computed []byte) error {
	for i := 0; i < len(computed); i += tlog.HashSize {
		says, is := present[i:i+tlog.HashSize], computed[i:i+tlog.HashSize]
		if bytes.Equal(says, is) {
			continue
		}
		at := first + int64(i/tlog.HashSize)
		if level == 0 {
			return &DamageError{at, fmt.Sprintf("its stored bytes hash to %s, its tile says %s", hexHash(is), hexHash(says))}
		}
		return damage("hash %d of tile level %d is %s, the tiles below give %s", at, level, hexHash(says), hexHash(is))
	}
	return nil
}

// upper checks the tiles of level 2 and above against those below them.
func (v *verifying) upper(r *store.Reader) error {
	for level := 2; v.head.Size>>(tileHeight*(level+1)) > 0; level++ {
		for n := range v.head.Size >> (tileHeight * (level + 1)) {
			computed, err := hashesOf(r, level, n*tileWidth, (n+1)*tileWidth)
			if err != nil {
				return err
			}
			if err := v.compare(r, level, n, computed); err != nil {
				return err
			}
		}
	}
	return nil
}
