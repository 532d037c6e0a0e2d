//go:build bench

package bench

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// load is what a number of clients did in a time.
type load struct {
	rate     float64 // operations a second
	p50, p99 time.Duration
}

// drive lets clients repeat an operation for a time, each waiting for its own.
func drive(t testing.TB, clients int, length time.Duration, operation func() error) load {
	t.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	var all []time.Duration
	begin := time.Now()
	end := begin.Add(length)
	for range clients {
		group.Go(func() {
			var mine []time.Duration
			for {
				at := time.Now()
				if !at.Before(end) {
					break
				}
				if err := operation(); err != nil {
					t.Error(err)
					break
				}
				mine = append(mine, time.Since(at))
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	group.Wait()
	took := time.Since(begin)
	slices.Sort(all)
	return load{float64(len(all)) / took.Seconds(), quantile(all, 0.5), quantile(all, 0.99)}
}

// pair is a baseline and SCAF, round by round.
type pair struct{ base, scaf []load }

// alternate drives the baseline and SCAF in turns.
func alternate(t testing.TB, clients, rounds int, length time.Duration, base, scaf func() error) pair {
	t.Helper()
	var p pair
	drive(t, clients, length/4, base) // warm
	drive(t, clients, length/4, scaf)
	for range rounds {
		p.base = append(p.base, drive(t, clients, length, base))
		p.scaf = append(p.scaf, drive(t, clients, length, scaf))
	}
	return p
}

// rates are the medians, and the median of the rounds' ratios.
func (p pair) rates() (base, scaf, ratio float64) {
	return p.medians(func(l load) float64 { return l.rate })
}

// p50s are the same of the median latencies.
func (p pair) p50s() (base, scaf time.Duration, ratio float64) {
	a, b, ratio := p.medians(func(l load) float64 { return float64(l.p50) })
	return time.Duration(a), time.Duration(b), ratio
}

func (p pair) medians(value func(load) float64) (base, scaf, ratio float64) {
	var bases, scafs, ratios []float64
	for i := range p.base {
		a, b := value(p.base[i]), value(p.scaf[i])
		bases, scafs, ratios = append(bases, a), append(scafs, b), append(ratios, b/a)
	}
	return median(bases), median(scafs), median(ratios)
}
