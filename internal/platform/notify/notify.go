// Package notify sends messages to people and programs over the channels that
// they read: e-mail, Slack, signed webhooks.
//
// Every channel is at least once. A message is told from others by its ID, which
// is the same each time that it is sent: the Message-ID of an e-mail, the
// webhook-id of a webhook (whoever takes webhooks passes over one that it has),
// and metadata of a message that the Slack app posts. Slack itself shows a
// message that is posted twice, twice.
package notify

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// Message is what is sent. Its texts are plain: each channel writes them so that
// nothing in them is taken for more than text.
type Message struct {
	ID    string // stable; letters, digits and -
	Kind  string // "duty"
	About string // reference of what it is about: "finding/FND-1"
	Title string // one line
	Text  string // paragraphs, with an empty line between them
	// Letter and HTML are the two forms of an e-mail: plain (empty: Text), and a
	// whole document (empty: there is none).
	Letter, HTML string
	Link         string // https address of the page, empty: there is none
	// Items are those of a digest, whose Text has their titles only.
	Items []Item
	At    time.Time
}

// Item is one of several things that a message tells, with the page of its own.
type Item struct{ Title, Link string }

// Channel sends messages.
type Channel interface {
	// Send sends a message to an address: an e-mail address for what goes to a
	// person, empty where the channel has one of its own. The answer is the other
	// side's, for the log. Errors are *outbound.Refused, which says whether to try
	// again, or the network's. None of them holds a secret or the message.
	Send(ctx context.Context, to string, m *Message, now time.Time) (answer string, err error)
}

// line is a text on one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

// more stands where a text was cut.
const more = "…"

// short is a text of at most so many bytes, cut between characters.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	cut := most - len(more)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + more
}
