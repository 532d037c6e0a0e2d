// Package versions keeps which file of a control was in force when, who
// approved it, and who assessed the design that it describes. A control is
// tested over a period in parts: each version over the dates at which it was in
// force.
//
// Everything is read from a snapshot as of a checkpoint, so that what it says
// can be computed again from the leaves.
package versions

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/record"
)

// States of a version.
const (
	Proposed  = "proposed"
	Approved  = "approved"
	Rejected  = "rejected"       // by somebody other than who proposed it
	Withdrawn = record.Withdrawn // by who proposed it
)

// Catalog is who proposes the files that come with the program.
const Catalog = "catalog"

// Version is a control file, from when on it is in force, and who said so.
type Version struct {
	ID      string `json:"id"` // CHG-01.2: the second version of CHG-01
	Control string `json:"control"`
	Number  int    `json:"number"` // from 1
	SHA256  string `json:"sha256"` // of the file, lowercase hex
	Title   string `json:"title"`
	Owner   string `json:"owner"` // as the file names it
	State   string `json:"state"`
	// EffectiveFrom is when it begins to be in force; nil: since ever, which
	// only the first to be approved can be. A later version never begins before its
	// approval: nobody changes by which rule the past is judged.
	EffectiveFrom *time.Time `json:"effective_from"`
	// ProposedVia and ApprovedVia are who entered it for them, where somebody
	// did (ADR 16).
	ProposedBy  string     `json:"proposed_by"`
	ProposedVia string     `json:"proposed_via,omitempty"`
	ProposedAt  time.Time  `json:"proposed_at"`
	ApprovedBy  string     `json:"approved_by,omitempty"`
	ApprovedVia string     `json:"approved_via,omitempty"`
	ApprovedAt  *time.Time `json:"approved_at,omitempty"`
	// RejectedBy or WithdrawnBy is who said, and Reason why, that it does not come into
	// force.
	RejectedBy   string     `json:"rejected_by,omitempty"`
	RejectedVia  string     `json:"rejected_via,omitempty"`
	RejectedAt   *time.Time `json:"rejected_at,omitempty"`
	WithdrawnBy  string     `json:"withdrawn_by,omitempty"`
	WithdrawnVia string     `json:"withdrawn_via,omitempty"`
	WithdrawnAt  *time.Time `json:"withdrawn_at,omitempty"`
	Reason       string     `json:"reason,omitempty"`
}

// Ended reports whether nothing comes of it: it was rejected or withdrawn.
func (v *Version) Ended() bool { return v.State == Rejected || v.State == Withdrawn }

// OneOperator reports whether one operator entered both the proposal and the
// approval: that two people acted is then that operator's word.
func (v *Version) OneOperator() bool {
	return v.ApprovedBy != "" && cmp.Or(v.ProposedVia, v.ProposedBy) == cmp.Or(v.ApprovedVia, v.ApprovedBy)
}

// Begun reports whether one of a control's versions is proposed or approved: then the
// catalog's file is not adopted any more.
func Begun(all []*Version) bool {
	return slices.ContainsFunc(all, func(v *Version) bool { return !v.Ended() })
}

// Register describes the register of control versions.
var Register = record.Define[Version](record.Definition{
	Kind: "control_version", Register: "control_versions", Title: "Control versions", At: "effective_from", Internal: true,
	Purpose: "Each version of a control: proposed, approved, in force.",
	Shown:   []string{"control", "state", "effective_from", "proposed_by", "approved_by"},
})

// Errors of versions and assessments.
var (
	// ErrNone: there is no such version.
	ErrNone = errors.New("there is no such version of the control")
	// ErrWrong: it cannot be recorded so.
	ErrWrong = errors.New("it cannot be recorded")
)

// Of are the versions of a control as of a checkpoint (0: now), in the order in
// which they take effect; where two take effect at once the one that was
// approved last comes last, and is in force.
func Of(from populations.Snapshot, control string, asOf int64) ([]*Version, error) {
	all, err := populations.Once(from, versionsAt(asOf), func() (map[string][]*Version, error) { return byControl(from, asOf) })
	return slices.Clone(all[control]), err
}

