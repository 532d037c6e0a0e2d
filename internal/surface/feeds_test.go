package surface_test

import (
	"compress/gzip"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// authority serves feeds, good and bad ones, over TLS on loopback.
func authority(t *testing.T) (address, roots string) {
	t.Helper()
	entry := `<item><guid>%s</guid><title>%[1]s</title></item>`
	rss := func(entries ...string) string {
		text := `<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>`
		for _, one := range entries {
			text += fmt.Sprintf(entry, one)
		}
		return text + `</channel></rss>`
	}
	reads := 0
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/good":
			reads++
			text := rss("one", "two", "two")
			if reads > 1 {
				text = rss("three", "one", "two")
			}
			_, _ = io.WriteString(w, text)
		case "/many":
			_, _ = io.WriteString(w, rss(strings.Split(strings.Repeat("entry,", 203), ",")...))
		case "/moved":
			http.Redirect(w, r, "/good", http.StatusMovedPermanently)
		case "/inside":
			http.Redirect(w, r, "https://169.254.169.254/latest", http.StatusFound)
		case "/bomb":
			_, _ = io.WriteString(w, `<!DOCTYPE l [<!ENTITY a "b">]>`+rss("&a;"))
		case "/large": // small on its way, large when it is unpacked
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, strings.Repeat(" ", 64<<20))
			_ = z.Close()
		default:
			http.Error(w, "x", http.StatusTeapot)
		}
	}))
	t.Cleanup(s.Close)
	roots = filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.URL, roots
}

func TestFeedsAreReadIntoTheTriageListAndWhatFailsSaysWhy(t *testing.T) {
	address, roots := authority(t)
	night := act.JobCaller("regulations.fetch")
	f := apptest.New(t, config.Config{Feeds: &config.Feeds{AllowPrivate: []string{"127.0.0.0/8"}, Roots: roots}})
	wants := []struct{ path, failure string }{
		{"/good", ""}, {"/moved", "redirects are not followed"}, {"/inside", "redirects are not followed"}, {"/bomb", "declares entities"}, {"/large", "larger than 2 MiB"}, {"/none", "answered 418"},
	}
	f.People(t, "lead")
	for _, want := range wants {
		follow(t, f, address+want.path)
	}
	for i, notices := range []int{2, 1, 0} {
		f.Manual.Advance(24 * time.Hour)
		done, err := f.FetchFeeds(t.Context(), night)
		if err != nil || done.Feeds != len(wants) || done.Failed != len(wants)-1 || done.Notices != notices {
			t.Errorf("reading %d: %+v %v, want %d notices", i, done, err, notices)
		}
	}
	for i, want := range wants {
		feed := feedOf(t, f, fmt.Sprintf("FEED-%d", i+1))
		if (feed.Failure == "") != (want.failure == "") || !strings.Contains(feed.Failure, want.failure) || (feed.FetchedAt == nil) != (want.failure != "") || feed.TriedAt == nil {
			t.Errorf("%s: %+v, want %q", want.path, feed, want.failure)
		}
	}
	var titles []string
	if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
		return record.Each(r, record.Range{Kind: regulations.Notices.Name}, func(v *record.Version) error {
			n := &regulations.Notice{}
			titles = append(titles, v.ID)
			if err := json.Unmarshal(v.Doc, n); err != nil || n.Feed != "regulatory_feed/FEED-1" || n.Owner != "person/lead" || n.Jurisdiction != "EU" || n.DueAt == nil {
				t.Errorf("%s: %v", v.Doc, err)
			}
			return nil
		})
	}); err != nil || len(titles) != 3 {
		t.Errorf("%v %v", titles, err)
	}
	if _, err := f.MoveRecord(t.Context(), apptest.Operator, regulations.Feeds, "FEED-1", record.AnyVersion, regulations.Paused, nil); err != nil {
		t.Fatal(err)
	}
	f.Manual.Advance(24 * time.Hour)
	if done, err := f.FetchFeeds(t.Context(), night); err != nil || done.Feeds != len(wants)-1 {
		t.Errorf("a feed that is paused is read: %+v %v", done, err)
	}
}

