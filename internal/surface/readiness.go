package surface

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
)

// ReadinessJob is the kind of the job that, every day at 01:15 in the
// organisation's time zone, performs the tests whose answer may have changed
// and makes the day's readiness report.
const ReadinessJob = "report.readiness"

// ReadinessQuery says which readiness report is meant; the zero value is that
// of the period that began last, as it is now.
type ReadinessQuery struct {
	Period string
	// At is the instant that the report is for; zero: now.
	At time.Time
	// Since is the instant since when it says what is new; zero: a day before.
	Since time.Time
	// Days is how many days ahead it looks; zero: DefaultDays.
	Days int
}

// Days ahead that a readiness report looks.
const (
	DefaultDays = 7
	MaxDays     = 366
)

// standing is the latest report for people who look. Those who look at once wait for
// one that is made, and see it.
type standing struct {
	mu     sync.Mutex
	report *reports.Readiness // nil: none was made
	size   int64              // of the ledger
	files  []string
}

// fresh is for how long people are shown the same report of an unchanged ledger: what
// is due falls due with time alone.
const fresh = time.Minute

// Standing is the readiness report of the present for people who look at it: at most
// a minute old, and only as long as neither the ledger nor a control's file has
// changed. Several have the same one: nobody changes it.
func (s *System) Standing(ctx context.Context) (*reports.Readiness, error) {
	all, err := s.Controls()
	if err != nil {
		return nil, err
	}
	var files []string
	for _, control := range all {
		files = append(files, control.SHA256)
	}
	last := &s.standing
	last.mu.Lock()
	defer last.mu.Unlock()
	var size int64
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		head, err := ledger.ReadHead(r)
		size = head.Size
		return err
	}); err != nil {
		return nil, err
	}
	if last.report != nil && last.size == size && slices.Equal(last.files, files) {
		if age := s.Clock.Now().Sub(last.report.At); 0 <= age && age < fresh {
			return last.report, nil
		}
	}
	report, err := s.Readiness(ctx, ReadinessQuery{})
	if err == nil {
		last.report, last.size, last.files = report, report.Ledger.Size, files
	}
	return report, err
}

// Readiness builds a readiness report: how the controls stand, what is new
// since a day before, what is late and what becomes a deviation.
func (s *System) Readiness(ctx context.Context, q ReadinessQuery) (*reports.Readiness, error) {
	all, err := s.Controls()
	if err != nil {
		return nil, err
	}
	zone, err := s.Config.Location()
	if err != nil {
		return nil, err
	}
	if q.At.IsZero() {
		// Each then goes on from what the one before has read: its snapshot is later.
		s.present.Lock()
		defer s.present.Unlock()
		q.At = s.Clock.Now()
	}
	if q.Since.IsZero() {
		q.Since = q.At.In(zone).AddDate(0, 0, -1)
	}
	question := reports.Question{
		Organization: s.Config.Organization, Controls: all, Kinds: s.Kinds, Zone: zone, Period: q.Period,
		At: q.At, Since: q.Since, Horizon: time.Duration(cmp.Or(q.Days, DefaultDays)) * 24 * time.Hour,
		Files: &results.Files{Blobs: s.Blobs, Kinds: s.Kinds},
	}
	var report *reports.Readiness
	err = ledger.ReadTogether(ctx, s.DB, 2, func(readers []*store.Reader) (err error) {
		report, err = reports.Build(ctx, question, readers...)
		return err
	})
	return report, err
}

// Day is the instant at which the day of a date ends in the organisation's
// time zone; the present instant when it has not ended.
func (s *System) Day(date string) (time.Time, error) {
	zone, err := s.Config.Location()
	if err != nil {
		return time.Time{}, err
	}
	day, err := time.ParseInLocation(time.DateOnly, date, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %q is no date such as 2026-01-31", ErrDay, date)
	}
	now := s.Clock.Now()
	if day.After(now) {
		return time.Time{}, fmt.Errorf("%w: %s has not begun", ErrDay, date)
	}
	if end := day.AddDate(0, 0, 1).Add(-time.Microsecond); end.Before(now) {
		return end, nil
	}
	return now, nil
}

