package privacy

import (
	"strings"
	"time"

	"scaf.dev/scaf/internal/record"
)

// Breach is one of personal data, ours or a vendor's. The record's instant is when it
// was found.
type Breach struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Lead       string     `json:"lead"`
	ByVendor   *bool      `json:"by_vendor,omitempty"`
	Incident   string     `json:"incident,omitempty"`
	FoundAt    *time.Time `json:"found_at,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`
	State      string     `json:"state"`
	Subjects   *int       `json:"subjects,omitempty"`
	Data       []string   `json:"data,omitempty"`
	Cause      string     `json:"cause,omitempty"`
	Effects    string     `json:"effects,omitempty"`
	MustReport *bool      `json:"must_report,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	MustTell   *bool      `json:"must_tell,omitempty"`
	TellReason string     `json:"tell_reason,omitempty"`
	JudgedAt   *time.Time `json:"judged_at,omitempty"`
	JudgedBy   string     `json:"judged_by,omitempty"`

	Authority  string     `json:"authority,omitempty"`
	ReportedAt *time.Time `json:"reported_at,omitempty"`
	PeopleTold *bool      `json:"people_told,omitempty"`
	SettledAt  *time.Time `json:"settled_at,omitempty"`
	SettledBy  string     `json:"settled_by,omitempty"`
}

// ReportWithin is how long a breach may take to be judged and reported (GDPR Article
// 33(1)).
const ReportWithin = 72 * time.Hour

// Breaches describes the register of breaches of personal data.
var Breaches = record.Define[Breach](record.Definition{
	Kind: "privacy_breach", Register: "privacy_breaches", Title: "Breaches of personal data", Singular: "Breach of personal data", Prefix: "BRE", At: "found_at",
	Purpose: "Breaches of personal data: what happened, who was told, and when.",
	Fixed:   []string{"found_at"},
	States:  []string{"found", "judged", "settled"},
	Settled: []record.Settled{{States: []string{"judged"}, Fields: []string{"title", "effects", "incident"}}},
	Transitions: []record.Transition{
		{From: "found", To: "judged", Permission: "privacy_breach.judge", Required: []string{"subjects", "data", "cause", "must_report", "reason", "must_tell", "tell_reason"}, Offered: []string{"effects"}, Stamp: []string{"judged_at", "judged_by"}},
		{From: "judged", To: "found", Permission: "privacy_breach.judge"},
		// Nobody decides alone that nobody is told.
		{From: "judged", To: "settled", Permission: "privacy_breach.judge", NotBy: []string{"judged_by"}, Offered: []string{"authority", "reported_at", "people_told"}, Stamp: []string{"settled_at", "settled_by"},
			Guards: []record.Guard{
				{Field: "authority", If: `!item.must_report || has(item.authority) && item.authority != ""`, Why: "is not named: a breach that must be reported is, to an authority"},
				{Field: "reported_at", If: `!item.must_report || has(item.reported_at)`, Why: "is missing: a breach that must be reported was, before it is settled"},
				// One that was judged before the two were judged apart is told of as it is reported.
				{Field: "people_told", If: `!(has(item.must_tell) ? item.must_tell : item.must_report) || has(item.people_told) && item.people_told`, Why: "has to be yes: the people concerned have to be told, as was judged"},
			}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Breach", Required: true, Help: "What happened, in a line."},
		{Name: "lead", Label: "Lead", Required: true, Refers: "person", Help: "Who sees to it, as person/E1001."},
		{Name: "by_vendor", Label: "At a vendor", Help: "Whether it happened at a vendor: it counts like one of our own."},
		{Name: "incident", Label: "Incident", Help: "The incident that it belongs to, a reference or a ticket."},
		{Name: "found_at", Label: "Found", Required: true, Happened: true, Help: "When anybody here knew of it: the 72 hours run from then."},
		{Name: "due_at", Label: "Due", Computed: true, Help: "72 hours after it was found."},
		{Name: "state", Label: "State"},
		{Name: "subjects", Label: "How many people", Section: "Judgment", Help: "How many people it concerns: an estimate, the higher one in doubt."},
		{Name: "data", Label: "Data", Help: "Which kinds of data, a line each."},
		{Name: "cause", Label: "Cause", Long: true, Help: "How it came about, as far as it is known."},
		{Name: "effects", Label: "Effects", Long: true, Help: "What it can mean for people, and what was done against it."},
		{Name: "must_report", Label: "Must be reported", Help: "Whether it has to be reported to an authority: where it can do any harm to people (GDPR, Article 33)."},
		{Name: "reason", Label: "Why", Long: true, Help: "Why it has to be reported, or not."},
		{Name: "must_tell", Label: "People must be told", Help: "Whether the people concerned have to be told: where great harm to them is likely (GDPR, Article 34)."},
		{Name: "tell_reason", Label: "Why they are told, or not", Long: true, Help: "How great the harm is that is likely, and what was done against it."},
		{Name: "judged_at", Label: "Judged", Given: true},
		{Name: "judged_by", Label: "Judged by", Given: true},
		{Name: "authority", Label: "Authority", Section: "Report", Help: "Which authority it was reported to, and under which number."},
		{Name: "reported_at", Label: "Reported", Happened: true, Help: "When it was reported."},
		{Name: "people_told", Label: "People told", Help: "Whether the people concerned were told."},
		{Name: "settled_at", Label: "Settled", Given: true},
		{Name: "settled_by", Label: "Settled by", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "found_at", Filter: true, Sort: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "lead", Filter: true},
		{Field: "must_report", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues: []record.Due{{Name: "report", What: "Judge the breach, and report it", At: "due_at", Owner: "lead", Open: `item.state != "settled"`}},
})

// Compute sets the end of the 72 hours, and that a judgment ends when it is found
// anew.
func (b *Breach) Compute() {
	b.DueAt = nil
	if b.FoundAt != nil {
		due := b.FoundAt.Add(ReportWithin)
		b.DueAt = &due
	}
	if b.State == "found" {
		b.JudgedAt, b.JudgedBy = nil, ""
	}
}

// Validate says what is wrong with a breach.
func (b *Breach) Validate() []record.FieldError {
	if b.Subjects != nil && *b.Subjects < 0 {
		return []record.FieldError{{Field: "subjects", Problem: "is less than none"}}
	}
	return nil
}

// Complaint is an inquiry, complaint or dispute about privacy. The record's instant is
// when it was received.
type Complaint struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Channel    string     `json:"channel"`
	HandledBy  string     `json:"handled_by"`
	ReceivedAt *time.Time `json:"received_at,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`
	State      string     `json:"state"`
	Justified  *bool      `json:"justified,omitempty"`
	Outcome    string     `json:"outcome,omitempty"`
	Correction string     `json:"correction,omitempty"`
	SenderTold *bool      `json:"sender_told,omitempty"`
	SettledAt  *time.Time `json:"settled_at,omitempty"`
	SettledBy  string     `json:"settled_by,omitempty"`
}

