package regulations

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/outbound"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Fetched is what came of reading the feeds.
type Fetched struct {
	Feeds   int `json:"feeds"`
	Failed  int `json:"failed"`
	Notices int `json:"notices"` // new ones
}

// Fetch reads every feed that is followed, over a client that keeps to the limits of
// package outbound, and puts what is new into the triage list. A feed that cannot be
// read says why in its record; the others are read all the same.
func Fetch(ctx context.Context, door *act.Door, caller act.Caller, client *http.Client) (*Fetched, error) {
	if err := door.Check(ctx, caller, "regulatory_feed.fetch", Feeds.Register); err != nil {
		return nil, err
	}
	var feeds []*Feed
	if err := door.DB.Read(ctx, func(r *store.Reader) error {
		feeds = nil
		_, err := record.List(r, Feeds, record.Query{Filter: `item.state == "followed"`}, func(v *record.Version) error {
			f := &Feed{}
			feeds = append(feeds, f)
			return json.Unmarshal(v.Doc, f)
		})
		return err
	}); err != nil {
		return nil, err
	}
	done := &Fetched{Feeds: len(feeds)}
	for i, f := range feeds {
		act.Reached(ctx, "feeds read", i, len(feeds))
		entries, unread, failure := get(ctx, client, f.URL)
		if ctx.Err() != nil {
			return done, ctx.Err()
		}
		if failure != nil {
			done.Failed++
		}
		n := 0
		if _, err := door.Do(ctx, caller, "regulatory_feed.fetch", Feeds.Name+"/"+f.ID, func(tx *act.Tx) (err error) {
			n, err = take(tx, f.ID, entries, unread, failure)
			return err
		}); err != nil {
			return done, err
		}
		done.Notices += n
	}
	return done, nil
}

// Standing counts the feeds that are followed, and those that could not be read the last
// time that it was tried.
func Standing(r *store.Reader) (read, failed int, err error) {
	_, err = record.List(r, Feeds, record.Query{Filter: `item.state == "followed"`}, func(v *record.Version) error {
		f := &Feed{}
		if err := json.Unmarshal(v.Doc, f); err != nil {
			return err
		}
		switch {
		case f.Failure != "":
			failed++
		case f.FetchedAt != nil:
			read++
		}
		return nil
	})
	return read, failed, err
}

// get reads the entries of a feed from where it is, as Read does.
func get(ctx context.Context, client *http.Client, address string) (all []Entry, unread int, err error) {
	if err := outbound.CheckURL(address); err != nil {
		return nil, 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: it cannot be asked", outbound.ErrAddress)
	}
	request.Header.Set("Accept", "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.9")
	request.Header.Set("User-Agent", "scaf")
	response, err := client.Do(request)
	if err != nil {
		return nil, 0, outbound.Anonymous(request.URL.Host, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text := fmt.Sprintf("%s answered %d %s", request.URL.Host, response.StatusCode, http.StatusText(response.StatusCode))
		if response.StatusCode/100 == 3 {
			text += ": redirects are not followed, give the address that it leads to"
		}
		return nil, 0, errors.New(text)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxFeed+1))
	if err != nil {
		return nil, 0, outbound.Anonymous(request.URL.Host, err)
	}
	return Read(text)
}

// noticeID is that of an entry: the same entry read again has the same.
func noticeID(feed string, entry *Entry) string {
	sum := sha256.Sum256([]byte(feed + "\n" + entry.GUID))
	return "N-" + hex.EncodeToString(sum[:8])
}

// take writes what a feed has brought, and that it was read.
func take(tx *act.Tx, id string, entries []Entry, unread int, failure error) (n int, err error) {
	v, err := record.Get(&tx.Reader, Feeds.Name, id)
	if err != nil {
		return 0, err
	}
	f := &Feed{}
	if err := json.Unmarshal(v.Doc, f); err != nil {
		return 0, err
	}
	now, verb := tx.Now(), "fetched"
	if failure != nil && f.Failure == "" {
		verb = Failing
	}
	if f.TriedAt, f.Failure = &now, ""; failure != nil {
		f.Failure = strings.ToValidUTF8(failure.Error(), "")
	} else {
		f.FetchedAt, f.Unread = &now, unread
	}
	var ids []string
	for i := range entries {
		ids = append(ids, noticeID(id, &entries[i]))
	}
	known, err := record.Current(&tx.Reader, Notices.Name, ids)
	if err != nil {
		return 0, err
	}
	var changes []record.Change
	for i, entry := range entries {
		if _, there := known[ids[i]]; there {
			continue
		}
		known[ids[i]] = nil // the same one twice in a feed
		one := &Notice{
			ID: ids[i], Title: entry.Title, Link: entry.Link, Summary: entry.Summary, Feed: Feeds.Name + "/" + id, Jurisdiction: f.Jurisdiction,
			Owner: f.Owner, PublishedAt: entry.PublishedAt, FoundAt: &now, State: New,
		}
		one.Compute()
		changes = append(changes, record.Change{Verb: "found", ID: one.ID, Doc: one})
	}
	if len(changes) > 0 {
		if _, err := record.Put(tx, Notices, changes...); err != nil {
			return 0, err
		}
	}
	f.Taken += len(changes)
	_, err = record.Put(tx, Feeds, record.Change{Verb: verb, ID: id, Doc: f, Expect: v.Version})
	return len(changes), err
}
