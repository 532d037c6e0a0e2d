package record

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
)

// Summary says what became of an import's items.
type Summary struct {
	Read    int64 `json:"read"`
	Taken   int64 `json:"taken"`   // new records or events
	Updated int64 `json:"updated"` // new versions
	Skipped int64 `json:"skipped"` // were there already
	// Differing counts those of the skipped that are not what is there;
	// DifferingIDs has the first MaxDiffering of them.
	Differing    int64     `json:"differing"`
	Refused      int64     `json:"refused"`
	Reasons      []Refusal `json:"reasons"` // of refusals, the first MaxReasons
	DifferingIDs []string  `json:"differing_ids,omitempty"`
}

// Refusal says what was not taken, and why.
type Refusal struct {
	Where  string `json:"where"`
	Reason string `json:"reason"`
}

// MaxReasons is how many refusals a summary explains, MaxDiffering how many
// records that differ it names.
const (
	MaxReasons   = 100
	MaxDiffering = 20
)

// skip counts an item whose record is there already, and says the same or not.
func (s *Summary) skip(id string, same bool) {
	s.Skipped++
	if same {
		return
	}
	s.Differing++
	if len(s.DifferingIDs) < MaxDiffering {
		s.DifferingIDs = append(s.DifferingIDs, id)
	}
}

// Refuse counts a refusal.
func (s *Summary) Refuse(where string, reason error) { s.refuse(Refusal{where, reason.Error()}) }

func (s *Summary) refuse(refusal Refusal) {
	s.Refused++
	if len(s.Reasons) < MaxReasons {
		s.Reasons = append(s.Reasons, refusal)
	}
}

// add adds what became of some items; they are counted as read already.
func (s *Summary) add(part Summary) {
	s.Taken += part.Taken
	s.Updated += part.Updated
	s.Skipped += part.Skipped
	s.Differing += part.Differing
	s.DifferingIDs = append(s.DifferingIDs, part.DifferingIDs[:min(len(part.DifferingIDs), MaxDiffering-len(s.DifferingIDs))]...)
	s.Refused += part.Refused
	s.Reasons = append(s.Reasons, part.Reasons[:min(len(part.Reasons), MaxReasons-len(s.Reasons))]...)
}

// CompletedType is the type of the event at the end of an import.
const CompletedType = "scaf.import.completed.v1"

// Completed is the event at the end of an import: what was asked, and what
// came of it. It is what a population's completeness rests on.
type Completed struct {
	Source string `json:"source"` // "git", "cloudtrail", "csv", "events"
	// Register is what the import feeds: a register, or "events".
	Register string `json:"register"`
	// Scope is the part of the register that the import speaks for: the
	// repository, or the account. Coverage is computed for each.
	Scope string `json:"scope,omitempty"`
	// Since and Until are the half-open interval that was asked for. Nil is
	// open; nothing after the import itself is ever covered.
	Since *time.Time `json:"since,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	// Query is what was retrieved, exactly enough to do it again.
	Query any `json:"query"`
	*Summary
	// Complete is false when something that was asked for is missing, with
	// the reasons in Gaps.
	Complete bool     `json:"complete"`
	Gaps     []string `json:"gaps"`
	// Details are the source's own findings, of bounded size.
	Details any `json:"details,omitempty"`
}

// Miss makes the import incomplete, and says why.
func (c *Completed) Miss(format string, args ...any) {
	c.Complete = false
	c.Gaps = append(c.Gaps, fmt.Sprintf(format, args...))
}

// What the event at the end of an import may hold of lists that have no end.
const (
	maxListed    = 50     // reasons, and gaps
	maxText      = 400    // bytes of one
	maxCompleted = 56_000 // bytes of the event's data
)

// Complete records the end of an import as the event
// scaf.import.completed.v1 about the subject "import/<subject>". Of long lists
// the event holds the beginning; the counts are always whole.
func Complete(ctx context.Context, door *act.Door, caller act.Caller, action, subject string, done Completed) error {
	_, err := door.Do(ctx, caller, action, subject, func(tx *act.Tx) error { return done.Record(tx, subject) })
	return err
}

// Record is Complete where the import is of this very act.
func (c Completed) Record(tx *act.Tx, subject string) error {
	for limit := maxListed; ; limit /= 2 {
		short := c.shortened(limit)
		data, err := json.Marshal(short)
		if err != nil {
			return fmt.Errorf("record the import: %w", err)
		}
		if len(data) <= maxCompleted || limit == 0 {
			c = short
			break
		}
	}
	if _, err := tx.Event(act.Event{Type: CompletedType, Subject: "import/" + subject, Data: c}); err != nil {
		return fmt.Errorf("record the import: %w", err)
	}
	return nil
}

// shortened is a copy with lists of at most this length.
func (c Completed) shortened(limit int) Completed {
	summary := *c.Summary
	summary.Reasons = make([]Refusal, 0, limit)
	for _, reason := range c.Reasons[:min(len(c.Reasons), limit)] {
		summary.Reasons = append(summary.Reasons, Refusal{cut(reason.Where), cut(reason.Reason)})
	}
	c.Summary = &summary
	gaps := make([]string, 0, limit)
	for _, gap := range c.Gaps[:min(len(c.Gaps), limit)] {
		gaps = append(gaps, cut(gap))
	}
	c.Gaps = gaps
	return c
}

// cut shortens a text to maxText bytes at the border of a character.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText - len("…")
	for end > 0 && text[end]&0xC0 == 0x80 {
		end--
	}
	return text[:end] + "…"
}
