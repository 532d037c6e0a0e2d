package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

func publish(l *ledgertest.Ledger, folder string) (done *ledger.Published, err error) {
	err = l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		done, err = ledger.Publish(r, folder, l.VerifierKey, nil)
		return err
	})
	return done, err
}

// outsider reads a published log with nothing but the specification
// (c2sp.org/tlog-tiles, c2sp.org/tlog-checkpoint), the key, and tlog and note.
type outsider struct {
	t      testing.TB
	folder string
	tree   tlog.Tree
}

func read(t testing.TB, folder, key, origin string) *outsider {
	t.Helper()
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != origin || lines[3] != "" {
		t.Fatalf("not a checkpoint: %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		t.Fatalf("no root: %q", lines[2])
	}
	return &outsider{t, folder, tlog.Tree{N: size, Hash: tlog.Hash(root)}}
}

// number writes a tile's number as the specification has it.
func number(n int64, width int) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	if width < 256 {
		text += fmt.Sprintf(".p/%d", width)
	}
	return text
}

func (o *outsider) Height() int                     { return 8 }
func (o *outsider) SaveTiles([]tlog.Tile, [][]byte) {}
func (o *outsider) ReadTiles(tiles []tlog.Tile) (all [][]byte, err error) {
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(o.folder, "tile", strconv.Itoa(tile.L), number(tile.N, tile.W)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// entries reads every entry, and checks that each hashes to the leaf that the
// tiles prove.
func (o *outsider) entries() (all [][]byte) {
	o.t.Helper()
	hashes := tlog.TileHashReader(o.tree, o)
	for n := int64(0); n*256 < o.tree.N; n++ {
		width := int(min(256, o.tree.N-n*256))
		bundle, err := os.ReadFile(filepath.Join(o.folder, "tile", "entries", number(n, width)))
		if err != nil {
			o.t.Fatal(err)
		}
		for i := range width {
			size := int(binary.BigEndian.Uint16(bundle))
			entry := bundle[2 : 2+size]
			bundle = bundle[2+size:]
			leaf, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, n*256+int64(i))}) // verified up to the root
			if err != nil {
				o.t.Fatal(err)
			}
			if sha256.Sum256(append([]byte{0}, entry...)) != leaf[0] {
				o.t.Fatalf("entry %d does not hash to its leaf", n*256+int64(i))
			}
			all = append(all, entry)
		}
		if len(bundle) > 0 {
			o.t.Fatalf("bundle %d has %d bytes too many", n, len(bundle))
		}
	}
	return all
}

func TestAnybodyCanReadAGrowingPublication(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		folder := filepath.Join(t.TempDir(), "public", "log")
		var before *outsider
		have := 0
		for _, size := range []int{0, 1, 2, 255, 256, 257, 600, 600, 1025} {
			var batch [][]byte
			for ; have < size; have++ {
				batch = append(batch, ledgertest.Event(fmt.Sprintf("p-%d", have), have))
			}
			l.Add(t, batch...)
			done, err := publish(l, folder)
			if err != nil {
				t.Fatalf("size %d: %v", size, err)
			}
			o := read(t, folder, l.VerifierKey, ledgertest.Origin)
			if o.tree.N != int64(size) || done.Size != int64(size) || done.Root != fmt.Sprintf("%x", o.tree.Hash[:]) {
				t.Fatalf("size %d: the checkpoint is of %d, reported was %+v", size, o.tree.N, done)
			}
			stored := bodies(t, l)
			entries := o.entries()
			if len(entries) != size {
				t.Fatalf("size %d: %d entries", size, len(entries))
			}
			for i := range entries {
				if !bytes.Equal(entries[i], stored[i]) {
					t.Fatalf("size %d: entry %d is not the stored event", size, i)
				}
			}
			if size > 0 && before != nil && before.tree.N > 0 {
				proof, err := tlog.ProveTree(o.tree.N, before.tree.N, tlog.TileHashReader(o.tree, o))
				if err != nil {
					t.Fatal(err)
				}
				if err := tlog.CheckTree(proof, o.tree.N, o.tree.Hash, before.tree.N, before.tree.Hash); err != nil {
					t.Errorf("size %d does not continue size %d: %v", size, before.tree.N, err)
				}
				// Whoever still reads by the older checkpoint finds its partial tiles.
				(&outsider{t, folder, before.tree}).entries()
			}
			before = o
			check := verification(l)
			check.Folders = []string{folder}
			if _, err := check.Verify(context.Background(), l.DB); err != nil {
				t.Errorf("size %d: %v", size, err)
			}
		}
		again, err := publish(l, folder)
		if err != nil || again.Files != 0 || again.Present == 0 {
			t.Errorf("publishing the same again: %+v, %v; want nothing written", again, err)
		}
	})
}

