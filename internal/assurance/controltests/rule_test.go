package controltests_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	ct "scaf.dev/scaf/internal/assurance/controltests"
)

// day is noon of a day of 2026 in UTC, counted from 1 January as 0.
func day(n float64) time.Time {
	return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(n * 24 * float64(time.Hour)))
}

// finding is a deviation of day n; tags are cause=, person=, sub=, late,
// missing, error, comp.
func finding(n float64, tags ...string) ct.Finding {
	f := ct.Finding{Item: fmt.Sprintf("d%v", n), At: day(n), Reason: ct.FailedPredicate}
	for _, tag := range tags {
		name, value, _ := strings.Cut(tag, "=")
		switch name {
		case "cause":
			f.Cause = value
		case "person":
			f.Person = value
		case "sub":
			f.Subsystem = value
		case "comp":
			f.Compensated = true
		default:
			f.Reason = ct.Reason(name)
		}
	}
	return f
}

// year is a period in which persistence needs seven months.
var year = &ct.Period{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}

func TestTheRuleSentenceBySentence(t *testing.T) {
	// Without a zone it is UTC, whatever the machine's is.
	defer func(zone *time.Location) { time.Local = zone }(time.Local)
	time.Local = time.FixedZone("machine", 5*3600)
	type want struct {
		conclusion ct.Conclusion
		judgment   bool
		markers    []ct.Marker
	}
	list := func(f ...ct.Finding) []ct.Finding { return f }
	for name, c := range map[string]struct {
		facts ct.Facts
		want  want
	}{
		"no deviation: effective": {ct.Facts{Passed: 3, Period: year}, want{ct.Effective, false, nil}},
		"no deviation, many":      {ct.Facts{Passed: 300, Period: year}, want{ct.Effective, false, nil}},
		"no deviation, design: effective, and the marker is listed": {
			ct.Facts{Passed: 3, Period: year, DesignLevel: true}, want{ct.Effective, false, []ct.Marker{ct.Design}}},

		"N >= 10, none: exceptions": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a"))}, want{ct.EffectiveWithExceptions, false, nil}},
		"N >= 10, a cause missing: judgment": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1))}, want{ct.EffectiveWithExceptions, true, nil}},
		"N = 10 counts deviations too": {
			ct.Facts{Passed: 9, Period: year, Findings: list(finding(1, "missing", "cause=a"))}, want{ct.EffectiveWithExceptions, false, nil}},
		"N = 9": {
			ct.Facts{Passed: 8, Period: year, Findings: list(finding(1, "missing", "cause=a"))}, want{ct.Ineffective, true, nil}},
		"open items are not in N": {
			ct.Facts{Passed: 8, Open: 5, Period: year, Findings: list(finding(1, "missing", "cause=a"))}, want{ct.Ineffective, true, nil}},

		"recurring cause": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a"), finding(16, "cause=a"))}, want{ct.Ineffective, false, []ct.Marker{ct.RecurringCause}}},
		"one chain does not recur": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a"), finding(15, "cause=a"), finding(29, "cause=a"))}, want{ct.EffectiveWithExceptions, false, nil}},
		"no cause does not recur": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1), finding(50))}, want{ct.EffectiveWithExceptions, true, nil}},
		"deviations without a cause do not hide one that recurs": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1), finding(2), finding(3, "cause=a"), finding(50, "cause=a"))}, want{ct.Ineffective, false, []ct.Marker{ct.RecurringCause}}},
		"two causes do not recur": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a"), finding(50, "cause=A"))}, want{ct.EffectiveWithExceptions, false, nil}},
		"ineffective by marker, causes missing: no judgment": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a"), finding(16, "cause=a"), finding(17))}, want{ct.Ineffective, false, []ct.Marker{ct.RecurringCause}}},

		"concentration, person": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a", "person=p"), finding(2, "cause=b", "person=p"), finding(3, "cause=c"))},
			want{ct.Ineffective, false, []ct.Marker{ct.Concentration}}},
		"concentration, subsystem": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a", "sub=p"), finding(2, "cause=b", "sub=p"), finding(3, "cause=c"))},
			want{ct.Ineffective, false, []ct.Marker{ct.Concentration}}},
		"concentration needs three episodes": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a", "person=p"), finding(2, "cause=b", "person=p"), finding(3, "cause=b", "person=p"))},
			want{ct.EffectiveWithExceptions, false, nil}},
		"concentration is over half, not half": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a", "person=p"), finding(2, "cause=b", "person=p"), finding(3, "cause=c"), finding(4, "cause=d"))},
			want{ct.EffectiveWithExceptions, false, nil}},
		"person and subsystem of one name are two": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a", "person=p"), finding(2, "cause=b", "sub=p"), finding(3, "cause=c"))},
			want{ct.EffectiveWithExceptions, false, nil}},
		"nobody is not one person": {
			ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "cause=a"), finding(2, "cause=b"), finding(3, "cause=c"))},
			want{ct.EffectiveWithExceptions, false, nil}},

		"rate: 2 of 39 is over 5 %": {
			ct.Facts{Passed: 37, Period: year, Findings: list(finding(1, "cause=a"), finding(2, "cause=b"))}, want{ct.Ineffective, false, []ct.Marker{ct.Rate}}},
		"rate: 2 of 40 is 5 %": {
			ct.Facts{Passed: 38, Period: year, Findings: list(finding(1, "cause=a"), finding(2, "cause=b"))}, want{ct.EffectiveWithExceptions, false, nil}},
		"rate: one deviation is none": {
			ct.Facts{Passed: 9, Period: year, Findings: list(finding(1, "cause=a"))}, want{ct.EffectiveWithExceptions, false, nil}},
		"rate: compensated ones stay deviations": {
			ct.Facts{Passed: 37, Period: year, Findings: list(finding(1, "cause=a", "comp"), finding(2, "cause=b", "comp"))}, want{ct.Ineffective, false, []ct.Marker{ct.Rate}}},
		"rate: none below ten": {
			ct.Facts{Passed: 1, Period: year, Findings: list(finding(1, "cause=a"), finding(2, "cause=b"))}, want{ct.EffectiveWithExceptions, true, nil}},

		"persistence: 7 of 12 months": {
			ct.Facts{Passed: 500, Period: year, Findings: months(7)}, want{ct.Ineffective, false, []ct.Marker{ct.Persistence}}},
		"persistence: 6 of 12 months": {
			ct.Facts{Passed: 500, Period: year, Findings: months(6)}, want{ct.EffectiveWithExceptions, false, nil}},
		"persistence: only an episode's first deviation counts": {
			ct.Facts{Passed: 500, Period: &ct.Period{From: day(0), To: day(80)}, Findings: list(finding(28, "cause=a"), finding(38, "cause=a"), finding(50, "cause=a"), finding(60, "cause=a"))},
			want{ct.EffectiveWithExceptions, false, nil}},
		"persistence: one of one month": {
			ct.Facts{Passed: 99, Period: &ct.Period{From: day(2), To: day(20)}, Findings: list(finding(3, "cause=a"))}, want{ct.Ineffective, false, []ct.Marker{ct.Persistence}}},
		"persistence: the end is not in the period": {
			ct.Facts{Passed: 99, Period: &ct.Period{From: day(2), To: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, Findings: list(finding(3, "cause=a"))}, want{ct.EffectiveWithExceptions, false, nil}},
		"persistence: the end is just in March": {
			ct.Facts{Passed: 500, Period: &ct.Period{From: day(2), To: time.Date(2026, 3, 1, 0, 0, 0, 1, time.UTC)}, Findings: list(finding(3, "cause=a"), finding(40, "cause=b"))}, want{ct.Ineffective, false, []ct.Marker{ct.Persistence}}},
		"persistence: from the first to the last instant": {
			ct.Facts{Passed: 99, First: day(5), Last: day(40), Findings: list(finding(6, "cause=a"))}, want{ct.EffectiveWithExceptions, false, nil}},
		"persistence: months in the time zone": {
			ct.Facts{Passed: 99, First: day(5), Last: time.Date(2026, 1, 31, 23, 30, 0, 0, time.UTC), Zone: time.FixedZone("east", 3600), Findings: list(finding(6, "cause=a"))},
			want{ct.EffectiveWithExceptions, false, nil}},
		"persistence: the same in UTC": {
			ct.Facts{Passed: 99, First: day(5), Last: time.Date(2026, 1, 31, 23, 30, 0, 0, time.UTC), Findings: list(finding(6, "cause=a"))},
			want{ct.Ineffective, false, []ct.Marker{ct.Persistence}}},

		"design, N >= 10": {
			ct.Facts{Passed: 99, Period: year, DesignLevel: true, Findings: list(finding(1, "cause=a"))}, want{ct.Ineffective, false, []ct.Marker{ct.Design}}},
		"design, N < 10: no judgment": {
			ct.Facts{Passed: 2, Period: year, DesignLevel: true, Findings: list(finding(1))}, want{ct.Ineffective, false, []ct.Marker{ct.Design}}},
		"all five, in order": {
			ct.Facts{Passed: 8, Period: year, DesignLevel: true, Findings: append(months(7, "person=p"), finding(350, "cause=0"))},
			want{ct.Ineffective, false, []ct.Marker{ct.RecurringCause, ct.Concentration, ct.Rate, ct.Persistence, ct.Design}}},

		"N < 10, markers do not decide": {
			ct.Facts{Passed: 5, Period: year, Findings: list(finding(1, "cause=a"), finding(100, "cause=a"))},
			want{ct.EffectiveWithExceptions, true, []ct.Marker{ct.RecurringCause}}},
		"N < 10, late and failed": {
			ct.Facts{Passed: 5, Period: year, Findings: list(finding(1, "late", "cause=a"), finding(2, "predicate", "cause=b"))}, want{ct.EffectiveWithExceptions, true, nil}},
		"N < 10, missing, compensated": {
			ct.Facts{Passed: 3, Period: year, Findings: list(finding(1, "missing", "comp", "cause=a"))}, want{ct.EffectiveWithExceptions, true, nil}},
		"N < 10, one of two missing compensated": {
			ct.Facts{Passed: 3, Period: year, Findings: list(finding(1, "missing", "comp", "cause=a"), finding(2, "missing", "cause=b"))}, want{ct.Ineffective, true, nil}},

		"N = 0 with a recorded query":             {ct.Facts{RecordedQuery: "q", Period: year}, want{ct.NotOccurring, false, nil}},
		"N = 0 without":                           {ct.Facts{Period: year}, want{ct.Incomplete, false, nil}},
		"N = 0 but open ones, recorded":           {ct.Facts{Open: 2, RecordedQuery: "q", Period: year}, want{ct.NotOccurring, false, nil}},
		"an error: incomplete, N >= 10":           {ct.Facts{Passed: 99, Period: year, Findings: list(finding(1, "error", "cause=a"))}, want{ct.Incomplete, false, nil}},
		"an error: incomplete, N < 10":            {ct.Facts{Passed: 3, Period: year, Findings: list(finding(1, "error"))}, want{ct.Incomplete, true, nil}},
		"an error, N < 10, every cause noted":     {ct.Facts{Passed: 3, Period: year, Findings: list(finding(1, "error", "cause=a"))}, want{ct.Incomplete, true, nil}},
		"an error, N < 10, design":                {ct.Facts{Passed: 3, Period: year, DesignLevel: true, Findings: list(finding(1, "error", "cause=a"))}, want{ct.Incomplete, false, []ct.Marker{ct.Design}}},
		"an error: incomplete though ineffective": {ct.Facts{Passed: 99, Period: year, DesignLevel: true, Findings: list(finding(1, "error"))}, want{ct.Incomplete, true, []ct.Marker{ct.Design}}},
	} {
		t.Run(name, func(t *testing.T) {
			o := ct.Conclude(c.facts)
			got := want{o.Conclusion, o.NeedsJudgment, o.Markers}
			if o.Markers == nil {
				t.Error("Markers is nil, want an empty list")
			}
			if len(got.markers) == 0 {
				got.markers = nil
			}
			if got.conclusion != c.want.conclusion || got.judgment != c.want.judgment || !slices.Equal(got.markers, c.want.markers) {
				t.Errorf("got  %+v\nwant %+v\nbecause %s", got, c.want, strings.Join(o.Because, " "))
			}
		})
	}
}

