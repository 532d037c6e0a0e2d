package notifications

import (
	"context"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// Told is a notification that somebody has.
type Told struct {
	ID        string     `json:"id"`
	Cause     string     `json:"cause"`
	Recipient string     `json:"recipient"`
	Kind      string     `json:"kind"`
	About     string     `json:"about"`
	Title     string     `json:"title"`
	Text      string     `json:"text"`
	Path      string     `json:"path,omitempty"`
	At        time.Time  `json:"at"`
	ReadAt    *time.Time `json:"read_at,omitempty"`
}

// row reads a notification.
type row struct {
	Told
	at   int64
	read *int64
}

const toldColumns = `n.id, n.cause, n.recipient, n.kind, n.about, n.title, n.body, n.path, n.told_at, n.read_at`

func (w *row) into() []any {
	return []any{&w.ID, &w.Cause, &w.Recipient, &w.Kind, &w.About, &w.Title, &w.Text, &w.Path, &w.at, &w.read}
}

func (w *row) told() Told {
	n := w.Told
	n.At = time.UnixMicro(w.at).UTC()
	if w.read != nil {
		read := time.UnixMicro(*w.read).UTC()
		n.ReadAt = &read
	}
	return n
}

// Inbox lists what somebody was told, the newest first, at most limit and older
// than the one with the id before (empty: from the newest).
func Inbox(r *store.Reader, recipient, before string, limit int) ([]Told, error) {
	return toldTo(r, "", recipient, before, limit)
}

// NotRead lists like Inbox what of it somebody has not read, which Unread counts.
func NotRead(r *store.Reader, recipient, before string, limit int) ([]Told, error) {
	return toldTo(r, ` AND n.read_at IS NULL`, recipient, before, limit)
}

func toldTo(r *store.Reader, only, recipient, before string, limit int) (all []Told, err error) {
	var w row
	args := []any{recipient, limit}
	if before != "" {
		only, args = only+` AND n.id < $3`, append(args, before)
	}
	err = r.Each(`SELECT `+toldColumns+` FROM notification AS n WHERE n.recipient = $1`+only+` ORDER BY n.id DESC LIMIT $2`, args, w.into(), func() error { all = append(all, w.told()); return nil })
	return all, err
}

// Unread counts what somebody has not read.
func Unread(r *store.Reader, recipient string) (n int, err error) {
	return n, r.One(`SELECT count(*) FROM notification WHERE recipient = $1 AND read_at IS NULL`, []any{recipient}, []any{&n})
}

// Read marks what the caller was told as read: one notification, or with an empty
// id all of them. Nobody does so for somebody else. What was read stays so; marked
// again, nothing happens and no event says so.
func (d *Desk) Read(ctx context.Context, caller act.Caller, id string) (n int64, err error) {
	_, err = d.Door.Do(ctx, caller, "notification.own", "notifications", func(tx *act.Tx) error {
		set, args := `UPDATE notification SET read_at = $1 WHERE recipient = $2 AND read_at IS NULL`, []any{tx.Now().UnixMicro(), caller.ID}
		if id != "" {
			set, args = set+` AND id = $3`, append(args, id)
		}
		if n, err = tx.Exec(set, args...); err != nil || n == 0 {
			return err
		}
		data := map[string]any{"notifications": n}
		if id != "" {
			data["id"] = id
		}
		_, err := tx.Event(act.Event{Type: "scaf.notification.read.v1", Subject: "notifications", Data: data})
		return err
	})
	return n, err
}
