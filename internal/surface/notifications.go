package surface

import (
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/notify"
	"scaf.dev/scaf/internal/platform/outbound"
	"scaf.dev/scaf/internal/platform/webhook"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Names of the organisation's own channels. Those of webhooks are
// "webhook/" and their name.
const (
	slackChannel  = "slack-channel"
	webhookPrefix = "webhook/"
)

// NotificationDesk is where notifications of this system are written, sent and
// read; always the same one. It fails when the configuration cannot be used: a
// secret that is not there, a kind of message that there is none of.
func (s *System) NotificationDesk() (*notifications.Desk, error) {
	s.notify.Lock()
	defer s.notify.Unlock()
	if s.desk != nil {
		return s.desk, nil
	}
	rules, err := s.NotificationRules()
	if err != nil {
		return nil, err
	}
	channels, err := s.channels()
	if err != nil {
		return nil, err
	}
	s.desk = notifications.NewDesk(s.Door, rules, recipients{s.Kinds, s.Clock}, channels)
	return s.desk, nil
}

// Demonstration reports whether this is the folder of an invented company. It tells
// nobody anything but in its portal.
func (s *System) Demonstration() bool { return strings.HasPrefix(s.Config.Origin, ledger.DemoOrigin) }

// NotificationRules are how people are told here. No secret is read for them.
func (s *System) NotificationRules() (rules notifications.Rules, err error) {
	rules = notifications.Rules{Name: s.Config.Organization, Own: map[string][]string{}}
	if rules.Zone, err = s.Config.Location(); err != nil {
		return rules, err
	}
	c := s.Config.Notifications
	if rules.Hour, rules.Minute, err = c.TimeOfDay(); err != nil || c == nil {
		return rules, err
	}
	rules.PortalURL = c.PortalURL
	if err := checkTold(c.Told); err != nil || s.Demonstration() {
		return rules, err
	}
	if c.Email != nil {
		rules.Channels = append(rules.Channels, notifications.Email)
	}
	own := func(name string, kinds []string) {
		if len(kinds) == 0 {
			for _, kind := range notifications.Kinds {
				if kind.Organization {
					kinds = append(kinds, kind.Name)
				}
			}
		}
		for _, kind := range kinds {
			if known := notifications.Find(kind); known == nil || !known.Organization {
				err = errors.Join(err, fmt.Errorf("%w: notifications: %s: kinds: %q is no kind of message for the organisation", config.ErrInvalid, name, kind))
			}
		}
		rules.Own[name] = append(slices.Clone(kinds), notifications.Test)
	}
	if c.Slack != nil && c.Slack.Token != nil {
		rules.Channels = append(rules.Channels, notifications.Slack)
	}
	if c.Slack != nil && (c.Slack.Channel != "" || c.Slack.Webhook != nil) {
		own(slackChannel, c.Slack.Kinds)
	}
	for _, w := range c.Webhooks {
		own(webhookPrefix+w.Name, w.Kinds)
	}
	return rules, err
}

// checkTold says what is wrong with who is told what.
func checkTold(told map[string][]string) error {
	for _, name := range slices.Sorted(maps.Keys(told)) {
		if kind := notifications.Find(name); kind == nil || !kind.Organization {
			return fmt.Errorf("%w: notifications.told: %q is no kind of message for the organisation", config.ErrInvalid, name)
		}
		for _, role := range told[name] {
			if !access.Roles.Grantable(role) {
				return fmt.Errorf("%w: notifications.told: %s: there is no role %q: the roles are %s", config.ErrInvalid, name, role, strings.Join(access.Roles.Names(), ", "))
			}
		}
	}
	return nil
}

// ToldRoles are the roles whose holders are told what concerns the organisation.
func (s *System) ToldRoles(kind *notifications.Kind) []string {
	if c := s.Config.Notifications; c != nil {
		if roles, ok := c.Told[kind.Name]; ok {
			return roles
		}
	}
	return kind.Roles
}

// Tells reports whether somebody with a caller's roles can be told messages of a kind.
func (s *System) Tells(caller act.Caller, kind *notifications.Kind) bool {
	may := func(action string) bool { return access.Roles.Authorize(caller, action, "") == nil }
	switch {
	case kind.Organization:
		return slices.ContainsFunc(s.ToldRoles(kind), func(role string) bool { return slices.Contains(caller.Roles, role) })
	case kind.Name == notifications.Review:
		return may("control.propose") || slices.ContainsFunc(reviews, func(w review) bool { return may(w.permission) })
	}
	return kind.Name != notifications.Test
}

// channels are those that are configured, with their secrets.
func (s *System) channels() (map[string]notify.Channel, error) {
	c, channels := s.Config.Notifications, map[string]notify.Channel{}
	if c == nil || s.Demonstration() {
		return channels, nil
	}
	policy, err := s.outboundPolicy(c)
	if err != nil {
		return nil, err
	}
	client := policy.Client()
	if c.Email != nil {
		if channels[notifications.Email], err = s.mail(c.Email, policy); err != nil {
			return nil, err
		}
	}
	if c.Slack != nil && c.Slack.Token != nil {
		token, err := c.Slack.Token.Load(s.Dir)
		if err != nil {
			return nil, err
		}
		api := notify.SlackAPI
		if c.Slack.API != "" {
			api = c.Slack.API
		}
		channels[notifications.Slack] = notify.NewSlackApp(token, "", api, client)
		if c.Slack.Channel != "" {
			channels[slackChannel] = notify.NewSlackApp(token, c.Slack.Channel, api, client)
		}
	}
	if c.Slack != nil && c.Slack.Webhook != nil {
		address, err := c.Slack.Webhook.Load(s.Dir)
		if err == nil {
			err = outbound.CheckURL(address)
		}
		if err != nil {
			return nil, fmt.Errorf("notifications.slack.webhook, %s: %w", c.Slack.Webhook, err)
		}
		channels[slackChannel] = &notify.SlackHook{URL: address, Client: client}
	}
	for _, w := range c.Webhooks {
		secret, err := w.Secret.Load(s.Dir)
		if err != nil {
			return nil, err
		}
		keys, err := webhook.ParseKeys(secret)
		if err != nil {
			return nil, fmt.Errorf("notifications.webhooks: %s, %s: %w", w.Name, &w.Secret, err)
		}
		channels[webhookPrefix+w.Name] = &notify.Hook{URL: w.URL, Keys: keys, Client: client}
	}
	return channels, nil
}

func (s *System) mail(c *config.Email, policy *outbound.Policy) (*notify.Mail, error) {
	host, port, err := c.Address()
	if err != nil {
		return nil, err
	}
	m := &notify.Mail{Host: host, Port: port, Implicit: c.TLS == "implicit", User: c.User, From: c.From, Policy: policy, Domain: messageDomain(s.Config.Origin)}
	if c.Password != nil {
		m.Password, err = c.Password.Load(s.Dir)
	}
	return m, err
}

// messageDomain is the right side of the ids of e-mails: the ledger's name in the
// form of a host's that there is none of (RFC 2606), and need not be (RFC 5322 3.6.4).
func messageDomain(origin string) string {
	parts := strings.FieldsFunc(strings.ToLower(origin), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
	slices.Reverse(parts)
	return strings.Join(append(parts, "invalid"), ".")
}

func (s *System) outboundPolicy(c *config.Notifications) (*outbound.Policy, error) {
	networks, err := c.Private()
	if err != nil {
		return nil, err
	}
	policy := &outbound.Policy{Private: networks}
	if c.Roots == "" {
		return policy, nil
	}
	path := c.Roots
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.Dir, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: notifications.roots: %w", config.ErrInvalid, err)
	}
	policy.Roots = x509.NewCertPool()
	if !policy.Roots.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%w: notifications.roots: %s holds no certificate in PEM form", config.ErrInvalid, path)
	}
	return policy, nil
}

