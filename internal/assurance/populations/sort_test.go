package populations

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// However little memory there is, the order is that of sorting everything in
// memory, stably.
func TestSortingInRunsIsSortingAtOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(rt, "items")
		s := &Sorter{limit: rapid.SampledFrom([]int{1, 200, 1000, 1 << 20}).Draw(rt, "memory")}
		defer s.Close()
		var all []sortItem
		for i := range n {
			item := sortItem{
				at: rapid.Int64Range(-3, 3).Draw(rt, "at"), id: rapid.SampledFrom([]string{"", "a", "B", "é", "aa"}).Draw(rt, "id"),
				doc: []byte(fmt.Sprintf(`{"n":%d}`, i)),
			}
			all = append(all, item)
			if err := s.add(item); err != nil {
				rt.Fatal(err)
			}
		}
		slices.SortStableFunc(all, before)
		var got []string
		if err := s.Each(func(_ int64, _ string, doc []byte) error { got = append(got, string(doc)); return nil }); err != nil {
			rt.Fatal(err)
		}
		var want []string
		for _, item := range all {
			want = append(want, string(item.doc))
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("got %v\nwant %v", got, want)
		}
		if s.limit == 1 && n > 0 && len(s.runs) != n {
			rt.Fatalf("%d runs of %d items: nothing was spilled", len(s.runs), n)
		}
	})
}
