package surface

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/exercises"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/operations/sites"
	"scaf.dev/scaf/internal/operations/systems"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/ledger"
)

// review is a state in which a record waits for somebody else.
type review struct {
	kind  *record.Kind
	state string
	// verbs are of the events that bring it there.
	verbs []string
	// permission is who may give what it waits for; to the state they move it.
	permission, to string
	// not are fields of the document, beside those of the transition, that name who
	// cannot.
	not []string
	// what it waits for, and where.
	what string
	page func(id string, doc json.RawMessage) place
}

// reviews are all of them. A register whose records wait for somebody has a line.
var reviews = []review{
	{kind: findings.Register, state: findings.Remediated, verbs: []string{"moved"}, permission: "finding.close", to: findings.Closed, what: "its retest"},
	{kind: policies.Versions, state: policies.InReview, verbs: []string{"moved"}, permission: "policy_version.approve", to: policies.Approved, what: "approval"},
	{kind: policies.Versions, state: policies.Approved, verbs: []string{"moved"}, permission: "policy_version.publish", to: policies.InForce, what: "coming into force"},
	{kind: assessments.Register, state: assessments.Submitted, verbs: []string{"moved"}, permission: "self_assessment.review", to: assessments.Reviewed, what: "its review"},
	{kind: vendors.Register, state: vendors.Assessed, verbs: []string{"moved"}, permission: "vendor.approve", to: vendors.Approved, what: "approval"},
	{kind: meetings.Register, state: meetings.Held, verbs: []string{"moved"}, permission: "meeting.confirm", to: meetings.Confirmed, what: "somebody to confirm its minutes"},
	{kind: exercises.Register, state: exercises.Held, verbs: []string{"moved"}, permission: "exercise.review", to: exercises.Reviewed, what: "its review"},
	{kind: systems.Register, state: systems.Proposed, verbs: []string{"added"}, permission: "system.approve", to: systems.InUse, what: "approval"},
	{kind: systems.DataSets, state: systems.Proposed, verbs: []string{"added"}, permission: "data_set.approve", to: systems.InUse, what: "approval"},
	{kind: systems.Copies, state: "requested", verbs: []string{"added"}, permission: "data_copy.approve", to: "approved", what: "approval"},
	{kind: systems.Disposals, state: "done", verbs: []string{"moved"}, permission: "data_disposal.witness", to: "witnessed", what: "a witness"},
	{kind: sites.Reviews, state: sites.Reviewed, verbs: []string{"moved"}, permission: "site_review.confirm", to: sites.Confirmed, what: "somebody to confirm it"},
	{kind: people.JobChanges, state: people.Recorded, verbs: []string{"recorded"}, permission: "job_change.review", to: people.Reviewed, what: "a review of the access"},
	{kind: vendors.Subprocessors, state: "proposed", verbs: []string{"added"}, permission: "subprocessor.review", to: "reviewed", what: "its review"},
	{kind: versions.Register, state: versions.Proposed, verbs: []string{"proposed"}, permission: "control.approve", not: []string{"proposed_by", "proposed_via"}, what: "approval", page: controlPage},
	{kind: documents.Register, state: documents.Prepared, verbs: []string{"collected"}, permission: "evidence.review", not: []string{"prepared_by", "entered_by"}, what: "a reader", page: controlPage},
}

// controlPage is the page of the control that a document names.
func controlPage(_ string, doc json.RawMessage) place {
	var of struct{ Control string }
	if json.Unmarshal(doc, &of) != nil {
		return place{"/controls", "control.read"}
	}
	return place{"/controls/" + url.PathEscape(of.Control), "control.read"}
}

// ofEvent makes the notes of an event.
type ofEvent func(a *audience, e *ledger.Event) ([]notifications.Note, error)

// causes are, by type, the events of which somebody is told.
var causes = func() map[string][]ofEvent {
	all := map[string][]ofEvent{
		ledger.VerifiedType:                       {notVerified},
		typeOf(findings.Register, "escalated"):    {findingEscalated},
		typeOf(tasks.Performances, "escalated"):   {dutyEscalated},
		typeOf(policies.Acknowledgments, "asked"): {acknowledgmentAsked},
		typeOf(policies.Acknowledgments, "added"): {acknowledgmentAsked},
		typeOf(training.Register, "assigned"):     {trainingAssigned},
		// Reminders are made with the registers' nightly watch (RemindPeople).
		typeOf(policies.Acknowledgments, "reminded"): {acknowledgmentAsked},
		typeOf(training.Register, "reminded"):        {trainingAssigned},
		typeOf(training.Register, "added"):           {trainingAssigned},
		typeOf(communication.Announcements, "moved"): {announced},
	}
	waiting := map[string]bool{}
	for i := range reviews {
		for _, verb := range reviews[i].verbs {
			if name := typeOf(reviews[i].kind, verb); !waiting[name] {
				waiting[name] = true
				all[name] = append(all[name], waits)
			}
		}
	}
	return all
}()

func typeOf(kind *record.Kind, verb string) string { return "scaf." + kind.Name + "." + verb + ".v1" }

