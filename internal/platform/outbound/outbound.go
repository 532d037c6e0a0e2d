// Package outbound reaches other machines: over TLS that is verified, within
// limits of time and size, and on no private network unless the configuration
// names it, so that an address which somebody typed cannot be used to look
// around inside (SSRF).
package outbound

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits of what is asked of another machine.
const (
	// Timeout bounds a request from the first packet to the last byte of the answer.
	Timeout = 20 * time.Second
	// dialTimeout bounds the connection alone.
	dialTimeout = 10 * time.Second
	// MaxAnswer bounds what is read of an answer, unless a policy says otherwise; what
	// follows is not read.
	MaxAnswer = 64 << 10
	// maxAfter bounds the pause that another machine can ask for.
	maxAfter = 6 * time.Hour
)

// Errors of addresses.
var (
	// ErrAddress: the address is not one that may be asked.
	ErrAddress = errors.New("the address cannot be used")
	// ErrPrivate: it leads into a private network that the configuration does not name.
	ErrPrivate = errors.New("it is on a network that is not public: allow_private in scaf.json names those that may be reached")
)

// Policy says what may be reached. The zero value: what is public, with
// certificates that the system trusts.
type Policy struct {
	// Private are the networks that are not public and may be reached all the same.
	Private []netip.Prefix
	// Roots are the certification authorities; nil: those of the system.
	Roots *x509.CertPool
	// Most is how much is read of an answer, in bytes; zero: MaxAnswer. What follows is
	// not read.
	Most int64
}

// reserved are networks that are not public beside those that netip knows:
// RFC 6890 and its registries. An address of IPv6 that stands for one of IPv4 is
// none that anybody has to use.
var reserved = func() (all []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}()

// Reaches says why an address may not be reached; nil: it may.
func (p *Policy) Reaches(address netip.Addr) error {
	address = address.Unmap()
	within := func(n netip.Prefix) bool { return n.Contains(address.WithZone("")) }
	if slices.ContainsFunc(p.Private, within) {
		return nil
	}
	if !address.IsGlobalUnicast() || address.IsPrivate() || slices.ContainsFunc(reserved, within) {
		return fmt.Errorf("%w: %s: %w", ErrAddress, address, ErrPrivate)
	}
	return nil
}

// Dialer connects to what may be reached. It looks at the address that a name
// was resolved to, at each connection: a name that means another machine a
// moment later gets no further.
func (p *Policy) Dialer() *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s", ErrAddress, address)
		}
		return p.Reaches(to.Addr())
	}}
}

// TLS is how a connection is made private, with a server of this name.
func (p *Policy) TLS(server string) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: p.Roots, ServerName: server}
}

// Client asks over HTTPS. It follows no redirect, since what was allowed is the
// address that was configured, and goes through no proxy, whose connections
// nobody here could look at.
func (p *Policy) Client() *http.Client {
	return &http.Client{
		Timeout: Timeout,
		Transport: &bounded{most: cmp.Or(p.Most, MaxAnswer), Transport: &http.Transport{
			DialContext: p.Dialer().DialContext, TLSClientConfig: p.TLS(""), TLSHandshakeTimeout: dialTimeout,
			ForceAttemptHTTP2: true, MaxIdleConns: 16, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: MaxAnswer,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded gives no more than so much of an answer's body.
type bounded struct {
	*http.Transport
	most int64
}

// RoundTrip implements http.RoundTripper.
func (b *bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.Transport.RoundTrip(request)
	if err == nil {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(response.Body, b.most), response.Body}
	}
	return response, err
}

// CheckURL says what is wrong with an address that is to be asked: only https,
// with a host and without a name and password.
func CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil: // whose text would quote the address, which may hold a secret
		return fmt.Errorf("%w: it is no URL", ErrAddress)
	case u.Scheme != "https" || u.Host == "" || u.Hostname() == "":
		return fmt.Errorf("%w: it must be a URL like https://host.example/path", ErrAddress)
	case u.User != nil:
		return fmt.Errorf("%w: it must hold no name and no password", ErrAddress)
	case u.Fragment != "":
		return fmt.Errorf("%w: it must hold no fragment (#)", ErrAddress)
	}
	return nil
}

// Refused is the answer of another machine that did not take what it was sent.
type Refused struct {
	// Reason is for people; it holds nothing that was sent.
	Reason string
	// Final: the same thing sent again would be refused again.
	Final bool
	// After is the pause that the other machine asks for; 0: it does not say.
	After time.Duration
}

// Error implements error.
func (r *Refused) Error() string { return r.Reason }

// Post sends a body and says what became of it: the status when it was taken
// (2xx), else *Refused or the network's error, which names the host alone, since
// the path of an address may be a secret.
func Post(ctx context.Context, client *http.Client, to string, header http.Header, body []byte, now time.Time) (status string, err error) {
	if err := CheckURL(to); err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(string(body)))
	if err != nil {
		return "", fmt.Errorf("%w: it cannot be asked", ErrAddress)
	}
	request.Header = header
	response, err := client.Do(request)
	if err != nil {
		return "", Anonymous(request.URL.Host, err)
	}
	defer response.Body.Close()
	// What it says is read so that the connection can be used again, and is told to nobody.
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Status, Judge(request.URL.Host, response, now)
}

// Judge says what an answer means to whoever sent something.
func Judge(host string, response *http.Response, now time.Time) error {
	code := response.StatusCode
	if code >= 200 && code <= 299 {
		return nil
	}
	refused := &Refused{Reason: fmt.Sprintf("%s answered %s", host, strings.TrimSpace(strconv.Itoa(code)+" "+http.StatusText(code))), After: After(response.Header, now)}
	switch {
	case code >= 300 && code <= 399:
		refused.Reason += ": redirects are not followed, configure the address that it leads to"
		refused.Final = true
	default:
		refused.Final = !Temporary(code)
	}
	return refused
}

// Temporary reports whether the same request may be taken later: 408, 425, 429
// and 5xx (RFC 9110 15.5, RFC 6585 4, RFC 8470).
func Temporary(code int) bool {
	return code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests || code >= 500
}

// Bounded is a pause that another machine asks for: at most six hours.
func Bounded(pause time.Duration) time.Duration { return min(max(0, pause), maxAfter) }

// After reads the pause that an answer asks for (RFC 9110 10.2.3): seconds, or
// an instant. 0 where it says none, at most six hours.
func After(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return Bounded(time.Duration(min(seconds, int(maxAfter/time.Second))) * time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return Bounded(at.Sub(now))
	}
	return 0
}

// Anonymous is an error of the network without the address that was asked, which
// net/http quotes in full.
func Anonymous(host string, err error) error {
	var asked *url.Error
	if errors.As(err, &asked) {
		err = asked.Err
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return fmt.Errorf("%s did not answer in time: %w", host, err)
	}
	return fmt.Errorf("%s: %w", host, err)
}
