package vendors_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const (
	vendor = `{"name":"Example Cloud","service":"Hosting","category":"cloud","owner":"person/owner"}`
	seen   = `{"data":["personal"],"access":"read","criticality":"high"}`
)

func TestTheTierFollowsFromDataAccessAndCriticality(t *testing.T) {
	for _, test := range []struct{ data, access, criticality, want string }{
		{"none", "none", "low", "low"}, {"public", "read", "medium", "low"}, {"internal", "read", "low", "low"},
		{"confidential", "read", "low", "high"}, {"personal", "none", "low", "high"}, {"none", "write", "low", "high"}, {"none", "none", "high", "high"},
		{"special personal", "none", "low", "critical"}, {"none", "production", "low", "critical"}, {"none", "none", "essential", "critical"},
		{"public,personal", "read", "low", "high"}, {"personal,special personal", "read", "low", "critical"},
		{"", "none", "low", ""}, {"none", "", "low", ""}, {"none", "none", "", ""},
	} {
		var data []string
		if test.data != "" {
			data = strings.Split(test.data, ",")
		}
		if got := vendors.Tier(data, test.access, test.criticality); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
	v := &vendors.Vendor{Data: []string{"none"}, Access: "none", Criticality: "low", TierOverride: "critical"}
	if v.Compute(); v.Tier != "critical" {
		t.Errorf("the tier that was set instead does not hold: %s", v.Tier)
	}
}

// put writes records as they are, without the rules.
func put(kind *record.Kind, ids []string, doc string) func(*act.Tx) error {
	return func(tx *act.Tx) error {
		var changes []record.Change
		for _, id := range ids {
			changes = append(changes, record.Change{Verb: "added", ID: id, Doc: json.RawMessage(strings.ReplaceAll(doc, "ID", id))})
		}
		_, err := record.Put(tx, kind, changes...)
		return err
	}
}

func TestVendors(t *testing.T) {
	var ids []string
	for i := range 200 {
		ids = append(ids, fmt.Sprintf("VEN-%d", i+1))
	}
	tier := `{"tier_override":"low","tier_reason":"It sees test data only"}`
	changed := `"changed_why":"The contract says so"}`
	rejected := `{"rejected_reason":"No answers"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: vendors.Register, New: vendor, Set: `{"next_assessment_at":"2027-01-01T00:00:00Z"}`,
		With: record.Kinds{vendors.Assessments},
		Seed: put(vendors.Assessments, ids, `{"id":"ID","vendor":"vendor/ID","year":2026,"tier":"high","questionnaire":"general","result":"fit","assessor":"person/x","state":"done"}`),
		Fields: map[string]string{
			"proposed assessed": `{"data":["none"],"access":"none","criticality":"low"}`, "approved in_use": `{"used_from":"2026-03-01T00:00:00Z"}`, "in_use offboarding": `{"ended_at":"2026-03-01T00:00:00Z"}`,
			"assessed assessed": tier, "in_use in_use": `{"used_from":"2026-02-27T00:00:00Z","tier_override":"low",` + changed,
			"offboarding offboarding": `{"ended_at":"2026-03-01T06:00:00Z",` + changed, "ended ended": `{"access_ended_at":"2026-03-01T03:00:00Z",` + changed, "proposed rejected": rejected, "assessed rejected": rejected, "approved rejected": rejected,
			"offboarding ended": `{"access_ended_at":"2026-03-01T00:00:00Z","data_settled_at":"2026-03-01T06:00:00Z","data_settled":"destroyed","proof":"The certificate"}`,
		},
		Refused: map[string]string{
			"owner": `{"owner":"Ada"}`, "category": `{"category":"bakery"}`, "data": `{"data":["none","personal"]}`,
			"ended_at": `{"used_from":"2026-03-01T00:00:00Z","ended_at":"2026-02-01T00:00:00Z"}`,
		},
	})
}

// answers answers every question of a questionnaire.
func answers(questionnaire string) string {
	var all []vendors.Answer
	for _, q := range vendors.Questions(questionnaire) {
		all = append(all, vendors.Answer{Question: q.ID, Answer: "yes"})
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestAssessments(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: vendors.Assessments, New: `{"vendor":"vendor/VEN-1","year":2026,"tier":"high","questionnaire":"general"}`, Set: `{"year":2027}`,
		With:   record.Kinds{vendors.Register},
		Seed:   put(vendors.Register, []string{"VEN-1"}, `{"id":"ID","name":"n","service":"s","category":"cloud","owner":"person/owner","state":"proposed","proposed_by":"person/x"}`),
		Fields: map[string]string{"draft done": `{"result":"fit","answers":` + answers("general") + `}`},
		Refused: map[string]string{
			"year": `{"year":26}`, "questionnaire": `{"questionnaire":"none"}`, "conditions": `{"result":"fit with conditions"}`,
			"answers": `{"answers":[{"question":"program","answer":"no"}]}`,
		},
	})
}

func TestContracts(t *testing.T) {
	signed := `{"signed_at":"2026-03-01T00:00:00Z","personal_data":false,"document":"contracts/1"}`
	wrong := `{"changed_why":"The text says another day"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: vendors.Contracts, New: `{"vendor":"vendor/VEN-1","title":"Master agreement","owner":"person/owner","begins_at":"2026-03-02T00:00:00Z","notice":"48h","terms":["security"]}`,
		Set: `{"notice":"24h"}`,
		Fields: map[string]string{
			"draft in_force": signed, "in_force in_force": `{"ends_at":"2027-03-01T00:00:00Z","changed_why":"It was renewed"}`,
			"in_force ended": `{"ended_at":"2026-03-02T00:00:00Z"}`, "in_force draft": wrong, "ended draft": wrong,
		},
		Refused: map[string]string{
			"owner": `{"owner":"Ada"}`, "terms": `{"terms":["hope"]}`, "ends_at": `{"ends_at":"2026-01-01T00:00:00Z"}`, "ended_at": `{"ended_at":"2026-01-01T00:00:00Z"}`,
		},
	})
}

func TestReports(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: vendors.Reports, New: `{"vendor":"vendor/VEN-1","owner":"person/owner","type":"SOC 2 type 2","due_at":"2026-03-02T00:00:00Z"}`,
		Set: `{"carved_out":["Example Host"]}`,
		Fields: map[string]string{"awaited read": `{"covers_from":"2025-01-01T00:00:00Z","covers_to":"2025-12-31T00:00:00Z","first":true,"method":"carve-out","physical":true,
			"exception_list":[{"what":"One late review","judgment":"Ours is monthly"}],"customer_duty_list":[{"what":"Second factors","controls":["IDN-01"]}]}`},
		Refused: map[string]string{
			"owner": `{"owner":"Ada"}`, "type": `{"type":"letter"}`, "covers_to": `{"covers_from":"2026-01-01T00:00:00Z","covers_to":"2025-01-01T00:00:00Z"}`,
			"previous_to": `{"first":true,"previous_to":"2025-01-01T00:00:00Z"}`, "exception_list": `{"exception_list":[{"what":" "}]}`,
			"customer_duty_list": `{"customer_duty_list":[{"what":""}]}`, "customer_duty_list[0].controls": `{"customer_duty_list":[{"what":"Second factors","controls":["IDN-01, ACC-02"]}]}`,
		},
		GuardFalse: map[string]string{
			"awaited read exception_list":     `{"covers_from":"2025-01-01T00:00:00Z","covers_to":"2025-12-31T00:00:00Z","first":true,"method":"carve-out","physical":true,"exception_list":[{"what":"One late review"}]}`,
			"awaited read customer_duty_list": `{"covers_from":"2025-01-01T00:00:00Z","covers_to":"2025-12-31T00:00:00Z","first":true,"method":"carve-out","physical":true,"customer_duty_list":[{"what":"Second factors"}]}`,
		},
	})
}

// What is before a report is known from the register, and so is how old it was when it was
// read.
func TestAReportFollowsTheOneBefore(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{vendors.Register, vendors.Reports, vendors.Assessments}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(body func(tx *act.Tx) error) error {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/b", Roles: []string{"administrator"}}, "test", "test", body)
			return err
		}
		if err := do(put(vendors.Register, []string{"VEN-1", "VEN-2"}, `{"id":"ID","name":"n","service":"s","category":"cloud","owner":"person/o","proposed_by":"person/x","state":"proposed"}`)); err != nil {
			t.Fatal(err)
		}
		read := func(vendor, kind, from, to, more string) (*vendors.Report, error) {
			var id string
			r := &vendors.Report{}
			return r, do(func(tx *act.Tx) error {
				var fields map[string]json.RawMessage
				text := fmt.Sprintf(`{"vendor":"vendor/%s","owner":"person/o","type":%q,"due_at":"2026-03-31T00:00:00Z","covers_from":"%sT00:00:00Z","covers_to":"%sT00:00:00Z","method":"inclusive","physical":true%s}`, vendor, kind, from, to, more)
				if err := json.Unmarshal([]byte(text), &fields); err != nil {
					return err
				}
				v, err := record.Add(tx, vendors.Reports, fields)
				if err != nil {
					return err
				}
				id = v.ID
				if v, err = record.Move(tx, vendors.Reports, id, record.AnyVersion, "read", "", nil); err != nil {
					return err
				}
				return json.Unmarshal(v.Doc, r)
			})
		}
		for _, c := range []struct{ vendor, kind, from, to, more, want string }{
			{"VEN-1", "SOC 2 type 2", "2018-10-01", "2019-09-30", `,"first":true`, "gap 0s, uncovered 2344"},
			{"VEN-1", "SOC 2 type 2", "2024-10-01", "2025-09-30", `,"first":true`, "first: is said, and assurance_report/REP-1, which covers this vendor up to 2019-09-30, was read before"},
			{"VEN-1", "SOC 2 type 2", "2024-10-01", "2025-09-30", `,"previous_to":"2024-09-30T00:00:00Z"`, "previous_to: is not 2019-09-30, the last day of assurance_report/REP-1"},
			{"VEN-1", "SOC 2 type 2", "2019-11-01", "2020-10-31", ``, "gap 744h0m0s, uncovered 1947"}, // filled in
			{"VEN-1", "SOC 2 type 2", "2024-10-01", "2025-09-30", `,"previous_to":"2020-10-31T00:00:00Z","bridge_to":"2024-09-30T00:00:00Z"`, "gap 0s, uncovered 152"},
			{"VEN-1", "SOC 2 type 2", "2018-01-01", "2018-09-30", `,"first":true`, "gap 0s, uncovered 2709"}, // there is none before it
			{"VEN-1", "SOC 1 type 2", "2024-10-01", "2025-09-30", `,"first":true`, "gap 0s, uncovered 152"},
			{"VEN-2", "SOC 2 type 2", "2024-10-01", "2025-09-30", `,"previous_to":"2024-09-30T00:00:00Z","letter_to":"2025-12-31T00:00:00Z"`, "gap 0s, uncovered 60"},
			{"VEN-2", "ISO 27001", "2024-10-01", "2027-09-30", `,"first":true`, "gap 0s, uncovered 0"},
			{"VEN-2", "other", "2024-10-01", "2025-09-30", `,"first":true,"letter_to":"2026-01-02T00:00:00Z"`, "letter_to: is more than 3 months after covers_to"},
		} {
			r, err := read(c.vendor, c.kind, c.from, c.to, c.more)
			got := fmt.Sprint(err)
			if err == nil {
				got = fmt.Sprintf("gap %s, uncovered %d", *r.Gap, *r.Uncovered)
			}
			if !strings.HasPrefix(got, c.want) {
				t.Errorf("%s of %s from %s to %s%s: %s, want %s", c.kind, c.vendor, c.from, c.to, c.more, got, c.want)
			}
		}
	})
}