// versionsAt is what byControl gives of a remembered snapshot.
type versionsAt int64

// byControl are the versions of all controls as of a checkpoint, in the order of
// Of.
func byControl(from populations.Snapshot, asOf int64) (map[string][]*Version, error) {
	made := map[*Version]int64{} // the ledger index of each
	all := map[string][]*Version{}
	err := from.Versions(record.Range{Kind: Register.Name, AsOf: asOf}, func(v *record.Version) error {
		one, err := known[Version](from, v)
		if err == nil {
			all[one.Control] = append(all[one.Control], one)
			made[one] = v.From
		}
		return err
	})
	for _, of := range all {
		slices.SortFunc(of, func(a, b *Version) int {
			return cmp.Or(byEffect(a.EffectiveFrom, b.EffectiveFrom), cmp.Compare(made[a], made[b]))
		})
	}
	return all, err
}

func byEffect(a, b *time.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return a.Compare(*b)
}

// Part is a part of an interval over which one version was in force: From is in
// it, To is not. Version is nil where none was.
type Part struct {
	From, To time.Time
	Version  *Version
}

// Parts cuts an interval by the versions of a control that were approved as of
// a checkpoint (0: now). The parts follow each other without a hole; there is at
// least one.
func Parts(from populations.Snapshot, control string, asOf int64, begin, end time.Time) ([]Part, error) {
	all, err := Of(from, control, asOf)
	return Cut(all, begin, end), err
}

// Cut is Parts of the versions that Of gives.
func Cut(all []*Version, begin, end time.Time) []Part {
	parts := []Part{{From: begin, To: end}}
	for _, v := range all {
		if v.State != Approved {
			continue
		}
		last := &parts[len(parts)-1]
		switch {
		case v.EffectiveFrom == nil || !v.EffectiveFrom.After(last.From):
			last.Version = v // those before it were in force before the interval, or not at all
		case v.EffectiveFrom.Before(end):
			last.To = *v.EffectiveFrom
			parts = append(parts, Part{From: *v.EffectiveFrom, To: end, Version: v})
		}
	}
	return parts
}

// Book holds what was recorded of versions, to check what is to be recorded
// next, or what somebody recorded: the same rules.
type Book struct{ versions map[string][]*Version }

// NewBook begins a book with versions that are there.
func NewBook(all ...*Version) *Book {
	b := &Book{map[string][]*Version{}}
	for _, v := range all {
		b.versions[v.Control] = append(b.versions[v.Control], v)
	}
	return b
}

// Find is a version by its id; nil when it is not in the book.
func (b *Book) Find(id string) *Version {
	for _, v := range b.versions[ControlOf(id)] {
		if v.ID == id {
			return v
		}
	}
	return nil
}

// Record enters a version that somebody made at an instant, and says what is
// wrong with it (act.ErrSamePerson, ErrWrong).
func (b *Book) Record(v *Version, by Actor, at time.Time) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrWrong, v.ID, fmt.Sprintf(format, args...))
	}
	before, of := b.Find(v.ID), b.versions[v.Control]
	approved := slices.ContainsFunc(of, func(o *Version) bool { return o.State == Approved })
	switch {
	case before == nil && (v.Number != len(of)+1 || v.ID != ID(v.Control, v.Number)):
		return wrong("version %d of %s is to come next", len(of)+1, v.Control)
	case before == nil && v.State == Proposed:
		if v.ProposedBy != by.ID || v.ProposedVia != by.By || !v.ProposedAt.Equal(at) || v.ApprovedBy != "" || v.RejectedBy != "" || v.WithdrawnBy != "" || v.EffectiveFrom == nil {
			return wrong("a proposal is by who makes it (%s), and names when it takes effect", by.ID)
		}
		b.versions[v.Control] = append(of, v)
		return nil
	case before == nil && (v.ProposedBy != Catalog || Begun(of)):
		return wrong("what is adopted is the catalog's file, while no version is proposed or approved")
	case before != nil && before.State == Proposed && v.Ended():
		return before.end(v, by, at)
	case before != nil && (before.State != Proposed || v.State != Approved):
		return wrong("a version that is %s cannot become %s", before.State, v.State)
	case before != nil && !before.becomes(v):
		return wrong("it is not what was proposed")
	case v.ApprovedBy != by.ID || v.ApprovedVia != by.By || v.ApprovedAt == nil || !v.ApprovedAt.Equal(at):
		return wrong("it is approved by who approves it (%s)", by.ID)
	case v.ApprovedBy == v.ProposedBy:
		return fmt.Errorf("%w: %s was proposed by %s, who cannot approve it", act.ErrSamePerson, v.ID, v.ProposedBy)
	case v.ProposedBy == Catalog && Owns(v.Owner, by):
		return fmt.Errorf("%w: %s is the owner of %s, and cannot adopt it alone", act.ErrSamePerson, v.ApprovedBy, v.Control)
	case approved && (v.EffectiveFrom == nil || v.EffectiveFrom.Before(at)):
		return wrong("it would take effect before its approval")
	case before != nil && !approved && !v.EffectiveFrom.Equal(*before.EffectiveFrom):
		return wrong("it takes effect at another time than was proposed")
	}
	if before == nil {
		b.versions[v.Control] = append(of, v)
	} else {
		*before = *v
	}
	return nil
}