const settleWithin = 30 // days

// Complaints describes the register of complaints.
var Complaints = record.Define[Complaint](record.Definition{
	Kind: "privacy_complaint", Register: "privacy_complaints", Title: "Privacy complaints", Singular: "Privacy complaint", Prefix: "CPL", At: "received_at", Personal: true,
	Purpose: "Complaints about how personal data is used, and what was done.",
	Fixed:   []string{"received_at"},
	States:  []string{"received", "settled"},
	Transitions: []record.Transition{
		{From: "received", To: "settled", Required: []string{"justified", "outcome", "sender_told"}, Offered: []string{"correction"}, Stamp: []string{"settled_at", "settled_by"},
			Guards: []record.Guard{{Field: "correction", If: `!item.justified || has(item.correction) && item.correction != ""`, Why: "is not said: where it was justified, something is changed for everybody"}}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Complaint", Required: true, Help: "What it is about, without who sent it."},
		{Name: "channel", Label: "Came by", Required: true, Help: "How it came: a form, a letter, an authority."},
		{Name: "handled_by", Label: "Handled by", Required: true, Refers: "person", Help: "Who settles it, as person/E1001."},
		{Name: "received_at", Label: "Received", Required: true, Happened: true, Help: "When it came."},
		{Name: "due_at", Label: "Due", Computed: true, Help: "30 days after it came."},
		{Name: "state", Label: "State"},
		{Name: "justified", Label: "Justified", Section: "Outcome", Help: "Whether it was right."},
		{Name: "outcome", Label: "Outcome", Long: true, Help: "What came of it."},
		{Name: "correction", Label: "What was changed", Long: true, Help: "What was changed for everybody. Needed where it was justified."},
		{Name: "sender_told", Label: "Sender told", Help: "Whether who sent it was told."},
		{Name: "settled_at", Label: "Settled", Given: true},
		{Name: "settled_by", Label: "Settled by", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "received_at", Filter: true, Sort: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "handled_by", Filter: true},
		{Field: "justified", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues: []record.Due{{Name: "settle", What: "Settle the privacy complaint", At: "due_at", Owner: "handled_by", Open: `item.state == "received"`}},
})

// Compute sets by when it is to be settled.
func (c *Complaint) Compute() {
	c.DueAt = nil
	if c.ReceivedAt != nil {
		due := c.ReceivedAt.AddDate(0, 0, settleWithin)
		c.DueAt = &due
	}
}

// Check is that of our own practice against the notice. The record's instant is when
// it is due.
type Check struct {
	ID       string        `json:"id"`
	Title    string        `json:"title"`
	Owner    string        `json:"owner"`
	Notice   string        `json:"notice,omitempty"`
	DueAt    *time.Time    `json:"due_at,omitempty"`
	State    string        `json:"state"`
	Scope    string        `json:"scope,omitempty"`
	Findings []CheckResult `json:"findings,omitempty"`
	// Year is that of its due date, by the organization's calendar.
	Year string `json:"year,omitempty"`
	// NoFindings says that it found nothing: a list that nobody filled in says less.
	NoFindings *bool      `json:"no_findings,omitempty"`
	Result     string     `json:"result,omitempty"`
	DoneAt     *time.Time `json:"done_at,omitempty"`
	DoneBy     string     `json:"done_by,omitempty"`
	record.Withdrawal
}

// CheckResult is something that a check has found, and who sees to it.
type CheckResult struct {
	Text    string `json:"text" label:"What was found" long:"true"`
	Owner   string `json:"owner" refers:"person" doc:"Who sees to it, as person/E1001."`
	Finding string `json:"finding,omitempty" refers:"finding" doc:"Where it stands in the register of findings, like finding/FND-1."`
}

// Checks describes the register of checks.
var Checks = record.Define[Check](record.Definition{
	Kind: kindCheck, Register: "privacy_checks", Title: "Privacy checks", Singular: "Privacy check", Prefix: "PCH", At: "due_at",
	Purpose: "Our own practice, held against the privacy notice once a year.",
	Fixed:   []string{"due_at"},
	States:  []string{"planned", "done", record.Withdrawn},
	Transitions: []record.Transition{
		{From: "planned", To: "done", Required: []string{"scope", "result"}, Offered: []string{"findings", "no_findings"}, Stamp: []string{"done_at", "done_by"},
			Guards: []record.Guard{{Field: "findings", If: `(has(item.findings) && item.findings.size() > 0) != (has(item.no_findings) && item.no_findings)`, Why: "are to be named, or else it is said that there are none"}}},
		record.Withdrawing("planned").By("privacy_notice.approve", "owner"),
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Check", Required: true, Help: "Which one it is, like: Practice against the notice 2026."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who does it, as person/E1001."},
		{Name: "notice", Label: "Notice", Refers: kindNotice, Help: "The notice that practice is held against, like privacy_notice/PN-1."},
		{Name: "due_at", Label: "Due", Required: true, Help: "By when it is done: once a year, and within that year."},
		{Name: "year", Label: "Year", Given: true},
		{Name: "state", Label: "State"},
		{Name: "scope", Label: "Looked at", Section: "Outcome", Long: true, Help: "What was looked at: activities, systems, samples."},
		{Name: "findings", Label: "Findings", Help: "What was found, and who sees to it."},
		{Name: "no_findings", Label: "Nothing found", Help: "Yes, where practice is as the notice says."},
		{Name: "result", Label: "Result", Long: true, Help: "What came of it, in a few sentences."},
		{Name: "done_at", Label: "Done", Given: true},
		{Name: "done_by", Label: "Done by", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "notice", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues:    []record.Due{{Name: "check", What: "Check our practice against the notice", At: "due_at", Owner: "owner", Open: `item.state == "planned"`}},
	Derived: []record.Derived{{Name: "privacy_check_rounds", At: "due_at", Item: CheckRound{}, Items: checkRounds}},
})

// Validate says what is wrong with a check.
func (c *Check) Validate() (wrong []record.FieldError) {
	for i, one := range c.Findings {
		wrong = append(wrong, record.Missing("findings", i, "text", one.Text)...)
		if !strings.HasPrefix(one.Owner, "person/") && !strings.HasPrefix(one.Owner, "account/") {
			wrong = append(wrong, record.Wrong(record.Within("findings", i, "owner"), "%q names nobody: write it as person/E1001", one.Owner))
		}
	}
	return wrong
}
