package risks

import (
	"encoding/json"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// yearly bounds the time from one review to the next, and to the first one.
const yearly = 366 * 24 * time.Hour

// early is how many days before its due date a review is that of the date: half a
// quarter. What is reviewed earlier than that is reviewed again by the date.
const early = 45

// DoneReviews is the field of a risk that has those that are done.
const DoneReviews = "reviews"

// Review is that of one due date, done or not: an item of the source risk_reviews, and
// kept by the risk when it is done.
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
	DueAt      *time.Time `json:"due_at" day:"first"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy string     `json:"reviewed_by,omitempty"`
}

// review is that of a due date as the risk stands, done at an instant or not (nil).
func (r *Risk) review(due, at *time.Time, by string) Review {
	return Review{
		r.ID + "@" + due.UTC().Format(time.RFC3339Nano), r.ID, r.Title, r.Owner, r.Likelihood, r.Impact, r.RatedOn, r.Response, r.AcceptedBy, r.Controls,
		due, at, by,
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

// Before sets the next date in a review, and keeps the review that was due. Nobody puts
// one off, or sets one farther away than a year.
func (r *Risk) Before(tx *act.Tx, old any) error {
	before := &Risk{}
	if old != nil {
		before = record.As[Risk](old)
	}
	switch {
	case r.reviewedOver(before):
		return r.schedule(before, tx.Zone())
	case r.State == Closed && before.State != Closed:
		if due := Register.Field("due_at"); r.DueAt != nil && !due.Ends(*r.DueAt, tx.Zone()).Before(tx.Now()) {
			r.DueAt = nil // nothing is late, and nothing is to be reviewed any more
		}
		return nil
	case r.State == Accepted && before.State != Accepted && len(r.Reviews) > 0: // what the last review came to
		last := &r.Reviews[len(r.Reviews)-1]
		*last = r.review(last.DueAt, last.ReviewedAt, last.ReviewedBy)
	}
	switch {
	case record.SameTime(before.DueAt, r.DueAt):
		return nil
	case r.DueAt == nil:
		return record.Refuse("due_at", "is taken away: a review stays due until it is done, and then the next one is")
	case before.DueAt != nil && r.DueAt.After(*before.DueAt):
		return record.Refuse("due_at", "is put off: a review says when the next one is due, and the one that is due is not done")
	}
	return r.ahead(tx.Now(), tx.Zone())
}

// ahead refuses a due date that is not after the last review, or too far away from an
// instant.
func (r *Risk) ahead(at time.Time, zone *time.Location) error {
	for _, one := range r.Reviews {
		if !r.DueAt.After(*one.DueAt) {
			return record.Refuse("due_at", "is no later than the review that is done: the next one is due after it")
		}
	}
	if r.ReviewedAt != nil && !r.DueAt.After(*r.ReviewedAt) {
		return record.Refuse("due_at", "is no later than the review that is done: the next one is due after it")
	}
	if until := at.Add(yearly); r.DueAt.After(until) {
		return record.Refuse("due_at", "is too far away: the next review is at most a year (366 days) away: by %s", until.In(zone).Format(time.DateOnly))
	}
	return nil
}

// reviewedOver reports whether a risk is reviewed by what comes over the one before.
func (r *Risk) reviewedOver(before *Risk) bool {
	return r.State == Assessed && r.ReviewedAt != nil && !record.SameTime(r.ReviewedAt, before.ReviewedAt)
}

// schedule sets when the risk is reviewed next that is reviewed now, as the review says
// or by next, and keeps the review if it is that of the date before.
func (r *Risk) schedule(before *Risk, zone *time.Location) error {
	due, asked := before.DueAt, r.DueAt
	counts := due == nil || !midnight(*due, zone).After(midnight(*r.ReviewedAt, zone).AddDate(0, 0, early))
	switch {
	case asked == nil || due != nil && midnight(*asked, zone).Equal(midnight(*due, zone)): // a form gives back what is there
		r.DueAt = r.next(due, counts, zone)
	case !counts && asked.After(*due):
		return record.Refuse("due_at", "is put off: what is due by %s is reviewed in the %d days before, and not yet", due.In(zone).Format(time.DateOnly), early)
	default:
		if err := r.ahead(*r.ReviewedAt, zone); err != nil {
			return err
		}
	}
	if due != nil && r.DueAt.After(*due) {
		r.Reviews = append(r.Reviews, r.review(due, r.ReviewedAt, r.ReviewedBy))
	}
	return nil
}

// next is by when a risk that was reviewed is reviewed again, where nobody sets a date:
// a quarter on where its score asks for a control, otherwise a year (policy
// risk-management, rule 9). That counts from the review, and from the date that was due
// where the review was late. A review that does not count for that date brings it
// forward at most.
func (r *Risk) next(due *time.Time, counts bool, zone *time.Location) *time.Time {
	today := midnight(*r.ReviewedAt, zone)
	next := today.AddDate(0, r.months(), 0)
	switch {
	case due == nil:
	case !counts:
		if next.After(*due) {
			next = *due
		}
	case midnight(*due, zone).Before(today):
		if after := midnight(*due, zone).AddDate(0, r.months(), 0); after.After(today) {
			next = after
		}
	}
	next = next.UTC()
	return &next
}

// months are from one review to the next.
func (r *Risk) months() int {
	if r.Score != nil && *r.Score >= r.terms().ControlFrom {
		return 3
	}
	return 12
}

// midnight is when the day of an instant begins in a time zone.
func midnight(at time.Time, zone *time.Location) time.Time {
	year, month, day := at.In(zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, zone)
}

// first is a risk of the first version of the register: a review left the date as it
// was, and the next one was set later.
type first struct {
	Risk
	ReviewedDue *time.Time `json:"reviewed_due"` // the due date that was reviewed
}

// toNext gives a document of the first version whose review is done its next date.
func toNext(fields map[string]any) error {
	was := &first{}
	whole, err := json.Marshal(fields)
	if err == nil {
		err = json.Unmarshal(whole, was)
	}
	delete(fields, "reviewed_due")
	if err != nil || was.ReviewedDue == nil || was.ReviewedAt == nil {
		return err
	}
	next := was.next(was.ReviewedDue, true, time.UTC)
	if !next.After(*was.ReviewedDue) { // which was so far ahead
		*next = was.ReviewedDue.AddDate(0, was.months(), 0)
	}
	set := map[string]any{"reviews": append(was.Reviews, was.review(was.ReviewedDue, was.ReviewedAt, was.ReviewedBy)), "due_at": next}
	if was.State == Closed {
		delete(set, "due_at")
		delete(fields, "due_at")
	}
	if whole, err = json.Marshal(set); err == nil {
		err = json.Unmarshal(whole, &fields) // which keeps the others
	}
	return err
}

// reviews are those of a risk that were due in the interval: the ones that are done
// and the one that is due, unless the risk was closed before.
func reviews(r *first, from, to time.Time, give func(item any) error) error {
	all := r.Reviews
	switch {
	case r.DueAt == nil:
	case record.SameTime(r.DueAt, r.ReviewedDue):
		all = append(all, r.review(r.DueAt, r.ReviewedAt, r.ReviewedBy))
	case r.ClosedAt == nil || r.DueAt.Before(*r.ClosedAt):
		all = append(all, r.review(r.DueAt, nil, ""))
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
