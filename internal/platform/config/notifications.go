package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/mail"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/platform/outbound"
)

// Notifications say how people and programs are told of what concerns them,
// beside the portal's inbox, which there always is. Secrets are not in this file:
// it says where they are.
type Notifications struct {
	// PortalURL is where people open the portal: messages link to it.
	PortalURL string `json:"portal_url,omitempty"`
	// At is the time of day, in the organisation's time zone, at which digests are
	// sent, like 08:00, which is the default. Deadlines are looked at half an hour
	// before.
	At string `json:"at,omitempty"`
	// Email is the mail server; without it there is no e-mail.
	Email *Email `json:"email,omitempty"`
	// Slack is an app of a Slack workspace, an incoming webhook, or both.
	Slack *Slack `json:"slack,omitempty"`
	// Webhooks are programs of the organisation that are told by signed webhooks.
	Webhooks []Webhook `json:"webhooks,omitempty"`
	// Told are, by kind of message, the roles whose holders are told what concerns
	// the organisation. What is not named has its default.
	Told map[string][]string `json:"told,omitempty"`
	// AllowPrivate are the networks that are not public and may be reached all the
	// same, like 10.1.0.0/16: those of the mail server, of webhooks.
	AllowPrivate []string `json:"allow_private,omitempty"`
	// Roots is the path of a PEM file with certification authorities that count
	// instead of the system's; relative to the folder.
	Roots string `json:"roots,omitempty"`
}

// Email is a mail server that takes messages (RFC 6409).
type Email struct {
	Server string `json:"server"` // host:port
	// TLS is "starttls" (the default), or "implicit" for TLS from the first byte,
	// as on port 465. Without TLS nothing is sent.
	TLS      string  `json:"tls,omitempty"`
	User     string  `json:"user,omitempty"` // empty: SCAF does not sign in there
	Password *Secret `json:"password,omitempty"`
	From     string  `json:"from"` // "SCAF <scaf@example.com>"
}

// Slack is a workspace.
type Slack struct {
	// Token is the bot token of an app (xoxb-...): people are told in direct
	// messages, and what concerns the organisation is posted to Channel.
	Token   *Secret `json:"token,omitempty"`
	Channel string  `json:"channel,omitempty"` // its id, like C0123ABC
	// Webhook is the address of an incoming webhook, which is a secret: what
	// concerns the organisation is posted there.
	Webhook *Secret `json:"webhook,omitempty"`
	// Kinds are what is posted to the channel; empty: what concerns the
	// organisation.
	Kinds []string `json:"kinds,omitempty"`
	// API is another address of Slack's Web API, such as GovSlack's.
	API string `json:"api,omitempty"`
}

// Webhook is a program that is told.
type Webhook struct {
	Name   string   `json:"name"` // in the delivery log
	URL    string   `json:"url"`
	Secret Secret   `json:"secret"`          // whsec_..., two of them while it is replaced
	Kinds  []string `json:"kinds,omitempty"` // empty: what concerns the organisation
}

// Secret says where a secret is: in an environment variable, or in a file.
type Secret struct {
	Env  string `json:"env,omitempty"`
	File string `json:"file,omitempty"` // relative to the folder; its mode is 0600 or less
}

// String says where the secret is, and never what.
func (s *Secret) String() string {
	if s.Env != "" {
		return "environment variable " + s.Env
	}
	return "file " + s.File
}

// maxSecret bounds what is read of a file with a secret.
const maxSecret = 4096

// Load reads the secret of a data folder. No error holds any part of it.
func (s *Secret) Load(dir string) (string, error) {
	if s.Env != "" {
		if value := strings.TrimSpace(os.Getenv(s.Env)); value != "" {
			return value, nil
		}
		return "", fmt.Errorf("%w: the environment variable %s is not set", ErrInvalid, s.Env)
	}
	path := s.File
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%w: there is no file %s", ErrInvalid, path)
	case err != nil:
		return "", err
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("%w: others can read the file %s: chmod 600 it", ErrInvalid, path)
	case info.Size() > maxSecret:
		return "", fmt.Errorf("%w: the file %s has more than %d bytes, which is no secret", ErrInvalid, path, maxSecret)
	}
	data, err := os.ReadFile(path)
	value := strings.TrimSpace(string(data))
	if err == nil && value == "" {
		err = fmt.Errorf("%w: the file %s is empty", ErrInvalid, path)
	}
	return value, err
}

func (s *Secret) check(where string) error {
	if (s.Env == "") == (s.File == "") {
		return fmt.Errorf(`%w: %s must say where it is, as {"env": "NAME"} or {"file": "PATH"}`, ErrInvalid, where)
	}
	return nil
}

