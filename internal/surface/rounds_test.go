package surface_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// half is the first half of 2026, in which two rounds of what is on a list fall due:
// what nobody did is an item, too. The second one's grace ends after it.
type half struct {
	*apptest.Folder
	t *testing.T
}

// at sets the clock to the beginning of a day.
func (h *half) at(day string) {
	h.t.Helper()
	h.Manual.Set(date(h.t, day))
}

func (h *half) fields(text string) (all map[string]json.RawMessage) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		h.t.Fatalf("%s: %v", text, err)
	}
	return all
}

// adds adds a record.
func (h *half) adds(who, register, text string) {
	h.t.Helper()
	if _, err := h.AddRecord(context.Background(), person(who), h.register(register), h.fields(text)); err != nil {
		h.t.Fatalf("%s %s: %v", register, text, err)
	}
}

// moves moves a record, "asset/AST-1".
func (h *half) moves(who, ref, state, text string) {
	h.t.Helper()
	kind, id, _ := strings.Cut(ref, "/")
	at := slices.IndexFunc(h.Kinds, func(k *record.Kind) bool { return k.Name == kind })
	if _, err := h.MoveRecord(context.Background(), person(who), h.Kinds[at], id, record.AnyVersion, state, h.fields(text)); err != nil {
		h.t.Fatalf("%s to %s: %v", ref, state, err)
	}
}

func (h *half) register(name string) *record.Kind {
	h.t.Helper()
	at := slices.IndexFunc(h.Kinds, func(k *record.Kind) bool { return k.Register == name })
	if at < 0 {
		h.t.Fatalf("there is no register %s", name)
	}
	return h.Kinds[at]
}

// deviate closes the half, and holds of every test of the controls how many
// items it has and which of them deviate: "AST-01 confirmed".
func (h *half) deviate(want map[string]string) {
	h.t.Helper()
	ctx := context.Background()
	period, err := periods.Close(ctx, h.Door, apptest.Operator, "H1")
	if err != nil {
		h.t.Fatal(err)
	}
	for name, want := range want {
		id, test, _ := strings.Cut(name, " ")
		control, err := h.Control(id)
		if err != nil {
			h.t.Fatal(err)
		}
		versionstest.InForce(h.t, h.Door, h.Blobs, control)
		for _, one := range control.Tests {
			if one.ID != test {
				continue
			}
			outcome, err := h.Lab().Perform(ctx, apptest.Operator, results.Task{Control: control, Test: one, Period: *period})
			if err != nil {
				h.t.Fatalf("%s: %v", name, err)
			}
			got := fmt.Sprintf("%d:", outcome.Result.Count)
			for _, deviation := range outcome.Result.Exceptions {
				got += fmt.Sprintf(" %s %s", deviation.Item, deviation.Reason)
			}
			if got != want {
				h.t.Errorf("%s: %s\nwant %s", name, got, want)
			}
		}
	}
}

func openHalf(t *testing.T, f *apptest.Folder) *half { return openUntil(t, f, "2026-07-01") }

