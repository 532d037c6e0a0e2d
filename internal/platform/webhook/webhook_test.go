package webhook_test

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/platform/outbound"
	"scaf.dev/scaf/internal/platform/webhook"
)

// The example of the standard's own libraries.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func keys(t *testing.T, text string) *webhook.Keys {
	t.Helper()
	k, err := webhook.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func other(b byte) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(b)), 32)))
}

// The vector of the standard's reference implementation (signature of the
// message msg_p5jXN8AQM9LWM0D4loKWxJek at 1614265330).
func TestTheSignatureIsThatOfTheStandard(t *testing.T) {
	at, body := time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)
	header, err := keys(t, secret).Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
	if got := header.Get("webhook-signature"); err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Fatalf("%q, %v", got, err)
	}
	if header.Get("webhook-timestamp") != "1614265330" || header.Get("webhook-id") != "msg_p5jXN8AQM9LWM0D4loKWxJek" {
		t.Error(header)
	}
}

func TestWhatWasSignedIsTakenAndNothingElse(t *testing.T) {
	k := keys(t, secret)
	rapid.Check(t, func(r *rapid.T) {
		at := time.Unix(rapid.Int64Range(1, 1<<33).Draw(r, "at"), 0)
		id := rapid.StringMatching(`[a-z0-9-]{1,40}`).Draw(r, "id")
		body := rapid.SliceOf(rapid.Byte()).Draw(r, "body")
		header, err := k.Sign(id, at, body)
		if err != nil {
			r.Fatal(err)
		}
		later := time.Duration(rapid.Int64Range(-int64(webhook.Tolerance), int64(webhook.Tolerance)).Draw(r, "later"))
		if got, err := k.Verify(header, body, at.Add(later)); err != nil || got != id {
			r.Fatalf("%q, %v", got, err)
		}
		if _, err := k.Verify(header, append(body, 'x'), at); !errors.Is(err, webhook.ErrUnsigned) {
			r.Fatalf("another body: %v", err)
		}
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			changed := header.Clone()
			value := []byte(changed.Get(name))
			value[len(value)/2] ^= 1
			changed.Set(name, string(value))
			if _, err := k.Verify(changed, body, at); !errors.Is(err, webhook.ErrUnsigned) {
				r.Fatalf("another %s: %v", name, err)
			}
			changed.Del(name)
			if _, err := k.Verify(changed, body, at); !errors.Is(err, webhook.ErrUnsigned) {
				r.Fatalf("no %s: %v", name, err)
			}
		}
		for _, off := range []time.Duration{webhook.Tolerance + time.Second, -webhook.Tolerance - time.Second} {
			if _, err := k.Verify(header, body, at.Add(off)); !errors.Is(err, webhook.ErrUnsigned) {
				r.Fatalf("%s off: %v", off, err)
			}
		}
	})
}

func TestASecretIsReplacedWithoutAGap(t *testing.T) {
	at, body := time.Unix(1, 0), []byte("{}")
	before, both, after := keys(t, other('a')), keys(t, other('a')+" "+other('b')), keys(t, other('b'))
	header, err := both.Sign("m", at, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []*webhook.Keys{before, both, after} {
		if _, err := k.Verify(header, body, at); err != nil {
			t.Error(err)
		}
	}
	if _, err := keys(t, other('c')).Verify(header, body, at); !errors.Is(err, webhook.ErrUnsigned) {
		t.Error(err)
	}
}

func TestSecretsAreCheckedAndNeverPrinted(t *testing.T) {
	for _, text := range []string{"", "  ", "hunter2", "whsec_", "whsec_aHVudGVyMg==", "whsec_!!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", secret + " hunter2", "whsec_" + strings.Repeat("aHVudGVyMg", 20)} {
		if _, err := webhook.ParseKeys(text); !errors.Is(err, webhook.ErrSecret) || text != "" && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, keys(t, secret)); strings.Contains(text, "MfKQ") || text != "1 webhook secrets" {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func TestAMessageIsSentSigned(t *testing.T) {
	k, at, body := keys(t, secret), time.Unix(1614265330, 0), []byte(`{"type":"x"}`)
	var id string
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read, err := io.ReadAll(r.Body)
		if err == nil {
			id, err = k.Verify(r.Header, read, at)
		}
		if err != nil || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	client := (&outbound.Policy{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Roots: roots}).Client()
	if status, err := k.Send(t.Context(), client, s.URL, "m-1", at, body); err != nil || status != "200 OK" || id != "m-1" {
		t.Errorf("%q, %v, id %q", status, err, id)
	}
	var refused *outbound.Refused
	if _, err := keys(t, other('a')).Send(t.Context(), client, s.URL, "m-1", at, body); !errors.As(err, &refused) || !refused.Final {
		t.Errorf("another secret: %v", err)
	}
	if _, err := k.Send(t.Context(), client, s.URL, "m-1", at, make([]byte, webhook.MaxBody+1)); !errors.Is(err, webhook.ErrLarge) {
		t.Error(err)
	}
}
