package people

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Changed is the type of the messages in which the HR system says what it knows of
// people now.
const Changed = "people.changed"

// MaxPeople is how many people one message may be about.
const MaxPeople = 400

// skew is by how much the HR system's clock may be before ours, as in what it signs.
const skew = 5 * time.Minute

// Message is one of the HR system's: {"type": "people.changed", "timestamp": "...",
// "data": {"people": [{"id": "E1001", ...}]}}. Fields are those of the register; null
// clears one, and what is left out stays. One about nobody says that nothing has changed.
//
// After one message the next says all that the HR system knew up to then, and is an
// import (record.Completed) of what lies between the two. Where one was refused, or
// before the first, it is the whole list that says so.
type Message struct {
	ID     string
	SHA256 string    // of the body
	At     time.Time // when the HR system wrote it
	people []map[string]json.RawMessage
}

// ErrConflict says: a message with this id was taken, and it said something else.
var ErrConflict = errors.New("a message with this id was taken, and it said something else")

var messageID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,200}$`)

// ParseMessage reads a message. *record.Invalid says what is wrong with it.
func ParseMessage(id string, body []byte) (*Message, error) {
	var in struct {
		Type      string     `json:"type"`
		Timestamp *time.Time `json:"timestamp"`
		Data      *struct {
			People []map[string]json.RawMessage `json:"people"`
		} `json:"data"`
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return nil, record.Refuse("body", "is no message like {\"type\": %q, \"timestamp\": \"2026-01-31T09:30:00Z\", \"data\": {\"people\": [{\"id\": \"E1001\"}]}}: %v", Changed, err)
	}
	switch {
	case decoder.More():
		return nil, record.Refuse("body", "goes on after the message")
	case !messageID.MatchString(id):
		return nil, record.Refuse("webhook-id", "must have 1 to 200 letters, digits and . _ : -")
	case in.Type != Changed:
		return nil, record.Refuse("type", "%q is not known: %s", in.Type, Changed)
	case in.Timestamp == nil:
		return nil, record.Refuse("timestamp", "is missing: when the HR system wrote this, such as 2026-01-31T09:30:00Z")
	case in.Data == nil || in.Data.People == nil:
		return nil, record.Refuse("data.people", "is missing: [] says that nothing has changed")
	case len(in.Data.People) > MaxPeople:
		return nil, record.Refuse("data.people", "has %d elements, at most %d are taken", len(in.Data.People), MaxPeople)
	}
	return &Message{ID: id, SHA256: digest(body), At: *in.Timestamp, people: in.Data.People}, nil
}

// Delivered is what became of a message.
type Delivered struct {
	ID         string    `json:"id"` // of the message
	SHA256     string    `json:"sha256"`
	WrittenAt  time.Time `json:"written_at"`
	ReceivedAt time.Time `json:"received_at"`
	Added      int       `json:"added"`
	Updated    int       `json:"updated"`
	Unchanged  int       `json:"unchanged"`
	// Stale counts those of whom a message that was written later said something
	// before: this one changes nothing of them.
	Stale int `json:"stale"`
	// Unknown are managers of people who have not left, who are not in the register then.
	Unknown []string `json:"unknown_managers,omitempty"`
	// Refused says what was wrong with a message of which nothing was taken, and which it
	// was: such a one stands under a number of its own, so that it may come again, mended.
	Refused string `json:"refused,omitempty"`
}

// Messages describes the register of what came from the HR system.
var Messages = record.Define[Delivered](record.Definition{
	Kind: "hris_message", Register: "hris_messages", Title: "Messages of the HR system", Singular: "Message of the HR system", At: "received_at", Internal: true,
	Purpose: "What the HR system told SCAF, and what became of it.",
})

// errSeen ends the act of a message that was taken before.
var errSeen = errors.New("seen")

// action is what the HR system's messages are permitted, and what they import is called.
const action, subject = "import.hris", "hris"

// Take takes a message as a whole or not at all: *record.Invalid names what is wrong,
// and then nobody has changed, and that it was refused is on record. The same message
// again changes nothing, and is answered as it was the first time.
func Take(ctx context.Context, door *act.Door, caller act.Caller, id string, body []byte) (done *Delivered, err error) {
	m, err := ParseMessage(id, body)
	if err == nil {
		_, err = door.Do(ctx, caller, action, Messages.Name+"/"+id, func(tx *act.Tx) (err error) {
			done, err = m.take(tx)
			return err
		})
	}
	var invalid *record.Invalid
	switch {
	case err == nil, errors.Is(err, errSeen):
		return done, nil
	case errors.As(err, &invalid):
		err = errors.Join(err, refuse(ctx, door, caller, id, body, invalid.Fields))
	case errors.Is(err, ErrConflict):
		err = errors.Join(err, refuse(ctx, door, caller, id, body, []record.FieldError{record.Wrong("webhook-id", "was another message's")}))
	}
	return nil, err
}

func (m *Message) take(tx *act.Tx) (*Delivered, error) {
	known, _, err := record.Load[Delivered](&tx.Reader, Messages, m.ID)
	switch {
	case errors.Is(err, record.ErrNone):
	case err != nil:
		return nil, err
	case known.SHA256 != m.SHA256:
		return nil, fmt.Errorf("%w: %s", ErrConflict, m.ID)
	default:
		return known, errSeen
	}
	done := &Delivered{ID: m.ID, SHA256: m.SHA256, WrittenAt: m.At, ReceivedAt: tx.Now()}
	if m.At.After(tx.Now().Add(skew)) { // every later message would be taken for an older one
		return nil, record.Refuse("timestamp", "lies ahead: it is when the HR system wrote this")
	}
	changes, err := m.changes(tx, done)
	if err != nil {
		return nil, err
	}
	if len(changes) > 0 {
		if _, err := record.Put(tx, Register, changes...); err != nil {
			return nil, err
		}
	}
	var managers []string
	for _, change := range changes {
		if p := record.As[Person](change.Doc); p.State != Left {
			managers = append(managers, p.Manager)
		}
	}
	if done.Unknown, err = unknown(&tx.Reader, managers); err != nil {
		return nil, err
	}
	since, err := m.follows(&tx.Reader)
	if err != nil {
		return nil, err
	}
	if _, err := record.Put(tx, Messages, record.Change{Verb: "taken", ID: m.ID, Doc: done}); err != nil {
		return nil, err
	}
	said := m.imported(since)
	said.Taken, said.Updated, said.Skipped = int64(done.Added), int64(done.Updated), int64(done.Unchanged+done.Stale)
	return done, said.Record(tx, subject)
}

// changes are what a message makes of people.
func (m *Message) changes(tx *act.Tx, done *Delivered) (changes []record.Change, err error) {
	seen := map[string]bool{}
	for i, fields := range m.people {
		change, err := m.change(tx, fields, done)
		if err == nil && seen[change.ID] {
			err = record.Refuse("id", "%q is there twice", change.ID)
		}
		var invalid *record.Invalid
		if errors.As(err, &invalid) {
			return nil, invalid.Under(fmt.Sprintf("data.people[%d].", i))
		}
		if err != nil {
			return nil, err
		}
		if seen[change.ID] = true; change.Verb != "" {
			changes = append(changes, change)
		}
	}
	return changes, nil
}

// follows is when the message before was written; of the first one, and after one that
// was refused, when this one was.
func (m *Message) follows(r *store.Reader) (since time.Time, err error) {
	since = m.At
	_, err = record.List(r, Messages, record.Query{Sort: "-received_at", Limit: 1}, func(v *record.Version) error {
		var last Delivered
		if err := json.Unmarshal(v.Doc, &last); err != nil {
			return err
		}
		if last.Refused == "" {
			since = last.WrittenAt
		}
		return nil
	})
	return since, err
}

// imported is the message as an import that speaks for the time since.
func (m *Message) imported(since time.Time) *record.Completed {
	return &record.Completed{
		Source: "hris", Register: Register.Register, Since: &since, Until: &m.At, Query: map[string]string{"message": m.ID, "sha256": m.SHA256},
		Summary: &record.Summary{Read: int64(len(m.people)), Reasons: []record.Refusal{}}, Complete: true, Gaps: []string{},
	}
}

// refuse records, once, that a message was refused: the HR system knows what is not here.
func refuse(ctx context.Context, door *act.Door, caller act.Caller, id string, body []byte, why []record.FieldError) error {
	sum := digest(body)
	ref := Messages.Name + "/refused-" + sum
	says := fmt.Sprintf("%.200q: %s %s", id, why[0].Field, why[0].Problem)
	if more := len(why) - 1; more > 0 {
		says += fmt.Sprintf(", and %d more", more)
	}
	_, err := door.Do(ctx, caller, action, ref, func(tx *act.Tx) error {
		if _, err := record.Get(&tx.Reader, Messages.Name, Messages.Bare(ref)); !errors.Is(err, record.ErrNone) {
			return cmp.Or(err, errSeen)
		}
		m := &Message{ID: Messages.Bare(ref), SHA256: sum, At: tx.Now()}
		if _, err := record.Put(tx, Messages, record.Change{Verb: "refused", ID: m.ID, Doc: &Delivered{ID: m.ID, SHA256: sum, WrittenAt: m.At, ReceivedAt: m.At, Refused: says}}); err != nil {
			return err
		}
		said := m.imported(m.At)
		said.Refused = 1
		said.Miss("message %s of the HR system was refused", says)
		return said.Record(tx, subject)
	})
	if errors.Is(err, errSeen) {
		return nil
	}
	return err
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// change is what a message makes of one person; without a verb: nothing.
func (m *Message) change(tx *act.Tx, fields map[string]json.RawMessage, done *Delivered) (change record.Change, err error) {
	if json.Unmarshal(fields["id"], &change.ID) != nil || change.ID == "" {
		return change, record.Refuse("id", "is missing: the person's number in the HR system")
	}
	for _, given := range []string{"told_at", "listed_at"} {
		if _, ok := fields[given]; ok {
			return change, record.Refuse(given, "is given by SCAF: leave it out")
		}
	}
	base, err := json.Marshal(Register.New())
	if err != nil {
		return change, err
	}
	var before *Person
	var stood json.RawMessage
	current, err := record.Get(&tx.Reader, Register.Name, change.ID)
	switch {
	case err == nil:
		base, stood, before, change.Expect = current.Doc, current.Doc, &Person{}, current.Version
		if err := json.Unmarshal(current.Doc, before); err != nil {
			return change, err
		}
		before.Compute()
		if before.ToldAt != nil && before.ToldAt.After(m.At) {
			done.Stale++
			return change, nil
		}
	case !errors.Is(err, record.ErrNone):
		return change, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(base, &all); err != nil {
		return change, err
	}
	for name, value := range fields {
		if all[name] = value; string(value) == "null" {
			delete(all, name)
		}
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return change, err
	}
	doc, err := Register.Decode(raw)
	if err != nil {
		return change, err
	}
	if err := Register.Legible(stood, doc); err != nil {
		return change, err
	}
	p := record.As[Person](doc)
	if before != nil {
		if before.State != p.State {
			if err := Register.Move(before.State, p.State); err != nil {
				return change, err
			}
		}
		was, err := record.Canonical(before)
		if err != nil {
			return change, err
		}
		is, err := record.Canonical(p)
		if err != nil {
			return change, err
		}
		if bytes.Equal(was, is) {
			done.Unchanged++
			return change, nil
		}
		if err := p.Changed(tx, before); err != nil {
			return change, err
		}
		done.Updated++
	} else {
		if err := p.Before(tx, nil); err != nil {
			return change, err
		}
		done.Added++
	}
	p.ToldAt = &m.At
	change.Verb, change.Doc = "imported", p
	return change, nil
}
