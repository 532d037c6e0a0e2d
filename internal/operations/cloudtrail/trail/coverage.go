package trail

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Gap is a run of hours in which an account and region has no record and no log file, between
// the first and the last hour that any record or log file here names.
//
// It says what the files hold, not what happened: where Quiet is false, an hour in which
// nothing was called looks the same as one whose log files were lost.
type Gap struct {
	Account, Region string
	From, To        time.Time // whole hours, UTC, half-open
	// Quiet is true where digest files cover the hours, and all that they name is here: then
	// nothing was delivered. It rests on digest files whose signature was not checked.
	Quiet bool
}

// Hours is the length of the gap.
func (g Gap) Hours() int { return int((g.To.Unix() - g.From.Unix()) / 3600) }

type pair struct{ account, region string }

type window struct{ from, to time.Time } // half-open

// coverage collects the hours that records and log files name.
type coverage struct {
	hours       map[pair]map[int64]struct{} // hours since 1970
	first, last time.Time                   // of events
}

func newCoverage() coverage { return coverage{hours: map[pair]map[int64]struct{}{}} }

func (c *coverage) addRecord(r Record) {
	c.add(pair{r.AccountID, r.Region}, r.EventTime)
	if c.first.IsZero() || r.EventTime.Before(c.first) {
		c.first = r.EventTime
	}
	if r.EventTime.After(c.last) {
		c.last = r.EventTime
	}
}

func (c *coverage) addFile(n name) {
	if n.account != "" {
		c.add(pair{n.account, n.region}, n.delivered)
	}
}

func (c *coverage) add(p pair, at time.Time) {
	if c.hours[p] == nil {
		c.hours[p] = map[int64]struct{}{}
	}
	c.hours[p][hourOf(at)] = struct{}{}
}

func (c *coverage) names() (accounts, regions []string) {
	a, r := map[string]bool{}, map[string]bool{}
	for p := range c.hours {
		a[p.account], r[p.region] = true, true
	}
	delete(a, "")
	delete(r, "")
	return sortedKeys(a), sortedKeys(r)
}

// gaps lists the runs of hours without anything, by account, region and time. The work grows
// with what was read, not with the length of time between.
func (c *coverage) gaps(digests map[pair][]window) []Gap {
	var all []int64
	sorted := map[pair][]int64{}
	for p, hours := range c.hours {
		sorted[p] = slices.Sorted(maps.Keys(hours))
		all = append(all, sorted[p][0], sorted[p][len(sorted[p])-1])
	}
	if len(all) == 0 {
		return nil
	}
	begin, end := slices.Min(all), slices.Max(all)+1
	pairs := slices.SortedFunc(maps.Keys(sorted), func(a, b pair) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region))
	})
	var gaps []Gap
	for _, p := range pairs {
		quiet := wholeHours(digests[p])
		from := begin
		for _, hour := range append(sorted[p], end) {
			gaps = append(gaps, split(p, from, hour, quiet)...)
			from = hour + 1
		}
	}
	return gaps
}

type hourRange struct{ from, to int64 }

// wholeHours joins windows that overlap or touch, and gives the whole hours within.
func wholeHours(windows []window) []hourRange {
	slices.SortFunc(windows, func(a, b window) int { return a.from.Compare(b.from) })
	var hours []hourRange
	for i := 0; i < len(windows); {
		joined := windows[i]
		for i++; i < len(windows) && !windows[i].from.After(joined.to); i++ {
			if windows[i].to.After(joined.to) {
				joined.to = windows[i].to
			}
		}
		if r := (hourRange{hourOf(joined.from.Add(time.Hour - 1)), hourOf(joined.to)}); r.from < r.to {
			hours = append(hours, r)
		}
	}
	return hours
}

// split cuts the hours from..to where digest files begin or cease to cover them.
func split(p pair, from, to int64, quiet []hourRange) []Gap {
	var gaps []Gap
	add := func(a, b int64, isQuiet bool) {
		if a < b {
			gaps = append(gaps, Gap{Account: p.account, Region: p.region, From: hourTime(a), To: hourTime(b), Quiet: isQuiet})
		}
	}
	for _, q := range quiet {
		if q.to <= from || q.from >= to {
			continue
		}
		add(from, q.from, false)
		add(max(from, q.from), min(to, q.to), true)
		from = q.to
	}
	add(from, to, false)
	return gaps
}

func hourOf(t time.Time) int64 {
	s := t.Unix()
	if s < 0 {
		return (s - 3599) / 3600
	}
	return s / 3600
}

func hourTime(hour int64) time.Time { return time.Unix(hour*3600, 0).UTC() }
