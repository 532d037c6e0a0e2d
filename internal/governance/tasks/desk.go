package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Standing is how somebody stands in the organisation.
type Standing int

// The standings.
const (
	// NoPerson: the reference names a role or a program, not a person.
	NoPerson Standing = iota
	// Present: the person is there.
	Present
	// Gone: the person has left.
	Gone
	// Unknown: there is no such person.
	Unknown
)

// Directory knows the people. The register of people is another domain: who
// puts the program together hands in what reads it.
type Directory interface {
	Standing(r *store.Reader, ref string) (Standing, error)
	// Answers reports whether a caller is the owner that a duty names: a reference, or
	// the words of a role.
	Answers(r *store.Reader, caller act.Caller, owner string) (bool, error)
	// Find is the record that a reference names; nil: none.
	Find(r *store.Reader, ref string) (*Named, error)
}

// Named is a record that an entry names.
type Named struct {
	State string
	At    *time.Time // its instant; nil: it has none
}

// Desk is where duties are worked on.
type Desk struct {
	Door   *act.Door
	People Directory
	// Past reads what was recorded, in a snapshot.
	Past func(r *store.Reader) record.Past
}

// Entry is what somebody records about an occurrence.
type Entry struct {
	// Ref is "duty@date", or "duty" for the occurrence that is to be done now.
	Ref      string
	Note     string
	Evidence []string
	// Attach attaches files that show it to the duty, and gives their references, which
	// are evidence as well; nil: there are none.
	Attach func(tx *act.Tx) (refs []string, err error)
}

const (
	maxNote     = 4000 // bytes
	maxEvidence = 50
)

// shows reports whether the entry has evidence.
func (e *Entry) shows() bool { return len(e.Evidence) > 0 || e.Attach != nil }

func (e *Entry) check() error {
	if len(e.Note) > maxNote {
		return fmt.Errorf("%w: the text has %d bytes, at most %d are taken", ErrRefused, len(e.Note), maxNote)
	}
	if len(e.Evidence) > maxEvidence {
		return fmt.Errorf("%w: %d references to evidence, at most %d are taken", ErrRefused, len(e.Evidence), maxEvidence)
	}
	return nil
}

// Done records that an occurrence was done: now, and not at any earlier time.
// An occurrence opens when the one before it falls due; before, it is refused.
// An occurrence that is late or missed stays so; what was done is recorded
// beside it. Its owner does so, or whom it was delegated to, and says what came of it
// or names the evidence; what the duty asks for has to be named (Task.Evidence). Somebody
// at this machine, who could name either of them (ADR 16), may enter it under their own
// name. Until its grace ends, those who may do it can name more evidence of what is done.
func (d *Desk) Done(ctx context.Context, caller act.Caller, e Entry) (*Occurrence, error) {
	if strings.TrimSpace(e.Note) == "" && !e.shows() {
		return nil, fmt.Errorf("%w: say what came of it, or name the evidence", ErrRefused)
	}
	return d.enter(ctx, caller, "task.done", e, func(tx *act.Tx, t *Task, o *Occurrence, p *Performance) (string, error) {
		if t.PerformedBy != "" {
			return "", fmt.Errorf("%w: %s is done by SCAF itself: the event %s shows it", ErrRefused, t.ID, t.PerformedBy)
		}
		if may, err := d.MayDo(&tx.Reader, tx.Caller(), t, o, tx.Now()); err != nil {
			return "", err
		} else if !may {
			return "", fmt.Errorf("%w: %s is done by %s: whoever does it instead is made its owner, or it is delegated to them, before", ErrRefused, o.ID, o.Responsible)
		}
		made := Doing{At: tx.Now(), By: tx.Caller().ID, Note: e.Note, Evidence: e.Evidence}
		if e.Attach != nil {
			attached, err := e.Attach(tx)
			if err != nil {
				return "", err
			}
			made.Evidence = append(slices.Clip(made.Evidence), attached...)
		}
		if err := d.shows(&tx.Reader, t, o, append(slices.Clip(o.Evidence), made.Evidence...)); err != nil {
			return "", err
		}
		if p.Done != nil {
			p.Added = append(p.Added, made)
			return "evidence-added", nil
		}
		p.Done = &made
		return "done", nil
	})
}

