package surface

import (
	"context"
	"errors"
	"log/slog"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/platform/jobs"
)

// WatchJob is the kind of the job that, every day at 00:50 in the organisation's
// time zone, looks at the deadlines of the registers: exceptions and acceptances that
// have ended, findings that are overdue, risks that were rated on an earlier scale, vendors that were
// used before a report of them was asked for. It asks those to
// acknowledge the policies in force who were not asked yet, and assigns the courses
// that are offered to those who have to finish them, for the first time or again. It opens the
// agreements and performance reviews that people owe (people.Plan). What people owed who
// have left ends (SettleLeavers). The agendas of the day's meetings are
// made.
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
		if err == nil {
			log.Info("findings", "reopened", len(found.Reopened), "escalated", len(found.Escalated))
		}
		ended, unsettled := risks.Watch(ctx, s.Door, caller)
		outdated, unasked := risks.AskAnew(ctx, s.Door, caller)
		expected, unexpected := vendors.ExpectReports(ctx, s.Door, caller)
		closed, unclosed := s.SettleLeavers(ctx, caller)
		opened, unopened := people.Plan(ctx, s.Door, caller)
		asked, unaddressed := s.AskEverybody(ctx, caller)
		assigned, unassigned := s.AssignTrainings(ctx, caller)
		reminded, unreminded := s.RemindPeople(ctx, caller)
		prepared, unprepared := s.PrepareMeetings(ctx, caller)
		log.Info("registers", "risks_reopened", len(ended), "risks_to_rate", len(outdated), "reports_expected", expected, "acknowledgments_asked", asked, "trainings_assigned", assigned, "agreements", opened.Agreements, "performance_reviews", opened.Reviews,
			"of_leavers_closed", closed, "reminded", reminded,
			"meetings_prepared", prepared)
		return errors.Join(err, unsettled, unasked, unexpected, unclosed, unopened, unaddressed, unassigned, unreminded, unprepared)
	})
	return nil
}
