package policies

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sergi/go-diff/diffmatchpatch"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Line is a line of a text beside another one.
type Line struct {
	// Mark is "+" for a line that came, "-" for one that went, " " for one that
	// stayed, and "…" for stayed lines that are left out.
	Mark string `json:"mark"`
	Text string `json:"text"`
}

// Changes says what changed in a version's text: in the review round (0: the
// latest), or in all since the text that was in force before. from is what it is
// compared with, in words.
func Changes(r *store.Reader, id string, round int, all bool) (from string, lines []Line, err error) {
	v, _, err := Get(r, id)
	if err != nil {
		return "", nil, err
	}
	rounds, err := texts(r, v.ID)
	if err != nil {
		return "", nil, err
	}
	if round == 0 {
		round = max(1, len(rounds))
	}
	if round > max(1, len(rounds)) || round < 1 {
		return "", nil, fmt.Errorf("%w: %s had %d review rounds, not %d", record.ErrNone, v.ID, len(rounds), round)
	}
	now := v.Text
	if len(rounds) > 0 {
		now = rounds[round-1]
	}
	if !all && round > 1 {
		return fmt.Sprintf("round %d", round-1), Compare(rounds[round-2], now), nil
	}
	before, err := earlier(r, v)
	if err != nil || before == nil {
		return "nothing: it is the first text", Compare("", now), err
	}
	return fmt.Sprintf("version %d (%s)", before.Number, before.ID), Compare(before.Text, now), nil
}

// texts are those that were put to review, round by round.
func texts(r *store.Reader, id string) (rounds []string, err error) {
	history, err := record.History(r, Versions.Name, id)
	for _, step := range history {
		var v Version
		if err := json.Unmarshal(step.Doc, &v); err != nil {
			return nil, err
		}
		if v.Round > len(rounds) {
			rounds = append(rounds, v.Text)
		}
	}
	return rounds, err
}

// earlier is the latest version before this one that came into force; nil for
// none.
func earlier(r *store.Reader, v *Version) (before *Version, err error) {
	all, err := Of(r, v.Policy)
	for _, one := range all {
		if one.Number < v.Number && one.AnnouncedAt != nil {
			before = one
		}
	}
	return before, err
}

const around = 2 // lines that stayed, shown beside one that did not

// Compare gives the lines of two texts, with a few of those that stayed.
func Compare(before, after string) []Line {
	d := diffmatchpatch.New()
	d.DiffTimeout = 0 // the same texts give the same lines, however busy the machine is
	a, b, known := d.DiffLinesToChars(before, after)
	var lines []Line
	parts := d.DiffCharsToLines(d.DiffMain(a, b, false), known)
	for i, part := range parts {
		all := strings.Split(strings.TrimSuffix(part.Text, "\n"), "\n")
		mark := map[diffmatchpatch.Operation]string{diffmatchpatch.DiffInsert: "+", diffmatchpatch.DiffDelete: "-", diffmatchpatch.DiffEqual: " "}[part.Type]
		for n, text := range all {
			head, tail := n < around && i > 0, n >= len(all)-around && i < len(parts)-1
			switch {
			case mark != " " || head || tail:
				lines = append(lines, Line{mark, text})
			case len(lines) == 0 || lines[len(lines)-1].Mark != "…":
				lines = append(lines, Line{"…", ""})
			}
		}
	}
	return lines
}
