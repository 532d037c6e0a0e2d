// Package access decides who may do what: the built-in role table, and the
// tokens by which programs show who they are.
package access

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"scaf.dev/scaf/internal/act"
)

// Table is the built-in role table: for each role the actions that it allows.
// An entry ending in "*" allows every action that begins so. What no role of
// the caller allows is denied.
type Table map[string][]string

// compliance is what those may who run the program.
var compliance = []string{
	"ledger.read", "ledger.append", "ledger.verify", "ledger.publish", "ledger.timestamp",
	"record.read", "change.*", "account.read", "person.*", "job_change.*", "agreement.*", "performance_review.*", "import.*",
	"control.read", "control.test", "control.propose", "control.approve", "control.assess", "control.conclude",
	"deviation.*", "population.*", "period.*", "report.*", "evidence.*", "metrics.read",
	"task.*", "observation.record", "resolution.*", "finding.*", "self_assessment.*", "risk.*", "risk_assessment.*", "risk_scale.*",
	"action.*", "exercise.*", "penetration_test.*", "meeting.*",
	"regulation.*", "regulatory_feed.*", "regulatory_notice.*", "announcement.*", "commitment.*", "outside_report.*",
	"processing_activity.*", "privacy_notice.*", "consent.*", "subject_request.*", "disclosure.*", "erasure.*",
	"privacy_breach.*", "privacy_complaint.*", "privacy_check.*",
	"vendor.*", "vendor_assessment.*", "vendor_contract.*", "assurance_report.*", "subprocessor.*",
	"policy.add", "policy.set", "policy.move", "policy.link", "policy.comment", "policy.attach", "policy.tag",
	"policy_version.add", "policy_version.set", "policy_version.move", "policy_version.publish",
	"policy_version.link", "policy_version.comment", "policy_version.attach", "policy_version.tag",
	"acknowledgment.ask", "acknowledgment.settle", "acknowledgment.add", "acknowledgment.comment", "acknowledgment.link", "acknowledgment.tag",
	"course.*", "training_completion.*",
	"training.assign", "training.add", "training.set", "training.comment", "training.link", "training.attach", "training.tag",
	"hris.reconcile", "notification.read", "notification.retry", "notification.test", "settings.read",
}

// conduct is what those may who look into breaches of the rules, and answer them.
var conduct = []string{"conduct_case.read", "conduct_case.add", "conduct_case.set", "conduct_case.move", "conduct_case.close", "conduct_case.link"}

// policyApproval is what those may who say what the organisation's rules are.
var policyApproval = []string{"policy.move", "policy.retire", "policy.comment", "policy_version.move", "policy_version.approve", "policy_version.comment"}

// reporting is what everybody may who runs controls or systems: report a
// finding, say what was done about it, and assess the controls that they perform.
// That a finding is closed, or accepted, and that an assessment was read, is for
// others to say.
var reporting = []string{
	"finding.add", "finding.set", "finding.move", "finding.comment", "finding.attach", "finding.link",
	"self_assessment.add", "self_assessment.set", "self_assessment.move", "self_assessment.comment", "self_assessment.attach", "self_assessment.link",
	"action.add", "action.set", "action.move", "action.comment", "action.attach", "action.link",
	"exercise.add", "exercise.set", "exercise.move", "exercise.comment", "exercise.attach", "exercise.link",
	"meeting.add", "meeting.set", "meeting.move", "meeting.confirm", "meeting.comment", "meeting.attach", "meeting.link",
	"processing_activity.add", "processing_activity.set", "processing_activity.move", "processing_activity.comment",
	"privacy_breach.add", "privacy_breach.set", "privacy_breach.comment", "privacy_breach.attach",
	"outside_report.add", "outside_report.set", "outside_report.move", "outside_report.comment", "outside_report.attach", "outside_report.link",
}

