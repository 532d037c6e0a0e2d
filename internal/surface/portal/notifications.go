package portal

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/markdown"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/accounts"
)

// toldPerPage is how many notifications or deliveries a page shows.
const toldPerPage = 50

// listedNamesakes is how many people a refusal names of those who are called so.
const listedNamesakes = 9

// inboxPage is what the reader was told, the newest first.
type inboxPage struct {
	Told   []inboxLine
	Unread int
	Only   bool   // what was not read is listed alone
	Before string // the page begins before this one; empty: with the newest
	Next   string // the next one does; empty: this is the last
}

type inboxLine struct {
	notifications.Told
	Rendered template.HTML // of an announcement, which is Markdown
	Href     string        // empty: the reader may not open it, or not any more
}

func (p *Portal) inbox(r *request) (*shown, error) {
	page := &inboxPage{Only: r.FormValue("unread") != "", Before: r.FormValue("before")}
	list := notifications.Inbox
	if page.Only {
		list = notifications.NotRead
	}
	var all []notifications.Told
	var whole []bool
	err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		if all, err = list(reader, r.caller.ID, page.Before, toldPerPage+1); err != nil {
			return err
		}
		whole = make([]bool, len(all))
		for i := range all {
			var err error
			if whole[i], err = surface.WholeText(reader, &all[i]); err != nil {
				return err
			}
			if err = surface.OverSince(reader, &all[i]); err != nil {
				return err
			}
		}
		page.Unread, err = notifications.Unread(reader, r.caller.ID)
		return err
	})
	if len(all) > toldPerPage {
		all = all[:toldPerPage]
		page.Next = all[toldPerPage-1].ID
	}
	for i, n := range all {
		line := inboxLine{Told: n}
		if n.Path != "" && p.opens(r, n.Path) {
			line.Href = n.Path
		}
		if whole[i] && err == nil {
			line.Rendered, err = markdown.HTML(n.Text)
		}
		page.Told = append(page.Told, line)
	}
	return &shown{page: "inbox", title: "Inbox", data: page}, err
}

// Address is that of the same list from a notification on; empty: from the newest.
func (page *inboxPage) Address(before string) string { return inboxPath(page.Only, before) }

func inboxPath(unread bool, before string) string {
	query := url.Values{}
	if unread {
		query.Set("unread", "yes")
	}
	if before != "" {
		query.Set("before", before)
	}
	if len(query) == 0 {
		return "/inbox"
	}
	return "/inbox?" + query.Encode()
}

// readInbox marks one notification as read, or all of them.
func (p *Portal) readInbox(r *request) (*shown, error) {
	desk, err := p.System.NotificationDesk()
	if err != nil {
		return nil, err
	}
	if _, err := desk.Read(r.Context(), r.caller, r.PostForm.Get("id")); err != nil {
		return nil, err
	}
	return &shown{to: inboxPath(r.PostForm.Get("unread") != "", "")}, nil
}

// preferencesPage is how the reader wants to be told.
type preferencesPage struct {
	Channels              []preferredChannel // to people, that are configured
	Lines                 []preferenceLine
	QuietFrom, QuietUntil string
	Zone                  string
	DigestAt              string
	Version               int // over which they are chosen; 0: there is none yet
	Wrong                 []mistake
	Saved                 bool
}

type preferredChannel struct{ Name, Title string }

type preferenceLine struct {
	notifications.Kind
	Choice notifications.Choice
}

// By reports whether the kind comes on a channel.
func (l preferenceLine) By(channel string) bool { return slices.Contains(l.Choice.Channels, channel) }

// channelTitles are what people call the channels to people.
var channelTitles = map[string]string{notifications.Email: "E-mail", notifications.Slack: "Slack"}

func (p *Portal) preferences(r *request) (*shown, error) {
	var chosen *notifications.Preferences
	var version int
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		chosen, version, err = notifications.PreferencesOf(reader, r.caller.ID)
		return err
	}); err != nil {
		return nil, err
	}
	return p.preferencesWith(r, chosen, version, r.URL.Query().Has("saved"), nil)
}