// openUntil is a half that ends later, so that the grace of its last round is over.
func openUntil(t *testing.T, f *apptest.Folder, end string) *half {
	h := &half{f, t}
	h.at("2026-01-05")
	f.People(t, "a", "b", "x")
	if _, err := periods.OpenPeriod(context.Background(), f.Door, apptest.Operator, periods.Period{
		Name: "H1", From: date(t, "2026-01-01"), To: date(t, end), Timezone: "UTC",
	}); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestDevicesAreSeenAndSitesReviewedEveryQuarter(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openHalf(t, f)
		for _, id := range []string{"A", "B", "C"} {
			h.adds("x", "devices", `{"id":"`+id+`","owner":"person/x"}`)
		}
		for _, id := range []string{"berlin", "paris", "rome", "oslo"} {
			h.adds("x", "sites", `{"id":"`+id+`","name":"n","purpose":"office","owner":"person/x"}`)
		}
		for _, id := range []string{"berlin", "paris", "rome"} {
			h.adds("x", "site_reviews", `{"id":"PAR-`+id+`-2026-Q1","reviewer":"person/a"}`)
		}
		counts := `{"compared":"Lists","holders":9,"unneeded":2,"ended":2}`
		h.at("2026-03-01")
		h.adds("x", "device_postures", `{"id":"1","device":"A","seen_at":"2026-02-28T00:00:00Z"}`)
		h.moves("a", "site_review/PAR-berlin-2026-Q1", "reviewed", counts)
		h.moves("b", "site_review/PAR-berlin-2026-Q1", "confirmed", `{}`)
		h.moves("a", "site_review/PAR-paris-2026-Q1", "reviewed", counts)
		h.moves("a", "device/B", "ended", `{"ended_how":"Sold"}`)
		h.at("2026-04-16")
		h.adds("x", "device_postures", `{"id":"2","device":"C","seen_at":"2026-04-15T00:00:00Z"}`)
		h.moves("a", "site_review/PAR-rome-2026-Q1", "reviewed", counts)
		h.moves("b", "site_review/PAR-rome-2026-Q1", "confirmed", `{}`)
		h.at("2026-07-01")
		h.deviate(map[string]string{
			"END-01 seen":     "4: C@2026-Q1 missing A@2026-Q2 missing",
			"END-01 posture":  "2: 1 predicate 2 predicate",
			"PHY-02 reviewed": "8: oslo@2026-Q1 missing paris@2026-Q1 predicate rome@2026-Q1 late",
		})
	})
}

func TestPlansAreRestoredForTrialEveryQuarter(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openHalf(t, f)
		for _, id := range []string{"PLN-1", "PLN-2", "PLN-3", "PLN-4"} {
			h.adds("w", "continuity_plans", `{"function":"f","owner":"person/a","deputy":"person/b","recovery_time":"4h","recovery_point":"1h","steps":"s","kept_at":"k"}`)
			h.moves("x", "continuity_plan/"+id, "in_force", `{}`)
			if id != "PLN-4" {
				h.adds("w", "restore_trials", `{"id":"RT-`+id+`-2026-Q1","owner":"person/a","store":"db"}`)
			}
		}
		h.at("2026-02-02")
		done := func(id, until, who string) {
			h.moves("a", "restore_trial/RT-"+id+"-2026-Q1", "done", `{"started_at":"2026-02-01T09:00:00Z","restored_at":"2026-02-01T`+until+`:00Z","data_until":"2026-02-01T08:30:00Z","whole":true}`)
			if who != "" {
				h.moves(who, "restore_trial/RT-"+id+"-2026-Q1", "reviewed", `{}`)
			}
		}
		done("PLN-1", "11:00", "b")
		done("PLN-2", "13:01", "b") // longer than the plan allows
		done("PLN-3", "11:00", "")
		h.at("2026-07-01")
		h.deviate(map[string]string{"BCP-01 restored": "8: PLN-2@2026-Q1 predicate PLN-3@2026-Q1 predicate PLN-4@2026-Q1 missing"})
	})
}

func TestTheCapacityOfEachPlanIsReviewedEveryQuarter(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openHalf(t, f)
		for _, id := range []string{"PLN-1", "PLN-2", "PLN-3"} {
			h.adds("w", "continuity_plans", `{"function":"f","owner":"person/a","deputy":"person/b","recovery_time":"4h","recovery_point":"1h","steps":"s","kept_at":"k"}`)
			h.moves("x", "continuity_plan/"+id, "in_force", `{}`)
			h.adds("w", "capacity_reviews", `{"plan":"continuity_plan/`+id+`","quarter":"2026-Q1","owner":"person/a"}`)
		}
		found := `{"demand":"As before","resources":[{"what":"The disk","measured":"400 of 800 GB","enough_until":"2026-06-30T00:00:00Z"},{"what":"Workers","measured":"9 of 12","enough_until":"2026-06-29T00:00:00Z","decision":"Three more in May"}]}`
		h.at("2026-03-01")
		h.moves("a", "capacity_review/CPR-PLN-1-2026-Q1", "done", found)
		h.moves("b", "capacity_review/CPR-PLN-1-2026-Q1", "reviewed", `{}`)
		h.moves("a", "capacity_review/CPR-PLN-2-2026-Q1", "done", found)
		h.at("2026-07-01")
		h.deviate(map[string]string{"CAP-01 reviewed": "6: PLN-2@2026-Q1 predicate PLN-3@2026-Q1 missing"})
	})
}

