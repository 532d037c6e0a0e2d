package ledger

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/platform/store"
)

// Events are stored in bundles, a row for the events of one commit up to these
// bounds. Reading a log is then a matter of few large rows (measured: twice the
// rate of a row an event), and writing it of one small row an event, its key.
const (
	bundleEvents = 256
	bundleBytes  = 1 << 20
)

// bundled makes the rows of consecutive events, the first of which has the
// index first; leaves are their hashes, one after the other.
func bundled(first int64, bodies [][]byte, leaves []byte) [][]any {
	var rows [][]any
	for begin := 0; begin < len(bodies); {
		end, size := begin, 0
		for end < len(bodies) && end-begin < bundleEvents && (end == begin || size+len(bodies[end]) <= bundleBytes) {
			size += entryHead + len(bodies[end])
			end++
		}
		bundle := make([]byte, 0, size)
		for _, body := range bodies[begin:end] {
			bundle = appendEntry(bundle, body)
		}
		how, stored := packBundle(bundle)
		rows = append(rows, []any{first + int64(begin), end - begin, leaves[begin*tlog.HashSize : end*tlog.HashSize], int64(how), stored})
		begin = end
	}
	return rows
}

// bundleColumns are the columns of the rows that bundled makes.
var bundleColumns = []string{"first", "events", "leaves", "packing", "bodies"}

// entryHead is the size of what stands before an event in a bundle.
const entryHead = 2

// appendEntry appends an event as tlog-tiles bundles have it: its length, 16
// bits big-endian, and its bytes.
func appendEntry(bundle, body []byte) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(body)))
	return append(bundle, body...)
}

// eachEvent visits the stored bytes of the events from..to (exclusive) in
// order; they are valid during the visit only. A missing event, or a bundle
// that cannot be read, is a *DamageError.
func eachEvent(r *store.Reader, from, to int64, visit func(index int64, body []byte) error) error {
	return eachLeaf(r, from, to, func(index int64, _, body []byte) error { return visit(index, body) })
}

// eachLeaf is eachEvent with the leaf hash that is stored beside the bytes,
// which are not compared here.
func eachLeaf(r *store.Reader, from, to int64, visit func(index int64, leaf, body []byte) error) error {
	return eachLeafOf(r, from, to, func(_, _ int64) bool { return true }, visit)
}

// eachLeafOf is eachLeaf that opens those bundles only of which something is
// wanted: first is the index of a bundle's first event, end that after its last.
func eachLeafOf(r *store.Reader, from, to int64, wanted func(first, end int64) bool, visit func(index int64, leaf, body []byte) error) error {
	if from >= to {
		return nil
	}
	expected := from
	var first, events int64
	var how packing
	var leaves, bodies store.Raw
	var buffer []byte
	err := r.Each(`SELECT first, events, leaves, packing, bodies FROM ledger_bundle
			WHERE first >= (SELECT max(first) FROM ledger_bundle WHERE first <= $1) AND first < $2 ORDER BY first`,
		[]any{from, to}, []any{&first, &events, &leaves, (*int64)(&how), &bodies}, func() (err error) {
			if first+events <= from { // ends before the first event that is wanted
				return nil
			}
			if first > expected || expected > from && first < expected {
				return &DamageError{expected, "is missing, or is there twice"}
			}
			if events < 1 || events > bundleEvents || int64(len(leaves)) != events*tlog.HashSize {
				return &DamageError{expected, fmt.Sprintf("its bundle says that it holds %d events, and holds %d bytes of leaf hashes", events, len(leaves))}
			}
			if !wanted(first, first+events) {
				expected = min(first+events, to)
				return nil
			}
			var bundle []byte
			if bundle, buffer, err = unpackBundle(how, bodies, buffer); err != nil {
				return &DamageError{first, fmt.Sprintf("the bundle that begins with it cannot be unpacked: %v", err)}
			}
			return unbundle(first, events, bundle, func(index int64, body []byte) error {
				if index < from || index >= to {
					return nil
				}
				expected = index + 1
				at := (index - first) * tlog.HashSize
				return visit(index, leaves[at:at+tlog.HashSize], body)
			})
		})
	if err == nil && expected != to {
		err = &DamageError{expected, "is missing"}
	}
	return err
}

// unbundle visits the events of a bundle.
func unbundle(first, events int64, bundle []byte, visit func(index int64, body []byte) error) error {
	for index := first; index < first+events; index++ {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return &DamageError{index, "its bundle is cut short"}
		}
		size := int(binary.BigEndian.Uint16(bundle))
		if err := visit(index, bundle[2:2+size]); err != nil {
			return err
		}
		bundle = bundle[2+size:]
	}
	if len(bundle) > 0 {
		return &DamageError{first + events - 1, fmt.Sprintf("%d bytes follow it in its bundle, which belong to no event", len(bundle))}
	}
	return nil
}

// eachOf visits the events with these indexes, which are sorted. Neighbours
// are read together.
func eachOf(r *store.Reader, indexes []int64, visit func(index int64, body []byte) error) error {
	for len(indexes) > 0 {
		n := 1
		for n < len(indexes) && indexes[n]-indexes[n-1] < bundleEvents {
			n++
		}
		wanted := indexes[:n]
		indexes = indexes[n:]
		err := eachLeafOf(r, wanted[0], wanted[n-1]+1, func(_, end int64) bool { return len(wanted) > 0 && wanted[0] < end },
			func(index int64, _, body []byte) error {
				if len(wanted) == 0 || index != wanted[0] {
					return nil
				}
				wanted = wanted[1:]
				return visit(index, body)
			})
		if err != nil {
			return err
		}
	}
	return nil
}
