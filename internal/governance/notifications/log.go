package notifications

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// Delivery is a line of the delivery log.
type Delivery struct {
	Notification string    `json:"notification"`
	Channel      string    `json:"channel"`
	Recipient    string    `json:"recipient"`
	Kind         string    `json:"kind"`
	About        string    `json:"about"`
	Title        string    `json:"title"`
	ToldAt       time.Time `json:"told_at"`
	// State is waiting, held (for a digest), delivered or failed.
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	// NextAt is when it is tried next, of one that waits or is held.
	NextAt    *time.Time `json:"next_at,omitempty"`
	SettledAt *time.Time `json:"settled_at,omitempty"`
	// Answer is what the other side said, or why it has not taken it.
	Answer string `json:"answer,omitempty"`
}

// LogQuery selects deliveries; empty fields select all.
type LogQuery struct {
	State, Channel, Recipient, Kind string
	Before                          string // older than the notification with this id
	Limit                           int
}

// stands is the state of a delivery, of the job being joined in by sentBy: one whose
// job was given up by the runner, since the program died each time, has failed, too.
const (
	stands = `CASE WHEN j.state = 'failed' AND d.state <> 'delivered' THEN 'failed' ELSE d.state END`
	sentBy = ` LEFT JOIN job AS j ON j.kind = d.job_kind AND j.key = d.job`
)

// logged is the log.
const logged = `SELECT d.notification, d.channel, d.recipient, n.kind, n.about, n.title, n.told_at, ` + stands + `,
	d.attempts + CASE WHEN d.settled_at IS NULL THEN COALESCE(j.attempt, 0) ELSE 0 END,
	COALESCE(j.run_at, d.due_at), d.settled_at, CASE WHEN d.settled_at IS NULL THEN COALESCE(j.failure, '') ELSE d.answer END
	FROM delivery AS d JOIN notification AS n ON n.id = d.notification` + sentBy

// Log lists deliveries, of the newest notification first.
func Log(r *store.Reader, q LogQuery) (all []Delivery, err error) {
	var where []string
	var args []any
	add := func(condition, value string) {
		if value != "" {
			args = append(args, value)
			where = append(where, fmt.Sprintf(condition, len(args)))
		}
	}
	switch q.State {
	case Failed:
		where = append(where, `(d.state = 'failed' OR d.state IN ('waiting', 'held') AND j.state = 'failed')`)
	case Waiting, Held:
		add(`(d.state = $%d AND j.state <> 'failed')`, q.State)
	default:
		add(`d.state = $%d`, q.State)
	}
	add(`d.channel = $%d`, q.Channel)
	add(`d.recipient = $%d`, q.Recipient)
	add(`n.kind = $%d`, q.Kind)
	add(`d.notification < $%d`, q.Before)
	query := logged
	if len(where) > 0 {
		query += ` WHERE ` + strings.Join(where, " AND ")
	}
	args = append(args, q.Limit)
	return all, eachDelivery(r, query+fmt.Sprintf(` ORDER BY d.notification DESC, d.channel LIMIT $%d`, len(args)), args, func(one Delivery) { all = append(all, one) })
}

func eachDelivery(r *store.Reader, query string, args []any, visit func(Delivery)) error {
	var one Delivery
	var at, next int64
	var settled *int64
	return r.Each(query, args, []any{&one.Notification, &one.Channel, &one.Recipient, &one.Kind, &one.About, &one.Title, &at, &one.State, &one.Attempts, &next, &settled, &one.Answer}, func() error {
		one.ToldAt, one.NextAt, one.SettledAt = time.UnixMicro(at).UTC(), nil, nil
		if settled != nil {
			end := time.UnixMicro(*settled).UTC()
			one.SettledAt = &end
		} else if one.State != Failed {
			due := time.UnixMicro(next).UTC()
			one.NextAt = &due
		}
		visit(one)
		return nil
	})
}

// delivery reads one; ErrNone when there is none.
func delivery(r *store.Reader, id, channel string) (*Delivery, error) {
	var found *Delivery
	err := eachDelivery(r, logged+` WHERE d.notification = $1 AND d.channel = $2`, []any{id, channel}, func(one Delivery) { found = &one })
	if err == nil && found == nil {
		err = fmt.Errorf("%w: %s by %s", ErrNone, id, channel)
	}
	return found, err
}

// Went is how one message fared on a channel: what was told for one cause.
type Went struct {
	Delivered int
	Open      int       // that wait, or are held for a digest
	Failed    []string  // recipients whom it did not reach
	Last      time.Time // when the last one of those that were delivered was
}

func (w *Went) delivered(at int64) {
	w.Delivered++
	if last := time.UnixMicro(at).UTC(); last.After(w.Last) {
		w.Last = last
	}
}