// months is one deviation in the middle of each of n months, each of a cause
// of its own, with further tags.
func months(n int, tags ...string) []ct.Finding {
	var list []ct.Finding
	for m := range n {
		list = append(list, finding(float64(m)*30.5+10, append(tags, fmt.Sprintf("cause=%d", m))...))
	}
	return list
}

func TestBecauseIsPlainAndInAFixedOrder(t *testing.T) {
	o := ct.Conclude(ct.Facts{Passed: 20, Open: 1, Period: year, DesignLevel: true, Findings: []ct.Finding{
		finding(1, "cause=clock", "person=p"), finding(100, "cause=clock", "person=p", "late"), finding(101, "missing", "comp"), finding(102, "error"), finding(103),
	}})
	want := []string{
		"25 items tested: 20 passed, 5 deviations (2 predicate, 1 late, 1 missing, 1 error).",
		"1 item is not done, with due time and grace past the period's end: open, not counted.",
		`Recurring cause: "clock" has more than one episode.`,
		"Rate: 5 of 25 is over 5 %.",
		"Design: the cause is noted as one of design.",
		"1 deviation is compensated for, with a recorded reason; it stays a deviation.",
		"1 item could not be evaluated: incomplete.",
		"3 deviations are without a cause: a person has to judge.",
	}
	if diff := cmp.Diff(want, o.Because); diff != "" {
		t.Errorf("because differs (-want +got):\n%s", diff)
	}
}

