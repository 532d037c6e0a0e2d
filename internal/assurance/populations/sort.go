package populations

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// sortMemory is how much of a population, in bytes of its documents, is sorted
// in memory. What is larger goes through temporary files, run by run.
const sortMemory = 24 << 20

// sortItem is a document with what it is sorted by.
type sortItem struct {
	at  int64 // microseconds
	id  string
	doc []byte
}

// before is the order of populations: instant, then id, bytewise.
func before(a, b sortItem) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) }

// Sorter sorts documents in bounded memory: by instant, then id, bytewise. It
// is stable: two with one instant and one id keep the order in which they came.
type Sorter struct {
	limit int // bytes in memory
	items []sortItem
	size  int
	runs  []*os.File // sorted, the earliest documents first
}

// NewSorter returns a sorter that holds about this many bytes in memory; what is
// more goes to temporary files.
func NewSorter(memory int) *Sorter { return &Sorter{limit: memory} }

// Add takes a document, which it keeps, with what it is sorted by.
func (s *Sorter) Add(at int64, id string, doc []byte) error {
	return s.add(sortItem{at, id, doc})
}

func (s *Sorter) add(item sortItem) error {
	s.items = append(s.items, item)
	if s.size += len(item.doc) + len(item.id) + 64; s.size < s.limit {
		return nil
	}
	return s.spill()
}

// spill writes what is in memory as a sorted run.
func (s *Sorter) spill() error {
	slices.SortStableFunc(s.items, before)
	file, err := os.CreateTemp("", "scaf-population-*")
	if err != nil {
		return fmt.Errorf("sort the population: %w", err)
	}
	_ = os.Remove(file.Name()) // it lives as long as it is open
	s.runs = append(s.runs, file)
	out := bufio.NewWriterSize(file, 1<<20)
	var head []byte
	for _, item := range s.items {
		head = binary.AppendVarint(head[:0], item.at)
		head = binary.AppendUvarint(head, uint64(len(item.id)))
		head = binary.AppendUvarint(head, uint64(len(item.doc)))
		for _, part := range [][]byte{head, []byte(item.id), item.doc} {
			if _, err := out.Write(part); err != nil {
				return fmt.Errorf("sort the population: %w", err)
			}
		}
	}
	clear(s.items) // they are not to be kept alive
	s.items, s.size = s.items[:0], 0
	if err := out.Flush(); err != nil {
		return fmt.Errorf("sort the population: %w", err)
	}
	_, err = file.Seek(0, io.SeekStart)
	return err
}

// Each gives the documents in order, once, with what they are sorted by.
func (s *Sorter) Each(give func(at int64, id string, doc []byte) error) error {
	slices.SortStableFunc(s.items, before)
	if len(s.runs) == 0 {
		for _, item := range s.items {
			if err := give(item.at, item.id, item.doc); err != nil {
				return err
			}
		}
		return nil
	}
	var merging merge
	for number, file := range s.runs {
		r := &run{number: number, in: bufio.NewReaderSize(file, 256<<10)}
		if more, err := r.next(); err != nil {
			return err
		} else if more {
			merging = append(merging, r)
		}
	}
	// What is still in memory came last: it is the last run.
	if len(s.items) > 0 {
		merging = append(merging, &run{number: len(s.runs), head: s.items[0], rest: s.items[1:]})
	}
	heap.Init(&merging)
	for len(merging) > 0 {
		first := merging[0]
		if err := give(first.head.at, first.head.id, first.head.doc); err != nil {
			return err
		}
		more, err := first.next()
		if err != nil {
			return err
		}
		if more {
			heap.Fix(&merging, 0)
		} else {
			heap.Pop(&merging)
		}
	}
	return nil
}

// Close gives the memory and the files back.
func (s *Sorter) Close() {
	s.items = nil
	for _, file := range s.runs {
		_ = file.Close() // it has no name any more
	}
}

// run is a sorted run being read: from a file, or from memory.
type run struct {
	number int
	head   sortItem
	in     *bufio.Reader // nil: rest
	rest   []sortItem
}

// next reads the next item into head.
func (r *run) next() (bool, error) {
	if r.in == nil {
		if len(r.rest) == 0 {
			return false, nil
		}
		r.head, r.rest = r.rest[0], r.rest[1:]
		return true, nil
	}
	at, err := binary.ReadVarint(r.in)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("sort the population: %w", err)
	}
	texts := [2][]byte{}
	var sizes [2]uint64
	for i := range sizes {
		if sizes[i], err = binary.ReadUvarint(r.in); err != nil {
			return false, fmt.Errorf("sort the population: %w", err)
		}
	}
	for i := range texts {
		texts[i] = make([]byte, sizes[i])
		if _, err := io.ReadFull(r.in, texts[i]); err != nil {
			return false, fmt.Errorf("sort the population: %w", err)
		}
	}
	r.head = sortItem{at, string(texts[0]), texts[1]}
	return true, nil
}

// merge is the heap of the runs' heads.
type merge []*run

func (m merge) Len() int { return len(m) }
func (m merge) Less(i, j int) bool {
	return cmp.Or(before(m[i].head, m[j].head), cmp.Compare(m[i].number, m[j].number)) < 0
}
func (m merge) Swap(i, j int) { m[i], m[j] = m[j], m[i] }

// Push implements heap.Interface.
func (m *merge) Push(any) { panic("populations: a merge takes no further run") }

// Pop implements heap.Interface.
func (m *merge) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}
