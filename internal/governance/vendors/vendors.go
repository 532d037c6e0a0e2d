// Package vendors holds the registers of those who work for the company from
// outside: the vendors themselves, how they were assessed, what was agreed with
// them, the reports that they give, and which of them handle customers' data.
package vendors

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Vendor is a supplier. The record's instant is when its use began.
type Vendor struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Service  string `json:"service"`
	Category string `json:"category"`
	Owner    string `json:"owner"`
	State    string `json:"state"`

	Data         []string `json:"data,omitempty"`
	Access       string   `json:"access,omitempty"`
	Criticality  string   `json:"criticality,omitempty"`
	Tier         string   `json:"tier,omitempty"`
	TierOverride string   `json:"tier_override,omitempty"`
	TierReason   string   `json:"tier_reason,omitempty"`
	TierBy       string   `json:"tier_by,omitempty"`
	// ChangedWhy is why something of one that is used was changed which stands otherwise.
	ChangedWhy string `json:"changed_why,omitempty"`
	ChangedBy  string `json:"changed_by,omitempty"`

	ProposedBy       string     `json:"proposed_by"`
	ProposedAt       *time.Time `json:"proposed_at,omitempty"`
	AssessedAt       *time.Time `json:"assessed_at,omitempty"`
	AssessedBy       []string   `json:"assessed_by,omitempty"` // who assessed it, or said that it was
	ApprovedBy       string     `json:"approved_by,omitempty"`
	ApprovedAt       *time.Time `json:"approved_at,omitempty"`
	ApprovedTier     string     `json:"approved_tier,omitempty"`
	UsedFrom         *time.Time `json:"used_from,omitempty"`
	BoundFrom        *time.Time `json:"bound_from,omitempty"`
	ApproveBy        *time.Time `json:"approve_by,omitempty"`
	NextAssessmentAt *time.Time `json:"next_assessment_at,omitempty"`
	Assessments      []Judged   `json:"assessments,omitempty"`
	RejectedReason   string     `json:"rejected_reason,omitempty"`

	// ReportDueAt is by when a first report of it is read, and the four after it say which one
	// was. What its latest assessment says of a vendor that gives none stands after them.
	ReportDueAt    *time.Time `json:"report_due_at,omitempty"`
	Report         string     `json:"report,omitempty"`
	ReportReadAt   *time.Time `json:"report_read_at,omitempty"`
	ReportReader   string     `json:"report_reader,omitempty"`
	ReportCoversTo *time.Time `json:"report_covers_to,omitempty"`
	NoReportReason string     `json:"no_report_reason,omitempty"`
	NoReportBy     string     `json:"no_report_by,omitempty"`
	NoReportAt     *time.Time `json:"no_report_at,omitempty"`

	EndedAt       *time.Time `json:"ended_at,omitempty"`
	AccessEndedAt *time.Time `json:"access_ended_at,omitempty"`
	DataSettledAt *time.Time `json:"data_settled_at,omitempty"`
	DataSettled   string     `json:"data_settled,omitempty"`
	Proof         string     `json:"proof,omitempty"`
}

// Judged is an assessment of a vendor that was finished.
type Judged struct {
	Assessment string    `json:"assessment" refers:"vendor_assessment"`
	At         time.Time `json:"at" label:"Finished"`
	Tier       string    `json:"tier"`
	Result     string    `json:"result"`
	Assessor   string    `json:"assessor" refers:"person"`
	DoneBy     string    `json:"done_by" label:"Finished by" refers:"person"`
}

// anew is within how many days a vendor is assessed as what it is whose tier has risen since
// it was assessed. It is not sent back: one in use goes on being used, and who approved it
// is on record with the tier of then.
const anew = 30

// rises reports whether a vendor came into a tier that matters more.
func rises(from, to string) bool {
	return from != "" && to != "" && slices.Index(Tiers, to) < slices.Index(Tiers, from)
}

// again is how long an assessment holds, in years.
const again = 1

// States of a vendor.
const (
	Proposed    = "proposed"
	Assessed    = "assessed"
	Approved    = "approved"
	InUse       = "in_use"
	Offboarding = "offboarding"
	Ended       = "ended"
	Rejected    = "rejected"
)

