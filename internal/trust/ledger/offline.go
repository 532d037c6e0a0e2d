package ledger

import (
	"context"
	"fmt"
	"iter"
	"runtime"

	f_log "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"scaf.dev/scaf/internal/platform/store"
)

// CheckpointPath is where a tlog-tiles log has its checkpoint.
const CheckpointPath = "checkpoint"

// EachFile gives the tiles and entry bundles of the log as it was at this size,
// by their paths in a C2SP tlog-tiles log and in the order of Layout.
func EachFile(r *store.Reader, size int64, progress func(done, total int64), put func(path string, data []byte) error) error {
	return eachTile(r, size, everything, progress, func(t tlog.Tile, data []byte) error { return put(tilePath(t), data) })
}

// Layout gives the paths of the tiles and entry bundles of a log of this size.
func Layout(size int64) iter.Seq[string] {
	return func(yield func(string) bool) {
		for level := 0; size>>(tileHeight*level) > 0; level++ {
			total := size >> (tileHeight * level)
			for n := int64(0); n*tileWidth < total; n++ {
				tile := tlog.Tile{L: level, N: n, W: int(min(tileWidth, total-n*tileWidth))}
				if level == 0 && !yield(tilePath(tlog.Tile{L: -1, N: n, W: tile.W})) || !yield(tilePath(tile)) {
					return
				}
			}
		}
	}
}

// Offline is a log in the files of its publication: it is read and verified
// without a database.
type Offline struct {
	Origin string
	Size   int64
	Root   tlog.Hash
	// File reads a whole file of the log by its path in it.
	File func(path string) ([]byte, error)
}

// OpenOffline opens a published log by its signed checkpoint. The error is
// ErrProof when the key's holder did not sign it.
func OpenOffline(signed, verifierKey string, file func(path string) ([]byte, error)) (*Offline, error) {
	checkpoint, err := OpenCheckpoint(signed, verifierKey)
	if err != nil {
		return nil, err
	}
	return &Offline{Origin: checkpoint.Origin, Size: int64(checkpoint.Size), Root: rootOf(checkpoint), File: file}, nil
}

func rootOf(c *f_log.Checkpoint) (root tlog.Hash) { copy(root[:], c.Hash); return root }