// local is what the reference of somebody at this machine begins with.
const local = "local/"

// MayDo reports whether a caller may record that an occurrence was done: its owner when
// it was due or now, whom it is delegated to, and somebody at this machine.
func (d *Desk) MayDo(r *store.Reader, caller act.Caller, t *Task, o *Occurrence, now time.Time) (bool, error) {
	if strings.HasPrefix(caller.ID, local) {
		return true, nil
	}
	for _, owner := range []string{o.Owner, o.Responsible, t.Owner(now), t.Responsible(now)} {
		if answers, err := d.People.Answers(r, caller, owner); err != nil || answers {
			return answers, err
		}
	}
	return false, nil
}

// NotOccurring records why there is nothing to do in an occurrence. The owner,
// and whom it was delegated to, cannot say so themselves; nobody can once its
// grace has ended.
func (d *Desk) NotOccurring(ctx context.Context, caller act.Caller, e Entry) (*Occurrence, error) {
	if strings.TrimSpace(e.Note) == "" {
		return nil, fmt.Errorf("%w: say why there is nothing to do", ErrRefused)
	}
	return d.enter(ctx, caller, "task.not-occurring", e, func(tx *act.Tx, t *Task, o *Occurrence, p *Performance) (string, error) {
		if by := tx.Caller().ID; by == o.Owner || by == o.Responsible || by == t.Owner(tx.Now()) {
			return "", fmt.Errorf("%w: %s answers for %s: somebody else has to say that there is nothing to do", ErrRefused, by, o.ID)
		}
		if tx.Now().After(o.Deadline) {
			return "", fmt.Errorf("%w: %s is %s since %s, and stays so", ErrRefused, o.ID, o.State, o.Deadline.Format(time.RFC3339))
		}
		p.NotOccurring = &Doing{At: tx.Now(), By: tx.Caller().ID, Note: e.Note, Evidence: e.Evidence}
		return "not-occurring", nil
	})
}

// MayAdd reports whether more evidence can be named of an occurrence that is done.
func (o *Occurrence) MayAdd(now time.Time) bool {
	return o.DoneAt != nil && o.Event == nil && !now.After(o.Deadline)
}

// enter records something about an occurrence: entry makes it, and gives the verb of its
// event.
func (d *Desk) enter(ctx context.Context, caller act.Caller, action string, e Entry, entry func(*act.Tx, *Task, *Occurrence, *Performance) (string, error)) (*Occurrence, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	duty, _ := Split(e.Ref)
	var made *Occurrence
	_, err := d.Door.Do(ctx, caller, action, "task/"+duty, func(tx *act.Tx) error {
		t, _, err := get(&tx.Reader, duty)
		if err != nil {
			return err
		}
		past := d.Past(&tx.Reader)
		o, err := find(past, t, e.Ref, tx.Now())
		if err != nil {
			return err
		}
		p, version, err := performance(&tx.Reader, o.ID)
		if err != nil {
			return err
		}
		switch {
		case o.DoneAt != nil && (action != "task.done" || !e.shows() || !o.MayAdd(tx.Now())):
			return fmt.Errorf("%w: %s was done at %s by %s", record.ErrSame, o.ID, o.DoneAt.Format(time.RFC3339), o.DoneBy)
		case o.OpensAt.After(tx.Now()):
			return fmt.Errorf("%w: about %s something can be recorded from %s on, when the one before it has fallen due", ErrRefused, o.ID, o.OpensAt.Format(time.RFC3339))
		case p.NotOccurring != nil:
			return fmt.Errorf("%w: %s is not occurring, as %s recorded: %s", ErrRefused, o.ID, o.ReasonBy, o.Reason)
		}
		for _, ref := range e.Evidence {
			if found, err := d.People.Find(&tx.Reader, ref); err != nil {
				return err
			} else if found == nil {
				return lacking("%q names no record here: name one like evidence/EVD-1 or meeting/MTG-1, and say in the text where anything else is", ref)
			}
		}
		p.Duty, p.DueAt = t.ID, o.DueAt
		verb, err := entry(tx, t, o, p)
		if err != nil {
			return err
		}
		if _, err := record.Put(tx, Performances, record.Change{Verb: verb, ID: o.ID, Doc: p, Expect: version}); err != nil {
			return err
		}
		made, err = find(past, t, o.ID, tx.Now())
		return err
	})
	return made, err
}

