package notifications

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// Kinds of the jobs that send.
const (
	DeliverJob = "notification.deliver"
	DigestJob  = "notification.digest"
)

// perEvent bounds the notifications that one event names, which has 65,535 bytes.
const perEvent = 100

// Limits of a note, in bytes.
const (
	maxTitle = 300
	maxText  = 8000
)

// ToldType is the type of the event that names who was told.
const ToldType = "scaf.notification.told.v1"

// told is what that event says of one notification.
type told struct {
	ID        string   `json:"id"`
	Cause     string   `json:"cause"`
	Recipient string   `json:"recipient"`
	Kind      string   `json:"kind"`
	Channels  []string `json:"channels"` // beside the inbox
}

// Tell tells what has not been told, and returns how many notes that were. It is
// run again without harm after it was interrupted. With the last of them, in the
// same transaction, it does what the caller has to (nil: nothing); where there is
// nothing to tell it does not.
func (d *Desk) Tell(ctx context.Context, caller act.Caller, notes []Note, also func(*act.Tx) error) (int, error) {
	fresh, err := d.fresh(ctx, notes)
	if err != nil {
		return 0, err
	}
	count := 0
	for batch := range slices.Chunk(fresh, perEvent) {
		last := len(batch) > 0 && &batch[len(batch)-1] == &fresh[len(fresh)-1]
		var now int
		if _, err := d.Door.Do(ctx, caller, "notification.tell", "notifications", func(tx *act.Tx) error {
			made, err := d.write(tx, batch)
			if now = len(made); err != nil || now == 0 {
				return err
			}
			if _, err := tx.Event(act.Event{Type: ToldType, Subject: "notifications", Data: map[string]any{"told": made}}); err != nil {
				return err
			}
			if last && also != nil {
				return also(tx)
			}
			return nil
		}); err != nil {
			return count, err
		}
		count += now
	}
	return count, nil
}

// fresh are the notes that nobody was told yet, each once.
func (d *Desk) fresh(ctx context.Context, notes []Note) ([]Note, error) {
	known := map[[2]string]bool{}
	err := d.Door.DB.Read(ctx, func(r *store.Reader) error {
		for batch := range slices.Chunk(notes, 500) {
			causes := map[string]bool{}
			for i := range batch {
				causes[batch[i].Cause] = true
			}
			var args []any
			for _, cause := range slices.Sorted(maps.Keys(causes)) {
				args = append(args, cause)
			}
			var cause, recipient string
			if err := r.Each(`SELECT cause, recipient FROM notification WHERE cause IN (`+store.Parameters(1, len(args))+`)`, args,
				[]any{&cause, &recipient}, func() error { known[[2]string{cause, recipient}] = true; return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	var fresh []Note
	for i := range notes {
		if key := [2]string{notes[i].Cause, notes[i].Recipient}; !known[key] {
			known[key] = true
			fresh = append(fresh, notes[i])
		}
	}
	return fresh, err
}

// write writes notifications with their deliveries, but for those that are there.
func (d *Desk) write(tx *act.Tx, notes []Note) ([]told, error) {
	var all []told
	for i := range notes {
		n := &notes[i]
		kind := Find(n.Kind)
		if kind == nil || n.Cause == "" || n.Recipient == "" {
			return nil, fmt.Errorf("notification: %+v is no note", n)
		}
		id := tx.NewID()
		written, err := tx.Exec(`INSERT INTO notification (id, cause, recipient, kind, about, title, body, path, told_at, read_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL) ON CONFLICT (cause, recipient) DO NOTHING`,
			id, n.Cause, n.Recipient, n.Kind, n.About, cut(n.Title, maxTitle), cut(n.Text, maxText), n.Path, tx.Now().UnixMicro())
		if err != nil {
			return nil, err
		}
		if written == 0 {
			continue // told by another process meanwhile
		}
		channels, err := d.send(tx, id, n, kind)
		if err != nil {
			return nil, err
		}
		all = append(all, told{id, n.Cause, n.Recipient, n.Kind, channels})
	}
	return all, nil
}

// send adds the deliveries of a notification, and their jobs.
func (d *Desk) send(tx *act.Tx, id string, n *Note, kind *Kind) ([]string, error) {
	channels, at, held, recipient := []string{}, tx.Now(), false, n.Recipient
	if kind.Given {
		channels = append(channels, n.Channels...)
	}
	if recipient == Organization {
		for _, name := range slices.Sorted(maps.Keys(d.Rules.Own)) {
			if !kind.Given && slices.Contains(d.Rules.Own[name], kind.Name) {
				channels = append(channels, name)
			}
		}
	} else {
		p, _, err := PreferencesOf(&tx.Reader, recipient)
		if err != nil {
			return nil, err
		}
		if !kind.Given {
			channels = append(channels, p.Choice(kind, d.Rules.Channels).Channels...)
		}
		at, held = d.Rules.when(p, kind, tx.Now())
	}
	for _, channel := range channels {
		if err := d.enqueue(tx, id, channel, recipient, at, held); err != nil {
			return nil, err
		}
	}
	return channels, nil
}

// item names a delivery; it is the payload of its job.
type item struct {
	Notification string `json:"notification"`
	Channel      string `json:"channel"`
}

// bundle names a digest; it is the payload of its job.
type bundle struct {
	Recipient string    `json:"recipient"`
	Channel   string    `json:"channel"`
	At        time.Time `json:"at"`
}

func (d *Desk) enqueue(tx *act.Tx, id, channel, recipient string, at time.Time, held bool) error {
	kind, key, state := DeliverJob, id+" "+channel, "waiting"
	var payload any = item{id, channel}
	if held {
		kind, key, state = DigestJob, strings.Join([]string{recipient, channel, at.UTC().Format(time.RFC3339)}, " "), "held"
		payload = bundle{recipient, channel, at.UTC()}
	}
	if _, err := tx.Exec(`INSERT INTO delivery (notification, channel, recipient, state, due_at, attempts, settled_at, answer, job_kind, job)
		VALUES ($1, $2, $3, $4, $5, 0, NULL, '', $6, $7)`, id, channel, recipient, state, at.UnixMicro(), kind, key); err != nil {
		return err
	}
	return tx.Enqueue(kind, key, payload, at)
}

// cut is a text of at most so many bytes.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len("…")], "") + "…"
}