// Roles is the table that SCAF starts with.
var Roles = Table{
	"administrator": {"*"},
	"ciso":          slices.Concat(compliance, inventoryKeeping, policyApproval, conduct, []string{"account.*", "token.*"}),
	"compliance":    slices.Concat(compliance, inventoryKeeping),
	"executive": slices.Concat(conduct, policyApproval, inventoryApproval, []string{
		"record.read", "control.read", "control.approve", "population.read", "period.read", "report.read", "evidence.read",
		"task.done", "task.delegate", "finding.move", "finding.accept",
		"risk.move", "risk.accept", "risk_assessment.move", "risk_assessment.approve", "risk_scale.move", "risk_scale.approve",
		"action.add", "action.set", "action.move", "action.drop", "exercise.move", "exercise.review",
		"meeting.add", "meeting.set", "meeting.move", "meeting.confirm", "meeting.prepare",
		"announcement.move", "announcement.approve", "commitment.move", "commitment.approve", "privacy_notice.move", "privacy_notice.approve", "regulation.move", "regulation.retire", "penetration_test.move", "penetration_test.authorize", "penetration_test.close",
		"vendor.move", "vendor.approve", "vendor_contract.move", "vendor_contract.confirm",
	}),
	"control-owner": append([]string{
		"ledger.read", "record.read", "control.read", "control.propose", "deviation.state", "population.read", "period.read",
		"report.read", "task.done", "task.delegate", "evidence.add", "evidence.read",
	}, append(slices.Concat(reporting, inventory), "commitment.add", "commitment.set", "commitment.move", "commitment.comment", "commitment.attach",
		"announcement.add", "announcement.set", "announcement.move", "announcement.comment", "risk.add", "risk.set", "risk.move", "risk.comment", "risk.link",
		"vendor.add", "vendor.set", "vendor.move", "vendor.comment", "vendor.attach", "assurance_report.set", "assurance_report.move", "assurance_report.attach")...),
	"employee": {}, // what everybody may who has an account
	"engineer": append([]string{
		"ledger.read", "record.read", "change.*", "control.read", "control.propose", "deviation.state", "report.read",
		"task.done", "task.delegate", "evidence.add", "evidence.read",
	}, slices.Concat(reporting, inventory)...),
	"auditor": {
		"ledger.read", "ledger.verify", "record.read",
		"account.read", "person.read", "job_change.read", "agreement.read", "performance_review.read", "conduct_case.read",
		"consent.read", "subject_request.read", "disclosure.read", "erasure.read", "privacy_complaint.read",
		"control.read", "population.read", "period.read", "report.read", "evidence.read", "audit.conclude",
		"notification.read", "settings.read",
	},
	"ingester": {"ledger.append", "observation.record"},
	"monitor":  {"metrics.read"},
	// Programs that report what they took, processed, sent and checked: they add and correct
	// that, and read nothing.
	"processing": {
		"input_batch.add", "input_batch.set", "processing_run.add", "processing_run.set", "delivery.add", "delivery.set", "storage_check.add", "storage_check.set",
	},

	// Whoever is signed in has this role beside those of their account.
	// The registers let nobody answer or finish a training for somebody else.
	AccountRole: {"session.*", "notification.own", "acknowledgment.move", "acknowledgment.answer", "training.move", "training.complete"},

	// Whoever comes to a demonstration without a token; no token has this role.
	visitorRole: {"report.read"},

	// It reads what other machines publish.
	"job/regulations.fetch": {"regulatory_feed.fetch"},

	// What SCAF does on its own: a role for each kind of job (act.JobCaller).
	"job/ledger.verify":    {"ledger.verify"},
	"job/ledger.timestamp": {"ledger.timestamp"},
	"job/record.migrate":   {"record.migrate"},
	"job/register.watch": {
		"finding.watch", "risk.watch", "vendor.watch", "acknowledgment.ask", "acknowledgment.settle", "acknowledgment.remind", "training.remind", "training.assign", "training.settle", "performance_review.settle",
		"agreement.open", "agreement.settle", "performance_review.plan", "performance_review.assign", "meeting.prepare",
	},
	"job/policy.follow":    {"acknowledgment.ask", "acknowledgment.settle", "announcement.release"},
	"job/course.follow":    {"training.assign"},
	"job/tasks.calendar":   {"task.establish", "task.watch"},
	"job/report.readiness": {"control.test", "report.make"},
	"job/control.test":     {"control.test"},
	"job/account.first":    {"account.create"},
	// The HR system, whose messages are signed, and what SCAF sends and reads there.
	"job/hris.people":    {"import.hris"},
	"job/hris.answers":   {"hris.deliver"},
	"job/hris.reconcile": {"hris.reconcile"},
	// What brings notifications about, and what sends them.
	"job/notification.tell":    {"notification.tell"},
	"job/notification.went":    {"announcement.set", "announcement.move"},
	"job/notification.watch":   {"notification.tell"},
	"job/notification.job":     {"notification.tell"},
	"job/notification.deliver": {"notification.deliver"},
	"job/notification.digest":  {"notification.deliver"},
}

// Visitor is who reads a demonstration's report without a token.
var Visitor = act.Caller{ID: "visitor", Roles: []string{visitorRole}}

const visitorRole = "visitor"

// AccountRole is the role of everybody who has an account.
const AccountRole = "account"

