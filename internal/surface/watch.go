package surface

import (
	"context"
	"log/slog"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/platform/jobs"
)

// WatchJob is the kind of the job that, every day at 00:50 in the organisation's
// time zone, looks at the deadlines of the registers: exceptions and acceptances that
// have ended, findings that are overdue.
const WatchJob = "register.watch"

// ScheduleWatch hands the daily look at the registers to the runner.
func ScheduleWatch(s *System, runner *act.Runner, log *slog.Logger) error {
	zone, err := s.Config.Location()
	if err != nil {
		return err
	}
	caller := act.JobCaller(WatchJob)
	runner.Daily(WatchJob, jobs.Daily{Hour: 0, Minute: 50, Zone: zone}, func(ctx context.Context, _ *jobs.Job) error {
		found, err := findings.Watch(ctx, s.Door, caller)
		if err != nil {
			return err
		}
		ended, err := risks.Watch(ctx, s.Door, caller)
		if err != nil {
			return err
		}
		log.Info("registers", "findings_reopened", len(found.Reopened), "findings_escalated", len(found.Escalated), "risks_reopened", len(ended))
		return nil
	})
	return nil
}
