package vendors

import "time"

// Onboarding is the beginning of a vendor's use: the source vendor_onboardings.
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
	UsedFrom   *time.Time `json:"used_from"`
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

// used are the states in which a vendor is used, or was.
var used = map[string]bool{InUse: true, Offboarding: true, Ended: true}

// onboardings are the vendors whose use began.
func onboardings(v *Vendor, from, to time.Time, give func(item any) error) error {
	if !v.was(v.UsedFrom, from, to) {
		return nil
	}
	return give(&Onboarding{v.ID + "@onboarding", v.ID, v.Owner, v.Tier, v.Data, v.AssessedAt, v.ProposedBy, v.AssessedBy, v.ApprovedBy, v.UsedFrom})
}

// exits are the vendors whose use ended.
func exits(v *Vendor, from, to time.Time, give func(item any) error) error {
	if !v.was(v.EndedAt, from, to) {
		return nil
	}
	return give(&Exit{v.ID + "@exit", v.ID, v.EndedAt, v.AccessEndedAt, v.DataSettledAt, v.Proof})
}

// was reports whether the vendor is used, or was, and an instant of its use lies in
// the half-open interval.
func (v *Vendor) was(at *time.Time, from, to time.Time) bool {
	return used[v.State] && at != nil && !at.Before(from) && at.Before(to)
}
