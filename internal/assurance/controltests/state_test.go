package controltests_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	ct "scaf.dev/scaf/internal/assurance/controltests"
)

const stateControl = `id: S-1
title: T
criteria: [CC6.7]
owner: o
frequency: daily
tests:
  - id: t
    kind: state
    title: T
    population: {from: items, id: item.id, at: item.at}
    resource: item.host
    interval: %dh
    pass: item.ok
`

// Hour by hour: a state is known in the hours that begin less than an interval
// after the last moment at which it surely was what a reading said.
func TestStatesAreWhatGoingHourByHourGives(t *testing.T) {
	const hours = 60
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(hour int) time.Time { return begin.Add(time.Duration(hour) * time.Hour) }
	rapid.Check(t, func(t *rapid.T) {
		interval := rapid.IntRange(1, 20).Draw(t, "interval")
		kinds := rapid.SliceOfN(rapid.SampledFrom([]string{"", "", "", "ok", "bad", "failed", "absent"}), hours, hours).Draw(t, "readings")
		var record *ct.ChangeRecord
		covered, changed := make([]bool, hours+1), make([]bool, hours+1)
		if rapid.Bool().Draw(t, "with changes") {
			from := rapid.IntRange(0, hours-1).Draw(t, "covered from")
			to := rapid.IntRange(from+1, hours).Draw(t, "covered to")
			record = &ct.ChangeRecord{Covered: []ct.Span{{From: at(from), To: at(to)}}, Changed: map[string][]time.Time{}}
			for h := from; h <= to; h++ {
				covered[h] = true
			}
			for _, h := range rapid.SliceOfN(rapid.IntRange(0, hours-1), 0, 3).Draw(t, "changes") {
				record.Changed["h"] = append(record.Changed["h"], at(h))
				changed[h] = true
			}
		}
		var items strings.Builder
		for h, kind := range kinds {
			switch kind {
			case "ok", "bad":
				fmt.Fprintf(&items, `{"id":"%d","host":"h","at":%q,"ok":%v}`+"\n", h, at(h).Format(time.RFC3339), kind == "ok")
			case "failed", "absent":
				fmt.Fprintf(&items, `{"id":"%d","host":"h","at":%q,"outcome":%q}`+"\n", h, at(h).Format(time.RFC3339), kind)
			}
		}
		control := load(t, fmt.Sprintf(stateControl, interval))
		got, err := runOne(context.Background(), control, control.Tests[0], ct.NewFile("items", strings.NewReader(items.String())),
			ct.Options{Period: &ct.Period{From: begin, To: at(hours)}, Changes: record})
		if err != nil {
			t.Fatal(err)
		}
		seen := func(h int) bool { return kinds[h] == "ok" || kinds[h] == "bad" || kinds[h] == "absent" }
		first := 0
		for first < hours && !seen(first) {
			first++
		}
		var known, failed, gaps int
		if first == hours && items.Len() > 0 { // every probe failed
			gaps = 1
		}
		if first < hours {
			back := first // back from the first reading, as long as no change is possible
			for back > 0 && covered[back] && covered[back-1] && !changed[back] {
				back--
			}
			if back > interval {
				gaps++
			}
			if kinds[first] != "absent" {
				known += first - back
				if kinds[first] == "bad" {
					failed += first - back
				}
			}
			for h := first; h < hours; {
				state := kinds[h]
				next := h + 1
				for next < hours && !seen(next) {
					next++
				}
				sure := h // as long as no change is possible
				for sure < next && covered[sure] && covered[sure+1] && (sure == h || !changed[sure]) {
					sure++
				}
				over := next == hours
				if next-sure > interval && (!over || state != "absent") {
					gaps++
				}
				if hold := min(next, sure+interval) - h; state != "absent" {
					known += hold
					if state == "bad" {
						failed += hold
					}
				}
				h = next
			}
		}
		if len(got.Gaps) != gaps || int(got.State.KnownHours+.5) != known || int(got.State.FailedHours+.5) != failed {
			t.Fatalf("%d gaps, %v known, %v failed; going hour by hour gives %d, %d, %d", len(got.Gaps), got.State.KnownHours, got.State.FailedHours, gaps, known, failed)
		}
		if gaps > 0 && got.Conclusion != ct.Incomplete && got.Conclusion != ct.Ineffective {
			t.Fatalf("%s with %d gaps", got.Conclusion, gaps)
		}
	})
}

// Twenty readings that fail one after the other are one episode; the rate is of
// hours, and is over five per cent only when they are.
func TestASpellIsOneEpisodeAndRatesCountHours(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		last time.Duration // of the spell of twenty readings
		want ct.Conclusion
	}{
		"short": {20 * time.Minute, ct.EffectiveWithExceptions},
		"long":  {40 * time.Hour, ct.Ineffective},
	} {
		var items strings.Builder
		number := 0
		add := func(at time.Time, ok bool) {
			number++
			fmt.Fprintf(&items, `{"id":"%d","host":"h","at":%q,"ok":%v}`+"\n", number, at.Format(time.RFC3339), ok)
		}
		for day := range 30 {
			add(begin.AddDate(0, 0, day), true)
			if day == 9 {
				for i := range 20 {
					add(begin.AddDate(0, 0, day).Add(time.Minute+time.Duration(i)*c.last/20), false)
				}
				add(begin.AddDate(0, 0, day).Add(time.Minute+c.last), true)
			}
		}
		period := &ct.Period{From: begin, To: begin.AddDate(0, 0, 30)}
		lines := items.String()
		if name == "long" { // days that the spell covers have no other reading
			lines = ""
			for _, line := range strings.SplitAfter(items.String(), "\n") {
				if !strings.Contains(line, "2026-01-11T00:00:00Z") {
					lines += line
				}
			}
		}
		control := load(t, fmt.Sprintf(stateControl, 24))
		r, err := runOne(context.Background(), control, control.Tests[0], ct.NewFile("items", strings.NewReader(lines)), ct.Options{Period: period})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Deviations) != 20 || r.Episodes != 1 {
			t.Errorf("%s: %d deviations, %d episodes", name, len(r.Deviations), r.Episodes)
		}
		rate := false
		for _, m := range r.Markers {
			rate = rate || m == ct.Rate
		}
		if rate != (c.want == ct.Ineffective) {
			t.Errorf("%s: %v %v", name, r.Markers, r.Rate)
		}
	}
}