func TestCombine(t *testing.T) {
	const (
		eff, exc, ineff = ct.Effective, ct.EffectiveWithExceptions, ct.Ineffective
		none, inc, not  = ct.NotOccurring, ct.Incomplete, ct.NotTested
	)
	for _, c := range []struct {
		tests []ct.Conclusion
		want  ct.Conclusion
	}{
		{nil, not},
		{[]ct.Conclusion{eff}, eff},
		{[]ct.Conclusion{eff, exc}, exc},
		{[]ct.Conclusion{exc, not, eff}, not},
		{[]ct.Conclusion{not, inc}, inc},
		{[]ct.Conclusion{inc, ineff, eff}, ineff},
		{[]ct.Conclusion{none, none}, none},
		{[]ct.Conclusion{none, eff}, eff},
		{[]ct.Conclusion{none, not}, not},
	} {
		if got := ct.Combine(c.tests...); got != c.want {
			t.Errorf("Combine(%v) = %s, want %s", c.tests, got, c.want)
		}
	}
}

func genFindings(t *rapid.T) []ct.Finding {
	n := rapid.IntRange(0, 12).Draw(t, "deviations")
	list := make([]ct.Finding, n)
	for i := range list {
		list[i] = ct.Finding{
			Item: fmt.Sprint("i", i),
			// Whole days apart or a nanosecond more, so that gaps of exactly
			// 14 days are met; no two at one instant.
			At:          day(float64(rapid.IntRange(0, 200).Draw(t, "day"))).Add(time.Duration(i) * rapid.SampledFrom([]time.Duration{1, time.Hour}).Draw(t, "more")),
			Reason:      rapid.SampledFrom([]ct.Reason{ct.FailedPredicate, ct.Late, ct.Missing, ct.Failure}).Draw(t, "reason"),
			Cause:       rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "cause"),
			Person:      rapid.SampledFrom([]string{"", "p", "q"}).Draw(t, "person"),
			Subsystem:   rapid.SampledFrom([]string{"", "s", "t"}).Draw(t, "subsystem"),
			Compensated: rapid.Bool().Draw(t, "compensated"),
		}
	}
	return list
}

