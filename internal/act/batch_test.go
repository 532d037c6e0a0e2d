package act

import (
	"errors"
	"testing"
)

// What a refused member brought is not in the batch: whoever comes after it
// brings it anew.
func TestARefusedMemberLeavesNothingInTheBatch(t *testing.T) {
	event := func(id, json string) Entry { return Entry{ID: id, Source: "//test", JSON: []byte(json)} }
	member := func(entries ...Entry) *member { return &member{entries: entries} }
	b := newBatch()
	if err := b.submitted(member(event("a", "1")), nil); err != nil {
		t.Fatal(err)
	}
	var conflict *ConflictError
	err := b.submitted(member(event("x", "1"), event("y", "1"), event("y", "2")), nil)
	if !errors.As(err, &conflict) || conflict.Position != 2 || !conflict.Within || conflict.First != 1 {
		t.Fatalf("%v, want a conflict of 2 with 1", err)
	}
	// Another member has the key: to this one it is as if it were in the ledger.
	err = b.submitted(member(event("x", "1"), event("a", "2")), nil)
	if !errors.As(err, &conflict) || conflict.Position != 1 || conflict.Within {
		t.Fatalf("%v, want a conflict with the ledger", err)
	}
	last := member(event("y", "2"), event("a", "1"), event("x", "1"))
	if err := b.submitted(last, nil); err != nil {
		t.Fatal(err)
	}
	if len(b.entries) != 3 || b.entries[1].ID != "y" || b.entries[2].ID != "x" {
		t.Fatalf("the batch holds %+v", b.entries)
	}
	b.settle([]Receipt{{Index: 10}, {Index: 11}, {Index: 12}})
	for i, want := range []int64{11, 10, 12} {
		if got := last.receipts[i].Index; got != want {
			t.Errorf("receipt %d is of %d, want %d", i, got, want)
		}
	}
}
