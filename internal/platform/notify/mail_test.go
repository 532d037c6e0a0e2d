package notify_test

import (
	"errors"
	"mime"
	"net"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/platform/notify"
	"scaf.dev/scaf/internal/platform/notify/notifytest"
	"scaf.dev/scaf/internal/platform/outbound"
)

// channel starts the server, and gives the channel to it.
func channel(t *testing.T, p *notifytest.Post, implicit bool) *notify.Mail {
	t.Helper()
	m := &notify.Mail{
		Host: "127.0.0.1", Port: p.Start(t, implicit), Implicit: implicit, From: "SCAF <scaf@example.com>", Domain: "ledger.example.com",
		Policy: notifytest.Policy(), Timeout: 5 * time.Second,
	}
	if p.Password != "" {
		m.User, m.Password = "scaf", p.Password
	}
	return m
}

var message = &notify.Message{
	ID: "0190-abc", Kind: "duty", About: "task/access-review@2026-03-01", Title: "Überprüfung — 期限 is due", Link: "https://scaf.example.com/work",
	Text: "First.\n\nSecond: <b>&</b>.", HTML: "<!doctype html><p>First.</p>", At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
}

func TestALetterArrivesOverTLS(t *testing.T) {
	for name, implicit := range map[string]bool{"STARTTLS": false, "TLS from the first byte": true} {
		for _, password := range []string{"", "correct horse"} {
			t.Run(name+password, func(t *testing.T) {
				p := &notifytest.Post{Password: password}
				answer, err := channel(t, p, implicit).Send(t.Context(), "ann@example.com", message, message.At)
				if err != nil || !strings.Contains(answer, "2.0.0") {
					t.Fatalf("%q, %v", answer, err)
				}
				got := p.Letters()[0]
				subject := got.Header.Get("Subject")
				if decoded, err := new(mime.WordDecoder).DecodeHeader(subject); err != nil || decoded != message.Title {
					t.Errorf("subject %q: %v", decoded, err)
				}
				if got.From != "scaf@example.com" || got.To != "ann@example.com" || got.Header.Get("Message-ID") != "<0190-abc@ledger.example.com>" ||
					got.Header.Get("Auto-Submitted") != "auto-generated" || !strings.Contains(got.Body, "text/plain") || !strings.Contains(got.Body, "text/html") {
					t.Errorf("%+v\n%s", got.Header, got.Body)
				}
			})
		}
	}
}

func TestALetterSentTwiceIsTheSame(t *testing.T) {
	p := &notifytest.Post{}
	m := channel(t, p, false)
	for range 2 {
		if _, err := m.Send(t.Context(), "ann@example.com", message, message.At); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"Message-ID", "Date", "Subject"} {
		if a, b := p.Letters()[0].Header.Get(name), p.Letters()[1].Header.Get(name); a != b || a == "" {
			t.Errorf("%s: %q and %q", name, a, b)
		}
	}
}

func TestALetterOfAMegabyteArrives(t *testing.T) {
	p := &notifytest.Post{}
	large := *message
	large.Text = strings.Repeat("a line of text, and another one\n", 1<<15)
	if _, err := channel(t, p, false).Send(t.Context(), "ann@example.com", &large, message.At); err != nil {
		t.Fatal(err)
	}
	if n := len(p.Letters()[0].Body); n < 1<<20 {
		t.Errorf("%d bytes arrived", n)
	}
}

func TestWhatAMailServerRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		at    string
		code  int
		final bool
	}{
		"no such person": {"to", 550, true}, "greylisted": {"to", 451, false}, "sender": {"from", 553, true}, "mailbox full": {"data", 452, false}, "too large": {"data", 552, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &notifytest.Post{}
			p.Refuse(c.at, c.code)
			_, err := channel(t, p, false).Send(t.Context(), "ann@example.com", message, message.At)
			var refused *outbound.Refused
			if !errors.As(err, &refused) || refused.Final != c.final || strings.Contains(err.Error(), "ann@") || len(p.Letters()) > 0 {
				t.Errorf("%v (%T)", err, err)
			}
		})
	}
}

func TestAddressesThatCannotBeWrittenTo(t *testing.T) {
	p := &notifytest.Post{}
	m := channel(t, p, false)
	for _, to := range []string{"", "ann", "ann@example.com\r\nBcc: eve@example.com", "ann@example.com, eve@example.com", "Ann <ann@example.com>", "@example.com"} {
		_, err := m.Send(t.Context(), to, message, message.At)
		var refused *outbound.Refused
		if !errors.As(err, &refused) || !refused.Final {
			t.Errorf("%q: %v", to, err)
		}
	}
	spoofed := *message
	spoofed.Title = "Hello\r\nBcc: eve@example.com"
	if _, err := m.Send(t.Context(), "ann@example.com", &spoofed, message.At); err != nil {
		t.Fatal(err)
	}
	if got := p.Letters()[0].Header; got.Get("Bcc") != "" || got.Get("Subject") != "Hello Bcc: eve@example.com" {
		t.Errorf("%+v", got)
	}
}

func TestAPasswordThatIsNotRightIsNotTold(t *testing.T) {
	p := &notifytest.Post{Password: "correct horse"}
	m := channel(t, p, false)
	m.Password = "wrong horse"
	_, err := m.Send(t.Context(), "ann@example.com", message, message.At)
	var refused *outbound.Refused
	if !errors.As(err, &refused) || refused.Final || strings.Contains(err.Error(), "horse") {
		t.Errorf("%v", err)
	}
}

func TestNothingIsSentWithoutTLSThatHolds(t *testing.T) {
	p := &notifytest.Post{}
	m := channel(t, p, false)
	m.Policy = &outbound.Policy{Private: notifytest.Policy().Private} // which does not know the authority
	if _, err := m.Send(t.Context(), "ann@example.com", message, message.At); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	m.Policy = &outbound.Policy{Roots: notifytest.Policy().Roots}
	if _, err := m.Send(t.Context(), "ann@example.com", message, message.At); !errors.Is(err, outbound.ErrPrivate) {
		t.Errorf("a private address: %v", err)
	}
	m.Policy, m.Port = notifytest.Policy(), p.StartPlain(t)
	if _, err := m.Send(t.Context(), "ann@example.com", message, message.At); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("a server without TLS: %v", err)
	}
	if len(p.Letters()) > 0 {
		t.Error("something was sent")
	}
}

func TestAMailServerThatHangsIsLeft(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			defer func() { _ = c.Close() }()
		}
	}()
	m := &notify.Mail{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "scaf@example.com", Domain: "x", Policy: notifytest.Policy(), Timeout: 50 * time.Millisecond}
	if _, err := m.Send(t.Context(), "ann@example.com", message, message.At); err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("%v", err)
	}
}
