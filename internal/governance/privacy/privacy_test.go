package privacy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/privacy"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

const (
	activity = `{"title":"Newsletters","owner":"person/owner"}`
	right    = `{"purposes":["news"],"data":["e-mail address"],"lawful_ground":"consent","quality_check":"Bounced addresses are removed"}`
	notice   = `{"title":"Website","version":"3"}`
	covers   = `{"text":"We send news.","covers":["purposes","rights"],"purposes":["news"],"data":["e-mail address"]}`
)

func TestActivities(t *testing.T) {
	ended := `{"ended_reason":"No more news"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: privacy.Activities, New: activity, Set: `{"retention":"Until taken back"}`,
		Fields:  map[string]string{"listed reviewed": right, "reviewed reviewed": `{"quality_check":"Looked again"}`, "listed ended": ended, "reviewed ended": ended},
		Refused: map[string]string{"owner": `{"owner":"Ada"}`, "lawful_ground": `{"lawful_ground":"custom"}`, "notice": `{"notice":"privacy_notice/PN-9"}`, "role": `{"role":"boss"}`},
		With:    record.Kinds{privacy.Notices},
	})
}

func TestNotices(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		// One alone of a title is published without the version before: TestANoticeNamesTheVersionBefore.
		Own:  []string{"published", "replaced"},
		Kind: privacy.Notices, New: notice, Set: `{"title":"Web pages"}`,
		Fields:  map[string]string{"draft approved": covers, "approved published": `{"published_at":"2026-03-01T00:00:00Z","effective_at":"2026-03-09T00:00:00Z","address":"https://example.com/privacy","readers_told":true}`},
		Refused: map[string]string{"version": `{"version":""}`, "covers": `{"covers":["weather"]}`, "previous": `{"previous":"PN-1"}`},
	})
}

func TestRequests(t *testing.T) {
	answer := `{"identity_checked_at":"2026-01-03T00:00:00Z","outcome":"granted","answer":"The answer","passed_on":true}`
	proof := `{"outcome":"granted","answer":"The answer"}`
	passed := `{"identity_checked_at":"2026-01-03T00:00:00Z","outcome":"granted in part","answer":"The answer","reason":"Some is right","appeal":"To the authority"}`
	reason := `{"identity_checked_at":"2026-01-03T00:00:00Z","outcome":"refused","answer":"The answer","appeal":"To the authority"}`
	appeal := `{"identity_checked_at":"2026-01-03T00:00:00Z","outcome":"refused","answer":"The answer","reason":"It is not theirs"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: privacy.Requests, New: `{"subject":"u-17","kind":"correction","law":"other","handler":"person/owner","received_at":"2026-01-02T00:00:00Z","law_name":"Act 7","term_months":9,"extension_months":2}`, Set: `{"handler":"person/b"}`,
		Fields:  map[string]string{"received received": `{"kind":"access","corrected_why":"They asked for a copy"}`, "extended extended": `{"kind":"access","corrected_why":"They asked for a copy"}`, "received extended": `{"extension_reason":"Many systems"}`, "received answered": answer, "extended answered": answer},
		Refused: map[string]string{"handler": `{"handler":"Ada"}`, "kind": `{"kind":"money"}`, "law": `{"law":"custom"}`, "term_days": `{"term_days":-1}`, "term_months": `{"law":"GDPR"}`, "law_name": `{"law_name":""}`, "extension_months": `{"extension_months":4}`, "extension_days": `{"law":"CCPA","term_months":0,"extension_months":0,"extension_days":46}`, "received_at": `{"received_at":"2096-01-01T00:00:00Z"}`},
		GuardFalse: map[string]string{
			"received answered reason": reason, "extended answered reason": reason, "received answered appeal": appeal, "extended answered appeal": appeal,
			"received answered identity_checked_at": proof, "extended answered identity_checked_at": proof, "received answered passed_on": passed, "extended answered passed_on": passed,
		},
	})
}

func TestConsentsDisclosuresErasures(t *testing.T) {
	for _, r := range []recordtest.Register{
		{
			Kind: privacy.Consents, New: `{"subject":"u-17","purpose":"news","collected_at":"2026-03-01T00:00:00Z"}`, Set: `{"express":true}`,
			Refused: map[string]string{"subject": `{"subject":""}`, "notice": `{"notice":"PN-1"}`},
		},
		{
			Kind: privacy.Disclosures, New: `{"subject":"u-17","recipient":"vendor/VEN-1","data":["name"],"purpose":"Checks","disclosed_at":"2026-03-01T00:00:00Z"}`, Set: `{"basis":"notice"}`,
			Refused: map[string]string{"data": `{"data":[]}`, "basis": `{"basis":"habit"}`, "contract": `{"contract":"Ours of 2024"}`},
		},
		{
			Kind: privacy.Erasures, New: `{"subject":"u-17","reason":"request","owner":"person/owner","due_at":"2026-03-01T00:00:00Z"}`, Set: `{"request":"subject_request/PRQ-1"}`,
			Fields:  map[string]string{"due done": `{"method":"key destroyed","copies_included":true,"recipients_told":true}`, "due kept": `{"consent_to_keep":"consent/c1"}`},
			Refused: map[string]string{"reason": `{"reason":"boredom"}`, "owner": `{"owner":"Ada"}`, "request": `{"request":"PRQ-1"}`},
		},
	} {
		t.Run(r.Kind.Register, func(t *testing.T) { recordtest.Exercise(t, r) })
	}
}

