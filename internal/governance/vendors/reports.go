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
	"scaf.dev/scaf/internal/record/vocabulary"
)

// Report is what an independent auditor says about a vendor, such as a SOC 2
// report. The record's instant is when it is to be read.
type Report struct {
	ID     string `json:"id"`
	Vendor string `json:"vendor"`
	Owner  string `json:"owner"`
	Type   string `json:"type"`
	// Method says whether the report covers the vendor's own suppliers.
	Method     string     `json:"method,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`
	CoversFrom *time.Time `json:"covers_from,omitempty"`
	CoversTo   *time.Time `json:"covers_to,omitempty"`
	// PreviousTo is the end of what the report before it covers, BridgeTo that of
	// the vendor's letter about the time after it.
	First      bool             `json:"first"`
	PreviousTo *time.Time       `json:"previous_to,omitempty"`
	BridgeTo   *time.Time       `json:"bridge_to,omitempty"`
	Gap        *record.Duration `json:"gap,omitempty"`
	// LetterTo is the end of what the vendor's letter about the time after this report
	// speaks of, Uncovered the days from there, or from CoversTo, to when it was read.
	LetterTo  *time.Time `json:"letter_to,omitempty"`
	Uncovered *int       `json:"uncovered,omitempty"`

	ExceptionList        []Exception `json:"exception_list,omitempty"`
	Exceptions           *int        `json:"exceptions,omitempty"`
	ExceptionsJudged     *int        `json:"exceptions_judged,omitempty"`
	DutyList             []Duty      `json:"customer_duty_list,omitempty"`
	CustomerDuties       *int        `json:"customer_duties,omitempty"`
	CustomerDutiesMapped *int        `json:"customer_duties_mapped,omitempty"`
	Physical             *bool       `json:"physical,omitempty"`
	CarvedOut            []string    `json:"carved_out,omitempty"`

	State  string     `json:"state"`
	Reader string     `json:"reader,omitempty"`
	ReadAt *time.Time `json:"read_at,omitempty"`
	record.Withdrawal
}

// Exception is one that the report names.
type Exception struct {
	What     string `json:"what" long:"true" doc:"The exception, as the report names it."`
	Judgment string `json:"judgment,omitempty" long:"true" doc:"What it means for us."`
}

// Duty is what the report leaves to customers (a complementary user entity
// control).
type Duty struct {
	What     string   `json:"what" label:"Duty" long:"true" doc:"What customers have to do, as the report says."`
	Controls []string `json:"controls,omitempty" doc:"Those of ours that do it, one a line, like ACC-01."`
}

const kindReport = "assurance_report"

// Reports describes the register of reports.
var Reports = record.Define[Report](record.Definition{
	Kind: kindReport, Register: "assurance_reports", Title: "Assurance reports", Singular: "Assurance report", Prefix: "REP", At: "due_at",
	Purpose: "Vendors' SOC reports: what they cover, their exceptions, and our part.",
	States:  []string{"awaited", "read", record.Withdrawn},
	// What was read, and how it was judged: it is read again to be judged anew.
	Settled: []record.Settled{{States: []string{"read"}, Fields: []string{
		"vendor", "type", "method", "carved_out", "due_at", "covers_from", "covers_to", "first", "previous_to", "bridge_to", "letter_to", "exception_list", "customer_duty_list", "physical",
	}}},
	Transitions: []record.Transition{
		{From: "awaited", To: "read", Required: []string{"covers_from", "covers_to", "gap", "method", "physical"}, Offered: []string{"exception_list", "customer_duty_list"}, Stamp: []string{"read_at", "reader"},
			Guards: []record.Guard{
				{Field: "exception_list", If: `item.exceptions_judged >= item.exceptions`, Why: "has one without a judgment: say of each exception what it means for us"},
				{Field: "customer_duty_list", If: `item.customer_duties_mapped >= item.customer_duties`, Why: "has one without a control: say of each duty of customers which control of ours does it"},
			}},
		{From: "read", To: "awaited"}, // read again
		record.Withdrawing("awaited").By("vendor.approve", "owner"),
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "vendor", Label: "Vendor", Section: "Report", Required: true, Refers: kindVendor, Help: "Its reference, like vendor/VEN-1."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who gets it and reads it, as person/E1001."},
		{Name: "type", Label: "Type", Required: true, Choices: []string{"SOC 1 type 2", "SOC 2 type 1", "SOC 2 type 2", "ISO 27001", "other"}, Help: "What kind of report it is."},
		{Name: "method", Label: "Vendor's suppliers", Choices: []string{"inclusive", "carve-out"}, Help: "Whether it covers the vendor's own suppliers, or leaves them out."},
		{Name: "carved_out", Label: "Left out", Help: "The suppliers that it leaves out."},
		{Name: "due_at", Label: "Due", Day: true, Required: true, Help: "The day by whose end it is to be read."},
		{Name: "state", Label: "State"},
		{Name: "covers_from", Label: "Covers from", Day: true, Section: "Period", Help: "The first day that it covers."},
		{Name: "covers_to", Label: "Covers to", Day: true, Help: "The last day that it covers."},
		{Name: "first", Label: "First report", Help: "Whether there is none before it."},
		{Name: "previous_to", Label: "Previous to", Day: true, Help: "The last day of the report before it: where that is in this register, SCAF knows it."},
		{Name: "bridge_to", Label: "Bridge letter to", Day: true, Help: "The last day of which the vendor's letter about the time between speaks."},
		{Name: "gap", Label: "Gap", Computed: true, Help: "The time of which neither a report nor a letter speaks."},
		{Name: "letter_to", Label: "Later letter to", Day: true, Help: "The last day of which the vendor's letter about the time after this report speaks: three months after it at most."},
		{Name: "uncovered", Label: "Days not covered", Computed: true, Help: "From the end of what it covers, or of the later letter, to when it was read: a year at most (VND-04)."},
		{Name: "exception_list", Label: "Exceptions in it", Section: "What it says", Help: "Each exception that it names, and what it means for us."},
		{Name: "exceptions", Label: "Number of exceptions", Computed: true},
		{Name: "exceptions_judged", Label: "Exceptions judged", Computed: true},
		{Name: "customer_duty_list", Label: "Duties of customers", Help: "Each duty that it leaves to customers, and the controls of ours that do it."},
		{Name: "customer_duties", Label: "Number of duties", Computed: true},
		{Name: "customer_duties_mapped", Label: "Duties with a control", Computed: true},
		{Name: "physical", Label: "Data centers", Help: "Whether it covers the doors of the data centers, or another report that was read does."},
		{Name: "reader", Label: "Read by", Given: true},
		{Name: "read_at", Label: "Read", Given: true},
	},
	Columns: []record.Column{
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "vendor", Filter: true},
		{Field: "type", Filter: true},
		{Field: "method", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "covers_to", Filter: true, Sort: true},
	},
	Dues: []record.Due{{Name: "reading", What: "Get the vendor's report and read it", At: "due_at", Owner: "owner", Open: `item.state == "awaited"`}},
})

