package reports

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	eastasian "golang.org/x/text/width"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
)

// width is that of a terminal.
const width = 80

// marks are what a conclusion looks like at the beginning of a line.
var marks = map[controltests.Conclusion]string{
	controltests.Ineffective: "✗", controltests.Incomplete: "?", controltests.NotTested: "·",
	controltests.EffectiveWithExceptions: "!", controltests.Effective: "✓", controltests.NotOccurring: "–",
}

// Mark is what a conclusion looks like beside its words.
func Mark(c controltests.Conclusion) string { return marks[c] }

// Text writes the report for a terminal of 80 columns.
func (r *Readiness) Text(w io.Writer) error {
	b := &strings.Builder{}
	wrap(b, "", "Readiness of "+r.Organization, "  ")
	if r.Period == nil {
		fmt.Fprintf(b, "No period is open: scaf period open NAME --from D --to D\n")
	} else {
		wrap(b, "", fmt.Sprintf("Period %s (%s): %s", r.Period.Name, r.Period.State, r.Period.Interval()), "  ")
	}
	wrap(b, "", fmt.Sprintf("Ledger %s, %d events", r.Ledger.Origin, r.Ledger.Size), "  ")
	fmt.Fprintf(b, "Computed %s at root %s…\n\n", r.At.Format(time.RFC3339), r.Ledger.Root[:16])
	for _, count := range r.Conclusions {
		fmt.Fprintf(b, "  %s %-26s %4d\n", marks[count.Conclusion], count.Conclusion.Words(), count.Controls)
	}
	if r.Day != nil {
		b.WriteByte('\n')
		r.Day.text(b, r.At, r.zone())
	}
	for _, control := range r.Ranked() {
		b.WriteByte('\n')
		control.text(b, r.zone())
	}
	if waiting := r.Waiting(); len(waiting) > 0 {
		b.WriteByte('\n')
		wrap(b, marks[controltests.NotTested]+" ", fmt.Sprintf("%s not tested, since the registers that they test are not there yet: %s", plural(len(waiting), "control"), strings.Join(waiting, ", ")), "  ")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Control) text(b *strings.Builder, zone *time.Location) {
	state := c.Conclusion.Words()
	if c.Interim {
		state += " (interim)"
	}
	wrap(b, marks[c.Conclusion]+" "+c.ID+"  ", c.Title, "  ")
	wrap(b, "  ", fmt.Sprintf("%s · %s · %s · %s", state, strings.Join(c.Criteria, " "), c.Owner, strings.ReplaceAll(string(c.Frequency), "_", " ")), "  ")
	wrap(b, "  ", c.Apart(), "  ")
	for _, notice := range c.Notices {
		wrap(b, "  - ", notice, "    ")
	}
	for number, part := range c.Parts {
		wrap(b, "  ", part.Words(len(c.Parts) > 1), "    ")
		for _, test := range c.Tests {
			if test.Part == number {
				test.text(b, zone)
			}
		}
	}
}

func (t *Test) text(b *strings.Builder, zone *time.Location) {
	if t.Result != nil {
		wrap(b, "    ", t.ID+": "+t.Counts(), "      ")
	} else {
		wrap(b, "    ", t.ID+": not tested", "      ")
	}
	for _, reason := range t.Because {
		wrap(b, "      - ", controltests.Plainly(reason, zone), "        ")
	}
	for i := range t.Concluded {
		wrap(b, "      * ", ConcludedWords(&t.Concluded[i]), "        ")
	}
}

// Apart says how design, operation and attestation stand, each by itself.
func (c *Control) Apart() string {
	text := "design " + designWords(c.Design) + " · operating " + c.Operating.Words()
	if c.Attestation != "" {
		text += " · attested " + c.Attestation.Words()
	}
	return text
}

func designWords(design controltests.Conclusion) string {
	if design == controltests.NotTested {
		return "not assessed"
	}
	return design.Words()
}

// Words says which version is tested over a part; dated: with its dates.
func (p *Part) Words(dated bool) string {
	text := "no approved version"
	if p.Version != "" {
		text = p.Version + ", approved by " + p.ApprovedBy
	}
	text += ", file " + p.SHA256[:min(12, len(p.SHA256))] + "…"
	if p.Assessment != "" {
		text += ", " + p.Assessment
	}
	if dated {
		text += ": " + p.From.UTC().Format("2006-01-02 15:04") + " to " + p.To.UTC().Format("2006-01-02 15:04 UTC") + ": " + p.Conclusion.Words()
	}
	return text
}

// ConcludedWords says what a person concluded.
func ConcludedWords(c *judgments.Conclusion) string {
	text := fmt.Sprintf("%s concluded %s (%s, %s, %s)", c.ConcludedBy, c.Conclusion.Words(), c.Role, c.ID, c.ConcludedAt.UTC().Format(time.DateOnly))
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return text
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

// wrap writes a text in lines of a terminal's width: the first one begins with
// first, the others with next. A word that is longer than a line is cut.
// Characters that would move the terminal's cursor are left out.
func wrap(b *strings.Builder, first, text, next string) {
	line, room := first, width-columns(first)
	begun := false // the line has a word
	end := func() {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		line, room, begun = next, width-columns(next), false
	}
	for _, word := range strings.FieldsFunc(text, isSpace) {
		word = strings.Map(printable, word)
		size := columns(word)
		if begun && size+1 > room {
			end()
		}
		if begun {
			line, room = line+" ", room-1
		}
		for size > room { // the word is longer than a line
			head := cut(word, room)
			line += head
			end()
			word = word[len(head):]
			size = columns(word)
		}
		line += word
		room -= size
		begun = begun || word != ""
	}
	end()
}

// isSpace keeps the no-break space within its word.
func isSpace(r rune) bool { return unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f' }

// printable leaves out what moves the cursor or the direction of writing, and
// what is no character.
func printable(r rune) rune {
	if unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Noncharacter_Code_Point) {
		return -1
	}
	return r
}

// columns is the width of a text on a terminal.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += column(r)
	}
	return n
}

// column is the width of a character: 2 for wide ones (Unicode Standard
// Annex 11), none for marks that are put over another character.
func column(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch eastasian.LookupRune(r).Kind() {
	case eastasian.EastAsianWide, eastasian.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut is the beginning of a word, at least one character, that takes at most
// the given number of columns.
func cut(word string, most int) string {
	for i, r := range word {
		if most -= column(r); most < 0 && i > 0 {
			return word[:i]
		}
	}
	return word
}
