package surface

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/url"
	"slices"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/exercises"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/pentests"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/privacy"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/operations/continuity"
	"scaf.dev/scaf/internal/operations/processing"
	"scaf.dev/scaf/internal/operations/sites"
	"scaf.dev/scaf/internal/operations/systems"
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
	// whole: it waits once it has all that the move requires, since whoever writes it
	// fills that in. Of the others whoever decides does, or it is there at once.
	whole bool
	// not are fields of the document, beside those of the transition, that name who
	// cannot.
	not []string
	// what it waits for, and where; nil: the record's page.
	what string
	page func(id string, doc json.RawMessage) place
}

// drafting are the verbs by which somebody writes what another one then decides on.
var drafting = []string{"added", "set", "moved"}

// reviews are all of them. A register whose records wait for somebody has a line, or
// a reason why nobody is told (TestWhoeverHasToDecideIsTold).
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
	{kind: systems.Copies, state: "copied", verbs: drafting, permission: "data_copy.approve", to: "destroyed", whole: true, what: "somebody to see that it is gone"},
	{kind: systems.Disposals, state: "done", verbs: []string{"moved"}, permission: "data_disposal.witness", to: "witnessed", what: "a witness"},
	{kind: sites.Reviews, state: sites.Reviewed, verbs: []string{"moved"}, permission: "site_review.confirm", to: sites.Confirmed, what: "somebody to confirm it"},
	{kind: people.JobChanges, state: people.Recorded, verbs: []string{"recorded"}, permission: "job_change.review", to: people.Reviewed, what: "a review of the access"},
	{kind: vendors.Subprocessors, state: "proposed", verbs: []string{"added"}, permission: "subprocessor.review", to: "reviewed", what: "its review"},
	{kind: vendors.Contracts, state: "draft", verbs: append(slices.Clone(drafting), "migrated"), permission: "vendor_contract.confirm", to: "in_force", whole: true, what: "somebody to confirm it"},
	{kind: people.ConductCases, state: people.Reported, verbs: []string{"added"}, permission: "conduct_case.move", to: people.Investigating, what: "somebody to investigate it"},
	{kind: risks.Assessments, state: risks.Running, verbs: drafting, permission: "risk_assessment.approve", to: risks.Approved, whole: true, what: "approval"},
	{kind: risks.Scales, state: risks.Proposed, verbs: []string{"added"}, permission: "risk_scale.approve", to: risks.InForce, what: "approval"},
	{kind: pentests.Register, state: pentests.Planned, verbs: drafting, permission: "penetration_test.authorize", to: pentests.Running, whole: true, what: "somebody to authorize it"},
	{kind: pentests.Register, state: pentests.Reported, verbs: []string{"moved"}, permission: "penetration_test.close", to: pentests.Closed, what: "its retest"},
	{kind: regulations.Register, state: regulations.Listed, verbs: []string{"added"}, permission: "regulation.review", to: regulations.Reviewed, what: "its first review"},
	{kind: communication.Announcements, state: communication.Draft, verbs: drafting, permission: "announcement.approve", to: communication.Approved, what: "approval"},
	{kind: communication.Commitments, state: communication.Draft, verbs: drafting, permission: "commitment.approve", to: communication.Approved, whole: true, what: "approval"},
	{kind: privacy.Notices, state: "draft", verbs: drafting, permission: "privacy_notice.approve", to: "approved", whole: true, what: "approval"},
	{kind: privacy.Breaches, state: "found", verbs: []string{"added"}, permission: "privacy_breach.judge", to: "judged", what: "somebody to judge it"},
	{kind: privacy.Breaches, state: "judged", verbs: []string{"moved"}, permission: "privacy_breach.judge", to: "settled", what: "somebody to settle it, other than who judged it"},
	{kind: systems.Media, state: "wiped", verbs: []string{"moved"}, permission: "media_disposal.release", to: "left", what: "its release"},
	{kind: continuity.Plans, state: continuity.Draft, verbs: drafting, permission: "continuity_plan.approve", to: continuity.InForce, whole: true, what: "approval"},
	{kind: continuity.Practices, state: continuity.Done, verbs: []string{"moved"}, permission: "plan_practice.review", to: continuity.Reviewed, what: "its review"},
	{kind: continuity.Trials, state: continuity.Done, verbs: []string{"moved"}, permission: "restore_trial.review", to: continuity.Reviewed, what: "its review"},
	{kind: continuity.CapacityReviews, state: continuity.Done, verbs: []string{"moved"}, permission: "capacity_review.review", to: continuity.Reviewed, what: "its review"},
	{kind: continuity.Outages, state: "closed", verbs: []string{"moved"}, permission: "outage.confirm", to: "confirmed", what: "somebody to confirm it"},
	{kind: processing.Specifications, state: "draft", verbs: drafting, permission: "specification.approve", to: "approved", whole: true, what: "approval"},
	{kind: versions.Register, state: versions.Proposed, verbs: []string{"proposed"}, permission: "control.approve", not: []string{"proposed_by", "proposed_via"}, what: "approval", page: controlVersionPage},
	{kind: documents.Register, state: documents.Prepared, verbs: []string{"collected"}, permission: "evidence.review", not: []string{"prepared_by", "entered_by"}, what: "a reader"},
}