// After a report of a vendor in use was read the next one is awaited, once, from its owner.
func TestTheNextReportIsAwaited(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{vendors.Register, vendors.Reports, vendors.Assessments}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(body func(tx *act.Tx) error) {
			t.Helper()
			if _, err := l.Do(context.Background(), act.Caller{ID: "person/b", Roles: []string{"administrator"}}, "test", "test", body); err != nil {
				t.Fatal(err)
			}
		}
		for id, state := range map[string]string{"VEN-1": "in_use", "VEN-2": "in_use", "VEN-3": "ended", "VEN-4": "in_use"} {
			do(put(vendors.Register, []string{id}, `{"id":"ID","name":"n","service":"s","category":"cloud","owner":"person/o","proposed_by":"person/x","used_from":"2024-01-01T00:00:00Z","state":"`+state+`"}`))
		}
		read := func(id, vendor, kind, to string) {
			t.Helper()
			doc := fmt.Sprintf(`{"id":"ID","vendor":"vendor/%s","owner":"person/o","type":%q,"due_at":"2026-03-31T00:00:00Z","covers_from":"2018-01-01T00:00:00Z","covers_to":"%sT00:00:00Z","first":true,"method":"inclusive","physical":true,"state":"awaited"}`, vendor, kind, to)
			do(put(vendors.Reports, []string{id}, doc))
			do(func(tx *act.Tx) error {
				_, err := record.Move(tx, vendors.Reports, id, record.AnyVersion, "read", "", nil)
				return err
			})
		}
		read("REP-1", "VEN-1", "SOC 2 type 2", "2025-12-31")
		read("REP-11", "VEN-2", "SOC 2 type 2", "2019-09-30") // long ago: in three months
		read("REP-21", "VEN-3", "SOC 2 type 2", "2025-12-31") // used no more
		read("REP-31", "VEN-4", "ISO 27001", "2027-09-30")    // renewed when it ends
		// Read again: the next one is awaited already.
		for _, state := range []string{"awaited", "read"} {
			do(func(tx *act.Tx) error {
				_, err := record.Move(tx, vendors.Reports, "REP-1", record.AnyVersion, state, "", nil)
				return err
			})
		}
		var got []string
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			_, err := record.List(r, vendors.Reports, record.Query{Filter: `item.state == "awaited"`}, func(v *record.Version) error {
				one := &vendors.Report{}
				err := json.Unmarshal(v.Doc, one)
				got = append(got, fmt.Sprintf("%s %s of %s by %s", one.Vendor, one.Type, one.Owner, one.DueAt.Format(time.DateOnly)))
				return err
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		want := []string{"vendor/VEN-1 SOC 2 type 2 of person/o by 2027-03-31", "vendor/VEN-2 SOC 2 type 2 of person/o by 2026-06-02", "vendor/VEN-4 ISO 27001 of person/o by 2027-09-30"}
		if !slices.Equal(got, want) {
			t.Errorf("awaited are %q, want %q", got, want)
		}
	})
}

