// Package demo plays twelve months of an invented company through the real
// code, on a clock that it moves: importers, desk, jobs and tests do what they
// do in any other folder, and nothing is written behind act. The ledger has
// the marked origin of a demonstration.
package demo

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/platform/clock"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Origin names the ledger of every demo.
const Origin = ledger.DemoOrigin + "example-corp-security"

// Period is the name of the period that the company is examined over.
const Period = "2025"

// Config is the configuration of the demo's folder.
func Config() (config.Config, error) {
	c, _, err := script()
	if err != nil {
		return config.Config{}, err
	}
	return config.Config{Origin: Origin, Organization: c.Organization, Timezone: c.Timezone}, nil
}

// Begin is the instant at which the clock stands at first.
func Begin() (time.Time, error) {
	c, _, err := script()
	if err != nil {
		return time.Time{}, err
	}
	zone, err := config.Timezone(c.Timezone)
	return c.Begin.at(zone, 9), err
}

// world is the company at work.
type world struct {
	*surface.System
	company
	words
	clock  *clock.Manual
	zone   *time.Location
	random *rand.Rand
	runner *act.Runner
	// complaints are what the nightly jobs warn of: a job that fails would only be
	// tried again.
	complaints bytes.Buffer

	from, to time.Time // of the period
	agenda   []step
	people   []*employee
	officers map[string]*employee // by role
	period   *periods.Period
	causes   map[deviating]cause // what is known of what went wrong
	made     int                 // changes and acts, for their ids
	// firstChange and firstAct are what is followed when designs are assessed.
	firstChange, firstAct string
	assessments           []assessment
	// known are the records of the story by what they are called in it, shown those
	// that show how occurrences of duties were done.
	known, shown map[string]string
	unsaid       []string // self-assessments that nobody states
	// held are the trainings of the story: one is finished late, one never.
	held []string
}

// step is something that happens at an instant.
type step struct {
	at time.Time
	do func(ctx context.Context) error
}

// Run plays the company's year in a folder that was made with Config and is
// open for writing on the clock. Nothing that it records depends on anything
// but the seed and the program. It plays up to an instant; zero: to the end.
// Progress is told how many steps are done.
func Run(ctx context.Context, s *surface.System, c *clock.Manual, seed uint64, until time.Time, progress func(done, total int64)) error {
	company, words, err := script()
	if err != nil {
		return err
	}
	assessments, err := parse[[]assessment]("assessments.yaml", assessmentsFile)
	if err != nil {
		return err
	}
	zone, err := config.Timezone(company.Timezone)
	if err != nil {
		return err
	}
	w := &world{
		System: s, company: *company, words: *words, clock: c, zone: zone, random: rand.New(rand.NewPCG(seed, 2)), //nolint:gosec // nothing secret
		from: company.From.at(zone, 0), to: company.To.at(zone, 0),
		officers: map[string]*employee{}, causes: map[deviating]cause{}, assessments: *assessments,
		known: map[string]string{}, shown: map[string]string{},
	}
	if err := w.prepare(ctx); err != nil {
		return err
	}
	slices.SortStableFunc(w.agenda, func(a, b step) int { return a.at.Compare(b.at) })
	for i, step := range w.agenda {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !until.IsZero() && step.at.After(until) {
			return nil
		}
		w.clock.Set(step.at)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.at.Format("2006-01-02 15:04"), err)
		}
		if w.complaints.Len() > 0 {
			return fmt.Errorf("%s: a job has failed: %s", step.at.Format("2006-01-02 15:04"), strings.TrimSpace(w.complaints.String()))
		}
		progress(int64(i+1), int64(len(w.agenda)))
	}
	return nil
}

// prepare sets the company up, and writes the agenda of its year.
func (w *world) prepare(ctx context.Context) error {
	log := slog.New(slog.NewTextHandler(&w.complaints, &slog.HandlerOptions{Level: slog.LevelWarn}))
	w.runner = act.NewRunner(w.Door, log)
	if _, err := surface.NewDuties(w.System, w.runner, log); err != nil {
		return err
	}
	for _, schedule := range []func(*surface.System, *act.Runner, *slog.Logger) error{surface.ScheduleCalendar, surface.ScheduleWatch, surface.ScheduleReadiness} {
		if err := schedule(w.System, w.runner, log); err != nil {
			return err
		}
	}
	if err := w.hire(ctx); err != nil {
		return err
	}
	if err := w.runner.RunDue(ctx); err != nil { // the calendar begins
		return err
	}
	if err := w.assign(ctx); err != nil {
		return err
	}
	var err error
	w.period, err = periods.OpenPeriod(ctx, w.Door, w.officers["compliance lead"].caller(), periods.Period{Name: Period, From: w.from, To: w.to, Timezone: w.Timezone})
	if err != nil {
		return err
	}
	end := w.End.at(w.zone, 9)
	for day := w.Begin.at(w.zone, 0).AddDate(0, 0, 1); day.Before(end); day = day.AddDate(0, 0, 1) {
		w.plan(day.Add(80*time.Minute), w.runner.RunDue) // what SCAF does every night
	}
	w.keep()
	if err := w.tell(); err != nil {
		return err
	}
	w.talk()
	w.confirm()
	w.selfAssess()
	w.comeAndGo()
	w.build()
	w.operate()
	w.report()
	w.look()
	w.document()
	if err := w.examine(ctx); err != nil {
		return err
	}
	return w.perform(ctx)
}

// plan puts something on the agenda.
func (w *world) plan(at time.Time, do func(context.Context) error) {
	w.agenda = append(w.agenda, step{at, do})
}

// workdays visits the days of the period from Monday to Friday.
func (w *world) workdays(visit func(day time.Time)) {
	for day := w.from; day.Before(w.to); day = day.AddDate(0, 0, 1) {
		if day.Weekday() != time.Saturday && day.Weekday() != time.Sunday {
			visit(day)
		}
	}
}

// today reports whether an instant lies on one of the days.
func (w *world) today(days []date, at time.Time) bool {
	at = at.In(w.zone)
	return slices.Contains(days, date{at.Year(), int(at.Month()), at.Day()})
}

// pick draws one of a list.
func pick[T any](w *world, list []T) T { return list[w.random.IntN(len(list))] }
