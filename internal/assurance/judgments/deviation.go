// Package judgments keeps what people found out and concluded about tests of
// controls: the root cause of each deviation and what compensated for it, stated
// by one person and confirmed by another; and conclusions, which stand beside
// the computed ones and never replace them.
//
// A test takes confirmed causes only, as of its checkpoint. A deviation stays
// one whatever is recorded about it.
package judgments

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/record"
)

// Subject is the deviation that a judgment is about.
type Subject struct {
	Control string `json:"control"`
	Test    string `json:"test"`
	Period  string `json:"period"`
	Item    string `json:"item"`
}

// ID is the id of what is recorded about a deviation. The item's own id may be
// anything, so a hash stands for it.
func (s Subject) ID() string {
	sum := sha256.Sum256([]byte(s.Item))
	return strings.Join([]string{s.Control, s.Test, s.Period, hex.EncodeToString(sum[:16])}, ":")
}

// Deviation is what was recorded about a deviation.
type Deviation struct {
	Subject
	Result string `json:"result"` // RES-...: that showed it
	Owner  string `json:"owner"`  // of the control, as its file names it
	Cause  *Cause `json:"cause,omitempty"`
	// Compensation says what stood in for the item, where something did.
	Compensation *Compensation `json:"compensation,omitempty"`
	// Incident is the reference of an incident that the deviation is linked
	// with: a person then judges, whatever the rule says. It is never unlinked.
	Incident string `json:"incident,omitempty"`
}

// Statement says who stated something, and who confirmed it.
type Statement struct {
	// StatedVia and ConfirmedVia are who entered it for them, where somebody did
	// (ADR 16).
	StatedBy     string     `json:"stated_by"`
	StatedVia    string     `json:"stated_via,omitempty"`
	StatedAt     time.Time  `json:"stated_at"`
	ConfirmedBy  string     `json:"confirmed_by,omitempty"`
	ConfirmedVia string     `json:"confirmed_via,omitempty"`
	ConfirmedAt  *time.Time `json:"confirmed_at,omitempty"`
}

// OneOperator reports whether one operator entered both the statement and its
// confirmation: that two people acted is then that operator's word.
func (s *Statement) OneOperator() bool {
	return s.Confirmed() && cmp.Or(s.StatedVia, s.StatedBy) == cmp.Or(s.ConfirmedVia, s.ConfirmedBy)
}

// Confirmed reports whether somebody confirmed it.
func (s *Statement) Confirmed() bool { return s.ConfirmedBy != "" }

// Cause is the root cause of a deviation, from the list.
type Cause struct {
	ID        string `json:"cause"`
	Person    string `json:"person,omitempty"`    // it is with
	Subsystem string `json:"subsystem,omitempty"` // it is with
	Note      string `json:"note,omitempty"`
	Statement
}

// Compensation is what stood in for an item that deviated.
type Compensation struct {
	By     string `json:"by,omitempty"` // reference of a control, an occurrence or a record
	Reason string `json:"reason"`
	Statement
}

// Deviations describes the register.
var Deviations = record.Define[Deviation](record.Definition{
	Kind: "deviation", Register: "deviations", Title: "Deviations", Internal: true,
	Purpose: "Items that failed a test, with their causes.",
	Shown:   []string{"item", "cause", "period", "owner"},
})

// Errors of judgments.
var (
	// ErrWrong: it cannot be recorded so.
	ErrWrong = versions.ErrWrong
	// ErrNothing: there is nothing to confirm.
	ErrNothing = errors.New("there is nothing to confirm")
)

// State records what the caller states about deviations: their causes, their
// compensations, their incidents. What is stated otherwise than before has to be
// confirmed again; what is stated already stays as it is. It returns what is
// new, and takes at most act.MaxBatch.
func State(tx *act.Tx, stated ...Deviation) ([]Deviation, error) {
	var made []Deviation
	for _, s := range stated {
		before, version, err := get(tx, s.Subject)
		if err != nil {
			return nil, err
		}
		after := Deviation{Subject: s.Subject}
		if before != nil {
			after = *before
		}
		said := Statement{StatedBy: tx.Caller().ID, StatedVia: tx.Caller().By, StatedAt: tx.Now()}
		if s.Cause != nil && (after.Cause == nil || content(*after.Cause) != content(*s.Cause)) {
			cause := *s.Cause
			cause.Statement = said
			after.Cause = &cause
		}
		if c := s.Compensation; c != nil && (after.Compensation == nil || after.Compensation.By != c.By || after.Compensation.Reason != c.Reason) {
			after.Compensation = &Compensation{c.By, c.Reason, said}
		}
		if s.Incident != "" {
			after.Incident = s.Incident
		}
		if before != nil && after == *before {
			continue
		}
		after.Result, after.Owner = s.Result, s.Owner
		if err := put(tx, before, &after, "stated", version); err != nil {
			return nil, err
		}
		made = append(made, after)
	}
	return made, nil
}