func genFacts(t *rapid.T) ct.Facts {
	f := ct.Facts{
		Passed: rapid.IntRange(0, 300).Draw(t, "passed"), Open: rapid.IntRange(0, 2).Draw(t, "open"),
		Findings: genFindings(t), First: day(0), Last: day(201),
		DesignLevel:   rapid.Bool().Draw(t, "design"),
		RecordedQuery: rapid.SampledFrom([]string{"", "q"}).Draw(t, "query"),
	}
	if rapid.Bool().Draw(t, "few") {
		f.Passed %= 10
	}
	if rapid.Bool().Draw(t, "period") {
		f.Period = year
	}
	return f
}

// Episodes by their definition, in quadratic time: two deviations of one cause
// not more than the gap apart are in one episode, and so on through others.
func TestEpisodesEqualTheirDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := genFindings(t)
		group := make([]int, len(list))
		for i := range group {
			group[i] = i
		}
		for changed := true; changed; {
			changed = false
			for i, a := range list {
				for j, b := range list {
					if a.Cause != "" && a.Cause == b.Cause && a.At.Sub(b.At).Abs() <= 14*24*time.Hour && group[i] != group[j] {
						group[i] = min(group[i], group[j])
						group[j], changed = group[i], true
					}
				}
			}
		}
		want := map[int][]string{}
		for i, g := range group {
			want[g] = append(want[g], list[i].Item)
		}
		episodes := ct.Episodes(list)
		if len(episodes) != len(want) {
			t.Fatalf("%d episodes, want %d", len(episodes), len(want))
		}
		at := map[string]time.Time{}
		number := map[string]int{}
		for i, f := range list {
			at[f.Item], number[f.Item] = f.At, i
		}
		for _, e := range episodes {
			if !slices.IsSortedFunc(e.Items, func(a, b string) int { return at[a].Compare(at[b]) }) || !e.First.Equal(at[e.Items[0]]) {
				t.Fatalf("episode %+v is not by instant", e)
			}
			got, members := slices.Sorted(slices.Values(e.Items)), want[group[number[e.Items[0]]]]
			if slices.Sort(members); !slices.Equal(got, members) {
				t.Fatalf("episode %v, want %v", got, members)
			}
		}
	})
}

