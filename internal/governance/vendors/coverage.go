package vendors

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"scaf.dev/scaf/internal/record"
)

// Cover is a time from which on a vendor is bound by a contract, as long as it is used: from
// the beginning of its use, and from the end of each contract that leaves it without one. The
// source vendor_coverage has them of the vendors that are to be bound.
type Cover struct {
	ID     string   `json:"id"` // VEN-1@contract, VEN-1@2027-03-01T00:00:00Z
	Vendor string   `json:"vendor"`
	Name   string   `json:"name"`
	Owner  string   `json:"owner"`
	Tier   string   `json:"tier,omitempty"`
	Data   []string `json:"data,omitempty"`
	// From is when its use began, as of an onboarding, or when the contract before ended, and
	// DueAt by when a contract binds it.
	From  *time.Time `json:"from"`
	DueAt *time.Time `json:"due_at"`
	// Contract is the first confirmed one that holds on that day or later, BoundAt since
	// when: the later of its beginning and its signature.
	Contract      string     `json:"contract,omitempty"`
	ContractOwner string     `json:"contract_owner,omitempty"`
	ConfirmedBy   string     `json:"confirmed_by,omitempty"`
	BoundAt       *time.Time `json:"bound_at,omitempty"`
}

// span is the time in which a contract binds: from is in it, until is not; nil: without an end.
type span struct {
	from     time.Time
	until    *time.Time
	contract *Contract
}

// bound reports whether the policy wants a contract with the vendor: it sees more than what is
// public, or matters.
func (v *Vendor) bound() bool {
	return v.Tier == TierCritical || v.Tier == TierHigh || slices.ContainsFunc(v.Data, func(class string) bool { return class != "none" && class != "public" })
}

// binds is when a contract binds that was confirmed; false: never.
func (c *Contract) binds() (span, bool) {
	if c.State != inForce && c.State != Ended || c.ConfirmedBy == "" || c.BeginsAt == nil || c.SignedAt == nil {
		return span{}, false
	}
	s := span{from: *c.BeginsAt, contract: c}
	if c.SignedAt.After(s.from) {
		s.from = *c.SignedAt
	}
	last := c.EndsAt
	if c.State == Ended && c.EndedAt != nil && (last == nil || c.EndedAt.Before(*last)) {
		last = c.EndedAt
	}
	if last != nil { // it holds to the end of that day
		until := last.AddDate(0, 0, 1)
		s.until = &until
	}
	return s, s.until == nil || s.until.After(s.from)
}

// clockChange is how much longer than 24 hours the last day of a contract may be.
const clockChange = time.Hour

// past reports whether a span is over at an instant.
func (s *span) past(at time.Time) bool { return s.until != nil && !s.until.After(at) }

// lasting is until when spans bind without a gap, from one of them on; nil: without an end.
func lasting(spans []span, s *span) *time.Time {
	until := s.until
	for _, next := range spans { // in the order of their beginnings
		if until != nil && !next.from.After(until.Add(clockChange)) && !next.past(*until) {
			until = next.until
		}
	}
	return until
}

// coverage gives the covers of all vendors that are to be bound.
func coverage(past record.Past, from, to time.Time, give func(item any) error) error {
	spans := map[string][]span{}
	if err := past.Documents(kindContract, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		c := &Contract{}
		err := json.Unmarshal(doc, c)
		if s, ok := c.binds(); ok && err == nil {
			spans[c.Vendor] = append(spans[c.Vendor], s)
		}
		return err
	}); err != nil {
		return err
	}
	for _, of := range spans {
		slices.SortFunc(of, func(a, b span) int { return cmp.Or(a.from.Compare(b.from), cmp.Compare(a.contract.ID, b.contract.ID)) })
	}
	return past.Documents(kindVendor, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		v := &Vendor{}
		if err := json.Unmarshal(doc, v); err != nil {
			return err
		}
		return v.covers(spans[kindVendor+"/"+v.ID], from, to, give)
	})
}

// covers gives those of a vendor that began in the interval.
func (v *Vendor) covers(spans []span, from, to time.Time, give func(item any) error) error {
	begun, due := v.begun(), cmp.Or(v.ApproveBy, v.UsedFrom)
	if !used[v.State] || begun == nil || !v.bound() {
		return nil
	}
	for _, at := range []**time.Time{&begun, &due} {
		if v.BoundFrom != nil && v.BoundFrom.After(**at) {
			*at = v.BoundFrom
		}
	}
	id := v.ID + "@contract"
	for !v.endedBy(*due) {
		item := &Cover{ID: id, Vendor: v.ID, Name: v.Name, Owner: v.Owner, Tier: v.Tier, Data: v.Data, From: begun, DueAt: due}
		at := slices.IndexFunc(spans, func(s span) bool { return !s.past(*due) })
		if at >= 0 {
			s := &spans[at]
			item.Contract, item.ContractOwner, item.ConfirmedBy, item.BoundAt = kindContract+"/"+s.contract.ID, s.contract.Owner, s.contract.ConfirmedBy, &s.from
		}
		if !begun.Before(from) && begun.Before(to) {
			if err := give(item); err != nil {
				return err
			}
		}
		if at < 0 {
			return nil
		}
		ended := lasting(spans, &spans[at])
		if ended == nil || !ended.Before(to) {
			return nil
		}
		id, begun, due = v.ID+"@"+ended.UTC().Format(time.RFC3339), ended, ended
	}
	return nil
}