// Grantable reports whether there is such a role and it can be given to
// somebody: those of SCAF's own jobs, of visitors and of all accounts cannot.
func (t Table) Grantable(role string) bool {
	_, ok := t[role]
	return ok && !strings.HasPrefix(role, "job/") && role != visitorRole && role != AccountRole
}

// Names are the roles that can be given to somebody, sorted.
func (t Table) Names() []string {
	var names []string
	for name := range t {
		if t.Grantable(name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}

// Allowing are the roles that can be given to somebody and allow the action,
// sorted.
func (t Table) Allowing(action string) []string {
	return slices.DeleteFunc(t.Names(), func(role string) bool {
		return !slices.ContainsFunc(t[role], func(allowed string) bool { return allows(allowed, action) })
	})
}

// deciding are the actions that a second person takes on what another one did.
var deciding = []string{"control.approve", "control.assess", "evidence.review", "deviation.confirm", "resolution.confirm", "audit.conclude"}

// Working are the roles that decide on nothing that another person did, sorted.
func (t Table) Working() []string {
	return slices.DeleteFunc(t.Names(), func(role string) bool {
		return slices.ContainsFunc(deciding, func(action string) bool { return slices.Contains(t.Allowing(action), role) })
	})
}

// Authorize implements act.Authorizer.
func (t Table) Authorize(caller act.Caller, action, _ string) error {
	if caller.Anonymous() {
		return fmt.Errorf("%s needs a token", action)
	}
	if strings.HasPrefix(caller.ID, tokenCaller) && decides(action) {
		return fmt.Errorf("%s is decided by a person, and %s is a program's: sign in, or enter it at this machine with --as", action, caller.ID)
	}
	if strings.HasPrefix(caller.ID, nobodys) && answers(action) {
		return fmt.Errorf("%s is decided by a person, and %s belongs to nobody in the register of people: sign in with an account that is somebody's", action, caller.ID)
	}
	for _, role := range caller.Roles {
		if slices.ContainsFunc(t[role], func(allowed string) bool { return allows(allowed, action) && !kept(caller, allowed, action) }) {
			return nil
		}
	}
	if len(caller.Roles) == 0 {
		return fmt.Errorf("%s has no role, and %s needs one", caller.ID, action)
	}
	return &NotIncludedError{caller.Roles, action}
}

// NotIncludedError says that none of somebody's roles includes an action.
type NotIncludedError struct {
	Roles  []string
	Action string
}

// Error implements error.
func (e *NotIncludedError) Error() string {
	return fmt.Sprintf("the role %s does not include %s", strings.Join(e.Roles, ", "), e.Action)
}

// tokenCaller is what the reference of a program's token begins with.
const tokenCaller = "token/"

// nobodys is what the reference of an account begins with that is no person's. Whoever
// made it may be behind it: it decides on nothing that takes another person.
const nobodys = "account/"

// offices are the decisions that belong to an office, which whoever administers SCAF does
// not have by that: executives say what the rules are, auditors what they found. At the
// machine itself its operator enters them for people (ADR 16).
var offices = []string{"policy_version.approve", "policy.retire", "audit.conclude"}

// kept reports whether a role allows an action only as it allows everything.
func kept(caller act.Caller, allowed, action string) bool {
	return allowed == "*" && slices.Contains(offices, action) && !strings.HasPrefix(caller.Operator(), localCaller)
}

// localCaller is what the reference of somebody at this machine begins with.
const localCaller = "local/"

// answers reports whether by the action somebody answers for what another one did.
// Auditors are from outside, and in no register of people.
func answers(action string) bool {
	noun, verb, _ := strings.Cut(action, ".")
	return noun != "audit" && slices.Contains([]string{"approve", "accept", "retire", "authorize", "close", "confirm", "correct", "review", "assess", "conclude"}, verb)
}

// decisions are the verbs of the actions by which somebody answers for something in a
// register: a program does not, whatever its token's role. Versions of control files,
// causes of deviations and resolutions of mismatches are decided on over the API, too, by two
// tokens (ADR 16).
var decisions = []string{"approve", "accept", "retire", "authorize", "confirm", "correct", "witness", "judge", "release"}

func decides(action string) bool {
	noun, verb, _ := strings.Cut(action, ".")
	return !slices.Contains([]string{"control", "deviation", "resolution"}, noun) && slices.Contains(decisions, verb)
}

func allows(allowed, action string) bool {
	if prefix, ok := strings.CutSuffix(allowed, "*"); ok {
		return strings.HasPrefix(action, prefix)
	}
	return allowed == action
}
