package notifications

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTheDefinitionIsRight(t *testing.T) {
	if err := Register.Wrong(); err != nil {
		t.Error(err)
	}
}

// Whatever somebody chose: nothing is sent in the past, nothing in quiet hours, and
// nothing more than two days later; a digest on each day of the calendar once.
func TestWhenSomethingIsSent(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca"}).Draw(r, "zone"))
		if err != nil {
			r.Fatal(err)
		}
		clock := func(name string) string {
			return time.Date(2000, 1, 1, 0, rapid.IntRange(0, 24*60-1).Draw(r, name), 0, 0, time.UTC).Format("15:04")
		}
		rules := Rules{Zone: zone, Hour: rapid.IntRange(0, 23).Draw(r, "hour"), Minute: rapid.IntRange(0, 59).Draw(r, "minute")}
		kind := &Kinds[rapid.IntRange(0, len(Kinds)-1).Draw(r, "kind")]
		p := &Preferences{}
		if rapid.Bool().Draw(r, "quiet") {
			p.QuietFrom, p.QuietUntil = clock("from"), clock("until")
		}
		if rapid.Bool().Draw(r, "chose") && !kind.Urgent {
			p.Choices = []Choice{{Kind: kind.Name, Digest: rapid.Bool().Draw(r, "digest")}}
		}
		now := time.Unix(rapid.Int64Range(1735689600, 1798761600).Draw(r, "now"), 0)
		at, held := rules.when(p, kind, now)
		if at.Before(now) || at.Sub(now) > 50*time.Hour {
			r.Fatalf("at %s, %s after now", at, at.Sub(now))
		}
		if kind.Urgent && (held || !at.Equal(now)) {
			r.Fatalf("what is urgent waits until %s", at)
		}
		if wrong := p.Validate(); len(wrong) == 0 && !kind.Urgent {
			if p.shows(at, zone) && !changes(at, zone) {
				r.Fatalf("at %s, in the quiet hours from %s until %s", at.In(zone), p.QuietFrom, p.QuietUntil)
			}
			// Nothing waits for longer than the quiet hours, and the digest, take.
			waits := now
			if held {
				waits = rules.digest(now)
			}
			for ; waits.Before(at); waits = waits.Add(time.Minute) {
				if !p.shows(waits, zone) && !changes(waits, zone) {
					r.Fatalf("at %s, and at %s are no quiet hours from %s until %s", at.In(zone), waits.In(zone), p.QuietFrom, p.QuietUntil)
				}
			}
		}
		one := rules.digest(now)
		if two := rules.digest(one); !two.After(one) || two.Sub(one) > 26*time.Hour || two.Sub(one) < 22*time.Hour {
			r.Fatalf("digests at %s and %s", one, two)
		}
	})
}

// shows reports whether clocks show a time of the quiet hours, by the words on them.
func (p *Preferences) shows(at time.Time, zone *time.Location) bool {
	clock, from, until := at.In(zone).Format("15:04"), p.QuietFrom, p.QuietUntil
	if from <= until {
		return from <= clock && clock < until
	}
	return from <= clock || clock < until
}

// changes reports whether clocks change within an hour: quiet hours begin and end then at
// times that they show twice, or never.
func changes(at time.Time, zone *time.Location) bool {
	_, before := at.Add(-time.Hour).In(zone).Zone()
	_, after := at.Add(time.Hour).In(zone).Zone()
	return before != after
}

// The clocks of Berlin go from 02:00 to 03:00 on 2026-03-29.
func TestQuietHoursOverAChangeOfTheClocks(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	p := &Preferences{QuietFrom: "22:00", QuietUntil: "02:30"}
	if over := p.quiet(time.Date(2026, 3, 28, 23, 0, 0, 0, zone), zone); over.Sub(time.Date(2026, 3, 29, 1, 59, 0, 0, zone)) > time.Hour+time.Minute || over.IsZero() {
		t.Errorf("over at %s", over)
	}
	// Of an end that clocks show twice it is the second, west of Greenwich, too.
	for name, day := range map[string]time.Time{"America/New_York": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), "Europe/Berlin": time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC)} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		again := map[string]string{"America/New_York": "01:30", "Europe/Berlin": "02:30"}[name]
		p := &Preferences{QuietFrom: "22:00", QuietUntil: again}
		first := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, zone)
		for ; first.Format("15:04") != again; first = first.Add(time.Minute) {
		}
		second := first.Add(time.Hour)
		if second.In(zone).Format("15:04") != again {
			t.Fatalf("%s: clocks do not show %s twice", name, again)
		}
		if over := p.quiet(second.Add(-20*time.Minute), zone); !over.Equal(second) {
			t.Errorf("%s: over at %s, want %s", name, over, second)
		}
		if over := p.quiet(second, zone); !over.IsZero() {
			t.Errorf("%s: at the end it goes on until %s", name, over)
		}
	}
	p = &Preferences{QuietFrom: "22:00", QuietUntil: "07:00"}
	if over := p.quiet(time.Date(2026, 3, 28, 23, 0, 0, 0, zone), zone); !over.Equal(time.Date(2026, 3, 29, 7, 0, 0, 0, zone)) || over.Sub(time.Date(2026, 3, 28, 23, 0, 0, 0, zone)) != 7*time.Hour {
		t.Errorf("over at %s", over)
	}
}

func TestEveryMessageCanBeWritten(t *testing.T) {
	data := map[string]any{}
	for _, name := range []string{"Title", "Ref", "By", "Until", "Owner", "What", "Severity", "Tests", "Asked", "Do", "Job", "Key", "Failure", "Difference", "Organization", "Channel", "Text", "Cut", "Another", "Version", "Reason", "Source", "Last", "Reads"} {
		data[name] = "<" + name + ">"
	}
	data["Differences"], data["Here"], data["Sent"] = 2, 9, 1
	data["Channels"] = []map[string]string{{"Channel": "<Channel>", "Why": "<Why>"}}
	if len(Messages()) < 14 {
		t.Errorf("templates: %q", Messages())
	}
	for _, name := range Messages() {
		title, text, err := Write(name, data)
		if err != nil || title == "" || text == "" || strings.Contains(title, "no value") || strings.HasPrefix(text, "\n") {
			t.Errorf("%s: %q, %q, %v", name, title, text, err)
		}
		rules := Rules{Name: "A & B", PortalURL: "https://scaf.example.com"}
		m, err := rules.message([]Told{{ID: "1", Title: title, Text: text, Path: "/x", Recipient: "person/E1"}})
		if err != nil || strings.Contains(m.HTML, "<Title>") || strings.Contains(m.HTML, "A & B") || !strings.Contains(m.Letter, "https://scaf.example.com/x") {
			t.Errorf("%s: %v\n%s", name, err, m.HTML)
		}
	}
	if _, _, err := Write("test", map[string]any{"Channel": "x"}); err == nil {
		t.Error("a message with a gap is taken")
	}
}
