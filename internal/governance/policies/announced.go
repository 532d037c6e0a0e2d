package policies

import (
	"encoding/json"
	"slices"
	"time"

	"scaf.dev/scaf/internal/record"
)

// Announced is how people were told of a version that came into force: the source
// policy_announcements. A version of before SCAF announced them has no announcement,
// unless somebody wrote one that names it.
type Announced struct {
	ID           string     `json:"id"` // PV-7
	Policy       string     `json:"policy"`
	Version      string     `json:"version"`
	Channels     []string   `json:"channels,omitempty"`
	AnnouncedAt  *time.Time `json:"announced_at"`
	Announcement string     `json:"announcement,omitempty"`
	Deliveries   []Told     `json:"deliveries,omitempty"`
	DeliveredAt  *time.Time `json:"delivered_at,omitempty"`
}

// Told says that an announcement went out by a channel.
type Told struct {
	Channel   string     `json:"channel"`
	At        *time.Time `json:"at,omitempty"`
	Reference string     `json:"reference,omitempty"`
}

const (
	kindAnnouncement = "announcement"
	kindVersion      = "policy_version"
)

// announcement is what is read of one.
type announcement struct {
	ID            string     `json:"id"`
	PolicyVersion string     `json:"policy_version"`
	State         string     `json:"state"`
	Deliveries    []Told     `json:"deliveries"`
	DeliveredAt   *time.Time `json:"delivered_at"`
}

// announcements are the versions that came into force in the interval, each with the
// announcement that names it: the first that was delivered, or the first that was not
// withdrawn.
func announcements(past record.Past, from, to time.Time, give func(item any) error) error {
	of := map[string]*announcement{}
	if err := past.Documents(kindAnnouncement, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		a := &announcement{}
		if err := json.Unmarshal(doc, a); err != nil || a.PolicyVersion == "" || a.State == record.Withdrawn {
			return err
		}
		known := of[a.PolicyVersion]
		if known == nil || a.DeliveredAt != nil && (known.DeliveredAt == nil || a.DeliveredAt.Before(*known.DeliveredAt)) {
			of[a.PolicyVersion] = a
		}
		return nil
	}); err != nil {
		return err
	}
	return past.Documents(kindVersion, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		v := &Version{}
		if err := json.Unmarshal(doc, v); err != nil {
			return err
		}
		if v.AnnouncedAt == nil || v.AnnouncedAt.Before(from) || !v.AnnouncedAt.Before(to) {
			return nil
		}
		item := &Announced{ID: v.ID, Policy: v.Policy, Version: kindVersion + "/" + v.ID, Channels: slices.Concat(v.Channels, v.Elsewhere), AnnouncedAt: v.AnnouncedAt}
		if a := of[kindVersion+"/"+v.ID]; a != nil {
			item.Announcement, item.Deliveries, item.DeliveredAt = kindAnnouncement+"/"+a.ID, a.Deliveries, a.DeliveredAt
		}
		return give(item)
	})
}
