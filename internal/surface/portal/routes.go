package portal

import (
	"errors"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/access"
)

// route is one line of the table of everything that can be asked of the portal.
type route struct {
	method, path string
	// action is what whoever asks must be allowed to do; open for what everybody
	// may ask. also is what they must be allowed beside it, where it takes two.
	action, also string
	// menu is its name in the menu of every page; empty: it is not there.
	menu string
	// upload is for forms with a file: the most bytes that it has.
	upload int64
	make   func(p *Portal, r *request) (*shown, error)
	// again shows the form as it was filled in, when it was not taken for what is
	// around it (request.held). It writes nothing.
	again func(p *Portal, r *request) (*shown, error)
}

func (r route) pattern() string { return r.method + " " + r.path }

const open = ""

// importing is what whoever brings a table into a register must be allowed, beside adding
// records to it.
const importing = "import.csv"

// use is the action of what everybody may who has an account.
const use = "session.use"

// kindAction stands before what a page of a register asks for: "add" is
// risk.add where the register is that of risks.
const kindAction = "<kind>."

var errNotFound = errors.New("there is no such page")

// homePath is the overview, and the address of the portal itself.
const homePath = "/{$}"

// home is the first page of the menu that somebody may open.
func home(caller act.Caller) entry {
	for _, line := range table {
		if line.menu != "" && !caller.Anonymous() && access.Roles.Authorize(caller, line.action, "") == nil {
			return entry{Path: strings.TrimSuffix(line.path, "{$}"), Title: line.menu}
		}
	}
	return entry{Path: signInPath, Title: "Sign in"}
}

// table is filled by init: what makes pages asks it for the menu.
var table []route

