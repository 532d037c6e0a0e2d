package risks_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// A review says by which day the next one is, in the organisation's time zone: on time or
// early from the review, late from the date, and of the one that is due only where it is
// not too early.
func TestAReviewSetsTheNextDate(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	begin := ledgertest.Begin.In(berlin)
	day := func(n int) time.Time {
		return time.Date(begin.Year(), begin.Month(), begin.Day()+n, 0, 0, 0, 0, berlin)
	}
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		b := open(t, l)
		l.Zone = berlin
		at := 0
		for _, test := range []struct {
			name            string
			impact, due, on int // due 0: none was set
			asked           int // 0: nothing was said
			want            time.Time
			counts          bool
		}{
			{"the first", 2, 0, 10, 0, day(10).AddDate(1, 0, 0), false},
			{"the first of a high one", 4, 0, 10, 0, day(10).AddDate(0, 3, 0), false},
			{"the first, with the next date", 2, 0, 10, 40, day(40), false},
			{"in time", 4, 50, 20, 0, day(20).AddDate(0, 3, 0), true},
			{"on the day", 4, 30, 30, 0, day(30).AddDate(0, 3, 0), true},
			{"just early enough", 4, 85, 40, 0, day(40).AddDate(0, 3, 0), true},
			{"too early", 4, 86, 40, 0, day(86), false},
			{"too early, and too far ahead for its score", 4, 300, 40, 0, day(40).AddDate(0, 3, 0), false},
			{"sooner than was due", 2, 90, 41, 60, day(60), false},
			{"late", 4, 50, 90, 0, day(50).AddDate(0, 3, 0), true},
			{"too late for that", 4, 50, 200, 0, day(200).AddDate(0, 3, 0), true},
			{"late, with the next date", 2, 50, 201, 300, day(300), true},
		} {
			at++
			id := fmt.Sprintf("RSK-%d", at)
			b.l.Clock.Set(day(0).Add(16 * time.Hour))
			text := fmt.Sprintf(`{"title":"t","category":"security","owner":"person/owner","likelihood":4,"impact":%d,"response":"reduce","controls":["END-01"]`, test.impact)
			if test.due > 0 {
				text += `,"due_at":"` + day(test.due).Format(time.RFC3339) + `"`
			}
			b.must(b.add(risks.Register, text+"}"))
			b.l.Clock.Set(day(test.on).Add(16 * time.Hour))
			said := `{}`
			if test.asked > 0 {
				said = `{"due_at":"` + day(test.asked).Format(time.RFC3339) + `"}`
			}
			b.must(b.move("person/a", risks.Register, id, risks.Assessed, said))
			r, _ := b.risk(id)
			if !r.DueAt.Equal(test.want) || r.ReviewedAt == nil || r.ReviewedBy != "person/a" {
				t.Errorf("%s: due %s, want %s; reviewed %v by %s", test.name, r.DueAt.In(berlin), test.want, r.ReviewedAt, r.ReviewedBy)
			}
			if counts := len(r.Reviews) == 1; counts != test.counts || counts && (!r.Reviews[0].DueAt.Equal(day(test.due)) || !record.SameTime(r.Reviews[0].ReviewedAt, r.ReviewedAt)) {
				t.Errorf("%s: the reviews are %+v", test.name, r.Reviews)
			}
		}
		// What is closed on the day by which it is reviewed is not late.
		b.must(b.add(risks.Register, `{"title":"t","category":"security","owner":"person/owner","due_at":"`+day(300).Format(time.RFC3339)+`"}`))
		b.must(b.add(risks.Register, `{"title":"t","category":"security","owner":"person/owner","due_at":"`+day(299).Format(time.RFC3339)+`"}`))
		b.l.Clock.Set(day(300).Add(16 * time.Hour))
		for id, late := range map[string]bool{fmt.Sprintf("RSK-%d", at+1): false, fmt.Sprintf("RSK-%d", at+2): true} {
			b.must(b.move("person/a", risks.Register, id, risks.Closed, `{"closed_reason":"It cannot happen"}`))
			if r, _ := b.risk(id); (r.DueAt != nil) != late {
				t.Errorf("%s is due %v after it was closed", id, r.DueAt)
			}
		}
		l.Verify(t, b.kinds)
	})
}

