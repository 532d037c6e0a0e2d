package surface

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/stamps"
)

// Kinds of the jobs that SCAF does on its own every day.
const (
	VerifyJob = "ledger.verify"    // at 00:30 in the organisation's time zone
	StampJob  = "ledger.timestamp" // at 01:00, where an authority is configured
)

// Duties are what SCAF does on its own every day.
type Duties struct {
	system *System
	log    *slog.Logger
	failed prometheus.Gauge
	last   prometheus.Gauge
}

// NewDuties hands the duties of the system to the runner of its jobs.
func NewDuties(s *System, runner *act.Runner, log *slog.Logger) (*Duties, error) {
	zone, err := s.Config.Location()
	if err != nil {
		return nil, err
	}
	d := &Duties{system: s, log: log,
		failed: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "scaf_ledger_verification_failed",
			Help: "1 when the latest verification of the ledger found a difference, else 0.",
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "scaf_ledger_last_verified_timestamp_seconds",
			Help: "When the ledger was last verified and found whole, in seconds since 1970; 0: never.",
		}),
	}
	runner.Daily(VerifyJob, jobs.Daily{Hour: 0, Minute: 30, Zone: zone}, d.verify)
	if s.Config.TimestampURL != "" {
		runner.Daily(StampJob, jobs.Daily{Hour: 1, Minute: 0, Zone: zone}, d.stamp)
	}
	return d, nil
}

// Describe implements prometheus.Collector.
func (d *Duties) Describe(out chan<- *prometheus.Desc) { d.failed.Describe(out); d.last.Describe(out) }

// Collect implements prometheus.Collector.
func (d *Duties) Collect(out chan<- prometheus.Metric) { d.failed.Collect(out); d.last.Collect(out) }

// Verification is the data of the event that records a verification.
type Verification struct {
	// Checkpoint is what was verified. After a failure there is none: nobody
	// vouches for it, and Observed says what the ledger claims to be.
	Checkpoint *stamps.Checkpoint `json:"checkpoint,omitempty"`
	Observed   *stamps.Checkpoint `json:"observed,omitempty"`
	Events     int64              `json:"events"` // read and hashed
	Ranges     []ledger.Span      `json:"ranges"` // of the events that were read, or were to be read
	Full       bool               `json:"full"`   // the ranges are the whole ledger
	Difference string             `json:"difference,omitempty"`
}

// Restore sets the metrics from the latest verification that the ledger holds.
func (d *Duties) Restore(ctx context.Context) error {
	last, err := d.latest(ctx)
	if err != nil || last == nil {
		return err
	}
	if last.event.Outcome == act.Success {
		d.last.Set(float64(last.event.Instant().Unix()))
		return nil
	}
	d.failed.Set(1)
	return nil
}

// previous is a verification that the ledger holds.
type previous struct {
	event *ledger.Event
	data  Verification
}

// latest reads the newest verification, nil when there is none.
func (d *Duties) latest(ctx context.Context) (*previous, error) {
	var last *previous
	source := ledger.OwnSource(d.system.Config.Origin)
	err := ledger.Find(ctx, d.system.DB, ledger.Query{Type: ledger.VerifiedType, Newest: true}, func(e *ledger.Event) error {
		if e.Source != source {
			return nil
		}
		last = &previous{event: e}
		if err := json.Unmarshal(e.Data, &last.data); err != nil {
			return &ledger.DamageError{Index: e.Index, What: "its data cannot be read: " + err.Error()}
		}
		return ledger.Stop
	})
	return last, err
}

const (
	// thirtieths: the past is read again within this many days.
	thirtieths = 30
	// unit is the granularity of ledger.Verification.Only.
	unit = 256
	// recent events are read again every day, whole units of them.
	recent = unit
)

// plan says what a day's verification reads: what is new since the last one,
// the recent events before it, and a thirtieth of what is older, another one
// each day; with the one that holds event 0, the database's indexes are checked,
// too (Verify). Nil is everything: the first time, and after a failure.
func plan(last *previous, day int64) []ledger.Span {
	if last == nil || last.event.Outcome != act.Success || last.data.Checkpoint == nil {
		return nil
	}
	old := last.data.Checkpoint.Size / unit // whole units that were read once
	part := day % thirtieths
	return []ledger.Span{
		{From: old * part / thirtieths * unit, To: old * (part + 1) / thirtieths * unit},
		{From: max(0, old*unit-recent), To: math.MaxInt64},
	}
}

// verify is the daily verification. That it finds a difference is its result,
// which is recorded, counted and logged; that it cannot be done is its failure.
func (d *Duties) verify(ctx context.Context, job *jobs.Job) error {
	s := d.system
	day, err := d.day(job)
	if err != nil {
		return err
	}
	only := []ledger.Span(nil)
	last, err := d.latest(ctx)
	if err == nil {
		only = plan(last, day)
	} else if !errors.Is(err, ledger.ErrDamaged) {
		return err
	}
	var head ledger.Head
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		head, err = ledger.ReadHead(r)
		return err
	}); err != nil && !errors.Is(err, ledger.ErrDamaged) {
		return err
	}
	verified, err := s.Verify(ctx, only, nil)
	var data Verification
	outcome := act.Success
	switch {
	case err == nil:
		whole := []ledger.Span{{From: 0, To: verified.Size}}
		data = Verification{
			Checkpoint: &stamps.Checkpoint{Size: verified.Size, Root: verified.Root}, Events: verified.Events, Ranges: verified.Ranges,
			Full: len(verified.Ranges) == 1 && verified.Ranges[0] == whole[0],
		}
		d.failed.Set(0)
		d.last.Set(float64(s.Clock.Now().Unix()))
	case errors.Is(err, ledger.ErrDamaged), errors.Is(err, store.ErrCorrupt):
		outcome = act.Failure
		data = Verification{
			Observed: &stamps.Checkpoint{Size: head.Size, Root: fmt.Sprintf("%x", head.Root)}, Ranges: claimed(only, head.Size), Full: only == nil,
			Difference: err.Error(),
		}
		d.failed.Set(1) // before anything else: it may be that nothing can be recorded
		d.log.Error("THE LEDGER IS NOT WHOLE", "difference", err)
	default:
		return err
	}
	_, err = s.Door.Do(ctx, act.JobCaller(VerifyJob), "ledger.verify", "ledger", func(tx *act.Tx) error {
		if _, err := tx.Event(act.Event{Type: ledger.VerifiedType, Subject: "ledger", Outcome: outcome, Data: data}); err != nil {
			return err
		}
		return tx.FinishJob(job)
	})
	return err
}

// claimed is the plan within a log of this size.
func claimed(only []ledger.Span, size int64) []ledger.Span {
	if only == nil {
		return []ledger.Span{{From: 0, To: size}}
	}
	spans := []ledger.Span{}
	for _, span := range only {
		if span.To = min(span.To, size); span.From < span.To {
			spans = append(spans, span)
		}
	}
	return spans
}

// day numbers the day of the calendar on which the job was due.
func (d *Duties) day(job *jobs.Job) (int64, error) {
	due, err := time.Parse(time.RFC3339, job.Key)
	if err != nil {
		return 0, fmt.Errorf("the job's key %q is no instant", job.Key)
	}
	zone, err := d.system.Config.Location()
	if err != nil {
		return 0, err
	}
	year, month, day := due.In(zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60), nil
}

// stamp is the daily time stamp.
func (d *Duties) stamp(ctx context.Context, job *jobs.Job) error {
	_, _, err := d.system.Stamp(ctx, act.JobCaller(StampJob), func(tx *act.Tx) error { return tx.FinishJob(job) })
	return err
}
