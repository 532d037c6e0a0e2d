package api_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

const ownControl = `id: OWN-01
title: Changes have a good title
criteria: [CC8.1]
owner: OWNER
frequency: daily
tests:
  - id: titled
    kind: census
    title: It has a good title
    population: {from: changes}
    pass: item.title != "bad"
`

// desk is a folder with three people's tokens and a control of one of them.
type desk struct {
	*testing.T
	f                        *apptest.Folder
	c                        *client
	owner, ann, ben, auditor string
}

func openDesk(t *testing.T, f *apptest.Folder, c *client) *desk {
	t.Helper()
	d := &desk{T: t, f: f, c: c}
	var owner string
	d.owner, owner = f.Token(t, "compliance", 72*time.Hour)
	d.ann, _ = f.Token(t, "compliance", 72*time.Hour)
	d.ben, _ = f.Token(t, "compliance", 72*time.Hour)
	d.auditor, _ = f.Token(t, "auditor", 72*time.Hour)
	dir := filepath.Join(f.Dir, surface.ControlsDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(strings.Replace(ownControl, "OWNER", "token/"+owner, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) post(token, path, body string) got {
	d.Helper()
	return d.c.do(ask{"POST", path, token, body, asJSON})
}

func (d *desk) get(path string) got {
	d.Helper()
	return d.c.do(ask{method: "GET", path: path, token: d.auditor})
}

// test performs the control's test over a period.
func (d *desk) test(period string) {
	d.Helper()
	over, err := d.f.ChoosePeriod(context.Background(), period)
	if err != nil {
		d.Fatal(err)
	}
	own, err := d.f.Control("OWN-01")
	if err == nil {
		_, err = d.f.Lab().Refresh(context.Background(), apptest.Operator, []*controls.Control{own}, *over, results.Mark{})
	}
	if err != nil {
		d.Fatal(err)
	}
}

// Everything that people decide about a control is done over the API, by those
// who may, and never by one alone.
func TestPeopleDecideAboutAControl(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) { openDesk(t, f, c).decide(t) })
}

// decide goes through all that people decide about a control.
func (d *desk) decide(t *testing.T) {
	f := d.f
	today := apptest.Begin.Format(time.DateOnly)
	next := apptest.Begin.AddDate(0, 0, 1).Format(time.DateOnly)

	// Versions.
	d.post(d.ann, "/v1/control-versions", `{"control":"OWN-01"}`).want(t, 400, "invalid_request")
	d.post(d.ann, "/v1/control-versions", `{"control":"OWN-01","file":"x","effective_from":"2026-01-01"}`).want(t, 400, "invalid_request")
	d.post(d.ann, "/v1/control-versions", `{"control":"OWN-01","effective_from":"soon"}`).want(t, 400, "invalid_request")
	d.post(d.ann, "/v1/control-versions", `{"control":"NONE-1","effective_from":"2026-01-01"}`).want(t, 404, "not_found")
	d.post(d.ann, "/v1/control-versions", `{"file":"id: [","effective_from":"2026-01-01"}`).want(t, 422, "invalid_control")
	var v struct{ ID, State string }
	d.post(d.ann, "/v1/control-versions", `{"control":"OWN-01","effective_from":"2020-01-01"}`).want(t, 201, "").into(t, &v)
	if v.ID != "OWN-01.1" || v.State != "proposed" {
		t.Errorf("%+v", v)
	}
	d.post(d.ann, "/v1/control-versions/OWN-01.1/approve", "").want(t, 403, "same_person")
	d.post(d.ben, "/v1/control-versions/OWN-01.7/approve", "").want(t, 404, "not_found")
	d.post(d.ben, "/v1/control-versions/OWN-01.1/approve", "").want(t, 200, "").into(t, &v)
	if v.State != "approved" {
		t.Errorf("%+v", v)
	}
	d.post(d.ben, "/v1/control-versions/OWN-01.1/approve", "").want(t, 409, "same")
	d.post(d.ann, "/v1/control-versions", `{"control":"ACC-01","effective_from":"2020-01-01"}`).want(t, 201, "")
	d.post(d.ann, "/v1/control-versions/ACC-01.1/reject", `{"reason":"No."}`).want(t, 403, "same_person")
	d.post(d.ben, "/v1/control-versions/ACC-01.1/reject", `{"reason":" "}`).want(t, 422, "")
	d.post(d.ben, "/v1/control-versions/ACC-01.1/reject", `{"reason":"It tests nothing."}`).want(t, 200, "").into(t, &v)
	if v.State != "rejected" {
		t.Errorf("%+v", v)
	}
	d.post(d.ben, "/v1/control-versions/ACC-01.1/approve", "").want(t, 409, "same")
	d.post(d.ann, "/v1/control-versions", `{"control":"ACC-01","effective_from":"2020-01-01"}`).want(t, 201, "")
	d.post(d.ben, "/v1/control-versions/ACC-01.2/withdraw", `{"reason":"No."}`).want(t, 422, "refused")
	d.post(d.ann, "/v1/control-versions/ACC-01.2/withdraw", `{"reason":""}`).want(t, 422, "refused")
	d.post(d.ann, "/v1/control-versions/ACC-01.2/withdraw", `{"reason":"The wrong file."}`).want(t, 200, "").into(t, &v)
	if v.State != "withdrawn" {
		t.Errorf("%+v", v)
	}
	d.post(d.ben, "/v1/control-versions/adopt", `{}`).want(t, 400, "invalid_request")
	d.post(d.ben, "/v1/control-versions/adopt", `{"controls":["NONE-1"]}`).want(t, 404, "not_found")
	var adopted struct{ Adopted []struct{ ID string } }
	d.post(d.ben, "/v1/control-versions/adopt", `{"controls":["CHG-01"]}`).want(t, 200, "").into(t, &adopted)
	if len(adopted.Adopted) != 1 || adopted.Adopted[0].ID != "CHG-01.1" {
		t.Errorf("%+v", adopted)
	}
	var versions struct{ Versions []struct{ ID string } }
	d.get("/v1/control-versions?control=OWN-01").want(t, 200, "").into(t, &versions)
	if len(versions.Versions) != 1 {
		t.Errorf("%+v", versions)
	}

	// The design.
	const design = `{"control":"OWN-01","risk":"r","precision":"p","walkthrough":"event/0","conclusion":"effective","reason":"w"}`
	d.post(d.owner, "/v1/assessments", design).want(t, 403, "same_person")
	d.post(d.ann, "/v1/assessments", strings.Replace(design, `"risk":"r"`, `"risk":" "`, 1)).want(t, 422, "refused")
	d.post(d.ann, "/v1/assessments", strings.Replace(design, "OWN-01", "NONE-1", 1)).want(t, 404, "not_found")
	d.post(d.ann, "/v1/assessments", design).want(t, 201, "")
	var assessments struct{ Assessments []struct{ Version string } }
	d.get("/v1/assessments?control=OWN-01").want(t, 200, "").into(t, &assessments)
	if len(assessments.Assessments) != 1 || assessments.Assessments[0].Version != "OWN-01.1" {
		t.Errorf("%+v", assessments)
	}

	// A period, and what is tested in it.
	d.post(d.ann, "/v1/periods", `{"name":"P","from":"`+today+`"}`).want(t, 400, "invalid_request")
	d.post(d.ann, "/v1/periods", `{"name":"P","from":"`+next+`","to":"`+today+`"}`).want(t, 422, "invalid_period")
	var period struct{ Name, State, Phase string }
	d.post(d.ann, "/v1/periods", `{"name":"P","from":"`+today+`","to":"`+next+`"}`).want(t, 201, "").into(t, &period)
	if period.Name != "P" || period.Phase != string(periods.Running) {
		t.Errorf("%+v", period)
	}
	d.post(d.ann, "/v1/periods", `{"name":"Q","from":"`+today+`","to":"`+next+`"}`).want(t, 409, "overlap")
	d.post(d.ann, "/v1/periods/P/close", "").want(t, 409, "period_running")
	d.post(d.ann, "/v1/periods/none/close", "").want(t, 404, "not_found")
	merged := apptest.Begin.Format(time.RFC3339)
	d.post(d.ann, "/v1/records/changes", `{"id":"team/c1","title":"bad","author":{"name":"A"},"merged_at":"`+merged+`"}`).want(t, 201, "")
	f.Manual.Advance(25 * time.Hour)
	d.post(d.ann, "/v1/periods/P/close", "").want(t, 200, "").into(t, &period)
	if period.State != periods.Closed {
		t.Errorf("%+v", period)
	}
	d.get("/v1/periods/P").want(t, 200, "")
	d.get("/v1/periods/none").want(t, 404, "not_found")
	d.post(d.ann, "/v1/periods", `{"name":"P2","from":"`+today+`","to":"`+next+`","corrects":"P","reason":"again"}`).want(t, 201, "")
	var all struct {
		Periods []struct{ Name, Corrects string }
	}
	d.get("/v1/periods").want(t, 200, "").into(t, &all)
	if len(all.Periods) != 2 {
		t.Errorf("%+v", all)
	}
	d.test("P")

	// Its deviation.
	var found struct {
		Deviations []struct{ Result, Control, Item, Standing string }
	}
	d.get("/v1/deviations?period=P&open=true").want(t, 200, "").into(t, &found)
	if len(found.Deviations) != 1 || found.Deviations[0].Item != "team/c1" || found.Deviations[0].Standing != "no_cause" {
		t.Fatalf("%+v", found)
	}
	result := found.Deviations[0].Result
	at := "/v1/deviations/" + url.PathEscape(result+"/team/c1")
	d.post(d.ann, at+"/confirm", "").want(t, 409, "nothing_to_confirm")
	for body, code := range map[string]string{
		`{}`:                "invalid_request",
		`{"person":"x"}`:    "invalid_request",
		`{"by":"x"}`:        "invalid_request",
		`{"ursache":"x"}`:   "invalid_request",
		`{"cause":"stars"}`: "refused",
	} {
		status := map[string]int{"invalid_request": 400, "refused": 422}[code]
		d.post(d.ann, at+"/state", body).want(t, status, code)
	}
	d.post(d.ann, "/v1/deviations/"+url.PathEscape(result+"/other")+"/state", `{"cause":"human_error"}`).want(t, 404, "not_found")
	var causes struct{ Causes []struct{ ID string } }
	d.get("/v1/deviations/causes").want(t, 200, "").into(t, &causes)
	if len(causes.Causes) < 3 {
		t.Errorf("%+v", causes)
	}
	const said = `{"cause":"human_error","note":"typed","compensation":"read again","by":"change/team/c1"}`
	d.post(d.ann, at+"/state", said).want(t, 200, "")
	d.post(d.ann, at+"/state", said).want(t, 409, "same")
	d.post(d.ann, at+"/confirm", "").want(t, 403, "same_person")
	d.post(d.owner, at+"/confirm", "").want(t, 403, "same_person")
	d.post(d.ben, at+"/confirm", "").want(t, 200, "")
	d.get("/v1/deviations?period=P&open=true").want(t, 200, "").into(t, &found)
	if len(found.Deviations) != 0 {
		t.Errorf("%+v", found)
	}

	// Conclusions.
	conclude := `{"result":"` + result + `","conclusion":"ineffective","reason":"w"}`
	d.post(d.owner, "/v1/conclusions", conclude).want(t, 403, "same_person")
	d.post(d.auditor, "/v1/conclusions", conclude).want(t, 403, "forbidden")
	d.post(d.ann, "/v1/conclusions", strings.Replace(conclude, result, "RES-99", 1)).want(t, 404, "not_found")
	d.post(d.ann, "/v1/conclusions", strings.Replace(conclude, "ineffective", "fine", 1)).want(t, 422, "refused")
	d.post(d.ann, "/v1/conclusions", strings.Replace(conclude, "{", `{"role":"auditor",`, 1)).want(t, 400, "invalid_request")
	d.post(d.ann, "/v1/conclusions", conclude).want(t, 201, "")
	d.post(d.auditor, "/v1/audit/conclusions", conclude).want(t, 400, "invalid_request")
	d.post(d.ann, "/v1/audit/conclusions", strings.Replace(conclude, "{", `{"role":"auditor",`, 1)).want(t, 403, "forbidden")
	d.post(d.auditor, "/v1/audit/conclusions", strings.Replace(conclude, "{", `{"role":"auditor",`, 1)).want(t, 201, "")
	var conclusions struct{ Conclusions []struct{ Role string } }
	d.get("/v1/conclusions?period=P").want(t, 200, "").into(t, &conclusions)
	if len(conclusions.Conclusions) != 2 || conclusions.Conclusions[1].Role != "auditor" {
		t.Errorf("%+v", conclusions)
	}
	var again struct{ Same bool }
	d.post(d.auditor, "/v1/results/"+result+"/reperform", "").want(t, 200, "").into(t, &again)
	if !again.Same {
		t.Error("the same test gave something else")
	}
	d.post(d.auditor, "/v1/results/RES-99/reperform", "").want(t, 404, "not_found")

	// Resolutions.
	const resolution = `{"control":"OWN-01","test":"titled","period":"P","mismatch":"only here: c2","reason":"documentation"}`
	d.post(d.ann, "/v1/resolutions", strings.Replace(resolution, `"titled"`, `"none"`, 1)).want(t, 422, "invalid_resolution")
	d.post(d.ann, "/v1/resolutions", strings.Replace(resolution, "OWN-01", "NONE-1", 1)).want(t, 404, "not_found")
	d.post(d.ann, "/v1/resolutions", strings.Replace(resolution, `"P"`, `"none"`, 1)).want(t, 404, "not_found")
	d.post(d.ann, "/v1/resolutions", resolution).want(t, 201, "")
	d.post(d.ann, "/v1/resolutions/RSL-1/confirm", "").want(t, 403, "same_person")
	d.post(d.owner, "/v1/resolutions/RSL-1/confirm", "").want(t, 403, "same_person")
	d.post(d.ben, "/v1/resolutions/RSL-9/confirm", "").want(t, 404, "not_found")
	d.post(d.ben, "/v1/resolutions/RSL-1/confirm", "").want(t, 200, "")
	var resolutions struct{ Resolutions []struct{ State string } }
	d.get("/v1/resolutions?period=P").want(t, 200, "").into(t, &resolutions)
	if len(resolutions.Resolutions) != 1 || resolutions.Resolutions[0].State != "confirmed" {
		t.Errorf("%+v", resolutions)
	}

	// Whoever tried alone what takes two is in the ledger.
	denied := map[string]int{}
	if err := ledger.Find(t.Context(), f.DB, ledger.Query{Type: "scaf.access.denied.v1"}, func(e *ledger.Event) error {
		if strings.Contains(string(e.Data), "it takes another person") {
			denied[strings.Split(e.Subject, "/")[0]]++
		}
		return nil
	}); err != nil || denied["control"] != 3 || denied["deviation"] != 2 || denied["result"] != 1 || denied["resolution"] != 2 {
		t.Errorf("recorded %v (%v)", denied, err)
	}
}

func TestEvidenceIsKeptAndRead(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		d := openDesk(t, f, c)
		const at = "/v1/evidence?control=GOV-01&name=minutes.txt&source=wiki&query=page+7&from=2026-01-01&to=2026-04-01"
		add := func(path, body, media string) got {
			t.Helper()
			return c.do(ask{"POST", path, d.ann, body, []string{"Content-Type: " + media}})
		}
		var e struct{ ID, Test, SHA256 string }
		add(at, "minutes", "application/octet-stream").want(t, 201, "").into(t, &e)
		if e.ID != "EVD-1" || e.Test == "" {
			t.Errorf("%+v", e)
		}
		add(at, "minutes", "text/plain").want(t, 415, "unsupported_media_type")
		add(strings.Replace(at, "&from=2026-01-01", "", 1), "minutes", "application/octet-stream").want(t, 400, "invalid_request")
		add(strings.Replace(at, "2026-01-01", "spring", 1), "minutes", "application/octet-stream").want(t, 400, "invalid_request")
		add(strings.Replace(at, "2026-01-01", "2026-05-01", 1), "minutes", "application/octet-stream").want(t, 422, "invalid_evidence")
		add(at, "", "application/octet-stream").want(t, 422, "invalid_evidence")
		add(strings.Replace(at, "GOV-01", "NONE-1", 1), "minutes", "application/octet-stream").want(t, 404, "not_found")
		add(at+"&test=none", "minutes", "application/octet-stream").want(t, 422, "invalid_evidence")
		var all struct{ Evidence []struct{ ID string } }
		d.get("/v1/evidence?control=GOV-01").want(t, 200, "").into(t, &all)
		if len(all.Evidence) != 1 {
			t.Errorf("%+v", all)
		}
		d.get("/v1/evidence/EVD-1").want(t, 200, "")
		d.get("/v1/evidence/EVD-9").want(t, 404, "not_found")
		d.get("/v1/evidence/EVD-9/file").want(t, 404, "not_found")
		g := d.get("/v1/evidence/EVD-1/file").want(t, 200, "")
		if string(g.body) != "minutes" || g.header.Get("ETag") != `"`+e.SHA256+`"` || !strings.HasPrefix(g.header.Get("Content-Disposition"), "attachment;") {
			t.Errorf("%s %v", g.body, g.header)
		}
		viewed := 0
		if err := ledger.Find(t.Context(), f.DB, ledger.Query{Type: "scaf.access.viewed.v1"}, func(e *ledger.Event) error {
			if e.Subject == "evidence/EVD-1" {
				viewed++
			}
			return nil
		}); err != nil || viewed != 1 {
			t.Errorf("the reading was recorded %d times (%v)", viewed, err)
		}
	})
}
