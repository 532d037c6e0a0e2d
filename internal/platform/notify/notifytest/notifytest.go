// Package notifytest has servers on loopback that speak the protocols of package
// notify: a mail server, Slack's Web API, and whatever takes HTTPS.
package notifytest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"scaf.dev/scaf/internal/platform/outbound"
)

// authority is the certificate of every server: that of httptest, which is for
// 127.0.0.1.
var authority = sync.OnceValue(func() *httptest.Server { return httptest.NewTLSServer(http.NotFoundHandler()) })

// TLS is how the servers speak TLS.
func TLS() *tls.Config {
	return &tls.Config{Certificates: authority().TLS.Certificates, MinVersion: tls.VersionTLS12}
}

// Roots is the certificate in PEM form, for scaf.json.
func Roots() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority().Certificate().Raw})
}

// Policy reaches the servers.
func Policy() *outbound.Policy {
	roots := x509.NewCertPool()
	roots.AddCert(authority().Certificate())
	return &outbound.Policy{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots}
}

// Serve serves HTTPS and returns the address.
func Serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.TLS = TLS()
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// Post is a mail server. It takes the messages that Refuse says nothing against,
// from whoever signs in as scaf with the password (empty: from everybody).
type Post struct {
	Password string

	mu      sync.Mutex
	letters []Letter
	refuse  map[string]*smtp.SMTPError
}

// Letter is what the server took.
type Letter struct {
	From, To string
	Body     string
	*mail.Message
}

// Refuse lets the server refuse the sender ("from"), the recipient ("to") or the
// message ("data") with a code; 0: no more.
func (p *Post) Refuse(what string, code int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse == nil {
		p.refuse = map[string]*smtp.SMTPError{}
	}
	p.refuse[what] = &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "not you, ann@example.com"}
	if code == 0 {
		delete(p.refuse, what)
	}
}

// Letters are those that came, in their order.
func (p *Post) Letters() []Letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Letter(nil), p.letters...)
}

// Start serves until the test ends, with STARTTLS or with TLS from the first byte,
// and returns the port on 127.0.0.1.
func (p *Post) Start(t testing.TB, implicit bool) int {
	t.Helper()
	return p.start(t, implicit, TLS())
}

// StartPlain serves without TLS.
func (p *Post) StartPlain(t testing.TB) int { return p.start(t, false, nil) }

func (p *Post) start(t testing.TB, implicit bool, config *tls.Config) int {
	t.Helper()
	server := smtp.NewServer(p)
	server.TLSConfig, server.Domain, server.ErrorLog = config, "mail.test", quiet{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, text, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	if implicit {
		listener = tls.NewListener(listener, config)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return port
}

// NewSession implements smtp.Backend.
func (p *Post) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{post: p}, nil }

type session struct {
	post     *Post
	from, to string
	in       bool
}

func (s *session) AuthMechanisms() []string {
	if s.post.Password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "scaf" || password != s.post.Password {
			return errors.New("no")
		}
		s.in = true
		return nil
	}), nil
}

func (s *session) refused(what string) error {
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	if wrong := s.post.refuse[what]; wrong != nil {
		return wrong
	}
	if s.post.Password != "" && !s.in {
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
	s.post.letters = append(s.post.letters, Letter{s.from, s.to, string(body), read})
	return err
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Slack answers as Slack's Web API does for Token, whose workspace has the people
// in Users (ids by e-mail address), unless Fail answers instead.
type Slack struct {
	Users map[string]string
	Fail  func(w http.ResponseWriter, method string) bool

	mu     sync.Mutex
	posted []map[string]string
	looked int
}

// Token is the one that Slack takes.
const Token = "xoxb-right"

// Posted are the forms of chat.postMessage; Looked counts users.lookupByEmail.
func (s *Slack) Posted() []map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]map[string]string(nil), s.posted...)
}

// Looked counts the calls of users.lookupByEmail.
func (s *Slack) Looked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looked
}

// ServeHTTP implements http.Handler.
func (s *Slack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	answer := func(value map[string]any) { _ = json.NewEncoder(w).Encode(value) } // whoever asked has gone
	if s.Fail != nil && s.Fail(w, method) {
		return
	}
	if err := r.ParseForm(); err != nil {
		answer(map[string]any{"ok": false, "error": "invalid_form_data"})
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+Token && r.PostForm.Get("token") != Token {
		answer(map[string]any{"ok": false, "error": "invalid_auth"})
		return
	}
	switch method {
	case "users.lookupByEmail":
		s.looked++
		id := s.Users[r.Form.Get("email")]
		if id == "" {
			answer(map[string]any{"ok": false, "error": "users_not_found"})
			return
		}
		answer(map[string]any{"ok": true, "user": map[string]any{"id": id, "name": "someone"}})
	case "chat.postMessage":
		form := map[string]string{}
		for name := range r.PostForm {
			form[name] = r.PostForm.Get(name)
		}
		s.posted = append(s.posted, form)
		answer(map[string]any{"ok": true, "channel": form["channel"], "ts": "1772442000.000100"})
	default:
		answer(map[string]any{"ok": false, "error": "unknown_method"})
	}
}
