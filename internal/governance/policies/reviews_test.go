package policies_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// What was due of a policy in force, and by which version it was done.
func TestWhatIsDueOfAPolicy(t *testing.T) {
	at := func(day string) *time.Time {
		if day == "" {
			return nil
		}
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		return &at
	}
	type version struct{ state, approved, review, superseded string }
	for name, c := range map[string]struct {
		versions []version
		want     []string // version, due, and by what it was done
	}{
		"never":         {[]version{{"in_force", "2025-01-10", "2026-01-10", ""}}, []string{"PV-1 2026-01-10 "}},
		"again":         {[]version{{"superseded", "2025-01-10", "2026-01-10", "2026-01-05"}, {"in_force", "2026-01-04", "2027-01-05", ""}}, []string{"PV-1 2026-01-10 policy_version/PV-2 2026-01-04"}},
		"planned":       {[]version{{"in_force", "2025-01-10", "2026-01-10", ""}, {"approved", "2026-01-04", "", ""}}, []string{"PV-1 2026-01-10 policy_version/PV-2 2026-01-04"}},
		"only drafted":  {[]version{{"in_force", "2025-01-10", "2026-01-10", ""}, {"in_review", "", "", ""}}, []string{"PV-1 2026-01-10 "}},
		"given up":      {[]version{{"in_force", "2025-01-10", "2026-01-10", ""}, {"withdrawn", "2026-01-04", "", ""}}, []string{"PV-1 2026-01-10 "}},
		"retired":       {[]version{{"superseded", "2025-01-10", "2026-01-10", "2025-12-01"}}, nil},
		"retired after": {[]version{{"superseded", "2025-01-10", "2026-01-10", "2026-03-01"}}, []string{"PV-1 2026-01-10 "}},
		"twice": {[]version{{"superseded", "2025-01-10", "2026-01-10", "2026-01-05"}, {"superseded", "2026-01-04", "2026-07-05", "2026-09-01"}, {"in_force", "2026-09-01", "2027-09-01", ""}},
			[]string{"PV-1 2026-01-10 policy_version/PV-2 2026-01-04", "PV-2 2026-07-05 policy_version/PV-3 2026-09-01"}},
		"new":          {[]version{{"in_force", "2026-01-10", "2027-01-10", ""}}, []string{"PV-1@first 2026-01-10 policy_version/PV-1 2026-01-10"}},
		"another year": {[]version{{"in_force", "2024-01-10", "2025-01-10", ""}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledgertest.New(t, storetest.SQLite(t), policies.Versions)
			if _, err := l.Do(context.Background(), ledgertest.Operator, "policy_version.add", "policy_versions", func(tx *act.Tx) error {
				for i, one := range c.versions {
					v := &policies.Version{
						ID: fmt.Sprintf("PV-%d", i+1), Number: i + 1, Policy: "policy/access-control", Title: "Access", Owner: "security lead", State: one.state,
						Author: "person/E1", Authors: []string{"person/E1"}, ApprovedBy: "person/E2", ApprovedAt: at(one.approved), EffectiveAt: at(one.approved), NextReviewAt: at(one.review), SupersededAt: at(one.superseded),
					}
					if _, err := record.Put(tx, policies.Versions, record.Change{Verb: "added", ID: v.ID, Doc: v}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
				source := record.Kinds{policies.Versions}.Derived("policy_reviews")
				return source.Items(populations.Past(populations.Stored(r), 0), *at("2026-01-01"), *at("2027-01-01"), func(item any) error {
					one := item.(*policies.Review) //nolint:forcetypeassert // a test
					text := one.ID + " " + one.DueAt.Format(time.DateOnly) + " " + one.Version
					if one.ReviewedAt != nil {
						text += " " + one.ReviewedAt.Format(time.DateOnly)
					}
					if done := one.Version != ""; done != (one.ApprovedBy != "") || done != (len(one.Authors) > 0) {
						t.Errorf("%+v", one)
					}
					got = append(got, text)
					return nil
				})
			}); err != nil {
				t.Fatal(err)
			}
			if slices.Sort(got); !slices.Equal(got, c.want) {
				t.Errorf("%s, want %s", strings.Join(got, "; "), strings.Join(c.want, "; "))
			}
		})
	}
}