func TestWhatIsOnTheListIsConfirmedEveryQuarter(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openHalf(t, f)
		for _, owner := range []string{"a", "b", "b", "a", "a"} {
			h.adds("x", "assets", `{"name":"n","kind":"integration","scopes":["read"],"data_class":"internal","flows":["none"],"owner":"person/`+owner+`"}`)
		}
		for range 3 {
			h.adds("x", "data_sets", `{"title":"t","owner":"person/a","class":"restricted","store":"db","store_class":"restricted","retention":"1h","retention_from":"now"}`)
		}
		for _, id := range []string{"DS-1", "DS-2", "DS-3"} {
			h.moves("y", "data_set/"+id, "in_use", `{}`)
		}
		h.moves("a", "asset/AST-1", "in_use", `{}`)
		h.moves("b", "asset/AST-2", "in_use", `{"scopes":[]}`)
		h.moves("a", "data_set/DS-1", "in_use", `{}`)
		h.moves("a", "data_set/DS-2", "in_use", `{"store_class":"internal"}`)
		h.moves("x", "asset/AST-5", "retired", `{"ended":"Sold"}`)
		h.at("2026-04-15") // within the grace
		h.moves("b", "asset/AST-3", "in_use", `{}`)
		h.at("2026-04-16")
		h.moves("a", "asset/AST-4", "in_use", `{}`)
		h.at("2026-07-01")
		h.deviate(map[string]string{
			"AST-01 confirmed": "8: AST-2@2026-Q1 predicate AST-4@2026-Q1 late",
			"DAT-01 classed":   "6: DS-2@2026-Q1 predicate DS-3@2026-Q1 missing",
		})
	})
}

// Nobody puts off the review of a regulation: it is due every quarter, and one review
// is of one of them.
func TestRegulationsAreReviewedEveryQuarter(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openHalf(t, f)
		for range 6 {
			h.adds("x", "regulations", `{"title":"A law","kind":"law","jurisdiction":"EU","source":"https://law.example","owner":"person/a"}`)
		}
		no, yes := `{"applies":"no","reason":"No customers there"}`, `{"applies":"yes","reason":"Customers there","impact":"A notice","obligations":["Answer"]}`
		for _, at := range []string{"2026-06-30T00:00:00Z", "2027-01-01T00:00:00Z"} {
			if _, err := f.SetRecord(context.Background(), person("x"), h.register("regulations"), "REG-1", record.AnyVersion, h.fields(`{"due_at":"`+at+`"}`)); err == nil {
				t.Errorf("the review is put off to %s", at)
			}
		}
		h.moves("a", "regulation/REG-1", "reviewed", no)
		h.moves("a", "regulation/REG-1", "reviewed", yes) // of the same quarter: the next one is due all the same
		h.moves("a", "regulation/REG-2", "reviewed", yes)
		h.moves("b", "regulation/REG-3", "retired", `{"retired_reason":"Repealed"}`)
		h.at("2026-04-14") // within the grace
		h.moves("a", "regulation/REG-4", "reviewed", no)
		h.at("2026-04-16")
		h.moves("a", "regulation/REG-5", "reviewed", no)
		h.at("2026-06-16")
		h.moves("a", "regulation/REG-2", "reviewed", no)
		h.at("2026-07-01")
		h.deviate(map[string]string{"COM-03 reviewed": "10: REG-5@2026-Q1 late REG-6@2026-Q1 missing"})
	})
}

