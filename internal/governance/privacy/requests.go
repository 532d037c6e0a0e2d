package privacy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Request is what a person asks about their own data. The record's instant is when
// it was received.
type Request struct {
	ID         string     `json:"id"`
	Subject    string     `json:"subject"`
	Kind       string     `json:"kind"`
	Law        string     `json:"law"`
	LawName    string     `json:"law_name,omitempty"`
	Handler    string     `json:"handler"`
	Channel    string     `json:"channel,omitempty"`
	ReceivedAt *time.Time `json:"received_at,omitempty"`
	State      string     `json:"state"`

	// How long the law gives, and by how much that can be extended once: those of Law
	// where they are not given.
	TermMonths      *int `json:"term_months,omitempty"`
	TermDays        *int `json:"term_days,omitempty"`
	ExtensionMonths *int `json:"extension_months,omitempty"`
	ExtensionDays   *int `json:"extension_days,omitempty"`
	// FirstDueAt is the end of the term, DueAt that of the extended one, if it was.
	FirstDueAt *time.Time `json:"first_due_at,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`

	ExtensionReason string     `json:"extension_reason,omitempty"`
	ExtendedAt      *time.Time `json:"extended_at,omitempty"`
	ExtendedBy      string     `json:"extended_by,omitempty"`

	CorrectedWhy string `json:"corrected_why,omitempty"`
	CorrectedBy  string `json:"corrected_by,omitempty"`

	IdentityCheckedAt *time.Time `json:"identity_checked_at,omitempty"`
	Outcome           string     `json:"outcome,omitempty"`
	Reason            string     `json:"reason,omitempty"`
	Appeal            string     `json:"appeal,omitempty"`
	PassedOn          *bool      `json:"passed_on,omitempty"`
	Answer            string     `json:"answer,omitempty"`
	AnsweredAt        *time.Time `json:"answered_at,omitempty"`
	AnsweredBy        string     `json:"answered_by,omitempty"`
	record.Withdrawal
}

// Term is how long a law gives.
type Term struct{ Months, Days int }

// Laws have terms, and extensions of them.
var laws = map[string][2]Term{
	// GDPR Article 12(3): one month, extended by two further months where necessary.
	"GDPR": {{Months: 1}, {Months: 2}},
	// California Civil Code 1798.130(a)(2)(A): 45 days, extended once by 45 days.
	"CCPA": {{Days: 45}, {Days: 45}},
	// Where no law says it, our own policy does.
	otherLaw: {{Days: 30}, {}},
}

// otherLaw is one whose term is said, and its name where that is longer than our own
// policy gives: those of the others are the most.
const otherLaw = "other"

// longest is the most that is taken of a law which is only named, its extension included.
var longest = Term{Months: 12}

// and is a term with its extension.
func (t Term) and(more Term) Term { return Term{t.Months + more.Months, t.Days + more.Days} }

// String is a length of time as people say it.
func (t Term) String() string {
	if t.Days == 0 {
		return fmt.Sprintf("%d months", t.Months)
	}
	return fmt.Sprintf("%d days", t.Days)
}

// said is a field's name where it says more than nothing.
func said(field string, n int) string {
	if n == 0 {
		return ""
	}
	return field
}

// End is the end of a term that begins at an instant: the last microsecond of its
// last day in the zone. A term in months ends on the day with the same number, or
// on the last day of a month that does not have it (Regulation 1182/71 Article
// 3(2)(c)). Holidays and weekends do not extend it here: whoever answers by then is
// in time in any case.
func (t Term) End(from time.Time, zone *time.Location) time.Time {
	year, month, day := from.In(zone).Date()
	first := time.Date(year, month+time.Month(t.Months), 1, 0, 0, 0, 0, zone)
	last := time.Date(first.Year(), first.Month()+1, 0, 0, 0, 0, 0, zone).Day()
	return time.Date(first.Year(), first.Month(), min(day, last)+t.Days+1, 0, 0, 0, 0, zone).Add(-time.Microsecond).UTC()
}

