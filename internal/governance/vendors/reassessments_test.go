package vendors_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// What is due of a vendor, and by which assessment it was done.
func TestWhatIsDueOfAVendor(t *testing.T) {
	const year = `"used_from":"2024-03-01T00:00:00Z"`
	judged := func(days ...string) string {
		var all []string
		for i, day := range days {
			all = append(all, fmt.Sprintf(`{"assessment":"vendor_assessment/VAS-%d","at":"%sT00:00:00Z","tier":"high","result":"fit","assessor":"person/a","done_by":"person/a"}`, i+1, day))
		}
		return `,"assessments":[` + strings.Join(all, ",") + `]`
	}
	for name, c := range map[string]struct {
		doc  string
		want []string // due, and by what it was done
	}{
		"never":              {`"state":"in_use",` + year, []string{"2025-03-01 "}},
		"before its use":     {`"state":"in_use",` + year + judged("2024-02-01"), []string{"2025-03-01 "}},
		"every year":         {`"state":"in_use",` + year + judged("2024-02-01", "2025-02-01", "2026-03-05"), []string{"2025-03-01 VAS-2", "2026-02-01 VAS-3", "2027-03-05 "}},
		"late":               {`"state":"in_use",` + year + judged("2025-09-01"), []string{"2025-03-01 VAS-1", "2026-09-01 "}},
		"ended before":       {`"state":"ended","ended_at":"2025-02-01T00:00:00Z",` + year, nil},
		"ended after":        {`"state":"offboarding","ended_at":"2025-06-01T00:00:00Z",` + year, []string{"2025-03-01 "}},
		"not used":           {`"state":"approved",` + year, nil},
		"approved after use": {`"state":"in_use","approved_at":"2025-02-10T00:00:00Z","used_from":"2019-03-01T00:00:00Z"` + judged("2025-02-01", "2026-02-03"), []string{"2026-02-10 VAS-2", "2027-02-03 "}},
		"outside the period": {`"state":"in_use","used_from":"2027-06-01T00:00:00Z"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, source := range vendors.Register.Derived {
				if source.Name != "vendor_reassessments" {
					continue
				}
				if err := source.Of(json.RawMessage(`{"id":"VEN-1","name":"n","owner":"person/o","tier":"low",`+c.doc+`}`), time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC), func(item any) error {
					one := item.(*vendors.Reassessment) //nolint:forcetypeassert // a test
					got = append(got, one.DueAt.Format(time.DateOnly)+" "+strings.TrimPrefix(one.Assessment, "vendor_assessment/"))
					if done := one.Assessment != ""; done != (one.AssessedAt != nil) || done && one.Tier != "high" || !done && one.Tier != "low" {
						t.Errorf("%+v", one)
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A finished assessment stands in the vendor's record, with the day of the next one; it is
// of the tier that the vendor has. Where use begins without a next day, it is a year on.
func TestAFinishedAssessmentStandsInTheVendorsRecord(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{vendors.Register, vendors.Assessments, vendors.Reports}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(body func(*act.Tx) error) error {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/b", Roles: ledgertest.Operator.Roles}, "test", "vendors", body)
			return err
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		move := func(kind *record.Kind, id, state, text string) error {
			return do(func(tx *act.Tx) error {
				var fields map[string]json.RawMessage
				if err := json.Unmarshal([]byte(text), &fields); err != nil {
					return err
				}
				permission, err := record.Permission(&tx.Reader, kind, id, state)
				if err == nil {
					_, err = record.Move(tx, kind, id, record.AnyVersion, state, permission, fields)
				}
				return err
			})
		}
		current := func() (v vendors.Vendor) {
			t.Helper()
			must(l.DB.Read(context.Background(), func(r *store.Reader) error {
				now, err := record.Get(r, "vendor", "VEN-1")
				if err != nil {
					return err
				}
				return json.Unmarshal(now.Doc, &v)
			}))
			return v
		}
		must(do(put(vendors.Register, []string{"VEN-1"}, `{"id":"ID","name":"n","service":"s","category":"cloud","owner":"person/o","proposed_by":"person/x","state":"approved","assessed_at":"2026-01-10T00:00:00Z","data":["personal"],"access":"none","criticality":"low"}`)))
		must(move(vendors.Register, "VEN-1", "in_use", `{"used_from":"2026-03-01T00:00:00Z"}`))
		if v := current(); v.NextAssessmentAt == nil || v.NextAssessmentAt.Format(time.DateOnly) != "2027-03-01" {
			t.Errorf("the first is due %v", v.NextAssessmentAt)
		}
		// Another tier that matters more is assessed within thirty days.
		must(move(vendors.Register, "VEN-1", "in_use", `{"access":"production","changed_why":"It runs there now"}`))
		if v := current(); v.Tier != "critical" || v.NextAssessmentAt == nil || v.NextAssessmentAt.After(l.Clock.Now().AddDate(0, 0, 30)) {
			t.Errorf("%s is assessed by %v", v.Tier, v.NextAssessmentAt)
		}
		must(move(vendors.Register, "VEN-1", "in_use", `{"access":"none","changed_why":"It does not any more"}`))
		must(do(put(vendors.Assessments, []string{"VAS-1"}, `{"id":"ID","vendor":"vendor/VEN-1","year":2026,"tier":"low","questionnaire":"general","assessor":"person/a","state":"draft"}`)))
		all := `{"result":"fit","answers":` + answers("general") + `}`
		if err := move(vendors.Assessments, "VAS-1", "done", all); err == nil || !strings.Contains(err.Error(), "tier: is low, and the vendor's is high") {
			t.Errorf("of another tier: %v", err)
		}
		must(move(vendors.Assessments, "VAS-1", "done", strings.Replace(all, `{`, `{"tier":"high",`, 1)))
		v := current()
		now := l.Clock.Now()
		if len(v.Assessments) != 1 || v.Assessments[0].Assessment != "vendor_assessment/VAS-1" || v.Assessments[0].DoneBy != "person/b" || v.Assessments[0].Result != "fit" || v.NextAssessmentAt == nil || !v.NextAssessmentAt.Equal(v.Assessments[0].At.AddDate(1, 0, 0)) || v.Assessments[0].At.After(now) {
			t.Errorf("%+v, next %v", v.Assessments, v.NextAssessmentAt)
		}
	})
}