// preferencesWith shows the kinds of messages of which the reader can be told.
func (p *Portal) preferencesWith(r *request, chosen *notifications.Preferences, version int, saved bool, wrong []mistake) (*shown, error) {
	rules, err := p.System.NotificationRules()
	if err != nil {
		return nil, err
	}
	page := &preferencesPage{Version: version, QuietFrom: chosen.QuietFrom, QuietUntil: chosen.QuietUntil, Zone: rules.Zone.String(), DigestAt: fmt.Sprintf("%02d:%02d", rules.Hour, rules.Minute), Wrong: wrong, Saved: saved}
	for _, name := range rules.Channels {
		page.Channels = append(page.Channels, preferredChannel{name, channelTitles[name]})
	}
	for i := range notifications.Kinds {
		if kind := &notifications.Kinds[i]; p.System.Tells(r.caller, kind) {
			page.Lines = append(page.Lines, preferenceLine{*kind, chosen.Choice(kind, rules.Channels)})
		}
	}
	answer := &shown{page: "preferences", title: "What I am told", data: page}
	if len(wrong) > 0 {
		answer.status = http.StatusUnprocessableEntity
	}
	return answer, nil
}

func (p *Portal) choosePreferences(r *request) (*shown, error) {
	desk, err := p.System.NotificationDesk()
	if err != nil {
		return nil, err
	}
	from, err := r.from()
	if err != nil {
		return nil, err
	}
	chosen := notifications.Preferences{QuietFrom: r.PostForm.Get("quiet_from"), QuietUntil: r.PostForm.Get("quiet_until")}
	var before *notifications.Preferences
	var version int
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		before, version, err = notifications.PreferencesOf(reader, r.caller.ID)
		return err
	}); err != nil {
		return nil, err
	}
	rules, err := p.System.NotificationRules()
	if err != nil {
		return nil, err
	}
	for i := range notifications.Kinds {
		kind := &notifications.Kinds[i]
		if was := slices.IndexFunc(before.Choices, func(c notifications.Choice) bool { return c.Kind == kind.Name }); len(rules.Channels) == 0 || !p.System.Tells(r.caller, kind) {
			if was >= 0 { // where there was a channel, or of a role that they had, and may have again
				chosen.Choices = append(chosen.Choices, before.Choices[was])
			}
		} else {
			chosen.Choices = append(chosen.Choices, notifications.Choice{Kind: kind.Name, Channels: r.PostForm["by."+kind.Name], Digest: r.PostForm.Get("when."+kind.Name) == "digest"})
		}
	}
	err = desk.PreferFrom(r.once, r.caller, chosen, from)
	var invalid *record.Invalid
	var repeated *act.RepeatedError
	switch {
	case errors.As(err, &repeated): // the button was pressed twice
	case errors.Is(err, record.ErrStale):
		wrong := mistake{Problem: "You have chosen otherwise since this page was loaded, in another window perhaps" + p.chosenOtherwise(r, before, &chosen, rules.Channels) + ". The form holds what you chose here: look through it, and save it again to have it so."}
		page, err := p.preferencesWith(r, &chosen, version, false, []mistake{wrong})
		if page != nil {
			page.status = http.StatusConflict
		}
		return page, err
	case errors.As(err, &invalid):
		labels := map[string]string{"quiet_from": "Quiet from", "quiet_until": "Quiet until"}
		var wrong []mistake
		for _, f := range invalid.Fields {
			wrong = append(wrong, mistake{Label: labels[f.Field], ID: f.Field, Problem: f.Problem})
		}
		return p.preferencesWith(r, &chosen, from, false, wrong)
	case err != nil && !errors.Is(err, record.ErrSame):
		return nil, err
	}
	return &shown{to: "/preferences?saved"}, nil
}

// chosenOtherwise says in what two preferences differ.
func (p *Portal) chosenOtherwise(r *request, now, chosen *notifications.Preferences, channels []string) string {
	var in []string
	for i := range notifications.Kinds {
		kind := &notifications.Kinds[i]
		a, b := now.Choice(kind, channels), chosen.Choice(kind, channels)
		if p.System.Tells(r.caller, kind) && len(channels) > 0 && (a.Digest != b.Digest || !slices.Equal(slices.Sorted(slices.Values(a.Channels)), slices.Sorted(slices.Values(b.Channels)))) {
			in = append(in, kind.Title)
		}
	}
	if now.QuietFrom != chosen.QuietFrom || now.QuietUntil != chosen.QuietUntil {
		quiet := "none"
		if now.QuietFrom != "" {
			quiet = now.QuietFrom + " to " + now.QuietUntil
		}
		in = append(in, "Quiet hours ("+quiet+" now)")
	}
	if len(in) == 0 {
		return ""
	}
	return ": it differs in " + strings.Join(in, ", ")
}