// Confirm confirms all that was stated about a deviation and is not confirmed:
// by somebody other than who stated it, and than the control's owner.
func Confirm(tx *act.Tx, of Subject) (*Deviation, error) {
	before, version, err := get(tx, of)
	if err != nil {
		return nil, err
	}
	if before == nil {
		return nil, fmt.Errorf("%w: nobody has stated a cause of %s", ErrNothing, of.Item)
	}
	after, now, open := *before, tx.Now(), false
	if before.Cause != nil && !before.Cause.Confirmed() {
		cause := *before.Cause
		cause.ConfirmedBy, cause.ConfirmedVia, cause.ConfirmedAt = tx.Caller().ID, tx.Caller().By, &now
		after.Cause, open = &cause, true
	}
	if before.Compensation != nil && !before.Compensation.Confirmed() {
		compensation := *before.Compensation
		compensation.ConfirmedBy, compensation.ConfirmedVia, compensation.ConfirmedAt = tx.Caller().ID, tx.Caller().By, &now
		after.Compensation, open = &compensation, true
	}
	if !open {
		return nil, fmt.Errorf("%w: what is stated about %s is confirmed", ErrNothing, of.Item)
	}
	return &after, put(tx, before, &after, "confirmed", version)
}

func get(tx *act.Tx, of Subject) (*Deviation, int, error) {
	v, err := record.Get(&tx.Reader, Deviations.Name, of.ID())
	if errors.Is(err, record.ErrNone) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	before := &Deviation{}
	return before, v.Version, json.Unmarshal(v.Doc, before)
}

func put(tx *act.Tx, before, after *Deviation, verb string, version int) error {
	by, err := versions.ActorOf(&tx.Reader, tx.Caller())
	if err != nil {
		return err
	}
	if err := after.Follows(before, by, tx.Now()); err != nil {
		return err
	}
	_, err = record.Put(tx, Deviations, record.Change{Verb: verb, ID: after.ID(), Doc: after, Expect: version})
	return err
}

// Follows checks what somebody recorded about a deviation at an instant, after
// what was recorded before (nil: nothing): act.ErrSamePerson, ErrWrong.
func (d *Deviation) Follows(before *Deviation, by versions.Actor, at time.Time) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s %s, item %s: %s", ErrWrong, d.Control, d.Test, d.Item, fmt.Sprintf(format, args...))
	}
	if before == nil {
		before = &Deviation{Subject: d.Subject}
	}
	switch {
	case d.Subject != before.Subject:
		return wrong("it is about another deviation than before")
	case before.Incident != "" && d.Incident == "":
		return wrong("the incident %s is never unlinked", before.Incident)
	case d.Cause == nil && d.Compensation == nil && d.Incident == "":
		return wrong("it says nothing: a cause, a compensation or an incident")
	}
	if d.Cause != nil {
		if _, err := FindCause(d.Cause.ID); err != nil {
			return err
		}
	}
	if d.Compensation != nil && strings.TrimSpace(d.Compensation.Reason) == "" {
		return wrong("a compensation needs a reason")
	}
	var causeBefore, compensationBefore Statement
	sameCause, sameCompensation := before.Cause != nil, before.Compensation != nil
	if before.Cause != nil {
		causeBefore = before.Cause.Statement
		sameCause = d.Cause != nil && content(*before.Cause) == content(*d.Cause)
	}
	if before.Compensation != nil {
		compensationBefore = before.Compensation.Statement
		sameCompensation = d.Compensation != nil && before.Compensation.By == d.Compensation.By && before.Compensation.Reason == d.Compensation.Reason
	}
	if d.Cause != nil {
		if err := d.Cause.follows(causeBefore, sameCause, d.Owner, by, at); err != nil {
			return fmt.Errorf("the cause of %s: %w", d.Item, err)
		}
	} else if before.Cause != nil {
		return wrong("the cause is gone")
	}
	if d.Compensation != nil {
		if err := d.Compensation.follows(compensationBefore, sameCompensation, d.Owner, by, at); err != nil {
			return fmt.Errorf("the compensation of %s: %w", d.Item, err)
		}
	} else if before.Compensation != nil {
		return wrong("the compensation is gone")
	}
	return nil
}