// Reactions are the jobs that react to events (act.Config). In a demonstration
// there are none: its people are invented.
func (s *System) Reactions() map[string]string {
	if s.Demonstration() {
		return nil
	}
	all := map[string]string{}
	for name := range causes {
		all[name] = TellJob
	}
	maps.Copy(all, s.answering())
	return all
}

// react tells of the events of one action. What is no longer so is told to nobody:
// what was asked and has been answered meanwhile.
func (s *System) react(ctx context.Context, job *jobs.Job) error {
	desk, err := s.NotificationDesk()
	if err != nil {
		return err
	}
	var to act.Reaction
	if err := json.Unmarshal(job.Payload, &to); err != nil {
		return err
	}
	var notes []notifications.Note
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		a, err := s.audience(r)
		if err != nil {
			return err
		}
		var events []*ledger.Event
		if err := ledger.FindIn(r, ledger.Query{Type: "scaf.*", From: to.First, To: to.First + int64(to.Events)}, func(e *ledger.Event) error {
			if causes[e.Type] != nil {
				events = append(events, e)
			}
			return nil
		}); err != nil {
			return err
		}
		for _, e := range events {
			for _, cause := range causes[e.Type] {
				of, err := cause(a, e)
				if err != nil {
					return fmt.Errorf("event %d: %w", e.Index, err)
				}
				notes = append(notes, of...)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	_, err = desk.Tell(ctx, act.JobCaller(TellJob), notes, func(tx *act.Tx) error {
		if err := followAnnouncements(tx, notes); err != nil {
			return err
		}
		return tx.FinishJob(job)
	})
	return err
}

// causeOf is an event as a cause.
func causeOf(e *ledger.Event) string { return "event/" + strconv.FormatInt(e.Index, 10) }

// current reads the record that an event is about; nil where it has gone.
func current[T any](r *store.Reader, e *ledger.Event) (id string, doc *T, err error) {
	kind, id, _ := strings.Cut(e.Subject, "/")
	v, err := record.Get(r, kind, id)
	if errors.Is(err, record.ErrNone) {
		return id, nil, nil
	}
	if err != nil {
		return id, nil, err
	}
	doc = new(T)
	return id, doc, json.Unmarshal(v.Doc, doc)
}

func notVerified(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	if e.Outcome == act.Success {
		return nil, nil
	}
	var found Verification
	if err := json.Unmarshal(e.Data, &found); err != nil {
		return nil, err
	}
	n := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Ledger, About: e.Subject}}
	err := n.write("ledger", map[string]any{"Difference": found.Difference})
	return a.toOrganization(n.Note, place{"/ledger", "ledger.read"}), err
}

func findingEscalated(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	id, f, err := current[findings.Finding](a.r, e)
	if f == nil || err != nil || f.EscalatedTo == "" || f.DueAt == nil {
		return nil, err
	}
	to, err := a.of(f.EscalatedTo)
	if err != nil {
		return nil, err
	}
	n := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Escalation, About: e.Subject}}
	err = n.write("finding escalated", map[string]any{"Title": f.Title, "Ref": e.Subject, "Severity": f.Severity, "By": a.s.day(*f.DueAt), "Owner": f.Owner})
	return toEach(n.Note, to, func(ref string) string { return a.pathOf(ref, page(findings.Register, id)) }), err
}

func dutyEscalated(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	id, p, err := current[tasks.Performance](a.r, e)
	if p == nil || err != nil || len(p.Escalations) == 0 {
		return nil, err
	}
	task, _, err := a.s.Desk().Show(a.r, id, a.s.Clock.Now())
	if err != nil {
		return nil, err
	}
	last := p.Escalations[len(p.Escalations)-1]
	to, err := a.of(last.To)
	if err != nil {
		return nil, err
	}
	n := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Escalation, About: tasks.Register.Name + "/" + id}}
	err = n.write("duty escalated", map[string]any{"Title": task.Title, "Ref": id, "By": a.s.moment(p.DueAt), "Owner": last.Owner})
	return toEach(n.Note, to, func(ref string) string { return a.pathOf(ref, occurrencePage(id)) }), err
}

func acknowledgmentAsked(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	_, k, err := current[policies.Acknowledgment](a.r, e)
	if k == nil || err != nil || k.State != policies.Asked || k.DueAt == nil {
		return nil, err
	}
	v, _, err := policies.Get(a.r, k.Version)
	if err != nil {
		return nil, err
	}
	n := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Acknowledgment, About: e.Subject}}
	template := "acknowledgment asked"
	if reminder(e) {
		template = a.reminding(*k.DueAt)
	}
	err = n.write(template, map[string]any{"What": "Acknowledge the policy", "Ref": e.Subject, "Title": v.Title, "By": a.s.day(*k.DueAt)})
	return toEach(n.Note, []string{k.Person}, func(string) string { return "/policies/" + v.ID }), err
}

