package notify_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"scaf.dev/scaf/internal/platform/notify"
	"scaf.dev/scaf/internal/platform/outbound"
)

// post is a mail server on loopback. It takes the messages that refuse says
// nothing against.
type post struct {
	mu       sync.Mutex
	letters  []letter
	refuse   map[string]*smtp.SMTPError // by what is refused: "from", "to", "data"
	password string                     // empty: nobody signs in
}

type letter struct {
	from, to string
	body     string
	*mail.Message
}

func (p *post) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{post: p}, nil }

type session struct {
	post     *post
	from, to string
	in       bool
}

func (s *session) AuthMechanisms() []string {
	if s.post.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "scaf" || password != s.post.password {
			return errors.New("no")
		}
		s.in = true
		return nil
	}), nil
}

func (s *session) refused(what string) error {
	if wrong := s.post.refuse[what]; wrong != nil {
		return wrong
	}
	if s.post.password != "" && !s.in {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return s.refused("from")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return s.refused("to")
}

func (s *session) Data(r io.Reader) error {
	if err := s.refused("data"); err != nil {
		return err
	}
	read, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(read.Body)
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	s.post.letters = append(s.post.letters, letter{s.from, s.to, string(body), read})
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// serve starts the server, and gives the channel to it.
func (p *post) serve(t *testing.T, implicit bool) *notify.Mail {
	t.Helper()
	server := smtp.NewServer(p)
	server.TLSConfig = certificate(t)
	server.Domain = "mail.test"
	server.ErrorLog = quiet{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if implicit {
		listener = tls.NewListener(listener, server.TLSConfig)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	m := &notify.Mail{Host: "127.0.0.1", Port: port, Implicit: implicit, From: "SCAF <scaf@example.com>", Domain: "ledger.example.com", Policy: policy(t), Timeout: 5 * time.Second}
	if p.password != "" {
		m.User, m.Password = "scaf", p.password
	}
	return m
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

var message = &notify.Message{
	ID: "0190-abc", Kind: "duty", About: "task/access-review@2026-03-01", Title: "Überprüfung — 期限 is due", Link: "https://scaf.example.com/work",
	Text: "First.\n\nSecond: <b>&</b>.", HTML: "<!doctype html><p>First.</p>", At: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
}

func TestALetterArrivesOverTLS(t *testing.T) {
	for name, implicit := range map[string]bool{"STARTTLS": false, "TLS from the first byte": true} {
		for _, password := range []string{"", "correct horse"} {
			t.Run(name+password, func(t *testing.T) {
				p := &post{password: password}
				answer, err := p.serve(t, implicit).Send(t.Context(), "ann@example.com", message, message.At)
				if err != nil || !strings.Contains(answer, "2.0.0") {
					t.Fatalf("%q, %v", answer, err)
				}
				got := p.letters[0]
				subject := got.Header.Get("Subject")
				if decoded, err := new(mimeWords).DecodeHeader(subject); err != nil || decoded != message.Title {
					t.Errorf("subject %q: %v", decoded, err)
				}
				if got.from != "scaf@example.com" || got.to != "ann@example.com" || got.Header.Get("Message-ID") != "<0190-abc@ledger.example.com>" ||
					got.Header.Get("Auto-Submitted") != "auto-generated" || !strings.Contains(got.body, "text/plain") || !strings.Contains(got.body, "text/html") {
					t.Errorf("%+v\n%s", got.Header, got.body)
				}
			})
		}
	}
}

func TestALetterSentTwiceIsTheSame(t *testing.T) {
	p := &post{}
	m := p.serve(t, false)
	for range 2 {
		if _, err := m.Send(t.Context(), "ann@example.com", message, message.At); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"Message-ID", "Date", "Subject"} {
		if a, b := p.letters[0].Header.Get(name), p.letters[1].Header.Get(name); a != b || a == "" {
			t.Errorf("%s: %q and %q", name, a, b)
		}
	}
}

func TestALetterOfAMegabyteArrives(t *testing.T) {
	p := &post{}
	large := *message
	large.Text = strings.Repeat("a line of text, and another one\n", 1<<15)
	if _, err := p.serve(t, false).Send(t.Context(), "ann@example.com", &large, message.At); err != nil {
		t.Fatal(err)
	}
	if n := len(p.letters[0].body); n < 1<<20 {
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
			p := &post{refuse: map[string]*smtp.SMTPError{c.at: {Code: c.code, EnhancedCode: smtp.EnhancedCode{c.code / 100, 1, 1}, Message: "not ann@example.com"}}}
			_, err := p.serve(t, false).Send(t.Context(), "ann@example.com", message, message.At)
			var refused *outbound.Refused
			if !errors.As(err, &refused) || refused.Final != c.final || strings.Contains(err.Error(), "ann@") || len(p.letters) > 0 {
				t.Errorf("%v (%T)", err, err)
			}
		})
	}
}

func TestAddressesThatCannotBeWrittenTo(t *testing.T) {
	p := &post{}
	m := p.serve(t, false)
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
	if got := p.letters[0].Header; got.Get("Bcc") != "" || got.Get("Subject") != "Hello Bcc: eve@example.com" {
		t.Errorf("%+v", got)
	}
}

func TestAPasswordThatIsNotRightIsNotTold(t *testing.T) {
	p := &post{password: "correct horse"}
	m := p.serve(t, false)
	m.Password = "wrong horse"
	_, err := m.Send(t.Context(), "ann@example.com", message, message.At)
	var refused *outbound.Refused
	if !errors.As(err, &refused) || refused.Final || strings.Contains(err.Error(), "horse") {
		t.Errorf("%v", err)
	}
}

func TestNothingIsSentWithoutTLSThatHolds(t *testing.T) {
	p := &post{}
	m := p.serve(t, false)
	m.Policy = &outbound.Policy{Private: policy(t).Private} // which does not know the authority
	if _, err := m.Send(t.Context(), "ann@example.com", message, message.At); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	m.Policy = &outbound.Policy{Roots: policy(t).Roots}
	if _, err := m.Send(t.Context(), "ann@example.com", message, message.At); !errors.Is(err, outbound.ErrPrivate) {
		t.Errorf("a private address: %v", err)
	}
	plain := smtp.NewServer(p) // offers no STARTTLS
	plain.ErrorLog = quiet{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = plain.Serve(listener) }()
	t.Cleanup(func() { _ = plain.Close() })
	m.Policy, m.Port = policy(t), listener.Addr().(*net.TCPAddr).Port
	if _, err := m.Send(t.Context(), "ann@example.com", message, message.At); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("a server without TLS: %v", err)
	}
	if len(p.letters) > 0 {
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
	m := &notify.Mail{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "scaf@example.com", Domain: "x", Policy: policy(t), Timeout: 50 * time.Millisecond}
	if _, err := m.Send(t.Context(), "ann@example.com", message, message.At); err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("%v", err)
	}
}