// CategoryKYC are providers of identity and money-laundering checks: they have a
// questionnaire of their own.
const CategoryKYC = "KYC/AML provider"

// Categories of vendors.
var Categories = []string{"cloud", "software", CategoryKYC, "payments", "model provider", "people", "professional services", "other"}

const kindVendor = "vendor"

// Register describes the register of vendors.
var Register = record.Define[Vendor](record.Definition{
	Kind: kindVendor, Register: "vendors", Title: "Vendors", Singular: "Vendor", Prefix: "VEN", At: "used_from", Author: "proposed_by",
	Purpose: "Companies whose services we use: what they can reach, and who approved them.",
	States:  []string{Proposed, Assessed, Approved, InUse, Offboarding, Ended, Rejected},
	Settled: []record.Settled{
		// What it was assessed and approved for.
		{States: []string{Assessed, Approved, InUse, Offboarding}, Fields: []string{"category", "data", "access", "criticality"}},
		// When its use ended is said by the move that ends it.
		{States: []string{Proposed, Assessed, Approved, InUse}, Fields: []string{"ended_at"}},
		// When its use began and ended, by which its owner is measured.
		{States: []string{InUse, Offboarding}, Fields: []string{"used_from"}},
		{States: []string{Offboarding}, Fields: []string{"ended_at"}},
		{States: []string{Ended}},
	},
	Transitions: []record.Transition{
		{From: Proposed, To: Assessed, Required: []string{"data", "access", "criticality"}, Stamp: []string{"assessed_at"}, Check: wasAssessed},
		{From: Assessed, To: Approved, Permission: "vendor.approve", NotBy: []string{"owner"}, Who: apart, Stamp: []string{"approved_by", "approved_at"}},
		{From: Approved, To: InUse, Required: []string{"used_from"}},
		// Other data or access, or another tier than the computed one: somebody other than
		// the owner says so, and of one that is used when that began, and ended.
		{From: Assessed, To: Assessed, Called: "Set the tier", Permission: "vendor.approve", Required: []string{"tier_reason"},
			Offered: []string{"data", "access", "criticality", "tier_override"},
			NotBy:   []string{"owner"}, Sets: []string{"tier_override", "tier_reason"}, Stamp: []string{"tier_by"}},
		changing(InUse, "Change its tier or its beginning", []string{"used_from"}, "data", "access", "criticality", "tier_override"),
		changing(Offboarding, "Change when it was used", []string{"used_from", "ended_at"}),
		changing(Ended, "Correct the record", []string{"used_from", "ended_at", "access_ended_at", "data_settled_at", "data_settled", "proof"}),
		{From: InUse, To: Offboarding, Required: []string{"ended_at"}},
		{From: Offboarding, To: Ended, Required: []string{"access_ended_at", "data_settled_at", "data_settled", "proof"}},
		rejecting(Proposed), rejecting(Assessed), rejecting(Approved),
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Help: "VEN-1, VEN-2 ...: SCAF gives it, unless the vendor comes in a table."},
		{Name: "name", Label: "Name", Section: "Vendor", Required: true, Help: "What the vendor is called."},
		{Name: "service", Label: "Service", Required: true, Long: true, Help: "What it does for us."},
		{Name: "category", Label: "Category", Required: true, Choices: Categories, Help: "What kind of vendor it is: it decides about the questionnaire."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who answers for it here, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "data", Label: "Data", Section: "Tier", Choices: DataClasses, Help: "Which of our data it sees; none is an answer, too."},
		{Name: "access", Label: "Access", Choices: Accesses, Help: "What it can do in our systems."},
		{Name: "criticality", Label: "Criticality", Choices: Criticalities, Help: "Essential: our service stands still without it."},
		{Name: "tier", Label: "Tier", Computed: true, Choices: Tiers, Help: "Follows from data, access and criticality, unless somebody else than the owner set another one."},
		{Name: "tier_override", Label: "Another tier", Given: true, Choices: Tiers, Help: "The tier that was set instead."},
		{Name: "tier_reason", Label: "Why another tier", Given: true, Help: "Why it is another one: other data or access, or why the computed one is not right."},
		{Name: "tier_by", Label: "Other tier by", Given: true},
		{Name: "changed_why", Label: "Why it was changed", Given: true, Long: true, Help: "What is otherwise than it stands here, and how it is known."},
		{Name: "changed_by", Label: "Changed by", Given: true},
		{Name: "proposed_by", Label: "Proposed by", Section: "Onboarding"},
		{Name: "proposed_at", Label: "Proposed", Given: true},
		{Name: "assessed_at", Label: "Assessed", Given: true},
		{Name: "assessed_by", Label: "Assessed by", Given: true},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "approved_at", Label: "Approved", Given: true},
		{Name: "approved_tier", Label: "Approved as", Given: true, Choices: Tiers, Help: "The tier that it was approved with."},
		{Name: "used_from", Label: "Used from", Help: "When its use began. Before its approval it is a deviation, unless it was used when this register began: then it is to be approved within thirty days."},
		{Name: "bound_from", Label: "Contract needed from", Given: true, Help: "When it came to see more than what is public, or to matter, after its use began."},
		{Name: "approve_by", Label: "To be approved by", Given: true},
		{Name: "next_assessment_at", Label: "Next assessment", Help: "By when it is assessed again: SCAF sets it a year after each assessment, and after it was used and approved, and thirty days after its tier rose. Whoever wants it sooner sets another day; VND-02 counts the year."},
		{Name: "assessments", Label: "Assessments", Given: true, Help: "The ones that are finished, the latest one last."},
		{Name: "rejected_reason", Label: "Why it was rejected", Long: true, Help: "Why it is not used."},
		{Name: "report_due_at", Label: "Report to be read by", Section: "Independent report", Given: true, Help: "By when a first report of an independent auditor, such as SOC 2, is read: of a vendor of the tier critical 90 days after it was used and approved, or came into that tier."},
		{Name: "report", Label: "First report read", Given: true, Refers: kindReport},
		{Name: "report_read_at", Label: "Report read", Given: true},
		{Name: "report_reader", Label: "Report read by", Given: true},
		{Name: "report_covers_to", Label: "Report covers to", Given: true, Day: true, Help: "The last day that it, or a letter after it, speaks of."},
		{Name: "no_report_reason", Label: "Why it gives no report", Given: true, Long: true, Help: "As its latest assessment says, which somebody other than its owner finished."},
		{Name: "no_report_by", Label: "No report, says", Given: true},
		{Name: "no_report_at", Label: "No report, said", Given: true},
		{Name: "ended_at", Label: "Use ended", Section: "Offboarding", Help: "When its use ended."},
		{Name: "access_ended_at", Label: "Access ended", Happened: true, Help: "When its last access was taken away: within a day."},
		{Name: "data_settled_at", Label: "Data settled on", Happened: true, Help: "When our data was back, or destroyed: within thirty days."},
		{Name: "data_settled", Label: "What became of the data", Choices: []string{"returned", "destroyed", "returned and destroyed", "it had none"}, Help: "What became of our data."},
		{Name: "proof", Label: "Certificate", Shows: true, Help: "What shows it: a file of this record, a letter."},
	},
	Columns: []record.Column{
		{Field: "name", Filter: true, Sort: true},
		{Field: "used_from", Filter: true, Sort: true},
		{Field: "category", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "tier", Filter: true},
		{Field: "state", Filter: true},
		{Field: "next_assessment_at", Filter: true, Sort: true},
		{Field: "ended_at", Filter: true, Sort: true},
		{Field: "report_due_at", Filter: true, Sort: true},
		{Field: "report_read_at", Filter: true, Sort: true},
		{Field: "no_report_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{
		{Name: "report", What: "Get the vendor's first report and have it read", At: "report_due_at", Owner: "owner", Open: unreported},
		{Name: "assessment", What: "Assess the vendor again", At: "next_assessment_at", Owner: "owner", Open: `item.state == "in_use"`},
		{Name: "offboarding", What: "End the vendor's access and settle our data", At: "ended_at", Owner: "owner", Open: `item.state == "offboarding"`},
	},
	Derived: []record.Derived{
		{Name: "vendor_onboardings", At: "begun_at", Item: Onboarding{}, Of: record.OfEach(onboardings)},
		{Name: "vendor_reassessments", At: "due_at", Item: Reassessment{}, Of: record.OfEach(reassessments)},
		{Name: "vendor_first_reports", At: "due_at", Item: FirstReport{}, Of: record.OfEach(firstReports)},
		{Name: "vendor_coverage", At: "from", Item: Cover{}, Items: coverage},
		{Name: "vendor_exits", At: "ended_at", Item: Exit{}, Of: record.OfEach(exits)},
	},
})

