// Package meetings is the register of the meetings by which security is governed:
// what they were to talk about, who came, what was decided.
package meetings

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Meeting is one of them. The record's instant is when it was held.
type Meeting struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Series     string     `json:"series"`
	Chair      string     `json:"chair"`
	Keeper     string     `json:"keeper"`
	PlannedFor *time.Time `json:"planned_for,omitempty"`
	State      string     `json:"state"`

	Topics []string `json:"topics,omitempty"` // what people want to talk about
	// Agenda is what changed since the meeting before, as it was known when it was
	// prepared: at the checkpoint of this size.
	Agenda      []Item     `json:"agenda,omitempty"`
	AgendaSince *time.Time `json:"agenda_since,omitempty"`
	AgendaSize  *int64     `json:"agenda_size,omitempty"`
	PreparedAt  *time.Time `json:"prepared_at,omitempty"`

	HeldAt      *time.Time `json:"held_at,omitempty"`
	Attendees   []string   `json:"attendees,omitempty"`
	Independent []string   `json:"independent,omitempty"`
	Notes       string     `json:"notes,omitempty"`
	Decisions   []string   `json:"decisions,omitempty"`
	NoDecisions string     `json:"no_decisions,omitempty"`
	RecordedAt  *time.Time `json:"recorded_at,omitempty"`
	RecordedBy  string     `json:"recorded_by,omitempty"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty"`
	ConfirmedBy string     `json:"confirmed_by,omitempty"`

	CancelledReason string `json:"cancelled_reason,omitempty"`
}

// Item is a line of an agenda.
type Item struct {
	Topic string `json:"topic"`
	Text  string `json:"text"`
	Owner string `json:"owner,omitempty" label:"Who"` // who has to do it: a person, or a title
	Ref   string `json:"ref,omitempty" label:"About"` // the record or occurrence that it is about
}

// States.
const (
	Planned   = "planned"
	Held      = "held"
	Confirmed = "confirmed" // the minutes, by somebody who was there and did not keep them
	Cancelled = "cancelled"
)

// Series of meetings.
const (
	Posture    = "posture review"
	Management = "management review"
	Oversight  = "oversight body"
)

// Of what minutes are made: what they cannot do without, and what belongs to them beside.
var (
	minutes = []string{"attendees", "notes"}
	further = []string{"topics", "decisions", "no_decisions"}
	whole   = []record.Guard{
		{Field: "attendees", If: `item.attendees.size() >= 2`, Why: "names one person: a meeting has two at least"},
		{Field: "topics", If: `has(item.agenda) || has(item.topics) && item.topics.size() > 0`, Why: "names none, and no agenda was prepared: say what it was about"},
		{Field: "decisions", If: `has(item.decisions) && item.decisions.size() > 0 || has(item.no_decisions) && item.no_decisions != ""`, Why: "names none: say what was decided, or why nothing was"},
	}
)

