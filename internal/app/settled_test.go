package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// What one person decided, nobody simply changes afterwards: of the register's documents
// as they stand after the decision, each change here is refused at its field.
func TestADecisionIsNotChangedByAnEdit(t *testing.T) {
	const (
		risk    = `{"id":"RSK-1","title":"Flood","category":"operations","owner":"person/owner","likelihood":4,"impact":4,"response":"accept","due_at":"2026-06-01T00:00:00Z","state":`
		finding = `{"id":"FND-1","title":"A gap","source":"audit","severity":"high","found_at":"2026-01-01T00:00:00Z","owner":"person/owner","reported_by":"person/b","retest":"Looked at","state":`
		vendor  = `{"id":"VEN-1","name":"Example","service":"s","category":"cloud","owner":"person/owner","proposed_by":"person/b","data":["none"],"access":"none","criticality":"low","state":`
		action  = `{"id":"ACT-1","title":"Do it","owner":"person/owner","due_at":"2026-02-01T00:00:00Z","added_by":"person/b","risk":"risk/RSK-1","result":"Done","state":`
	)
	const (
		commitment = `{"id":"COM-1","title":"Up","owner":"person/owner","document":"d","customer_duties":"c","system_description":"s","effective_at":"2026-03-01T00:00:00Z","told_at":"2026-02-01T00:00:00Z","told_by":["mail"],"state":`
		processor  = `{"id":"SUB-1","vendor":"vendor/VEN-1","owner":"person/owner","purpose":"Hosting","countries":["DE"],"model_provider":false,"listed":true,"told_at":"2026-01-01T00:00:00Z","data_from":"2026-02-01T00:00:00Z","state":`
		report     = `{"id":"REP-1","vendor":"vendor/VEN-1","owner":"person/owner","type":"SOC 2 type 2","due_at":"2026-03-01T00:00:00Z","first":true,"covers_from":"2025-01-01T00:00:00Z","covers_to":"2025-12-31T00:00:00Z","method":"inclusive","physical":true,"state":`
		regulation = `{"id":"REG-1","title":"Act","kind":"law","jurisdiction":"EU","source":"https://example.org","owner":"person/owner","applies":"yes","reason":"r","impact":"i","obligations":["o"],"state":`
		activity   = `{"id":"PA-1","title":"Accounts","owner":"person/owner","purposes":["p"],"data":["d"],"lawful_ground":"contract","quality_check":"q","state":`
		data       = `{"id":"DS-1","title":"Files","owner":"person/owner","class":"confidential","personal":false,"store":"db","store_class":"confidential","location":"DE","retention":"8760h","retention_from":"end","proposed_by":"person/c","state":`
		use        = `"used_from":"2026-01-01T00:00:00Z","ended_at":"2026-02-01T00:00:00Z"`
		contract   = `{"id":"CON-1","vendor":"vendor/VEN-1","title":"Terms","owner":"person/owner","begins_at":"2026-01-05T00:00:00Z","signed_at":"2026-01-01T00:00:00Z","document":"d","confirmed_by":"person/b","state":`
		notice     = `{"id":"PN-1","title":"Website","version":"1","author":"person/c","text":"t","covers":["purposes"],"purposes":["p"],"data":["d"],"published_at":"2026-01-01T00:00:00Z","effective_at":"2026-02-01T00:00:00Z","address":"https://example.org","readers_told":true,"state":`
	)
	until := `"accepted_until":"2026-04-01T00:00:00Z","accepted_reason":"r","accepted_by":"person/b","accepted_at":"2026-01-01T00:00:00Z"}`
	for _, c := range []struct{ kind, doc, set, field string }{
		{"risk", risk + `"accepted",` + until, `{"accepted_until":"2099-01-01T00:00:00Z"}`, "accepted_until"},
		{"risk", risk + `"accepted",` + until, `{"accepted_reason":"other"}`, "accepted_reason"},
		{"risk", risk + `"accepted",` + until, `{"impact":5}`, "impact"},
		{"risk", risk + `"accepted",` + until, `{"treatment":"Sandbags"}`, ""},
		{"risk", risk + `"assessed"}`, `{"impact":5}`, ""},
		{"risk", risk + `"closed","closed_reason":"gone"}`, `{"title":"Drought"}`, "title"},
		{"finding", finding + `"accepted",` + until, `{"accepted_until":"2099-01-01T00:00:00Z"}`, "accepted_until"},
		{"finding", finding + `"open"}`, `{"severity":"low"}`, "severity"},
		{"finding", finding + `"in_progress"}`, `{"found_at":"2026-01-05T00:00:00Z"}`, "found_at"},
		{"finding", finding + `"open"}`, `{"what":"more"}`, ""},
		{"finding", finding + `"closed"}`, `{"retest":"Never"}`, "retest"},
		{"finding", finding + `"withdrawn"}`, `{"title":"x"}`, "title"},
		{"vendor", vendor + `"assessed"}`, `{"access":"production"}`, "access"},
		{"vendor", vendor + `"in_use"}`, `{"data":["personal"]}`, "data"},
		{"vendor", vendor + `"in_use","report_due_at":"2026-06-01T00:00:00Z"}`, `{"criticality":"essential"}`, "criticality"},
		{"vendor", vendor + `"in_use"}`, `{"service":"other"}`, ""},
		{"vendor", vendor + `"in_use",` + use + `}`, `{"used_from":"2026-01-05T00:00:00Z"}`, "used_from"},
		{"vendor", vendor + `"in_use",` + use + `}`, `{"ended_at":"2026-01-01T00:00:00Z"}`, "ended_at"},
		{"vendor", vendor + `"in_use",` + use + `}`, `{"next_assessment_at":"2026-06-01T00:00:00Z"}`, ""},
		{"vendor", vendor + `"offboarding",` + use + `}`, `{"used_from":"2026-01-05T00:00:00Z"}`, "used_from"},
		{"vendor", vendor + `"offboarding",` + use + `}`, `{"ended_at":"2026-02-05T00:00:00Z"}`, "ended_at"},
		{"vendor", vendor + `"offboarding",` + use + `}`, `{"proof":"letter"}`, ""},
		{"vendor", vendor + `"ended",` + use + `}`, `{"access_ended_at":"2026-02-01T00:00:00Z"}`, "access_ended_at"},
		{"vendor_contract", contract + `"in_force"}`, `{"signed_at":"2025-01-01T00:00:00Z"}`, "signed_at"},
		{"vendor_contract", contract + `"in_force"}`, `{"owner":"person/b"}`, "owner"},
		{"vendor_contract", contract + `"in_force"}`, `{"owner":"person/c"}`, ""},
		{"vendor", vendor + `"proposed"}`, `{"access":"production"}`, ""},
		{"risk", risk + `"accepted",` + until, `{"owner":"person/b"}`, "owner"},
		{"risk", risk + `"accepted",` + until, `{"owner":"person/c"}`, ""},
		{"finding", finding + `"accepted",` + until, `{"owner":"person/b"}`, "owner"},
		{"vendor", vendor + `"in_use","approved_by":"person/b"}`, `{"owner":"person/b"}`, "owner"},
		{"finding", finding + `"accepted",` + until, `{"retest":"Never"}`, "retest"},
		{"commitment", commitment + `"in_force"}`, `{"title":"We promise nothing"}`, "title"},
		{"commitment", commitment + `"in_force"}`, `{"told_at":"2026-01-01T00:00:00Z"}`, "told_at"},
		{"commitment", commitment + `"approved"}`, `{"document":"other"}`, "document"},
		{"commitment", commitment + `"in_force"}`, `{"owner":"person/b"}`, ""},
		{"commitment", commitment + `"draft"}`, `{"document":"other"}`, ""},
		{"subprocessor", processor + `"active"}`, `{"countries":["RU"]}`, "countries"},
		{"subprocessor", processor + `"reviewed"}`, `{"purpose":"Sale"}`, "purpose"},
		{"subprocessor", processor + `"reviewed"}`, `{"told_at":"2026-01-02T00:00:00Z"}`, ""},
		{"subprocessor", processor + `"active"}`, `{"owner":"person/b"}`, ""},
		{"assurance_report", report + `"read"}`, `{"covers_to":"2030-01-01T00:00:00Z"}`, "covers_to"},
		{"assurance_report", report + `"read"}`, `{"owner":"person/b"}`, ""},
		{"regulation", regulation + `"reviewed"}`, `{"impact":"None"}`, "impact"},
		{"regulation", regulation + `"reviewed"}`, `{"owner":"person/b"}`, ""},
		{"processing_activity", activity + `"reviewed"}`, `{"recipients":["a broker"]}`, "recipients"},
		{"data_set", data + `"in_use"}`, `{"store":"private laptop"}`, "store"},
		{"data_set", data + `"in_use"}`, `{"location":"kitchen"}`, "location"},
		{"data_set", data + `"in_use"}`, `{"owner":"person/b"}`, ""},
		{"privacy_notice", notice + `"published"}`, `{"title":"Other"}`, "title"},
		{"privacy_notice", notice + `"published"}`, `{"previous_kept":true}`, ""},
		{"action", action + `"done"}`, `{"result":"Nothing"}`, "result"},
		{"action", action + `"open"}`, `{"what":"more"}`, ""},
	} {
		t.Run(c.doc[2:10]+c.set, func(t *testing.T) {
			kind, err := app.Kinds.Find(c.kind)
			if err != nil {
				t.Fatal(err)
			}
			ledgertest.EachOf(t, record.Kinds{kind}, func(t *testing.T, l *ledgertest.Ledger) {
				doc := kind.New()
				var fields map[string]json.RawMessage
				if err := errors.Join(json.Unmarshal([]byte(c.doc), doc), json.Unmarshal([]byte(c.set), &fields)); err != nil {
					t.Fatal(err)
				}
				_, err := l.Do(context.Background(), act.Caller{ID: "person/b", Roles: []string{"administrator"}}, "test", "test", func(tx *act.Tx) error {
					if _, err := record.Put(tx, kind, record.Change{Verb: "put", ID: kind.Identify(doc), Doc: doc}); err != nil {
						return err
					}
					_, err := record.Set(tx, kind, kind.Identify(doc), record.AnyVersion, fields)
					return err
				})
				var wrong *record.Invalid
				if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &wrong) || wrong.Fields[0].Field != c.field) {
					t.Errorf("%s over %s: %v, want %q", c.set, c.doc, err, c.field)
				}
			})
		})
	}
}
