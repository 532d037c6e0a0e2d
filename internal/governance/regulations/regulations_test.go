package regulations_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

const (
	regulation = `{"title":"A law","kind":"law","jurisdiction":"EU","source":"https://law.example","owner":"person/owner"}`
	applies    = `{"applies":"yes","reason":"We have customers there","impact":"A new notice","obligations":["Answer within a month"]}`
)

func TestRegulations(t *testing.T) {
	retired := `{"retired_reason":"Repealed"}`
	impact, obligations := strings.Replace(applies, "A new notice", "", 1), strings.Replace(applies, `"Answer within a month"`, "", 1)
	recordtest.Exercise(t, recordtest.Register{
		Kind: regulations.Register, New: regulation, Set: `{"citation":"1/2026"}`,
		Fields:     map[string]string{"listed reviewed": applies, "reviewed reviewed": strings.Replace(applies, "customers", "suppliers", 1), "listed retired": retired, "reviewed retired": retired},
		Refused:    map[string]string{"owner": `{"owner":"Ada"}`, "kind": `{"kind":"rumour"}`, "applies": `{"applies":"maybe"}`, "policies": `{"policies":["privacy"]}`},
		GuardFalse: map[string]string{"listed reviewed impact": impact, "reviewed reviewed impact": impact, "listed reviewed obligations": obligations, "reviewed reviewed obligations": obligations},
	})
}

// A document of before has a due date that people set, and the review of that date.
func TestRegulationsOfBeforeGetTheirRounds(t *testing.T) {
	change := regulations.Register.Migrations[0].Change
	for name, test := range map[string]struct{ was, want string }{
		"listed":  {`{"id":"REG-1","state":"listed","due_at":"2026-03-15T00:00:00Z"}`, `{"due_at":"2026-03-31T00:00:00Z","id":"REG-1","listed_at":"2026-03-15T00:00:00Z","state":"listed"}`},
		"retired": {`{"id":"REG-1","state":"retired","due_at":"2026-03-15T00:00:00Z"}`, `{"id":"REG-1","listed_at":"2026-03-15T00:00:00Z","state":"retired"}`},
		"put off": {`{"id":"REG-1","state":"listed","due_at":"2036-03-15T00:00:00Z"}`, `{"due_at":"2026-12-31T00:00:00Z","id":"REG-1","listed_at":"2026-12-31T00:00:00Z","state":"listed"}`},
		"no date": {`{"id":"REG-1","state":"listed"}`, `{"id":"REG-1","state":"listed"}`},
		"reviewed": {`{"id":"REG-1","state":"reviewed","owner":"person/a","applies":"no","reason":"r","due_at":"2026-03-15T00:00:00Z","reviewed_at":"2026-04-01T00:00:00Z","reviewed_by":"person/b","reviewed_due":"2026-03-15T00:00:00Z"}`,
			`{"applies":"no","due_at":"2026-06-30T00:00:00Z","id":"REG-1","listed_at":"2026-03-15T00:00:00Z","owner":"person/a","reason":"r","reviewed_at":"2026-04-01T00:00:00Z","reviewed_by":"person/b","reviews":[{"applies":"no","at":"2026-04-01T00:00:00Z","by":"person/b","due_at":"2026-03-31T00:00:00Z","owner":"person/a","reason":"r","round":"2026-Q1"}],"state":"reviewed"}`},
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

func TestFeeds(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: regulations.Feeds, New: `{"title":"Authority","url":"https://authority.example/feed.xml","jurisdiction":"EU","owner":"person/owner"}`, Set: `{"title":"The authority"}`,
		Refused: map[string]string{"owner": `{"owner":"Ada"}`, "url": `{"url":"http://authority.example/feed.xml"}`, "jurisdiction": `{"jurisdiction":""}`},
	})
}

func TestNotices(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: regulations.Notices, New: `{"title":"A new law","feed":"regulatory_feed/FEED-1","owner":"person/owner","found_at":"2026-03-01T00:00:00Z"}`,
		Set: `{"summary":"It is longer"}`, ID: func(n int) string { return fmt.Sprintf("n%d", n) },
		Fields:  map[string]string{"new taken": `{"regulation":"regulation/REG-1"}`, "new dismissed": `{"reason":"Of another trade"}`},
		Refused: map[string]string{"owner": `{"owner":"Ada"}`, "link": `{"link":"javascript:alert(1)"}`, "feed": `{"feed":"FEED-1"}`},
		With:    record.Kinds{regulations.Register},
		Seed: func(tx *act.Tx) error {
			r := &regulations.Regulation{ID: "REG-1", Title: "A law", State: regulations.Listed}
			_, err := record.Put(tx, regulations.Register, record.Change{Verb: "added", ID: r.ID, Doc: r})
			return err
		},
	})
}
