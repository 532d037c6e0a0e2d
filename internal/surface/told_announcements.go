package surface

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/markdown"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

const (
	// WentJob records in an announcement how it went out. Its name sorts after those of
	// what sends: of jobs for the same instant it is the last.
	WentJob = "notification.went"

	// lookAgain is how long it waits for what was not sent yet, or has failed and may be
	// sent again by a person; stopLooking how long it does so.
	lookAgain   = 10 * time.Minute
	stopLooking = 30 * 24 * time.Hour
)

// announced tells the audience of what was approved to be announced, by the channels
// for which it was. What is for a meeting, a website or customers, somebody else tells.
func announced(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	id, n, err := current[communication.Announcement](a.r, e)
	if n == nil || err != nil || n.State != communication.Approved || n.Audience == communication.Customers ||
		n.From() == nil || !n.From().Equal(e.Instant()) { // which was another approval
		return nil, err
	}
	desk, err := a.s.NotificationDesk()
	if err != nil {
		return nil, err
	}
	var channels []string
	own, inside := false, false
	for _, channel := range n.Channels {
		switch channel {
		case communication.Portal:
			inside = true
		case communication.Email:
			channels, inside = append(channels, notifications.Email), true
		case communication.Slack:
			inside = true
			// A webhook reaches the organisation's channel, and nobody by name.
			own = desk.Channels[notifications.Slack] == nil && desk.Channels[slackChannel] != nil && n.Audience == "everybody"
			if !own {
				channels = append(channels, notifications.Slack) // where that is not configured, the delivery says so
			}
		}
	}
	if !inside {
		return nil, nil
	}
	members, err := audienceOf(a.r, n.Audience)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 {
		a.unheard = append(a.unheard, id)
		return nil, nil
	}
	note := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Announcement, About: e.Subject, Channels: channels}}
	whole, err := markdown.Plain(n.Text)
	if err != nil {
		return nil, err
	}
	text, cut := notifications.Beginning(whole)
	if err := note.write("announcement", map[string]any{"Title": n.Title, "Text": text, "Cut": cut}); err != nil {
		return nil, err
	}
	where := page(communication.Announcements, id)
	refs := make([]string, len(members))
	for i := range members {
		refs[i] = members[i].Ref()
	}
	policy, err := inForce(a.r, n.PolicyVersion)
	if err != nil {
		return nil, err
	}
	if policy != "" && !cut {
		where = place{policyPage(policy), "session.use"} // of everybody
	}
	notes := toEach(note.Note, refs, func(ref string) string {
		if where.action == "session.use" {
			return where.path
		}
		if path := a.pathOf(ref, where); path == where.path {
			return path
		}
		return "/inbox" // which has the whole of it (WholeText)
	})
	if own {
		note.Channels = []string{slackChannel}
		notes = append(notes, toEach(note.Note, []string{notifications.Organization}, func(string) string { return where.path })...)
	}
	return notes, nil
}

// inForce is the id of the version of a policy that a reference names, where it is in
// force: then everybody may read it.
func inForce(r *store.Reader, ref string) (string, error) {
	id, ok := strings.CutPrefix(ref, policies.Versions.Name+"/")
	if !ok {
		return "", nil
	}
	v, _, err := policies.Get(r, id)
	if errors.Is(err, record.ErrNone) || err == nil && v.State != policies.InForce {
		return "", nil
	}
	return id, err
}

// recordUnheard records that an announcement went to nobody, since nobody belongs to its
// audience: by none of the channels by which SCAF tells people.
func (s *System) recordUnheard(ctx context.Context, id string) error {
	var a *communication.Announcement
	var version int
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		a, version, err = record.Load[communication.Announcement](r, communication.Announcements, id)
		return err
	}); err != nil || a.State != communication.Approved {
		return err
	}
	var not []communication.Failure
	for _, channel := range a.Missing() {
		if slices.Contains([]string{communication.Portal, communication.Slack, communication.Email}, channel) {
			not = append(not, communication.Failure{Channel: channel, Why: fmt.Sprintf(
				"nobody here belongs to the audience %s: move it back to draft, and choose another audience or withdraw it", a.Audience)})
		}
	}
	return communication.Went(ctx, s.Door, act.JobCaller(WentJob), a, version, nil, not)
}

// WholeText gives what somebody was told of an announcement the whole of its text, in
// Markdown, of which messages show the beginning, and reports whether it did. What was
// announced anew since is told anew.
func WholeText(r *store.Reader, n *notifications.Told) (bool, error) {
	if n.Kind != notifications.Announcement {
		return false, nil
	}
	a, _, err := record.Load[communication.Announcement](r, communication.Announcements, n.About)
	if errors.Is(err, record.ErrNone) || err == nil && (a.From() == nil || a.From().After(n.At)) {
		return false, nil
	}
	if err == nil {
		n.Text = a.Text
	}
	return err == nil, err
}

// OverSince says in what somebody was told of a policy to acknowledge that it is asked
// no longer, and why.
func OverSince(r *store.Reader, n *notifications.Told) error {
	if n.Kind != notifications.Acknowledgment {
		return nil
	}
	a, _, err := record.Load[policies.Acknowledgment](r, policies.Acknowledgments, n.About)
	if errors.Is(err, record.ErrNone) || err == nil && a.SupersededAt == nil {
		return nil
	}
	if err == nil {
		n.Text = "You are asked no longer: " + a.Reason
	}
	return err
}

