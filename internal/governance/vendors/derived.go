package vendors

import (
	"cmp"
	"encoding/json"
	"time"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Onboarding is the beginning of a vendor's use: the source vendor_onboardings. Its tier is
// that which it was approved with.
type Onboarding struct {
	ID         string     `json:"id"`
	Vendor     string     `json:"vendor"`
	Owner      string     `json:"owner"`
	Tier       string     `json:"tier,omitempty"`
	Data       []string   `json:"data,omitempty"`
	AssessedAt *time.Time `json:"assessed_at,omitempty"`
	ProposedBy string     `json:"proposed_by,omitempty"`
	AssessedBy []string   `json:"assessed_by,omitempty"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	ApprovedAt *time.Time `json:"approved_at,omitempty"`
	UsedFrom   *time.Time `json:"used_from"`
	// BegunAt is the later of use and approval: a use that is said to have begun in a year
	// that is over is in the year in which it was approved.
	BegunAt *time.Time `json:"begun_at"`
	// DueAt is by when it was to be approved: when its use began; and for one that was used
	// when the register began, some days later.
	DueAt *time.Time `json:"due_at"`
}

// toCatchUp is within how many days of the register's beginning the vendors are approved that
// were used by then.
const toCatchUp = 30

// Reassessment is what is due a year after a vendor was used and approved, and after each
// assessment since: the source vendor_reassessments.
type Reassessment struct {
	ID         string     `json:"id"` // VEN-1@2027-03-01T00:00:00Z
	Vendor     string     `json:"vendor"`
	Name       string     `json:"name"`
	Owner      string     `json:"owner"`
	Tier       string     `json:"tier,omitempty"`
	DueAt      *time.Time `json:"due_at"`
	AssessedAt *time.Time `json:"assessed_at,omitempty"`
	Assessment string     `json:"assessment,omitempty"`
	Assessor   string     `json:"assessor,omitempty"`
	DoneBy     string     `json:"done_by,omitempty"`
	Result     string     `json:"result,omitempty"`
}

// Exit is the end of a vendor's use: the source vendor_exits.
type Exit struct {
	ID            string     `json:"id"`
	Vendor        string     `json:"vendor"`
	EndedAt       *time.Time `json:"ended_at"`
	AccessEndedAt *time.Time `json:"access_ended_at,omitempty"`
	DataSettledAt *time.Time `json:"data_settled_at,omitempty"`
	Proof         string     `json:"proof,omitempty"`
}

// FirstReport is what is due after a vendor of the tier critical came into use: that a report
// of an independent auditor is read. The source vendor_first_reports has one for each that
// gives reports, or of which nobody had said before then that it gives none.
type FirstReport struct {
	ID     string     `json:"id"` // VEN-1@report
	Vendor string     `json:"vendor"`
	Name   string     `json:"name"`
	Owner  string     `json:"owner"`
	Tier   string     `json:"tier,omitempty"`
	DueAt  *time.Time `json:"due_at"`
	Report string     `json:"report,omitempty"`
	ReadAt *time.Time `json:"read_at,omitempty"`
	Reader string     `json:"reader,omitempty"`
	// CoversTo is the last day that the report, or a letter after it, speaks of.
	CoversTo *time.Time `json:"covers_to,omitempty"`
}

// used are the states in which a vendor is used, or was.
var used = map[string]bool{InUse: true, Offboarding: true, Ended: true}

// onboardings are the vendors whose use began. Of before it was noted by when they were to
// be approved, that is when their use began.
func onboardings(v *Vendor, from, to time.Time, give func(item any) error) error {
	begun, due := v.begun(), cmp.Or(v.ApproveBy, v.UsedFrom)
	if !v.was(begun, from, to) {
		return nil
	}
	return give(&Onboarding{v.ID + "@onboarding", v.ID, v.Owner, cmp.Or(v.ApprovedTier, v.Tier), v.Data, v.AssessedAt, v.ProposedBy, v.AssessedBy, v.ApprovedBy, v.ApprovedAt, v.UsedFrom, begun, due})
}

// approveBy is by when a vendor was to be approved: when its use began, or some days after
// the register began, where it was used by then.
func (v *Vendor) approveBy(r *store.Reader) (*time.Time, error) {
	began := v.ProposedAt
	if _, err := record.List(r, Register, record.Query{}, func(one *record.Version) error {
		other := &Vendor{}
		if err := json.Unmarshal(one.Doc, other); err != nil {
			return err
		}
		if entered := cmp.Or(other.ProposedAt, other.AssessedAt); entered != nil && (began == nil || entered.Before(*began)) {
			began = entered
		}
		return nil
	}); err != nil {
		return nil, err
	}
	due := *v.UsedFrom
	if began != nil && due.Before(*began) {
		due = began.AddDate(0, 0, toCatchUp)
	}
	return &due, nil
}

// begun is when a vendor was used and approved; nil when it is not used yet.
func (v *Vendor) begun() *time.Time {
	if v.UsedFrom != nil && v.ApprovedAt != nil && v.ApprovedAt.After(*v.UsedFrom) {
		return v.ApprovedAt
	}
	return v.UsedFrom
}

// reassessments are those of a vendor that fell due in the interval while it was used.
func reassessments(v *Vendor, from, to time.Time, give func(item any) error) error {
	begun := v.begun()
	if !used[v.State] || begun == nil {
		return nil
	}
	var since []Judged
	for _, one := range v.Assessments {
		if !one.At.Before(*begun) {
			since = append(since, one)
		}
	}
	last := *begun
	for n := 0; n <= len(since); n++ {
		due := last.AddDate(again, 0, 0)
		item := &Reassessment{ID: v.ID + "@" + due.UTC().Format(time.RFC3339), Vendor: v.ID, Name: v.Name, Owner: v.Owner, Tier: v.Tier, DueAt: &due}
		if n < len(since) {
			one := since[n]
			item.AssessedAt, item.Assessment, item.Assessor, item.DoneBy, item.Result, item.Tier = &one.At, one.Assessment, one.Assessor, one.DoneBy, one.Result, one.Tier
			last = one.At
		}
		if !due.Before(from) && due.Before(to) && !v.endedBy(due) {
			if err := give(item); err != nil {
				return err
			}
		}
	}
	return nil
}

// firstReports are the reports that were to be read of a vendor first.
func firstReports(v *Vendor, from, to time.Time, give func(item any) error) error {
	due := v.ReportDueAt
	if !v.was(due, from, to) || v.endedBy(*due) {
		return nil
	}
	return give(&FirstReport{v.ID + "@report", v.ID, v.Name, v.Owner, v.Tier, due, v.Report, v.ReportReadAt, v.ReportReader, v.ReportCoversTo})
}

// exits are the vendors whose use ended.
func exits(v *Vendor, from, to time.Time, give func(item any) error) error {
	if v.State == InUse || !v.was(v.EndedAt, from, to) {
		return nil
	}
	return give(&Exit{v.ID + "@exit", v.ID, v.EndedAt, v.AccessEndedAt, v.DataSettledAt, v.Proof})
}

// endedBy reports whether its use had ended at an instant.
func (v *Vendor) endedBy(at time.Time) bool {
	return v.State != InUse && v.EndedAt != nil && !at.Before(*v.EndedAt)
}

// was reports whether the vendor is used, or was, and an instant of its use lies in
// the half-open interval.
func (v *Vendor) was(at *time.Time, from, to time.Time) bool {
	return used[v.State] && at != nil && !at.Before(from) && at.Before(to)
}
