package controltests

import "hash/maphash"

// idSet remembers identifiers as 128-bit hashes with random seeds: 24 bytes
// and the map's overhead each, whatever their length. That two different ids
// are taken for one has a chance below 10^-24 in ten million.
type idSet struct {
	seeds [2]maphash.Seed
	lines map[[2]uint64]int
}

func newIDSet() *idSet {
	return &idSet{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, lines: map[[2]uint64]int{}}
}

// add remembers an id. If it was there, it returns the line of the first.
func (s *idSet) add(id string, line int) (first int, twice bool) {
	key := [2]uint64{maphash.String(s.seeds[0], id), maphash.String(s.seeds[1], id)}
	if first, twice = s.lines[key]; !twice {
		s.lines[key] = line
	}
	return first, twice
}