// What lets a vendor in is of this year or the last, and of its tier.
func TestAnOldOrLighterAssessmentLetsNobodyIn(t *testing.T) {
	for _, c := range []struct{ of, want string }{
		{`"year":2019,"tier":"high"`, "VAS-1 is for 2019: one of this year or the last"},
		{`"year":2026,"tier":"low"`, "VAS-1 is of the tier low, and it is high"},
		{`"year":2026,"tier":"critical"`, ""},
	} {
		ledgertest.EachOf(t, record.Kinds{vendors.Register, vendors.Assessments}, func(t *testing.T, l *ledgertest.Ledger) {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/b", Roles: []string{"administrator"}}, "test", "test", func(tx *act.Tx) error {
				for _, one := range []struct {
					kind *record.Kind
					id   string
					doc  string
				}{
					{vendors.Register, "VEN-1", `{"id":"VEN-1","name":"n","service":"s","category":"cloud","owner":"person/o","proposed_by":"person/x","state":"proposed","data":["personal"],"access":"none","criticality":"low"}`},
					{vendors.Assessments, "VAS-1", `{"id":"VAS-1","vendor":"vendor/VEN-1",` + c.of + `,"questionnaire":"general","state":"done","result":"fit","assessor":"person/b"}`},
				} {
					if _, err := record.Put(tx, one.kind, record.Change{Verb: "put", ID: one.id, Doc: json.RawMessage(one.doc)}); err != nil {
						return err
					}
				}
				_, err := record.Move(tx, vendors.Register, "VEN-1", record.AnyVersion, vendors.Assessed, "", nil)
				return err
			})
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.of, err, c.want)
			}
		})
	}
}