// ErrDay says: there is no report of such a day.
var ErrDay = errors.New("no report")

// Refresh performs the tests again whose answer in the period may have changed
// since their latest result.
func (s *System) Refresh(ctx context.Context, caller act.Caller, period periods.Period) (*results.Refreshed, error) {
	all, err := s.Controls()
	if err != nil {
		return nil, err
	}
	since, err := s.marked(ctx, period.Name)
	if err != nil {
		return nil, err
	}
	return s.Lab().Refresh(ctx, caller, all, period, since)
}

// marked is the moment up to which the latest daily report has looked at every
// test of a period.
func (s *System) marked(ctx context.Context, period string) (results.Mark, error) {
	var mark results.Mark
	source := ledger.OwnSource(s.Config.Origin)
	err := ledger.Find(ctx, s.DB, ledger.Query{Type: reports.MadeType, Newest: true}, func(e *ledger.Event) error {
		if e.Source != source {
			return nil
		}
		var made reports.Made
		if err := json.Unmarshal(e.Data, &made); err != nil {
			return &ledger.DamageError{Index: e.Index, What: "its data cannot be read: " + err.Error()}
		}
		mark = made.Refreshed[period]
		return ledger.Stop
	})
	return mark, err
}

// ScheduleReadiness hands the daily readiness report to the runner.
func ScheduleReadiness(s *System, runner *act.Runner, log *slog.Logger) error {
	zone, err := s.Config.Location()
	if err != nil {
		return err
	}
	caller := act.JobCaller(ReadinessJob)
	runner.Daily(ReadinessJob, jobs.Daily{Hour: 1, Minute: 15, Zone: zone}, func(ctx context.Context, job *jobs.Job) error {
		performed := 0
		running, err := s.running(ctx)
		if err != nil {
			return err
		}
		marks := map[string]results.Mark{}
		for _, period := range running {
			done, err := s.Refresh(ctx, caller, period)
			if err != nil {
				return err
			}
			performed += len(done.Performed)
			marks[period.Name] = done.Mark
		}
		report, err := s.MakeReadiness(ctx, caller, marks, func(tx *act.Tx) error { return tx.FinishJob(job) })
		if err != nil {
			return err
		}
		log.Info("readiness", "tests performed", performed, "late", len(report.Day.Late), "coming", len(report.Day.Coming))
		return nil
	})
	return nil
}

// running are the periods that have begun and are open.
func (s *System) running(ctx context.Context) ([]periods.Period, error) {
	var running []periods.Period
	now := s.Clock.Now()
	err := s.DB.Read(ctx, func(r *store.Reader) error {
		all, err := periods.List(r)
		for _, p := range all {
			if p.State != periods.Closed && p.From.Before(now) {
				running = append(running, p)
			}
		}
		return err
	})
	return running, err
}

// MakeReadiness makes the readiness report of now, keeps it, and records that
// it did. In the same transaction it does what the caller has to.
func (s *System) MakeReadiness(ctx context.Context, caller act.Caller, refreshed map[string]results.Mark, also func(*act.Tx) error) (*reports.Readiness, error) {
	if err := s.Allow(ctx, caller, "report.make", "report/readiness"); err != nil {
		return nil, err
	}
	report, err := s.Readiness(ctx, ReadinessQuery{})
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(report)
	if err != nil {
		return nil, err
	}
	made := report.Made()
	made.Refreshed = refreshed
	if made.SHA256, _, err = s.Blobs.Put(ctx, bytes.NewReader(document)); err != nil {
		return nil, err
	}
	_, err = s.Door.Do(ctx, caller, "report.make", "report/readiness", func(tx *act.Tx) error {
		if _, err := tx.Event(act.Event{Type: reports.MadeType, Subject: "report/readiness", Data: made}); err != nil {
			return err
		}
		return also(tx)
	})
	return report, err
}