func TestBreachesComplaintsChecks(t *testing.T) {
	for _, r := range []recordtest.Register{
		{
			Kind: privacy.Breaches, New: `{"title":"A list is public","lead":"person/owner","found_at":"2026-01-02T00:00:00Z"}`, Set: `{"by_vendor":false}`,
			Fields: map[string]string{
				"found judged":   `{"subjects":3100,"data":["names"],"cause":"A wrong switch","must_report":true,"reason":"Many people","must_tell":true,"tell_reason":"Their pay is public"}`,
				"judged settled": `{"authority":"Example authority, 7","reported_at":"2026-01-02T00:00:00Z","people_told":true}`,
			},
			Refused: map[string]string{"lead": `{"lead":"Ada"}`, "subjects": `{"subjects":-1}`, "found_at": `{"found_at":"2096-01-01T00:00:00Z"}`},
			GuardFalse: map[string]string{
				"judged settled people_told": `{"authority":"Example authority, 7","reported_at":"2026-01-02T00:00:00Z","people_told":false}`,
				"judged settled authority":   `{"reported_at":"2026-01-02T00:00:00Z","people_told":true}`,
				"judged settled reported_at": `{"authority":"Example authority, 7","people_told":true}`,
			},
		},
		{
			Kind: privacy.Complaints, New: `{"title":"Too many letters","channel":"form","handled_by":"person/owner","received_at":"2026-01-02T00:00:00Z"}`, Set: `{"channel":"letter"}`,
			Fields:     map[string]string{"received settled": `{"justified":true,"outcome":"Fewer","correction":"One a week for all","sender_told":true}`},
			Refused:    map[string]string{"handled_by": `{"handled_by":"Ada"}`, "channel": `{"channel":""}`},
			GuardFalse: map[string]string{"received settled correction": `{"justified":true,"outcome":"Fewer","sender_told":true}`},
		},
		{
			Kind: privacy.Checks, New: `{"title":"2026","owner":"person/owner","due_at":"2026-12-01T00:00:00Z"}`, Set: `{"scope":"Ten activities"}`,
			Fields:     map[string]string{"planned done": `{"scope":"Ten activities","result":"One differs","findings":[{"text":"It keeps too long","owner":"person/x"}]}`},
			Refused:    map[string]string{"owner": `{"owner":"Ada"}`, "findings": `{"findings":[{"text":"x","owner":"Ada"}]}`},
			GuardFalse: map[string]string{"planned done findings": `{"scope":"Ten activities","result":"Nothing differs"}`},
		},
	} {
		t.Run(r.Kind.Register, func(t *testing.T) { recordtest.Exercise(t, r) })
	}
}

func TestATermEndsOnTheLastMomentOfItsLastDay(t *testing.T) {
	month, two, days := privacy.Term{Months: 1}, privacy.Term{Months: 3}, privacy.Term{Days: 45}
	for _, test := range []struct {
		term           privacy.Term
		zone, from, to string
	}{
		{month, "UTC", "2026-01-15T09:00:00Z", "2026-02-15"},
		{month, "UTC", "2026-01-31T09:00:00Z", "2026-02-28"}, // February has no 31st
		{month, "UTC", "2028-01-30T09:00:00Z", "2028-02-29"},
		{month, "UTC", "2026-12-31T23:59:59Z", "2027-01-31"},
		{two, "UTC", "2026-11-30T09:00:00Z", "2027-02-28"},
		{days, "UTC", "2026-01-15T09:00:00Z", "2026-03-01"},
		{days, "UTC", "2028-01-15T09:00:00Z", "2028-02-29"},
		{month, "Europe/Berlin", "2026-03-14T23:30:00Z", "2026-04-15"}, // it was the 15th there, and the clocks change meanwhile
		{month, "America/Los_Angeles", "2026-03-15T03:00:00Z", "2026-04-14"},
		{days, "America/Los_Angeles", "2026-10-01T12:00:00Z", "2026-11-15"},
	} {
		zone, err := time.LoadLocation(test.zone)
		if err != nil {
			t.Fatal(err)
		}
		from, err := time.Parse(time.RFC3339, test.from)
		if err != nil {
			t.Fatal(err)
		}
		end := test.term.End(from, zone)
		if got := end.In(zone).Format("2006-01-02 15:04:05.999999"); got != test.to+" 23:59:59.999999" {
			t.Errorf("%+v from %s in %s ends at %s, want %s", test.term, test.from, test.zone, got, test.to)
		}
	}
}

// A later request is never due before an earlier one, and none is due before it came.
func TestTermsKeepTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Apia", "Asia/Kathmandu"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		term := privacy.Term{Months: rapid.IntRange(0, 12).Draw(t, "months"), Days: rapid.IntRange(0, 90).Draw(t, "days")}
		from := apptest.Begin.Add(time.Duration(rapid.IntRange(0, 1<<20).Draw(t, "minutes")) * time.Minute)
		later := from.Add(time.Duration(rapid.IntRange(0, 1<<16).Draw(t, "after")) * time.Minute)
		if term.End(from, zone).Before(from) || term.End(later, zone).Before(term.End(from, zone)) {
			t.Fatalf("%+v of %s and %s: %s and %s", term, from, later, term.End(from, zone), term.End(later, zone))
		}
	})
}