func init() {
	table = []route{
		{method: "GET", path: homePath, action: "report.read", menu: "Overview", make: (*Portal).overview},
		{method: "GET", path: "/late", action: "report.read", make: (*Portal).late},
		{method: "GET", path: "/work", action: use, menu: "My work", make: (*Portal).work},
		{method: "GET", path: "/inbox", action: "notification.own", menu: "Inbox", make: (*Portal).inbox},
		{method: "POST", path: "/inbox/read", action: "notification.own", make: (*Portal).readInbox},
		{method: "GET", path: "/preferences", action: "notification.own", make: (*Portal).preferences},
		{method: "POST", path: "/preferences", action: "notification.own", make: (*Portal).choosePreferences},
		{method: "GET", path: "/policies", action: use, menu: "Policies", make: (*Portal).policies},
		{method: "GET", path: "/policies/security-policies.md", action: "record.read", make: (*Portal).policyDocument},
		{method: "GET", path: "/policies/{version}", action: use, make: (*Portal).policy},
		{method: "POST", path: "/policies/{version}/answer", action: use, make: (*Portal).answerPolicy, again: (*Portal).policyAgain},
		{method: "GET", path: "/policies/{version}/changes", action: "record.read", make: (*Portal).policyChanges},
		{method: "GET", path: "/training", action: use, menu: "Training", make: (*Portal).trainings},
		{method: "GET", path: "/training/{id}", action: use, make: (*Portal).training},
		{method: "POST", path: "/training/{id}/finish", action: use, make: (*Portal).finishTraining, again: (*Portal).trainingAgain},
		{method: "GET", path: "/agreements/{id}", action: use, make: (*Portal).agreement},
		{method: "GET", path: "/criteria", action: "control.read", menu: "Criteria", make: (*Portal).criteria},
		{method: "GET", path: "/criteria/{id}", action: "control.read", make: (*Portal).criterionPage},
		{method: "GET", path: "/controls", action: "control.read", menu: "Controls", make: (*Portal).controls},
		{method: "GET", path: "/controls/{id}", action: "control.read", make: (*Portal).controlPage},
		{method: "GET", path: "/controls/{id}/deviations", action: "control.read", make: (*Portal).deviations},
		{method: "GET", path: "/controls/propose", action: "control.propose", make: (*Portal).proposeForm},
		{method: "POST", path: "/controls/propose", action: "control.propose", upload: controls.MaxFileSize, make: (*Portal).propose, again: (*Portal).proposeAgain},
		{method: "POST", path: "/controls/test", action: "control.test", make: runErrand(surface.TestJob)},
		{method: "POST", path: "/feeds/fetch", action: "regulatory_feed.fetch", make: runErrand(surface.FeedsJob)},
		{method: "POST", path: "/hris/reconcile", action: "hris.reconcile", make: runErrand(surface.ReconcileJob)},
		{method: "GET", path: "/errands", action: "settings.read", make: (*Portal).errands},
		{method: "GET", path: "/self-assessments/open", action: "self_assessment.add", make: (*Portal).toRound},
		{method: "POST", path: "/meetings/{id}/prepare", action: "meeting.prepare", make: (*Portal).prepareMeeting},
		{method: "GET", path: "/results/{id}/deviation", action: "control.read", make: (*Portal).deviation},
		{method: "POST", path: "/results/{id}/deviation/state", action: "deviation.state", make: (*Portal).stateDeviation, again: (*Portal).deviationAgain},
		{method: "POST", path: "/results/{id}/deviation/confirm", action: "deviation.confirm", make: (*Portal).confirmDeviation},
		{method: "POST", path: "/results/{id}/conclude", action: "control.conclude", make: conclude(concludeForm), again: concludeAgain(concludeForm)},
		{method: "POST", path: "/results/{id}/audit", action: "audit.conclude", make: conclude(auditForm), again: concludeAgain(auditForm)},
		{method: "GET", path: "/results/{id}/items", action: "control.read", make: (*Portal).resultItems},
		{method: "GET", path: "/results/{id}/reconciled", action: "control.read", make: (*Portal).reconciled},
		{method: "GET", path: "/results/{id}/mismatch", action: "control.read", make: (*Portal).mismatch},
		{method: "POST", path: "/results/{id}/mismatch/resolve", action: "resolution.propose", make: (*Portal).resolveMismatch, again: (*Portal).mismatchAgain},
		{method: "POST", path: "/results/{id}/mismatch/confirm", action: "resolution.confirm", make: (*Portal).confirmResolution},
		{method: "GET", path: "/periods/open", action: "period.open", make: (*Portal).periodForm},
		{method: "POST", path: "/periods", action: "period.open", make: (*Portal).openPeriod, again: (*Portal).periodAgain},
		{method: "POST", path: "/periods/{id}/close", action: "period.close", make: (*Portal).closePeriod},
		{method: "POST", path: "/policies/install", action: "policy_version.add", make: (*Portal).installPolicies},
		{method: "POST", path: "/systems/install", action: "system.add", make: (*Portal).installSystems},
		{method: "POST", path: "/controls/adopt", action: "control.approve", make: (*Portal).adoptControls},
		{method: "POST", path: "/controls/{id}/nothing", action: "control.test", make: (*Portal).foundNothing, again: (*Portal).nothingAgain},
		{method: "POST", path: "/controls/{id}/adopt", action: "control.approve", make: (*Portal).adoptControl},
		{method: "GET", path: "/controls/{id}/versions/{version}", action: "control.read", make: (*Portal).controlVersion},
		{method: "POST", path: "/controls/{id}/versions/{version}/approve", action: "control.approve", make: (*Portal).approveControl},
		{method: "POST", path: "/controls/{id}/versions/{version}/reject", action: "control.approve", make: (*Portal).rejectControl, again: (*Portal).controlVersionAgain},
		{method: "POST", path: "/controls/{id}/versions/{version}/withdraw", action: "control.propose", make: (*Portal).withdrawControl, again: (*Portal).controlVersionAgain},
		{method: "POST", path: "/controls/{id}/versions/{version}/assess", action: "control.assess", make: (*Portal).assessControl, again: (*Portal).controlVersionAgain},
		{method: "GET", path: "/controls/{id}/evidence", action: "evidence.add", make: (*Portal).evidenceForm},
		{method: "POST", path: "/controls/{id}/evidence", action: "evidence.add", upload: documents.MaxFile, make: (*Portal).addEvidence, again: (*Portal).evidenceAgain},
		{method: "POST", path: "/evidence/{id}/review", action: "evidence.review", make: (*Portal).reviewEvidence, again: (*Portal).reviewAgain},
		{method: "GET", path: "/evidence/{id}/file", action: "evidence.read", make: (*Portal).evidenceFile},
		{method: "GET", path: "/duties", action: "record.read", menu: "Duties", make: (*Portal).duties},
		{method: "GET", path: "/duties/{duty}", action: "record.read", make: (*Portal).duty},
		{method: "GET", path: "/duties/{duty}/assign", action: "task.assign", make: (*Portal).assignForm},
		{method: "POST", path: "/duties/{duty}/assign", action: "task.assign", make: (*Portal).assign, again: (*Portal).assignAgain},
		{method: "GET", path: "/duties/{duty}/delegate", action: "task.delegate", make: (*Portal).delegateForm},
		{method: "POST", path: "/duties/{duty}/delegate", action: "task.delegate", make: (*Portal).delegate, again: (*Portal).delegateAgain},
		{method: "GET", path: "/duties/{duty}/{date}", action: "record.read", make: (*Portal).occurrence},
		{method: "POST", path: "/duties/{duty}/{date}/done", action: "task.done", upload: attached.MaxFile, make: (*Portal).occurrenceDone, again: (*Portal).occurrenceAgain},
		{method: "POST", path: "/duties/{duty}/{date}/not-occurring", action: "task.not-occurring", make: (*Portal).occurrenceNot, again: (*Portal).occurrenceAgain},
		{method: "GET", path: "/calendar", action: "record.read", menu: "Calendar", make: (*Portal).calendar},
		{method: "GET", path: "/calendar/records", action: "record.read", make: (*Portal).fallingDeadlines},
		{method: "GET", path: "/ledger", action: "ledger.read", menu: "Ledger", make: (*Portal).ledger},
		{method: "GET", path: "/ledger/{index}", action: "ledger.read", make: (*Portal).event},

		{method: "GET", path: "/registers", action: "record.read", menu: "Registers", make: (*Portal).registers},
		{method: "GET", path: "/people/{id}", action: "person.read", make: (*Portal).person},
		{method: "GET", path: "/search", action: "record.read", menu: "Search", make: (*Portal).search},
		{method: "GET", path: "/risks", action: "record.read", make: (*Portal).riskMap},
		{method: "GET", path: "/r/{register}", action: kindAction + "read", make: (*Portal).register},
		{method: "GET", path: "/export/{register}", action: kindAction + "read", make: (*Portal).export},
		{method: "GET", path: "/import/{register}", action: kindAction + "add", also: importing, make: (*Portal).tableForm},
		{method: "GET", path: "/import/{register}/template", action: kindAction + "add", also: importing, make: (*Portal).tableTemplate},
		{method: "POST", path: "/import/{register}", action: kindAction + "add", also: importing, upload: attached.MaxFile, make: (*Portal).tablePreview},
		{method: "GET", path: "/import/{register}/{work}", action: kindAction + "add", also: importing, make: (*Portal).tableWork},
		{method: "POST", path: "/import/{register}/take", action: kindAction + "add", also: importing, make: (*Portal).takeTable},
		{method: "GET", path: "/open/{register}", action: kindAction + "add", make: (*Portal).askRound},
		{method: "POST", path: "/open/{register}", action: kindAction + "add", make: (*Portal).openRound, again: (*Portal).askRoundAgain},
		{method: "GET", path: "/new/{register}", action: kindAction + "add", make: (*Portal).addForm},
		{method: "POST", path: "/r/{register}", action: kindAction + "add", make: (*Portal).add, again: (*Portal).addAgain},
		{method: "GET", path: "/r/{register}/{id}", action: kindAction + "read", make: (*Portal).record},
		{method: "GET", path: "/r/{register}/{id}/edit", action: kindAction + "set", make: (*Portal).editForm},
		{method: "POST", path: "/r/{register}/{id}", action: kindAction + "set", make: (*Portal).edit, again: (*Portal).editAgain},
		{method: "POST", path: "/r/{register}/{id}/move", action: kindAction + "move", make: (*Portal).move, again: (*Portal).recordAgain},
		{method: "POST", path: "/r/{register}/{id}/comment", action: kindAction + "comment", make: attach(comment), again: (*Portal).recordAgain},
		{method: "POST", path: "/r/{register}/{id}/tag", action: kindAction + "tag", make: attach(tag), again: (*Portal).recordAgain},
		{method: "POST", path: "/r/{register}/{id}/link", action: kindAction + "link", make: attach(link), again: (*Portal).recordAgain},
		{method: "POST", path: "/r/{register}/{id}/file", action: kindAction + "attach", upload: attached.MaxFile, make: attach(upload), again: (*Portal).recordAgain},
		{method: "GET", path: "/r/{register}/{id}/file/{file}", action: kindAction + "read", make: (*Portal).file},
		{method: "GET", path: "/r/{register}/{id}/history", action: kindAction + "read", make: (*Portal).history},

		{method: "GET", path: "/settings", action: "settings.read", menu: "Settings", make: (*Portal).settings},
		{method: "POST", path: "/settings/test", action: "notification.test", make: (*Portal).testChannel},
		{method: "GET", path: "/settings/accounts", action: "account.read", make: (*Portal).accounts},
		{method: "GET", path: "/settings/new-account", action: "account.create", make: (*Portal).newAccount},
		{method: "POST", path: "/settings/accounts", action: "account.create", make: (*Portal).createAccount, again: (*Portal).newAccountAgain},
		{method: "GET", path: "/settings/accounts/{id}", action: "account.read", make: (*Portal).oneAccount},
		{method: "POST", path: "/settings/accounts/{id}/roles", action: "account.roles", make: (*Portal).accountRoles},
		{method: "POST", path: "/settings/accounts/{id}/password", action: "account.password", make: (*Portal).accountPassword},
		{method: "POST", path: "/settings/accounts/{id}/disable", action: "account.disable", make: (*Portal).disableAccount},
		{method: "GET", path: "/settings/tokens", action: "token.create", make: (*Portal).tokens},
		{method: "POST", path: "/settings/tokens", action: "token.create", make: (*Portal).createToken, again: (*Portal).tokensAgain},
		{method: "POST", path: "/settings/tokens/{id}/revoke", action: "token.revoke", make: (*Portal).revokeToken},
		{method: "GET", path: "/deliveries", action: "notification.read", make: (*Portal).deliveries},
		{method: "POST", path: "/deliveries/retry", action: "notification.retry", make: (*Portal).retryDelivery},

		{method: "GET", path: "/account", action: use, menu: "My account", make: (*Portal).account},
		{method: "POST", path: passwordPath, action: use, make: (*Portal).changePassword},

		{method: "GET", path: "/signin", action: open, make: (*Portal).signInForm},
		{method: "POST", path: "/signin", action: open, make: (*Portal).signIn},
		{method: "POST", path: "/signout", action: use, make: (*Portal).signOut},
		{method: "GET", path: "/setup", action: open, make: (*Portal).setUpForm},
		{method: "POST", path: "/setup", action: open, make: (*Portal).firstAccount},
		{method: "GET", path: "/", action: open, make: (*Portal).nothing},
	}
}

// Route is a line of the table, for the tests that ask every route.
type Route struct {
	Method, Path, Action, Also, Menu string
	Upload                           bool
}

// Routes are all of them.
func Routes() (all []Route) {
	for _, r := range table {
		all = append(all, Route{r.method, r.path, r.action, r.also, r.menu, r.upload > 0})
	}
	return all
}

func (p *Portal) nothing(*request) (*shown, error) { return nil, errNotFound }