const (
	reviewedThen = `{"id":"RSK-1","title":"t","category":"security","owner":"person/o","state":%q,"likelihood":4,"impact":%d,"score":16,"response":"reduce","controls":["END-01"],` +
		`"due_at":%q,"reviewed_at":"2026-03-20T15:00:00Z","reviewed_by":"person/b","reviewed_due":%[3]q}`
	dueThen = `{"id":"RSK-1","title":"t","owner":"person/o","state":"assessed","due_at":"2026-06-30T14:00:00Z","reviews":[{"id":"RSK-1@2026-03-31T14:00:00Z","due_at":"2026-03-31T14:00:00Z","reviewed_at":"2026-03-20T15:00:00Z"}]}`
)

// A risk of before whose review is done gets the date of the next one; one that is due
// stays as it is.
func TestRisksOfBeforeGetTheirNextDate(t *testing.T) {
	change := risks.Register.Migrations[0].Change
	for name, test := range map[string]struct{ was, due, reviews string }{
		"reviewed":      {fmt.Sprintf(reviewedThen, "assessed", 4, "2026-03-31T14:00:00Z"), "2026-06-20T00:00:00Z", "[RSK-1@2026-03-31T14:00:00Z]"},
		"late":          {fmt.Sprintf(reviewedThen, "assessed", 4, "2026-03-10T14:00:00Z"), "2026-06-10T00:00:00Z", "[RSK-1@2026-03-10T14:00:00Z]"},
		"far ahead":     {fmt.Sprintf(reviewedThen, "assessed", 4, "2026-12-31T14:00:00Z"), "2027-03-31T14:00:00Z", "[RSK-1@2026-12-31T14:00:00Z]"},
		"closed":        {fmt.Sprintf(reviewedThen, "closed", 4, "2026-03-31T14:00:00Z"), "", "[RSK-1@2026-03-31T14:00:00Z]"},
		"not reviewed":  {dueThen, "2026-06-30T14:00:00Z", "[RSK-1@2026-03-31T14:00:00Z]"},
		"without dates": {`{"id":"RSK-1","state":"identified"}`, "", "[]"},
	} {
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(test.was), &fields); err != nil {
			t.Fatal(err)
		}
		if err := change(fields); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		whole, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		now := &risks.Risk{}
		if err := json.Unmarshal(whole, now); err != nil {
			t.Fatal(err)
		}
		due, reviews := "", []string{}
		if now.DueAt != nil {
			due = now.DueAt.Format(time.RFC3339)
		}
		for _, one := range now.Reviews {
			reviews = append(reviews, one.ID)
			if one.ReviewedAt == nil {
				t.Errorf("%s: %s is not done", name, one.ID)
			}
		}
		if due != test.due || fmt.Sprint(reviews) != test.reviews || fields["reviewed_due"] != nil {
			t.Errorf("%s: due %s, reviews %s, want %s, %s; %s", name, due, reviews, test.due, test.reviews, whole)
		}
	}
}

// The register as it was at an earlier checkpoint holds the same reviews as it did then.
func TestReviewsOfBeforeAreReadAsTheyWere(t *testing.T) {
	from, to := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct{ doc, want string }{
		"reviewed": {fmt.Sprintf(reviewedThen, "assessed", 4, "2026-03-31T14:00:00Z"), "[RSK-1@2026-03-31T14:00:00Z done]"},
		"due":      {dueThen, "[RSK-1@2026-03-31T14:00:00Z done RSK-1@2026-06-30T14:00:00Z]"},
	} {
		got := []string{}
		if err := risks.Register.Derived[0].Of(json.RawMessage(test.doc), from, to, func(item any) error {
			one := item.(*risks.Review)
			text := one.ID
			if one.ReviewedAt != nil {
				text += " done"
			}
			got = append(got, text)
			return nil
		}); err != nil || fmt.Sprint(got) != test.want {
			t.Errorf("%s: %v, %v, want %s", name, got, err, test.want)
		}
	}
}
