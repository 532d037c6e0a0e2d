package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
)

// assign gives every duty to the officer whose role its file names.
func (w *world) assign(ctx context.Context) error {
	return w.handOver(ctx, func(owner string) *employee { return w.officers[owner] })
}

// handOver gives duties to other owners.
func (w *world) handOver(ctx context.Context, to func(owner string) *employee) error {
	desk := w.Desk()
	var all []*tasks.Task
	if err := w.DB.Read(ctx, func(r *store.Reader) (err error) {
		all, err = desk.All(r)
		return err
	}); err != nil {
		return err
	}
	by := w.officers["chief information security officer"].caller()
	for _, t := range all {
		if e := to(t.Owner(w.clock.Now())); e != nil {
			if _, err := desk.Assign(ctx, by, t.ID, e.ref()); err != nil {
				return err
			}
		}
	}
	return nil
}

// perform plans how the duties of the year are done: in time, but for those
// that the story tells of.
func (w *world) perform(ctx context.Context) error {
	leaver, successor := w.officers[w.Departure.Role], w.officers[w.Departure.Successor]
	w.plan(w.Departure.From.at(w.zone, 10), func(ctx context.Context) error {
		return w.handOver(ctx, func(owner string) *employee {
			if owner == leaver.ref() {
				return successor
			}
			return nil
		})
	})
	var year []tasks.Listed
	byPeople := map[string]bool{} // others are done by SCAF itself
	end := w.End.at(w.zone, 9)
	if err := w.DB.Read(ctx, func(r *store.Reader) (err error) {
		all, err := w.Desk().All(r)
		if err != nil {
			return err
		}
		for _, t := range all {
			byPeople[t.ID] = t.PerformedBy == "" && t.ID != controlTests
		}
		year, err = w.Desk().List(r, tasks.Query{From: w.clock.Now(), To: end}, w.clock.Now())
		return err
	}); err != nil {
		return err
	}
	for _, o := range year {
		if byPeople[o.Duty] {
			w.occurrence(o, end)
		}
	}
	return nil
}

// occurrence plans one of them.
func (w *world) occurrence(o tasks.Listed, end time.Time) {
	at := o.DueAt.In(w.zone).AddDate(0, 0, -w.random.IntN(3)).Truncate(24 * time.Hour).Add(time.Duration(9+w.random.IntN(7)) * time.Hour)
	if !at.After(o.OpensAt) {
		at = o.DueAt.Add(-2 * time.Hour)
	}
	reason := ""
	for i := range w.Lapses {
		story := &w.Lapses[i]
		if story.Occurrence == o.ID && story.Cause != "" {
			w.note("", o.ID, story.because())
		}
		switch {
		case story.Occurrence != o.ID:
		case story.Reason != "":
			reason = story.Reason
		case story.Late == 0:
			return // never done
		default:
			at = o.Deadline.AddDate(0, 0, story.Late).Add(-7 * time.Hour)
		}
	}
	if !at.Before(end) {
		return
	}
	shown := w.shown[o.ID]
	if o.Duty == postureReview && reason == "" {
		shown = w.meet(o, at)
	}
	w.plan(at, func(ctx context.Context) error {
		desk := w.Desk()
		if reason != "" {
			_, err := desk.NotOccurring(ctx, w.officers["chief executive officer"].caller(), tasks.Entry{Ref: o.ID, Note: reason})
			return err
		}
		t, _, err := w.Task(ctx, w.officers["compliance lead"].caller(), o.Duty)
		if err != nil {
			return err
		}
		by, now := w.responsible(t), w.clock.Now()
		if by.ref() != t.Responsible(now) {
			if _, err := desk.Delegate(ctx, w.officers["chief executive officer"].as("executive"), t.ID, by.ref(), now.Add(24*time.Hour)); err != nil {
				return err
			}
		}
		left, err := w.leaves(ctx, o.Duty, o.DueAt.In(w.zone))
		if err != nil {
			return fmt.Errorf("%s: %w", o.ID, err)
		}
		if ref, ok := w.named(shown).(string); ok && ref != "" {
			left = append(left, ref)
		}
		_, err = desk.Done(ctx, by.caller(), tasks.Entry{Ref: o.ID, Note: "Done as described: " + o.Title, Evidence: left})
		return err
	})
}

// leaves makes what a duty leaves behind, where a control's test asks for it, and gives
// its references.
func (w *world) leaves(ctx context.Context, duty string, due time.Time) ([]string, error) {
	lead := w.officers["compliance lead"].caller()
	for _, left := range []struct{ duty, file, text string }{
		{"access-review", "access-" + due.Format("2006-01") + ".csv", "system,account,role,decision,by\naudit-pipelines,ci,deployer,keep,platform lead\n"},
		{"executive-summary", "summary-" + due.Format("2006-01") + ".csv", "figure,value,what is done\nhigh vulnerabilities open,0,nothing\nsecrets overdue,0,nothing\nfailed writes of the log,0,nothing\n"},
		{"policy-review", "policies-" + due.Format("2006") + ".csv", "policy,read by,decision\ninformation-security,chief executive officer,stays as it is\nacceptable-use,chief executive officer,stays as it is\n"},
	} {
		if left.duty != duty {
			continue
		}
		file, err := w.AttachFile(ctx, lead, tasks.Register, duty, left.file, "text/csv", strings.NewReader(left.text))
		if err != nil {
			return nil, err
		}
		return []string{attached.Files.Name + "/" + file.ID}, nil
	}
	switch duty {
	case "control-self-assessments":
		id := fmt.Sprintf("SA-ACC-01-%d-Q%d", due.Year(), (int(due.Month())-1)/3+1)
		if err := w.state(ctx, id, "The requests of the quarter."); err != nil {
			return nil, err
		}
		_, err := w.MoveRecord(ctx, lead, assessments.Register, id, record.AnyVersion, assessments.Reviewed, nil)
		return []string{assessments.Register.Name + "/" + id}, err
	}
	return nil, nil
}

// responsible is who does a duty now; while its owner has left, the compliance
// lead stands in.
func (w *world) responsible(t *tasks.Task) *employee {
	ref := t.Responsible(w.clock.Now())
	for _, e := range w.people {
		if e.ref() == ref && (e.gone.IsZero() || e.gone.After(w.clock.Now())) {
			return e
		}
	}
	return w.officers["compliance lead"]
}
