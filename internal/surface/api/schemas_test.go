package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/hris"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/operations/processing"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/surface/api"
	"scaf.dev/scaf/internal/trust/accounts"
)

// schemas compiles the components of the served description.
func schemas(t *testing.T, c *client) func(name string) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(c.do(ask{method: "GET", path: "/openapi.json"}).want(t, 200, "").body))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020) // OpenAPI 3.1
	compiler.AssertFormat()
	if err := compiler.AddResource("urn:openapi", document); err != nil {
		t.Fatal(err)
	}
	return func(name string) *jsonschema.Schema {
		t.Helper()
		schema, err := compiler.Compile("urn:openapi#/components/schemas/" + name)
		if err != nil {
			t.Fatalf("the schema %s: %v", name, err)
		}
		return schema
	}
}

func valid(t *testing.T, schema *jsonschema.Schema, document []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(value)
}

// A record of every register, as SCAF itself wrote it, is what its schema says.
func TestEveryRecordFitsItsSchema(t *testing.T) {
	f := apptest.New(t, config.Config{})
	c, _ := serve(t, f, api.DefaultTimeouts)
	d := openDesk(t, f, c)
	d.decide(t)
	c.do(ask{"POST", "/v1/evidence?control=GOV-01&name=m&source=wiki&query=q&from=2026-01-01&to=2026-04-01", d.ann, "minutes", []string{"Content-Type: application/octet-stream"}}).want(t, 201, "")
	d.post(d.ann, "/v1/evidence/EVD-1/review", `{"conclusion":"rejected","reason":"r"}`).want(t, 403, "same_person")
	d.post(d.ben, "/v1/evidence/EVD-1/review", `{"conclusion":"rejected","reason":"r"}`).want(t, 200, "")
	d.post(d.ann, "/v1/records/people", `{"id":"p1","name":"N","joined_at":"2026-01-01T09:00:00+01:00"}`).want(t, 201, "")
	const at = "/v1/records/people/p1"
	d.post(d.ann, at+"/comments", `{"text":"t"}`).want(t, 201, "")
	d.post(d.ann, at+"/tags", `{"add":["x"]}`).want(t, 200, "")
	d.post(d.ann, at+"/links", `{"relation":"relates_to","to":"change/team/c1"}`).want(t, 201, "")
	c.do(ask{"POST", at + "/attachments?name=a.txt", d.ann, "content", []string{"Content-Type: application/octet-stream"}}).want(t, 201, "")
	text := "---\nid: desks\ntitle: Desks\nsummary: s\nowner: o\naudience: everybody\ncriteria: [CC6.4]\ncontrols: [PHY-01]\nreview: annual\n---\nLock it away.\n"
	policy, err := catalog.ParsePolicy("desks.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.InstallPolicies(t.Context(), apptest.Operator, []catalog.Policy{policy}, ""); err != nil {
		t.Fatal(err)
	}
	const version = "/v1/records/policy_versions/PV-1/move"
	d.post(d.ann, version, `{"state":"in_review"}`).want(t, 200, "")
	d.post(d.ben, version, `{"state":"approved"}`).want(t, 403, "forbidden")
	boss, _ := f.Token(t, "administrator", time.Hour)
	d.post(boss, version, `{"state":"approved"}`).want(t, 403, "forbidden") // a program's
	if _, err := f.MoveRecord(t.Context(), act.Caller{ID: "person/boss", Roles: []string{"executive"}}, policies.Versions, "PV-1", record.AnyVersion, policies.Approved, nil); err != nil {
		t.Fatal(err)
	}
	d.post(d.ann, version, `{"state":"in_force","fields":{"channels":["portal"]}}`).want(t, 200, "")
	if n, err := f.AskEverybody(t.Context(), apptest.Operator); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if _, err := f.Establish(t.Context(), apptest.Operator); err != nil {
		t.Fatal(err)
	}
	f.Manual.Advance(40 * 24 * time.Hour)
	if _, err := f.Desk().Done(t.Context(), apptest.Operator, tasks.Entry{Ref: "regulatory-review", Note: "n"}); err != nil {
		t.Fatal(err)
	}
	ann := accounts.Account{ID: "ann", Name: "Example Ann", Person: "person/p1", Roles: []string{"auditor"}}
	if _, err := accounts.Create(t.Context(), f.Door, apptest.Operator, ann, "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	desk, err := f.NotificationDesk()
	if err != nil {
		t.Fatal(err)
	}
	if err := desk.Prefer(t.Context(), ann.Caller(), notifications.Preferences{QuietFrom: "22:00", QuietUntil: "07:00"}); err != nil {
		t.Fatal(err)
	}

	schema := schemas(t, c)
	admin, _ := f.Token(t, "administrator", time.Hour)
	for _, one := range [][2]string{
		{"people", `{"id":"p2","name":"N"}`},
		{"findings", `{"title":"Key without rotation","source":"audit","severity":"high","found_at":"2026-03-01T00:00:00Z","owner":"person/p1"}`},
		{"self_assessments", `{"id":"SA-CHG-01-2026-Q1","assessor":"person/p1","reviewer":"person/p2"}`},
		{"exercises", `{"title":"A key is public","playbook":"leaked-key","facilitator":"person/p1"}`},
		{"actions", `{"title":"Print the roster","owner":"person/p1","due_at":"2026-03-01T00:00:00Z","exercise":"exercise/EXE-1"}`},
		{"meetings", `{"title":"Week 9","series":"posture review","chair":"person/p1","keeper":"person/p1"}`},
		{"regulations", `{"title":"GDPR","kind":"law","jurisdiction":"EU","source":"https://eur-lex.europa.eu","owner":"person/p1"}`},
		{"regulatory_feeds", `{"title":"Authority","url":"https://authority.example/feed.xml","jurisdiction":"EU","owner":"person/p1"}`},
		{"regulatory_notices", `{"id":"n1","title":"A new law","feed":"regulatory_feed/FEED-1","owner":"person/p1","found_at":"2026-03-01T00:00:00Z"}`},
		{"announcements", `{"title":"New rules","text":"Read them.","audience":"everybody","channels":["portal"]}`},
		{"commitments", `{"title":"99.9 %","owner":"person/p1"}`},
		{"outside_reports", `{"title":"A form takes scripts","channel":"e-mail","received_at":"2026-03-01T00:00:00Z","routed_to":"person/p1"}`},
		{"privacy_notices", `{"title":"Website","version":"3"}`},
		{"processing_activities", `{"title":"Newsletters","owner":"person/p1","notice":"privacy_notice/PN-1"}`},
		{"consents", `{"id":"c1","subject":"u-17","purpose":"news","collected_at":"2026-03-01T00:00:00Z"}`},
		{"subject_requests", `{"subject":"u-17","kind":"access","law":"GDPR","handler":"person/p1","received_at":"2026-03-01T00:00:00Z"}`},
		{"disclosures", `{"subject":"u-17","recipient":"vendor/VEN-1","data":["name"],"purpose":"Checks","disclosed_at":"2026-03-01T00:00:00Z"}`},
		{"erasures", `{"subject":"u-17","reason":"request","owner":"person/p1","due_at":"2026-03-01T00:00:00Z"}`},
		{"privacy_breaches", `{"title":"A list is public","lead":"person/p1","found_at":"2026-03-01T00:00:00Z"}`},
		{"privacy_complaints", `{"title":"Too many letters","channel":"form","handled_by":"person/p1","received_at":"2026-03-01T00:00:00Z"}`},
		{"privacy_checks", `{"title":"2026","owner":"person/p1","due_at":"2026-12-01T00:00:00Z","findings":[{"text":"x","owner":"person/p1"}]}`},
		{"penetration_tests", `{"title":"Portal 2026","owner":"person/p1"}`},
		{"risks", `{"title":"A laptop is lost","category":"security","owner":"person/p1","likelihood":2,"impact":3}`},
		{"risk_scales", `{"title":"As the default","rate_by":"2026-06-01T00:00:00Z"}`},
		{"risk_assessments", `{"title":"2026","trigger":"yearly"}`},
		{"vendors", `{"name":"Example Cloud","service":"Hosting","category":"cloud","owner":"person/p1"}`},
		{"vendor_assessments", `{"vendor":"vendor/VEN-1","year":2026,"tier":"high","questionnaire":"general"}`},
		{"vendor_contracts", `{"vendor":"vendor/VEN-1","title":"Master agreement","owner":"person/p1","begins_at":"2026-03-02T00:00:00Z","notice":"48h","terms":["security"]}`},
		{"assurance_reports", `{"vendor":"vendor/VEN-1","owner":"person/p1","type":"SOC 2 type 2","due_at":"2026-03-02T00:00:00Z"}`},
		{"job_changes", `{"id":"p1.1","person":"person/p1","effective_at":"2026-03-02T00:00:00Z","to_title":"Engineer"}`},
		{"agreements", `{"person":"person/p1","terms":"Terms 2026","access_from":"2026-03-02T00:00:00Z"}`},
		{"performance_reviews", `{"person":"person/p1","reviewer":"person/p2","due_at":"2026-03-02T00:00:00Z"}`},
		{"conduct_cases", `{"reported_at":"2026-03-01T00:00:00Z","channel":"manager","rule":"code-of-conduct 6"}`},
		{"subprocessors", `{"vendor":"vendor/VEN-1","owner":"person/p1","purpose":"Mail"}`},
		{"systems", `{"id":"audit","name":"Audit","purpose":"p","data":["confidential"]}`},
		{"assets", `{"name":"Laptop 7","kind":"device","owner":"person/p1"}`},
		{"data_sets", `{"title":"Files","class":"confidential","owner":"person/p1","retention":"8760h"}`},
		{"data_disposals", `{"data":"data_set/DS-1","what":"All","due_at":"2026-03-02T00:00:00Z","owner":"person/p1"}`},
		{"media_disposals", `{"asset":"asset/AST-1","destination":"scrap"}`},
		{"device_postures", `{"id":"LAP-7@2026-03-02","device":"LAP-7","owner":"person/p1","disk_encrypted":true,"seen_at":"2026-03-02T00:00:00Z"}`},
		{"malware_detections", `{"device":"device/LAP-7","what":"Adware","owner":"person/p1","found_at":"2026-03-02T00:00:00Z"}`},
		{"sites", `{"id":"berlin","name":"Berlin","purpose":"office","owner":"person/p1"}`},
		{"site_reviews", `{"id":"PAR-berlin-2026-Q1","reviewer":"person/p1"}`},
		{"continuity_plans", `{"function":"The API","owner":"person/p1","deputy":"person/p2","recovery_time":"4h","recovery_point":"1h"}`},
		{"plan_practices", `{"id":"PP-PLN-1-2026","owner":"person/p1","scenario":"s"}`},
		{"restore_trials", `{"id":"RT-PLN-1-2026-Q1","owner":"person/p1","store":"db"}`},
		{"backups", `{"id":"b1","store":"db","due_at":"2026-03-02T00:00:00Z","ok":true}`},
		{"capacity_reviews", `{"id":"CPR-PLN-1-2026-Q1","owner":"person/p1"}`},
		{"capacity_warnings", `{"resource":"db","raised_at":"2026-03-02T00:00:00Z","threshold":0.8,"reading":0.83,"owner":"person/p1"}`},
		{"outages", `{"service":"API","began_at":"2026-03-02T00:00:00Z","owner":"person/p1","allowed":"1h"}`},
		{"specifications", `{"product":"Screening","owner":"person/p1","inputs":[{"name":"person","format":"JSON","source":"customer"}],"outputs":[{"name":"score","recipient":"customer"}],"tolerance":"none"}`},
		{"input_batches", `{"id":"b1","source":"customer","received_at":"2026-03-02T00:00:00Z","records":1,"accepted":1}`},
		{"deliveries", `{"id":"d1","sent_at":"2026-03-02T00:00:00Z","recipient":"a","intended":"a","records":1,"made":1}`},
		{"storage_checks", `{"id":"s1","store":"db","due_at":"2026-03-02T00:00:00Z","records":1}`},
		{"data_copies", `{"data":"data_set/DS-1","purpose":"p","to":"test"}`},
	} {
		d.post(admin, "/v1/records/"+one[0], one[1]).want(t, 201, "")
	}
	_, err = people.Take(t.Context(), f.Door, act.JobCaller("hris.people"), "m1", []byte(`{"type":"people.changed","timestamp":"2026-03-01T09:00:00Z","data":{"people":[{"id":"p1","email":"n@example.com"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Door.Do(t.Context(), act.JobCaller("hris.answers"), "hris.deliver", "hris_deliveries", func(tx *act.Tx) error {
		compared := hris.Compare([]hris.Answer{{Person: "p1", Version: "PV-1"}}, nil, tx.Now())
		compared.ID = "HRR-1"
		_, err := record.Put(tx, hris.Deliveries, record.Change{Verb: hris.Sent, ID: "msg_1", Doc: hris.Delivery{ID: "msg_1", State: hris.Sent, At: tx.Now()}})
		_, also := record.Put(tx, hris.Reconciliations, record.Change{Verb: "made", ID: compared.ID, Doc: compared})
		return errors.Join(err, also)
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.MoveRecord(t.Context(), act.Caller{ID: "person/boss", Roles: []string{"administrator"}}, processing.Specifications, "SPC-1", record.AnyVersion, "approved", nil); err != nil {
		t.Fatal(err)
	}
	d.post(admin, "/v1/records/processing_runs", `{"id":"r1","specification":"specification/SPC-1","ran_at":"2026-03-02T00:00:00Z","records":1,"processed":1}`).want(t, 201, "")
	d.post(admin, "/v1/records/courses", `{"id":"basics","title":"Security","owner":"o","audience":"everybody","text":"Look twice."}`).want(t, 201, "")
	d.post(admin, "/v1/records/courses/basics/move", `{"state":"offered"}`).want(t, 200, "")
	d.post(admin, "/v1/records/trainings", `{"id":"again","person":"person/p1","course":"course/basics"}`).want(t, 201, "")
	metric := func(want string) {
		t.Helper()
		if got := c.do(ask{method: "GET", path: "/metrics", token: admin}).want(t, 200, ""); !bytes.Contains(got.body, []byte("employees_missing_training_total "+want+"\n")) {
			t.Errorf("the metrics do not say that %s people miss training", want)
		}
	}
	metric("0")
	f.Manual.Advance(31 * 24 * time.Hour)
	admin, _ = f.Token(t, "administrator", time.Hour)
	metric("1")
	d.post(admin, "/v1/records/training_completions", `{"id":"c1","person":"person/p1","course":"course/basics","completed_at":"2026-03-02T00:00:00Z","evidence":"e"}`).want(t, 201, "")
	var registers struct {
		Registers []struct {
			Name, Kind, Schema string
			Internal           bool
		}
	}
	c.do(ask{method: "GET", path: "/v1/registers", token: admin}).want(t, 200, "").into(t, &registers)
	for _, register := range registers.Registers {
		documents := [][]byte{}
		if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
			return record.Each(r, record.Range{Kind: register.Kind}, func(v *record.Version) error {
				documents = append(documents, bytes.Clone(v.Doc))
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		if register.Kind == attached.Disposals.Name { // no register has a retention yet
			disposal, err := json.Marshal(attached.Disposal{ID: "person/p1", Reason: "r", ExpiredAt: apptest.Begin, At: apptest.Begin, By: "token/x"})
			if err != nil {
				t.Fatal(err)
			}
			documents = append(documents, disposal)
		}
		if len(documents) == 0 {
			t.Errorf("%s: no record is there to be held against the schema", register.Name)
		}
		name := strings.TrimPrefix(register.Schema, "#/components/schemas/")
		whole := schema(name)
		for _, document := range documents {
			if err := valid(t, whole, document); err != nil {
				t.Errorf("%s: %v\n%s", register.Name, err, document)
			}
			var fields map[string]any
			if err := json.Unmarshal(document, &fields); err != nil {
				t.Fatal(err)
			}
			fields["no_such_field"] = 1
			more, err := json.Marshal(fields)
			if err != nil {
				t.Fatal(err)
			}
			if valid(t, whole, more) == nil {
				t.Errorf("%s: a field that there is not fits the schema", register.Name)
			}
		}
	}
}

// What can be sent to add a record is described: what the API takes fits, what
// it refuses for its form does not.
func TestWhatIsSentFitsTheSchemaOfARegister(t *testing.T) {
	f := apptest.New(t, config.Config{})
	c, _ := serve(t, f, api.DefaultTimeouts)
	token, _ := f.Token(t, "compliance", time.Hour)
	schema := schemas(t, c)
	for _, one := range []struct {
		register, schema, body string
		fits                   bool
	}{
		{"changes", "NewChange", change, true},
		{"people", "NewPerson", `{"id":"p1","name":"N"}`, true},
		{"people", "NewPerson", `{"id":"p2","name":"N","joined_at":"2026-01-01T09:00:00Z","state":"on_leave"}`, true},
		{"people", "NewPerson", `{"name":"N"}`, false},
		{"people", "NewPerson", `{"id":"p3","name":"N","joined_at":"yesterday"}`, false},
		{"people", "NewPerson", `{"id":"p3","name":"N","state":"asleep"}`, false},
		{"people", "NewPerson", `{"id":"p3","name":"N","shoe_size":42}`, false},
		{"people", "NewPerson", `{"id":3,"name":"N"}`, false},
	} {
		wrong := valid(t, schema(one.schema), []byte(one.body))
		if (wrong == nil) != one.fits {
			t.Errorf("%s: fits is %v, want %v: %v", one.body, wrong == nil, one.fits, wrong)
		}
		if g := c.do(ask{"POST", "/v1/records/" + one.register, token, one.body, asJSON}); (g.status == 201) != one.fits {
			t.Errorf("%s: %d", one.body, g.status)
		}
	}
}
