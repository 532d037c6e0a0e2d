package demo

import (
	"context"
	_ "embed" // the control file
	"fmt"
	"os"
	"path/filepath"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

// controlTests is the duty of testing the controls every quarter.
const controlTests = "control-tests"

//go:embed controls/CHG-02.yaml
var ownControl []byte

// examine adopts the catalog's controls, and plans the assessment of their
// designs, the tests of every quarter, the change of a control, and the final
// tests.
func (w *world) examine(ctx context.Context) error {
	catalog, err := w.FromCatalog()
	if err != nil {
		return err
	}
	_, own, err := w.VersionDesk().Adopt(ctx, w.officers["compliance lead"].caller(), catalog, nil)
	if err != nil {
		return err
	}
	if catalog, err = w.FromCatalog(own...); err != nil { // what the compliance lead owns, another person adopts
		return err
	}
	if _, _, err := w.VersionDesk().Adopt(ctx, w.officers["chief information security officer"].caller(), catalog, nil); err != nil {
		return err
	}
	w.plan(date{w.From.year, int(time.January), 20}.at(w.zone, 11), func(ctx context.Context) error { return w.assess(ctx, "") })
	for month := time.January; month <= time.October; month += 3 {
		day := date{w.From.year, int(month), 14}
		w.plan(day.at(w.zone, 15), func(ctx context.Context) error {
			if err := w.test(ctx); err != nil {
				return err
			}
			latest, err := w.latest(ctx)
			if err != nil {
				return err
			}
			_, err = w.Desk().Done(ctx, w.officers["compliance lead"].caller(), tasks.Entry{
				Ref: controlTests + "@" + date{day.year, day.month, 15}.at(w.zone, 0).Format(time.DateOnly), Note: "All controls that can be tested were tested.",
				Evidence: []string{results.Register.Name + "/" + latest[results.Keys(latest)[0]].ID},
			})
			return err
		})
		w.plan(day.at(w.zone, 17), w.judge)
	}
	w.changeControl()
	closed := w.to.AddDate(0, 0, 4).Add(10 * time.Hour)
	w.plan(closed, func(ctx context.Context) (err error) {
		if w.period, err = periods.Close(ctx, w.Door, w.officers["compliance lead"].caller(), Period); err != nil {
			return err
		}
		return w.test(ctx)
	})
	w.plan(closed.Add(4*time.Hour), w.judge)
	w.plan(closed.AddDate(0, 0, 1), func(ctx context.Context) error {
		if err := w.test(ctx); err != nil { // what was confirmed counts
			return err
		}
		return w.conclude(ctx)
	})
	return nil
}

// changeControl plans that a control gets a file of the company's own: it is
// proposed and approved before it takes effect.
func (w *world) changeControl() {
	from := w.ControlChanged.at(w.zone, 0)
	proposed := from.AddDate(0, 0, -12).Add(10 * time.Hour)
	id := new(string)
	w.plan(proposed, func(ctx context.Context) error {
		control, err := controls.Parse("CHG-02.yaml", ownControl, controls.Builtin(w.Kinds))
		if err != nil {
			return err
		}
		v, err := w.VersionDesk().Propose(ctx, w.officers["engineering lead"].caller(), control, from)
		if err == nil {
			*id = v.ID
		}
		return err
	})
	w.plan(proposed.AddDate(0, 0, 4), func(ctx context.Context) error {
		_, err := w.VersionDesk().Approve(ctx, w.officers["compliance lead"].caller(), "CHG-02", *id)
		return err
	})
	w.plan(from.Add(8*time.Hour), func(ctx context.Context) error {
		dir := filepath.Join(w.Dir, surface.ControlsDir)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "CHG-02.yaml"), ownControl, 0o600); err != nil {
			return err
		}
		return w.assess(ctx, *id)
	})
}

// assess records what was found of the design of a version, or of the versions
// of all controls that can be tested.
func (w *world) assess(ctx context.Context, version string) error {
	for _, a := range w.assessments {
		if version != "" && versions.ControlOf(version) != a.Control {
			continue
		}
		control, err := w.Control(a.Control)
		if err != nil {
			return err
		}
		by := w.officers["compliance lead"]
		if control.Owner == by.Title {
			by = w.officers["security lead"]
		}
		walked := a.Walked
		if walked == "" {
			walked = w.walked(control)
		}
		if _, err := w.VersionDesk().Assess(ctx, by.caller(), versions.Assessment{
			Control: a.Control, Version: version, Risk: a.Risk, Precision: a.Precision, Walkthrough: walked,
			Conclusion: controltests.Effective, Reason: "Followed from its beginning to its end, it works as the file says.",
		}); err != nil {
			return err
		}
	}
	return nil
}

// walked is an item of a control that can be followed from its beginning to its
// end.
func (w *world) walked(control *controls.Control) string {
	switch from := control.Tests[0].Population.From; from {
	case "changes":
		return "change/" + w.firstChange
	case "people":
		return w.people[len(w.Officers)].ref()
	case "events":
		return "events/" + w.firstAct
	default:
		if _, err := w.Kinds.Find(from); err == nil { // what will be in it is not known yet: it was walked through on paper
			from = "workpaper"
		}
		return from + "/" + control.ID + "-walkthrough"
	}
}

// test performs every test that can be, over the parts of the period at which
// each version of its control was in force.
func (w *world) test(ctx context.Context) error {
	all, err := w.Controls()
	if err != nil {
		return err
	}
	lab, by := w.Lab(), w.officers["compliance lead"].caller()
	var run []results.Task
	for _, control := range all {
		parts, err := lab.Plan(ctx, control, w.period)
		if err != nil {
			return err
		}
		for i := range parts {
			if i > 0 && parts[i].From.After(w.clock.Now()) {
				break
			}
			for _, test := range parts[i].Control.Tests {
				if !test.Population.Awaited {
					run = append(run, results.Task{Control: parts[i].Control, Test: test, Period: *w.period, Part: &parts[i].Part})
				}
			}
		}
	}
	return lab.Run(ctx, by, run, func(_ int, _ *results.Outcome, err error) error { return err })
}

// latest are the results of the period that were made last.
func (w *world) latest(ctx context.Context) (latest map[results.Key]results.Result, err error) {
	err = w.DB.Read(ctx, func(r *store.Reader) (err error) {
		latest, err = results.Latest(r, Period, 0)
		return err
	})
	return latest, err
}

// conclude gives management's conclusion on the results that the rule leaves to
// people.
func (w *world) conclude(ctx context.Context) error {
	latest, err := w.latest(ctx)
	if err != nil {
		return err
	}
	by := w.officers["chief executive officer"].caller()
	for _, key := range results.Keys(latest) {
		r := latest[key]
		if !r.NeedsJudgment || r.Conclusion == controltests.Incomplete {
			continue
		}
		if _, err := w.Lab().Conclude(ctx, by, r.ID, judgments.Conclusion{
			Role: judgments.Management, Conclusion: r.Conclusion, Reason: fmt.Sprintf("%d of %d deviated, each with its cause; nothing stood in for it.", r.Deviations, r.Count),
		}); err != nil {
			return err
		}
	}
	return nil
}
