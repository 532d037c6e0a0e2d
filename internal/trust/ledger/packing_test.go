package ledger

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"pgregory.net/rapid"
)

// A bundle comes back as it was, whatever buffer is at hand.
func TestABundleComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "word")
		bundle := bytes.Repeat(word, rapid.IntRange(1, 400).Draw(t, "times"))
		how, stored := packBundle(bundle)
		if how == packed && len(stored) >= len(bundle) {
			t.Fatalf("%d bytes were packed into %d", len(bundle), len(stored))
		}
		got, _, err := unpackBundle(how, stored, make([]byte, rapid.IntRange(0, 1000).Draw(t, "buffer")))
		if err != nil || !bytes.Equal(got, bundle) {
			t.Fatalf("%v: %d bytes, want %d", err, len(got), len(bundle))
		}
	})
}

// Any change of a packed bundle is found, also one that unpacks to the same.
func TestAnyChangeOfAPackedBundleIsFound(t *testing.T) {
	how, stored := packBundle([]byte(strings.Repeat("one event is much like another; ", 200)))
	if how != packed {
		t.Fatal("it was not packed")
	}
	for at := range stored {
		for bit := range 8 {
			changed := bytes.Clone(stored)
			changed[at] ^= 1 << bit
			if _, _, err := unpackBundle(how, changed, nil); err == nil {
				t.Fatalf("bit %d of byte %d of %d is changed, and nobody says so", bit, at, len(stored))
			}
		}
	}
	for n := range stored {
		if _, _, err := unpackBundle(how, stored[:n], nil); err == nil {
			t.Fatalf("the first %d of %d bytes are taken for a bundle", n, len(stored))
		}
	}
	if _, _, err := unpackBundle(2, stored, nil); err == nil {
		t.Error("a packing that nobody knows is taken")
	}
}

// What would unpack to more than a bundle can hold is refused before memory is
// taken for it.
func TestABundleThatIsTooLargeIsNotUnpacked(t *testing.T) {
	block := binary.AppendUvarint(nil, maxBundle+1)
	stored := binary.BigEndian.AppendUint32(block, crc32.Checksum(block, castagnoli))
	if _, next, err := unpackBundle(packed, stored, nil); err == nil || !strings.Contains(err.Error(), "would unpack to") || next != nil {
		t.Errorf("%v, and a buffer of %d bytes", err, len(next))
	}
}

func FuzzUnpackBundle(f *testing.F) {
	f.Add(s2.Encode(nil, []byte(strings.Repeat("event ", 100))))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, block []byte) {
		stored := binary.BigEndian.AppendUint32(bytes.Clone(block), crc32.Checksum(block, castagnoli))
		bundle, _, err := unpackBundle(packed, stored, nil)
		if err == nil && len(bundle) > maxBundle {
			t.Errorf("%d bytes", len(bundle))
		}
	})
}