func TestTheGapIsWhatNeitherReportNorLetterSpeaksOf(t *testing.T) {
	day := func(n int) *time.Time { at := time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC); return &at }
	for _, test := range []struct {
		previous, bridge *time.Time
		want             time.Duration
	}{
		{nil, nil, 0}, {day(1), nil, 8 * 24 * time.Hour}, {day(1), day(6), 3 * 24 * time.Hour}, {day(1), day(20), 0}, {day(6), day(1), 3 * 24 * time.Hour}, {day(9), nil, 0}, {day(8), nil, 24 * time.Hour}, {day(20), nil, 0},
	} {
		if got := vendors.Gap(test.previous, test.bridge, *day(10)); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
	r := &vendors.Report{CoversFrom: day(10)}
	if r.Compute(); r.Gap != nil {
		t.Error("it is not known what was covered before, and the gap is")
	}
}

func TestSubprocessors(t *testing.T) {
	active := `{"listed":true,"told_at":"2026-02-01T00:00:00Z","told_by":["A letter"],"data_from":"2026-02-09T00:00:00Z"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: vendors.Subprocessors, New: `{"vendor":"vendor/VEN-1","owner":"person/owner","purpose":"Mail"}`, Set: `{"countries":["DE"]}`,
		Fields: map[string]string{
			"proposed reviewed": `{"model_provider":true,"training_excluded":true,"retention":"720h","allowed_data":["tickets"]}`,
			"reviewed active":   active, "active ended": `{"ended_at":"2026-03-01T00:00:00Z"}`,
		},
		Refused: map[string]string{"owner": `{"owner":"Ada"}`, "purpose": `{"purpose":" "}`},
		GuardFalse: map[string]string{
			"proposed reviewed training_excluded": `{"model_provider":true,"training_excluded":false,"retention":"720h","allowed_data":["tickets"]}`,
			"proposed reviewed retention":         `{"model_provider":true,"training_excluded":true,"retention":null,"allowed_data":["tickets"]}`,
			"proposed reviewed allowed_data":      `{"model_provider":true,"training_excluded":true,"retention":"720h","allowed_data":null}`,
			"reviewed active listed":              strings.Replace(active, "true", "false", 1),
			"reviewed active told_at":             strings.Replace(active, "2026-02-01", "2026-02-10", 1),
		},
	})
}

// Checks look at other records: each is refused for its reason, then allowed.
func TestWhatIsCheckedAgainstOtherRecords(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		if err := l.Door.Close(); err != nil {
			t.Fatal(err)
		}
		kinds := record.Kinds{vendors.Register, vendors.Assessments}
		if _, err := kinds.Adopt(context.Background(), l.DB); err != nil {
			t.Fatal(err)
		}
		l.OpenDoor(t)
		do := func(who string, body func(*act.Tx) error) error {
			_, err := l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", "vendors", body)
			return err
		}
		fields := func(text string) (all map[string]json.RawMessage) {
			if err := json.Unmarshal([]byte(text), &all); err != nil {
				t.Fatal(err)
			}
			return all
		}
		add := func(who string, kind *record.Kind, text string) {
			t.Helper()
			if err := do(who, func(tx *act.Tx) error { _, err := record.Add(tx, kind, fields(text)); return err }); err != nil {
				t.Fatal(err)
			}
		}
		move := func(who string, kind *record.Kind, id, state, text, want string) {
			t.Helper()
			err := do(who, func(tx *act.Tx) error {
				permission, err := record.Permission(&tx.Reader, kind, id, state)
				if err == nil {
					_, err = record.Move(tx, kind, id, record.AnyVersion, state, permission, fields(text))
				}
				return err
			})
			if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s to %s by %s: %v, want %q", id, state, who, err, want)
			}
		}
		kyc := strings.Replace(vendor, `"cloud"`, `"KYC/AML provider"`, 1)
		add("person/a", vendors.Register, kyc)
		move("person/a", vendors.Register, "VEN-1", "assessed", seen, "no finished assessment of VEN-1")
		all := `{"result":"fit","answers":` + answers("general") + `}`
		add("person/b", vendors.Assessments, `{"vendor":"vendor/VEN-1","year":2026,"tier":"high","questionnaire":"general"}`)
		move("person/b", vendors.Assessments, "VAS-1", "done", all, "the vendor is a KYC/AML provider")
		add("person/owner", vendors.Assessments, `{"vendor":"vendor/VEN-1","year":2026,"tier":"high","questionnaire":"kyc-aml"}`)
		all = `{"result":"fit","answers":` + answers("kyc-aml") + `}`
		move("person/b", vendors.Assessments, "VAS-2", "done", all, "person/owner is the owner of vendor/VEN-1")
		add("person/b", vendors.Assessments, `{"vendor":"vendor/VEN-1","year":2026,"tier":"high","questionnaire":"kyc-aml"}`)
		move("person/b", vendors.Assessments, "VAS-3", "done", `{"result":"fit","answers":[{"question":"licence","answer":"yes"}]}`, "these questions have none: 2. ")
		move("person/owner", vendors.Assessments, "VAS-3", "done", all, "person/owner is the owner of vendor/VEN-1")
		move("person/b", vendors.Assessments, "VAS-3", "done", strings.Replace(all, `"fit"`, `"unfit"`, 1), "")
		move("person/a", vendors.Register, "VEN-1", "assessed", seen, "no finished assessment")
		add("person/b", vendors.Assessments, `{"vendor":"vendor/VEN-1","year":2026,"tier":"high","questionnaire":"kyc-aml"}`)
		move("person/b", vendors.Assessments, "VAS-4", "done", all, "")
		if err := do("person/b", func(tx *act.Tx) error { // of before it had to be there
			_, err := record.Put(tx, vendors.Assessments, record.Change{Verb: "added", ID: "VAS-5", Doc: json.RawMessage(
				`{"id":"VAS-5","vendor":"vendor/VEN-9","year":2026,"tier":"high","questionnaire":"kyc-aml","state":"draft","assessor":"person/b"}`)})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		move("person/b", vendors.Assessments, "VAS-5", "done", all, `"vendor/VEN-9" is no vendor`)
		move("person/a", vendors.Register, "VEN-1", "assessed", seen, "")

		// Another tier is somebody else's, with a reason, and in a move only.
		tier := `{"tier_override":"low","tier_reason":"Test data only"}`
		move("person/owner", vendors.Register, "VEN-1", "assessed", tier, act.ErrSamePerson.Error())
		move("person/b", vendors.Register, "VEN-1", "assessed", `{"tier_override":"low"}`, "tier_reason")
		move("person/b", vendors.Register, "VEN-1", "approved", tier, "tier_override: is given by SCAF")
		move("person/b", vendors.Register, "VEN-1", "assessed", tier, "")
		if err := do("person/b", func(tx *act.Tx) error {
			_, err := record.Set(tx, vendors.Register, "VEN-1", record.AnyVersion, fields(`{"tier_override":"high"}`))
			return err
		}); err == nil || errors.Is(err, record.ErrSame) {
			t.Errorf("a tier is set without a move: %v", err)
		}
		l.Verify(t, kinds)
	})
}

// Of a vendor that holds our data or our service in hand, who proposed it or assessed it
// does not approve it; of others they may.
func TestWhoProposedOrAssessedAVendorThatMattersDoesNotApproveIt(t *testing.T) {
	approving := &vendors.Register.Transitions[slices.IndexFunc(vendors.Register.Transitions, func(t record.Transition) bool { return t.To == vendors.Approved })]
	for what, test := range map[string]struct {
		answers string
		alone   bool
	}{
		"high": {seen, false}, "critical": {`{"data":["none"],"access":"production","criticality":"low"}`, false}, "low": {`{"data":["none"],"access":"none","criticality":"low"}`, true},
	} {
		ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
			if err := l.Door.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := (record.Kinds{vendors.Register, vendors.Assessments}).Adopt(context.Background(), l.DB); err != nil {
				t.Fatal(err)
			}
			l.OpenDoor(t)
			do := func(who string, body func(tx *act.Tx) error) error {
				_, err := l.Do(context.Background(), act.Caller{ID: "person/" + who, Roles: ledgertest.Operator.Roles}, "test", "x", body)
				return err
			}
			fields := func(text string) (all map[string]json.RawMessage) {
				if err := json.Unmarshal([]byte(text), &all); err != nil {
					t.Fatal(err)
				}
				return all
			}
			for _, err := range []error{
				do("proposer", func(tx *act.Tx) error { _, err := record.Add(tx, vendors.Register, fields(vendor)); return err }),
				do("assessor", put(vendors.Assessments, []string{"VAS-1"}, `{"id":"ID","vendor":"vendor/VEN-1","year":2026,"tier":"critical","questionnaire":"general","result":"fit","assessor":"person/assessor","done_by":"person/finisher","state":"done"}`)),
				do("mover", func(tx *act.Tx) error {
					_, err := record.Move(tx, vendors.Register, "VEN-1", record.AnyVersion, vendors.Assessed, "", fields(test.answers))
					return err
				}),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			errUndone := errors.New("undone")
			for _, who := range []string{"proposer", "assessor", "finisher", "mover", "owner", "another"} {
				err := do(who, func(tx *act.Tx) error {
					if _, err := record.Move(tx, vendors.Register, "VEN-1", record.AnyVersion, vendors.Approved, "vendor.approve", nil); err != nil {
						return err
					}
					return errUndone
				})
				may := who == "another" || test.alone && who != "owner"
				if may != errors.Is(err, errUndone) || !may && !errors.Is(err, act.ErrSamePerson) {
					t.Errorf("tier %s: the %s approves: %v", what, who, err)
				}
				// It is said beforehand to the same ones.
				if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
					v, err := record.Get(r, vendors.Register.Name, "VEN-1")
					if err != nil {
						return err
					}
					return record.Another(r, vendors.Register, act.Caller{ID: "person/" + who}, approving, v)
				}); may != (err == nil) || !may && !errors.Is(err, act.ErrSamePerson) {
					t.Errorf("tier %s: of the %s it is said: %v", what, who, err)
				}
				// Nor does anybody make it matter while they approve it: it was assessed as it is.
				var settled *record.Invalid
				if err := do(who, func(tx *act.Tx) error {
					_, err := record.Move(tx, vendors.Register, "VEN-1", record.AnyVersion, vendors.Approved, "vendor.approve", fields(seen))
					return errors.Join(err, errUndone)
				}); what != "high" && !errors.As(err, &settled) && !errors.Is(err, act.ErrSamePerson) {
					t.Errorf("tier %s, then high: the %s approves: %v", what, who, err)
				}
			}
		})
	}
}

// Whoever owns a vendor says soon that its use has ended; what lies further back, and by which the
// end of its access was late, somebody else says.
func TestAnOwnerSaysSoonThatAUseEnded(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{vendors.Register, vendors.Assessments}, func(t *testing.T, l *ledgertest.Ledger) {
		now := l.Clock.Now()
		doc := `{"id":"ID","name":"Example","service":"s","category":"cloud","owner":"person/owner","proposed_by":"person/b","data":["public"],"access":"none","criticality":"low","tier":"low","used_from":"2020-01-01T00:00:00Z","state":"in_use"}`
		do := func(who string, body func(tx *act.Tx) error) error {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/" + who, Roles: ledgertest.Operator.Roles}, "test", "x", body)
			return err
		}
		if err := do("x", put(vendors.Register, []string{"VEN-1"}, doc)); err != nil {
			t.Fatal(err)
		}
		errUndone := errors.New("undone")
		for _, c := range []struct {
			who     string
			days    int
			refused bool
		}{{"owner", 29, false}, {"owner", 31, true}, {"another", 31, false}} {
			err := do(c.who, func(tx *act.Tx) error {
				at, err := json.Marshal(now.AddDate(0, 0, -c.days))
				if err == nil {
					_, err = record.Move(tx, vendors.Register, "VEN-1", record.AnyVersion, vendors.Offboarding, "", map[string]json.RawMessage{"ended_at": at})
				}
				return errors.Join(err, errUndone)
			})
			var wrong *record.Invalid
			if errors.As(err, &wrong) != c.refused || c.refused && wrong.Fields[0].Field != "ended_at" || !errors.Is(err, errUndone) {
				t.Errorf("%s, %d days ago: %v", c.who, c.days, err)
			}
		}
		// It comes to see more than what is public: it needs a contract from now on.
		if err := do("another", func(tx *act.Tx) error {
			_, err := record.Move(tx, vendors.Register, "VEN-1", record.AnyVersion, vendors.InUse, "vendor.approve", map[string]json.RawMessage{
				"data": json.RawMessage(`["personal"]`), "used_from": json.RawMessage(`"2020-01-01T00:00:00Z"`), "changed_why": json.RawMessage(`"It sees names"`),
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			v, _, err := record.Load[vendors.Vendor](r, vendors.Register, "vendor/VEN-1")
			if err == nil && (v.BoundFrom == nil || !v.BoundFrom.Equal(now)) {
				t.Errorf("bound from %v, want %s", v.BoundFrom, now)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}
