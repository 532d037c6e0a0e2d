package ledger

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/platform/store"
)

// verifyFolder compares a publication with the log, file by file: the
// checkpoint; the tiles of level 1 and above, and what lies below for the
// events that are covered; and the partial tiles of earlier publications, which
// stay beside their full ones. Below "tile" nothing else may lie, but for what
// a publication that was cut short has left (".new-*").
func verifyFolder(r *store.Reader, head Head, folder, verifierKey string, covers func(index int64) bool) (int, error) {
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return 0, damage("the publication %s is gone: publish the ledger there again, or have it forgotten if it is kept no longer (scaf ledger publish --to or --forget)", folder)
	}
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return 0, damage("the publication %s has no checkpoint that can be read: %v", folder, err)
	}
	if err := consistentWith(r, head, string(signed), verifierKey, filepath.Join(folder, "checkpoint")); err != nil {
		return 0, err
	}
	checkpoint, err := OpenCheckpoint(string(signed), verifierKey)
	if err != nil {
		return 0, err
	}
	size := int64(checkpoint.Size)
	files := 1
	same := func(t tlog.Tile, data []byte) error {
		files++
		path := filepath.Join(folder, filepath.FromSlash(tilePath(t)))
		present, err := os.ReadFile(path)
		if err != nil {
			return damage("the publication lacks %s: %v", path, err)
		}
		if !bytes.Equal(present, data) {
			return damage("%s differs from the ledger", path)
		}
		return nil
	}
	if err := eachTile(r, size, covers, nil, same); err != nil {
		return 0, err
	}
	err = filepath.WalkDir(filepath.Join(folder, "tile"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".new-") {
			return err
		}
		within, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		tile, ok := parseTilePath(filepath.ToSlash(within))
		level := max(tile.L, 0)
		total := size >> (tileHeight * level)
		if !ok || tile.N*tileWidth+int64(tile.W) > total {
			return damage("%s is no file of a log of %d events", path, size)
		}
		if current := min(tileWidth, total-tile.N*tileWidth); int64(tile.W) == current || level == 0 && !covers(tile.N*tileWidth) {
			return nil // was compared, or is another day's
		}
		data, err := tileData(r, tile)
		if err != nil {
			return err
		}
		return same(tile, data)
	})
	if err != nil && size == 0 && os.IsNotExist(err) {
		err = nil // an empty log has no tiles
	}
	return files, err
}

// parseTilePath is the inverse of tilePath.
func parseTilePath(path string) (tlog.Tile, bool) {
	rest, ok := strings.CutPrefix(path, "tile/")
	if entries, is := strings.CutPrefix(rest, "entries/"); is {
		rest = "data/" + entries
	}
	tile, err := tlog.ParseTilePath("tile/8/" + rest)
	return tile, ok && err == nil && tilePath(tile) == path
}

// tileData is what a tile, or an entry bundle, holds.
func tileData(r *store.Reader, t tlog.Tile) ([]byte, error) {
	if t.L < 0 {
		bundle, _, err := readBundle(r, t.N, t.W)
		return bundle, err
	}
	return hashesOf(r, t.L, t.N*tileWidth, t.N*tileWidth+int64(t.W))
}
