package api

import (
	"net/http"
	"strings"

	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
)

// route is one line of the table of everything that can be asked. A route that
// is not in the table cannot be registered.
type route struct {
	method, path string
	// action is what the caller must be allowed to do; open for what everybody
	// may ask. In routes of a register "*" stands for its kind, and "*.read"
	// for record.read where the register is not personal.
	action string
	id     string
	title  string
	tag    string
	status int // of success; 200 when 0
	// signed routes are asked with a signature (webhook.Keys) in place of a token:
	// whoever signs may do what the action names, and nobody else.
	signed bool
	// body lists the media types that are taken, with the limit in bytes of
	// each; nil: the route takes no body.
	body map[string]int64
}

func (r route) pattern() string { return r.method + " " + r.path }

// open marks routes that need no token: they tell nothing.
const open = ""

// Limits of bodies in bytes.
const (
	maxBody  = 1 << 20
	maxBatch = 64 << 20
)

// Media types.
const (
	eventType      = "application/cloudevents+json"
	batchType      = "application/cloudevents-batch+json"
	jsonType       = "application/json"
	mergePatchType = "application/merge-patch+json"
	binaryType     = "application/octet-stream"
	textType       = "text/plain; charset=utf-8"
	htmlType       = "text/html; charset=utf-8"
)

