package notify

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"scaf.dev/scaf/internal/platform/outbound"
)

// Mail sends by a mail server, over TLS always: from the first byte (port 465,
// RFC 8314), or by STARTTLS, without which nothing is sent.
type Mail struct {
	Host string
	Port int
	// Implicit: TLS begins with the connection.
	Implicit bool
	// User and Password are how SCAF signs in there; empty: it does not.
	User, Password string
	From           string // "SCAF <scaf@example.com>"
	// Domain is the right side of message ids: the ledger's, so that no two
	// installations make the same one.
	Domain  string
	Policy  *outbound.Policy
	Timeout time.Duration // of each step of the conversation; 0: outbound.Timeout
}

// maxSubject bounds the subject of an e-mail, in bytes (RFC 5322 2.1.1 allows 998
// a line; it is folded).
const maxSubject = 400

// Send implements Channel.
func (m *Mail) Send(ctx context.Context, to string, message *Message, _ time.Time) (string, error) {
	letter, err := m.letter(to, message)
	if err != nil {
		return "", err
	}
	client, err := m.client()
	if err != nil {
		return "", err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return "", m.explain(err)
	}
	// Once the server has taken the message, how the conversation ends changes nothing.
	defer func() { _ = client.Close() }()
	if err := client.Send(letter); err != nil {
		return "", m.explain(err)
	}
	return short(line(letter.ServerResponse()), 200), nil
}

// letter writes the message. An address with a line break is no address: nothing
// can be put into the header.
func (m *Mail) letter(to string, message *Message) (*mail.Msg, error) {
	address, err := netmail.ParseAddress(to)
	if err != nil || address.Address != to {
		return nil, &outbound.Refused{Reason: "the person has no e-mail address that can be written to", Final: true}
	}
	letter := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(letter.From(m.From), letter.To(to)); err != nil {
		return nil, &outbound.Refused{Reason: "the sender's or the recipient's address cannot be used", Final: true}
	}
	letter.Subject(short(line(message.Title), maxSubject))
	letter.SetMessageIDWithValue(message.ID + "@" + m.Domain)
	letter.SetDateWithValue(message.At)
	letter.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence answers it
	letter.SetBodyString(mail.TypeTextPlain, cmp.Or(message.Letter, message.Text))
	if message.HTML != "" {
		letter.AddAlternativeString(mail.TypeTextHTML, message.HTML)
	}
	return letter, nil
}

func (m *Mail) client() (*mail.Client, error) {
	timeout := m.Timeout
	if timeout == 0 {
		timeout = outbound.Timeout
	}
	dialer := m.Policy.Dialer()
	options := []mail.Option{
		mail.WithPort(m.Port), mail.WithTimeout(timeout), mail.WithTLSConfig(m.Policy.TLS(m.Host)), mail.WithTLSPolicy(mail.TLSMandatory),
		mail.WithHELO(m.Domain), mail.WithDialContextFunc(dialer.DialContext),
	}
	if m.Implicit {
		options = append(options, mail.WithSSL(), mail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&tls.Dialer{NetDialer: dialer, Config: m.Policy.TLS(m.Host)}).DialContext(ctx, network, address)
		}))
	}
	if m.User != "" {
		options = append(options, mail.WithUsername(m.User), mail.WithPassword(m.Password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	client, err := mail.NewClient(m.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("the mail server's configuration: %w", err)
	}
	return client, nil
}

// explain says what a mail server's error means: 5xx is final, 4xx is worth trying
// again (RFC 5321 4.2.1), and so is what comes before any message, such as a
// password that is not right: that is mended here. The words are the status only,
// since servers quote addresses.
func (m *Mail) explain(err error) error {
	var refused *mail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() != 0 {
		what := map[mail.SendErrReason]string{
			mail.ErrSMTPMailFrom: "did not take the sender", mail.ErrSMTPRcptTo: "did not take the recipient",
			mail.ErrSMTPData: "did not take the message", mail.ErrSMTPDataClose: "did not take the message",
		}[refused.Reason]
		return &outbound.Refused{
			Reason: strings.TrimSpace(fmt.Sprintf("%s %s: %d %s", m.Host, cmp.Or(what, "refused"), refused.ErrorCode(), refused.EnhancedStatusCode())),
			Final:  refused.ErrorCode() >= 500,
		}
	}
	var status *textproto.Error
	if errors.As(err, &status) {
		return &outbound.Refused{Reason: fmt.Sprintf("%s did not let SCAF sign in: %d", m.Host, status.Code)}
	}
	return outbound.Anonymous(net.JoinHostPort(m.Host, strconv.Itoa(m.Port)), err)
}
