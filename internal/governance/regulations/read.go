package regulations

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/microcosm-cc/bluemonday"
	"github.com/mmcdole/gofeed"
	"golang.org/x/net/html/charset"
)

// Limits of a feed: beyond them it is refused, or what is beyond is left out.
const (
	MaxFeed    = 2 << 20 // bytes of a feed, unpacked
	maxEntries = 200     // entries that are read of it, the first ones
	maxDepth   = 64      // elements within elements
	maxTitle   = 300     // characters
	maxSummary = 1200
	maxLink    = 2000
)

// Entry is one of a feed, as text without markup.
type Entry struct {
	GUID, Title, Link, Summary string
	PublishedAt                *time.Time
}

// ErrFeed says that something is no feed that can be read.
var ErrFeed = errors.New("it is no feed that can be read")

// Read reads an RSS or Atom feed, and says how many entries it has beyond those. Declared entities, depth and size beyond the
// limits are refused.
func Read(text []byte) (all []Entry, unread int, err error) {
	if len(text) > MaxFeed {
		return nil, 0, fmt.Errorf("%w: it is larger than %d MiB", ErrFeed, MaxFeed>>20)
	}
	if err := harmless(text); err != nil {
		return nil, 0, err
	}
	if kind := gofeed.DetectFeedType(bytes.NewReader(text)); kind != gofeed.FeedTypeRSS && kind != gofeed.FeedTypeAtom {
		return nil, 0, fmt.Errorf("%w: it is neither RSS nor Atom", ErrFeed)
	}
	feed, err := gofeed.NewParser().Parse(bytes.NewReader(text))
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %.200s", ErrFeed, err.Error())
	}
	unread = max(0, len(feed.Items)-maxEntries)
	for _, item := range feed.Items[:min(maxEntries, len(feed.Items))] {
		if item == nil {
			continue
		}
		one := Entry{GUID: item.GUID, Title: plain(item.Title, maxTitle), Link: link(item.Link), Summary: plain(item.Description, maxSummary), PublishedAt: item.PublishedParsed}
		if one.PublishedAt == nil {
			one.PublishedAt = item.UpdatedParsed
		}
		if one.GUID == "" {
			one.GUID = item.Link + "\n" + item.Title
		}
		if at := one.PublishedAt; at != nil && (at.Year() < 1970 || at.Year() > 2200) {
			one.PublishedAt = nil
		}
		if one.Title == "" {
			one.Title = plain(item.Link, maxTitle)
		}
		if one.Title != "" {
			all = append(all, one)
		}
	}
	return all, unread, nil
}

// harmless refuses what a feed has no use for: declarations of entities, by which a
// small text becomes a large one or reads another, and depth by which a parser
// that calls itself runs out of stack.
func harmless(text []byte) error {
	in := xml.NewDecoder(bytes.NewReader(text))
	in.Strict, in.AutoClose, in.Entity, in.CharsetReader = false, xml.HTMLAutoClose, xml.HTMLEntity, charset.NewReaderLabel
	depth := 0
	for {
		token, err := in.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %.200s", ErrFeed, err.Error())
		}
		switch token := token.(type) {
		case xml.Directive:
			if bytes.Contains(bytes.ToUpper(token), []byte("ENTITY")) {
				return fmt.Errorf("%w: it declares entities", ErrFeed)
			}
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return fmt.Errorf("%w: its elements are nested deeper than %d", ErrFeed, maxDepth)
			}
		case xml.EndElement:
			depth--
		}
	}
}

var strict = bluemonday.StrictPolicy()

// plain is a text without markup and control characters, on one line, cut to a
// number of characters.
func plain(text string, most int) string {
	if len(text) > 64*most { // markup
		text = strings.ToValidUTF8(text[:64*most], "")
	}
	text = html.UnescapeString(strict.Sanitize(text))
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError, unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most-1]) + "…"
	}
	return text
}

// link is an address of the web, or nothing.
func link(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(text) > maxLink {
		return ""
	}
	return u.String()
}
