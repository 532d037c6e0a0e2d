package portal_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// The page of a feed says how many of its entries were left out.
func TestTheFeedsPageSaysWhatWasLeftOut(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	if _, err := s.Door.Do(context.Background(), apptest.Operator, "regulatory_feed.add", "regulatory_feeds", func(tx *act.Tx) error {
		feed := regulations.Feed{ID: "FEED-1", Title: "Authority", URL: "https://authority.example/feed.xml", Jurisdiction: "EU", Owner: "person/E1", State: regulations.Followed}
		other := feed
		feed.Unread, other.ID = 2800, "FEED-2"
		_, err := record.Put(tx, regulations.Feeds, record.Change{Verb: "added", ID: feed.ID, Doc: &feed}, record.Change{Verb: "added", ID: other.ID, Doc: &other})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	b.get("/r/regulatory_feeds/FEED-1").want(t, http.StatusOK, "<dt>Entries not read</dt><dd>2800")
	if got := b.get("/r/regulatory_feeds/FEED-2").want(t, http.StatusOK); strings.Contains(got.body, "Entries not read") {
		t.Error("a feed of which all was read says that something was not")
	}
}