// content is a cause without who stated it.
func content(c Cause) Cause { c.Statement = Statement{}; return c }

// follows checks a statement after the one before: it is the same, or it is
// stated anew, or it is confirmed now by another person than who stated it, who
// is not the owner.
func (s *Statement) follows(before Statement, same bool, owner string, by versions.Actor, at time.Time) error {
	actor := by.ID
	stated := s.StatedBy == before.StatedBy && s.StatedVia == before.StatedVia && s.StatedAt.Equal(before.StatedAt)
	switch {
	case same && stated && s.ConfirmedBy == before.ConfirmedBy && s.ConfirmedVia == before.ConfirmedVia && equal(s.ConfirmedAt, before.ConfirmedAt):
		return nil
	case s.ConfirmedBy == "" && s.ConfirmedVia == "" && s.ConfirmedAt == nil && s.StatedBy == actor && s.StatedVia == by.By && s.StatedAt.Equal(at):
		return nil
	case !same || !stated || before.ConfirmedBy != "":
		return fmt.Errorf("%w: it is stated by who records it (%s), and confirmed as it was stated", ErrWrong, actor)
	case s.ConfirmedBy != actor || s.ConfirmedVia != by.By || s.ConfirmedAt == nil || !s.ConfirmedAt.Equal(at):
		return fmt.Errorf("%w: it is confirmed by who records it (%s)", ErrWrong, actor)
	case s.ConfirmedBy == s.StatedBy:
		return fmt.Errorf("%w: %s stated it, and cannot confirm it", act.ErrSamePerson, actor)
	case versions.Owns(owner, by):
		return fmt.Errorf("%w: %s is the control's owner, and cannot confirm it", act.ErrSamePerson, actor)
	}
	return nil
}

func equal(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// Known are the judgments on a test's deviations in a period.
type Known struct {
	// Notes are what the deviation rule takes: what is confirmed, and the
	// incidents.
	Notes controltests.Notes
	// Pending are the items of which something is stated and not confirmed.
	Pending map[string]bool
	// OneOperator are the items of which one operator entered both a statement
	// and its confirmation.
	OneOperator map[string]bool
}

// Of reads the judgments on a test's deviations in a period, as of a checkpoint
// (0: now).
func Of(from populations.Snapshot, control, test, period string, asOf int64) (*Known, error) {
	known := &Known{Pending: map[string]bool{}, OneOperator: map[string]bool{}, Notes: controltests.Notes{Items: map[string]controltests.Note{}, Compensating: map[string]string{}}}
	mark, err := record.Canonical(map[string]string{"control": control})
	if err != nil {
		return nil, err
	}
	mark = bytes.Trim(mark, "{}")
	err = from.Versions(record.Range{Kind: Deviations.Name, AsOf: asOf}, func(v *record.Version) error {
		if !bytes.Contains(v.Doc, mark) {
			return nil
		}
		var d Deviation
		if err := json.Unmarshal(v.Doc, &d); err != nil {
			return fmt.Errorf("%s: %w", v.Ref(), err)
		}
		if d.Control == control && d.Test == test && d.Period == period {
			known.add(&d)
		}
		return nil
	})
	return known, err
}

func (k *Known) add(d *Deviation) {
	if d.Cause != nil && d.Cause.OneOperator() || d.Compensation != nil && d.Compensation.OneOperator() {
		k.OneOperator[d.Item] = true
	}
	note := controltests.Note{Incident: d.Incident}
	if c := d.Cause; c != nil && c.Confirmed() {
		note.Cause, note.Person, note.Subsystem = c.ID, c.Person, c.Subsystem
		listed, err := FindCause(c.ID)
		note.DesignLevel = err == nil && listed.Design
	} else if c != nil {
		k.Pending[d.Item] = true
	}
	if note != (controltests.Note{}) {
		k.Notes.Items[d.Item] = note
	}
	if c := d.Compensation; c != nil && c.Confirmed() {
		k.Notes.Compensating[d.Item] = c.Reason
	} else if c != nil {
		k.Pending[d.Item] = true
	}
}