// find gives the occurrence that the reference means at an instant. Without a
// date it is the earliest that is due or late, or else the one that comes next.
func find(past record.Past, t *Task, ref string, now time.Time) (*Occurrence, error) {
	_, date := Split(ref)
	from, to := now.AddDate(-1, -2, 0), now.AddDate(1, 2, 0)
	if date != "" {
		at, err := time.Parse(time.DateOnly, date)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no date such as 2026-01-31", ErrNone, date)
		}
		from, to = at.AddDate(0, 0, -2), at.AddDate(0, 0, 3)
	}
	var found, next *Occurrence
	err := eachOf([]*duty{of(t)}, past, from, to, at(now), func(_ *Task, o *Occurrence) error {
		open := o.State == calendar.Due || o.State == calendar.Late && o.DoneAt == nil
		switch {
		case date != "":
			if o.ID == t.ID+"@"+date {
				found = o
			}
		case found == nil && open:
			found = o
		case next == nil && o.DueAt.After(now) && o.DoneAt == nil && o.State != calendar.NotOccurring:
			next = o
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case found != nil:
		return found, nil
	case next != nil && date == "":
		return next, nil
	case date != "":
		return nil, fmt.Errorf("%w: %s has no occurrence on %s: it is %s", ErrNone, t.ID, date, describe(t))
	}
	return nil, fmt.Errorf("%w: %s has no occurrence that is to be done: it is %s", ErrNone, t.ID, describe(t))
}

func describe(t *Task) string {
	s := t.Schedule()
	return s.String() + " (" + s.Timezone + ")"
}

// at is the clock that stands at an instant.
func at(now time.Time) clock { return func(*Performance, *record.Fact) time.Time { return now } }

// maxDelegation is the longest that a duty can be handed to somebody else; for
// longer it gets another owner.
const maxDelegation = 366 * 24 * time.Hour

// Delegate hands a duty to somebody else until an instant.
func (d *Desk) Delegate(ctx context.Context, caller act.Caller, duty, to string, until time.Time) (*Task, error) {
	return d.change(ctx, caller, duty, "task.delegate", "delegated", func(tx *act.Tx, t *Task) error {
		until := until.UTC().Truncate(time.Microsecond)
		switch now := tx.Now(); {
		case !until.After(now):
			return fmt.Errorf("%w: the delegation would end at %s, which is over", ErrRefused, until.Format(time.RFC3339))
		case until.Sub(now) > maxDelegation:
			return fmt.Errorf("%w: a delegation lasts at most %d days: give the task another owner", ErrRefused, maxDelegation/(24*time.Hour))
		case to == t.Owner(now):
			return fmt.Errorf("%w: %s is the owner of %s", ErrRefused, to, t.ID)
		}
		if err := d.present(tx, to); err != nil {
			return err
		}
		t.Delegations = append(t.Delegations, Delegation{To: to, At: tx.Now(), Until: until, By: tx.Caller().ID})
		return nil
	})
}

// Assign gives a duty another owner.
func (d *Desk) Assign(ctx context.Context, caller act.Caller, duty, owner string) (*Task, error) {
	return d.change(ctx, caller, duty, "task.assign", "assigned", func(tx *act.Tx, t *Task) error {
		if owner == t.Owner(tx.Now()) {
			return fmt.Errorf("%w: %s is the owner of %s", record.ErrSame, owner, t.ID)
		}
		if err := d.present(tx, owner); err != nil {
			return err
		}
		t.Owners = append(t.Owners, Ownership{Owner: owner, Since: tx.Now(), By: tx.Caller().ID})
		t.Orphaned = nil
		return nil
	})
}

// present refuses people who are not there.
func (d *Desk) present(tx *act.Tx, ref string) error {
	if strings.TrimSpace(ref) == "" || len(ref) > 200 {
		return fmt.Errorf("%w: name a person like person/E1001, or a role", ErrRefused)
	}
	standing, err := d.People.Standing(&tx.Reader, ref)
	switch {
	case err != nil:
		return err
	case standing == Gone:
		return fmt.Errorf("%w: %s has left", ErrRefused, ref)
	case standing == Unknown:
		return fmt.Errorf("%w: there is no %s in the register of people", ErrRefused, ref)
	}
	return nil
}

// change makes a new version of a duty.
func (d *Desk) change(ctx context.Context, caller act.Caller, duty, action, verb string, edit func(*act.Tx, *Task) error) (*Task, error) {
	duty, _ = Split(duty)
	var made *Task
	_, err := d.Door.Do(ctx, caller, action, "task/"+duty, func(tx *act.Tx) error {
		t, version, err := get(&tx.Reader, duty)
		if err != nil {
			return err
		}
		if err := edit(tx, t); err != nil {
			return err
		}
		made = t
		_, err = record.Put(tx, Register, record.Change{Verb: verb, ID: t.ID, Doc: t, Expect: version})
		return err
	})
	return made, err
}

// Establish puts duties into the register that are not there, and makes the
// change of those whose file has changed. It returns the ids of both. Nothing
// happens, and no event is made, when there is nothing to do.
func (d *Desk) Establish(ctx context.Context, caller act.Caller, duties []Duty) (changed []string, err error) {
	_, err = d.Door.Do(ctx, caller, "task.establish", "tasks", func(tx *act.Tx) error {
		changed = nil
		for i := range duties {
			duty := &duties[i]
			t, version, err := get(&tx.Reader, duty.ID)
			verb := "revised"
			switch {
			case errors.Is(err, ErrNone):
				t, verb = &Task{ID: duty.ID}, "established"
			case err != nil:
				return err
			}
			if !t.take(duty, tx.Now(), tx.Caller().ID) {
				continue
			}
			if _, err := record.Put(tx, Register, record.Change{Verb: verb, ID: t.ID, Doc: t, Expect: version}); err != nil {
				return err
			}
			changed = append(changed, duty.ID)
		}
		return nil
	})
	slices.Sort(changed)
	return changed, err
}

// take puts what the duty's file says into the task; false: it does so already.
func (t *Task) take(duty *Duty, now time.Time, by string) bool {
	planned := len(t.Schedules) > 0 && t.Schedule() == duty.Schedule
	if t.SHA256 == duty.SHA256 && planned {
		return false
	}
	t.Title, t.What, t.Narrative, t.PerformedBy, t.Escalate, t.SHA256 = duty.Title, duty.What, duty.Narrative, duty.PerformedBy, duty.Escalate, duty.SHA256
	if t.Evidence = nil; len(duty.Evidence.Like) > 0 {
		t.Evidence = &duty.Evidence
	}
	if !planned {
		t.Schedules = append(t.Schedules, Plan{now, duty.Schedule})
	}
	if len(t.Owners) == 0 { // later owners are named by people, not by files
		t.Owners = []Ownership{{duty.Owner, now, by}}
	}
	return true
}