// controlVersionPage is the page of a version of a control.
func controlVersionPage(id string, _ json.RawMessage) place {
	return place{"/controls/" + url.PathEscape(versions.ControlOf(id)) + "/versions/" + url.PathEscape(id), "control.read"}
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
	var at struct{ State string }
	var fields map[string]any
	if err := errors.Join(json.Unmarshal(v.Doc, &at), json.Unmarshal(v.Doc, &fields)); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(reviews, func(r review) bool { return r.kind == kind && r.state == at.State })
	if i < 0 {
		return nil, nil
	}
	w := &reviews[i]
	if waiting, err := w.waiting(v.Doc); err != nil || !waiting {
		return nil, err
	}
	if brought, err := w.broughtBy(a.r, e, id); err != nil || !brought {
		return nil, err
	}
	to, err := w.givers(a, e, v, fields)
	if err != nil || len(to) == 0 {
		return nil, err
	}
	title := cmp.Or(kind.Caption(v.Doc), v.Ref())
	if kind.Personal {
		title = v.Ref()
	}
	where := page(kind, id)
	if w.page != nil {
		where = w.page(id, v.Doc)
	}
	n := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Review, About: e.Subject}}
	err = n.write("review", map[string]any{"Title": title, "Ref": v.Ref(), "What": w.what, "Another": w.another()})
	return toEach(n.Note, to, func(ref string) string { return a.pathOf(ref, where) }), err
}

// broughtBy reports whether it was this event that brought a record to the state:
// several may have come before anybody is told.
func (w *review) broughtBy(r *store.Reader, e *ledger.Event, id string) (bool, error) {
	versions, err := record.History(r, w.kind.Name, id)
	if err != nil {
		return false, err
	}
	waited := false
	for _, v := range versions {
		waits, err := w.waiting(v.Doc)
		if err != nil || v.From == e.Index {
			return waits && !waited, err
		}
		waited = waits
	}
	return false, nil
}

// waiting reports whether a document waits for what the line says.
func (w *review) waiting(doc json.RawMessage) (bool, error) {
	var fields map[string]json.RawMessage
	var at struct{ State string }
	if err := errors.Join(json.Unmarshal(doc, &fields), json.Unmarshal(doc, &at)); err != nil || at.State != w.state {
		return false, err
	}
	if t := w.transition(); w.whole && t != nil {
		for _, field := range t.Required {
			if empty := []string{"", "null", `""`, "[]", "{}"}; slices.Contains(empty, string(fields[field])) {
				return false, nil
			}
		}
	}
	return true, nil
}

// transition is the move for which it waits; nil where SCAF's own commands make it.
func (w *review) transition() *record.Transition {
	i := slices.IndexFunc(w.kind.Transitions, func(t record.Transition) bool { return t.From == w.state && t.To == w.to })
	if i < 0 {
		return nil
	}
	return &w.kind.Transitions[i]
}

// another reports whether it takes somebody else than those who had a part in it.
func (w *review) another() bool {
	t := w.transition()
	return t == nil || len(t.NotBy) > 0 || t.Who != nil
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
		if t := w.transition(); t != nil {
			err = record.Another(a.r, w.kind, c, t, v)
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