// However often an owner confirms in a quarter, it is that quarter's confirmation: the
// next one is due all the same.
func TestNobodyConfirmsForQuartersToCome(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openUntil(t, f, "2026-08-01")
		h.adds("x", "assets", `{"name":"n","kind":"service","data_class":"internal","flows":["none"],"owner":"person/a"}`)
		h.adds("x", "data_sets", `{"title":"t","owner":"person/a","class":"restricted","store":"db","store_class":"restricted","retention":"1h","retention_from":"now"}`)
		h.moves("y", "data_set/DS-1", "in_use", `{}`)
		for _, at := range []string{"2026-02-02", "2026-02-03", "2026-02-04"} {
			h.at(at)
			h.moves("a", "asset/AST-1", "in_use", `{}`)
			h.moves("a", "data_set/DS-1", "in_use", `{}`)
		}
		h.at("2026-08-01")
		h.deviate(map[string]string{
			"AST-01 confirmed": "2: AST-1@2026-Q2 missing",
			"DAT-01 classed":   "2: DS-1@2026-Q2 missing",
		})
	})
}

// Nobody puts off the review of a processing activity: it is due every quarter, and one
// review is of one of them.
func TestActivitiesAreReviewedEveryQuarter(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openUntil(t, f, "2026-08-01")
		h.adds("x", "privacy_notices", `{"title":"Website","version":"3","text":"We send news.","covers":["purposes"],"purposes":["news"],"data":["name"]}`)
		h.moves("y", "privacy_notice/PN-1", "approved", `{}`)
		h.moves("x", "privacy_notice/PN-1", "published", `{"published_at":"2026-01-02T00:00:00Z","effective_at":"2026-01-04T00:00:00Z","address":"https://example.com/privacy","readers_told":true}`)
		for range 5 {
			h.adds("x", "processing_activities", `{"title":"News","owner":"person/a","notice":"privacy_notice/PN-1","purposes":["news"],"data":["name"],"lawful_ground":"consent","quality_check":"Bounces"}`)
		}
		for _, at := range []string{"2026-01-06T00:00:00Z", "2099-01-01T00:00:00Z"} {
			if _, err := f.SetRecord(context.Background(), person("x"), h.register("processing_activities"), "PA-1", record.AnyVersion, h.fields(`{"due_at":"`+at+`"}`)); err == nil {
				t.Errorf("the review is put off to %s", at)
			}
		}
		review := func(id, text string) { t.Helper(); h.moves("a", "processing_activity/"+id, "reviewed", text) }
		review("PA-1", `{}`)
		h.at("2026-02-02")
		review("PA-1", `{}`) // of the same quarter: the next one is due all the same
		review("PA-2", `{"purposes":["models"]}`)
		h.moves("a", "processing_activity/PA-3", "ended", `{"ended_reason":"No more news"}`)
		h.at("2026-04-14") // within the grace
		review("PA-4", `{}`)
		h.at("2026-04-20")
		review("PA-5", `{}`)
		h.at("2026-04-21")
		for _, id := range []string{"PA-2", "PA-4", "PA-5"} {
			review(id, `{"purposes":["news"]}`)
		}
		h.at("2026-08-01")
		h.deviate(map[string]string{"PRV-03 activities": "8: PA-2@2026-Q1 predicate PA-5@2026-Q1 late PA-1@2026-Q2 missing"})
	})
}

