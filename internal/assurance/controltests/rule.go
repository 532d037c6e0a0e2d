package controltests

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// The deviation rule's constants, as docs/deviation-rule.md publishes them.
const (
	// EpisodeGap joins two deviations of one cause into one episode: the later
	// is at most so long after the earlier. Fourteen times 24 hours, not
	// calendar days.
	EpisodeGap = 14 * 24 * time.Hour
	// SmallPopulation is the number of tested items from which the markers
	// decide; with fewer, rates mean nothing and a person concludes.
	SmallPopulation = 10
	// RatePercent is exceeded by a rate that is systematic.
	RatePercent = 5
	// RateDeviations is the least number of deviations that make a rate.
	RateDeviations = 2
	// ConcentrationEpisodes is the least number of episodes that can be
	// concentrated in one person or subsystem.
	ConcentrationEpisodes = 3
)

// Marker is a sign that deviations are systematic.
type Marker string

// The markers, in the order in which they are listed.
const (
	// RecurringCause: two episodes have one cause.
	RecurringCause Marker = "recurring_cause"
	// Concentration: of three or more episodes, over half are with one person
	// or with one subsystem.
	Concentration Marker = "concentration"
	// Rate: two deviations or more, over 5 % of ten or more tested items.
	Rate Marker = "rate"
	// Persistence: over half of the period's calendar months contain an
	// episode's first deviation.
	Persistence Marker = "persistence"
	// Design: somebody found that the control could not have worked.
	Design Marker = "design"
)

// Reason is why an item is a deviation.
type Reason string

// The reasons.
const (
	// FailedPredicate: the predicate is not true.
	FailedPredicate Reason = "predicate"
	// Late: done after due time and grace.
	Late Reason = "late"
	// Rejected: a reviewer has concluded that a document does not show what it
	// should.
	Rejected Reason = "rejected"
	// Missing: not done, and due time and grace are over.
	Missing Reason = "missing"
	// Failure: an expression could not be evaluated over the item.
	Failure Reason = "error"
)

// Finding is a deviation with what was noted about it.
type Finding struct {
	Item   string
	At     time.Time
	Reason Reason
	// Cause, Person and Subsystem are empty where nobody noted one.
	Cause, Person, Subsystem string
	// Spell is, of a state test, the unbroken time in which the resource did not
	// hold: deviations without a cause in one spell are one episode.
	Spell string
	// Compensated: a reason is recorded why something else stood in for it.
	Compensated bool
	// Incident: it is linked with an incident. DesignLevel: its cause is one of
	// the design.
	Incident, DesignLevel bool
}

// Facts are what the rule concludes from.
type Facts struct {
	// Passed is the number of items that passed. N of the rule is this and the
	// deviations together; open items do not count.
	Passed int
	// Open is the number of items that are not done and not yet due.
	Open int
	// Findings are the deviations in file order.
	Findings []Finding
	// First and Last are the least and greatest instant of the population,
	// open items included: what persistence is over where Period is nil.
	First, Last time.Time
	Period      *Period
	// Zone is where calendar months are counted; nil is UTC.
	Zone *time.Location
	// DesignLevel: somebody found a design-level cause.
	DesignLevel bool
	// RecordedQuery is the query that gave the population, or empty.
	RecordedQuery string
	// State is what a state test knows; nil for another one.
	State *State
	// Documents: the items are documents that were due.
	Documents bool
	// Gaps are what is not known.
	Gaps []Gap
}

// Outcome is what the rule says.
type Outcome struct {
	Markers       []Marker
	Conclusion    Conclusion
	NeedsJudgment bool
	Episodes      []Episode
	// Because says in short sentences how the conclusion came about.
	Because []string
}

// Episode is a chain of deviations with one cause, each at most EpisodeGap
// after the one before; a deviation without a cause is one of its own, or its
// spell's.
type Episode struct {
	Cause string
	// First is the instant of its first deviation.
	First time.Time
	// Person and Subsystem are those noted on the earliest of its deviations
	// that has one noted.
	Person, Subsystem string
	// Items are its deviations by instant.
	Items []string
}