// The deadline of a request is that of its law, in the organisation's time zone; it is
// extended once, by somebody else, before it is over.
func TestTheDeadlineOfARequest(t *testing.T) {
	f := apptest.New(t, config.Config{Timezone: "America/Los_Angeles"})
	zone, err := f.Config.Location()
	if err != nil {
		t.Fatal(err)
	}
	handler, other := act.Caller{ID: "person/owner", Roles: []string{"compliance"}}, act.Caller{ID: "person/other", Roles: []string{"compliance"}}
	day := func(v *record.Version, err error) (r privacy.Request, due string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(v.Doc, &r); err != nil {
			t.Fatal(err)
		}
		return r, r.DueAt.In(zone).Format("2006-01-02 15:04")
	}
	f.People(t, "owner")
	received := apptest.Begin.In(zone)
	for i, test := range []struct {
		law             string
		first, extended time.Time
	}{
		{"GDPR", received.AddDate(0, 1, 0), received.AddDate(0, 3, 0)}, {"CCPA", received.AddDate(0, 0, 45), received.AddDate(0, 0, 90)},
	} {
		add := fmt.Sprintf(`{"subject":"u-17","kind":"access","law":%q,"handler":"person/owner","received_at":%q}`, test.law, apptest.Begin.Format(time.RFC3339))
		id := fmt.Sprintf("PRQ-%d", i+1)
		if _, due := day(f.AddRecord(t.Context(), handler, privacy.Requests, apptest.Fields(t, add))); due != test.first.Format(time.DateOnly)+" 23:59" {
			t.Errorf("%s is due at %s, want %s", test.law, due, test.first)
		}
		extend := func(caller act.Caller) (*record.Version, error) {
			return f.MoveRecord(t.Context(), caller, privacy.Requests, id, record.AnyVersion, "extended", apptest.Fields(t, `{"extension_reason":"Many systems"}`))
		}
		if _, err := extend(handler); !errors.Is(err, act.ErrSamePerson) {
			t.Errorf("the handler extends the term: %v", err)
		}
		if _, due := day(extend(other)); due != test.extended.Format(time.DateOnly)+" 23:59" {
			t.Errorf("%s is extended to %s, want %s", test.law, due, test.extended)
		}
	}
	if _, err := f.SetRecord(t.Context(), handler, privacy.Requests, "PRQ-1", record.AnyVersion, apptest.Fields(t, `{"received_at":"2026-02-02T00:00:00Z"}`)); err == nil {
		t.Error("the day of receipt is changed")
	}
	if _, due := day(f.AddRecord(t.Context(), handler, privacy.Requests, apptest.Fields(t, fmt.Sprintf(`{"subject":"u-18","kind":"access","law":"other","handler":"person/owner","received_at":%q}`, apptest.Begin.Format(time.RFC3339))))); due != received.AddDate(0, 0, 30).Format(time.DateOnly)+" 23:59" {
		t.Errorf("of no law it is due at %s", due)
	}
	late := func() error {
		_, err := f.MoveRecord(t.Context(), other, privacy.Requests, "PRQ-3", record.AnyVersion, "extended", apptest.Fields(t, `{"extension_reason":"Many systems"}`))
		return err
	}
	if late() == nil {
		t.Error("a term without extension is extended")
	}
	f.Manual.Advance(60 * 24 * time.Hour)
	if _, err := f.AddRecord(t.Context(), handler, privacy.Requests, apptest.Fields(t, fmt.Sprintf(`{"subject":"u-19","kind":"access","law":"GDPR","handler":"person/owner","received_at":%q}`, apptest.Begin.Format(time.RFC3339)))); err != nil {
		t.Fatal(err)
	}
	if _, err := f.MoveRecord(t.Context(), other, privacy.Requests, "PRQ-4", record.AnyVersion, "extended", apptest.Fields(t, `{"extension_reason":"Many systems"}`)); err == nil {
		t.Error("a term that is over is extended")
	}
}

// No term is longer than its law gives, nor is it with its extension; a law that is only
// named gives a year at most, and none that is not named more than our own policy.
func TestATermIsNoLongerThanItsLawGives(t *testing.T) {
	f := apptest.New(t, config.Config{Timezone: "Europe/Berlin"})
	f.People(t, "owner")
	handler := act.Caller{ID: "person/owner", Roles: []string{"compliance"}}
	for _, test := range []struct{ received, with, field string }{
		{"2026-01-31", `"law":"GDPR"`, ""},
		{"2026-01-31", `"law":"GDPR","term_days":28`, ""}, // until February 28, as a month
		{"2026-01-31", `"law":"GDPR","term_days":29`, "term_days"},
		{"2026-02-01", `"law":"GDPR","extension_days":59`, ""},
		{"2026-01-31", `"law":"GDPR","term_months":1,"extension_days":59`, ""},
		// As long as two months from July 1 are, and a day longer than the three from then.
		{"2025-07-01", `"law":"GDPR","extension_days":62`, "extension_days"},
		{"2025-07-01", `"law":"GDPR","extension_days":61`, ""},
		{"2025-07-01", `"law":"GDPR","term_days":10,"extension_days":62`, ""},
		{"2026-01-15", `"law":"CCPA","term_days":45,"extension_days":45`, ""},
		{"2026-01-15", `"law":"CCPA","term_months":1,"extension_days":46`, "extension_days"},
		{"2026-01-15", `"law":"other"`, ""},
		{"2026-01-15", `"law":"other","term_days":30`, ""},
		{"2026-01-15", `"law":"other","term_days":31`, "law_name"},
		{"2026-01-15", `"law":"other","extension_days":1`, "law_name"},
		{"2026-01-15", `"law":"other","law_name":"Act 7","term_months":12`, ""},
		{"2026-01-15", `"law":"other","law_name":"Act 7","term_days":366`, "term_days"},
		{"2026-01-15", `"law":"other","law_name":"Act 7","term_months":366`, "term_months"},
		{"2026-01-15", `"law":"other","law_name":"Act 7","term_months":11,"extension_months":1`, ""},
		{"2026-01-15", `"law":"other","law_name":"Act 7","term_months":11,"extension_days":32`, "extension_days"},
	} {
		_, err := f.AddRecord(t.Context(), handler, privacy.Requests, apptest.Fields(t, `{"subject":"u-17","kind":"access","handler":"person/owner","received_at":"`+test.received+`T09:00:00Z",`+test.with+`}`))
		if wrong := (*record.Invalid)(nil); test.field == "" && err != nil || test.field != "" && (!errors.As(err, &wrong) || wrong.Fields[0].Field != test.field) {
			t.Errorf("%s of %s: %v, want %q", test.with, test.received, err, test.field)
		}
	}
}