// routes is the table. Routes of a new noun get a paragraph of their own here
// and a file of their own beside this one.
var routes = []route{
	{method: "POST", path: "/v1/events", action: "ledger.append", id: "append-events", tag: "Events", status: http.StatusCreated,
		title: "Append an event, or a batch of at most 1,000 (all or none)", body: map[string]int64{eventType: maxBody, batchType: maxBatch}},
	{method: "GET", path: "/v1/events", action: "ledger.read", id: "list-events", tag: "Events", title: "List events in the order of the ledger"},
	{method: "GET", path: "/v1/events/{index}", action: "ledger.read", id: "get-event", tag: "Events",
		title: "Read an event; with Accept: application/cloudevents+json exactly the stored bytes"},
	{method: "GET", path: "/v1/events/{index}/proof", action: "ledger.read", id: "prove-event", tag: "Events", title: "Make the inclusion proof of an event"},

	{method: "GET", path: "/v1/ledger/checkpoint", action: "ledger.read", id: "get-checkpoint", tag: "Ledger", title: "Read the latest signed checkpoint (C2SP note)"},
	{method: "GET", path: "/v1/ledger/key", action: "ledger.read", id: "get-key", tag: "Ledger", title: "Read the ledger's verifier key (C2SP note)"},
	{method: "POST", path: "/v1/ledger/timestamps", action: "ledger.timestamp", id: "stamp-ledger", tag: "Ledger", status: http.StatusCreated,
		title: "Have the latest checkpoint time-stamped by the configured authority"},

	{method: "GET", path: "/v1/registers", action: "record.read", id: "list-registers", tag: "Records", title: "List the registers and their fields"},
	{method: "GET", path: "/v1/records/{register}", action: "*.read", id: "list-records", tag: "Records", title: "List the current records of a register"},
	{method: "POST", path: "/v1/records/{register}", action: "*.add", id: "add-record", tag: "Records", status: http.StatusCreated,
		title: "Add a record", body: map[string]int64{jsonType: maxBody}},
	{method: "GET", path: "/v1/records/{register}/{id}", action: "*.read", id: "get-record", tag: "Records", title: "Read a record's current version"},
	{method: "PATCH", path: "/v1/records/{register}/{id}", action: "*.set", id: "set-record", tag: "Records",
		title: "Change fields of a record (RFC 7396); If-Match names the version", body: map[string]int64{mergePatchType: maxBody, jsonType: maxBody}},
	{method: "GET", path: "/v1/records/{register}/{id}/history", action: "*.read", id: "get-history", tag: "Records",
		title: "Read every version of a record and the event that made it"},
	{method: "POST", path: "/v1/records/{register}/{id}/move", action: "*.move", id: "move-record", tag: "Records",
		title: "Move a record to another state of its lifecycle", body: map[string]int64{jsonType: maxBody}},

	{method: "GET", path: "/v1/records/{register}/{id}/links", action: "*.read", id: "list-links", tag: "Records", title: "List a record's links, both ways"},
	{method: "POST", path: "/v1/records/{register}/{id}/links", action: "*.link", id: "add-link", tag: "Records", status: http.StatusCreated,
		title: "Link a record to another one", body: map[string]int64{jsonType: maxBody}},
	{method: "DELETE", path: "/v1/records/{register}/{id}/links", action: "*.link", id: "remove-link", tag: "Records", title: "Remove a link; its history stays"},
	{method: "GET", path: "/v1/records/{register}/{id}/comments", action: "*.read", id: "list-comments", tag: "Records", title: "List the comments on a record"},
	{method: "POST", path: "/v1/records/{register}/{id}/comments", action: "*.comment", id: "add-comment", tag: "Records", status: http.StatusCreated,
		title: "Comment on a record", body: map[string]int64{jsonType: maxBody}},
	{method: "GET", path: "/v1/records/{register}/{id}/attachments", action: "*.read", id: "list-attachments", tag: "Records", title: "List a record's files"},
	{method: "POST", path: "/v1/records/{register}/{id}/attachments", action: "*.attach", id: "add-attachment", tag: "Records", status: http.StatusCreated,
		title: "Attach a file to a record", body: map[string]int64{binaryType: attached.MaxFile}},
	{method: "GET", path: "/v1/records/{register}/{id}/attachments/{file}", action: "*.read", id: "get-attachment", tag: "Records",
		title: "Read a file; the reading is recorded"},
	{method: "DELETE", path: "/v1/records/{register}/{id}/attachments/{file}", action: "*.attach", id: "remove-attachment", tag: "Records",
		title: "Take a file off its record; its history stays"},
	{method: "GET", path: "/v1/records/{register}/{id}/tags", action: "*.read", id: "get-tags", tag: "Records", title: "List a record's tags"},
	{method: "POST", path: "/v1/records/{register}/{id}/tags", action: "*.tag", id: "change-tags", tag: "Records",
		title: "Add and remove tags of a record", body: map[string]int64{jsonType: maxBody}},

	{method: "POST", path: "/v1/hris/people", action: "import.hris", signed: true, id: "take-people", tag: "Records",
		title: "Take what the HR system says of people (Standard Webhooks); all of a message or none of it", body: map[string]int64{jsonType: maxBody}},

	{method: "GET", path: "/v1/controls", action: "control.read", id: "list-controls", tag: "Controls", title: "List the controls and their tests"},
	{method: "GET", path: "/v1/controls/{id}", action: "control.read", id: "get-control", tag: "Controls", title: "Read a control"},
	{method: "GET", path: "/v1/results", action: "report.read", id: "list-results", tag: "Controls", title: "Read the latest result of every test in a period"},
	{method: "GET", path: "/v1/gaps", action: "report.read", id: "list-gaps", tag: "Controls", title: "Read what is missing for the tests of a period"},
	{method: "GET", path: "/v1/reports/readiness", action: "report.read", id: "get-readiness", tag: "Controls", title: "Read the readiness report of a period"},

	{method: "POST", path: "/v1/observations", action: "observation.record", id: "record-observations", tag: "Evidence", status: http.StatusCreated,
		title: "Record observations of systems, a JSON array of at most 1,000 (all or none)", body: map[string]int64{jsonType: maxBatch}},
	{method: "GET", path: "/v1/evidence", action: "evidence.read", id: "list-evidence", tag: "Evidence", title: "List the evidence that was kept, and what became of it"},
	{method: "POST", path: "/v1/evidence", action: "evidence.add", id: "add-evidence", tag: "Evidence", status: http.StatusCreated,
		title: "Keep a file as evidence of a control", body: map[string]int64{binaryType: documents.MaxFile}},
	{method: "GET", path: "/v1/evidence/{id}", action: "evidence.read", id: "get-evidence", tag: "Evidence", title: "Read what is known of evidence"},
	{method: "GET", path: "/v1/evidence/{id}/file", action: "evidence.read", id: "get-evidence-file", tag: "Evidence", title: "Read the file; the reading is recorded"},
	{method: "POST", path: "/v1/evidence/{id}/review", action: "evidence.review", id: "review-evidence", tag: "Evidence",
		title: "Conclude on evidence that somebody else prepared", body: map[string]int64{jsonType: maxBody}},

	{method: "GET", path: "/v1/periods", action: "period.read", id: "list-periods", tag: "Periods", title: "List the periods and where they stand"},
	{method: "POST", path: "/v1/periods", action: "period.open", id: "open-period", tag: "Periods", status: http.StatusCreated,
		title: "Open a period, or one that corrects a closed one", body: map[string]int64{jsonType: maxBody}},
	{method: "GET", path: "/v1/periods/{id}", action: "period.read", id: "get-period", tag: "Periods", title: "Read a period: its phase, and what may be done now"},
	{method: "POST", path: "/v1/periods/{id}/close", action: "period.close", id: "close-period", tag: "Periods", title: "Close a period after its end, for good"},

	{method: "GET", path: "/v1/control-versions", action: "control.read", id: "list-versions", tag: "Controls", title: "List the versions of controls: file, dates, approver"},
	{method: "POST", path: "/v1/control-versions", action: "control.propose", id: "propose-version", tag: "Controls", status: http.StatusCreated,
		title: "Propose a control file as the version in force from a day on", body: map[string]int64{jsonType: maxBody}},
	{method: "POST", path: "/v1/control-versions/adopt", action: "control.approve", id: "adopt-versions", tag: "Controls",
		title: "Approve the catalog's own control files as first versions", body: map[string]int64{jsonType: maxBody}},
	{method: "POST", path: "/v1/control-versions/{id}/approve", action: "control.approve", id: "approve-version", tag: "Controls",
		title: "Bring a proposed version into force; never by who proposed it"},
	{method: "POST", path: "/v1/control-versions/{id}/reject", action: "control.approve", id: "reject-version", tag: "Controls",
		title: "Say that a proposed version does not come into force, and why; never by who proposed it", body: map[string]int64{jsonType: maxBody}},
	{method: "POST", path: "/v1/control-versions/{id}/withdraw", action: "control.propose", id: "withdraw-version", tag: "Controls",
		title: "Take back a version that one has proposed, and say why", body: map[string]int64{jsonType: maxBody}},
	{method: "GET", path: "/v1/assessments", action: "control.read", id: "list-assessments", tag: "Controls", title: "List how the designs of controls were assessed"},
	{method: "POST", path: "/v1/assessments", action: "control.assess", id: "add-assessment", tag: "Controls", status: http.StatusCreated,
		title: "Record how the design of a version was assessed; never by the control's owner", body: map[string]int64{jsonType: maxBody}},

	{method: "GET", path: "/v1/deviations", action: "control.read", id: "list-deviations", tag: "Judgments", title: "List the deviations of a period's latest results, and how far each is judged"},
	{method: "GET", path: "/v1/deviations/causes", action: "control.read", id: "list-causes", tag: "Judgments", title: "List the causes that a deviation can have"},
	{method: "POST", path: "/v1/deviations/{id}/state", action: "deviation.state", id: "state-deviation", tag: "Judgments",
		title: "State the cause of a deviation, what compensated for it, or its incident", body: map[string]int64{jsonType: maxBody}},
	{method: "POST", path: "/v1/deviations/{id}/confirm", action: "deviation.confirm", id: "confirm-deviation", tag: "Judgments",
		title: "Confirm what somebody else stated about a deviation; never by the control's owner"},
	{method: "GET", path: "/v1/conclusions", action: "control.read", id: "list-conclusions", tag: "Judgments", title: "List what people concluded in a period"},
	{method: "POST", path: "/v1/conclusions", action: "control.conclude", id: "conclude", tag: "Judgments", status: http.StatusCreated,
		title: "Record what management concludes from a result", body: map[string]int64{jsonType: maxBody}},
	{method: "POST", path: "/v1/audit/conclusions", action: "audit.conclude", id: "audit", tag: "Judgments", status: http.StatusCreated,
		title: "Record what the auditor confirms or concludes from a result", body: map[string]int64{jsonType: maxBody}},
	{method: "POST", path: "/v1/results/{id}/reperform", action: "population.read", id: "reperform-result", tag: "Judgments",
		title: "Perform a recorded test again at its checkpoint, to the byte; nothing is recorded"},
	{method: "GET", path: "/v1/resolutions", action: "record.read", id: "list-resolutions", tag: "Judgments", title: "List resolutions of mismatches and their state"},
	{method: "POST", path: "/v1/resolutions", action: "resolution.propose", id: "propose-resolution", tag: "Judgments", status: http.StatusCreated,
		title: "Propose why a mismatch is none, or what it comes from", body: map[string]int64{jsonType: maxBody}},
	{method: "POST", path: "/v1/resolutions/{id}/confirm", action: "resolution.confirm", id: "confirm-resolution", tag: "Judgments",
		title: "Confirm what somebody else proposed; never by the control's owner"},

	{method: "GET", path: "/readiness", action: "report.read", id: "show-readiness", tag: "Controls", title: "Read the readiness report of a period as a page"},

	{method: "GET", path: "/openapi.json", action: open, id: "get-openapi", tag: "Service", title: "This description"},
	{method: "GET", path: "/healthz", action: open, id: "get-health", tag: "Service", title: "Whether the process runs"},
	{method: "GET", path: "/readyz", action: open, id: "get-ready", tag: "Service", title: "Whether events can be taken"},
	{method: "GET", path: "/metrics", action: "metrics.read", id: "get-metrics", tag: "Service", title: "Prometheus metrics"},
}

// find returns the table's line for an operation.
func find(id string) route {
	for _, r := range routes {
		if r.id == id {
			return r
		}
	}
	panic("api: the route " + id + " is not in the table")
}

// byPattern returns the table's line for a pattern of http.ServeMux.
func byPattern(pattern string) (route, bool) {
	for _, r := range routes {
		if r.pattern() == pattern {
			return r, true
		}
	}
	return route{}, false
}

// of is the route's action on a register.
func (r route) of(kind *record.Kind) string {
	verb, ok := strings.CutPrefix(r.action, "*.")
	switch {
	case !ok:
		return r.action
	case verb == "read" && !kind.Personal:
		return "record.read"
	}
	return kind.Name + "." + verb
}