// Gap is the time between what was covered before, to the end of the last day of it, and
// what a report covers now. A bridge letter speaks for the time up to its end.
func Gap(previousTo, bridgeTo *time.Time, coversFrom time.Time) time.Duration {
	if previousTo == nil {
		return 0
	}
	until := *previousTo
	if bridgeTo != nil && bridgeTo.After(until) {
		until = *bridgeTo
	}
	return max(0, coversFrom.Sub(until.AddDate(0, 0, 1)))
}

// Compute counts, and measures the gap.
func (r *Report) Compute() {
	judged, mapped := 0, 0
	for _, e := range r.ExceptionList {
		if strings.TrimSpace(e.Judgment) != "" {
			judged++
		}
	}
	for _, d := range r.DutyList {
		if len(d.Controls) > 0 {
			mapped++
		}
	}
	exceptions, duties := len(r.ExceptionList), len(r.DutyList)
	r.Exceptions, r.ExceptionsJudged, r.CustomerDuties, r.CustomerDutiesMapped = &exceptions, &judged, &duties, &mapped
	r.Gap = nil
	if r.CoversFrom != nil && (r.First || r.PreviousTo != nil) {
		gap := record.Duration(Gap(r.PreviousTo, r.BridgeTo, *r.CoversFrom).String())
		r.Gap = &gap
	}
	if r.State != "read" {
		r.ReadAt, r.Reader = nil, ""
	}
	r.Uncovered = nil
	if until := r.speaks(); r.ReadAt != nil && until != nil {
		days := max(0, int(r.ReadAt.Sub(until.AddDate(0, 0, 1)).Hours()/24))
		r.Uncovered = &days
	}
}

// speaks is the last day of which a report, or a letter after it, speaks.
func (r *Report) speaks() *time.Time {
	if r.CoversTo != nil && r.LetterTo != nil && r.LetterTo.After(*r.CoversTo) {
		return r.LetterTo
	}
	return r.CoversTo
}

// Consult says which report is before this one, and refuses duties of customers that name
// what is no control.
func (r *Report) Consult(reader *store.Reader, old any) error {
	if err := r.follow(reader, old); err != nil {
		return err
	}
	known := map[string]bool{}
	if old != nil {
		for _, d := range record.As[Report](old).DutyList {
			for _, id := range d.Controls {
				known[id] = true // of before: what stands stays
			}
		}
	}
	var wrong []record.FieldError
	for i, d := range r.DutyList {
		named := slices.DeleteFunc(slices.Clone(d.Controls), func(id string) bool { return known[id] })
		missing, err := vocabulary.Controls.Missing(reader, named)
		if err != nil {
			return err
		}
		for _, id := range missing {
			wrong = append(wrong, record.Wrong(record.Within("customer_duty_list", i, "controls"), "%q is no control: name each on a line of its own, as the page of controls has it, such as ACC-01", id))
		}
	}
	if len(wrong) > 0 {
		return &record.Invalid{Fields: wrong}
	}
	return nil
}