// Whoever cannot prove who they are gets nothing, and is told why and how to complain; what
// came twice or was taken back is withdrawn by somebody other than who has to answer it.
func TestARequestThatIsNotGranted(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		handler, other := act.Caller{ID: "person/owner", Roles: []string{"compliance"}}, act.Caller{ID: "person/other", Roles: []string{"compliance"}}
		f.People(t, "owner")
		for _, kind := range []string{"access", "correction", "access"} {
			if _, err := f.AddRecord(t.Context(), handler, privacy.Requests, apptest.Fields(t, fmt.Sprintf(`{"subject":"u-17","kind":%q,"law":"GDPR","handler":"person/owner","received_at":"2026-03-01T00:00:00Z"}`, kind))); err != nil {
				t.Fatal(err)
			}
		}
		move := func(by act.Caller, id, to, with string) error {
			_, err := f.MoveRecord(t.Context(), by, privacy.Requests, id, record.AnyVersion, to, apptest.Fields(t, with))
			return err
		}
		for _, test := range []struct{ with, field string }{
			{`{"outcome":"identity not proved","answer":"A letter","appeal":"To the authority"}`, "reason"},
			{`{"outcome":"identity not proved","answer":"A letter","reason":"No proof came"}`, "appeal"},
			{`{"outcome":"identity not proved","answer":"A letter","reason":"No proof came","appeal":"To the authority","identity_checked_at":"2026-03-02T00:00:00Z"}`, "identity_checked_at"},
			{`{"outcome":"refused","answer":"A letter","reason":"No proof came","appeal":"To the authority"}`, "identity_checked_at"},
			{`{"outcome":"identity not proved","answer":"A letter","reason":"No proof came","appeal":"To the authority"}`, ""},
		} {
			err := move(handler, "PRQ-1", "answered", test.with)
			if wrong := (*record.Invalid)(nil); test.field == "" && err != nil || test.field != "" && (!errors.As(err, &wrong) || wrong.Fields[0].Field != test.field) {
				t.Errorf("%s: %v, want %q", test.with, err, test.field)
			}
		}
		if err := move(handler, "PRQ-2", "answered", `{"outcome":"granted","answer":"A letter","identity_checked_at":"2026-03-02T00:00:00Z","passed_on":false}`); err != nil {
			t.Error(err) // it is said, and what the control makes of it is another matter
		}
		if err := move(handler, "PRQ-3", record.Withdrawn, `{"withdrawn_reason":"It came twice"}`); !errors.Is(err, act.ErrSamePerson) {
			t.Errorf("the handler withdraws it: %v", err)
		}
		if err := move(other, "PRQ-3", record.Withdrawn, `{"withdrawn_reason":"It came twice"}`); err != nil {
			t.Error(err)
		}
	})
}

// Whoever grants an erasure opens it in the same act, unless one answers the request
// already: what was promised is in the register, and due with the request.
func TestAGrantedErasureIsOpened(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		handler, other := act.Caller{ID: "person/owner", Roles: []string{"compliance"}}, act.Caller{ID: "person/other", Roles: []string{"compliance"}}
		f.People(t, "owner")
		const in = `"identity_checked_at":"2026-03-01T12:00:00Z","answer":"A letter"`
		const no = `,"reason":"The rest has to stay","appeal":"To the authority"`
		erasures := func(of string) (all []string) {
			t.Helper()
			if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
				return record.Each(r, record.Range{Kind: privacy.Erasures.Name}, func(v *record.Version) error {
					e := &privacy.Erasure{}
					err := json.Unmarshal(v.Doc, e)
					if e.Subject != of {
						return err
					}
					all = append(all, strings.Join([]string{e.Subject, e.Reason, e.Request, e.Owner, e.State, e.DueAt.Format("2006-01-02T15:04")}, " "))
					return err
				})
			}); err != nil {
				t.Fatal(err)
			}
			return all
		}
		for i, test := range []struct{ law, kind, extend, outcome, want string }{
			{"GDPR", "erasure", "", `"outcome":"granted"`, "2026-03-02T23:59"}, // a month of 31 days
			{"other", "erasure", "", `"outcome":"granted in part"` + no, "2026-03-01T23:59"},
			{"CCPA", "erasure", "", `"outcome":"granted"`, "2026-03-16T23:59"},
			{"GDPR", "erasure", "yes", `"outcome":"granted"`, "2026-05-02T23:59"},
			{"GDPR", "erasure", "", `"outcome":"refused"` + no, ""},
			{"GDPR", "access", "", `"outcome":"granted"`, ""},
		} {
			subject, id := fmt.Sprintf("u-%d", i+1), fmt.Sprintf("PRQ-%d", i+1)
			if _, err := f.AddRecord(t.Context(), handler, privacy.Requests, apptest.Fields(t, fmt.Sprintf(`{"subject":%q,"kind":%q,"law":%q,"handler":"person/owner","received_at":"2026-03-01T09:00:00Z"}`, subject, test.kind, test.law))); err != nil {
				t.Fatal(err)
			}
			if test.extend != "" {
				if _, err := f.MoveRecord(t.Context(), other, privacy.Requests, id, record.AnyVersion, "extended", apptest.Fields(t, `{"extension_reason":"Many systems"}`)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := f.MoveRecord(t.Context(), handler, privacy.Requests, id, record.AnyVersion, "answered", apptest.Fields(t, "{"+in+","+test.outcome+"}")); err != nil {
				t.Fatal(err)
			}
			made, want := erasures(subject), subject+" request subject_request/"+id+" person/owner due "+test.want
			if test.want == "" && len(made) > 0 || test.want != "" && (len(made) != 1 || made[0] != want) {
				t.Errorf("%+v opens %q, want %q", test, made, want)
			}
		}
	})
}