// changing is for who is not measured by it.
func changing(state, called string, required []string, offered ...string) record.Transition {
	sets := []string{"changed_why"}
	if slices.Contains(offered, "tier_override") {
		sets = append(sets, "tier_override")
	}
	return record.Transition{From: state, To: state, Called: called, Permission: "vendor.approve", NotBy: []string{"owner"},
		Required: append(required, "changed_why"), Offered: offered, Sets: sets, Stamp: []string{"changed_by"}}
}

func rejecting(from string) record.Transition {
	return record.Transition{From: from, To: Rejected, Permission: "vendor.approve", NotBy: []string{"owner"}, Required: []string{"rejected_reason"}}
}

// Compute sets the tier.
func (v *Vendor) Compute() {
	v.Tier = Tier(v.Data, v.Access, v.Criticality)
	if v.TierOverride != "" {
		v.Tier = v.TierOverride
	}
}

// Validate says what is wrong with a vendor.
func (v *Vendor) Validate() []record.FieldError {
	var wrong []record.FieldError
	if len(v.Data) > 1 && v.Data[0] == "none" {
		wrong = append(wrong, record.FieldError{Field: "data", Problem: "says none and names some, too"})
	}
	for _, one := range []struct {
		field string
		at    *time.Time
	}{{"ended_at", v.EndedAt}, {"data_settled_at", v.DataSettledAt}} {
		if one.at != nil && v.UsedFrom != nil && one.at.Before(*v.UsedFrom) {
			wrong = append(wrong, record.FieldError{Field: one.field, Problem: "lies before used_from"})
		}
	}
	if v.NoReportBy != "" && v.NoReportBy == v.Owner {
		wrong = append(wrong, record.Wrong("owner", "cannot be %s, who said that it gives no report: that is somebody else", v.Owner))
	}
	return wrong
}