// Conclude is the deviation rule: a pure function of the facts. It reads top
// to bottom like its text in docs/deviation-rule.md. To be precise:
//
//   - All five markers are computed and listed whatever N is, but only with
//     N >= 10 do they decide; rate needs that by itself.
//   - Without a deviation the conclusion is effective even at design level;
//     the marker is listed all the same.
//   - N counts what was tested, so items that are all still open give N = 0.
//   - An evaluation error makes incomplete of whatever the rest would be, so a
//     missing cause then asks for judgment as well. With N < 10 it stands beside
//     the need for judgment, which only the design takes away.
func Conclude(f Facts) Outcome {
	f.DesignLevel = f.DesignLevel || countFindings(f.Findings, func(d Finding) bool { return d.DesignLevel }) > 0
	n := f.Passed + len(f.Findings)
	o := Outcome{Episodes: Episodes(f.Findings)}
	o.say("%s tested: %d passed, %s%s.", count(n, "item"), f.Passed, count(len(f.Findings), "deviation"), byReason(f.Findings))
	if s := f.State; s != nil {
		o.say("%s of %s: the state is known for %.1f resource-hours, and did not hold for %.1f of them.", count(s.Readings, "reading"), count(s.Resources, "resource"), s.KnownHours, s.FailedHours)
		if s.Unread > 0 {
			o.say("%s failed: what they did not read is not known.", count(s.Unread, "probe"))
		}
	}
	switch {
	case f.Open > 0 && f.Documents:
		o.say("%s open, not counted: the time is not over, or nobody has accepted evidence for all of it.", isAre(f.Open, "document"))
	case f.Open > 0:
		o.say("%s not done, with due time and grace past the period's end: open, not counted.", isAre(f.Open, "item"))
	}
	o.mark(f, n)

	missingCauses := countFindings(f.Findings, func(d Finding) bool { return d.Cause == "" })
	absent := countFindings(f.Findings, func(d Finding) bool { return d.Reason == Missing && !d.Compensated })
	compensated := countFindings(f.Findings, func(d Finding) bool { return d.Compensated })
	if compensated > 0 {
		o.say("%s compensated for, with a recorded reason; it stays a deviation.", isAre(compensated, "deviation"))
	}
	failures := countFindings(f.Findings, func(d Finding) bool { return d.Reason == Failure })
	switch {
	case failures > 0: // nothing is proposed
		o.Conclusion, o.NeedsJudgment = Incomplete, n < SmallPopulation && !f.DesignLevel
		o.say("%s could not be evaluated: incomplete.", count(failures, "item"))
	case n == 0 && f.RecordedQuery != "":
		o.Conclusion = NotOccurring
		o.say("Nothing was due to be tested, and the query is recorded: not occurring.")
	case n == 0 && (f.Documents || f.State != nil):
		o.Conclusion = Incomplete
		o.say("There is nothing from which anything could be concluded: incomplete.")
	case n == 0:
		o.Conclusion = Incomplete
		o.say("Nothing was due to be tested, and no query is recorded: incomplete.")
	case len(f.Findings) == 0:
		o.Conclusion = Effective
		o.say("No deviation: effective.")
	case n >= SmallPopulation && len(o.Markers) > 0:
		o.Conclusion = Ineffective
		o.say("The deviations are systematic: ineffective.")
	case n >= SmallPopulation:
		o.Conclusion = EffectiveWithExceptions
		o.say("The deviations are isolated: effective with exceptions.")
	case f.DesignLevel:
		o.Conclusion = Ineffective
		o.say("Fewer than %d items, and the cause is in the design: ineffective.", SmallPopulation)
	case absent > 0:
		o.Conclusion, o.NeedsJudgment = Ineffective, true
		o.say("Fewer than %d items, and %s missing and not compensated for: ineffective is proposed; a person concludes.", SmallPopulation, isAre(absent, "item"))
	default:
		o.Conclusion, o.NeedsJudgment = EffectiveWithExceptions, true
		o.say("Fewer than %d items: effective with exceptions is proposed; a person concludes.", SmallPopulation)
	}
	if len(f.Gaps) > 0 {
		o.gaps(f.Gaps)
		if o.Conclusion != Ineffective { // what is not known makes nothing better
			o.Conclusion = Incomplete
		}
	}
	if missingCauses > 0 && o.Conclusion != Ineffective {
		o.NeedsJudgment = true
		o.say("%s without a cause: a person has to judge.", isAre(missingCauses, "deviation"))
	}
	if incidents := countFindings(f.Findings, func(d Finding) bool { return d.Incident }); incidents > 0 {
		o.NeedsJudgment = true
		o.say("%s linked with an incident: a person has to judge, whatever the rule says.", isAre(incidents, "deviation"))
	}
	return o
}

// gaps says what is not known, of many the first ones.
func (o *Outcome) gaps(gaps []Gap) {
	const most = 5
	for i, gap := range gaps {
		if i == most {
			o.say("And %s more.", count(len(gaps)-most, "gap"))
			return
		}
		o.say("Gap: %s.", gap)
	}
}

// mark computes the markers, in their order.
func (o *Outcome) mark(f Facts, n int) {
	o.Markers = []Marker{}
	if cause := recurringCause(o.Episodes); cause != "" {
		o.Markers = append(o.Markers, RecurringCause)
		o.say("Recurring cause: %q has more than one episode.", cause)
	}
	if whom, with := concentration(o.Episodes); with > 0 {
		o.Markers = append(o.Markers, Concentration)
		o.say("Concentration: %d of %d episodes are with %s.", with, len(o.Episodes), whom)
	}
	if d := len(f.Findings); n >= SmallPopulation && d >= RateDeviations {
		switch s := f.State; {
		case s == nil && d*100 > n*RatePercent:
			o.Markers = append(o.Markers, Rate)
			o.say("Rate: %d of %d is over %d %%.", d, n, RatePercent)
		case s != nil && s.failed > s.known*RatePercent/100:
			o.Markers = append(o.Markers, Rate)
			o.say("Rate: %.1f of %.1f resource-hours is over %d %%.", s.FailedHours, s.KnownHours, RatePercent)
		}
	}
	if with, of := persistence(o.Episodes, f); 2*with > of {
		o.Markers = append(o.Markers, Persistence)
		o.say("Persistence: an episode began in %d of %s.", with, count(of, "calendar month"))
	}
	if f.DesignLevel {
		o.Markers = append(o.Markers, Design)
		o.say("Design: the cause is noted as one of design.")
	}
}