// A review says when the next one is, and where nobody says it is after a quarter where the
// score asks for a control, otherwise after a year. What was late is found late, however
// it stands now.
func TestARiskIsNeverWithoutItsNextReview(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openUntil(t, f, "2026-12-01")
		due := func(want string) {
			t.Helper()
			var got []string
			if err := f.DB.Read(context.Background(), func(r *store.Reader) error {
				for _, id := range []string{"RSK-1", "RSK-2", "RSK-3", "RSK-4"} {
					one, _, err := record.Load[risks.Risk](r, risks.Register, id)
					if err != nil {
						return err
					}
					state := "none"
					if one.DueAt != nil {
						state = one.DueAt.Format("01-02")
					}
					if one.ReviewedAt != nil {
						state += " after " + one.ReviewedAt.Format("01-02")
					}
					got = append(got, state)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if now := strings.Join(got, ", "); now != want {
				t.Errorf("%s, want %s", now, want)
			}
		}
		for _, of := range []string{"4", "2", "4", "4"} {
			h.adds("a", "risks", `{"title":"t","category":"security","owner":"person/a","due_at":"2026-02-10T00:00:00Z","likelihood":4,"impact":`+of+`,"response":"reduce","controls":["END-01"]}`)
		}
		h.at("2026-02-01")
		for _, id := range []string{"RSK-1", "RSK-2", "RSK-4"} {
			h.moves("a", "risk/"+id, "assessed", `{}`)
		}
		h.moves("b", "risk/RSK-4", "closed", `{"closed_reason":"It cannot happen"}`)
		due("05-01 after 02-01, 02-01 after 02-01, 02-10, none after 02-01")
		h.at("2026-03-31")
		h.moves("a", "risk/RSK-3", "assessed", `{}`) // late: the date counts
		due("05-01 after 02-01, 02-01 after 02-01, 05-10 after 03-31, none after 02-01")
		h.at("2026-08-20")
		h.moves("a", "risk/RSK-3", "assessed", `{}`) // too late for that
		due("05-01 after 02-01, 02-01 after 02-01, 11-20 after 08-20, none after 02-01")
		h.at("2026-12-01")
		h.deviate(map[string]string{"RSK-02 answered": "7: RSK-3@2026-02-10T00:00:00Z late RSK-1@2026-05-01T00:00:00Z missing RSK-3@2026-05-10T00:00:00Z late"})
	})
}

// A risk is reviewed within a year, and nobody puts off what is due before it is reviewed.
// What was late stays counted.
func TestNobodyPutsOffTheReviewOfARisk(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openUntil(t, f, "2026-08-01")
		set := func(id, due string) error {
			_, err := f.SetRecord(context.Background(), person("a"), h.register("risks"), id, record.AnyVersion, h.fields(`{"due_at":`+due+`}`))
			return err
		}
		review := func(id, due string) error {
			_, err := f.MoveRecord(context.Background(), person("a"), h.register("risks"), id, record.AnyVersion, risks.Assessed, h.fields(`{"likelihood":2,"impact":2,"response":"reduce","due_at":`+due+`}`))
			return err
		}
		refused := func(err error, why string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), "due_at: ") || !strings.Contains(err.Error(), why) {
				t.Errorf("%v, want %s", err, why)
			}
		}
		taken := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		const rated = `{"likelihood":2,"impact":2,"response":"reduce"}`
		for range 5 {
			h.adds("a", "risks", `{"title":"t","category":"security","owner":"person/a"}`)
		}
		refused(set("RSK-1", `"2027-01-07T00:00:00Z"`), "by 2027-01-06")
		for _, id := range []string{"RSK-1", "RSK-2", "RSK-3", "RSK-4", "RSK-5"} {
			taken(set(id, `"2026-04-01T00:00:00Z"`))
		}
		refused(set("RSK-1", `"2026-04-02T00:00:00Z"`), "is put off")
		refused(set("RSK-1", `null`), "is taken away")
		taken(set("RSK-1", `"2026-03-01T00:00:00Z"`)) // earlier is nobody's loss
		h.at("2026-02-02")
		h.moves("b", "risk/RSK-4", "closed", `{"closed_reason":"It cannot happen"}`)
		h.moves("a", "risk/RSK-5", "assessed", rated) // so early that it is due all the same
		h.moves("a", "risk/RSK-1", "assessed", rated)
		h.at("2026-02-03")
		refused(review("RSK-5", `"2026-07-01T00:00:00Z"`), "what is due by 2026-04-01 is reviewed in the 45 days before, and not yet")
		h.moves("a", "risk/RSK-1", "assessed", `{}`) // once more: the next one is due as it was
		refused(set("RSK-1", `"2027-02-03T00:00:00Z"`), "is put off")
		refused(set("RSK-1", `"2026-02-01T00:00:00Z"`), "is no later than the review that is done")
		refused(set("RSK-1", `"2026-03-01T00:00:00Z"`), "is no later than the review that is done")
		taken(set("RSK-1", `"2026-05-01T00:00:00Z"`))
		refused(set("RSK-1", `"2026-06-01T00:00:00Z"`), "is put off")
		h.at("2026-06-01")
		refused(review("RSK-2", `"2027-06-03T00:00:00Z"`), "by 2027-06-02")
		refused(review("RSK-2", `"2026-06-01T00:00:00Z"`), "is no later than the review that is done")
		taken(review("RSK-2", `"2027-04-01T00:00:00Z"`)) // that it was late stays
		h.at("2026-08-01")
		h.deviate(map[string]string{"RSK-02 answered": "5: RSK-2@2026-04-01T00:00:00Z late RSK-3@2026-04-01T00:00:00Z missing RSK-5@2026-04-01T00:00:00Z missing RSK-1@2026-05-01T00:00:00Z missing"})
	})
}