// deliveriesPage is the delivery log.
type deliveriesPage struct {
	Query      notifications.LogQuery
	States     []string
	Channels   []string
	Kinds      []notifications.Kind
	Deliveries []notifications.Delivery
	Next       string
	To         string // what was typed of the recipient
	Wrong      string // what is wrong with it
	Retry      bool   // the reader may try again what failed
}

// Address is that of the log from another page on.
func (l *deliveriesPage) Address(before string) string {
	values := url.Values{}
	for name, value := range map[string]string{"state": l.Query.State, "channel": l.Query.Channel, "kind": l.Query.Kind, "recipient": l.To, "before": before} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return "/deliveries?" + values.Encode()
}

// deliveryStands is what a delivery's state looks like.
type deliveryStands struct{ Words, Tone, Mark string }

// Stands is it of a state.
func (*deliveriesPage) Stands(state string) deliveryStands {
	return map[string]deliveryStands{
		notifications.Failed:    {"failed", "missed", "✗"},
		notifications.Waiting:   {"waiting", "due", "●"},
		notifications.Held:      {"held for a digest", "not_yet_due", "○"},
		notifications.Delivered: {"delivered", "done", "✓"},
	}[state]
}

// Way is what people call a channel.
func (*deliveriesPage) Way(channel string) string {
	called := map[string]string{notifications.Email: "e-mail", notifications.Slack: "Slack", "slack-channel": "Slack's channel"}
	return cmp.Or(called[channel], strings.ReplaceAll(channel, "/", " "))
}

// Called is what a recipient is called that is no person; empty for people, who have names.
func (*deliveriesPage) Called(recipient string) string {
	if recipient == notifications.Organization {
		return "The organisation"
	}
	id, _ := strings.CutPrefix(recipient, accounts.Register.Name+"/")
	if id == recipient {
		return ""
	}
	return id
}

func (p *Portal) deliveries(r *request) (*shown, error) {
	rules, err := p.System.NotificationRules()
	if err != nil {
		return nil, err
	}
	page := &deliveriesPage{
		States: []string{notifications.Failed, notifications.Waiting, notifications.Held, notifications.Delivered}, Kinds: notifications.Kinds, Retry: r.may("notification.retry"),
		Channels: slices.Clone(rules.Channels),
		Query: notifications.LogQuery{
			State: r.FormValue("state"), Channel: r.FormValue("channel"), Kind: r.FormValue("kind"), Recipient: r.FormValue("recipient"), Before: r.FormValue("before"), Limit: toldPerPage + 1,
		},
	}
	page.To = page.Query.Recipient
	for name := range rules.Own {
		page.Channels = append(page.Channels, name)
	}
	slices.Sort(page.Channels)
	page.Query.Recipient, err = p.recipient(r, page.To)
	if several := (*record.Invalid)(nil); errors.As(err, &several) {
		page.Wrong = several.Fields[0].Problem
		return &shown{page: "deliveries", title: "Deliveries", status: http.StatusUnprocessableEntity, data: page}, nil
	}
	if err != nil {
		return nil, err
	}
	err = p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		page.Deliveries, err = notifications.Log(reader, page.Query)
		return err
	})
	if n := len(page.Deliveries); n > toldPerPage {
		// A notification's lines stand together.
		last := page.Deliveries[n-1].Notification
		cut := slices.IndexFunc(page.Deliveries, func(d notifications.Delivery) bool { return d.Notification == last })
		page.Deliveries = page.Deliveries[:cut]
		page.Next = page.Deliveries[cut-1].Notification
	}
	return &shown{page: "deliveries", title: "Deliveries", data: page}, err
}

// recipient is who is meant by what somebody typed: a person by the name or a part of it, an
// account by what it signs in with, or a reference. What several people are called is refused.
func (p *Portal) recipient(r *request, typed string) (string, error) {
	if typed == "" || typed == notifications.Organization || strings.Contains(typed, "/") {
		return typed, nil
	}
	meant, err := p.meant(r, described(accounts.Register, accounts.Register.Field("person")), typing{texts: []string{typed}})
	if err != nil {
		return "", err
	}
	if strings.Contains(meant.text(), "/") {
		return meant.text(), nil
	}
	account := accounts.Register.Name + "/" + typed
	kind, err := p.nameable(r, people.Register.Name)
	if kind == nil || err != nil {
		return account, err
	}
	var found, which []string
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		if _, err := record.Get(reader, accounts.Register.Name, typed); !errors.Is(err, record.ErrNone) {
			return err
		}
		_, err := record.List(reader, kind, record.Query{Words: typed, Limit: suggested}, func(v *record.Version) error {
			// The words can stand in what else there is of a person, too.
			if name := caption(kind, v); strings.Contains(strings.ToLower(name), strings.ToLower(typed)) {
				found, which = append(found, v.Ref()), append(which, fmt.Sprintf("%s (%s)", name, v.Ref()))
			}
			return nil
		})
		return err
	}); err != nil {
		return "", err
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		if more := len(which) - listedNamesakes; more > 1 {
			which = append(which[:listedNamesakes], fmt.Sprintf("one of %d others", more))
		}
		return "", record.Refuse("recipient", "several people are called %s: write which one, %s", typed, oneOf(which))
	}
	return account, nil
}