// Episodes chains deviations: those of one cause by instant, and by their
// order in findings where instants are equal. The episodes come by the instant
// of their first deviation, then by cause.
func Episodes(findings []Finding) []Episode {
	order := make([]int, len(findings)) // places in findings, by instant
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return findings[a].At.Compare(findings[b].At) })
	type chain struct {
		episode int
		last    time.Time
	}
	running := map[string]chain{}
	of := make([]int, len(findings)) // the number of its episode, in that order
	var sizes []int                  // by episode
	for i, place := range order {
		d := &findings[place]
		key, lasting := d.Cause, false
		if key == "" && d.Spell != "" { // a spell lasts, however far apart its readings are
			key, lasting = "\x00"+d.Spell, true
		}
		c, ok := running[key]
		if !ok || key == "" || !lasting && d.At.Sub(c.last) > EpisodeGap {
			c.episode = len(sizes)
			sizes = append(sizes, 0)
		}
		running[key] = chain{c.episode, d.At}
		of[i] = c.episode
		sizes[c.episode]++
	}
	// There may be as many episodes as deviations: they share what they are put in.
	episodes, room := make([]Episode, len(sizes)), make([]string, len(findings))
	for i, place := range order {
		d, e := &findings[place], &episodes[of[i]]
		if e.Items == nil {
			size := sizes[of[i]]
			e.Cause, e.First, e.Items, room = d.Cause, d.At, room[:0:size], room[size:]
		}
		e.Items = append(e.Items, d.Item)
		e.Person = cmp.Or(e.Person, d.Person)
		e.Subsystem = cmp.Or(e.Subsystem, d.Subsystem)
	}
	slices.SortStableFunc(episodes, func(a, b Episode) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Cause, b.Cause))
	})
	return episodes
}

// recurringCause is the first cause with two episodes, or "".
func recurringCause(episodes []Episode) string {
	seen := map[string]bool{}
	for _, e := range episodes {
		if e.Cause != "" && seen[e.Cause] {
			return e.Cause
		}
		seen[e.Cause] = true
	}
	return ""
}

// concentration names the one person or subsystem that over half of three or
// more episodes are with, and with how many; 0 if there is none. No two
// persons can have over half each, so there is nothing to choose but between
// person and subsystem.
func concentration(episodes []Episode) (whom string, with int) {
	if len(episodes) < ConcentrationEpisodes {
		return "", 0
	}
	for _, by := range []struct {
		kind string
		name func(Episode) string
	}{
		{"person", func(e Episode) string { return e.Person }},
		{"subsystem", func(e Episode) string { return e.Subsystem }},
	} {
		counts := map[string]int{}
		for _, e := range episodes {
			name := by.name(e)
			if name == "" {
				continue
			}
			counts[name]++
			if 2*counts[name] > len(episodes) {
				whom, with = fmt.Sprintf("%s %q", by.kind, name), counts[name]
			}
		}
		if with > 0 {
			return whom, with
		}
	}
	return "", 0
}

// persistence is the number of calendar months in which an episode has its
// first deviation, of the months of the period.
func persistence(episodes []Episode, f Facts) (with, of int) {
	zone := f.Zone
	if zone == nil {
		zone = time.UTC
	}
	// The last instant that counts: a period does not contain its end.
	first, last := f.First, f.Last
	if f.Period != nil {
		first, last = f.Period.From, f.Period.To.Add(-1)
	}
	months := map[int]bool{}
	for _, e := range episodes {
		months[month(e.First, zone)] = true
	}
	if len(months) == 0 {
		return 0, 0
	}
	return len(months), month(last, zone) - month(first, zone) + 1
}

// month numbers calendar months without a gap.
func month(t time.Time, zone *time.Location) int {
	t = t.In(zone)
	return t.Year()*12 + int(t.Month())
}

func (o *Outcome) say(format string, args ...any) {
	o.Because = append(o.Because, fmt.Sprintf(format, args...))
}

func countFindings(findings []Finding, is func(Finding) bool) int {
	n := 0
	for _, d := range findings {
		if is(d) {
			n++
		}
	}
	return n
}

// byReason is " (2 predicate, 1 late)", or "" where there is nothing to say.
func byReason(findings []Finding) string {
	text := ""
	for _, r := range []Reason{FailedPredicate, Late, Rejected, Missing, Failure} {
		if n := countFindings(findings, func(d Finding) bool { return d.Reason == r }); n > 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%d %s", n, r)
		}
	}
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// count is "1 item" or "2 items".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// isAre is "1 item is" or "2 items are".
func isAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return fmt.Sprintf("%d %ss are", n, what)
}
