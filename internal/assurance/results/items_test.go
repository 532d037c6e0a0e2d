package results_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// listed are the items of a result that came to one of the outcomes, page by page.
func (l *laboratory) listed(id string, most int, outcomes ...string) (all []controltests.ItemOutcome) {
	l.Helper()
	for {
		page, err := l.Items(context.Background(), id, len(all), most, func(one controltests.ItemOutcome) bool { return slices.Contains(outcomes, one.Outcome) })
		if err != nil || page.Before != len(all) || len(page.Listed) > most || page.More && len(page.Listed) < most {
			l.Fatalf("%s from %d on: %+v, %v", id, len(all), page, err)
		}
		if all = append(all, page.Listed...); !page.More {
			return all
		}
	}
}

// listsWhatItCounts holds the numbers of a result against what they lead to.
func (l *laboratory) listsWhatItCounts(id string, most int) {
	l.Helper()
	r, err := l.Result(context.Background(), id)
	if err != nil {
		l.Fatal(err)
	}
	const passed, open, deviation, unread, absent = controltests.ItemPassed, controltests.ItemOpen, controltests.ItemDeviation, controltests.ItemUnread, controltests.ItemAbsent
	numbers := map[string]struct{ want, got int }{
		"count":      {r.Count, len(l.listed(id, most, passed, open, deviation, unread, absent))},
		"passed":     {r.Passed, len(l.listed(id, most, passed))},
		"open":       {r.Open, len(l.listed(id, most, open))},
		"deviations": {r.Deviations, len(l.listed(id, most, deviation))},
	}
	if r.State != nil {
		resources, err := l.Resources(context.Background(), id)
		if err != nil {
			l.Fatal(err)
		}
		numbers["resources"] = struct{ want, got int }{r.State.Resources, len(resources)}
		numbers["readings"] = struct{ want, got int }{r.State.Readings, len(l.listed(id, most, passed, deviation))}
		numbers["unread"] = struct{ want, got int }{r.State.Unread, len(l.listed(id, most, unread))}
		numbers["absent"] = struct{ want, got int }{r.State.Absent, len(l.listed(id, most, absent))}
	}
	for name, number := range numbers {
		if number.want != number.got {
			l.Errorf("%s: %s is %d, and %d are listed", id, name, number.want, number.got)
		}
	}
	why, err := l.Deviating(context.Background(), r)
	if err != nil {
		l.Fatal(err)
	}
	for _, one := range l.listed(id, most, deviation) {
		if one.Reason == "" || why[one.Item] != one.Reason {
			l.Errorf("%s: %+v, and it failed for %q", id, one, why[one.Item])
		}
	}
}

func TestItemsAreWhatAResultCounted(t *testing.T) {
	each(t, func(l *laboratory) {
		l.add(month(1), slices.Concat(repeat(7, reviewed), repeat(5, bad), repeat(4, unreviewed))...)
		l.period("Q1", month(1), month(3))
		p := l.close("Q1")
		var ids []string
		for _, test := range []string{"reviewed", "titled", "numbered"} {
			ids = append(ids, l.perform(test, p).Result.ID)
		}
		before := l.size()
		check := func() {
			for _, id := range ids {
				for _, most := range []int{1, 3, 4, 16, 17} {
					l.listsWhatItCounts(id, most)
				}
			}
		}
		check()
		items := l.listed(ids[1], 100, controltests.ItemDeviation)
		if len(items) != 5 || items[0].Item != "c7-2026-01-01T00:00:00Z" || items[4].Item != "c11-2026-01-01T00:00:00Z" {
			t.Errorf("what failed: %+v", items)
		}
		if l.size() != before {
			t.Error("reading items is recorded")
		}
		// What came later is of no matter.
		l.retitle("bad")
		l.add(month(2), repeat(3, bad)...)
		check()

		for _, none := range []error{
			func() error { _, err := l.Items(t.Context(), "RES-99", 0, 1, nil); return err }(),
			func() error { _, err := l.Resources(t.Context(), "RES-99"); return err }(),
		} {
			if !errors.Is(none, results.ErrNoResult) {
				t.Errorf("of no result: %v", none)
			}
		}
	})
}

func TestItemsOfStatesAndDocuments(t *testing.T) {
	eachKind(t, func(l *laboratory) {
		from := month(1)
		for i, value := range []string{"true", "failed", "false", "true", "absent"} {
			l.saw(from.AddDate(0, 0, i), "a", value)
			l.saw(from.AddDate(0, 0, i).Add(time.Hour), "b", "true")
		}
		l.saw(from.AddDate(0, 0, 3), "c", "failed")
		p := l.period("P", from, month(2))
		e := l.file(ann, from, from.AddDate(0, 0, 15))
		if err := l.review(ben, e, controltests.Accepted); err != nil {
			t.Fatal(err)
		}
		for _, test := range []string{"tls", "minutes"} {
			r := l.perform(test, p).Result
			l.listsWhatItCounts(r.ID, 2)
			if test == "tls" && (r.State.Resources != 3 || r.State.Unread != 2 || r.State.Absent != 1 || r.Deviations != 1) {
				t.Errorf("%+v", r)
			}
			if test != "tls" {
				continue
			}
			all, err := l.Resources(t.Context(), r.ID)
			if err != nil || len(all) != 3 || all[0].Name != "a" || all[0].Last.Outcome != controltests.ItemAbsent || all[1].Last.Outcome != controltests.ItemPassed || all[2].Last.Outcome != controltests.ItemUnread {
				t.Errorf("%+v, %v", all, err)
			}
		}
	})
}

// A population is read as far as a page reaches.
func TestAPageReadsNoFurtherThanItReaches(t *testing.T) {
	l := newLaboratory(t, ledgertest.New(t, storetest.SQLite(t), kinds...))
	l.add(month(1), repeat(20, reviewed)...)
	l.period("Q1", month(1), month(3))
	r := l.perform("titled", l.close("Q1")).Result
	read := 0
	page, err := l.Items(t.Context(), r.ID, 3, 4, func(controltests.ItemOutcome) bool { read++; return true })
	if err != nil || len(page.Listed) != 4 || !page.More || read != 8 {
		t.Errorf("%+v, %v, and %d were looked at", page, err, read)
	}
}