func trainingAssigned(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	id, t, err := current[training.Training](a.r, e)
	if t == nil || err != nil || !t.Open() || t.DueAt == nil {
		return nil, err
	}
	n := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Training, About: e.Subject}}
	template := "training assigned"
	if reminder(e) {
		template = a.reminding(*t.DueAt)
	}
	err = n.write(template, map[string]any{"What": "Finish the training", "Ref": e.Subject, "Title": t.Title, "By": a.s.day(*t.DueAt)})
	return toEach(n.Note, []string{t.Person}, func(string) string { return "/training/" + id }), err
}

// reminder reports whether an event reminds of what was asked before.
func reminder(e *ledger.Event) bool { return strings.HasSuffix(e.Type, ".reminded.v1") }

// reminding is the text of a reminder of what is due at an instant.
func (a *audience) reminding(due time.Time) string {
	if due.After(a.s.Clock.Now()) {
		return "deadline near"
	}
	return "deadline passed"
}

// waits tells those who may give what a record waits for, but not who brought it
// there, and not who had a part in it.
func waits(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	kind, id, err := a.s.Kinds.Parse(e.Subject)
	if err != nil {
		return nil, err
	}
	v, err := record.Get(a.r, kind.Name, id)
	if errors.Is(err, record.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var at struct{ State, Title, Name string }
	var fields map[string]any
	if err := errors.Join(json.Unmarshal(v.Doc, &at), json.Unmarshal(v.Doc, &fields)); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(reviews, func(r review) bool { return r.kind == kind && r.state == at.State })
	if i < 0 {
		return nil, nil
	}
	w := &reviews[i]
	if brought, err := w.broughtBy(a.r, e, id); err != nil || !brought {
		return nil, err
	}
	to, err := w.givers(a, e, v, fields)
	if err != nil || len(to) == 0 {
		return nil, err
	}
	title := cmp.Or(at.Title, at.Name, v.Ref())
	if kind.Personal {
		title = v.Ref()
	}
	where := page(kind, id)
	if w.page != nil {
		where = w.page(id, v.Doc)
	}
	n := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Review, About: e.Subject}}
	err = n.write("review", map[string]any{"Title": title, "Ref": v.Ref(), "What": w.what})
	return toEach(n.Note, to, func(ref string) string { return a.pathOf(ref, where) }), err
}

// broughtBy reports whether it was this event that brought a record to the state:
// several may have come before anybody is told.
func (w *review) broughtBy(r *store.Reader, e *ledger.Event, id string) (bool, error) {
	versions, err := record.History(r, w.kind.Name, id)
	if err != nil {
		return false, err
	}
	for _, v := range versions {
		if v.From == e.Index {
			var then struct{ State string }
			err := json.Unmarshal(v.Doc, &then)
			return then.State == w.state, err
		}
	}
	return false, nil
}

// givers are those who may give what a record waits for.
func (w *review) givers(a *audience, e *ledger.Event, v *record.Version, fields map[string]any) (to []string, err error) {
	for i := range a.accounts {
		c := a.accounts[i].Caller()
		if c.ID == e.Actor || slices.Contains(to, c.ID) || access.Roles.Authorize(c, w.permission, v.Ref()) != nil {
			continue
		}
		if slices.ContainsFunc(w.not, func(field string) bool { return fields[field] == c.ID }) {
			continue
		}
		for t := range w.kind.Transitions {
			if one := &w.kind.Transitions[t]; one.From == w.state && one.To == w.to {
				err = record.Another(a.r, w.kind, c, one, v)
			}
		}
		if errors.Is(err, act.ErrSamePerson) {
			err = nil
			continue
		}
		if err != nil {
			return nil, err
		}
		to = append(to, c.ID)
	}
	return to, nil
}

// tellGivenUp tells of a job that was given up.
func (s *System) tellGivenUp(ctx context.Context, job *jobs.Job) error {
	var failed act.GivenUp
	if err := json.Unmarshal(job.Payload, &failed); err != nil {
		return err
	}
	return s.tellFailed(ctx, act.JobCaller(GivenUpJob), []act.GivenUp{failed})
}

// tellFailed tells of jobs that were given up, once each. Of a notification that
// could not be sent nobody is sent a notification: the delivery log has it.
func (s *System) tellFailed(ctx context.Context, caller act.Caller, all []act.GivenUp) error {
	desk, err := s.NotificationDesk()
	if err != nil {
		return err
	}
	var notes []notifications.Note
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		a, err := s.audience(r)
		if err != nil {
			return err
		}
		for _, failed := range all {
			if strings.HasPrefix(failed.Kind, "notification.") {
				continue
			}
			n := told{notifications.Note{Cause: "job/" + failed.Kind + " " + failed.Key, Kind: notifications.Job, About: "job/" + failed.Kind}}
			if err := n.write("job", map[string]any{"Job": failed.Kind, "Key": failed.Key, "Failure": failed.Failure}); err != nil {
				return err
			}
			notes = append(notes, a.toOrganization(n.Note, place{"/settings", "settings.read"})...)
		}
		return nil
	}); err != nil {
		return err
	}
	_, err = desk.Tell(ctx, caller, notes, nil)
	return err
}
