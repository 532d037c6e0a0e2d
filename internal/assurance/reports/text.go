package reports

import (
	"fmt"
	"io"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
)

// width is that of a terminal.
const width = 80

// marks are what a conclusion looks like at the beginning of a line.
var marks = map[controltests.Conclusion]string{
	controltests.Ineffective: "✗", controltests.Incomplete: "?", controltests.NotTested: "·",
	controltests.EffectiveWithExceptions: "!", controltests.Effective: "✓", controltests.NotOccurring: "–",
}

// Text writes the report for a terminal of 80 columns.
func (r *Readiness) Text(w io.Writer) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, "Readiness of %s\n", r.Organization)
	if r.Period == nil {
		fmt.Fprintf(b, "No period is open: scaf period open NAME --from D --to D\n")
	} else {
		fmt.Fprintf(b, "Period %s (%s): %s\n", r.Period.Name, r.Period.State, r.Period.Interval())
	}
	fmt.Fprintf(b, "Ledger %s, %d events\n", r.Ledger.Origin, r.Ledger.Size)
	fmt.Fprintf(b, "Computed %s at root %s…\n\n", r.At.Format(time.RFC3339), r.Ledger.Root[:16])
	for _, count := range r.Conclusions {
		fmt.Fprintf(b, "  %s %-26s %4d\n", marks[count.Conclusion], count.Conclusion.Words(), count.Controls)
	}
	for _, control := range r.Controls {
		b.WriteByte('\n')
		control.text(b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Control) text(b *strings.Builder) {
	state := c.Conclusion.Words()
	if c.Interim {
		state += " (interim)"
	}
	wrap(b, marks[c.Conclusion]+" "+c.ID+"  ", c.Title, "  ")
	fmt.Fprintf(b, "  %s · %s · %s · %s\n", state, strings.Join(c.Criteria, " "), c.Owner, c.Frequency)
	for _, test := range c.Tests {
		if test.Result != nil {
			fmt.Fprintf(b, "    %s: %s\n", test.ID, test.Counts())
		} else {
			fmt.Fprintf(b, "    %s: not tested\n", test.ID)
		}
		for _, reason := range test.Because {
			wrap(b, "      - ", reason, "        ")
		}
	}
}

// Counts says in a line what a test found.
func (t *Test) Counts() string {
	r := t.Result
	text := fmt.Sprintf("%s, %d passed, %s", plural(r.Count, "item"), r.Passed, plural(r.Deviations, "deviation"))
	if r.Open > 0 {
		text += fmt.Sprintf(", %d open", r.Open)
	}
	if r.NeedsJudgment {
		text += ", needs judgment"
	}
	return text + " (" + r.ID + ", " + r.Population + ")"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// wrap writes a text in lines of a terminal's width.
func wrap(b *strings.Builder, first, text, next string) {
	line, prefix := first, first
	for _, word := range strings.Fields(text) {
		if len([]rune(line))+len([]rune(word)) > width && line != prefix {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line, prefix = next, next
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}
