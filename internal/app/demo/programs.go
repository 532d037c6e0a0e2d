package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/privacy"
	"scaf.dev/scaf/internal/operations/continuity"
	"scaf.dev/scaf/internal/operations/devices"
	"scaf.dev/scaf/internal/operations/processing"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// reporting are the connectors of the programs that report what they do, by register.
func reporting(kind *record.Kind) act.Caller {
	return act.Caller{ID: "connector/" + record.Words(kind.Register), Roles: []string{"compliance"}}
}

// report plans what programs report of every month, in the first hours of the next:
// the state of the devices, the backups, what the service took in, did and sent, what it
// found in its stores, and who agreed to what.
func (w *world) report() {
	for from := w.from; from.Before(w.to); from = from.AddDate(0, 1, 0) {
		until := from.AddDate(0, 1, 0)
		w.plan(from.AddDate(0, 0, 6).Add(6*time.Hour), func(ctx context.Context) error { return w.seeDevices(ctx, from) })
		w.plan(until.Add(3*time.Hour), func(ctx context.Context) error { return w.takeReports(ctx, from, until) })
	}
	w.plan(w.to.Add(6*time.Hour), func(ctx context.Context) error { return w.seeDevices(ctx, w.to) })
}

// seeDevices takes over in which state the device management saw the devices of those
// who are there, in the month that begins and since the reading of the one before.
func (w *world) seeDevices(ctx context.Context, month time.Time) error {
	now, yes, no := w.clock.Now().UTC(), true, false
	var seen []any
	for i, e := range w.people {
		if e.JoinedAt.After(now) || !e.gone.IsZero() && e.gone.Before(now) {
			continue
		}
		p := &devices.Posture{
			ID: "LAP-" + e.ID + "@" + now.Format(time.DateOnly), Device: "LAP-" + e.ID, Owner: e.ref(), SeenAt: &now,
			DiskEncrypted: &yes, ScreenLock: &yes, UpdatesCurrent: &yes, ProtectionRunning: &yes, RemovableMedia: "blocked",
		}
		for n := range w.Outdated {
			if one := &w.Outdated[n]; one.Person == i+1 && w.today([]date{one.On}, now) {
				p.UpdatesCurrent = &no
				w.note("END-01", p.ID, one.because())
			}
		}
		seen = append(seen, p)
	}
	since := month.AddDate(0, -1, 6).Add(6 * time.Hour)
	if month.Equal(w.from) {
		since = w.from
	}
	return w.reported(ctx, devices.Postures, since, now, seen)
}

// returned ends the device of somebody who has left.
func (w *world) returned(ctx context.Context, e *employee) error {
	err := w.DB.Read(ctx, func(r *store.Reader) error {
		_, err := record.Get(r, devices.Register.Name, "LAP-"+e.ID)
		return err
	})
	if errors.Is(err, record.ErrNone) { // it was never seen
		return nil
	}
	if err != nil {
		return err
	}
	fields, err := asFields(map[string]any{"ended_how": "Returned, wiped and given out anew."})
	if err != nil {
		return err
	}
	_, err = w.MoveRecord(ctx, w.officers["platform lead"].caller(), devices.Register, "LAP-"+e.ID, record.AnyVersion, devices.Ended, fields)
	return err
}

