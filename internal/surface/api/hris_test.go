package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/webhook"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface/api"
)

const hrisSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

// The HR system's messages are taken when they are signed, lately, once, whole.
func TestPeopleComeByASignedWebhook(t *testing.T) {
	t.Setenv("SCAF_TEST_HRIS", hrisSecret)
	for name, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": apptest.Postgres} {
		t.Run(name, func(t *testing.T) {
			f := apptest.New(t, config.Config{Database: database(t), HRIS: &config.HRIS{Secret: config.Secret{Env: "SCAF_TEST_HRIS"}}})
			c, _ := serve(t, f, api.DefaultTimeouts)
			post := func(secret, id string, at time.Time, body string, more ...string) got {
				t.Helper()
				keys, err := webhook.ParseKeys(secret)
				if err != nil {
					t.Fatal(err)
				}
				signed, err := keys.Sign(id, at, []byte(body))
				if err != nil {
					t.Fatal(err)
				}
				headers := []string{"Content-Type: application/json"}
				for name := range signed {
					headers = append(headers, name+": "+signed.Get(name))
				}
				return c.do(ask{"POST", "/v1/hris/people", "", body, append(headers, more...)})
			}
			message := func(person string) string {
				return fmt.Sprintf(`{"type":"people.changed","timestamp":"2026-03-01T09:00:00Z","data":{"people":[%s]}}`, person)
			}
			ada, now := message(`{"id":"E1","name":"Ada"}`), f.Manual.Now()
			count := func(want int64) {
				t.Helper()
				if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
					n, err := record.Count(r, record.Range{Kind: people.Register.Name})
					if n != want {
						t.Errorf("%d people, want %d", n, want)
					}
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
			for what, answer := range map[string]got{
				"another secret": post("whsec_"+strings.Repeat("QUJD", 10), "m1", now, ada),
				"too old":        post(hrisSecret, "m1", now.Add(-6*time.Minute), ada),
				"too new":        post(hrisSecret, "m1", now.Add(6*time.Minute), ada),
				"no signature":   c.do(ask{"POST", "/v1/hris/people", "", ada, []string{"Content-Type: application/json"}}),
				"another body": func() got {
					keys, _ := webhook.ParseKeys(hrisSecret)
					signed, _ := keys.Sign("m1", now, []byte(ada))
					headers := []string{"Content-Type: application/json"}
					for name := range signed {
						headers = append(headers, name+": "+signed.Get(name))
					}
					return c.do(ask{"POST", "/v1/hris/people", "", strings.Replace(ada, "Ada", "Eve", 1), headers})
				}(),
			} {
				if answer.status != 401 || answer.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s: %d %s", what, answer.status, answer.body)
				}
			}
			count(0)
			var done people.Delivered
			post(hrisSecret, "m1", now, ada).want(t, 200, "").into(t, &done)
			if done.Added != 1 || done.ID != "m1" {
				t.Errorf("%+v", done)
			}
			count(1)
			f.Manual.Advance(4 * time.Minute)
			post(hrisSecret, "m1", now, ada).want(t, 200, "") // the same once more: nothing happens
			post(hrisSecret, "m1", now, message(`{"id":"E2","name":"Ben"}`)).want(t, 409, "conflict")
			f.Manual.Advance(2 * time.Minute)
			post(hrisSecret, "m1", now, ada).want(t, 401, "unauthenticated") // replayed
			now = f.Manual.Now()
			bad := post(hrisSecret, "m2", now, message(`{"id":"E2","name":"Ben"},{"id":"E3","name":"Cyd","email":"nobody"}`)).want(t, 422, "invalid_record")
			if !strings.Contains(string(bad.body), `"field":"data.people[1].email"`) {
				t.Errorf("%s", bad.body)
			}
			post(hrisSecret, "m2", now, `{"type":"x"}`).want(t, 422, "invalid_record")
			post(hrisSecret, "m2", now, `{`).want(t, 422, "invalid_record")
			post(hrisSecret, "m2", now, message(strings.Repeat(" ", 1<<20))).want(t, 413, "too_large")
			c.do(ask{"POST", "/v1/hris/people", "", ada, []string{"Content-Type: text/xml", "webhook-signature: v1,x"}}).want(t, 415, "unsupported_media_type")
			count(1)
			post(hrisSecret, "m2", now, message(`{"id":"E2","name":"Ben `+"\u202e🙂"+`"}`)).want(t, 200, "")
			count(2)
			if log := c.log.String(); !strings.Contains(log, "no signature is right") || strings.Contains(log, "whsec_") || strings.Contains(log, "Ada") {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

// Where no HR system is configured, nobody is one.
func TestNobodyIsTheHRSystemOfNone(t *testing.T) {
	f := apptest.New(t, config.Config{})
	c, _ := serve(t, f, api.DefaultTimeouts)
	c.do(ask{"POST", "/v1/hris/people", "", `{}`, []string{"Content-Type: application/json", "webhook-id: m", "webhook-timestamp: 1", "webhook-signature: v1,x"}}).want(t, 401, "unauthenticated")
}