func (p *Portal) retryDelivery(r *request) (*shown, error) {
	desk, err := p.System.NotificationDesk()
	if err != nil {
		return nil, err
	}
	err = desk.Again(r.Context(), r.caller, r.PostForm.Get("notification"), r.PostForm.Get("channel"))
	if err != nil && !errors.Is(err, notifications.ErrState) { // which it is after the button is pressed twice
		return nil, err
	}
	to := "/deliveries"
	if from := r.PostForm.Get("to"); strings.HasPrefix(from, to+"?") {
		to = within(from) // what was looked for there
	}
	return &shown{to: to}, nil
}

// settingsPage is how this installation is set up, without anything secret.
type settingsPage struct {
	Organization, Zone, Now string
	Origin                  string
	Database                string
	TimestampURL            string
	Portal                  string
	DigestAt                string
	Channels                []surface.Channel
	Told                    []toldLine
	Failed                  []failedJob
	Test, Accounts, Tokens  bool // what the reader may do
	Tried                   *notifications.Delivery
	Wrong                   string
}

type toldLine struct {
	notifications.Kind
	Told []string
}

type failedJob struct{ Kind, Key, Failure string }

func (p *Portal) settings(r *request) (*shown, error) { return p.settingsWith(r, nil, "") }

func (p *Portal) settingsWith(r *request, tried *notifications.Delivery, wrong string) (*shown, error) {
	s := p.System
	rules, err := s.NotificationRules()
	if err != nil {
		return nil, err
	}
	page := &settingsPage{
		Organization: s.Config.Organization, Zone: rules.Zone.String(), Now: s.Clock.Now().In(rules.Zone).Format(time.RFC1123Z), Origin: s.Config.Origin, Database: "SQLite in the data folder",
		TimestampURL: s.Config.TimestampURL, Portal: rules.PortalURL, DigestAt: fmt.Sprintf("%02d:%02d", rules.Hour, rules.Minute), Test: r.may("notification.test"), Accounts: r.may("account.read"), Tokens: r.may("token.create"), Tried: tried, Wrong: wrong,
	}
	if s.Config.Database != "" {
		page.Database = "PostgreSQL"
	}
	if page.Channels, err = s.ShownChannels(); err != nil {
		return nil, err
	}
	for i := range notifications.Kinds {
		if kind := &notifications.Kinds[i]; kind.Name != notifications.Test {
			line := toldLine{Kind: *kind}
			if kind.Organization {
				line.Told = s.ToldRoles(kind)
			}
			page.Told = append(page.Told, line)
		}
	}
	answer := &shown{page: "settings", title: "Settings", data: page}
	if wrong != "" {
		answer.status = http.StatusUnprocessableEntity
	}
	return answer, s.DB.Read(r.Context(), func(reader *store.Reader) error {
		return jobs.Failed(reader, func(kind, key, failure string) { page.Failed = append(page.Failed, failedJob{kind, key, failure}) })
	})
}

// testChannel sends a test: to the one who asks, or on a channel of the
// organisation. To nobody else, and to no address that a form names.
func (p *Portal) testChannel(r *request) (*shown, error) {
	desk, err := p.System.NotificationDesk()
	if err != nil {
		return nil, err
	}
	channel, recipient := r.PostForm.Get("channel"), r.caller.ID
	if _, own := desk.Rules.Own[channel]; own {
		recipient = notifications.Organization
	}
	tried, err := desk.Try(r.Context(), r.caller, recipient, channel)
	if errors.Is(err, notifications.ErrChannel) {
		return p.settingsWith(r, nil, sentence(err))
	}
	if err != nil {
		return nil, err
	}
	return p.settingsWith(r, tried, "")
}