func TestTheRuleDoesNotDependOnTheOrderOfDeviations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := genFacts(t)
		first := ct.Conclude(f)
		f.Findings = rapid.Permutation(f.Findings).Draw(t, "order")
		if diff := cmp.Diff(first, ct.Conclude(f)); diff != "" {
			t.Fatalf("another order, another outcome:\n%s", diff)
		}
	})
}

// rank is how bad a conclusion is.
func rank(c ct.Conclusion) int {
	return slices.Index([]ct.Conclusion{ct.Effective, ct.EffectiveWithExceptions, ct.Ineffective}, c)
}

func TestWhatMakesTheOutcomeWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := genFacts(t)
		for i := range f.Findings {
			if f.Findings[i].Reason == ct.Failure {
				f.Findings[i].Reason = ct.Late
			}
		}
		n := f.Passed + len(f.Findings)
		o := ct.Conclude(f)
		if (o.Conclusion == ct.Effective) != (n > 0 && len(f.Findings) == 0) {
			t.Fatalf("%s with %d deviations of %d", o.Conclusion, len(f.Findings), n)
		}
		if n >= ct.SmallPopulation && len(f.Findings) > 0 && (o.Conclusion == ct.Ineffective) != (len(o.Markers) > 0) {
			t.Fatalf("%s with markers %v", o.Conclusion, o.Markers)
		}
		if n == 0 {
			return
		}
		design := f
		design.DesignLevel = true
		if got := ct.Conclude(design); rank(got.Conclusion) < rank(o.Conclusion) {
			t.Fatalf("at design level %s, otherwise %s", got.Conclusion, o.Conclusion)
		}
		if len(f.Findings) == 0 {
			return
		}
		i := rapid.IntRange(0, len(f.Findings)-1).Draw(t, "which")
		compensated := f
		compensated.Findings = slices.Clone(f.Findings)
		compensated.Findings[i].Compensated = true
		if got := ct.Conclude(compensated); rank(got.Conclusion) > rank(o.Conclusion) || !slices.Equal(got.Markers, o.Markers) {
			t.Fatalf("compensated: %s %v, otherwise %s %v", got.Conclusion, got.Markers, o.Conclusion, o.Markers)
		}
		uncaused := f
		uncaused.Findings = slices.Clone(f.Findings)
		for k := range uncaused.Findings {
			uncaused.Findings[k].Cause = ""
		}
		if got := ct.Conclude(uncaused); got.Conclusion != ct.Ineffective && !got.NeedsJudgment {
			t.Fatalf("no causes, %s, and no judgment is asked for", got.Conclusion)
		}
		failed := f
		failed.Findings = slices.Clone(f.Findings)
		failed.Findings[i].Reason = ct.Failure
		if got := ct.Conclude(failed); got.Conclusion != ct.Incomplete {
			t.Fatalf("an evaluation error gives %s", got.Conclusion)
		}
	})
}

// A further deviation, later than all others and in the place of an item that
// passed, takes no recurring cause, rate or design away.
func TestAFurtherDeviationKeepsMarkers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := genFacts(t)
		f.Passed++
		more := f
		more.Passed--
		more.Findings = append(slices.Clone(f.Findings), ct.Finding{
			Item: "more", At: day(202), Reason: ct.Late, Cause: rapid.SampledFrom([]string{"", "a", "d"}).Draw(t, "cause of the further one"),
		})
		before, after := ct.Conclude(f), ct.Conclude(more)
		for _, m := range []ct.Marker{ct.RecurringCause, ct.Rate, ct.Design} {
			if slices.Contains(before.Markers, m) && !slices.Contains(after.Markers, m) {
				t.Fatalf("marker %s went away with a further deviation", m)
			}
		}
	})
}
