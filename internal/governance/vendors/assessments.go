package vendors

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Assessment is how a vendor was judged in a year.
type Assessment struct {
	ID            string   `json:"id"`
	Vendor        string   `json:"vendor"`
	Year          int      `json:"year"`
	Tier          string   `json:"tier"`
	Questionnaire string   `json:"questionnaire"`
	Answers       []Answer `json:"answers,omitempty"`
	Result        string   `json:"result,omitempty"`
	Conditions    string   `json:"conditions,omitempty"`
	// Reports says whether the vendor gives reports of an independent auditor; nil: it does.
	Reports        *bool  `json:"reports,omitempty"`
	NoReportReason string `json:"no_report_reason,omitempty"`

	Assessor string     `json:"assessor"`
	DoneBy   string     `json:"done_by,omitempty"`
	State    string     `json:"state"`
	DoneAt   *time.Time `json:"done_at,omitempty"`
	record.Withdrawal
}

// Answer is that to one question of the questionnaire.
type Answer struct {
	Question string `json:"question" doc:"Its id in the questionnaire."`
	Answer   string `json:"answer" enum:"yes,no,partly,not applicable"`
	Note     string `json:"note,omitempty" long:"true" doc:"What the answer rests on. Needed where it is not yes."`
}

var answers = []string{"yes", "no", "partly", "not applicable"}

// Assessments describes the register of assessments.
var Assessments = record.Define[Assessment](record.Definition{
	Kind: "vendor_assessment", Register: "vendor_assessments", Title: "Vendor assessments", Singular: "Vendor assessment", Prefix: "VAS",
	Purpose: "What a vendor answered to our questions about security, year by year.",
	At:      "done_at", Author: "assessor", States: []string{"draft", "done", record.Withdrawn},
	Transitions: []record.Transition{
		{From: "draft", To: "done", Called: "Finish the assessment", Required: []string{"answers", "result"}, Offered: []string{"tier", "conditions", "reports", "no_report_reason"}, Stamp: []string{"done_at", "done_by"}, Check: answered},
		record.Withdrawing("draft"),
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "vendor", Label: "Vendor", Section: "Assessment", Required: true, Refers: kindVendor, Help: "Its reference, like vendor/VEN-1."},
		{Name: "year", Label: "Year", Help: "For which year it is."},
		{Name: "tier", Label: "Tier", Required: true, Choices: Tiers, Help: "The vendor's tier when it was assessed."},
		{Name: "questionnaire", Label: "Questionnaire", Required: true, Choices: []string{general, kyc}, Called: map[string]string{kyc: "KYC/AML"}, Help: "KYC/AML for providers of identity and money-laundering checks (kyc-aml in a table)."},
		{Name: "answers", Label: "Answers", Help: "To each question of the questionnaire. An answer that is not yes needs a note.",
			Rows: &record.Rows{By: "questionnaire", Key: "question", Of: asked, From: "vendor", Usual: usual}},
		{Name: "result", Label: "Result", Section: "Result", Choices: []string{"fit", "fit with conditions", "unfit"}, Help: "Whether it may be used."},
		{Name: "conditions", Label: "Conditions", Long: true, Help: "Under which conditions."},
		{Name: "reports", Label: "Gives reports", Help: "Whether it gives reports of an independent auditor, such as SOC 2. A vendor of the tier critical does, unless this says no: then it is asked for none until an assessment says yes."},
		{Name: "no_report_reason", Label: "Why it gives none", Long: true, Help: "Why it gives none, and what we rely on instead."},
		{Name: "state", Label: "State"},
		{Name: "assessor", Label: "Assessor"},
		{Name: "done_by", Label: "Done by", Given: true},
		{Name: "done_at", Label: "Done", Given: true},
	},
	Columns: []record.Column{
		{Field: "vendor", Filter: true, Sort: true},
		{Field: "year", Filter: true, Sort: true},
		{Field: "tier", Filter: true},
		{Field: "result", Filter: true},
		{Field: "assessor", Filter: true},
		{Field: "state", Filter: true},
		{Field: "done_at", Filter: true, Sort: true},
	},
})

