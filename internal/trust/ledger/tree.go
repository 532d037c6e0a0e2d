package ledger

import (
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/platform/store"
)

// Tiles are those of tlog-tiles: 256 hashes wide, 8 levels of the tree high.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
	tileBytes  = tileWidth * tlog.HashSize
)

var ranges = &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

func leafHash(body []byte) []byte {
	hash := tlog.RecordHash(body)
	return hash[:]
}

func hexHash(hash []byte) string { return hex.EncodeToString(hash) }

// tree is the state that appending needs: the frontier, and at each tile
// level the hashes of the tile that is not full yet.
type tree struct {
	frontier *compact.Range
	partial  [][]byte // by tile level; less than tileBytes each
	full     [][]any  // rows of the tiles that filled since the last flush: level, number, hashes
}

// add appends a leaf hash.
func (t *tree) add(leaf []byte) error {
	size := t.frontier.End()
	t.note(0, int64(size), leaf)
	return t.frontier.Append(leaf, func(id compact.NodeID, hash []byte) {
		if id.Level > 0 && id.Level%tileHeight == 0 { // compact.Range reports inner nodes only
			t.note(int(id.Level)/tileHeight, int64(id.Index), hash)
		}
	})
}

// note puts a hash at its place in the level's partial tile.
func (t *tree) note(level int, index int64, hash []byte) {
	for len(t.partial) <= level {
		t.partial = append(t.partial, make([]byte, 0, tileBytes))
	}
	t.partial[level] = append(t.partial[level], hash...)
	if len(t.partial[level]) == tileBytes {
		t.full = append(t.full, []any{level, index / tileWidth, t.partial[level]})
		t.partial[level] = make([]byte, 0, tileBytes)
	}
}

// flush gives the rows of the tiles that have filled, and forgets them.
func (t *tree) flush() [][]any {
	full := t.full
	t.full = nil
	return full
}

// root is the RFC 6962 root; that of the empty tree is SHA-256 of nothing.
func (t *tree) root() ([]byte, error) {
	if t.frontier.End() == 0 {
		return rfc6962.DefaultHasher.EmptyRoot(), nil
	}
	return t.frontier.GetRootHash(nil)
}

// packed is the frontier as the head row keeps it.
func (t *tree) packed() []byte {
	var out []byte
	for _, hash := range t.frontier.Hashes() {
		out = append(out, hash...)
	}
	return out
}

// loadTree reads the state of a log of this size back: the frontier from the
// head row, the partial tiles from the events and full tiles.
func loadTree(r *store.Reader, size int64, frontier []byte) (*tree, error) {
	loaded := &tree{}
	var err error
	if loaded.frontier, err = unpack(size, frontier); err != nil {
		return nil, err
	}
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		width := size >> (tileHeight * level)
		data, err := hashesOf(r, level, width&^(tileWidth-1), width)
		if err != nil {
			return nil, err
		}
		loaded.partial = append(loaded.partial, append(make([]byte, 0, tileBytes), data...))
	}
	return loaded, nil
}

// unpack reads the frontier of a log of this size.
func unpack(size int64, frontier []byte) (*compact.Range, error) {
	if len(frontier)%tlog.HashSize != 0 {
		return nil, fmt.Errorf("%w: the frontier has %d bytes", ErrDamaged, len(frontier))
	}
	var hashes [][]byte
	for hash := range slices.Chunk(frontier, tlog.HashSize) {
		hashes = append(hashes, hash)
	}
	unpacked, err := ranges.NewRange(0, uint64(size), hashes)
	if err != nil {
		return nil, fmt.Errorf("%w: the frontier does not fit a log of %d events: %w", ErrDamaged, size, err)
	}
	return unpacked, nil
}

// frontierRoot is the root that the head's frontier gives.
func frontierRoot(head Head) ([]byte, error) {
	frontier, err := unpack(head.Size, head.frontier)
	if err != nil {
		return nil, err
	}
	return (&tree{frontier: frontier}).root()
}

// hashesOf computes the hashes from..to (at most a tile's width) of a tile
// level from what lies below: the events, or the full tiles of one level less.
func hashesOf(r *store.Reader, level int, from, to int64) ([]byte, error) {
	if from == to {
		return nil, nil
	}
	data := make([]byte, 0, (to-from)*tlog.HashSize)
	if level == 0 {
		err := eachEvent(r, from, to, func(_ int64, body []byte) error {
			data = append(data, leafHash(body)...)
			return nil
		})
		return data, err
	}
	expected := from
	var n int64
	var tile store.Raw
	err := r.Each(`SELECT n, hashes FROM ledger_tile WHERE n >= $1 AND n < $2 AND level = $3 ORDER BY n`,
		[]any{from, to, level - 1}, []any{&n, &tile}, func() error {
			if n != expected {
				return damage("tile %d of level %d is missing", expected, level-1)
			}
			expected++
			hash, err := tileRoot(tile)
			data = append(data, hash...)
			return err
		})
	if err == nil && expected != to {
		err = damage("tile %d of level %d is missing", expected, level-1)
	}
	return data, err
}

// tileRoot is the hash of the subtree that a full tile stands for.
func tileRoot(data []byte) ([]byte, error) {
	if len(data) != tileBytes {
		return nil, fmt.Errorf("%w: a full tile has %d bytes, not %d", ErrDamaged, len(data), tileBytes)
	}
	var level [tileWidth]tlog.Hash
	for i := range level {
		level[i] = tlog.Hash(data[i*tlog.HashSize:])
	}
	for width := tileWidth / 2; width > 0; width /= 2 {
		for i := range width {
			level[i] = tlog.NodeHash(level[2*i], level[2*i+1])
		}
	}
	return level[0][:], nil
}

// tiles reads tiles for proofs: it implements tlog.TileReader over one
// snapshot. Full tiles come from their rows, partial ones are computed. What
// was found to fit is read once, as long as there is room for it.
type tiles struct {
	reader *store.Reader
	known  map[tlog.Tile][]byte
}

// maxKnown is how many tiles are kept, of 8 KiB each.
const maxKnown = 2048

// Height implements tlog.TileReader.
func (*tiles) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader.
func (t *tiles) SaveTiles(fitting []tlog.Tile, data [][]byte) {
	for i, tile := range fitting {
		if len(t.known) < maxKnown {
			t.known[tile] = data[i]
		}
	}
}

// ReadTiles implements tlog.TileReader.
func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, tile := range wanted {
		if data[i] = t.known[tile]; data[i] != nil {
			continue
		}
		var err error
		if tile.W == tileWidth {
			err = t.reader.One(`SELECT hashes FROM ledger_tile WHERE level = $1 AND n = $2`, []any{tile.L, tile.N}, []any{&data[i]})
		} else {
			data[i], err = hashesOf(t.reader, tile.L, tile.N*tileWidth, tile.N*tileWidth+int64(tile.W))
		}
		if err != nil {
			return nil, fmt.Errorf("read tile %s: %w", tilePath(tile), err)
		}
	}
	return data, nil
}