// Before notes when a vendor was proposed, who assessed it when it is assessed, what it was
// approved as, and by when it is assessed again and a report of it read when its use begins.
func (v *Vendor) Before(tx *act.Tx, old any) error {
	if old == nil {
		now := tx.Now()
		v.ProposedAt = &now
	} else if record.As[Vendor](old).State == Assessed && v.State == Approved {
		v.ApprovedTier = v.Tier
	}
	if soon := tx.Now().AddDate(0, 0, anew); v.AssessedAt != nil && v.State != Offboarding && old != nil && rises(record.As[Vendor](old).Tier, v.Tier) && (v.NextAssessmentAt == nil || v.NextAssessmentAt.After(soon)) {
		v.NextAssessmentAt = &soon
	}
	if old != nil {
		was := record.As[Vendor](old)
		v.retiered(tx, was)
		if err := v.ends(tx, was); err != nil {
			return err
		}
	}
	begins := v.UsedFrom != nil && v.State == InUse && (old == nil || record.As[Vendor](old).State != InUse)
	if v.UsedFrom != nil && used[v.State] && (begins || old == nil || !record.SameTime(record.As[Vendor](old).UsedFrom, v.UsedFrom)) {
		if v.UsedFrom.After(tx.Now()) {
			return record.Refuse("used_from", "lies in the future: a vendor is in use when its use has begun")
		}
		due, err := v.approveBy(&tx.Reader)
		if err != nil {
			return err
		}
		v.ApproveBy = due
	}
	if begins && v.NextAssessmentAt == nil {
		next := v.begun().AddDate(again, 0, 0)
		v.NextAssessmentAt = &next
	}
	from := tx.Now()
	if begins {
		from = *v.begun()
	}
	if err := v.expect(tx, from); err != nil {
		return err
	}
	if old == nil || record.As[Vendor](old).State != Proposed || v.State != Assessed {
		return nil
	}
	all, err := finished(&tx.Reader, v.ID)
	if err != nil {
		return err
	}
	v.AssessedBy = []string{tx.Caller().ID}
	for _, a := range all {
		for _, by := range []string{a.Assessor, a.DoneBy} {
			if by != "" && !slices.Contains(v.AssessedBy, by) {
				v.AssessedBy = append(v.AssessedBy, by)
			}
		}
	}
	return nil
}