// Whoever accepts a risk does it after the review that proposes it: the acceptance is that
// review's, also when it has ended.
func TestAnAcceptanceIsOfTheReviewBefore(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openUntil(t, f, "2026-08-01")
		for range 2 {
			h.adds("a", "risks", `{"title":"t","category":"security","owner":"person/a","due_at":"2026-02-10T00:00:00Z","likelihood":2,"impact":2,"response":"accept"}`)
		}
		h.at("2026-02-01")
		h.moves("a", "risk/RSK-1", "assessed", `{}`)
		h.moves("a", "risk/RSK-2", "assessed", `{}`)
		h.moves("b", "risk/RSK-1", "accepted", `{"accepted_until":"2026-03-01T00:00:00Z","accepted_reason":"It is small"}`)
		h.at("2026-03-02")
		if ended, err := risks.Watch(context.Background(), f.Door, act.JobCaller(surface.WatchJob)); err != nil || len(ended) != 1 {
			t.Fatal(ended, err)
		}
		h.at("2026-08-01")
		h.deviate(map[string]string{"RSK-02 answered": "2: RSK-2@2026-02-10T00:00:00Z predicate"})
	})
}

// Of every control in force a self-assessment is due in each quarter since it was adopted,
// or from the next one where that was in its last month: what nobody wrote is an item, too. A withdrawn one says nothing.
func TestControlsAreAssessedEveryQuarter(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := openUntil(t, f, "2026-08-01")
		adopt := func(ids ...string) {
			for _, id := range ids {
				control, err := h.Control(id)
				if err != nil {
					t.Fatal(err)
				}
				versionstest.InForce(t, h.Door, h.Blobs, control)
			}
		}
		adopt("CHG-01", "CHG-02")
		states := func(about string) {
			h.adds("x", "self_assessments", `{"id":"SA-`+about+`","assessor":"person/a","reviewer":"person/b"}`)
			h.moves("a", "self_assessment/SA-"+about, "submitted", `{"as_written":"Yes","evidence":"Ten of them","improvements":"Nothing","result":"works"}`)
		}
		h.at("2026-02-27")
		h.adds("x", "self_assessments", `{"id":"SA-ACC-02-2026-Q1","assessor":"person/a","reviewer":"person/b"}`)
		if _, err := f.MoveRecord(context.Background(), person("a"), h.register("self_assessments"), "SA-ACC-02-2026-Q1", record.AnyVersion, "submitted",
			h.fields(`{"as_written":"Yes","evidence":"None yet","improvements":"Nothing","result":"works"}`)); err == nil || !strings.Contains(err.Error(), "in its last month, or later") {
			t.Errorf("said of a quarter of which a month is to come: %v", err)
		}
		h.moves("b", "self_assessment/SA-ACC-02-2026-Q1", "withdrawn", `{"withdrawn_reason":"It is not in force"}`)
		h.at("2026-03-01")
		states("CHG-01-2026-Q1")
		h.adds("x", "self_assessments", `{"id":"SA-CHG-02-2026-Q1","assessor":"person/a","reviewer":"person/b"}`)
		h.moves("b", "self_assessment/SA-CHG-02-2026-Q1", "withdrawn", `{"withdrawn_reason":"Too much work"}`)
		h.at("2026-04-10")
		h.moves("b", "self_assessment/SA-CHG-01-2026-Q1", "reviewed", `{}`)
		adopt("ACC-01")
		states("ACC-01-2026-Q1") // of a quarter before it was adopted
		h.at("2026-04-20")
		h.moves("b", "self_assessment/SA-ACC-01-2026-Q1", "reviewed", `{}`)
		h.at("2026-06-01")
		adopt("NET-01") // in the last month: the next quarter is its first
		states("CHG-02-2026-Q2")
		h.at("2026-07-10")
		h.moves("b", "self_assessment/SA-CHG-02-2026-Q2", "reviewed", `{}`)
		h.at("2026-08-01")
		h.deviate(map[string]string{"MON-01 reviewed": "6: SA-ACC-01-2026-Q1 late SA-CHG-02-2026-Q1 missing SA-ACC-01-2026-Q2 missing SA-CHG-01-2026-Q2 missing"})
	})
}