// Register describes the register.
var Register = record.Define[Meeting](record.Definition{
	Kind: "meeting", Register: "meetings", Title: "Meetings", Singular: "Meeting", Prefix: "MTG", At: "held_at",
	Purpose: "Agendas, minutes and decisions of meetings.",
	States:  []string{Planned, Held, Confirmed, Cancelled},
	Settled: []record.Settled{{States: []string{Held}, Fields: slices.Concat([]string{"series", "planned_for", "held_at", "independent"}, minutes, further)}},
	Transitions: []record.Transition{
		{From: Planned, To: Held, Called: "Record the minutes", Required: append([]string{"held_at"}, minutes...), Offered: further, Stamp: []string{"recorded_at", "recorded_by"}, Guards: whole},
		// When it was held is not corrected: the minutes are late from then.
		{From: Held, To: Held, Called: "Correct the minutes", Required: minutes, Offered: append([]string{"independent"}, further...), Who: byItsKeeper, Guards: whole},
		{From: Held, To: Confirmed, Permission: "meeting.confirm", NotBy: []string{"keeper", "recorded_by"}, Who: byWhoWasThere, Stamp: []string{"confirmed_at", "confirmed_by"}},
		{From: Planned, To: Cancelled, Required: []string{"cancelled_reason"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Meeting", Required: true, Help: "Which meeting it is, like: Security posture, week 9."},
		{Name: "series", Label: "Series", Required: true, Choices: []string{Posture, Management, Oversight, "other"}, Help: "The weekly posture review, a review by management, or one of the oversight body."},
		{Name: "chair", Label: "Chair", Required: true, Refers: "person", Then: "held_at", Help: "Who leads it, as person/E1001."},
		{Name: "keeper", Label: "Keeper of the minutes", Required: true, Refers: "person", Then: "held_at", Help: "Who writes it down, as person/E1001, and corrects it until it is confirmed: by somebody else."},
		{Name: "planned_for", Label: "Planned for", Help: "When it is to be held. SCAF prepares the agenda in the night before."},
		{Name: "state", Label: "State"},
		{Name: "topics", Label: "Topics", Section: "Agenda", Help: "What people want to talk about, beside what changed."},
		{Name: "agenda", Label: "What changed", Given: true, Help: "What changed since the meeting before."},
		{Name: "agenda_since", Label: "Since", Given: true},
		{Name: "agenda_size", Label: "Checkpoint", Given: true},
		{Name: "prepared_at", Label: "Prepared", Given: true},
		{Name: "held_at", Label: "Held", Section: "Minutes", Happened: true, Help: "When it was held. This stands as it was first recorded: the minutes are due from then. If it is wrong, the notes say so."},
		{Name: "attendees", Label: "Attendees", Refers: "person", Then: "held_at", Help: "Who was there, as person/E1001: two at least."},
		{Name: "independent", Label: "From outside management", Refers: "person", Then: "held_at", Help: "Which of them stand outside management: the oversight body has one at least."},
		{Name: "notes", Label: "Notes", Long: true, Help: "What was said, as far as it matters."},
		{Name: "decisions", Label: "Decisions", Help: "What was decided, a line each. What is to be done is an action that names the meeting."},
		{Name: "no_decisions", Label: "Why nothing was decided", Long: true, Help: "Only where there is no decision."},
		{Name: "recorded_at", Label: "Recorded", Given: true},
		{Name: "recorded_by", Label: "Recorded by", Given: true},
		{Name: "confirmed_at", Label: "Confirmed", Given: true},
		{Name: "confirmed_by", Label: "Confirmed by", Given: true},
		{Name: "cancelled_reason", Label: "Why it is cancelled", Long: true, Help: "Why it is not held."},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "held_at", Filter: true, Sort: true},
		{Field: "planned_for", Filter: true, Sort: true},
		{Field: "series", Filter: true},
		{Field: "chair", Filter: true},
		{Field: "keeper", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues: []record.Due{
		{Name: "minutes", What: "Hold the meeting and keep its minutes", At: "planned_for", Owner: "keeper", Open: `item.state == "planned"`},
		{Name: "confirm", What: "See that the minutes are confirmed", At: "held_at", Owner: "chair", Open: `item.state == "held"`},
	},
})

// byItsKeeper refuses everybody else: whoever writes in the minutes does not confirm them.
func byItsKeeper(_ *store.Reader, caller act.Caller, doc json.RawMessage) error {
	m := &Meeting{}
	if err := json.Unmarshal(doc, m); err != nil {
		return err
	}
	if caller.ID != m.Keeper {
		return fmt.Errorf("%w: %s keeps the minutes, and corrects them in their own name", act.ErrSamePerson, m.Keeper)
	}
	return nil
}

// byWhoWasThere refuses whom the minutes do not name.
func byWhoWasThere(_ *store.Reader, caller act.Caller, doc json.RawMessage) error {
	m := &Meeting{}
	if err := json.Unmarshal(doc, m); err != nil {
		return err
	}
	if !slices.Contains(m.Attendees, caller.ID) {
		return fmt.Errorf("%w: the minutes are confirmed by somebody who was there, and %s is not among the attendees", act.ErrSamePerson, caller.ID)
	}
	return nil
}

// late is how many months after a meeting it is still put on record.
const late = 3

// Before keeps what was confirmed.
func (m *Meeting) Before(tx *act.Tx, old any) error {
	moved := old == nil || !record.SameTime(record.As[Meeting](old).PlannedFor, m.PlannedFor)
	if since := tx.Now().AddDate(0, -late, 0); m.State == Planned && moved && m.PlannedFor != nil && m.PlannedFor.Before(since) {
		return record.Refuse("planned_for", "lies before %s: minutes of what was held are written down within three months", since.In(tx.Zone()).Format(time.DateOnly))
	}
	if old != nil && record.As[Meeting](old).State == Confirmed {
		return &record.Invalid{Fields: []record.FieldError{{Field: "state", Problem: "is confirmed: the minutes stay as they are"}}}
	}
	return nil
}

// Validate says what is wrong with a meeting.
func (m *Meeting) Validate() []record.FieldError {
	var wrong []record.FieldError
	there := map[string]bool{}
	for _, who := range m.Attendees {
		there[who] = true
	}
	for _, who := range m.Independent {
		if !there[who] {
			wrong = append(wrong, record.FieldError{Field: "independent", Problem: fmt.Sprintf("%s is not among the attendees", who)})
		}
	}
	return wrong
}

// Previous is the meeting of a series that was held last; nil when there was none.
func Previous(r *store.Reader, series string) (last *Meeting, err error) {
	q := record.Query{Filter: fmt.Sprintf(`item.series == %q && has(item.held_at)`, series), Sort: "-held_at", Limit: 1}
	_, err = record.List(r, Register, q, func(v *record.Version) error {
		last = &Meeting{}
		return json.Unmarshal(v.Doc, last)
	})
	return last, err
}

// Unprepared are the ids of the meetings planned from an instant up to another whose
// agenda was not prepared.
func Unprepared(r *store.Reader, from, to time.Time) (ids []string, err error) {
	at := func(t time.Time) string { return `timestamp("` + t.UTC().Format(time.RFC3339Nano) + `")` }
	q := record.Query{Filter: `item.state == "planned" && item.planned_for >= ` + at(from) + ` && item.planned_for < ` + at(to)}
	_, err = record.List(r, Register, q, func(v *record.Version) error {
		m := &Meeting{}
		if err := json.Unmarshal(v.Doc, m); err != nil {
			return err
		}
		if m.PreparedAt == nil {
			ids = append(ids, v.ID)
		}
		return nil
	})
	return ids, err
}

// Prepared puts an agenda into a meeting that is planned.
func Prepared(tx *act.Tx, id string, agenda []Item, since time.Time, size int64) error {
	id = strings.TrimPrefix(id, Register.Name+"/")
	v, err := record.Get(&tx.Reader, Register.Name, id)
	if err != nil {
		return err
	}
	m := &Meeting{}
	if err := json.Unmarshal(v.Doc, m); err != nil {
		return err
	}
	if m.State != Planned {
		return &record.Invalid{Fields: []record.FieldError{{Field: "state", Problem: "is " + m.State + ": an agenda is prepared before the meeting"}}}
	}
	now := tx.Now()
	m.Agenda, m.AgendaSince, m.AgendaSize, m.PreparedAt = agenda, &since, &size, &now
	_, err = record.Put(tx, Register, record.Change{Verb: "prepared", ID: id, Doc: m, Expect: v.Version})
	return err
}
