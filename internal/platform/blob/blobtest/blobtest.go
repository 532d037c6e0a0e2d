// Package blobtest is the conformance suite of blob stores.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/platform/blob"
)

// Run runs the suite. Each call of open gives a new, empty store, and a function
// that opens the same store again as a new process would.
func Run(t *testing.T, open func(t testing.TB) (store blob.Store, reopen func() blob.Store)) {
	t.Helper()
	tests := []struct {
		name string
		run  func(t *testing.T, store blob.Store, reopen func() blob.Store)
	}{
		{"what was put can be read after reopening", putReopenRead},
		{"known hashes", knownHashes},
		{"any content comes back", anyContent},
		{"the same content twice is stored once", twice},
		{"many writers of the same and other content", concurrent},
		{"a missing blob is not found", missing},
		{"what is no hash is refused", noHash},
		{"a failing reader stores nothing", failingReader},
		{"an ended context stores and reads nothing", endedContext},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			store, reopen := open(t)
			test.run(t, store, reopen)
		})
	}
}

func sum(content []byte) string {
	h := sha256.Sum256(content)
	return hex.EncodeToString(h[:])
}

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func put(t fataler, store blob.Store, content []byte) string {
	t.Helper()
	// One byte a read: a store must not rely on how its reader cuts the content.
	hash, size, err := store.Put(context.Background(), iotest.OneByteReader(bytes.NewReader(content)))
	if err != nil {
		t.Fatal(err)
	}
	if size != int64(len(content)) || hash != sum(content) {
		t.Fatalf("put %d bytes with SHA-256 %s and got %d, %s", len(content), sum(content), size, hash)
	}
	return hash
}

func read(t fataler, store blob.Store, hash string) []byte {
	t.Helper()
	r, err := store.Open(context.Background(), hash)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return content
}

func putReopenRead(t *testing.T, store blob.Store, reopen func() blob.Store) {
	content := bytes.Repeat([]byte("content "), 10_000)
	hash := put(t, store, content)
	for _, s := range []blob.Store{store, reopen()} {
		if got := read(t, s, hash); !bytes.Equal(got, content) {
			t.Errorf("read %d bytes, want the %d that were put", len(got), len(content))
		}
	}
}

// knownHashes are of FIPS 180-4's examples and the empty string.
func knownHashes(t *testing.T, store blob.Store, _ func() blob.Store) {
	for content, want := range map[string]string{
		"":    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	} {
		if got := put(t, store, []byte(content)); got != want {
			t.Errorf("%q is kept under %s, want %s", content, got, want)
		}
		if got := read(t, store, want); string(got) != content {
			t.Errorf("read %q, want %q", got, content)
		}
	}
}

func anyContent(t *testing.T, store blob.Store, _ func() blob.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		content := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "content")
		if got := read(rt, store, put(rt, store, content)); !bytes.Equal(got, content) {
			rt.Fatalf("read %x, want %x", got, content)
		}
	})
}

func twice(t *testing.T, store blob.Store, _ func() blob.Store) {
	first, second := put(t, store, []byte("same")), put(t, store, []byte("same"))
	if first != second {
		t.Errorf("%s and %s", first, second)
	}
	if got := read(t, store, first); string(got) != "same" {
		t.Errorf("read %q", got)
	}
}

func concurrent(t *testing.T, store blob.Store, _ func() blob.Store) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			content := bytes.Repeat([]byte{byte(i % 4)}, 50_000)
			hash, _, err := store.Put(context.Background(), bytes.NewReader(content))
			if err != nil {
				t.Error(err)
				return
			}
			r, err := store.Open(context.Background(), hash)
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
				t.Errorf("read %d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
}

func missing(t *testing.T, store blob.Store, _ func() blob.Store) {
	if _, err := store.Open(context.Background(), sum([]byte("never put"))); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func noHash(t *testing.T, store blob.Store, _ func() blob.Store) {
	good := put(t, store, []byte("x"))
	for _, bad := range []string{
		"", ".", "..", "../../etc/passwd", "/etc/passwd", strings.ToUpper(good), good[:63], good + "0",
		" " + good, good + "\n", "../" + good, strings.Repeat("g", 64), strings.Repeat("\x00", 64),
	} {
		if _, err := store.Open(context.Background(), bad); !errors.Is(err, blob.ErrHash) {
			t.Errorf("%q: %v, want ErrHash", bad, err)
		}
	}
}

func failingReader(t *testing.T, store blob.Store, _ func() blob.Store) {
	broken := errors.New("broken")
	partial := []byte("partial")
	_, _, err := store.Put(context.Background(), io.MultiReader(bytes.NewReader(partial), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the reader's error", err)
	}
	if _, err := store.Open(context.Background(), sum(partial)); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("what was read before the error: %v, want ErrNotFound", err)
	}
}

func endedContext(t *testing.T, store blob.Store, _ func() blob.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := store.Put(ctx, strings.NewReader("late")); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want context.Canceled", err)
	}
	if _, err := store.Open(context.Background(), sum([]byte("late"))); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("open: %v, want ErrNotFound", err)
	}
	hash := put(t, store, []byte("in time"))
	r, err := store.Open(ctx, hash)
	if err == nil {
		defer r.Close()
		_, err = io.ReadAll(r)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v, want context.Canceled", err)
	}
}