// takeReports takes over what programs did in a month.
func (w *world) takeReports(ctx context.Context, from, until time.Time) error {
	yes, no := true, false
	var backups, checks, batches, runs, deliveries, consents []any
	for day := from; day.Before(until); day = day.AddDate(0, 0, 1) {
		due, done := day.Add(2*time.Hour).UTC(), day.Add(2*time.Hour+17*time.Minute).UTC()
		name := day.Format(time.DateOnly)
		b := &continuity.Backup{ID: "audit-" + name, Store: "postgresql/audit", DueAt: &due, DoneAt: &done, OK: &yes, Encrypted: &yes, Elsewhere: &yes,
			Checksum: fmt.Sprintf("%016x", w.random.Uint64()), Place: "second region"}
		if w.today(w.LateBackup.Days, day) {
			late := done.Add(31 * time.Hour)
			b.DoneAt = &late
			w.note("BCP-01", b.ID, w.LateBackup.because())
		}
		backups = append(backups, b)
		records := 40000 + 110*day.YearDay()
		checks = append(checks, &processing.Check{ID: "audit-" + name, Store: "postgresql/audit", DueAt: &due, DoneAt: &done, Records: records, Compared: records})
		if day.Weekday() != time.Monday {
			continue
		}
		came, ran, sent, confirmed := day.Add(6*time.Hour).UTC(), day.Add(7*time.Hour).UTC(), day.Add(8*time.Hour).UTC(), day.Add(9*time.Hour).UTC()
		taken, refused, failed := 900+w.random.IntN(300), w.random.IntN(9), w.random.IntN(3)
		batches = append(batches, &processing.Batch{ID: "week-" + name, Source: "customers' events", ReceivedAt: &came, Records: taken + refused, Accepted: taken, Refused: refused, RefusedWithReason: refused})
		if specification := w.known["specification"]; specification != "" {
			settled := ran.Add(time.Duration(failed) * 5 * time.Hour)
			runs = append(runs, &processing.Run{ID: "week-" + name, Specification: specification, RanAt: &ran, Records: taken, Processed: taken - failed, Failed: failed, Corrected: failed, SettledAt: &settled})
		}
		deliveries = append(deliveries, &processing.Delivery{ID: "week-" + name, SentAt: &sent, Recipient: "customers' archive", Intended: "customers' archive", Records: taken, Made: taken, Protected: true, ConfirmedAt: &confirmed})
		notice := w.known["notice"]
		if w.known["notice-2"] != "" {
			notice = w.known["notice-2"]
		}
		c := &privacy.Consent{ID: "consent-" + name, Subject: fmt.Sprintf("user-%06d", 100000+w.random.IntN(900000)), Purpose: "News about the service by e-mail", Notice: notice,
			Sensitive: &no, Abroad: &no, Express: &yes, GivenAt: &came, CollectedAt: &came}
		if len(consents) == 2 { // somebody thinks again
			withdrawn, stopped := came.AddDate(0, 0, 3), came.AddDate(0, 0, 3).Add(20*time.Minute)
			c.WithdrawnAt, c.StoppedAt = &withdrawn, &stopped
		}
		if notice != "" {
			consents = append(consents, c)
		}
	}
	for _, one := range []struct {
		kind  *record.Kind
		items []any
	}{
		{continuity.Backups, backups}, {processing.Checks, checks}, {processing.Batches, batches}, {processing.Runs, runs}, {processing.Deliveries, deliveries}, {privacy.Consents, consents},
	} {
		if err := w.reported(ctx, one.kind, from, until, one.items); err != nil {
			return err
		}
	}
	return nil
}

// reportQuery is what a program was asked.
type reportQuery struct {
	Program string    `json:"program"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
}

// reported takes over what a program says.
func (w *world) reported(ctx context.Context, kind *record.Kind, since, until time.Time, items []any) error {
	by := reporting(kind)
	intake := record.Intake{Door: w.Door, Caller: by, Kind: kind, Action: "import.reports"}
	summary, err := intake.Run(ctx, func(yield func(record.Item, error) bool) {
		for i, one := range items {
			if !yield(record.Item{Where: fmt.Sprintf("%s:%d", kind.Register, i+1), Doc: one}, nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if summary.Taken != int64(len(items)) {
		return fmt.Errorf("%s: of %d records %d were taken: %v", kind.Register, len(items), summary.Taken, summary.Reasons)
	}
	since, until = since.UTC(), until.UTC()
	return record.Complete(ctx, w.Door, by, "import.reports", kind.Register, record.Completed{
		Source: strings.TrimPrefix(by.ID, "connector/"), Register: kind.Register, Since: &since, Until: &until, Summary: summary, Complete: true, Gaps: []string{},
		Query: reportQuery{by.ID, since, until},
	})
}