// An erasure is of the person of the request that it names, and due no later than that one
// says: then it answers the request, and none is opened beside it.
func TestAnErasureAnswersItsRequest(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ann := act.Caller{ID: "person/owner", Roles: []string{"compliance"}}
		f.People(t, "owner", "b")
		for _, kind := range []string{"erasure", "objection"} {
			if _, err := f.AddRecord(t.Context(), ann, privacy.Requests, apptest.Fields(t, fmt.Sprintf(`{"subject":"u-1","kind":%q,"law":"other","handler":"person/owner","received_at":"2026-03-01T09:00:00Z"}`, kind))); err != nil {
				t.Fatal(err)
			}
		}
		wrongly := func(what, field string, err error) {
			t.Helper()
			if wrong := (*record.Invalid)(nil); field == "" && err != nil || field != "" && (!errors.As(err, &wrong) || wrong.Fields[0].Field != field) {
				t.Errorf("%s: %v, want %q", what, err, field)
			}
		}
		for _, test := range []struct{ with, field string }{
			{`"subject":"u-2","request":"subject_request/PRQ-1","due_at":"2026-03-01T09:00:00Z"`, "subject"},
			{`"subject":"u-1","request":"subject_request/PRQ-1","due_at":"2026-03-02T09:00:00Z"`, "due_at"},
			{`"subject":"u-1","request":"subject_request/PRQ-1","due_at":"2026-02-28T09:00:00Z"`, "due_at"}, // it would be of another time
			{`"subject":"u-1","request":"subject_request/PRQ-2","due_at":"2026-04-02T09:00:00Z"`, ""},       // it was not asked for
			{`"subject":"u-1","due_at":"2026-03-02T09:00:00Z"`, ""},
			{`"subject":"u-1","request":"subject_request/PRQ-1","due_at":"2026-03-01T09:00:00Z"`, ""},
		} {
			_, err := f.AddRecord(t.Context(), ann, privacy.Erasures, apptest.Fields(t, `{"reason":"request","owner":"person/owner",`+test.with+`}`))
			wrongly(test.with, test.field, err)
		}
		for _, test := range []struct{ id, with, field string }{
			{"ERA-2", `{"request":"subject_request/PRQ-1"}`, "due_at"},
			{"ERA-3", `{"request":"subject_request/PRQ-2"}`, "request"},
			{"ERA-3", `{"request":null}`, "request"},
			{"ERA-3", `{"subject":"u-2"}`, "subject"},
			{"ERA-3", `{"owner":"person/b"}`, ""},
		} {
			_, err := f.SetRecord(t.Context(), ann, privacy.Erasures, test.id, record.AnyVersion, apptest.Fields(t, test.with))
			wrongly(test.id+" "+test.with, test.field, err)
		}
		if _, err := f.MoveRecord(t.Context(), ann, privacy.Requests, "PRQ-1", record.AnyVersion, "answered", apptest.Fields(t, `{"identity_checked_at":"2026-03-01T12:00:00Z","answer":"A letter","outcome":"granted"}`)); err != nil {
			t.Fatal(err)
		}
		if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
			_, err := record.Get(r, privacy.Erasures.Name, "ERA-4")
			return err
		}); !errors.Is(err, record.ErrNone) {
			t.Errorf("another one is opened: %v", err)
		}
	})
}

