package controltests

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
)

// Document is an item of a document test: what was due for a part of the
// period, and the evidence that there is for it.
type Document struct {
	ID       string         `json:"id"` // 2026-Q1
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	Evidence []DocumentedBy `json:"evidence"`
}

// DocumentedBy is evidence for a document.
type DocumentedBy struct {
	ID         string    `json:"id"`
	From       time.Time `json:"from"` // what it covers
	To         time.Time `json:"to"`
	PreparedBy string    `json:"prepared_by"`
	// EnteredBy is who entered it for the preparer, if somebody did.
	EnteredBy string  `json:"entered_by,omitempty"`
	Review    *Review `json:"review,omitempty"`
}

// Review is what a reviewer concluded of evidence.
type Review struct {
	By         string           `json:"by"`
	EnteredBy  string           `json:"entered_by,omitempty"`
	At         time.Time        `json:"at"`
	Conclusion ReviewConclusion `json:"conclusion"`
	Reason     string           `json:"reason"`
}

// ReviewConclusion is that of a review.
type ReviewConclusion string

// The conclusions of a review.
const (
	Accepted    ReviewConclusion = "accepted"
	NotAccepted ReviewConclusion = "rejected"
)

// accepted: a reviewer other than the preparer accepted it, with a reason.
func (d *DocumentedBy) accepted() bool {
	return d.Review != nil && d.Review.Conclusion == Accepted && d.Review.By != d.PreparedBy && strings.TrimSpace(d.Review.Reason) != ""
}

// alone: one operator entered both sides, on behalf of others.
func (d *DocumentedBy) alone() bool {
	operator := func(by, entered string) string {
		if entered != "" {
			return entered
		}
		return by
	}
	return d.Review != nil && operator(d.PreparedBy, d.EnteredBy) == operator(d.Review.By, d.Review.EnteredBy)
}

// document judges a document that was due. It passes when accepted evidence
// covers all of it; what nobody has read yet, or covers a part, is a gap.
func (j *judge) document(v verdict, e *controls.Evaluator, item []byte) verdict {
	var d Document
	if err := json.Unmarshal(item, &d); err != nil {
		return v.failed(fmt.Errorf("it is no document: %w", err))
	}
	if !d.From.Before(d.To) {
		return v.failed(errors.New("it is no document: from must be before to"))
	}
	var unread, rejected, accepted []string
	for i := range d.Evidence {
		one := &d.Evidence[i]
		if !one.From.Before(d.To) || !d.From.Before(one.To) {
			continue // of another time
		}
		switch {
		case one.accepted():
			accepted = append(accepted, one.ID)
			if one.alone() {
				v.note = fmt.Sprintf("Document %s: %s entered %s and its review, on behalf of %s and %s; that two people acted is that operator's word.", quote(v.id), one.Review.EnteredBy, one.ID, one.PreparedBy, one.Review.By)
			}
		case one.Review == nil:
			unread = append(unread, one.ID)
		default:
			rejected = append(rejected, one.ID)
		}
	}
	gap := func(from time.Time, format string, args ...any) verdict {
		v.state, v.gap = open, &Gap{"document " + d.ID, Span{from.UTC(), d.To.UTC()}, fmt.Sprintf(format, args...)}
		return v
	}
	until := d.covered()
	over := j.period == nil || !d.To.After(j.period.To)
	switch {
	case !until.Before(d.To):
		return v.predicate(e)
	case !over: // its time is not over
		v.state = open
		return v
	case len(unread) > 0:
		return gap(until, "%s is not reviewed", strings.Join(unread, ", "))
	case len(accepted) > 0:
		return gap(until, "%s covers it up to there only", strings.Join(accepted, ", "))
	case len(rejected) > 0:
		v.state, v.reason = deviates, Rejected
		return v
	case j.period != nil && j.test.Deadline(d.To, j.zone).After(j.period.To):
		return gap(until, "no evidence yet; it is due at %s", j.test.Deadline(d.To, j.zone).Format(time.RFC3339))
	}
	v.state, v.reason = deviates, Missing
	return v
}

// covered is how far accepted evidence reaches from the document's beginning on
// without a hole.
func (d *Document) covered() time.Time {
	var parts []Span
	for i := range d.Evidence {
		if d.Evidence[i].accepted() {
			parts = append(parts, Span{d.Evidence[i].From, d.Evidence[i].To})
		}
	}
	slices.SortFunc(parts, func(a, b Span) int { return a.From.Compare(b.From) })
	from := d.From
	for _, part := range parts {
		if !part.From.After(from) && part.To.After(from) {
			from = part.To
		}
	}
	return from
}

// unread is the first evidence for it that nobody has reviewed; empty when there
// is none.
func (d *Document) unread() string {
	for i := range d.Evidence {
		if e := &d.Evidence[i]; e.Review == nil && e.From.Before(d.To) && d.From.Before(e.To) {
			return e.ID
		}
	}
	return ""
}
