package surface

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
)

// CalendarJob is the kind of the job that, every day at 00:45 in the
// organisation's time zone, puts the catalog's duties into the register,
// escalates what was not done, and marks duties whose owner has left. After
// the first start it runs at once.
const CalendarJob = "tasks.calendar"

// DutiesDir is the folder, in the data folder, of an organisation's own duties.
// They are added to the catalog's, or take the place of the one with the same
// id.
const DutiesDir = "duties"

// Duties loads the catalog's duties and the organisation's own.
func (s *System) Duties() ([]tasks.Duty, error) {
	zone, err := s.Config.Location()
	if err != nil {
		return nil, err
	}
	base, err := tasks.Load(catalog.Duties(), zone.String())
	if err != nil {
		return nil, fmt.Errorf("the built-in catalog: %w", err)
	}
	dir := filepath.Join(s.Dir, DutiesDir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return base, nil
	}
	own, err := tasks.Load(os.DirFS(dir), zone.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	for i := range own {
		for _, name := range own[i].Evidence.Kinds() {
			if !slices.ContainsFunc(s.Kinds, func(k *record.Kind) bool { return k.Name == name }) {
				return nil, fmt.Errorf("%s: %s: evidence.like: there are no records %s/…", dir, own[i].File, name)
			}
		}
	}
	return tasks.Override(base, own), nil
}

// Desk is where the duties of this system are worked on.
func (s *System) Desk() *tasks.Desk {
	return &tasks.Desk{Door: s.Door, People: directory{s.Kinds}, Past: func(r *store.Reader) record.Past {
		return populations.Past(populations.Stored(r), 0)
	}}
}

// directory reads from the register of people how somebody stands. It gives
// away nothing else of the person, so it is not a reading of personal data.
type directory struct{ kinds record.Kinds }

// Standing implements tasks.Directory.
func (d directory) Standing(r *store.Reader, ref string) (tasks.Standing, error) {
	kind, id, err := d.kinds.Parse(ref)
	if err != nil || kind != people.Register {
		return tasks.NoPerson, nil //nolint:nilerr // the words of a role are no reference
	}
	v, err := record.Get(r, kind.Name, id)
	if errors.Is(err, record.ErrNone) {
		return tasks.Unknown, nil
	}
	if err != nil {
		return tasks.Unknown, err
	}
	var person people.Person
	if err := json.Unmarshal(v.Doc, &person); err != nil {
		return tasks.Unknown, err
	}
	if person.State == people.Left { // who leaves later has work to hand over
		return tasks.Gone, nil
	}
	return tasks.Present, nil
}

// Answers implements tasks.Directory.
func (d directory) Answers(r *store.Reader, caller act.Caller, owner string) (bool, error) {
	actor, err := versions.ActorOf(r, caller)
	return err == nil && answersFor(owner, actor), err
}

// answersFor reports whether somebody is the owner that a duty or a record names: by
// their reference, name or title, or by one of their roles.
func answersFor(owner string, actor versions.Actor) bool {
	return versions.Owns(owner, actor) || slices.ContainsFunc(actor.Roles, func(role string) bool { return strings.EqualFold(role, owner) })
}

// Find implements tasks.Directory.
func (d directory) Find(r *store.Reader, ref string) (*tasks.Named, error) {
	kind, id, err := d.kinds.Parse(ref)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // what is no reference names nothing
	}
	v, err := record.Get(r, kind.Name, id)
	if errors.Is(err, record.ErrNone) {
		return nil, nil //nolint:nilnil // it names nothing
	}
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	found := &tasks.Named{}
	if err := json.Unmarshal(v.Doc, &fields); err != nil {
		return nil, fmt.Errorf("%s: %w", v.Ref(), err)
	}
	_ = json.Unmarshal(fields["state"], &found.State) // not every record has one
	if kind == attached.Files && found.State == attached.Removed {
		return nil, nil //nolint:nilnil // it was taken off
	}
	_ = json.Unmarshal(fields[kind.At], &found.At)
	return found, nil
}

