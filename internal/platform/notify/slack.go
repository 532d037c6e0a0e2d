package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"

	"scaf.dev/scaf/internal/platform/outbound"
)

// SlackAPI is where Slack's Web API is.
const SlackAPI = slack.APIURL

// Limits of Slack's header and section blocks, in characters; bytes are never fewer.
const (
	slackHeader  = 150
	slackSection = 3000
)

// SlackApp posts as an app, with its token (chat.postMessage): to one channel, or
// to the person in the workspace who has an e-mail address (users.lookupByEmail).
// The app's scopes are chat:write, and users:read.email for people.
type SlackApp struct {
	// Channel is the id of the channel that it posts to; empty: to people.
	Channel string
	host    string
	client  *slack.Client

	mu    sync.Mutex
	users map[string]string // by e-mail address: asking is rationed
}

// maxUsers bounds how many people's ids are kept.
const maxUsers = 20_000

// NewSlackApp returns the channel of an app, at SlackAPI or another address of the
// same API, which ends with a slash.
func NewSlackApp(token, channel, api string, client *http.Client) *SlackApp {
	host := api
	if u, err := url.Parse(api); err == nil {
		host = u.Host
	}
	return &SlackApp{Channel: channel, host: host, client: slack.New(token, slack.OptionHTTPClient(client), slack.OptionAPIURL(api)), users: map[string]string{}}
}

// Send implements Channel.
func (s *SlackApp) Send(ctx context.Context, to string, m *Message, _ time.Time) (string, error) {
	channel := s.Channel
	if channel == "" {
		var err error
		if channel, err = s.user(ctx, to); err != nil {
			return "", explainSlack(s.host, err)
		}
	}
	_, stamp, err := s.client.PostMessageContext(ctx, channel,
		slack.MsgOptionText(fallback(m), false), slack.MsgOptionBlocks(blocks(m)...), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
		slack.MsgOptionMetadata(slack.SlackMetadata{EventType: "scaf_notification", EventPayload: map[string]any{"id": m.ID}}))
	if err != nil {
		return "", explainSlack(s.host, err)
	}
	return "posted as " + stamp, nil
}

// user finds the id of the person with an e-mail address.
func (s *SlackApp) user(ctx context.Context, address string) (string, error) {
	s.mu.Lock()
	id := s.users[address]
	s.mu.Unlock()
	if id != "" {
		return id, nil
	}
	if address == "" {
		return "", &outbound.Refused{Reason: "the person has no e-mail address by which Slack knows them", Final: true}
	}
	user, err := s.client.GetUserByEmailContext(ctx, address)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.users) >= maxUsers {
		clear(s.users)
	}
	s.users[address] = user.ID
	return user.ID, nil
}

// SlackHook posts to the one channel of an incoming webhook, whose address is a
// secret.
type SlackHook struct {
	URL    string
	Client *http.Client
}

// Send implements Channel.
func (s *SlackHook) Send(ctx context.Context, _ string, m *Message, now time.Time) (string, error) {
	no := false
	body, err := json.Marshal(slack.WebhookMessage{Text: fallback(m), Blocks: &slack.Blocks{BlockSet: blocks(m)}, UnfurlLinks: &no, UnfurlMedia: &no})
	if err != nil {
		return "", err
	}
	return outbound.Post(ctx, s.Client, s.URL, http.Header{"Content-Type": {"application/json"}}, body, now)
}

// escaped is a text, of at most so many bytes, in which Slack finds no mention,
// link or channel: &, < and > are written as Slack says. It is only ever shown as
// plain text, in which * and _ mean nothing.
func escaped(text string, most int) string {
	for {
		written := slackutilsx.EscapeMessage(text)
		if len(written) <= most {
			return written
		}
		text = short(text, min(len(text)-1, len(text)*most/len(written)))
	}
}

// slackSections bounds how many sections a text takes.
const slackSections = 10

// sections are a text as Slack shows it: in parts of at most slackSection, which end
// with a word where they can.
func sections(text string) (all []string) {
	for text != "" && len(all) < slackSections {
		end, written, space := len(text), 0, 0
		for at, c := range text {
			if written += len(slackutilsx.EscapeMessage(string(c))); written > slackSection-len(more) {
				end = at
				break
			}
			if unicode.IsSpace(c) {
				space = at
			}
		}
		if end < len(text) && space > end/2 {
			end = space
		}
		all, text = append(all, slackutilsx.EscapeMessage(text[:end])), strings.TrimSpace(text[end:])
	}
	if text != "" {
		all[len(all)-1] += more
	}
	return all
}

// slackItems bounds how many of several things a message shows: two blocks each, of the 50
// that Slack takes.
const slackItems = 20

// fallback is what shows where blocks cannot be: in notices of the system.
func fallback(m *Message) string { return escaped(line(m.Title), slackSection) }

func blocks(m *Message) []slack.Block {
	plain := func(text string) *slack.TextBlockObject {
		return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
	}
	all := []slack.Block{slack.NewHeaderBlock(plain(escaped(line(m.Title), slackHeader)))}
	leads := func(to string) {
		if to != "" {
			link := "<" + slackutilsx.EscapeMessage(to) + "|Open it in SCAF>"
			all = append(all, slack.NewContextBlock("", slack.NewTextBlockObject(slack.MarkdownType, link, false, false)))
		}
	}
	if len(m.Items) == 0 {
		for _, text := range sections(m.Text) {
			all = append(all, slack.NewSectionBlock(plain(text), nil, nil))
		}
	}
	for _, one := range m.Items[:min(slackItems, len(m.Items))] {
		all = append(all, slack.NewSectionBlock(plain(escaped(line(one.Title), slackSection)), nil, nil))
		leads(one.Link)
	}
	if left := len(m.Items) - slackItems; left > 0 {
		all = append(all, slack.NewSectionBlock(plain(fmt.Sprintf("And %d more, which your inbox has.", left)), nil, nil))
	}
	leads(m.Link)
	return all
}

// temporary are Slack's errors after which the same call may succeed.
var temporary = map[string]bool{
	"ratelimited": true, "rate_limited": true, "internal_error": true, "fatal_error": true, "service_unavailable": true, "request_timeout": true,
	"team_added_to_org": true,
}

// explainSlack says what an error of the API means.
func explainSlack(host string, err error) error {
	var refused *outbound.Refused
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var answer slack.SlackErrorResponse
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &limited):
		return &outbound.Refused{Reason: host + " answered 429 Too Many Requests", After: outbound.Bounded(limited.RetryAfter)}
	case errors.As(err, &status):
		return &outbound.Refused{Reason: fmt.Sprintf("%s answered %d %s", host, status.Code, http.StatusText(status.Code)), Final: !outbound.Temporary(status.Code)}
	case errors.As(err, &answer):
		reason := host + " answered " + short(line(answer.Err), 100)
		if answer.Needed != "" {
			reason += ": the app needs the scope " + short(line(answer.Needed), 100)
		}
		return &outbound.Refused{Reason: reason, Final: !temporary[answer.Err]}
	}
	return outbound.Anonymous(host, err)
}