// follow holds what is said of the report before against the register: the latest one of the
// vendor and the type that was read and covers earlier time. What stands there stays.
func (r *Report) follow(reader *store.Reader, old any) error {
	if r.CoversTo == nil {
		return nil
	}
	if old != nil {
		was := record.As[Report](old)
		if (was.State == r.State || r.State != "read") && was.Vendor == r.Vendor && was.Type == r.Type && was.First == r.First &&
			record.SameTime(was.CoversTo, r.CoversTo) && record.SameTime(was.PreviousTo, r.PreviousTo) {
			return nil
		}
	}
	var before *Report
	if _, err := record.List(reader, Reports, record.Query{Filter: fmt.Sprintf(`item.vendor == %q && item.state == "read"`, r.Vendor)}, func(v *record.Version) error {
		one := &Report{}
		if err := json.Unmarshal(v.Doc, one); err != nil {
			return err
		}
		if one.ID != r.ID && one.Type == r.Type && one.CoversTo != nil && one.CoversTo.Before(*r.CoversTo) && (before == nil || one.CoversTo.After(*before.CoversTo)) {
			before = one
		}
		return nil
	}); err != nil || before == nil {
		return err
	}
	ref, end := Reports.Name+"/"+before.ID, before.CoversTo
	day := end.Add(12 * time.Hour).UTC().Format(time.DateOnly) // noon is on that day in UTC, too
	switch {
	case r.First:
		return record.Refuse("first", "is said, and %s, which covers this vendor up to %s, was read before: say no, and the gap counts from there", ref, day)
	case r.PreviousTo == nil:
		r.PreviousTo = end
	case !record.SameTime(r.PreviousTo, end):
		return record.Refuse("previous_to", "is not %s, the last day of %s, which is the report before it: leave it empty, and SCAF fills that in", day, ref)
	}
	r.Compute()
	return nil
}

// nextMonths is how long after the end of what a report covers the one of the year after it
// is to be read: its auditors have three months.
const nextMonths = 12 + 3

// Before notes in the vendor's record which report of it was read first, and opens the one
// that is to be read next when one of a vendor that is used was read, unless one is awaited.
func (r *Report) Before(tx *act.Tx, old any) error {
	was := old != nil && record.As[Report](old).State == "read"
	if was == (r.State == "read") || r.CoversTo == nil {
		return nil
	}
	v, version, err := record.Load[Vendor](&tx.Reader, Register, Register.Bare(r.Vendor))
	if errors.Is(err, record.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	if v.ReportDueAt != nil {
		if err := v.settle(&tx.Reader, r); err != nil {
			return err
		}
		if _, err := record.Put(tx, Register, record.Change{Verb: "reported", ID: v.ID, Doc: v, Expect: version}); err != nil && !errors.Is(err, record.ErrSame) {
			return err
		}
	}
	if was {
		return nil
	}
	awaited := false
	if _, err := record.List(&tx.Reader, Reports, record.Query{Filter: fmt.Sprintf(`item.vendor == %q && item.state == "awaited"`, r.Vendor)}, func(v *record.Version) error {
		one := &Report{}
		err := json.Unmarshal(v.Doc, one)
		awaited = awaited || one.ID != r.ID && one.Type == r.Type
		return err
	}); err != nil || awaited || v.State != InUse {
		return err
	}
	due := r.CoversTo.In(tx.Zone())
	if r.Type != "ISO 27001" { // a certificate is renewed when it ends
		due = due.AddDate(0, nextMonths, 0)
	}
	year, month, day := tx.Now().In(tx.Zone()).Date()
	if soon := time.Date(year, month+letterMonths, day, 0, 0, 0, 0, tx.Zone()); due.Before(soon) {
		due = soon
	}
	fields := map[string]json.RawMessage{}
	for name, value := range map[string]any{"vendor": r.Vendor, "owner": r.Owner, "type": r.Type, "due_at": due.UTC()} {
		if fields[name], err = json.Marshal(value); err != nil {
			return err
		}
	}
	_, err = record.Add(tx, Reports, fields)
	return err
}

// letterMonths is for how long after a report a vendor's letter stands for it.
const letterMonths = 3

// Validate says what is wrong with a report.
func (r *Report) Validate() []record.FieldError {
	var wrong []record.FieldError
	add := func(field, format string, args ...any) {
		wrong = append(wrong, record.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	if r.CoversFrom != nil && r.CoversTo != nil && r.CoversTo.Before(*r.CoversFrom) {
		add("covers_to", "lies before covers_from")
	}
	if r.LetterTo != nil && (r.CoversTo == nil || r.LetterTo.After(r.CoversTo.AddDate(0, letterMonths, 1))) {
		add("letter_to", "is more than %d months after covers_to: for longer no letter stands for a report, and the next one is to be read", letterMonths)
	}
	if r.First && r.PreviousTo != nil {
		add("previous_to", "is given, and this is said to be the first report")
	}
	for i, e := range r.ExceptionList {
		wrong = append(wrong, record.Missing("exception_list", i, "what", e.What)...)
	}
	for i, d := range r.DutyList {
		wrong = append(wrong, record.Missing("customer_duty_list", i, "what", d.What)...)
	}
	return wrong
}
