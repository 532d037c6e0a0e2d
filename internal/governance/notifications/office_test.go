package notifications_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/platform/notify"
	"scaf.dev/scaf/internal/platform/notify/notifytest"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/webhook"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const (
	ann = "person/E1"
	bob = "account/bob"
)

// addresses is a directory.
type addresses map[string]notifications.Address

func (a addresses) Address(_ *store.Reader, ref string) (notifications.Address, error) {
	if to, ok := a[ref]; ok {
		return to, nil
	}
	return notifications.Address{Gone: true}, nil
}

// office is a desk with a mail server, a Slack workspace and a program that is told.
type office struct {
	*testing.T
	l      *ledgertest.Ledger
	desk   *notifications.Desk
	post   *notifytest.Post
	slack  *notifytest.Slack
	runner *act.Runner
	hooked []string // ids of webhooks that came
	status int      // the program's answer
	people addresses
}

func each(t *testing.T, test func(o *office)) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) { test(open(t, l)) })
}

func open(t *testing.T, l *ledgertest.Ledger) *office {
	t.Helper()
	l.Clock.Set(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)) // a Monday, 10:00 in Berlin
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := webhook.ParseKeys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	o := &office{T: t, l: l, post: &notifytest.Post{}, slack: &notifytest.Slack{Users: map[string]string{"ann@example.com": "U1"}}, status: http.StatusOK}
	o.people = addresses{ann: {Email: "ann@example.com"}, bob: {Email: "bob@example.com"}}
	var mu sync.Mutex
	program := notifytest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		id, err := keys.Verify(r.Header, body, l.Clock.Now())
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Error(err)
		}
		o.hooked = append(o.hooked, id)
		w.WriteHeader(o.status)
	}))
	client := notifytest.Policy().Client()
	o.desk = notifications.NewDesk(l.Door, notifications.Rules{
		Zone: zone, Hour: 8, Channels: []string{notifications.Email}, Own: map[string][]string{"webhook/siem": {notifications.Ledger}},
		PortalURL: "https://scaf.example.com/", Name: "Example",
	}, o.people, map[string]notify.Channel{
		notifications.Email: &notify.Mail{Host: "127.0.0.1", Port: o.post.Start(t, false), From: "scaf@example.com", Domain: "x.invalid", Policy: notifytest.Policy()},
		notifications.Slack: notify.NewSlackApp(notifytest.Token, "", notifytest.Serve(t, o.slack)+"/api/", client),
		"webhook/siem":      &notify.Hook{URL: program, Keys: keys, Client: client},
	})
	o.runner = act.NewRunner(l.Door, slog.New(slog.DiscardHandler))
	o.runner.Handle(notifications.DeliverJob, o.desk.Deliver)
	o.runner.Handle(notifications.DigestJob, o.desk.Digest)
	return o
}

func note(cause, to, kind string) notifications.Note {
	return notifications.Note{Cause: cause, Recipient: to, Kind: kind, About: "finding/FND-1", Title: "Title of " + cause, Text: "One.\n\nTwo <b>&", Path: "/r/findings/FND-1"}
}

func (o *office) tell(notes ...notifications.Note) int {
	o.Helper()
	n, err := o.desk.Tell(o.Context(), ledgertest.Operator, notes, nil)
	if err != nil {
		o.Fatal(err)
	}
	return n
}

func (o *office) run() {
	o.Helper()
	if err := o.runner.RunDue(o.Context()); err != nil {
		o.Fatal(err)
	}
}

// at moves the clock to a time of day in Berlin, and runs what is due.
func (o *office) at(day, hour, minute int) {
	o.Helper()
	o.l.Clock.Set(time.Date(2026, 3, day, hour, minute, 0, 0, o.desk.Rules.Zone))
	o.run()
}

func (o *office) log(q notifications.LogQuery) (all []notifications.Delivery) {
	o.Helper()
	q.Limit = 100
	if err := o.l.DB.Read(o.Context(), func(r *store.Reader) (err error) {
		all, err = notifications.Log(r, q)
		return err
	}); err != nil {
		o.Fatal(err)
	}
	return all
}

func (o *office) inbox(of string) (all []notifications.Told) {
	o.Helper()
	if err := o.l.DB.Read(o.Context(), func(r *store.Reader) (err error) {
		all, err = notifications.Inbox(r, of, "", 100)
		return err
	}); err != nil {
		o.Fatal(err)
	}
	return all
}

func (o *office) events(kind string) (data []map[string]any) {
	o.Helper()
	if err := ledger.Find(o.Context(), o.l.DB, ledger.Query{Type: kind}, func(e *ledger.Event) error {
		var one map[string]any
		err := json.Unmarshal(e.Data, &one)
		data = append(data, one)
		return err
	}); err != nil {
		o.Fatal(err)
	}
	return data
}

func (o *office) prefers(who string, p notifications.Preferences) {
	o.Helper()
	if err := o.desk.Prefer(o.Context(), act.Caller{ID: who, Roles: []string{"account"}}, p); err != nil {
		o.Fatal(err)
	}
}

// metric reads one of the desk's; -1 when it is not there.
func (o *office) metric(name, channel, of string) float64 {
	o.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(o.desk)
	families, err := registry.Gather()
	if err != nil {
		o.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			same := family.GetName() == name
			for _, pair := range m.GetLabel() {
				same = same && (pair.GetValue() == channel || pair.GetValue() == of)
			}
			if same {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return -1
}