// becomes reports whether an approval leaves everything else as it was
// proposed; when it takes effect can only move to later.
func (v *Version) becomes(after *Version) bool {
	if v.EffectiveFrom == nil || after.EffectiveFrom == nil || after.EffectiveFrom.Before(*v.EffectiveFrom) || !after.ProposedAt.Equal(v.ProposedAt) {
		return false
	}
	a, b := *v, *after
	a.State, a.EffectiveFrom, a.ApprovedBy, a.ApprovedVia, a.ApprovedAt, a.ProposedAt = b.State, b.EffectiveFrom, b.ApprovedBy, b.ApprovedVia, b.ApprovedAt, b.ProposedAt
	return a == b
}

// end enters that nothing comes of a proposal, and says what is wrong with that: who
// proposed it withdraws it, and another person rejects it.
func (v *Version) end(after *Version, by Actor, at time.Time) error {
	want := *v
	want.State, want.Reason = after.State, after.Reason
	want.ProposedAt, want.EffectiveFrom = after.ProposedAt, after.EffectiveFrom // times are not compared with ==
	decided := after.RejectedAt
	if after.State == Withdrawn {
		decided = after.WithdrawnAt
		want.WithdrawnBy, want.WithdrawnVia, want.WithdrawnAt = by.ID, by.By, decided
	} else {
		want.RejectedBy, want.RejectedVia, want.RejectedAt = by.ID, by.By, decided
	}
	switch {
	case want != *after || !after.ProposedAt.Equal(v.ProposedAt) || after.EffectiveFrom == nil || !after.EffectiveFrom.Equal(*v.EffectiveFrom) || decided == nil || !decided.Equal(at):
		return fmt.Errorf("%w: %s: it is what was proposed, %s by who says so (%s) and when they do", ErrWrong, after.ID, after.State, by.ID)
	case strings.TrimSpace(after.Reason) == "" || len(after.Reason) > maxReason:
		return fmt.Errorf("%w: %s: say in 1 to %d bytes why it is %s", ErrWrong, after.ID, maxReason, after.State)
	case after.State == Rejected && v.ProposedBy == by.ID:
		return fmt.Errorf("%w: %s was proposed by %s, and another person decides on it", act.ErrSamePerson, v.ID, v.ProposedBy)
	case after.State == Withdrawn && v.ProposedBy != by.ID:
		return fmt.Errorf("%w: %s was proposed by %s, who alone can withdraw it: others reject it", ErrWrong, v.ID, v.ProposedBy)
	}
	*v = *after
	return nil
}

// maxReason is how long the reason is at most for which nothing comes of a proposal, in
// bytes.
const maxReason = 4000

// ControlOf is the control that a version is of, by the version's id.
func ControlOf(id string) string { return id[:max(0, strings.LastIndexByte(id, '.'))] }

// ID is the id of a control's version.
func ID(control string, number int) string { return fmt.Sprintf("%s.%d", control, number) }