// Validate says what is wrong with an assessment.
func (a *Assessment) Validate() []record.FieldError {
	var wrong []record.FieldError
	add := func(field, format string, args ...any) {
		wrong = append(wrong, record.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	if a.Year < 2000 || a.Year > 2200 {
		add("year", "is %d: a year like 2026", a.Year)
	}
	if a.Result == "fit with conditions" && a.Conditions == "" {
		add("conditions", "are missing, and the result speaks of them")
	}
	switch none := a.Reports != nil && !*a.Reports; {
	case none && strings.TrimSpace(a.NoReportReason) == "":
		add("no_report_reason", "is missing, and the vendor gives no reports")
	case !none && a.NoReportReason != "":
		add("no_report_reason", "is given, and the vendor gives reports: say no there, or leave this empty")
	}
	questions := Questions(a.Questionnaire)
	seen := map[string]bool{}
	for i, one := range a.Answers {
		switch {
		case !slices.ContainsFunc(questions, func(q Question) bool { return q.ID == one.Question }):
			add(record.Within("answers", i, "question"), "%q is no question of the questionnaire %s", one.Question, a.Questionnaire)
		case seen[one.Question]:
			add(record.Within("answers", i, "question"), "%s is answered twice", one.Question)
		case !slices.Contains(answers, one.Answer):
			add(record.Within("answers", i, "answer"), "%q is not one of %s", one.Answer, strings.Join(answers, ", "))
		case one.Answer != "yes" && strings.TrimSpace(one.Note) == "":
			add(record.Within("answers", i, "note"), "is needed where the answer is %s", one.Answer)
		}
		seen[one.Question] = true
	}
	return wrong
}

// Before keeps a finished assessment in the vendor's record, and says there by when the
// next one is due, and that or by when the vendor gives a report.
func (a *Assessment) Before(tx *act.Tx, old any) error {
	if a.State != "done" || a.DoneAt == nil || old != nil && record.As[Assessment](old).State == "done" {
		return nil
	}
	current, err := record.Get(&tx.Reader, kindVendor, strings.TrimPrefix(a.Vendor, kindVendor+"/"))
	if errors.Is(err, record.ErrNone) {
		return nil // answered says so
	}
	if err != nil {
		return err
	}
	v := &Vendor{}
	if err := json.Unmarshal(current.Doc, v); err != nil {
		return err
	}
	next := a.DoneAt.AddDate(again, 0, 0)
	v.NextAssessmentAt = &next
	v.Assessments = append(v.Assessments, Judged{Assessments.Name + "/" + a.ID, *a.DoneAt, a.Tier, a.Result, a.Assessor, a.DoneBy})
	slices.SortStableFunc(v.Assessments, func(a, b Judged) int { return a.At.Compare(b.At) })
	if v.NoReportReason, v.NoReportBy, v.NoReportAt = a.NoReportReason, "", nil; v.NoReportReason != "" {
		v.NoReportBy, v.NoReportAt = a.DoneBy, a.DoneAt
	}
	if err := v.expect(tx, tx.Now()); err != nil {
		return err
	}
	_, err = record.Put(tx, Register, record.Change{Verb: "reassessed", ID: v.ID, Doc: v, Expect: current.Version})
	return err
}

// answered wants an answer to every question, the questionnaire that belongs to
// the vendor, and an assessor who is not the vendor's owner.
func answered(r *store.Reader, doc json.RawMessage) error {
	a := &Assessment{}
	if err := json.Unmarshal(doc, a); err != nil {
		return err
	}
	var left []string
	for i, q := range Questions(a.Questionnaire) {
		if !slices.ContainsFunc(a.Answers, func(one Answer) bool { return one.Question == q.ID }) {
			left = append(left, fmt.Sprintf("%d. %s", i+1, q.Text))
		}
	}
	refuse := func(field, format string, args ...any) error {
		return &record.Invalid{Fields: []record.FieldError{{Field: field, Problem: fmt.Sprintf(format, args...)}}}
	}
	if len(left) > 3 {
		left = append(left[:2], fmt.Sprintf("And %d more.", len(left)-2))
	}
	if len(left) > 0 {
		return refuse("answers", "these questions have none: %s", strings.Join(left, " "))
	}
	current, err := record.Get(r, kindVendor, strings.TrimPrefix(a.Vendor, kindVendor+"/"))
	if errors.Is(err, record.ErrNone) {
		return refuse("vendor", "%q is no vendor of the register", a.Vendor)
	}
	if err != nil {
		return err
	}
	v := &Vendor{}
	if err := json.Unmarshal(current.Doc, v); err != nil {
		return err
	}
	switch {
	case (v.Category == CategoryKYC) != (a.Questionnaire == kyc):
		return refuse("questionnaire", "is %s, and the vendor is a %s", a.Questionnaire, v.Category)
	case v.Tier != "" && a.Tier != v.Tier:
		return refuse("tier", "is %s, and the vendor's is %s: it is assessed as what it is", a.Tier, v.Tier)
	case v.Owner == a.Assessor || v.Owner == a.DoneBy:
		return fmt.Errorf("%w: %s is the owner of %s, and cannot assess it", act.ErrSamePerson, v.Owner, a.Vendor)
	}
	return nil
}