// A feed says how many of its entries were not read, and no more once they are.
func TestAFeedSaysHowManyEntriesWereLeftOut(t *testing.T) {
	address, roots := authority(t)
	f := apptest.New(t, config.Config{Feeds: &config.Feeds{AllowPrivate: []string{"127.0.0.0/8"}, Roots: roots}})
	f.People(t, "lead")
	follow(t, f, address+"/many")
	for _, c := range []struct {
		path   string
		unread int
	}{{"/many", 4}, {"/good", 0}} {
		if _, err := f.SetRecord(t.Context(), apptest.Operator, regulations.Feeds, "FEED-1", record.AnyVersion, apptest.Fields(t, `{"url":"`+address+c.path+`"}`)); err != nil && !errors.Is(err, record.ErrSame) {
			t.Fatal(err)
		}
		f.Manual.Advance(24 * time.Hour)
		if _, err := f.FetchFeeds(t.Context(), act.JobCaller("regulations.fetch")); err != nil {
			t.Fatal(err)
		}
		if feed := feedOf(t, f, "FEED-1"); feed.Unread != c.unread || feed.Failure != "" {
			t.Errorf("%s: %d were not read, want %d: %s", c.path, feed.Unread, c.unread, feed.Failure)
		}
	}
}

func TestFeedsOfPrivateAddressesAreNotReadUnlessTheyAreNamed(t *testing.T) {
	address, roots := authority(t)
	for name, c := range map[string]*config.Feeds{"private": {Roots: roots}, "untrusted": {AllowPrivate: []string{"127.0.0.0/8"}}, "of another network": {AllowPrivate: []string{"10.0.0.0/8"}, Roots: roots}} {
		f := apptest.New(t, config.Config{Feeds: c})
		f.People(t, "lead")
		follow(t, f, address+"/good")
		done, err := f.FetchFeeds(t.Context(), apptest.Operator)
		want := map[bool]string{true: "certificate", false: "not public"}[name == "untrusted"]
		if feed := feedOf(t, f, "FEED-1"); err != nil || done.Failed != 1 || !strings.Contains(feed.Failure, want) {
			t.Errorf("%s: %+v %v %s", name, done, err, feed.Failure)
		}
	}
	if _, err := (&config.Feeds{AllowPrivate: []string{"127.0.0.1"}}).Private(); err == nil || !strings.Contains(err.Error(), "feeds.allow_private") {
		t.Errorf("an address that is no network: %v", err)
	}
}

func follow(t *testing.T, f *apptest.Folder, address string) {
	t.Helper()
	if _, err := f.AddRecord(t.Context(), apptest.Operator, regulations.Feeds, apptest.Fields(t, `{"title":"Authority","jurisdiction":"EU","owner":"person/lead","url":"`+address+`"}`)); err != nil {
		t.Fatal(err)
	}
}

func feedOf(t *testing.T, f *apptest.Folder, id string) (feed regulations.Feed) {
	t.Helper()
	if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
		v, err := record.Get(r, regulations.Feeds.Name, id)
		if err != nil {
			return err
		}
		return json.Unmarshal(v.Doc, &feed)
	}); err != nil {
		t.Fatal(err)
	}
	return feed
}

// Whoever keeps the registers and whoever owns a feed are told once that it cannot be read,
// and again when it begins to fail another time.
func TestAFeedThatFailsIsToldOnce(t *testing.T) {
	address, roots := authority(t)
	o := openTold(t, apptest.New(t, config.Config{Feeds: &config.Feeds{AllowPrivate: []string{"127.0.0.0/8"}, Roots: roots}}))
	feed := o.add(regulations.Feeds, map[string]any{"title": "Authority", "jurisdiction": "EU", "owner": "person/E1", "url": address + "/none"})
	o.add(regulations.Feeds, map[string]any{"title": "Other authority", "jurisdiction": "EU", "owner": "person/E1", "url": address + "/good"})
	read := func(path string) {
		t.Helper()
		if path != "" {
			o.set(regulations.Feeds, feed, map[string]any{"url": address + path})
		}
		o.Manual.Advance(time.Hour)
		if _, err := o.FetchFeeds(t.Context(), act.JobCaller(surface.FeedsJob)); err != nil {
			t.Fatal(err)
		}
		o.run()
	}
	read("")
	read("")
	line := "The feed Authority cannot be read -> "
	o.wants("person/E2", notifications.Job, line+"/r/regulatory_feeds/"+feed)
	o.wants("person/E1", notifications.Job, line+"/r/regulatory_feeds/"+feed)
	o.wants("person/E3", notifications.Job)
	read("/good")
	read("/moved")
	o.wants("person/E2", notifications.Job, line+"/r/regulatory_feeds/"+feed, line+"/r/regulatory_feeds/"+feed)
}
