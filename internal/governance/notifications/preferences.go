package notifications

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Preferences are how somebody wants to be told, beside the inbox, which gets
// everything.
type Preferences struct {
	ID      string   `json:"id"` // the recipient with : for /, "person:E1001"
	Choices []Choice `json:"choices,omitempty"`
	// QuietFrom and QuietUntil are times of day in the organisation's time zone,
	// like 22:00: between them nothing is sent but what is urgent. Both or none.
	QuietFrom  string     `json:"quiet_from,omitempty"`
	QuietUntil string     `json:"quiet_until,omitempty"`
	ChangedAt  *time.Time `json:"changed_at,omitempty"`
}

// Choice is that of one kind of message.
type Choice struct {
	Kind     string   `json:"kind"`
	Channels []string `json:"channels,omitempty"` // none: the inbox alone
	Digest   bool     `json:"digest,omitempty"`   // with the day's digest, else at once
}

// Register keeps who chose what. What nobody chose has the default of its kind.
var Register = record.Define[Preferences](record.Definition{
	Kind: "notification_preference", Register: "notification_preferences", Title: "Notification preferences", Singular: "Notification preference",
	Purpose: "By which ways and when each person wants to be told.",
	Comes:   "Each person says so under What I am told.",
	At:      "changed_at", Internal: true,
})

func preferencesID(recipient string) string { return strings.Replace(recipient, "/", ":", 1) }

// Validate says what is wrong with preferences.
func (p *Preferences) Validate() (wrong []record.FieldError) {
	add := func(field, format string, args ...any) {
		wrong = append(wrong, record.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	for i, c := range p.Choices {
		switch kind := Find(c.Kind); {
		case kind == nil || kind.Name == Test:
			add("choices", "%q is no kind of message", c.Kind)
		case slices.ContainsFunc(p.Choices[:i], func(other Choice) bool { return other.Kind == c.Kind }):
			add("choices", "%s is there twice", c.Kind)
		case kind.Urgent && c.Digest:
			add("choices", "%s: it is urgent, and waits for no digest", kind.Title)
		}
		for _, channel := range c.Channels {
			if channel != Email && channel != Slack {
				add("choices", "%q is no channel: %s or %s", channel, Email, Slack)
			}
		}
	}
	if p.QuietFrom == "" && p.QuietUntil == "" {
		return wrong
	}
	for _, at := range []struct{ field, text string }{{"quiet_from", p.QuietFrom}, {"quiet_until", p.QuietUntil}} {
		if _, err := time.Parse("15:04", at.text); err != nil {
			add(at.field, "%q is no time of day like 22:00: give both, or neither", at.text)
		}
	}
	if p.QuietFrom == p.QuietUntil && len(wrong) == 0 {
		add("quiet_until", "is the time at which they begin: leave both empty for no quiet hours")
	}
	return wrong
}

// Choice is what holds for a kind of message, over the channels that are
// configured: what was chosen, or every channel and the kind's default.
func (p *Preferences) Choice(kind *Kind, configured []string) Choice {
	choice := Choice{Kind: kind.Name, Channels: configured, Digest: kind.Digest}
	if i := slices.IndexFunc(p.Choices, func(c Choice) bool { return c.Kind == kind.Name }); i >= 0 {
		choice = p.Choices[i]
		choice.Channels = slices.DeleteFunc(slices.Clone(choice.Channels), func(c string) bool { return !slices.Contains(configured, c) })
	}
	return choice
}

// quiet is the instant until which nothing is sent, zero where that is now. The
// hours are those that clocks in the zone show; where a change of the clocks
// leaves the end out, it is what the calendar makes of it (time.Date).
func (p *Preferences) quiet(now time.Time, zone *time.Location) time.Time {
	from, err1 := time.Parse("15:04", p.QuietFrom)
	until, err2 := time.Parse("15:04", p.QuietUntil)
	if err1 != nil || err2 != nil {
		return time.Time{} // they are not set
	}
	local := now.In(zone)
	minute := func(t time.Time) int { return t.Hour()*60 + t.Minute() }
	at, begin, end := minute(local), minute(from), minute(until)
	within := begin <= at && at < end
	if begin > end {
		within = at >= begin || at < end
	}
	if !within {
		return time.Time{}
	}
	year, month, day := local.Date()
	if at >= end {
		day++
	}
	over := time.Date(year, month, day, until.Hour(), until.Minute(), 0, 0, zone)
	if !over.After(now) { // clocks show the end twice, and the first time has passed
		over = over.Add(time.Hour)
	}
	if !over.After(now) {
		return time.Time{}
	}
	return over
}

// digest is when the next digest goes out: once on each day of the zone's
// calendar, after now.
func (r *Rules) digest(now time.Time) time.Time {
	year, month, day := now.In(r.Zone).Date()
	for ahead := -1; ; ahead++ {
		if at := time.Date(year, month, day+ahead, r.Hour, r.Minute, 0, 0, r.Zone); at.After(now) {
			return at
		}
	}
}

// when says at which instant a message of a kind is sent, and whether it waits for
// the digest then.
func (r *Rules) when(p *Preferences, kind *Kind, now time.Time) (at time.Time, held bool) {
	switch {
	case kind.Urgent:
		return now, false
	case p.Choice(kind, r.Channels).Digest:
		at, held = r.digest(now), true
	default:
		at = now
	}
	if over := p.quiet(at, r.Zone); !over.IsZero() {
		at = over
	}
	return at, held
}

// PreferencesOf reads somebody's preferences; the zero ones where they chose nothing.
func PreferencesOf(r *store.Reader, recipient string) (*Preferences, int, error) {
	p := &Preferences{ID: preferencesID(recipient)}
	v, err := record.Get(r, Register.Name, p.ID)
	if errors.Is(err, record.ErrNone) {
		return p, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return p, v.Version, json.Unmarshal(v.Doc, p)
}

// Prefer takes the caller's own preferences, whatever they were. *record.Invalid says what is
// wrong.
func (d *Desk) Prefer(ctx context.Context, caller act.Caller, chosen Preferences) error {
	return d.prefer(ctx, caller, chosen, nil)
}

// PreferFrom is Prefer of preferences that were chosen over a version of them, 0 where there
// was none. record.ErrStale: they are at another one now.
func (d *Desk) PreferFrom(ctx context.Context, caller act.Caller, chosen Preferences, from int) error {
	return d.prefer(ctx, caller, chosen, &from)
}

func (d *Desk) prefer(ctx context.Context, caller act.Caller, chosen Preferences, from *int) error {
	chosen.ID = preferencesID(caller.ID)
	if wrong := chosen.Validate(); len(wrong) > 0 {
		return &record.Invalid{Fields: wrong}
	}
	_, err := d.Door.Do(ctx, caller, "notification.own", Register.Name+"/"+chosen.ID, func(tx *act.Tx) error {
		_, version, err := PreferencesOf(&tx.Reader, caller.ID)
		if err != nil {
			return err
		}
		if from != nil && *from != version {
			return fmt.Errorf("%w: the preferences are at version %d, these were made from version %d", record.ErrStale, version, *from)
		}
		now := tx.Now()
		chosen.ChangedAt = &now
		_, err = record.Put(tx, Register, record.Change{Verb: "chosen", ID: chosen.ID, Doc: chosen, Expect: version})
		return err
	})
	return err
}