// Requests describes the register of requests of people about their data.
var Requests = record.Define[Request](record.Definition{
	Kind: kindRequest, Register: "subject_requests", Title: "Privacy requests", Singular: "Privacy request", Prefix: "PRQ", At: "received_at", Personal: true,
	Purpose: "What people ask about their own data: the deadline and the answer.",
	Fixed:   []string{"received_at", "law", "law_name", "term_months", "term_days", "extension_months", "extension_days"},
	States:  []string{"received", "extended", answered, record.Withdrawn},
	// What is asked for, and by whom, says what is owed.
	Settled: []record.Settled{{States: []string{"received", "extended"}, Fields: []string{"subject", "kind", "channel"}}},
	Transitions: []record.Transition{
		{From: "received", To: "extended", Permission: "subject_request.extend", Required: []string{"extension_reason"}, NotBy: []string{"handler"}, Stamp: []string{"extended_at", "extended_by"}, Check: extendable},
		answering("received"), answering("extended"), correcting("received"), correcting("extended"),
		// It came twice, or was taken back: nobody withdraws what they have to answer.
		record.Withdrawing("received").By("subject_request.withdraw", "handler"), record.Withdrawing("extended").By("subject_request.withdraw", "handler"),
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "subject", Label: "Person", Section: "Request", Required: true, Help: "A reference by which the systems know the person: never a name or an address."},
		{Name: "kind", Label: "Kind", Required: true, Choices: []string{"access", "correction", "accounting", erasing, "portability", "restriction", "objection"}, Help: "What is asked for."},
		{Name: "law", Label: "Law", Required: true, Choices: []string{"GDPR", "CCPA", otherLaw}, Help: "Whose terms hold: GDPR one month, extended by two; CCPA 45 days, extended by 45; other 30 days."},
		{Name: "law_name", Label: "Which other law", Help: "Which one gives more than 30 days, such as LGPD, Article 19: of another law that has to be said."},
		{Name: "handler", Label: "Handler", Required: true, Refers: "person", Help: "Who answers it, as person/E1001."},
		{Name: "channel", Label: "Came by", Help: "How it came."},
		{Name: "corrected_why", Label: "Why it was corrected", Given: true, Long: true, Help: "What was entered wrongly, and how it is known what was asked."},
		{Name: "corrected_by", Label: "Corrected by", Given: true},
		{Name: "received_at", Label: "Received", Required: true, Happened: true, Help: "When it came, to whomever here: the term runs from then."},
		{Name: "state", Label: "State"},
		{Name: "term_months", Label: "Term in months", Section: "Term", Help: "Where it is another one than that of the law named above: of GDPR and CCPA a shorter one, of another law 12 months at most, with the extension."},
		{Name: "term_days", Label: "Term in days", Help: "Where it is another one."},
		{Name: "extension_months", Label: "Extension in months", Help: "Where it is another one."},
		{Name: "extension_days", Label: "Extension in days", Help: "Where it is another one."},
		{Name: "first_due_at", Label: "End of the term", Given: true},
		{Name: "due_at", Label: "Due", Given: true},
		{Name: "extension_reason", Label: "Why it is extended", Long: true, Help: "What makes it hard, as its person is told."},
		{Name: "extended_at", Label: "Extended", Given: true},
		{Name: "extended_by", Label: "Extended by", Given: true},
		{Name: "identity_checked_at", Label: "Identity checked", Section: "Answer", Happened: true, Help: "When it was made sure that it is this person who asks. Left out where that was not proved."},
		{Name: "outcome", Label: "Outcome", Choices: []string{granted, grantedInPart, "refused", notProved}, Help: "What came of it."},
		{Name: "reason", Label: "Why not", Long: true, Help: "Why it was refused, or a part of it; why it was not proved who asks."},
		{Name: "appeal", Label: "How to object", Long: true, Help: "What the person was told about how to object, and of the right to complain."},
		{Name: "passed_on", Label: "Passed on", Help: "Of a correction: whether those who received the data were told."},
		{Name: "answer", Label: "Answer", Shows: true, Help: "Where the answer is: a file of this record, a ticket."},
		{Name: "answered_at", Label: "Answered", Given: true},
		{Name: "answered_by", Label: "Answered by", Given: true},
	},
	Columns: []record.Column{
		{Field: "received_at", Filter: true, Sort: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "kind", Filter: true},
		{Field: "law", Filter: true},
		{Field: "handler", Filter: true},
		{Field: "outcome", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues:      []record.Due{{Name: "answer", What: "Answer the privacy request", At: "due_at", Owner: "handler", Open: `item.state != "answered" && item.state != "withdrawn"`}},
	Retention: record.Retention{Field: "answered_at", Years: 3},
})

const (
	kindRequest = "subject_request"
	answered    = "answered"
	// granted are the outcomes by which something is to be done.
	granted, grantedInPart = "granted", "granted in part"
	// erasing is the kind of a request that asks for data to be erased.
	erasing = "erasure"
)

// notProved is the outcome for whoever cannot prove who they are: nothing is given to them.
const notProved = "identity not proved"

// correcting is for who does not owe what is asked for.
func correcting(state string) record.Transition {
	return record.Transition{From: state, To: state, Called: "Correct what is asked", Permission: "subject_request.correct", Required: []string{"kind", "corrected_why"},
		Offered: []string{"subject", "channel"}, Sets: []string{"corrected_why"}, NotBy: []string{"handler"}, Stamp: []string{"corrected_by"}}
}

func answering(from string) record.Transition {
	return record.Transition{
		From: from, To: answered, Required: []string{"outcome", "answer"}, Stamp: []string{"answered_at", "answered_by"},
		Offered: []string{"identity_checked_at", "reason", "appeal", "passed_on"},
		Guards: []record.Guard{
			{Field: "identity_checked_at", If: `(item.outcome == "` + notProved + `") != has(item.identity_checked_at)`, Why: "is needed, unless it was not proved who asks: there is none then"},
			{Field: "reason", If: `item.outcome == "granted" || has(item.reason) && item.reason != ""`, Why: "is not said: a refusal, of a part too, gives reasons"},
			{Field: "appeal", If: `item.outcome == "granted" || has(item.appeal) && item.appeal != ""`, Why: "is not said: a refusal, of a part too, says how to object"},
			{Field: "passed_on", If: `item.kind != "correction" || !(item.outcome in ["granted", "granted in part"]) || has(item.passed_on)`, Why: "is not said: whether those who received what was corrected were told"},
		},
	}
}

// extendable wants a term that has an extension, and is not over.
func extendable(_ *store.Reader, doc json.RawMessage) error {
	r := &Request{}
	if err := json.Unmarshal(doc, r); err != nil {
		return err
	}
	switch {
	case r.ExtendedAt.After(*r.FirstDueAt):
		return record.Refuse("state", "cannot be extended: the term is over, and its person had to be told before")
	case !r.DueAt.After(*r.FirstDueAt):
		return record.Refuse("state", "cannot be extended: the law that is named gives no more time")
	}
	return nil
}

// Before sets the terms of the law, and when they end in the organisation's time zone.
func (r *Request) Before(tx *act.Tx, old any) error {
	if old == nil {
		of := laws[r.Law]
		if r.TermMonths == nil && r.TermDays == nil {
			r.TermMonths, r.TermDays = &of[0].Months, &of[0].Days
		}
		if r.ExtensionMonths == nil && r.ExtensionDays == nil {
			r.ExtensionMonths, r.ExtensionDays = &of[1].Months, &of[1].Days
		}
	}
	number := func(n *int) int {
		if n == nil {
			return 0
		}
		return *n
	}
	term, more := Term{number(r.TermMonths), number(r.TermDays)}, Term{number(r.ExtensionMonths), number(r.ExtensionDays)}
	if old == nil {
		if err := r.bounded(term, more, tx.Zone()); err != nil {
			return err
		}
	}
	end := term.End(*r.ReceivedAt, tx.Zone())
	r.FirstDueAt, r.DueAt = &end, &end
	if r.ExtendedAt != nil {
		extended := term.and(more).End(*r.ReceivedAt, tx.Zone())
		r.DueAt = &extended
	}
	if old != nil && record.As[Request](old).State != answered && r.State == answered {
		return r.erase(tx)
	}
	return nil
}

// bounded refuses a term, an extension, or what the two come to together, that is longer
// than the law gives. A law that is only named is taken at its word, for a year.
func (r *Request) bounded(term, more Term, zone *time.Location) error {
	inTerm, inMore := cmp.Or(said("term_days", term.Days), "term_months"), cmp.Or(said("extension_days", more.Days), "extension_months")
	end := func(t Term) time.Time { return t.End(*r.ReceivedAt, zone) }
	day := func(t Term) string { return end(t).In(zone).Format(time.DateOnly) }
	of, whole := laws[r.Law], term.and(more)
	most := of[0].and(of[1])
	switch {
	case r.Law == otherLaw && r.LawName == "" && end(whole).After(end(most)):
		return record.Refuse("law_name", "is missing: more time than until %s is given by a law alone", day(most))
	case r.Law == otherLaw && end(term).After(end(longest)):
		return record.Refuse(inTerm, "is longer than is taken of any law: at most until %s, an extension included", day(longest))
	case r.Law == otherLaw && end(whole).After(end(longest)):
		return record.Refuse(inMore, "is longer than is taken of any law: at most until %s, the term included", day(longest))
	case r.Law == otherLaw:
	case end(term).After(end(of[0])):
		return record.Refuse(inTerm, "is longer than %s gives: at most until %s; a shorter term can be set", r.Law, day(of[0]))
	case end(more).After(end(of[1])):
		return record.Refuse(inMore, "is longer than %s gives: at most %s", r.Law, of[1])
	case end(whole).After(end(most)):
		return record.Refuse(inMore, "is longer than %s gives: at most until %s, the term included", r.Law, day(most))
	}
	return nil
}

// Validate says what is wrong with a request.
func (r *Request) Validate() []record.FieldError {
	var wrong []record.FieldError
	for name, n := range map[string]*int{"term_months": r.TermMonths, "term_days": r.TermDays, "extension_months": r.ExtensionMonths, "extension_days": r.ExtensionDays} {
		if n != nil && (*n < 0 || *n > 366) {
			wrong = append(wrong, record.FieldError{Field: name, Problem: "goes from 0 to 366"})
		}
	}
	return wrong
}
