package vendors_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// A vendor's use begins for the test when it is used and approved, of the tier that it was
// approved with; it was to be approved by when its use began, or within thirty days of the
// register's beginning.
func TestWhenTheUseOfAVendorBegins(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{vendors.Register, vendors.Assessments, vendors.Reports}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(body func(*act.Tx) error) {
			t.Helper()
			if _, err := l.Do(context.Background(), act.Caller{ID: "person/b", Roles: ledgertest.Operator.Roles}, "test", "vendors", body); err != nil {
				t.Fatal(err)
			}
		}
		move := func(id, state, text string) func(*act.Tx) error {
			return func(tx *act.Tx) error {
				var fields map[string]json.RawMessage
				if err := json.Unmarshal([]byte(text), &fields); err != nil {
					return err
				}
				permission, err := record.Permission(&tx.Reader, vendors.Register, id, state)
				if err == nil {
					_, err = record.Move(tx, vendors.Register, id, record.AnyVersion, state, permission, fields)
				}
				return err
			}
		}
		// Each is entered on one day, approved ten days later, and used from another.
		began := ledgertest.Begin
		enter := func(id, usedFrom string) {
			t.Helper()
			do(put(vendors.Register, []string{id}, `{"id":"ID","name":"n","service":"s","category":"cloud","owner":"person/o","proposed_by":"person/x","state":"assessed","assessed_at":"2026-03-01T00:00:00Z","data":["personal"],"access":"none","criticality":"low"}`))
			l.Clock.Advance(10 * 24 * time.Hour)
			do(move(id, "approved", `{}`))
			l.Clock.Advance(10 * 24 * time.Hour)
			do(move(id, "in_use", `{"used_from":"`+usedFrom+`"}`))
		}
		enter("VEN-1", "2019-01-01T00:00:00Z") // before there was a register
		enter("VEN-2", "2026-04-11T00:00:00Z") // as it should be
		enter("VEN-3", "2026-04-01T00:00:00Z") // before anybody looked
		// What it is today is not what it was approved as.
		do(move("VEN-2", "in_use", `{"access":"production","changed_why":"It runs there now"}`))
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			v, _, err := record.Load[vendors.Vendor](r, vendors.Register, "VEN-2")
			if err == nil && (v.TierReason != "It runs there now" || v.TierBy != "person/b") {
				t.Errorf("its tier is of %q by %s", v.TierReason, v.TierBy)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		day := func(at *time.Time) string { return at.Format(time.DateOnly) }
		var got []string
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			source := record.Kinds{vendors.Register}.Derived("vendor_onboardings")
			return source.Items(populations.Past(populations.Stored(r), 0), began, began.AddDate(1, 0, 0), func(item any) error {
				one := item.(*vendors.Onboarding) //nolint:forcetypeassert // a test
				got = append(got, fmt.Sprint(one.ID, " begun ", day(one.BegunAt), " due ", day(one.DueAt), " approved ", day(one.ApprovedAt), " as ", one.Tier))
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		if want := []string{
			"VEN-1@onboarding begun 2026-03-12 due 2026-03-31 approved 2026-03-12 as high",
			"VEN-2@onboarding begun 2026-04-11 due 2026-04-11 approved 2026-04-01 as high",
			"VEN-3@onboarding begun 2026-04-21 due 2026-04-01 approved 2026-04-21 as high",
		}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		do(put(vendors.Register, []string{"VEN-4"}, `{"id":"ID","name":"n","service":"s","category":"cloud","owner":"person/o","proposed_by":"person/x","state":"approved","approved_at":"2026-03-01T00:00:00Z","data":["none"],"access":"none","criticality":"low"}`))
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "vendors", move("VEN-4", "in_use", `{"used_from":"2030-01-01T00:00:00Z"}`)); err == nil {
			t.Error("a use that has not begun is taken")
		}
	})
}
