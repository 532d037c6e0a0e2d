package policies

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"scaf.dev/scaf/internal/record"
)

// Review is that of a version by the date until which it was to be read again, or of the
// first one by when it came into force: the source policy_reviews. It was done when a
// later version was approved, which may say the same, or the first one itself.
type Review struct {
	ID         string     `json:"id"` // PV-7, PV-1@first
	Policy     string     `json:"policy"`
	Title      string     `json:"title"`
	Owner      string     `json:"owner"`
	DueAt      *time.Time `json:"due_at"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	// Version is the one that came of it, with who wrote and approved it.
	Version    string   `json:"version,omitempty"`
	Authors    []string `json:"authors,omitempty"`
	ApprovedBy string   `json:"approved_by,omitempty"`
}

// reviews are those that fell due in the interval of versions that were in force.
func reviews(past record.Past, from, to time.Time, give func(item any) error) error {
	of := map[string][]*Version{} // by policy
	if err := past.Documents(kindVersion, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		v := &Version{}
		if err := json.Unmarshal(doc, v); err != nil {
			return err
		}
		of[v.Policy] = append(of[v.Policy], v)
		return nil
	}); err != nil {
		return err
	}
	for _, versions := range of {
		slices.SortFunc(versions, func(a, b *Version) int { return cmp.Compare(a.Number, b.Number) })
		for i, v := range versions {
			within := func(due *time.Time) bool { return !due.Before(from) && due.Before(to) }
			if v.NextReviewAt == nil {
				continue // it was never in force
			}
			if first := !slices.ContainsFunc(versions[:i], func(v *Version) bool { return v.NextReviewAt != nil }); first && within(v.EffectiveAt) {
				if err := give(v.review(v.ID+"@first", v.EffectiveAt, v)); err != nil {
					return err
				}
			}
			var by *Version
			if next := slices.IndexFunc(versions[i+1:], (*Version).again); next >= 0 {
				by = versions[i+1+next]
			}
			ended := v.SupersededAt != nil && !v.SupersededAt.After(*v.NextReviewAt) // withdrawn, or its policy retired
			if !within(v.NextReviewAt) || by == nil && ended {
				continue
			}
			if err := give(v.review(v.ID, v.NextReviewAt, by)); err != nil {
				return err
			}
		}
	}
	return nil
}

// again reports whether the policy was approved with this version.
func (v *Version) again() bool {
	return v.ApprovedAt != nil && (v.State == Approved || v.State == InForce || v.State == Superseded)
}

// review is one of the version that was due at a time and done with another version; nil:
// it was not.
func (v *Version) review(id string, due *time.Time, by *Version) *Review {
	item := &Review{ID: id, Policy: v.Policy, Title: v.Title, Owner: v.Owner, DueAt: due}
	if by != nil {
		item.ReviewedAt, item.Version, item.Authors, item.ApprovedBy = by.ApprovedAt, by.Ref(), by.Authors, by.ApprovedBy
	}
	return item
}