// A check is of its year, by the organization's calendar: it is not done before that has begun.
func TestACheckIsDoneInItsYear(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ann := act.Caller{ID: "person/owner", Roles: []string{"compliance"}}
		f.People(t, "owner")
		year := f.Manual.Now().Year()
		for i, early := range []bool{false, true, true} {
			if _, err := f.AddRecord(t.Context(), ann, privacy.Checks, apptest.Fields(t, fmt.Sprintf(`{"title":"Practice","owner":"person/owner","due_at":"%d-12-01T00:00:00Z"}`, year+i))); err != nil {
				t.Fatal(err)
			}
			id := fmt.Sprintf("PCH-%d", i+1)
			var wrong *record.Invalid
			_, err := f.MoveRecord(t.Context(), ann, privacy.Checks, id, record.AnyVersion, "done", apptest.Fields(t, `{"scope":"Ten activities","result":"As it says","no_findings":true}`))
			if early != errors.As(err, &wrong) || early && wrong.Fields[0].Field != "due_at" || !early && err != nil {
				t.Errorf("%s: %v", id, err)
			}
			if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
				c, _, err := record.Load[privacy.Check](r, privacy.Checks, "privacy_check/"+id)
				if err == nil && c.Year != fmt.Sprint(year+i) {
					t.Errorf("%s is of %s", id, c.Year)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// What is asked for decides what is owed: whoever handles a request does not make another of
// it, also not while answering. Somebody else corrects what was entered, and says why; an
// erasure that named it by then follows.
func TestWhatIsAskedStands(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		handler, other := act.Caller{ID: "person/owner", Roles: []string{"compliance"}}, act.Caller{ID: "person/other", Roles: []string{"compliance"}}
		f.People(t, "owner")
		if _, err := f.AddRecord(t.Context(), handler, privacy.Requests, apptest.Fields(t, `{"subject":"u-1","kind":"erasure","law":"GDPR","handler":"person/owner","received_at":"2026-03-01T09:00:00Z"}`)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.AddRecord(t.Context(), handler, privacy.Erasures, apptest.Fields(t, `{"subject":"u-1","reason":"request","request":"subject_request/PRQ-1","owner":"person/owner","due_at":"2026-03-01T09:00:00Z"}`)); err != nil {
			t.Fatal(err)
		}
		at := func(what, field string, err error) {
			t.Helper()
			if wrong := (*record.Invalid)(nil); field == "" && err != nil || field != "" && (!errors.As(err, &wrong) || wrong.Fields[0].Field != field) {
				t.Errorf("%s: %v, want %q", what, err, field)
			}
		}
		set := func(kind *record.Kind, id, with, field string) {
			t.Helper()
			_, err := f.SetRecord(t.Context(), handler, kind, id, record.AnyVersion, apptest.Fields(t, with))
			at(with, field, err)
		}
		move := func(by act.Caller, to, with, field string) {
			t.Helper()
			_, err := f.MoveRecord(t.Context(), by, privacy.Requests, "PRQ-1", record.AnyVersion, to, apptest.Fields(t, with))
			at(to+" "+with, field, err)
		}
		const answer = `"identity_checked_at":"2026-03-01T12:00:00Z","answer":"A letter","outcome":"granted"`
		set(privacy.Requests, "PRQ-1", `{"kind":"access"}`, "kind")
		set(privacy.Requests, "PRQ-1", `{"subject":"u-2"}`, "subject")
		set(privacy.Requests, "PRQ-1", `{"corrected_why":"No"}`, "corrected_why")
		move(handler, "answered", `{"kind":"access",`+answer+`}`, "kind")
		move(other, "extended", `{"kind":"access","extension_reason":"Many systems"}`, "kind")
		move(other, "received", `{"kind":"access"}`, "corrected_why")
		if _, err := f.MoveRecord(t.Context(), handler, privacy.Requests, "PRQ-1", record.AnyVersion, "received", apptest.Fields(t, `{"kind":"access","corrected_why":"They meant that"}`)); !errors.Is(err, act.ErrSamePerson) {
			t.Errorf("the handler makes another request of it: %v", err)
		}
		move(other, "received", `{"subject":"u-2","kind":"erasure","corrected_why":"It was the other account"}`, "")
		move(handler, "answered", `{`+answer+`}`, "")
		set(privacy.Requests, "PRQ-1", `{"kind":"access"}`, "kind")
		set(privacy.Erasures, "ERA-1", `{"subject":"u-3"}`, "subject")
		set(privacy.Erasures, "ERA-1", `{"subject":"u-2"}`, "")
		if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
			e, _, err := record.Load[privacy.Erasure](r, privacy.Erasures, "ERA-2") // of the right person
			if err == nil && e.Subject != "u-2" {
				t.Errorf("the erasure is of %s", e.Subject)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}

// What the notice says is copied, by nobody's hand, as soon as people can have read it.
func TestAnActivityIsHeldAgainstItsNotice(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ann := act.Caller{ID: "person/ann", Roles: []string{"compliance"}}
		f.People(t, "owner")
		if _, err := f.AddRecord(t.Context(), ann, privacy.Notices, apptest.Fields(t, notice, covers)); err != nil {
			t.Fatal(err)
		}
		says := func(when, want string, made *record.Version, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			a := &privacy.Activity{}
			if err := json.Unmarshal(made.Doc, a); err != nil || fmt.Sprint(a.NoticePurposes, a.NoticeData) != want {
				t.Errorf("%s: %s, want %s", when, made.Doc, want)
			}
		}
		put := func(change string) (*record.Version, error) {
			return f.SetRecord(t.Context(), ann, privacy.Activities, "PA-1", record.AnyVersion, apptest.Fields(t, change))
		}
		move := func(to, with string) {
			t.Helper()
			if _, err := f.MoveRecord(t.Context(), act.Caller{ID: "person/ben", Roles: []string{"executive"}}, privacy.Notices, "PN-1", record.AnyVersion, to, apptest.Fields(t, with)); err != nil {
				t.Fatal(err)
			}
		}
		made, err := f.AddRecord(t.Context(), ann, privacy.Activities, apptest.Fields(t, activity, right, `{"notice":"privacy_notice/PN-1","purposes":["news","models"]}`))
		says("a draft", "[] []", made, err)
		if _, err := put(`{"notice_purposes":["news","models"]}`); err == nil {
			t.Error("what the notice says is set by hand")
		}
		if _, err := put(`{"due_at":"2037-01-01T00:00:00Z"}`); err == nil {
			t.Error("a review is put off")
		}
		move("approved", `{}`)
		if _, err := f.SetRecord(t.Context(), ann, privacy.Notices, "PN-1", record.AnyVersion, apptest.Fields(t, `{"purposes":["news","models"]}`)); err == nil {
			t.Error("an approved notice is changed")
		}
		move("published", `{"published_at":"2026-03-01T00:00:00Z","effective_at":"2026-03-09T00:00:00Z","address":"https://example.com/privacy","readers_told":true}`)
		made, err = put(`{"retention":"A year"}`)
		says("before it takes effect", "[] []", made, err)
		f.Manual.Advance(10 * 24 * time.Hour)
		made, err = put(`{"retention":"Two years"}`)
		says("in effect", "[news] [e-mail address]", made, err)
		move("replaced", `{}`)
		made, err = put(`{"retention":"A year"}`)
		says("replaced", "[] []", made, err)
	})
}

// Of a notice that was published before the next one says which version it replaces.
func TestANoticeNamesTheVersionBefore(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ann, ben := act.Caller{ID: "person/ann", Roles: []string{"compliance"}}, act.Caller{ID: "person/ben", Roles: []string{"executive"}}
		publish := func(id, with string) error {
			_, err := f.MoveRecord(t.Context(), ben, privacy.Notices, id, record.AnyVersion, "published",
				apptest.Fields(t, `{"published_at":"2026-03-01T00:00:00Z","effective_at":"2026-03-09T00:00:00Z","address":"https://example.com/privacy","readers_told":true}`, with))
			return err
		}
		for i, title := range []string{"Website", "website ", "Applicants", "Draft"} {
			if _, err := f.AddRecord(t.Context(), ann, privacy.Notices, apptest.Fields(t, notice, covers, fmt.Sprintf(`{"title":%q}`, title))); err != nil {
				t.Fatal(err)
			}
			if title == "Draft" {
				break
			}
			if _, err := f.MoveRecord(t.Context(), ben, privacy.Notices, fmt.Sprintf("PN-%d", i+1), record.AnyVersion, "approved", nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, test := range []struct {
			id, with string
			refused  bool
		}{
			{"PN-1", `{}`, false},
			{"PN-2", `{}`, true},
			{"PN-2", `{"previous":"privacy_notice/PN-4"}`, true},
			{"PN-2", `{"previous":"privacy_notice/PN-2"}`, true},
			{"PN-2", `{"previous":"privacy_notice/PN-1"}`, false},
			{"PN-3", `{}`, false},
		} {
			err := publish(test.id, test.with)
			if wrong := (*record.Invalid)(nil); !test.refused && err != nil || test.refused && (!errors.As(err, &wrong) || wrong.Fields[0].Field != "previous") {
				t.Errorf("%s with %s: %v", test.id, test.with, err)
			}
		}
	})
}

// With being published a notice replaces what was published before for the same people, and the
// one that it names: that one holds until the new one takes effect, and no longer.
func TestANoticeReplacesTheOneBefore(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ann, ben := act.Caller{ID: "person/ann", Roles: []string{"compliance"}}, act.Caller{ID: "person/ben", Roles: []string{"executive"}}
		f.People(t, "owner")
		publish := func(id, effective, with string) {
			t.Helper()
			if _, err := f.MoveRecord(t.Context(), ben, privacy.Notices, id, record.AnyVersion, "approved", nil); err != nil {
				t.Fatal(err)
			}
			if _, err := f.MoveRecord(t.Context(), ben, privacy.Notices, id, record.AnyVersion, "published",
				apptest.Fields(t, `{"published_at":"2026-03-01T00:00:00Z","effective_at":"`+effective+`T00:00:00Z","address":"https://example.com/privacy","readers_told":true}`, with)); err != nil {
				t.Fatal(err)
			}
		}
		stand := func(want string) {
			t.Helper()
			var all []string
			if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
				for _, id := range []string{"PN-1", "PN-2", "PN-3", "PN-4"} {
					n, _, err := record.Load[privacy.Notice](r, privacy.Notices, id)
					if err != nil {
						return err
					}
					state := n.State
					if n.HeldUntil != nil {
						state += " until " + n.HeldUntil.Format("01-02")
					}
					all = append(all, state)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(all, ", "); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		for _, title := range []string{"Website", "website ", "Applicants", "People of the website"} {
			if _, err := f.AddRecord(t.Context(), ann, privacy.Notices, apptest.Fields(t, notice, covers, fmt.Sprintf(`{"title":%q}`, title))); err != nil {
				t.Fatal(err)
			}
		}
		publish("PN-1", "2026-03-02", `{}`)
		publish("PN-3", "2026-03-02", `{}`)
		f.Manual.Advance(2 * 24 * time.Hour)
		if _, err := f.AddRecord(t.Context(), ann, privacy.Activities, apptest.Fields(t, activity, right, `{"notice":"privacy_notice/PN-1"}`)); err != nil {
			t.Fatal(err)
		}
		publish("PN-2", "2026-03-20", `{"previous":"privacy_notice/PN-1"}`)
		stand("replaced until 03-20, published, published, draft")
		holds := func(retention, want string) {
			t.Helper()
			made, err := f.SetRecord(t.Context(), ann, privacy.Activities, "PA-1", record.AnyVersion, apptest.Fields(t, fmt.Sprintf(`{"retention":%q}`, retention)))
			if err != nil {
				t.Fatal(err)
			}
			a := &privacy.Activity{}
			if err := json.Unmarshal(made.Doc, a); err != nil || fmt.Sprint(a.NoticePurposes) != want {
				t.Errorf("%v, want %s", a.NoticePurposes, want)
			}
		}
		holds("A year", "[news]")
		f.Manual.Advance(20 * 24 * time.Hour)
		holds("Two years", "[]")
		publish("PN-4", "2026-04-01", `{"previous":"privacy_notice/PN-2"}`) // of another title
		stand("replaced until 03-20, replaced until 04-01, published, published")
	})
}

// What was given to whom, and when, stays as it was recorded, and who receives data is bound by
// a contract that is there.
func TestADisclosureStays(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ann := act.Caller{ID: "person/ann", Roles: []string{"compliance"}}
		if _, err := f.AddRecord(t.Context(), ann, privacy.Disclosures, apptest.Fields(t, `{"subject":"u-17","recipient":"A partner","data":["name"],"purpose":"Checks","disclosed_at":"2026-03-01T00:00:00Z"}`)); err != nil {
			t.Fatal(err)
		}
		for change, field := range map[string]string{
			`{"subject":"u-18"}`: "subject", `{"recipient":"An authority"}`: "recipient", `{"data":["name","age"]}`: "data", `{"disclosed_at":"2026-02-01T00:00:00Z"}`: "disclosed_at", `{"purpose":"Other checks"}`: "purpose",
			`{"contract":"vendor_contract/CON-9"}`: "contract", `{"contract":"Ours"}`: "contract", `{"contract_elsewhere":"Ours"}`: "contract_elsewhere", `{"basis":"law"}`: "",
		} {
			_, err := f.SetRecord(t.Context(), ann, privacy.Disclosures, "DSC-1", record.AnyVersion, apptest.Fields(t, change))
			if wrong := (*record.Invalid)(nil); field == "" && err != nil || field != "" && (!errors.As(err, &wrong) || wrong.Fields[0].Field != field) {
				t.Errorf("%s: %v, want %q", change, err, field)
			}
		}
		_, err := f.SetRecord(t.Context(), ann, privacy.Disclosures, "DSC-1", record.AnyVersion, apptest.Fields(t, `{"basis":"notice"}`))
		if wrong := (*record.Invalid)(nil); !errors.As(err, &wrong) || wrong.Fields[0].Field != "basis" {
			t.Errorf("another ground than was recorded: %v", err)
		}
	})
	change := privacy.Disclosures.Migrations[0].Change
	for was, want := range map[string]string{
		`{"contract":"Ours of 2024","id":"DSC-1"}`: `{"contract_elsewhere":"Ours of 2024","id":"DSC-1"}`,
		`{"contract":"vendor_contract/CON-1"}`:     `{"contract":"vendor_contract/CON-1"}`,
		`{"id":"DSC-1"}`:                           `{"id":"DSC-1"}`,
	} {
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(was), &fields); err != nil {
			t.Fatal(err)
		}
		if err := change(fields); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(fields); err != nil || string(got) != want {
			t.Errorf("%s becomes %s, %v, want %s", was, got, err, want)
		}
	}
}