var webhookName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// defaultAt is when digests are sent.
const defaultAt = "08:00"

// TimeOfDay is At, as hour and minute.
func (n *Notifications) TimeOfDay() (hour, minute int, err error) {
	text := defaultAt
	if n != nil && n.At != "" {
		text = n.At
	}
	at, err := time.Parse("15:04", text)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: notifications.at: %q is no time of day like 08:00", ErrInvalid, text)
	}
	return at.Hour(), at.Minute(), nil
}

// Private are the networks of AllowPrivate.
func (n *Notifications) Private() (all []netip.Prefix, err error) {
	for _, text := range n.AllowPrivate {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%w: notifications.allow_private: %q is no network like 10.1.0.0/16", ErrInvalid, text)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

// check says what is wrong; that kinds and roles exist is for who knows them.
func (n *Notifications) check() error {
	if n == nil {
		return nil
	}
	if n.PortalURL != "" {
		if err := outbound.CheckURL(n.PortalURL); err != nil {
			return fmt.Errorf("%w: notifications.portal_url: %w", ErrInvalid, err)
		}
	}
	if _, _, err := n.TimeOfDay(); err != nil {
		return err
	}
	if _, err := n.Private(); err != nil {
		return err
	}
	if err := errors.Join(n.Email.check(), n.Slack.check()); err != nil {
		return err
	}
	for i := range n.Webhooks {
		w := &n.Webhooks[i]
		switch {
		case !webhookName.MatchString(w.Name):
			return fmt.Errorf("%w: notifications.webhooks: %q is no name: small letters, digits and -, at most 40", ErrInvalid, w.Name)
		case slices.ContainsFunc(n.Webhooks[:i], func(other Webhook) bool { return other.Name == w.Name }):
			return fmt.Errorf("%w: notifications.webhooks: the name %s is there twice", ErrInvalid, w.Name)
		}
		if err := outbound.CheckURL(w.URL); err != nil {
			return fmt.Errorf("%w: notifications.webhooks: %s: url: %w", ErrInvalid, w.Name, err)
		}
		if err := w.Secret.check("notifications.webhooks: " + w.Name + ": secret"); err != nil {
			return err
		}
	}
	return nil
}

func (e *Email) check() error {
	if e == nil {
		return nil
	}
	if _, _, err := e.Address(); err != nil {
		return err
	}
	if e.TLS != "" && e.TLS != "starttls" && e.TLS != "implicit" {
		return fmt.Errorf("%w: notifications.email.tls: %q is neither starttls nor implicit; without TLS nothing is sent", ErrInvalid, e.TLS)
	}
	if _, err := mail.ParseAddress(e.From); err != nil {
		return fmt.Errorf("%w: notifications.email.from: %q is no address like SCAF <scaf@example.com>", ErrInvalid, e.From)
	}
	if (e.User == "") != (e.Password == nil) {
		return fmt.Errorf("%w: notifications.email: user and password belong together", ErrInvalid)
	}
	if e.Password != nil {
		return e.Password.check("notifications.email.password")
	}
	return nil
}

// Address is the server's host and port.
func (e *Email) Address() (host string, port int, err error) {
	host, service, err := net.SplitHostPort(e.Server)
	if err == nil {
		port, err = strconv.Atoi(service)
	}
	if err != nil || host == "" || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("%w: notifications.email.server: %q is no host and port like smtp.example.com:587", ErrInvalid, e.Server)
	}
	return host, port, nil
}

func (s *Slack) check() error {
	switch {
	case s == nil:
		return nil
	case s.Token == nil && s.Webhook == nil:
		return fmt.Errorf("%w: notifications.slack needs a token, a webhook, or both", ErrInvalid)
	case s.Channel != "" && s.Token == nil:
		return fmt.Errorf("%w: notifications.slack.channel is that of an app: it needs a token", ErrInvalid)
	case s.Channel != "" && s.Webhook != nil:
		return fmt.Errorf("%w: notifications.slack: the app's channel or a webhook, not both: everything would be posted twice", ErrInvalid)
	}
	if s.API != "" {
		if err := outbound.CheckURL(s.API); err != nil || !strings.HasSuffix(s.API, "/") {
			return fmt.Errorf("%w: notifications.slack.api: it must be a URL like https://slack.com/api/", ErrInvalid)
		}
	}
	if s.Token != nil {
		if err := s.Token.check("notifications.slack.token"); err != nil {
			return err
		}
	}
	if s.Webhook != nil {
		return s.Webhook.check("notifications.slack.webhook")
	}
	return nil
}
