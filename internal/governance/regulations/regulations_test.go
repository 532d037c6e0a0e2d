package regulations_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

const (
	regulation = `{"title":"A law","kind":"law","jurisdiction":"EU","source":"https://law.example","owner":"person/owner","due_at":"2036-03-31T00:00:00Z"}`
	applies    = `{"applies":"yes","reason":"We have customers there","impact":"A new notice","obligations":["Answer within a month"]}`
)

func TestRegulations(t *testing.T) {
	retired, nothing := `{"retired_reason":"Repealed"}`, strings.Replace(applies, "A new notice", "", 1)
	recordtest.Exercise(t, recordtest.Register{
		Kind: regulations.Register, New: regulation, Set: `{"citation":"1/2026"}`,
		Fields:     map[string]string{"listed reviewed": applies, "reviewed reviewed": strings.Replace(applies, "customers", "suppliers", 1), "listed retired": retired, "reviewed retired": retired},
		Refused:    map[string]string{"owner": `{"owner":"Ada"}`, "kind": `{"kind":"rumour"}`, "applies": `{"applies":"maybe"}`, "policies": `{"policies":["privacy"]}`},
		GuardFalse: map[string]string{"listed reviewed": nothing, "reviewed reviewed": nothing},
	})
}

func TestANewDueDateHasNotBeenReviewed(t *testing.T) {
	at := func(day int) *time.Time { t := time.Date(2026, 3, day, 0, 0, 0, 0, time.UTC); return &t }
	r := &regulations.Regulation{DueAt: at(31), ReviewedAt: at(20), ReviewedBy: "person/x"}
	if r.Compute(); r.ReviewedAt == nil || !r.ReviewedDue.Equal(*at(31)) {
		t.Errorf("%+v", r)
	}
	r.DueAt = at(30)
	if r.Compute(); r.ReviewedAt != nil || r.ReviewedBy != "" || r.ReviewedDue != nil {
		t.Errorf("%+v", r)
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
