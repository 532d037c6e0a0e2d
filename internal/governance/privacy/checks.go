package privacy

import (
	"cmp"
	"encoding/json"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

const kindCheck = "privacy_check"

// CheckRound is a check of our own practice that was due, or the year in which none was: the
// source privacy_check_rounds.
type CheckRound struct {
	ID         string        `json:"id"` // PCH-1; of a year in which nobody planned one: 2026
	Year       string        `json:"year"`
	Title      string        `json:"title,omitempty"`
	Owner      string        `json:"owner,omitempty"`
	State      string        `json:"state,omitempty"` // empty: nobody planned one
	DueAt      *time.Time    `json:"due_at"`
	DoneAt     *time.Time    `json:"done_at,omitempty"`
	DoneBy     string        `json:"done_by,omitempty"`
	Findings   []CheckResult `json:"findings,omitempty"`
	NoFindings *bool         `json:"no_findings,omitempty"`
}

// checkRounds are the checks that fall due in the interval, and the years without one that
// end in it. One that was withdrawn by its date is none; whoever withdrew it plans another.
func checkRounds(past record.Past, from, to time.Time, give func(item any) error) error {
	since, err := handled(past)
	if err != nil {
		return err
	}
	planned := map[string]bool{}
	if err := past.Documents(kindCheck, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		c := &Check{}
		if err := json.Unmarshal(doc, c); err != nil {
			return err
		}
		if c.DueAt == nil || c.WithdrawnAt != nil && !c.WithdrawnAt.After(*c.DueAt) {
			return nil
		}
		year := cmp.Or(c.Year, rounds.Year.At(*c.DueAt).Name)
		planned[year] = true
		if c.DueAt.Before(from) || !c.DueAt.Before(to) {
			return nil
		}
		return give(&CheckRound{c.ID, year, c.Title, c.Owner, c.State, c.DueAt, c.DoneAt, c.DoneBy, c.Findings, c.NoFindings})
	}); err != nil {
		return err
	}
	for round := range rounds.Year.Due(firstYear(since), nil, from, to) {
		if planned[round.Name] {
			continue
		}
		if err := give(&CheckRound{ID: round.Name, Year: round.Name, DueAt: &round.DueAt}); err != nil {
			return err
		}
	}
	return nil
}

// Before notes the year of a check, and refuses one that is done before its year has begun:
// it would say nothing of that year.
func (c *Check) Before(tx *act.Tx, _ any) error {
	if c.DueAt == nil {
		return nil
	}
	local := c.DueAt.In(tx.Zone())
	round := rounds.Year.At(time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC))
	if c.Year = round.Name; c.State == "done" && tx.Now().Before(rounds.Year.Begins(round, tx.Zone())) {
		return record.Refuse("due_at", "is in %s, which has not begun: practice is checked within its year", c.Year)
	}
	return nil
}

// handled is since when personal data is handled: since the first notice took effect, or the
// first activity came on the list; nil: it is not known to be.
func handled(past record.Past) (first *time.Time, err error) {
	earlier := func(at *time.Time) {
		if at != nil && (first == nil || at.Before(*first)) {
			first = at
		}
	}
	err = past.Documents(kindNotice, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		n := &Notice{}
		err := json.Unmarshal(doc, n)
		if n.State == published || n.State == replaced {
			earlier(n.EffectiveAt)
		}
		return err
	})
	if err == nil {
		err = past.Documents(kindActivity, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
			a := &Activity{}
			err := json.Unmarshal(doc, a)
			earlier(a.ListedAt)
			return err
		})
	}
	return first, err
}

// firstYear is in the first year in which practice is checked: that in which there was
// something to check, unless it began in its last quarter.
func firstYear(since *time.Time) *time.Time {
	if since == nil || since.UTC().Month() < time.October {
		return since
	}
	next := since.UTC().AddDate(0, 3, 0)
	return &next
}