// MayDo reports whether a caller may record that an occurrence was done now.
func (s *System) MayDo(ctx context.Context, caller act.Caller, t *tasks.Task, o *tasks.Occurrence) (may bool, err error) {
	if s.Auth.Authorize(caller, "task.done", tasks.Register.Name+"/"+t.ID) != nil {
		return false, nil //nolint:nilerr // it is the answer
	}
	return may, s.DB.Read(ctx, func(r *store.Reader) (err error) {
		may, err = s.Desk().MayDo(r, caller, t, o, s.Clock.Now())
		return err
	})
}

// Done records that an occurrence was done, or names more evidence of one that is. A file
// that shows it, where there is one, is attached to the duty, and its evidence.
func (s *System) Done(ctx context.Context, caller act.Caller, e tasks.Entry, name string, content io.Reader) (*tasks.Occurrence, error) {
	if content != nil {
		duty, _ := tasks.Split(e.Ref)
		ref := tasks.Register.Name + "/" + duty
		if err := s.Allow(ctx, caller, "task.done", ref); err != nil {
			return nil, err
		}
		stored, err := s.storeFile(ctx, ref, name, content)
		if err != nil {
			return nil, err
		}
		e.Attach = func(tx *act.Tx) ([]string, error) {
			file, err := attached.AttachFile(tx, s.Kinds, *stored)
			if err != nil {
				return nil, err
			}
			return []string{attached.Files.Name + "/" + file.ID}, nil
		}
	}
	return s.Desk().Done(ctx, caller, e)
}

// Establish puts duties into the register that are not there, and takes the
// changes of files that have changed.
func (s *System) Establish(ctx context.Context, caller act.Caller) ([]string, error) {
	duties, err := s.Duties()
	if err != nil {
		return nil, err
	}
	return s.Desk().Establish(ctx, caller, duties)
}

// Occurrences lists occurrences of duties as they stand now. Before the first
// start it shows those that the catalog's duties will have.
func (s *System) Occurrences(ctx context.Context, caller act.Caller, q tasks.Query) ([]tasks.Listed, error) {
	if err := s.Allow(ctx, caller, "record.read", "tasks"); err != nil {
		return nil, err
	}
	desk, now := s.Desk(), s.Clock.Now()
	var listed []tasks.Listed
	err := s.DB.Read(ctx, func(r *store.Reader) error {
		known, err := desk.All(r)
		if err != nil {
			return err
		}
		if len(known) > 0 {
			listed, err = desk.List(r, q, now)
			return err
		}
		duties, err := s.Duties()
		if err != nil {
			return err
		}
		listed, err = desk.Preview(r, duties, q, now)
		return err
	})
	return listed, err
}

// ScheduleCalendar hands the calendar's daily job to the runner.
func ScheduleCalendar(s *System, runner *act.Runner, log *slog.Logger) error {
	zone, err := s.Config.Location()
	if err != nil {
		return err
	}
	caller := act.JobCaller(CalendarJob)
	runner.Daily(CalendarJob, jobs.Daily{Hour: 0, Minute: 45, Zone: zone}, func(ctx context.Context, _ *jobs.Job) error {
		changed, err := s.Establish(ctx, caller)
		if err != nil {
			return err
		}
		found, err := s.Desk().Watch(ctx, caller)
		if err != nil {
			return err
		}
		log.Info("calendar", "established", len(changed), "escalated", len(found.Escalated), "orphaned", len(found.Orphaned))
		return nil
	})
	return nil
}

// Task reads a duty, and the occurrence of it that the reference means: without
// a date the one that is to be done now, nil when there is none.
func (s *System) Task(ctx context.Context, caller act.Caller, ref string) (*tasks.Task, *tasks.Occurrence, error) {
	if err := s.Allow(ctx, caller, "record.read", "tasks"); err != nil {
		return nil, nil, err
	}
	var task *tasks.Task
	var occurrence *tasks.Occurrence
	err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		task, occurrence, err = s.Desk().Show(r, ref, s.Clock.Now())
		return err
	})
	return task, occurrence, err
}
