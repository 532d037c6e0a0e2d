package api_test

import (
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/periods"
)

const seen = `{"resource":"tls://a","check":"tls","source":"probe","query":"a","observed_at":"2026-02-01T09:00:00Z","outcome":"read","value":{"ok":true}}`

func TestObservationsAreRecordedAllOrNone(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		token, _ := f.Token(t, "ingester", time.Hour)
		post := func(body string) got {
			return c.do(ask{method: "POST", path: "/v1/observations", token: token, body: body, headers: []string{"Content-Type: application/json"}})
		}
		var receipts []act.Receipt
		post("["+seen+","+strings.Replace(seen, "tls://a", "tls://b", 1)+"]").want(t, 201, "").into(t, &receipts)
		if len(receipts) != 2 || receipts[1].Index != receipts[0].Index+1 {
			t.Errorf("%+v", receipts)
		}
		for body, code := range map[string]string{
			"[" + seen + `,{"resource":"x"}]`: "invalid_observation",
			"[]":                              "invalid_observation",
			"[" + strings.Replace(seen, "2026", "2999", 1) + "]": "invalid_observation",
		} {
			post(body).want(t, 422, code)
		}
		from := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
		if _, err := periods.OpenPeriod(t.Context(), f.Door, apptest.Operator, periods.Period{Name: "P", From: from, To: from.AddDate(0, 0, 2), Timezone: "UTC"}); err != nil {
			t.Fatal(err)
		}
		if _, err := periods.Close(t.Context(), f.Door, apptest.Operator, "P"); err != nil {
			t.Fatal(err)
		}
		post("["+seen+"]").want(t, 409, "period_closed")
		auditor, _ := f.Token(t, "auditor", time.Hour)
		var gaps struct{ Missing []struct{ Kind, What string } }
		c.do(ask{method: "GET", path: "/v1/gaps?period=P", token: auditor}).want(t, 200, "").into(t, &gaps)
		if len(gaps.Missing) == 0 {
			t.Error("nothing is missing")
		}
		c.do(ask{method: "GET", path: "/v1/gaps?period=none", token: auditor}).want(t, 404, "not_found")
	})
}

func TestATokenReviewsWhatAnotherPrepared(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		preparer, id := f.Token(t, "compliance", time.Hour)
		reviewer, _ := f.Token(t, "compliance", time.Hour)
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		if _, err := documents.Add(t.Context(), f.Door, f.Blobs, act.Caller{ID: "token/" + id, Roles: []string{"compliance"}}, documents.Evidence{
			Control: "GOV-01", Test: "meetings", File: "m", Source: "s", Query: "q", From: from, To: from.AddDate(0, 3, 0),
		}, strings.NewReader("minutes")); err != nil {
			t.Fatal(err)
		}
		review := func(token, id, body string) got {
			return c.do(ask{method: "POST", path: "/v1/evidence/" + id + "/review", token: token, body: body, headers: []string{"Content-Type: application/json"}})
		}
		const good = `{"conclusion":"accepted","reason":"all there"}`
		review(preparer, "EVD-1", good).want(t, 403, "same_person")
		review(reviewer, "EVD-2", good).want(t, 404, "not_found")
		review(reviewer, "EVD-1", `{"conclusion":"accepted"}`).want(t, 422, "invalid_evidence")
		review(reviewer, "EVD-1", `{"conclusion":"maybe","reason":"x"}`).want(t, 422, "invalid_evidence")
		review(reviewer, "EVD-1", `{"verdict":"x"}`).want(t, 400, "invalid_request")
		var e documents.Evidence
		review(reviewer, "EVD-1", good).want(t, 200, "").into(t, &e)
		if e.State != documents.Accepted || e.Review == nil || e.Review.EnteredBy != "" {
			t.Errorf("%+v", e)
		}
		review(reviewer, "EVD-1", good).want(t, 409, "same")
	})
}
