package ids

import (
	"sort"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestIdentifiersAreVersion7AndOnlyGrow(t *testing.T) {
	source := NewSource()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var made []string
	for i := range 10_000 {
		moment := at
		if i%3 == 0 {
			moment = at.Add(-time.Duration(i) * time.Millisecond) // a clock that goes back
		}
		made = append(made, source.New(moment))
	}
	if !sort.StringsAreSorted(made) {
		t.Error("identifiers are not in the order of their making")
	}
	seen := map[string]bool{}
	for _, id := range made {
		parsed, err := uuid.Parse(id)
		if err != nil || parsed.Version() != 7 || parsed.Variant() != uuid.RFC4122 {
			t.Fatalf("%s: not an RFC 9562 UUID of version 7 (%v)", id, err)
		}
		if seen[id] {
			t.Fatalf("%s was given twice", id)
		}
		seen[id] = true
	}
	sec, nsec := uuid.MustParse(made[0]).Time().UnixTime()
	if got := time.Unix(sec, nsec); !got.Equal(at) {
		t.Errorf("the first identifier says %v, want %v", got.UTC(), at)
	}
}
