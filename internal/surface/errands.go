package surface

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
)

// TestJob is the kind of the job that tests controls when somebody asks for it.
const TestJob = "control.test"

// Errand is work that may take long and that somebody asks for in the portal: a job of
// scaf serve does it.
type Errand struct {
	Job, Title string
	action     string // what whoever asks for it must be allowed to do
}

// Errands are all of them.
var Errands = []Errand{
	{TestJob, "Testing controls", "control.test"},
	{FeedsJob, "Reading the regulatory feeds", "regulatory_feed.fetch"},
	{ReconcileJob, "Comparing with the HR system", "hris.reconcile"},
}

// ErrUnderWay says: an errand of this kind waits, or is being done.
var ErrUnderWay = errors.New("it is under way already")

// errand is the payload of a job that somebody asked for.
type errand struct {
	Controls []string `json:"controls,omitempty"` // to be tested; all of them when there is none
	AskedBy  string   `json:"asked_by,omitempty"`
}

// RunErrand has a job done as soon as the runner comes to it. Who asked is in the
// ledger; ErrUnderWay where one is waiting that does the same, or more.
func (s *System) RunErrand(ctx context.Context, caller act.Caller, job string, controls ...string) error {
	i := slices.IndexFunc(Errands, func(e Errand) bool { return e.Job == job })
	if i < 0 {
		return fmt.Errorf("%q is no errand", job)
	}
	if err := s.Allow(ctx, caller, Errands[i].action, "job/"+job); err != nil {
		return err
	}
	if job == ReconcileJob && (s.Config.HRIS == nil || s.Config.HRIS.ReadFrom == "") {
		return ErrNoHRIS
	}
	for _, id := range controls {
		if _, err := s.Control(id); err != nil {
			return err
		}
	}
	_, err := s.Door.Do(ctx, caller, Errands[i].action, "job/"+job, func(tx *act.Tx) error {
		last, err := jobs.Last(&tx.Reader, job)
		if err != nil {
			return err
		}
		if last != nil && last.State == jobs.Waiting && !last.RunAt.After(tx.Now()) {
			var before errand
			if err := json.Unmarshal(last.Payload, &before); err != nil {
				return err
			}
			if len(before.Controls) == 0 || slices.Equal(before.Controls, controls) {
				return ErrUnderWay // which does this, too
			}
		}
		asked := errand{controls, tx.Caller().ID}
		if _, err := tx.Event(act.Event{Type: "scaf.job.asked.v1", Subject: "job/" + job, Data: asked}); err != nil {
			return err
		}
		return tx.Enqueue(job, "asked "+tx.NewID(), asked, tx.Now())
	})
	return err
}

// LastErrands is where the latest job of each errand stands; those that were never
// done are not in it.
func (s *System) LastErrands(ctx context.Context) (map[string]*jobs.Standing, error) {
	all := map[string]*jobs.Standing{}
	return all, s.DB.Read(ctx, func(r *store.Reader) error {
		for _, e := range Errands {
			last, err := jobs.Last(r, e.Job)
			if err != nil {
				return err
			}
			if last != nil {
				all[e.Job] = last
			}
		}
		return nil
	})
}

// ScheduleErrands hands the tests that somebody asks for to the runner.
func ScheduleErrands(s *System, runner *act.Runner, log *slog.Logger) error {
	runner.Handle(TestJob, func(ctx context.Context, job *jobs.Job) error {
		var asked errand
		if err := json.Unmarshal(job.Payload, &asked); err != nil {
			return err
		}
		running, err := s.running(ctx)
		if err != nil {
			return err
		}
		performed := 0
		for _, period := range running {
			var done *results.Refreshed
			if len(asked.Controls) == 0 {
				done, err = s.Refresh(ctx, act.JobCaller(TestJob), period)
			} else {
				var chosen []*controls.Control
				for _, id := range asked.Controls {
					control, err := s.Control(id)
					if err != nil {
						return err
					}
					chosen = append(chosen, control)
				}
				done, err = s.Lab().Refresh(ctx, act.JobCaller(TestJob), chosen, period, results.Mark{})
			}
			if err != nil {
				return err
			}
			performed += len(done.Performed)
		}
		log.Info("tests that were asked for", "by", asked.AskedBy, "performed", performed)
		return nil
	})
	return nil
}
