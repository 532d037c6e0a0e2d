package ledger

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/platform/durable"
	"scaf.dev/scaf/internal/platform/store"
)

// tilePath is the path of a tile in a tlog-tiles log: "tile/<L>/<N>", with
// ".p/<W>" for a partial one; level -1 is the entry bundles.
func tilePath(t tlog.Tile) string {
	t.H = tileHeight
	path := strings.TrimPrefix(t.Path(), "tile/8/")
	if rest, ok := strings.CutPrefix(path, "data/"); ok {
		return "tile/entries/" + rest
	}
	return "tile/" + path
}

// Published is what a publication wrote.
type Published struct {
	Size    int64  `json:"size"`
	Root    string `json:"root"`
	Files   int    `json:"files"`   // written now
	Present int    `json:"present"` // full tiles and bundles that were there and right
}

// Publish writes the log into a folder as a C2SP tlog-tiles log: tiles, entry
// bundles and, last, the checkpoint. Files are written beside their place and
// renamed, fsynced first, so a reader never sees half of one. Full tiles that
// are there are compared; one that differs is an error and is left as found,
// as is a checkpoint that this log does not continue.
func Publish(r *store.Reader, folder, verifierKey string, progress func(done, total int64)) (*Published, error) {
	head, err := readHead(r, "")
	if err != nil {
		return nil, err
	}
	if err := continues(r, head, folder, verifierKey); err != nil {
		return nil, err
	}
	done := &Published{Size: head.Size, Root: hexHash(head.Root)}
	written := map[string]bool{} // folders that got a new file
	put := func(t tlog.Tile, data []byte) error {
		path := filepath.Join(folder, filepath.FromSlash(tilePath(t)))
		present, err := os.ReadFile(path)
		switch {
		case err == nil && bytes.Equal(present, data):
			done.Present++
			return nil
		case err == nil:
			return damage("%s differs from the ledger: it was changed after it was published, or belongs to another log", path)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		done.Files++
		written[filepath.Dir(path)] = true
		if err := os.MkdirAll(filepath.Dir(path), publicDir); err != nil {
			return err
		}
		return durable.Place(path, publicFile, data)
	}
	if err := eachTile(r, head.Size, everything, progress, put); err != nil {
		return nil, err
	}
	for dir := range written {
		if err := syncUp(dir, folder); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(folder, publicDir); err != nil {
		return nil, err
	}
	return done, durable.Replace(filepath.Join(folder, "checkpoint"), publicFile, []byte(head.Checkpoint))
}

// A published log is for everybody.
const (
	publicDir  fs.FileMode = 0o755
	publicFile fs.FileMode = 0o644
)

// continues checks that the checkpoint in the folder, if there is one, is of
// an earlier state of this very log.
func continues(r *store.Reader, head Head, folder, verifierKey string) error {
	present, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return consistentWith(r, head, string(present), verifierKey, folder)
}

func everything(int64) bool { return true }

// eachTile calls put for every entry bundle and tile of a log of this size;
// bundles and the tiles of level 0 only where covers says so of their first
// event.
func eachTile(r *store.Reader, size int64, covers func(index int64) bool, progress func(done, total int64), put func(tlog.Tile, []byte) error) error {
	for n := int64(0); n*tileWidth < size; n++ {
		if !covers(n * tileWidth) {
			continue
		}
		width := int(min(tileWidth, size-n*tileWidth))
		bundle, hashes, err := readBundle(r, n, width)
		if err != nil {
			return err
		}
		if err := put(tlog.Tile{L: -1, N: n, W: width}, bundle); err != nil {
			return err
		}
		if err := put(tlog.Tile{L: 0, N: n, W: width}, hashes); err != nil {
			return err
		}
		if progress != nil {
			progress(n*tileWidth+int64(width), size)
		}
	}
	for level := 1; size>>(tileHeight*level) > 0; level++ {
		total := size >> (tileHeight * level)
		for n := int64(0); n*tileWidth < total; n++ {
			width := min(tileWidth, total-n*tileWidth)
			data, err := hashesOf(r, level, n*tileWidth, n*tileWidth+width)
			if err != nil {
				return err
			}
			if err := put(tlog.Tile{L: level, N: n, W: int(width)}, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// readBundle reads the entries of one bundle (each with its length before it,
// big-endian, 16 bits) and their leaf hashes.
func readBundle(r *store.Reader, n int64, width int) (bundle, hashes []byte, err error) {
	err = eachEvent(r, n*tileWidth, n*tileWidth+int64(width), func(_ int64, body []byte) error {
		bundle = appendEntry(bundle, body)
		hashes = append(hashes, leafHash(body)...)
		return nil
	})
	return bundle, hashes, err
}

// syncUp makes a folder's entries durable, and those of the folders above it,
// up to top.
func syncUp(dir, top string) error {
	for {
		if err := durable.SyncDir(dir); err != nil || dir == top || len(dir) <= len(top) {
			return err
		}
		dir = filepath.Dir(dir)
	}
}
