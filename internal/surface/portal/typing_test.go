package portal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// holds is the field of a record as it is stored.
func (s *site) holds(t *testing.T, kind, id, field, want string) {
	t.Helper()
	if err := s.DB.Read(context.Background(), func(r *store.Reader) error {
		v, err := record.Get(r, kind, id)
		if err != nil {
			return err
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(v.Doc, &fields); err != nil {
			return err
		}
		if got := string(fields[field]); got != want {
			t.Errorf("%s of %s/%s is %s, want %s", field, kind, id, got, want)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// A list of structs is filled in by rows: empty ones are passed over, one can be
// removed, more are asked for, and what is wrong stands at the field of the row.
func TestAListOfStructsIsTyped(t *testing.T) {
	s := serve(t, config.Config{Timezone: "Europe/Berlin"})
	b := s.signed(t, "ann", "compliance")
	b.get("/new/specifications").want(t, 200, `<label for="f-inputs-0-name">Name`, `name="f.inputs.1.source"`, `aria-describedby="f-inputs-0-format-help"`, "Where it comes from.", `name="more" value="inputs"`)
	values := url.Values{
		"f.product": {"Screening"}, "f.owner": {"account/ann"}, "f.text": {"It compares."},
		"f.inputs.0.name": {""}, "f.inputs.0.format": {""}, "f.inputs.0.source": {""},
		"f.inputs.1.name": {"person"}, "f.inputs.1.format": {"JSON"}, "f.inputs.1.source": {""},
		"f.inputs.2.name": {"gone"}, "f.inputs.2": {"remove"},
		"f.outputs.0.name": {"score"}, "f.outputs.0.recipient": {"customer"},
	}
	b.postAll("/r/specifications", values).want(t, 422, `<a href="#f-inputs-0-source">Inputs 1, Source</a>: is missing`, `id="f-inputs-0-source-wrong"`, `value="person"`)
	values.Set("more", "inputs")
	values.Set("f.inputs.1.source", "customer")
	more := b.postAll("/r/specifications", values).want(t, 200, `value="person"`, `value="score"`, `name="f.inputs.5.name"`)
	if strings.Contains(more.body, "gone") || strings.Contains(more.body, `name="f.inputs.6.name"`) {
		t.Error("a row that is removed is there, or there is too much room")
	}
	b.get("/r/specifications").want(t, 200, "There is no record yet")
	values.Del("more")
	b.postAll("/r/specifications", values).goes(t, "/r/specifications/SPC-1")
	s.holds(t, "specification", "SPC-1", "inputs", `[{"format":"JSON","name":"person","source":"customer"}]`)
	b.get("/r/specifications/SPC-1/edit").want(t, 200, `value="person"`, `name="f.inputs.0" value="remove"`, `name="f.inputs.2.name"`)
	b.postAll("/r/specifications/SPC-1", url.Values{"version": {"1"}, "f.inputs.0.name": {"person"}, "f.inputs.0": {"remove"}}).goes(t, "/r/specifications/SPC-1")
	s.holds(t, "specification", "SPC-1", "inputs", "")
	s.holds(t, "specification", "SPC-1", "outputs", `[{"name":"score","recipient":"customer"}]`)
}

// What a row said before it stays, to the second, when another one is changed.
func TestARowIsChanged(t *testing.T) {
	s := serve(t, config.Config{Timezone: "Europe/Berlin"})
	b := s.signed(t, "ann", "compliance")
	s.records(t, "announcements", `{"title":"New terms","text":"They are new.","audience":"everybody","channels":["Slack","e-mail"],"deliveries":[{"channel":"Slack","at":"2026-03-01T09:00:07.5Z","reference":"1"},{"channel":"e-mail","at":"2026-03-01T09:00:08Z","reference":"2"}]}`)
	b.get("/r/announcements/ANN-1/edit").want(t, 200, `value="2026-03-01T10:00"`)
	b.postAll("/r/announcements/ANN-1", url.Values{
		"version": {"1"}, "f.channels": {"Slack", "e-mail"},
		"f.deliveries.0.channel": {"Slack"}, "f.deliveries.0.at": {"2026-03-01T10:00"}, "f.deliveries.0.reference": {"1"},
		"f.deliveries.1.channel": {"e-mail"}, "f.deliveries.1.at": {"2026-03-01T10:30"}, "f.deliveries.1.reference": {"2"},
	}).goes(t, "/r/announcements/ANN-1")
	s.holds(t, "announcement", "ANN-1", "deliveries", `[{"at":"2026-03-01T09:00:07.5Z","channel":"Slack","reference":"1"},{"at":"2026-03-01T09:30:00Z","channel":"e-mail","reference":"2"}]`)
}

// A struct is filled in by its fields, a list of numbers by lines.
func TestAStructIsTyped(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "eve", "engineer", "compliance")
	b.get("/new/changes").want(t, 200, `<label for="f-author-email">`)
	b.post("/r/changes", "f.id", "c1", "f.title", "One", "f.merged_at", "2026-01-02T10:00", "f.author.name", "Ann", "f.author.email", "", "f.reviewers.0.name", "Bob", "f.reviewers.0.email", "").goes(t, "/r/changes/c1")
	s.holds(t, "change", "c1", "author", `{"name":"Ann"}`)
	s.holds(t, "change", "c1", "reviewers", `[{"name":"Bob"}]`)
	b.post("/r/risk_scales", "f.level_from", "1\nfive").want(t, 422, "is no number: one a line")
}

// A vendor is assessed by the questions of its questionnaire.
func TestAQuestionnaireIsAsked(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	questions := vendors.Questions("kyc-aml")
	s.records(t, "vendors", `{"name":"Example","service":"Checks","category":"KYC/AML provider","owner":"account/ann"}`)
	b.get("/new/vendor_assessments").want(t, 200, "Show what is asked")
	asked := b.get("/new/vendor_assessments?f.questionnaire=kyc-aml").want(t, 200, "1. "+questions[0].Text, `name="f.answers.0.question" value="licence"`, `type="radio" name="f.answers.17.answer" value="not applicable"`)
	if n := strings.Count(asked.body, `<legend>`); strings.Contains(asked.body, `name="f.answers.18.`) || n < len(questions) {
		t.Errorf("%d questions are asked", n)
	}
	b.get("/new/vendor_assessments?f.vendor=vendor/VEN-1").want(t, 200, `<option value="kyc-aml" selected>`, questions[17].Text)
	b.get("/new/vendor_assessments?f.vendor=vendor/VEN-7").want(t, 200, "Show what is asked")
	// Of a vendor that is called by its name, too, and from its page.
	s.records(t, "vendors", `{"name":"Ident KYC","service":"Checks","category":"KYC/AML provider","owner":"account/ann","data":["none"],"access":"production","criticality":"low"}`)
	b.get("/r/vendors/VEN-2").want(t, 200, `<a href="/new/vendor_assessments?f.vendor=vendor%2FVEN-2">New: Vendor assessment</a>`, `href="/new/assurance_reports?f.vendor=vendor%2FVEN-2"`,
		`href="/new/vendor_contracts?f.vendor=vendor%2FVEN-2"`, `href="/new/subprocessors?f.vendor=vendor%2FVEN-2"`)
	for _, vendor := range []string{"Ident KYC", "VEN-2", "vendor/VEN-2"} {
		b.post("/r/vendor_assessments", "f.vendor", vendor, "f.year", "2026").want(t, 422, `<option value="kyc-aml" selected>`, `<option value="critical" selected>`, questions[17].Text)
	}
	if page := s.signed(t, "eve", "auditor").get("/r/vendors/VEN-2"); strings.Contains(page.body, "/new/") {
		t.Error("a reader is offered to add")
	}
	values := url.Values{"f.vendor": {"vendor/VEN-1"}, "f.year": {"2026"}, "f.tier": {"high"}, "f.questionnaire": {"kyc-aml"}}
	for n, question := range questions {
		values.Set(fmt.Sprintf("f.answers.%d.question", n), question.ID)
	}
	values.Set("f.answers.3.answer", "no")
	b.postAll("/r/vendor_assessments", values).want(t, 422, `<a href="#f-answers-3-note">`, `value="no" checked`)
	values.Set("f.answers.3.note", "Nobody measures it.")
	b.postAll("/r/vendor_assessments", values).goes(t, "/r/vendor_assessments/VAS-1")
	s.holds(t, "vendor_assessment", "VAS-1", "answers", `[{"answer":"no","note":"Nobody measures it.","question":"liveness"}]`)
	b.get("/r/vendor_assessments/VAS-1").want(t, 200, questions[3].Text)
	// Assessments are listed by tier and year, reports by what they are.
	b.get("/r/vendor_assessments?f.tier=high&f.year.from=2026").want(t, 200, `href="/r/vendor_assessments/VAS-1`)
	b.get("/r/vendor_assessments?f.tier=low").want(t, 200, "No record is like this")
	s.records(t, "assurance_reports", `{"vendor":"vendor/VEN-1","owner":"account/ann","type":"ISO 27001","method":"carve-out","due_at":"2026-03-25T12:00:00Z"}`)
	b.get("/r/assurance_reports?f.type=ISO+27001&f.method=carve-out").want(t, 200, `href="/r/assurance_reports/REP-1`)
	b.get("/r/assurance_reports?f.method=inclusive").want(t, 200, "No record is like this")
}

// A person types no document anywhere: each field of each register has a control.
func TestNoFieldWantsADocument(t *testing.T) {
	s := serve(t, config.Config{})
	for _, kind := range s.Kinds {
		if kind.Internal {
			continue
		}
		asked := kind.Editable(false)
		for i := range kind.Transitions {
			for _, name := range kind.Asks(&kind.Transitions[i]) {
				asked = append(asked, kind.Field(name))
			}
		}
		for _, f := range asked {
			if kind.Shape(f.Name) == record.ShapeJSON || strings.Contains(f.Help, `{"`) || strings.Contains(f.Help, `["`) {
				t.Errorf("%s.%s is a document: %s", kind.Register, f.Name, f.Help)
			}
		}
	}
}
