package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/s2"
)

// packing says how the bytes of a bundle are stored. The events of a commit are
// much alike: cloud audit logs were measured to shrink to a seventh, which is
// what a database then keeps, journals, reads and sends (ADR 16).
type packing int64

const (
	unpacked packing = iota // as they are
	// packed is an S2 block (an extension of Snappy) and its CRC-32C,
	// big-endian. What the events are is vouched for by their hashes; the sum
	// finds a change of stored bytes that unpack to the same events.
	packed
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

const sumSize = 4

// maxBundle is the most that the events of a bundle can have, with their heads.
const maxBundle = bundleEvents * (entryHead + 1<<16 - 1)

// packBundle packs a bundle, where that makes it smaller.
func packBundle(bundle []byte) (packing, []byte) {
	block := s2.Encode(nil, bundle)
	if len(block)+sumSize >= len(bundle) {
		return unpacked, bundle
	}
	return packed, binary.BigEndian.AppendUint32(block, crc32.Checksum(block, castagnoli))
}

// unpackBundle gives the bundle that was packed. It uses the buffer, and returns it,
// or a larger one, for the next; the bundle is valid until then.
func unpackBundle(how packing, stored, buffer []byte) (bundle, next []byte, err error) {
	switch how {
	case unpacked:
		return stored, buffer, nil
	case packed:
	default:
		return nil, buffer, fmt.Errorf("nobody knows the packing %d", how)
	}
	end := len(stored) - sumSize
	if end < 0 || crc32.Checksum(stored[:end], castagnoli) != binary.BigEndian.Uint32(stored[end:]) {
		return nil, buffer, errors.New("its checksum differs")
	}
	size, err := s2.DecodedLen(stored[:end])
	if err == nil && size > maxBundle {
		err = fmt.Errorf("it would unpack to %d bytes", size)
	}
	if err != nil {
		return nil, buffer, err
	}
	if cap(buffer) < size {
		buffer = make([]byte, size)
	}
	bundle, err = s2.Decode(buffer[:cap(buffer)], stored[:end])
	return bundle, buffer, err
}
