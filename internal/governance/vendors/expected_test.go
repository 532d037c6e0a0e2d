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
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// Of a vendor that our service stands on a report is read within ninety days of its use,
// unless an assessment that somebody other than its owner finished says before then why it
// gives none.
func TestAReportOfACriticalVendorIsExpected(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{vendors.Register, vendors.Assessments, vendors.Reports}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(who string, body func(*act.Tx) error) error {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/" + who, Roles: ledgertest.Operator.Roles}, "test", "vendors", body)
			return err
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		move := func(kind *record.Kind, id, state, text string) error {
			return do("b", func(tx *act.Tx) error {
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
		days := func(n int) { l.Clock.Advance(time.Duration(n) * 24 * time.Hour) }
		const critical, high = `"data":["none"],"access":"production","criticality":"low"`, `"data":["personal"],"access":"none","criticality":"low"`
		vendor := func(id, tier, state, more string) {
			t.Helper()
			must(do("b", put(vendors.Register, []string{id}, `{"id":"ID","name":"n","service":"s","category":"cloud","owner":"person/o","proposed_by":"person/x","assessed_at":"2026-02-20T00:00:00Z","state":"`+state+`",`+tier+more+`}`)))
		}
		used := func(id, tier string) {
			t.Helper()
			vendor(id, tier, "approved", `,"approved_at":"2026-02-25T00:00:00Z"`)
			must(move(vendors.Register, id, "in_use", `{"used_from":"2026-02-20T00:00:00Z"}`))
		}
		assessed := func(id, vendor, tier, more string) error {
			t.Helper()
			must(do("b", put(vendors.Assessments, []string{id}, `{"id":"ID","vendor":"vendor/`+vendor+`","year":2026,"tier":"`+tier+`","questionnaire":"general","assessor":"person/b","state":"draft"}`)))
			return move(vendors.Assessments, id, "done", `{"result":"fit","answers":`+answers("general")+more+`}`)
		}
		awaited := func(id, vendor string) {
			t.Helper()
			must(do("b", put(vendors.Reports, []string{id}, `{"id":"ID","vendor":"vendor/`+vendor+`","owner":"person/o","type":"SOC 2 type 2","due_at":"2026-03-31T00:00:00Z","covers_from":"2025-01-01T00:00:00Z","covers_to":"2025-12-31T00:00:00Z","first":true,"method":"inclusive","physical":true,"state":"awaited"}`)))
		}
		read := func(id, vendor string) {
			t.Helper()
			awaited(id, vendor)
			must(move(vendors.Reports, id, "read", `{}`))
		}
		const none = `,"reports":false,"no_report_reason":"It is small: we rely on its answers"`

		// It is March 2, 2026. A report is read of one before it is used, of one when it is, of one
		// too late, and of one never.
		read("REP-101", "VEN-1")
		for _, id := range []string{"VEN-1", "VEN-2", "VEN-3", "VEN-5", "VEN-7", "VEN-8", "VEN-9", "VEN-14", "VEN-15", "VEN-16", "VEN-17", "VEN-18", "VEN-19"} {
			used(id, critical)
		}
		used("VEN-6", high)
		read("REP-102", "VEN-2")
		// What was read long before it was used, and a tier that it has not any more, do not count.
		must(do("b", put(vendors.Reports, []string{"REP-104"}, `{"id":"ID","vendor":"vendor/VEN-4","owner":"person/o","type":"SOC 2 type 2","due_at":"2024-03-31T00:00:00Z","covers_from":"2023-01-01T00:00:00Z","covers_to":"2023-12-31T00:00:00Z","first":true,"method":"inclusive","physical":true,"state":"read","read_at":"2024-03-01T00:00:00Z","reader":"person/b"}`)))
		used("VEN-4", critical)
		used("VEN-13", critical)
		must(move(vendors.Register, "VEN-13", "in_use", `{"tier_override":"high","changed_why":"It runs beside"}`))
		must(assessed("VAS-5", "VEN-5", "critical", none))
		if err := assessed("VAS-0", "VEN-4", "critical", `,"reports":false`); err == nil || !strings.Contains(err.Error(), "no_report_reason: is missing") {
			t.Errorf("without a reason: %v", err)
		}
		if err := assessed("VAS-00", "VEN-4", "critical", `,"no_report_reason":"Why"`); err == nil || !strings.Contains(err.Error(), "no_report_reason: is given, and the vendor gives reports") {
			t.Errorf("a reason alone: %v", err)
		}
		// Who said so is not its owner afterwards.
		if err := do("x", func(tx *act.Tx) error {
			_, err := record.Set(tx, vendors.Register, "VEN-5", record.AnyVersion, map[string]json.RawMessage{"owner": json.RawMessage(`"person/b"`)})
			return err
		}); err == nil || !strings.Contains(err.Error(), "who said that it gives no report") {
			t.Errorf("handed to who said so: %v", err)
		}
		must(assessed("VAS-8", "VEN-8", "critical", none))
		must(move(vendors.Register, "VEN-9", "offboarding", `{"ended_at":"2026-03-01T00:00:00Z"}`))
		// What ended more than a year before it was read does not count, and one that does is
		// looked for: 366 days are not more.
		old := func(id, vendor, until string) {
			t.Helper()
			must(do("b", put(vendors.Reports, []string{id}, `{"id":"ID","vendor":"vendor/`+vendor+`","owner":"person/o","type":"SOC 2 type 2","due_at":"2026-03-31T00:00:00Z","covers_from":"2023-07-01T00:00:00Z","covers_to":"`+until+`T09:00:00Z","first":true,"method":"inclusive","physical":true,"state":"awaited"}`)))
			must(move(vendors.Reports, id, "read", `{}`))
		}
		old("REP-116", "VEN-16", "2024-06-30")
		old("REP-117", "VEN-17", "2025-02-28")
		old("REP-118", "VEN-18", "2025-03-01")
		old("REP-119", "VEN-19", "2024-06-30")
		days(1)
		must(do("b", put(vendors.Reports, []string{"REP-126"}, `{"id":"ID","vendor":"vendor/VEN-16","owner":"person/o","type":"SOC 2 type 2","due_at":"2026-03-31T00:00:00Z","covers_from":"2025-02-01T00:00:00Z","covers_to":"2026-01-31T00:00:00Z","first":false,"method":"inclusive","physical":true,"state":"awaited"}`)))
		must(move(vendors.Reports, "REP-126", "read", `{}`))
		days(29)
		must(move(vendors.Register, "VEN-6", "in_use", `{"access":"production","changed_why":"It runs there now"}`))
		must(assessed("VAS-1", "VEN-1", "critical", none)) // which was read about
		read("REP-114", "VEN-14")
		must(move(vendors.Reports, "REP-114", "awaited", `{}`)) // to be read again
		must(assessed("VAS-88", "VEN-8", "critical", `,"reports":true`))
		days(65) // their ninety days are over
		must(move(vendors.Register, "VEN-15", "offboarding", `{"ended_at":"2026-05-01T00:00:00Z"}`))
		for _, id := range []string{"REP-105", "REP-106"} {
			read(id, "VEN-1")
		}
		must(move(vendors.Reports, "REP-106", "awaited", `{}`))
		read("REP-103", "VEN-3")
		must(assessed("VAS-7", "VEN-7", "critical", none))
		read("REP-107", "VEN-2") // a later one
		if err := move(vendors.Reports, "REP-102", "awaited", `{}`); err != nil {
			t.Fatal(err)
		}
		days(1)
		must(move(vendors.Reports, "REP-102", "read", `{}`))
		// A reading that was too old is none because another period is said later.
		must(move(vendors.Reports, "REP-117", "awaited", `{}`))
		must(move(vendors.Reports, "REP-117", "read", `{"covers_to":"2026-01-31T00:00:00Z"}`))
		// Of before reports were asked for.
		vendor("VEN-10", critical, "in_use", `,"used_from":"2020-01-01T00:00:00Z","tier":"critical"`)
		vendor("VEN-11", high, "in_use", `,"used_from":"2020-01-01T00:00:00Z","tier":"high"`)
		vendor("VEN-12", critical, "in_use", `,"used_from":"2020-01-01T00:00:00Z","tier":"critical"`)
		read("REP-112", "VEN-12")
		for _, want := range []int{2, 0} {
			if n, err := vendors.ExpectReports(context.Background(), l.Door, ledgertest.Operator); n != want || err != nil {
				t.Errorf("expected are %d more, %v, want %d", n, err, want)
			}
		}

		var got, owed []string
		must(l.DB.Read(context.Background(), func(r *store.Reader) error {
			source := record.Kinds{vendors.Register}.Derived("vendor_first_reports")
			if err := source.Items(populations.Past(populations.Stored(r), 0), ledgertest.Begin, ledgertest.Begin.AddDate(1, 0, 0), func(item any) error {
				one := item.(*vendors.FirstReport) //nolint:forcetypeassert // a test
				text := fmt.Sprintf("%s due %s %s", one.ID, one.DueAt.Format("01-02"), one.Report)
				if one.ReadAt != nil {
					text += fmt.Sprintf(" %s by %s, covers to %s", one.ReadAt.Format("01-02"), one.Reader, one.CoversTo.Format(time.DateOnly))
				}
				got = append(got, text)
				return nil
			}); err != nil {
				return err
			}
			due := vendors.Register.Dues[slices.IndexFunc(vendors.Register.Dues, func(d record.Due) bool { return d.Name == "report" })]
			_, err := record.List(r, vendors.Register, record.Query{Filter: due.Open + " && has(item.report_due_at)"}, func(v *record.Version) error {
				owed = append(owed, v.ID)
				return nil
			})
			return err
		}))
		slices.Sort(got)
		slices.Sort(owed)
		if want := []string{
			"VEN-10@report due 09-04 ",
			"VEN-12@report due 09-04 assurance_report/REP-112 06-06 by person/b, covers to 2025-12-31",
			"VEN-14@report due 05-26 ",
			"VEN-16@report due 05-26 assurance_report/REP-126 03-03 by person/b, covers to 2026-01-31",
			"VEN-17@report due 05-26 assurance_report/REP-117 06-06 by person/b, covers to 2026-01-31",
			"VEN-18@report due 05-26 assurance_report/REP-118 03-02 by person/b, covers to 2025-03-01",
			"VEN-19@report due 05-26 ",
			"VEN-1@report due 05-26 assurance_report/REP-101 03-02 by person/b, covers to 2025-12-31",
			"VEN-2@report due 05-26 assurance_report/REP-102 03-02 by person/b, covers to 2025-12-31", // which was read again since
			"VEN-3@report due 05-26 assurance_report/REP-103 06-05 by person/b, covers to 2025-12-31",
			"VEN-4@report due 05-26 ",
			"VEN-6@report due 06-30 ",
			"VEN-7@report due 05-26 ", // said when it was due already
			"VEN-8@report due 06-30 ",
		}; !slices.Equal(got, want) {
			t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if want := []string{"VEN-10", "VEN-14", "VEN-19", "VEN-4", "VEN-6", "VEN-8"}; !slices.Equal(owed, want) {
			t.Errorf("owed are %q, want %q", owed, want)
		}
	})
}
