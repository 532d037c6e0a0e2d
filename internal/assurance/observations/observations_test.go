package observations_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// line is an observation whose fields are changed by the pairs; a nil value
// takes one away.
func line(pairs ...any) string {
	fields := map[string]any{
		"resource": "tls://a", "check": "tls", "source": "probe", "query": "a", "observed_at": "2026-03-01T09:00:00Z", "outcome": "read", "value": map[string]any{"b": 1, "a": 2},
	}
	for i := 0; i < len(pairs); i += 2 {
		name := fmt.Sprint(pairs[i])
		if fields[name] = pairs[i+1]; pairs[i+1] == nil {
			delete(fields, name)
		}
	}
	data, _ := json.Marshal(fields) // maps of texts and numbers
	return string(data)
}

func TestWhatAnObservationMustSay(t *testing.T) {
	for text, says := range map[string]string{
		line():                                      "",
		line("outcome", "absent", "value", nil):     "",
		line("resource", nil):                       "resource is missing",
		line("check", " "):                          "check is missing",
		line("source", nil):                         "source is missing",
		line("query", nil):                          "query is missing",
		line("observed_at", nil):                    "observed_at is missing",
		line("observed_at", "yesterday"):            "is not an RFC 3339 time",
		line("outcome", nil):                        "outcome is missing",
		line("outcome", "fine"):                     `outcome "fine" is not known`,
		line("value", nil):                          "value is missing, or no JSON object",
		line("value", 1):                            "value is missing, or no JSON object",
		line("outcome", "absent"):                   "value stands beside the outcome absent",
		line("outcome", "failed", "value", nil):     "reason is missing",
		line("reason", "x"):                         "reason is why a probe failed",
		line("resource", strings.Repeat("x", 2001)): "resource has 2001 bytes",
		line("value", map[string]string{"x": strings.Repeat("x", 33<<10)}): "value has",
		line("extra", 1): "unknown field",
		line() + "{}":    "there is more",
		"[]":             "no observation",
		"{":              "no observation",
	} {
		_, err := observations.Parse([]byte(text))
		if says == "" && err != nil || says != "" && (!errors.Is(err, observations.ErrInvalid) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.100s: %v, want %q", text, err, says)
		}
	}
}

// An observation that is taken is canonical, and reads as itself again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{line(), line("outcome", "failed", "value", nil, "reason", "x"), line("observed_at", "2026-03-01T09:00:00.123456789+02:00"), `{"value":{"a":1,"a":2}}`, ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := observations.Parse(data)
		if err != nil {
			if !errors.Is(err, observations.ErrInvalid) || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("%q", err)
			}
			return
		}
		again, err := record.Canonical(o)
		if err != nil {
			t.Fatal(err)
		}
		same, err := observations.Parse(again)
		if err != nil || same.Resource != o.Resource || !same.ObservedAt.Equal(o.ObservedAt) || string(same.Value) != string(o.Value) {
			t.Fatalf("%s reads as %+v: %v", again, same, err)
		}
	})
}

// A file is taken once, whole or not at all, and the import says for what it
// speaks; a snapshot of the events gives what was recorded.
func TestImport(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		run := func(content string) (*record.Completed, error) {
			return (&observations.Import{DB: f.DB, Door: f.Door, Name: "f.jsonl", File: strings.NewReader(content)}).Run(t.Context(), apptest.Operator, f.Manual.Now())
		}
		size := func() (n int64) {
			if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
				head, err := ledger.ReadHead(r)
				n = head.Size
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		for content, says := range map[string]string{
			"":                                 "holds none",
			line() + "\n" + line("query", nil): "f.jsonl:2: no observation: query is missing",
			line() + "\n" + line("observed_at", apptest.Begin.Add(time.Second).Format(time.RFC3339)): "has not come",
		} {
			if _, err := run(content); err == nil || !strings.Contains(err.Error(), says) || size() != 0 {
				t.Errorf("%v, want %q; %d events", err, says, size())
			}
		}
		var all strings.Builder
		for i := range act.MaxBatch + 2 {
			all.WriteString(line("observed_at", apptest.Begin.Add(-time.Duration(i+1)*time.Minute).Format(time.RFC3339)) + "\n")
		}
		all.WriteString(line("observed_at", apptest.Begin.Add(-time.Minute).Format(time.RFC3339)) + "\n") // again
		done, err := run(all.String())
		if err != nil || done.Taken != act.MaxBatch+2 || done.Skipped != 1 || done.Scope != "probe" || !done.Complete || !done.Until.Equal(apptest.Begin.Add(-time.Minute+time.Microsecond)) {
			t.Fatalf("%+v %v", done, err)
		}
		if done, err = run(all.String()); err != nil || done.Taken != 0 || done.Skipped != act.MaxBatch+3 {
			t.Errorf("again: %+v %v", done, err)
		}
		if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
			found := 0
			err := populations.Stored(r).Events(ledger.Query{Type: observations.RecordedType}, func(e *ledger.Event) error {
				found++
				if !strings.Contains(string(e.Data), `"value":{"a":2,"b":1}`) || e.Subject != "tls://a" {
					t.Errorf("%s", e.Data)
				}
				return nil
			})
			if found != act.MaxBatch+2 {
				t.Errorf("%d observations", found)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}
