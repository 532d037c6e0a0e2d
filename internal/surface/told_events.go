package surface

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/hris"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

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
		typeOf(versions.Register, "rejected"):     {versionRejected},
		// Reminders are made with the registers' nightly watch (RemindPeople).
		typeOf(policies.Acknowledgments, "reminded"):                 {acknowledgmentAsked},
		typeOf(training.Register, "reminded"):                        {trainingAssigned},
		typeOf(training.Register, "added"):                           {trainingAssigned},
		typeOf(communication.Announcements, "moved"):                 {announced},
		typeOf(communication.Announcements, communication.Released):  {announced},
		typeOf(communication.Announcements, communication.Unreached): {notReached},
		typeOf(regulations.Feeds, regulations.Failing):               {feedFailing},
		typeOf(hris.Reconciliations, "made"):                         {heldOtherwise},
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
func (s *System) Reactions() map[string][]string {
	if s.Demonstration() {
		return nil
	}
	all := map[string][]string{}
	for name := range causes {
		all[name] = []string{TellJob}
	}
	for _, others := range []map[string][]string{following, offering, s.answering()} {
		for name, kinds := range others {
			all[name] = append(all[name], kinds...)
		}
	}
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
	var unheard []string
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
		unheard = a.unheard
		return nil
	}); err != nil {
		return err
	}
	for _, id := range unheard {
		if err := s.recordUnheard(ctx, id); err != nil {
			return err
		}
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
	return toEach(n.Note, []string{k.Person}, func(string) string { return policyPage(v.ID) }), err
}

// policyPage is where the text of a version of a policy is read and acknowledged.
func policyPage(version string) string { return "/policies/" + url.PathEscape(version) }

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

// feedFailing tells that a feed cannot be read any more: its owner, and who keeps the
// registers. While it stays so, nobody is told again.
func feedFailing(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	id, f, err := current[regulations.Feed](a.r, e)
	if f == nil || err != nil || f.Failure == "" {
		return nil, err
	}
	owners, err := a.of(f.Owner)
	if err != nil {
		return nil, err
	}
	n, to := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Job, About: e.Subject}}, page(regulations.Feeds, id)
	err = n.write("feed failing", map[string]any{"Title": f.Title, "Failure": f.Failure})
	all := a.toOrganization(n.Note, to)
	owners = slices.DeleteFunc(owners, func(ref string) bool {
		return slices.ContainsFunc(all, func(n notifications.Note) bool { return n.Recipient == ref })
	})
	return append(all, toEach(n.Note, owners, func(ref string) string { return a.pathOf(ref, to) })...), err
}

// versionRejected tells whoever proposed a version of a control why it does not come
// into force.
func versionRejected(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	id, v, err := current[versions.Version](a.r, e)
	if v == nil || err != nil {
		return nil, err
	}
	to, err := a.of(v.ProposedBy)
	if err != nil {
		return nil, err
	}
	n := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Review, About: e.Subject}}
	err = n.write("control version rejected", map[string]any{"Title": v.Title, "Version": id, "Reason": v.Reason})
	return toEach(n.Note, to, func(ref string) string { return a.pathOf(ref, controlVersionPage(id, nil)) }), err
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
			if failed.Kind == notifications.DeliverJob || failed.Kind == notifications.DigestJob {
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