// A document of before has a due date that people set, and the review of that date.
func TestActivitiesOfBeforeGetTheirRounds(t *testing.T) {
	change := privacy.Activities.Migrations[0].Change
	for name, test := range map[string]struct{ was, want string }{
		"listed":  {`{"id":"PA-1","state":"listed","due_at":"2026-03-15T00:00:00Z"}`, `{"due_at":"2026-03-31T00:00:00Z","id":"PA-1","listed_at":"2026-03-15T00:00:00Z","state":"listed"}`},
		"put off": {`{"id":"PA-1","state":"listed","due_at":"2036-03-15T00:00:00Z"}`, `{"due_at":"2026-12-31T00:00:00Z","id":"PA-1","listed_at":"2026-12-31T00:00:00Z","state":"listed"}`},
		"no date": {`{"id":"PA-1","state":"listed"}`, `{"id":"PA-1","state":"listed"}`},
		"ended":   {`{"id":"PA-1","state":"ended","due_at":"2026-03-15T00:00:00Z"}`, `{"ended_at":"2026-04-01T00:00:00Z","id":"PA-1","listed_at":"2026-03-15T00:00:00Z","state":"ended"}`},
		"reviewed": {`{"id":"PA-1","state":"reviewed","owner":"person/a","lawful_ground":"consent","purposes":["p"],"data":["d"],"quality_check":"q","due_at":"2026-03-15T00:00:00Z","reviewed_at":"2026-04-01T00:00:00Z","reviewed_by":"person/b","reviewed_due":"2026-03-15T00:00:00Z"}`,
			`{"data":["d"],"due_at":"2026-06-30T00:00:00Z","id":"PA-1","lawful_ground":"consent","listed_at":"2026-03-15T00:00:00Z","owner":"person/a","purposes":["p"],"quality_check":"q","reviewed_at":"2026-04-01T00:00:00Z","reviewed_by":"person/b","reviews":[{"at":"2026-04-01T00:00:00Z","by":"person/b","data":["d"],"due_at":"2026-03-31T00:00:00Z","lawful_ground":"consent","owner":"person/a","purposes":["p"],"quality_check":"q","round":"2026-Q1"}],"state":"reviewed"}`},
		"reviewed ahead": {`{"due_at":"2036-03-15T00:00:00Z","reviewed_at":"2026-04-01T00:00:00Z","reviewed_by":"person/b","reviewed_due":"2036-03-15T00:00:00Z"}`,
			`{"due_at":"2026-09-30T00:00:00Z","listed_at":"2026-04-01T00:00:00Z","reviewed_at":"2026-04-01T00:00:00Z","reviewed_by":"person/b","reviews":[{"at":"2026-04-01T00:00:00Z","by":"person/b","due_at":"2026-06-30T00:00:00Z","lawful_ground":"","owner":"","quality_check":"","round":"2026-Q2"}]}`},
	} {
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(test.was), &fields); err != nil {
			t.Fatal(err)
		}
		if err := change(fields); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := json.Marshal(fields); err != nil || string(got) != test.want {
			t.Errorf("%s: %s, %v\nwant %s", name, got, err, test.want)
		}
	}
}
