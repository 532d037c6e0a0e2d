package outbound_test

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/platform/outbound"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func TestOnlyPublicAddressesAreReached(t *testing.T) {
	policy := outbound.Policy{}
	for address, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true,
		"127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "0.0.0.0": false,
		"100.64.0.1": false, "224.0.0.1": false, "255.255.255.255": false, "198.18.0.1": false, "240.0.0.1": false,
		"::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fd00::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "ff02::1": false,
	} {
		if err := policy.Reaches(netip.MustParseAddr(address)); (err == nil) != want {
			t.Errorf("%s: %v, want reached %v", address, err, want)
		}
	}
	policy.Private = []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	if err := policy.Reaches(netip.MustParseAddr("10.1.2.3")); err != nil {
		t.Errorf("a network that is named: %v", err)
	}
	if err := policy.Reaches(netip.MustParseAddr("10.2.2.3")); !errors.Is(err, outbound.ErrPrivate) {
		t.Errorf("another network: %v", err)
	}
}

func TestAddressesAreCheckedAndNotQuoted(t *testing.T) {
	for raw, want := range map[string]bool{
		"https://hooks.example.com/services/T/B/x": true, "http://hooks.example.com/": false, "ftp://a.example": false, "https://": false, "": false,
		"https://user:secret@a.example/": false, "https://a.example/#secret": false, "https://a.example:secret/": false, "file:///etc/passwd": false, "//a.example/secret": false,
	} {
		err := outbound.CheckURL(raw)
		if (err == nil) != want {
			t.Errorf("%q: %v", raw, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q is quoted: %v", raw, err)
		}
	}
}

// server answers as the request's path says.
func server(t *testing.T, answer http.HandlerFunc) (*httptest.Server, *http.Client) {
	t.Helper()
	s := httptest.NewTLSServer(answer)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, (&outbound.Policy{Private: loopback, Roots: roots}).Client()
}

func TestAnAnswerSaysWhetherToTryAgain(t *testing.T) {
	s, client := server(t, func(w http.ResponseWriter, r *http.Request) {
		code, after, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		w.Header().Set("Location", "http://169.254.169.254/")
		status, err := strconv.Atoi(code)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
	})
	for path, want := range map[string]*outbound.Refused{
		"/200": nil, "/204": nil,
		"/302": {Final: true}, "/400": {Final: true}, "/401": {Final: true}, "/404": {Final: true}, "/410": {Final: true}, "/413": {Final: true},
		"/408": {}, "/500": {}, "/503": {},
		"/429/120": {After: 2 * time.Minute}, "/503/Mon, 02 Mar 2026 09:05:00 GMT": {After: 5 * time.Minute},
		"/429/999999999999999": {After: 6 * time.Hour}, "/429/-5": {}, "/429/soon": {}, "/503/99999999": {After: 6 * time.Hour},
		"/503/Mon, 02 Mar 2026 08:05:00 GMT": {},
	} {
		_, err := outbound.Post(t.Context(), client, s.URL+strings.ReplaceAll(path, " ", "%20"), http.Header{}, []byte("{}"), now)
		var got *outbound.Refused
		errors.As(err, &got)
		if (got == nil) != (want == nil) || got != nil && (got.Final != want.Final || got.After != want.After) || got == nil && err != nil {
			t.Errorf("%s: %+v (%v), want %+v", path, got, err, want)
		}
	}
}

func TestALoopbackAddressIsRefusedUnlessItIsAllowed(t *testing.T) {
	asked := false
	s, _ := server(t, func(http.ResponseWriter, *http.Request) { asked = true })
	_, err := outbound.Post(t.Context(), (&outbound.Policy{}).Client(), s.URL+"/secret", http.Header{}, nil, now)
	if !errors.Is(err, outbound.ErrPrivate) || asked || strings.Contains(err.Error(), "/secret") {
		t.Errorf("%v, asked %v", err, asked)
	}
}

func TestACertificateThatNobodyVouchesForIsRefused(t *testing.T) {
	asked := false
	s, _ := server(t, func(http.ResponseWriter, *http.Request) { asked = true })
	_, err := outbound.Post(t.Context(), (&outbound.Policy{Private: loopback}).Client(), s.URL, http.Header{}, nil, now)
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) || asked {
		t.Errorf("%v, asked %v", err, asked)
	}
}

func TestAServerThatHangsIsLeft(t *testing.T) {
	s, client := server(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if client.Timeout != outbound.Timeout {
		t.Error("the client has no limit of its own")
	}
	client.Timeout = 50 * time.Millisecond
	if _, err := outbound.Post(t.Context(), client, s.URL, http.Header{}, nil, now); err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Error(err)
	}
}

func TestAnAnswerWithoutAnEndIsNotRead(t *testing.T) {
	s, client := server(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	if status, err := outbound.Post(t.Context(), client, s.URL, http.Header{}, nil, now); err != nil || status != "200 OK" {
		t.Errorf("%q, %v", status, err)
	}
}