// Channel is a channel as people are shown it.
type Channel struct {
	Name  string   `json:"name"`
	What  string   `json:"what"`
	To    string   `json:"to"`              // who is reached by it
	Kinds []string `json:"kinds,omitempty"` // of the organisation's own: what is told there
}

// ShownChannels are the channels that are configured, without anything secret.
func (s *System) ShownChannels() (all []Channel, err error) {
	rules, err := s.NotificationRules()
	c := s.Config.Notifications
	if err != nil || c == nil || s.Demonstration() {
		return nil, err
	}
	if c.Email != nil {
		how := "STARTTLS"
		if c.Email.TLS == "implicit" {
			how = "TLS from the first byte"
		}
		all = append(all, Channel{Name: notifications.Email, What: fmt.Sprintf("mail server %s, %s, from %s", c.Email.Server, how, c.Email.From), To: "people"})
	}
	if c.Slack != nil && c.Slack.Token != nil {
		all = append(all, Channel{Name: notifications.Slack, What: "Slack app, its token in the " + c.Slack.Token.String(), To: "people, by their e-mail address"})
	}
	for _, name := range slices.Sorted(maps.Keys(rules.Own)) {
		one := Channel{Name: name, To: "the organisation", Kinds: slices.DeleteFunc(slices.Clone(rules.Own[name]), func(k string) bool { return k == notifications.Test })}
		if name == slackChannel {
			if one.What = "Slack channel " + c.Slack.Channel; c.Slack.Webhook != nil {
				one.What = "Slack incoming webhook, its address in the " + c.Slack.Webhook.String()
			}
		}
		for _, w := range c.Webhooks {
			if webhookPrefix+w.Name == name {
				one.What = "signed webhook to " + host(w.URL) + ", its secret in the " + w.Secret.String()
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// host is of an address what can be shown: paths may hold what should not be known.
func host(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	name, _, _ := strings.Cut(rest, "/")
	return name
}