// wentOf names an announcement and the cause for which it was told.
type wentOf struct {
	Announcement string `json:"announcement"`
	Cause        string `json:"cause"`
}

// followAnnouncements enqueues, with what tells of announcements, what records how
// they went out.
func followAnnouncements(tx *act.Tx, notes []notifications.Note) error {
	known := map[string]bool{}
	for i := range notes {
		n := &notes[i]
		if n.Kind != notifications.Announcement || known[n.Cause] {
			continue
		}
		known[n.Cause] = true
		if err := tx.Enqueue(WentJob, n.Cause, wentOf{n.About, n.Cause}, tx.Now()); err != nil {
			return err
		}
	}
	return nil
}

// recordWent records by which channels an announcement went out: by those on which
// every message was taken, but for those to people who have left meanwhile.
func (s *System) recordWent(ctx context.Context, job *jobs.Job) error {
	var of wentOf
	if err := json.Unmarshal(job.Payload, &of); err != nil {
		return err
	}
	var a *communication.Announcement
	var version int
	var by []communication.Delivery
	var not []communication.Failure
	waits := false
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		if a, version, err = record.Load[communication.Announcement](r, communication.Announcements, of.Announcement); err != nil {
			return err
		}
		went, err := notifications.WentOut(r, of.Cause)
		if err != nil {
			return err
		}
		for _, channel := range a.Missing() {
			d, failed, open, err := s.deliveryBy(r, channel, of.Cause, went)
			if err != nil {
				return err
			}
			if waits = waits || open; d != nil {
				by = append(by, *d)
			}
			if failed != "" {
				not = append(not, communication.Failure{Channel: channel, Why: failed})
			}
		}
		return nil
	}); err != nil {
		if errors.Is(err, record.ErrNone) {
			return nil // disposed of
		}
		return err
	}
	now := s.Clock.Now()
	if a.State != communication.Approved || a.From() == nil {
		return nil
	}
	if err := communication.Went(ctx, s.Door, act.JobCaller(WentJob), a, version, by, not); err != nil {
		return err
	}
	if waits && now.Sub(*a.From()) < stopLooking {
		return &act.Later{At: now.Add(lookAgain)}
	}
	return nil
}

// deliveryBy is how what was told for a cause went out by a channel of announcements;
// nil where it has not, with what has failed, and open where it still may.
func (s *System) deliveryBy(r *store.Reader, channel, cause string, went map[string]*notifications.Went) (d *communication.Delivery, failed string, open bool, err error) {
	names, what := map[string][]string{
		communication.Portal: {""}, communication.Email: {notifications.Email}, communication.Slack: {notifications.Slack, slackChannel},
	}[channel], "messages"
	if channel == communication.Portal {
		what = "inboxes"
	}
	i := slices.IndexFunc(names, func(name string) bool { return went[name] != nil })
	if i < 0 {
		return nil, "", false, nil
	}
	w := went[names[i]]
	gone := 0
	for _, ref := range w.Failed {
		address, err := recipients{s.Kinds, s.Clock}.Address(r, ref)
		if err != nil {
			return nil, "", false, err
		}
		if ref != notifications.Organization && address.Gone {
			gone++
		}
	}
	if w.Open > 0 {
		return nil, "", true, nil
	}
	if n := len(w.Failed) - gone; n > 0 {
		failed, err = s.unsent(names[i], n, n+w.Delivered)
		return nil, failed, true, err
	}
	if w.Delivered == 0 {
		return nil, "", false, nil
	}
	if w.Delivered == 1 {
		what = map[string]string{"messages": "message", "inboxes": "inbox"}[what]
	}
	reference := fmt.Sprintf("%s, %d %s", cause, w.Delivered, what)
	if gone > 0 {
		reference += fmt.Sprintf(", %d not, to who has left", gone)
	}
	return &communication.Delivery{Channel: channel, At: &w.Last, Reference: strings.TrimSpace(reference)}, "", false, nil
}

// settings are where the channels of announcements are configured, in scaf.json.
var settings = map[string]string{
	notifications.Email: "notifications.email", notifications.Slack: "notifications.slack.token", slackChannel: "notifications.slack",
}

// unsent says why messages on a channel did not go out, and what to do.
func (s *System) unsent(channel string, failed, of int) (string, error) {
	desk, err := s.NotificationDesk()
	if err != nil {
		return "", err
	}
	if desk.Channels[channel] == nil {
		return fmt.Sprintf("the channel %s is not configured: set %s in scaf.json, then send it again from the delivery log, or write down how else it went out", channel, settings[channel]), nil
	}
	what := "messages were"
	if of == 1 {
		what = "message was"
	}
	return fmt.Sprintf("%d of %d %s not taken: the delivery log says why. Correct the address and try it again from there, or write down under Deliveries how and when it reached them otherwise", failed, of, what), nil
}

// notReached tells whoever approved an announcement that it did not go out.
func notReached(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	id, n, err := current[communication.Announcement](a.r, e)
	if n == nil || err != nil || len(n.Unreached) == 0 {
		return nil, err
	}
	to, err := a.of(n.ApprovedBy)
	if err != nil {
		return nil, err
	}
	note := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Escalation, About: e.Subject}}
	err = note.write("announcement unreached", map[string]any{"Title": n.Title, "Ref": e.Subject, "Channels": n.Unreached})
	return toEach(note.Note, to, func(ref string) string { return a.pathOf(ref, page(communication.Announcements, id)) }), err
}
