package risks

import (
	"context"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// yearly bounds the time from one review to the next, and to the first one.
const yearly = 366 * 24 * time.Hour

// EarlierReviews is the field of a risk that has those that are done.
const EarlierReviews = "reviews"

// Review is that of one due date, done or not: an item of the source risk_reviews, and
// kept by the risk when the next date is set.
type Review struct {
	ID         string     `json:"id"` // RSK-1@2026-03-31T00:00:00Z
	Risk       string     `json:"risk"`
	Title      string     `json:"title"`
	Owner      string     `json:"owner"`
	Likelihood *int       `json:"likelihood,omitempty"`
	Impact     *int       `json:"impact,omitempty"`
	RatedOn    *Terms     `json:"rated_on,omitempty"`
	Response   string     `json:"response,omitempty"`
	AcceptedBy string     `json:"accepted_by,omitempty"`
	Controls   []string   `json:"controls,omitempty"`
	DueAt      *time.Time `json:"due_at"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy string     `json:"reviewed_by,omitempty"`
}

// review is the one that is due, as the risk stands.
func (r *Risk) review() Review {
	return Review{
		r.ID + "@" + r.DueAt.UTC().Format(time.RFC3339Nano), r.ID, r.Title, r.Owner, r.Likelihood, r.Impact, r.RatedOn, r.Response, r.AcceptedBy, r.Controls,
		r.DueAt, r.ReviewedAt, r.ReviewedBy,
	}
}

// Rating is how the risk was rated, as people say it: 12 high (3×4).
func (r *Review) Rating() string {
	if r.Likelihood == nil || r.Impact == nil {
		return ""
	}
	terms := r.RatedOn
	if terms == nil {
		terms = Default().Terms()
	}
	score, level := terms.rate(r.Likelihood, r.Impact)
	return fmt.Sprintf("%d %s (%d×%d)", *score, level, *r.Likelihood, *r.Impact)
}

// Before lets nobody put off a review, or set the next one farther away than a year
// after it; and keeps the review that was done when the next date is set.
func (r *Risk) Before(tx *act.Tx, old any) error {
	before := &Risk{}
	if old != nil {
		before = record.As[Risk](old)
	}
	if record.SameTime(before.DueAt, r.DueAt) {
		return nil
	}
	last := tx.Now()
	switch {
	case before.DueAt == nil:
	case r.DueAt == nil:
		return record.Refuse("due_at", "is taken away: a review stays due until it is done, and then the next one is")
	case before.ReviewedAt != nil:
		if !r.DueAt.After(*before.DueAt) {
			return record.Refuse("due_at", "is no later than the review that is done: the next one is due after it")
		}
		last = *before.ReviewedAt
		r.Reviews = append(r.Reviews, before.review())
	case r.DueAt.After(*before.DueAt):
		return record.Refuse("due_at", "is put off, and the review that was due is not done: it is set anew after that")
	case len(r.Reviews) > 0 && !r.DueAt.After(*r.Reviews[len(r.Reviews)-1].DueAt):
		return record.Refuse("due_at", "is no later than the review that is done: the next one is due after it")
	default:
		return nil // earlier than it was
	}
	if until := last.Add(yearly); r.DueAt.After(until) {
		return record.Refuse("due_at", "is too far away: the next review is at most a year (366 days) after the one before, or after today for the first: by %s", until.In(tx.Zone()).Format(time.DateOnly))
	}
	return nil
}

// reviewedSince reports whether there was a review at an instant or later, of whichever
// date.
func (r *Risk) reviewedSince(at time.Time) bool {
	if r.ReviewedAt == nil && len(r.Reviews) > 0 {
		last := r.Reviews[len(r.Reviews)-1].ReviewedAt
		return last != nil && !last.Before(at)
	}
	return r.ReviewedAt != nil && !r.ReviewedAt.Before(at)
}

// next is by when a risk that was reviewed is reviewed again, where nobody sets a date:
// a quarter on where its score asks for a control, otherwise a year (policy
// risk-management, rule 9). That counts from the review, and from the date that it was
// for where that was later than the review or the review comes sooner so.
func (r *Risk) next() time.Time {
	months := 12
	if r.Score != nil && *r.Score >= r.terms().ControlFrom {
		months = 3
	}
	next := r.DueAt.AddDate(0, months, 0)
	if after := r.ReviewedAt.AddDate(0, months, 0); after.After(*r.DueAt) && (after.Before(next) || !next.After(*r.ReviewedAt)) {
		return after
	}
	return next
}

// notice is how long before the next review SCAF sets its date: until then people may
// set another one.
const notice = 30 * 24 * time.Hour

// Schedule sets when risks are reviewed next that were reviewed and got no next date, a
// month before it is: nobody does without a review by leaving the date out. It returns
// of how many.
func Schedule(ctx context.Context, door *act.Door, caller act.Caller) (int, error) {
	now := door.Clock.Now()
	return record.Revise(ctx, door, caller, "risk.watch", Register, fmt.Sprintf("item.state != %q && has(item.reviewed_at)", Closed), func(r *Risk) string {
		if r.DueAt == nil || r.ReviewedAt == nil {
			return ""
		}
		next := r.next()
		if next.Add(-notice).After(now) {
			return ""
		}
		r.Reviews = append(r.Reviews, r.review())
		r.DueAt = &next
		r.Compute()
		return "scheduled"
	})
}

// reviews are those of a risk that were due in the interval: the ones that are done
// and the one that is due, unless the risk was closed before.
func reviews(r *Risk, from, to time.Time, give func(item any) error) error {
	all := r.Reviews
	if r.DueAt != nil && (r.ReviewedAt != nil || r.ClosedAt == nil || r.DueAt.Before(*r.ClosedAt)) {
		all = append(all, r.review())
	}
	for _, one := range all {
		if one.DueAt.Before(from) || !one.DueAt.Before(to) {
			continue
		}
		if err := give(&one); err != nil {
			return err
		}
	}
	return nil
}
