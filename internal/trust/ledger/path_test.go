package ledger_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/trust/ledger"
)

// The path of a proof comes to the root of the tree, whatever the size and the
// index.
func TestThePathOfAProofLeadsToTheRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1, 300).Draw(t, "size")
		index := rapid.Int64Range(0, size-1).Draw(t, "index")
		var hashes []tlog.Hash
		stored := tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, err error) {
			for _, i := range indexes {
				found = append(found, hashes[i])
			}
			return found, nil
		})
		for n := range size {
			more, err := tlog.StoredHashes(n, fmt.Append(nil, n), stored)
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, more...)
		}
		root, err := tlog.TreeHash(size, stored)
		if err != nil {
			t.Fatal(err)
		}
		record, err := tlog.ProveRecord(size, index, stored)
		if err != nil {
			t.Fatal(err)
		}
		leaf := tlog.RecordHash(fmt.Append(nil, index))
		proof := ledger.Proof{Index: index, LeafHash: hex.EncodeToString(leaf[:])}
		for _, hash := range record {
			proof.Inclusion = append(proof.Inclusion, hex.EncodeToString(hash[:]))
		}
		steps, err := proof.Path(size)
		if err != nil || len(steps) != len(record) {
			t.Fatal(len(steps), len(record), err)
		}
		got := proof.LeafHash
		if n := len(steps); n > 0 {
			got = steps[n-1].Hash
		}
		if got != hex.EncodeToString(root[:]) {
			t.Fatalf("event %d of %d: the path comes to %s, the root is %x", index, size, got, root[:])
		}
	})
	if _, err := (&ledger.Proof{LeafHash: "no hash"}).Path(1); err == nil {
		t.Error("what is no hash is taken for one")
	}
}
