// Package tasks is the register of duties and what was done about each of
// their occurrences. The duties' schedules are the calendar package's; the
// state of an occurrence is computed from what was recorded, never kept, so
// that nobody can set it.
package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Task is a duty. Its schedules and owners are never overwritten: a change is
// added to the list, so that what was due before it stays due.
type Task struct {
	ID        string `json:"id"`
	Title     string `json:"title"`
	What      string `json:"what,omitempty"`
	Narrative string `json:"narrative,omitempty"`
	// PerformedBy is the type of the event that shows that SCAF did the duty
	// itself. Empty: people do it.
	PerformedBy string   `json:"performed_by,omitempty"`
	Escalate    Escalate `json:"escalate"`
	// Evidence is what has to be named of an occurrence; nil: what came of it will do.
	Evidence *Asked `json:"evidence,omitempty"`
	// SHA256 is the hash of the duty's file, lowercase hex.
	SHA256      string       `json:"sha256"`
	Schedules   []Plan       `json:"schedules"`
	Owners      []Ownership  `json:"owners"`
	Delegations []Delegation `json:"delegations,omitempty"`
	// Orphaned is set while the owner is somebody who has left.
	Orphaned *Orphaned `json:"orphaned,omitempty"`
}

// Plan is a schedule and since when it holds. A change takes effect after the
// occurrence that was under way: that one stays due as it was.
type Plan struct {
	Since time.Time `json:"since"`
	calendar.Schedule
}

// Ownership says who answers for a duty since when.
type Ownership struct {
	// Owner is a reference like person/E1001, or the words of a role.
	Owner string    `json:"owner"`
	Since time.Time `json:"since"`
	By    string    `json:"by"`
}

// Delegation hands a duty to somebody else for a time. The owner still answers
// for it.
type Delegation struct {
	To    string    `json:"to"`
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
	By    string    `json:"by"`
}

// Escalate says whom an occurrence that was not done is brought to, and how
// long after its due time.
type Escalate struct {
	To    string `json:"to"`
	After string `json:"after"` // a duration of hours, like 48h
}

// Orphaned says since when a duty is known to have an owner who left.
type Orphaned struct {
	Owner string    `json:"owner"`
	At    time.Time `json:"at"`
}

// Performance is what was recorded about one occurrence.
type Performance struct {
	ID    string    `json:"id"` // duty@date
	Duty  string    `json:"duty"`
	DueAt time.Time `json:"due_at"`
	// Done: at the time of its recording. Nobody can say that it was earlier.
	Done *Doing `json:"done,omitempty"`
	// Added is evidence that was named later, until the end of the grace.
	Added []Doing `json:"added,omitempty"`
	// NotOccurring: why there was nothing to do.
	NotOccurring *Doing      `json:"not_occurring,omitempty"`
	Escalations  []Escalated `json:"escalations,omitempty"`
}

// Doing is an entry of a person about an occurrence.
type Doing struct {
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Note     string    `json:"note,omitempty"` // what came of it, or the reason
	Evidence []string  `json:"evidence,omitempty"`
}

// Escalated says that an occurrence was brought to somebody.
type Escalated struct {
	To    string    `json:"to"`
	At    time.Time `json:"at"`
	Owner string    `json:"owner"`
}

// Names of the kinds.
const (
	kindTask        = "task"
	kindPerformance = "performance"
)

// Register describes the register of duties.
var Register = record.Define[Task](record.Definition{
	Kind: kindTask, Register: "tasks", Title: "Duties", Singular: "Duty", Internal: true, Version: 2,
	Purpose:    "What has to be done again and again, by whom and how often.",
	Migrations: []record.Migration{{From: 1, Change: severalStates}},
	Derived:    []record.Derived{{Name: "occurrences", At: "due_at", Item: Occurrence{}, Items: items, Since: since}},
})

// Performances describes the register of what was done about occurrences.
var Performances = record.Define[Performance](record.Definition{
	Kind: kindPerformance, Register: "performances", Title: "Occurrences of duties", Singular: "Occurrence of a duty", At: "due_at", Internal: true,
	Purpose: "What was done for each duty and day it fell due, or why there was nothing to do.",
})

// Errors of tasks.
var (
	// ErrNone: there is no such duty, or no such occurrence of it.
	ErrNone = errors.New("there is no such task")
	// ErrRefused: the rules of duties do not allow it.
	ErrRefused = errors.New("refused")
)

// Owner is who answers for the duty at an instant.
func (t *Task) Owner(at time.Time) string {
	owner := ""
	for i, o := range t.Owners {
		if i == 0 || !o.Since.After(at) {
			owner = o.Owner
		}
	}
	return owner
}

// Responsible is who is to do the duty at an instant: the one whom it was
// delegated to last, or the owner.
func (t *Task) Responsible(at time.Time) string {
	for i := len(t.Delegations) - 1; i >= 0; i-- {
		if d := t.Delegations[i]; !d.At.After(at) && at.Before(d.Until) {
			return d.To
		}
	}
	return t.Owner(at)
}

// Schedule is the schedule that was given last.
func (t *Task) Schedule() calendar.Schedule {
	return t.Schedules[len(t.Schedules)-1].Schedule
}

// get reads a duty and its version.
func get(r *store.Reader, id string) (*Task, int, error) {
	v, err := record.Get(r, Register.Name, id)
	if errors.Is(err, record.ErrNone) {
		return nil, 0, fmt.Errorf("%w: %q: see scaf task list", ErrNone, id)
	}
	if err != nil {
		return nil, 0, err
	}
	t := &Task{}
	return t, v.Version, json.Unmarshal(v.Doc, t)
}

// performance reads what was recorded about an occurrence; version 0: nothing.
func performance(r *store.Reader, id string) (*Performance, int, error) {
	v, err := record.Get(r, Performances.Name, id)
	if errors.Is(err, record.ErrNone) {
		return &Performance{ID: id}, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	p := &Performance{}
	return p, v.Version, json.Unmarshal(v.Doc, p)
}

// Split takes a reference apart: "access-review@2026-01-31", where the date may
// be left away.
func Split(ref string) (duty, date string) {
	duty, date, _ = strings.Cut(strings.TrimPrefix(ref, Register.Name+"/"), "@")
	return duty, date
}