// endsWithin is within how many days its owner says alone that a vendor's use has ended.
const endsWithin = 30

// ends refuses an owner who says long afterwards when the use ended: VND-01 asks by then for
// the end of its access, in the period in which that was.
func (v *Vendor) ends(tx *act.Tx, was *Vendor) error {
	if was.State != InUse || v.State != Offboarding || v.EndedAt == nil || tx.Caller().ID != v.Owner || !v.EndedAt.Before(tx.Now().AddDate(0, 0, -endsWithin)) {
		return nil
	}
	return record.Refuse("ended_at", "lies more than %d days back: somebody other than its owner says so", endsWithin)
}

// retiered keeps why a vendor that is used is of another tier, and who said so, and since when
// it needs a contract that needed none before.
func (v *Vendor) retiered(tx *act.Tx, was *Vendor) {
	if now := tx.Now(); used[v.State] && v.bound() && !was.bound() {
		v.BoundFrom = &now
	}
	if v.State == InUse && was.State == InUse && (v.TierOverride != was.TierOverride || v.Access != was.Access || v.Criticality != was.Criticality || !slices.Equal(v.Data, was.Data)) {
		v.TierReason, v.TierBy = v.ChangedWhy, tx.Caller().ID
	}
}

// apart refuses who proposed or assessed a vendor of the critical and high tiers.
func apart(_ *store.Reader, caller act.Caller, doc json.RawMessage) error {
	v := &Vendor{}
	if err := json.Unmarshal(doc, v); err != nil {
		return err
	}
	if v.Tier != "low" && (caller.ID == v.ProposedBy || slices.Contains(v.AssessedBy, caller.ID)) {
		return fmt.Errorf("%w: %s proposed or assessed %s, whose tier is %s", act.ErrSamePerson, caller.ID, v.ID, v.Tier)
	}
	return nil
}

// finished are the assessments of a vendor that are done and did not find it unfit.
func finished(r *store.Reader, id string) (all []*Assessment, err error) {
	_, err = record.List(r, Assessments, record.Query{Filter: fmt.Sprintf(`item.vendor == %q && item.state == "done" && item.result != "unfit"`, kindVendor+"/"+id)},
		func(v *record.Version) error {
			a := &Assessment{}
			all = append(all, a)
			return json.Unmarshal(v.Doc, a)
		})
	return all, err
}

// wasAssessed wants an assessment of the vendor that was finished within a year, is of
// its tier or of one that matters more, and did not find it unfit.
func wasAssessed(r *store.Reader, doc json.RawMessage) error {
	v := &Vendor{}
	if err := json.Unmarshal(doc, v); err != nil {
		return err
	}
	all, err := finished(r, v.ID)
	if err != nil {
		return err
	}
	problem := "there is no finished assessment of " + v.ID + " that found it fit: add one to the vendor assessments, for vendor/" + v.ID
	for _, a := range all {
		switch {
		case v.AssessedAt == nil || a.Year >= v.AssessedAt.Year()-again && (a.DoneAt == nil || !a.DoneAt.Before(v.AssessedAt.AddDate(-again, 0, 0))):
			if !rises(a.Tier, v.Tier) {
				return nil
			}
			problem = fmt.Sprintf("its assessment %s is of the tier %s, and it is %s: it is assessed as what it is", a.ID, a.Tier, v.Tier)
		default:
			problem = fmt.Sprintf("its assessment %s is for %d: one of this year or the last, finished within twelve months, lets it in", a.ID, a.Year)
		}
	}
	return record.Refuse("state", "%s", problem)
}