// entries reads the bundle that begins at event n*256.
func (o *Offline) entries(n int64) ([][]byte, error) {
	width := min(tileWidth, o.Size-n*tileWidth)
	path := tilePath(tlog.Tile{L: -1, N: n, W: int(width)})
	data, err := o.File(path)
	if err != nil {
		return nil, err
	}
	bodies := make([][]byte, 0, width)
	err = unbundle(n*tileWidth, width, data, func(_ int64, body []byte) error {
		bodies = append(bodies, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return bodies, nil
}

// Events visits the stored bytes of the events from..to (exclusive), in order.
func (o *Offline) Events(from, to int64, visit func(index int64, body []byte) error) error {
	for index := from; index < min(to, o.Size); {
		n := index / tileWidth
		bodies, err := o.entries(n)
		if err != nil {
			return err
		}
		for ; index < min(to, n*tileWidth+int64(len(bodies))); index++ {
			if err := visit(index, bodies[index-n*tileWidth]); err != nil {
				return err
			}
		}
	}
	return nil
}

// offlinePart is what a goroutine made of one entry bundle.
type offlinePart[T any] struct {
	made   []T
	leaves []byte
	err    error
}

// VerifyOffline reads the whole log: every leaf hash is computed from the stored
// bytes and held against its tile, every tile against those below it, and the
// root against the checkpoint's. Beside that, prepare is called for every event,
// from several goroutines, and take with what it made, in the order of the log.
// Bytes that prepare is given are its own to keep. Memory does not grow with
// the log. What differs is a *DamageError, or the error of File, prepare or
// take.
func VerifyOffline[T any](ctx context.Context, o *Offline, prepare func(index int64, body []byte) (T, error), take func(index int64, made T) error, progress func(done, total int64)) error {
	workers := runtime.GOMAXPROCS(0)
	order := make(chan chan offlinePart[T], 2*workers)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { // hands out the work, in order
		defer close(order)
		slots := make(chan struct{}, workers)
		for n := int64(0); n*tileWidth < o.Size; n++ {
			done := make(chan offlinePart[T], 1)
			select {
			case order <- done:
			case <-ctx.Done():
				return ctx.Err()
			}
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return ctx.Err()
			}
			group.Go(func() error {
				defer func() { <-slots }()
				done <- offlineBundle(o, n, prepare)
				return nil
			})
		}
		return nil
	})
	group.Go(func() error {
		upper := &upperTiles{log: o}
		index := int64(0)
		for done := range order {
			var part offlinePart[T]
			select {
			case part = <-done:
			case <-ctx.Done():
				return ctx.Err()
			}
			if part.err != nil {
				return part.err
			}
			if err := upper.add(0, part.leaves); err != nil {
				return err
			}
			for _, made := range part.made {
				if err := take(index, made); err != nil {
					return err
				}
				index++
			}
			if progress != nil {
				progress(index, o.Size)
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return upper.finish()
	})
	return group.Wait()
}

// offlineBundle hashes and prepares the events of one bundle.
func offlineBundle[T any](o *Offline, n int64, prepare func(int64, []byte) (T, error)) (part offlinePart[T]) {
	bodies, err := o.entries(n)
	if err != nil {
		part.err = err
		return part
	}
	for i, body := range bodies {
		part.leaves = append(part.leaves, leafHash(body)...)
		made, err := prepare(n*tileWidth+int64(i), body)
		if err != nil {
			part.err = err
			return part
		}
		part.made = append(part.made, made)
	}
	return part
}

// upperTiles computes the tiles of all levels from the leaf hashes and holds
// them against the files.
type upperTiles struct {
	log     *Offline
	current []partTile // by level: the tile that is being filled
}

type partTile struct {
	n      int64
	hashes []byte
}

// add takes hashes of a level: those of level 0 tile by tile, of the levels
// above one by one.
func (u *upperTiles) add(level int, hashes []byte) error {
	if len(u.current) <= level {
		u.current = append(u.current, partTile{})
	}
	tile := &u.current[level]
	tile.hashes = append(tile.hashes, hashes...)
	if len(tile.hashes) < tileBytes {
		return nil
	}
	if err := u.compare(level, tile); err != nil {
		return err
	}
	root, err := tileRoot(tile.hashes)
	if err != nil {
		return err
	}
	tile.n, tile.hashes = tile.n+1, tile.hashes[:0]
	return u.add(level+1, root)
}

func (u *upperTiles) compare(level int, tile *partTile) error {
	path := tilePath(tlog.Tile{L: level, N: tile.n, W: len(tile.hashes) / tlog.HashSize})
	present, err := u.log.File(path)
	if err != nil {
		return err
	}
	return sameTile(level, tile.n, present, tile.hashes)
}

// finish compares the tiles that are not full, and the root.
func (u *upperTiles) finish() error {
	for level := range u.current {
		if tile := &u.current[level]; len(tile.hashes) > 0 {
			if err := u.compare(level, tile); err != nil {
				return err
			}
		}
	}
	root, err := u.log.RootAt(u.log.Size)
	if err != nil {
		return err
	}
	if root != u.log.Root {
		return damage("the root of the %d events is %s, the checkpoint says %s", u.log.Size, hexHash(root[:]), hexHash(u.log.Root[:]))
	}
	return nil
}

// RootAt computes the root that the log had at an earlier size, from its
// tiles: once VerifyOffline has found them right, that is the events'.
func (o *Offline) RootAt(size int64) (tlog.Hash, error) {
	if size < 0 || size > o.Size {
		return tlog.Hash{}, damage("the log has %d events, it has no size %d", o.Size, size)
	}
	if size == 0 {
		return tlog.Hash(rfc6962.DefaultHasher.EmptyRoot()), nil
	}
	return tlog.TreeHash(size, tlog.HashReaderFunc(o.hashes))
}

// hashes reads stored hashes of the tree out of the tiles.
func (o *Offline) hashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		tile := tlog.TileForIndex(tileHeight, index)
		total := o.Size >> (tileHeight * tile.L)
		tile.W = int(min(tileWidth, total-tile.N*tileWidth))
		data, err := o.File(tilePath(tile))
		if err != nil {
			return nil, err
		}
		if found[i], err = tlog.HashFromTile(tile, data, index); err != nil {
			return nil, damage("%s: %v", tilePath(tile), err)
		}
	}
	return found, nil
}

// Cited is a checkpoint that an event cites.
type Cited struct {
	Size int64
	Root tlog.Hash
}

// Cites returns the checkpoint that an own event cites, in its data or in the
// document of the record that it makes; nil when there is none. One that lies
// after the event, or cannot be read, is a *DamageError.
func Cites(event *Event) (*Cited, error) {
	size, root, err := cited(event)
	if err != nil || root == nil {
		return nil, err
	}
	return &Cited{size, tlog.Hash(root)}, nil
}
