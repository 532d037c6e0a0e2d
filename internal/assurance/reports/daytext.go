package reports

import (
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
)

// most is how many lines of a list a text shows; the page and the JSON have
// them all.
const most = 25

// text writes what is new, what is late, and what comes.
func (d *Day) text(b *strings.Builder, at time.Time, zone *time.Location) {
	wrap(b, "", fmt.Sprintf("Since %s (%s)", moment(d.Since, zone), plural(int(d.Before.Size), "event")), "  ")
	if d.Quiet() {
		b.WriteString("  Nothing has changed.\n")
	}
	for _, c := range head(d.Changes) {
		text := fmt.Sprintf("%s %s: %s, was %s", c.Control, c.Test, c.To.Words(), c.From.Words())
		if c.Result != "" {
			text += " (" + c.Result + ")"
		}
		wrap(b, "  "+marks[c.To]+" ", text, "      ")
		for _, reason := range c.Gaps() {
			wrap(b, "      - ", controltests.Plainly(reason, zone), "        ")
		}
	}
	rest(b, len(d.Changes))
	for _, n := range head(d.Deviations) {
		wrap(b, "  + ", fmt.Sprintf("deviation %s (%s): %s %s, %s", n.Item, n.Reason.Words(), n.Control, n.Test, n.Result), "      ")
	}
	rest(b, len(d.Deviations)+d.More)
	for _, t := range head(d.Turned) {
		wrap(b, "  + ", fmt.Sprintf("%s: %s (%s), %s", t.State, t.Occurrence, t.Title, t.Responsible), "      ")
	}
	rest(b, len(d.Turned))

	if len(d.Late) > 0 {
		b.WriteString("\nLate, and still to be done\n")
		for _, p := range head(d.Late) {
			p.text(b, "since "+Span(at.Sub(p.Deadline)), zone)
		}
		rest(b, len(d.Late))
	}
	fmt.Fprintf(b, "\nBecomes a permanent deviation by %s unless it is done\n", moment(d.Until, zone))
	for _, p := range head(d.Coming) {
		p.text(b, "in "+Span(p.Deadline.Sub(at)), zone)
	}
	if len(d.Coming) == 0 {
		b.WriteString("  Nothing.\n")
	}
	rest(b, len(d.Coming))
	if len(d.Duties) > 0 {
		var counts []string
		for _, c := range d.Duties {
			counts = append(counts, fmt.Sprintf("%d %s", c.Count, strings.ReplaceAll(c.State, "_", " ")))
		}
		b.WriteByte('\n')
		wrap(b, "", "Duties that fell due in the period: "+strings.Join(counts, ", ")+" (scaf task list --state STATE)", "  ")
	}
}

func (p *Pending) text(b *strings.Builder, when string, zone *time.Location) {
	wrap(b, fmt.Sprintf("  %-12s ", when), strings.TrimPrefix(p.Item, "task/")+" · "+p.Title, "               ")
	text := p.Owner + ", by " + moment(p.Deadline, zone)
	if len(p.Tests) > 0 {
		text += " · " + strings.Join(p.Tests, ", ")
	}
	wrap(b, "               ", text, "               ")
	wrap(b, "               ", p.Command(), "               ")
}

// Command is the command that does it, or shows the item.
func (p *Pending) Command() string {
	if p.Do != "" {
		return p.Do
	}
	if occurrence, ok := strings.CutPrefix(p.Item, "task/"); ok {
		return "scaf task show " + occurrence
	}
	if strings.Contains(p.Item, "/") {
		return "scaf record show " + p.Item
	}
	return "scaf control show " + strings.Join(p.Tests, " ")
}

// Gaps are the reasons to read at once: those of a test that cannot be
// concluded. The others stand with the control.
func (c *Change) Gaps() []string {
	if c.To != controltests.Incomplete {
		return nil
	}
	return c.Because
}

// Quiet reports whether nothing is new.
func (d *Day) Quiet() bool {
	return len(d.Changes)+len(d.Deviations)+d.More+len(d.Turned) == 0
}

// Span is a length of time as a person says it: 36 h, 5 days.
func Span(d time.Duration) string {
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 72*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// moment is an instant in the organisation's time zone, to the minute.
func moment(at time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	return at.In(zone).Format("2006-01-02 15:04")
}

func head[T any](list []T) []T { return list[:min(len(list), most)] }

// rest says how many more there are.
func rest(b *strings.Builder, n int) {
	if n > most {
		fmt.Fprintf(b, "  and %d more: --format json lists them\n", n-most)
	}
}
