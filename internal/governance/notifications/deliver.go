package notifications

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/outbound"
	"scaf.dev/scaf/internal/platform/store"
)

// States of a delivery.
const (
	Waiting   = "waiting"
	Held      = "held"
	Delivered = "delivered"
	Failed    = "failed"
)

// Types of the events that end a delivery.
const (
	DeliveredType = "scaf.notification.delivered.v1"
	FailedType    = "scaf.notification.failed.v1"
)

// Deliver does a job of the kind DeliverJob: it sends one notification on one
// channel.
func (d *Desk) Deliver(ctx context.Context, job *jobs.Job) error {
	var what item
	if err := json.Unmarshal(job.Payload, &what); err != nil {
		return err
	}
	one, err := d.load(ctx, `d.notification = $1 AND d.channel = $2 AND d.state = 'waiting'`, what.Notification, what.Channel)
	if err != nil || len(one) == 0 {
		return err // what is done is done
	}
	return d.attempt(ctx, job, what.Channel, one)
}

// Digest does a job of the kind DigestJob: it sends in one message what somebody
// was told for it.
func (d *Desk) Digest(ctx context.Context, job *jobs.Job) error {
	var what bundle
	if err := json.Unmarshal(job.Payload, &what); err != nil {
		return err
	}
	all, err := d.load(ctx, `d.recipient = $1 AND d.channel = $2 AND d.state = 'held' AND d.due_at = $3`, what.Recipient, what.Channel, what.At.UnixMicro())
	if err != nil || len(all) == 0 {
		return err
	}
	return d.attempt(ctx, job, what.Channel, all)
}

// load reads the notifications of deliveries, the oldest first.
func (d *Desk) load(ctx context.Context, where string, args ...any) (all []Told, err error) {
	return all, d.Door.DB.Read(ctx, func(r *store.Reader) error {
		var w row
		return r.Each(`SELECT `+toldColumns+` FROM delivery AS d JOIN notification AS n ON n.id = d.notification WHERE `+where+` ORDER BY n.id`, args, w.into(),
			func() error { all = append(all, w.told()); return nil })
	})
}

// attempt sends notifications of one recipient on a channel as one message, and
// records what came of it, unless it is tried again. A nil job is not tried again.
func (d *Desk) attempt(ctx context.Context, job *jobs.Job, name string, all []Told) error {
	now := d.Door.Clock.Now()
	recipient := all[0].Recipient
	channel := d.Channels[name]
	if channel == nil {
		return d.settle(ctx, job, name, all, "", fmt.Errorf("%w: %s is not in scaf.json: notifications there", ErrChannel, name))
	}
	address := Address{}
	var over time.Time
	if recipient != Organization {
		if err := d.Door.DB.Read(ctx, func(r *store.Reader) (err error) {
			if address, err = d.People.Address(r, recipient); err != nil {
				return err
			}
			p, _, err := PreferencesOf(r, recipient)
			if kind := Find(all[0].Kind); err == nil && (kind == nil || !kind.Urgent) {
				over = p.quiet(now, d.Rules.Zone)
			}
			return err
		}); err != nil {
			return err
		}
	}
	switch {
	case address.Gone:
		return d.settle(ctx, job, name, all, "", errors.New("the person has left, or the account is disabled"))
	case !over.IsZero() && job != nil:
		return &act.Later{At: over}
	}
	message, err := d.Rules.message(all)
	if err != nil {
		return err
	}
	answer, err := channel.Send(ctx, address.Email, message, now)
	var refused *outbound.Refused
	switch {
	case err == nil || job == nil:
	case ctx.Err() != nil:
		return err // the program is stopping, or the job ran past its lease
	case errors.As(err, &refused) && !refused.Final && job.Attempt < jobs.MaxAttempts:
		if refused.After > 0 {
			return &act.Later{At: now.Add(refused.After), Err: err}
		}
		return err
	case !errors.As(err, &refused) && job.Attempt < jobs.MaxAttempts:
		return err
	}
	return d.settle(ctx, job, name, all, answer, err)
}

// settle records the end of a delivery, of all notifications that were in the
// message, with the end of the job.
func (d *Desk) settle(ctx context.Context, job *jobs.Job, channel string, all []Told, answer string, failure error) error {
	event := act.Event{Type: DeliveredType, Subject: "notification/" + all[0].ID}
	state, caller, attempts := Delivered, act.JobCaller(DeliverJob), 1
	if job != nil {
		caller, attempts = act.JobCaller(job.Kind), job.Attempt
	}
	if failure != nil {
		event.Type, event.Outcome, state, answer = FailedType, act.Failure, Failed, failure.Error()
	}
	answer = cut(answer, maxTitle)
	ids := make([]string, len(all))
	for i := range all {
		ids[i] = all[i].ID
	}
	named := ids[:min(len(ids), perEvent)]
	event.Data = map[string]any{
		"channel": channel, "recipient": all[0].Recipient, "notifications": named, "count": len(ids), "attempts": attempts, "message": messageID(all), "answer": answer,
	}
	// Also when the program is stopping: the message is out.
	_, err := d.Door.Do(context.WithoutCancel(ctx), caller, "notification.deliver", event.Subject, func(tx *act.Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(`UPDATE delivery SET state = $1, settled_at = $2, answer = $3, attempts = attempts + $4 WHERE notification = $5 AND channel = $6`,
				state, tx.Now().UnixMicro(), answer, attempts, id, channel); err != nil {
				return err
			}
		}
		if _, err := tx.Event(event); err != nil || job == nil {
			return err
		}
		return tx.FinishJob(job)
	})
	if err == nil {
		d.ended.WithLabelValues(channel, state).Add(float64(len(ids)))
	}
	return err
}

// messageID is the id of the message that notifications are sent in, the same each
// time: of one its own, of several made from theirs.
func messageID(all []Told) string {
	if len(all) == 1 {
		return all[0].ID
	}
	sum := sha256.New()
	for i := range all {
		sum.Write([]byte(all[i].ID + "\n"))
	}
	return "digest-" + hex.EncodeToString(sum.Sum(nil)[:16])
}

// Again lets a delivery that failed be tried again, from the first attempt on.
func (d *Desk) Again(ctx context.Context, caller act.Caller, id, channel string) error {
	_, err := d.Door.Do(ctx, caller, "notification.retry", "notification/"+id, func(tx *act.Tx) error {
		one, err := delivery(&tx.Reader, id, channel)
		if err != nil {
			return err
		}
		if one.State != Failed {
			return fmt.Errorf("%w: the delivery of %s by %s is %s", ErrState, id, channel, one.State)
		}
		key := fmt.Sprintf("%s %s %s", id, channel, tx.Now().UTC().Format(time.RFC3339Nano))
		if _, err := tx.Exec(`UPDATE delivery SET state = 'waiting', due_at = $1, settled_at = NULL, answer = '', job_kind = $2, job = $3 WHERE notification = $4 AND channel = $5`,
			tx.Now().UnixMicro(), DeliverJob, key, id, channel); err != nil {
			return err
		}
		if _, err := tx.Event(act.Event{Type: "scaf.notification.retried.v1", Subject: "notification/" + id, Data: map[string]any{"channel": channel}}); err != nil {
			return err
		}
		return tx.Enqueue(DeliverJob, key, item{id, channel}, tx.Now())
	})
	return err
}
