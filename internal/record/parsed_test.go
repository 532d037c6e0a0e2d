package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/record"
)

type read struct{ text string }

func TestADocumentIsReadOnceHoweverOftenItIsAskedFor(t *testing.T) {
	memo, calls := &sync.Map{}, 0
	of := func(doc []byte) (*read, error) { calls++; return &read{string(doc)}, nil }
	first, err := record.Parsed(memo, []byte("a"), of)
	if err != nil || first.text != "a" {
		t.Fatal(first, err)
	}
	if again, err := record.Parsed(memo, []byte("a"), of); again != first || calls != 1 || err != nil {
		t.Errorf("%v after %d calls: %v", again, calls, err)
	}
	if other, err := record.Parsed[read](nil, []byte("a"), of); other == first || calls != 2 || err != nil {
		t.Errorf("%v after %d calls without a memo: %v", other, calls, err)
	}
	broken := errors.New("broken")
	for range 2 { // what cannot be read is not kept
		if _, err := record.Parsed(memo, []byte("b"), func([]byte) (*read, error) { calls++; return nil, broken }); !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	if calls != 4 {
		t.Errorf("%d calls", calls)
	}
	if other, err := record.Parsed(memo, []byte("a"), func(doc []byte) (*bytes.Buffer, error) { return bytes.NewBuffer(doc), nil }); err != nil || other.String() != "a" {
		t.Errorf("another type: %v, %v", other, err)
	}
}

// Whatever is asked for, by several at once, with room for it or not: what is given
// is made of the document, and the room that the caller uses again says nothing.
func TestWhatIsMadeIsOfItsDocument(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		memo := &sync.Map{}
		asked := rapid.SliceOfN(rapid.IntRange(0, 12), 1, 60).Draw(t, "asked")
		size := rapid.SampledFrom([]int{10, 1 << 20, 3 << 20}).Draw(t, "size")
		var group sync.WaitGroup
		var mu sync.Mutex
		var wrong []string
		for range 2 {
			group.Go(func() {
				room := make([]byte, size)
				for _, number := range asked {
					name := fmt.Sprintf("%05d", number)
					copy(room, name)
					one, err := record.Parsed(memo, room, func(doc []byte) (*read, error) { return &read{string(doc[:5])}, nil })
					if err != nil || one.text != name {
						mu.Lock()
						wrong = append(wrong, fmt.Sprintf("%v of %s: %v", one, name, err))
						mu.Unlock()
					}
				}
			})
		}
		group.Wait()
		if len(wrong) > 0 {
			t.Fatal(wrong)
		}
	})
}