// Our own practice is checked against the notice in every year in which there is something to
// check: a year in which nobody planned a check is an item, too, and one that was withdrawn
// before its date is none.
func TestPracticeIsCheckedEveryYear(t *testing.T) {
	for name, test := range map[string]struct{ listed, noticed, want string }{
		"nothing is handled":         {"", "", "1:"},
		"a year":                     {"2026-09-30", "", "2: 2027 missing"},
		"its last quarter":           {"2027-10-01", "", "1:"},
		"a notice before":            {"2027-11-05", "2027-03-01", "2: 2027 missing"},
		"a notice that takes effect": {"2027-11-05", "2028-01-03", "1:"},
	} {
		t.Run(name, func(t *testing.T) {
			h := openUntil(t, apptest.New(t, config.Config{}), "2028-03-01")
			if test.noticed != "" {
				h.adds("x", "privacy_notices", `{"title":"Website","version":"3","text":"We send news.","covers":["purposes"],"purposes":["news"],"data":["name"]}`)
				h.moves("y", "privacy_notice/PN-1", "approved", `{}`)
				h.moves("x", "privacy_notice/PN-1", "published", `{"published_at":"2026-01-02T00:00:00Z","effective_at":"`+test.noticed+`T00:00:00Z","address":"https://example.com/privacy","readers_told":true}`)
			}
			for _, due := range []string{"2026-06-01", "2027-06-01"} {
				h.adds("x", "privacy_checks", `{"title":"`+due+`","owner":"person/a","due_at":"`+due+`T00:00:00Z"}`)
			}
			h.at("2026-05-20")
			h.moves("a", "privacy_check/PCH-1", "done", `{"scope":"All","result":"As it says","no_findings":true}`)
			h.moves("b", "privacy_check/PCH-2", "withdrawn", `{"withdrawn_reason":"It was for a site that is sold"}`)
			if test.listed != "" {
				h.at(test.listed)
				h.adds("x", "processing_activities", `{"title":"News","owner":"person/a"}`)
			}
			h.at("2028-03-01")
			h.deviate(map[string]string{"PRV-08 checks": test.want})
		})
	}
}