// WentOut is, by channel, how what was told for a cause went out. The inbox, which has
// everything at once, is the channel "".
func WentOut(r *store.Reader, cause string) (map[string]*Went, error) {
	all := map[string]*Went{}
	of := func(channel string) *Went {
		if all[channel] == nil {
			all[channel] = &Went{}
		}
		return all[channel]
	}
	var recipient, channel, state string
	var at int64
	if err := r.Each(`SELECT recipient, told_at FROM notification WHERE cause = $1`, []any{cause}, []any{&recipient, &at}, func() error {
		if recipient != Organization {
			of("").delivered(at)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return all, r.Each(`SELECT d.channel, d.recipient, `+stands+`, COALESCE(d.settled_at, 0)
		FROM notification AS n JOIN delivery AS d ON d.notification = n.id`+sentBy+` WHERE n.cause = $1`,
		[]any{cause}, []any{&channel, &recipient, &state, &at}, func() error {
			switch w := of(channel); state {
			case Delivered:
				w.delivered(at)
			case Failed:
				w.Failed = append(w.Failed, recipient)
			default:
				w.Open++
			}
			return nil
		})
}

// Count counts what was ever told, and its deliveries by what became of them.
func Count(r *store.Reader) (told, delivered, failed, waiting int64, err error) {
	if err := r.One(`SELECT count(*) FROM notification`, nil, []any{&told}); err != nil {
		return 0, 0, 0, 0, err
	}
	var state string
	var n int64
	err = r.Each(`SELECT `+stands+`, count(*) FROM delivery AS d`+sentBy+` GROUP BY 1`, nil, []any{&state, &n}, func() error {
		switch state {
		case Delivered:
			delivered = n
		case Failed:
			failed = n
		default:
			waiting += n
		}
		return nil
	})
	return told, delivered, failed, waiting, err
}

// Try tells a recipient that this is a test, on one channel, and waits for what
// comes of it, which is not tried again.
func (d *Desk) Try(ctx context.Context, caller act.Caller, recipient, channel string) (*Delivery, error) {
	if d.Channels[channel] == nil {
		return nil, fmt.Errorf("%w: %s", ErrChannel, channel)
	}
	n := Note{Recipient: recipient, Kind: Test, About: "notifications", Path: "/inbox"}
	var id string
	if _, err := d.Door.Do(ctx, caller, "notification.test", "notifications", func(tx *act.Tx) (err error) {
		id = tx.NewID()
		n.Cause = "test/" + id
		if n.Title, n.Text, err = Write("test", map[string]any{"Organization": d.Rules.Name, "Channel": channel, "By": caller.ID}); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO notification (id, cause, recipient, kind, about, title, body, path, told_at, read_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL)`, id, n.Cause, n.Recipient, n.Kind, n.About, n.Title, n.Text, n.Path, tx.Now().UnixMicro()); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO delivery (notification, channel, recipient, state, due_at, attempts, settled_at, answer, job_kind, job)
			VALUES ($1, $2, $3, 'waiting', $4, 0, NULL, '', '', '')`, id, channel, recipient, tx.Now().UnixMicro()); err != nil {
			return err
		}
		_, err = tx.Event(act.Event{Type: ToldType, Subject: "notifications", Data: map[string]any{"told": []told{{id, n.Cause, recipient, Test, []string{channel}}}}})
		return err
	}); err != nil {
		return nil, err
	}
	all, err := d.load(ctx, `d.notification = $1 AND d.channel = $2`, id, channel)
	if err != nil || len(all) == 0 {
		return nil, errors.Join(err, ErrNone)
	}
	if err := d.attempt(ctx, nil, channel, all); err != nil {
		return nil, err
	}
	var one *Delivery
	err = d.Door.DB.Read(ctx, func(r *store.Reader) (err error) {
		one, err = delivery(r, id, channel)
		return err
	})
	return one, err
}

// Describe implements prometheus.Collector.
func (d *Desk) Describe(out chan<- *prometheus.Desc) {
	d.ended.Describe(out)
	out <- openDescription
}

var openDescription = prometheus.NewDesc("scaf_notification_deliveries",
	"Deliveries of notifications that wait, are held for a digest, or failed and were not tried again.", []string{"channel", "state"}, nil)

// Collect implements prometheus.Collector.
func (d *Desk) Collect(out chan<- prometheus.Metric) {
	d.ended.Collect(out)
	counts := map[[2]string]int64{}
	for name := range d.Channels {
		for _, state := range []string{Waiting, Held, Failed} {
			counts[[2]string{name, state}] = 0 // a number that is there can be alerted on
		}
	}
	var channel, state string
	var n int64
	if err := d.Door.DB.Read(context.Background(), func(r *store.Reader) error {
		return r.Each(`SELECT d.channel, `+stands+`, count(*) FROM delivery AS d`+sentBy+` WHERE d.state <> 'delivered' GROUP BY 1, 2`, nil,
			[]any{&channel, &state, &n}, func() error { counts[[2]string{channel, state}] = n; return nil })
	}); err != nil {
		out <- prometheus.NewInvalidMetric(openDescription, err)
		return
	}
	for of, n := range counts {
		out <- prometheus.MustNewConstMetric(openDescription, prometheus.GaugeValue, float64(n), of[0], of[1])
	}
}