// files are all files below a folder.
func files(t testing.TB, folder string) (paths []string) {
	t.Helper()
	if err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			paths = append(paths, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestAnyFileOfAPublicationThatChangesIsNamed(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	folder := t.TempDir()
	for _, size := range []int{3, 300, 700} { // leaves partial tiles of earlier sizes
		var batch [][]byte
		for i := len(bodies(t, l)); i < size; i++ {
			batch = append(batch, ledgertest.Event(fmt.Sprintf("p-%d", i), i))
		}
		l.Add(t, batch...)
		if _, err := publish(l, folder); err != nil {
			t.Fatal(err)
		}
	}
	check := verification(l)
	check.Folders = []string{folder}
	fails := func(what, path string) {
		t.Helper()
		_, err := check.Verify(context.Background(), l.DB)
		if !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want damage that names %s", what, err, path)
		}
	}
	older := 0
	for _, path := range files(t, folder) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// A partial tile that the next publication has made a fuller one of may go.
		superseded := strings.Contains(path, ".p"+string(filepath.Separator)) && !strings.HasSuffix(path, "/188") && !strings.HasSuffix(path, "/1/000.p/2")
		for what, changed := range map[string][]byte{
			"first byte": append([]byte{content[0] ^ 1}, content[1:]...),
			"a byte":     append(append(bytes.Clone(content[:len(content)/2]), content[len(content)/2]^0x40), content[len(content)/2+1:]...),
			"truncated":  content[:len(content)-1],
			"extended":   append(bytes.Clone(content), 'x'),
			"empty":      {},
		} {
			if err := os.WriteFile(path, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			fails(what, path)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if superseded {
			older++
		} else {
			fails("removed", path)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if older == 0 {
		t.Error("there were no older partial tiles: nothing of them was tested")
	}
	for _, stranger := range []string{"tile/0/999", "tile/notes.txt", "tile/0/002.p/189", "tile/7/000", "tile/entries/x001/000"} {
		path := filepath.Join(folder, filepath.FromSlash(stranger))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 8192), 0o600); err != nil {
			t.Fatal(err)
		}
		fails("a stranger", path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := check.Verify(context.Background(), l.DB); err != nil {
		t.Errorf("everything is as it was: %v", err)
	}
}

func TestPublishingOverAnotherLogIsRefusedAndTouchesNothing(t *testing.T) {
	mine := ledgertest.New(t, t.TempDir()+"/scaf.db")
	mine.Fill(t, 300)
	other := ledgertest.New(t, t.TempDir()+"/scaf.db") // the same origin, another key
	other.Fill(t, 400)
	sameKey := ledgertest.Twin(t, t.TempDir()+"/scaf.db", mine)
	sameKey.Add(t, ledgertest.Event("fork", 1))

	for name, spoil := range map[string]func(folder string) error{
		"another key": func(folder string) error { _, err := publish(other, folder); return err },
		"a fork":      func(folder string) error { _, err := publish(sameKey, folder); return err },
		"no checkpoint": func(folder string) error {
			return os.WriteFile(filepath.Join(folder, "checkpoint"), []byte("hello\n"), 0o600)
		},
		"a changed tile": func(folder string) error {
			if _, err := publish(mine, folder); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(folder, "tile", "0", "000"), make([]byte, 8192), 0o600)
		},
		"a changed tile and no checkpoint": func(folder string) error {
			if err := os.MkdirAll(filepath.Join(folder, "tile", "entries"), 0o750); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(folder, "tile", "entries", "000"), []byte("other"), 0o600)
		},
		"a longer one of this log": func(folder string) error {
			ahead := ledgertest.Twin(t, t.TempDir()+"/scaf.db", mine)
			ahead.Fill(t, 301)
			_, err := publish(ahead, folder)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := spoil(folder); err != nil {
				t.Fatal(err)
			}
			before := map[string]string{}
			for _, path := range files(t, folder) {
				content, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				before[path] = string(content)
			}
			if _, err := publish(mine, folder); !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), folder) {
				t.Errorf("got %v, want damage that names the folder", err)
			}
			for path, content := range before {
				if now, err := os.ReadFile(path); err != nil || string(now) != content {
					t.Errorf("%s was changed", path)
				}
			}
		})
	}
}
