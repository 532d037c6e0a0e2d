package timestamp_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitorus/pkcs7"
	lib "github.com/digitorus/timestamp"

	"scaf.dev/scaf/internal/platform/clock"
	"scaf.dev/scaf/internal/trust/timestamp"
	"scaf.dev/scaf/internal/trust/timestamp/timestamptest"
)

var (
	digest  = sha256.Sum256([]byte("checkpoint"))
	other   = sha256.Sum256([]byte("another checkpoint"))
	instant = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
)

// authority is one that tells instant.
func authority(t testing.TB, v timestamptest.Variant) (*timestamptest.Server, *timestamp.Client) {
	t.Helper()
	server := timestamptest.AuthorityWith(t, v)
	server.SetClock(clock.NewManual(instant))
	return server, &timestamp.Client{URL: server.URL, Roots: server.Roots}
}

func goodToken(t testing.TB) (*timestamptest.Server, []byte) {
	t.Helper()
	server, client := authority(t, timestamptest.Variant{})
	token, _, err := client.Stamp(context.Background(), digest)
	if err != nil {
		t.Fatal(err)
	}
	return server, token
}

func TestAStampIsVerifiedOfflineAndTellsTimeAndAuthority(t *testing.T) {
	server, client := authority(t, timestamptest.Variant{})
	token, at, err := client.Stamp(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	if !at.Equal(instant) {
		t.Errorf("stamped at %s, want %s", at, instant)
	}
	stamp, err := timestamp.Verify(token, digest, server.Roots)
	if err != nil {
		t.Fatal(err)
	}
	if !stamp.Time.Equal(instant) || stamp.Time.Location() != time.UTC || stamp.Accuracy != time.Second {
		t.Errorf("%s ± %s, want %s ± 1s", stamp.Time, stamp.Accuracy, instant)
	}
	if stamp.Authority != "CN=Test Time Stamp Authority,O=SCAF tests" {
		t.Errorf("authority %q", stamp.Authority)
	}
	if serial, ok := new(big.Int).SetString(stamp.Serial, 10); !ok || serial.Sign() <= 0 {
		t.Errorf("serial %q", stamp.Serial)
	}
}

// OpenSSL is the independent reader of what the client accepted.
func TestOpenSSLAcceptsTheTokenAndRefusesItForAnotherDigest(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("no openssl: run `make test`, which installs it")
	}
	server, token := goodToken(t)
	dir := t.TempDir()
	tokenFile, rootFile := filepath.Join(dir, "token"), filepath.Join(dir, "root.pem")
	for path, data := range map[string][]byte{tokenFile: token, rootFile: server.RootPEM()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verify := func(d [sha256.Size]byte) (string, error) {
		out, err := exec.Command(openssl, "ts", "-verify", "-digest", hex.EncodeToString(d[:]),
			"-in", tokenFile, "-token_in", "-CAfile", rootFile).CombinedOutput()
		return string(out), err
	}
	if out, err := verify(digest); err != nil || !strings.Contains(out, "Verification: OK") {
		t.Errorf("openssl: %v\n%s", err, out)
	}
	if out, err := verify(other); err == nil {
		t.Errorf("openssl accepts another digest:\n%s", out)
	}
}

func TestStampsAreTakenConcurrently(t *testing.T) {
	_, client := authority(t, timestamptest.Variant{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, _, err := client.Stamp(t.Context(), digest); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func usage(critical bool, oids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
	return func(template *x509.Certificate) {
		value, err := asn1.Marshal(oids)
		if err != nil {
			panic(err)
		}
		template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: critical, Value: value}}
	}
}

func TestTokensThatAreNotWhatWasAskedForAreRefused(t *testing.T) {
	timeStamping, codeSigning := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 8}, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
	tests := map[string]struct {
		variant timestamptest.Variant
		says    string
	}{
		"other nonce":  {timestamptest.Variant{Stamp: func(s *lib.Timestamp) { s.Nonce = big.NewInt(1) }}, "nonce"},
		"no nonce":     {timestamptest.Variant{Stamp: func(s *lib.Timestamp) { s.Nonce = nil }}, "nonce"},
		"other digest": {timestamptest.Variant{Stamp: func(s *lib.Timestamp) { s.HashedMessage = other[:] }}, "another digest"},
		"short digest": {timestamptest.Variant{Stamp: func(s *lib.Timestamp) { s.HashedMessage = s.HashedMessage[:31] }}, "another digest"},
		"other hash": {timestamptest.Variant{Stamp: func(s *lib.Timestamp) {
			h := sha512.Sum512(nil)
			s.HashAlgorithm, s.HashedMessage = crypto.SHA512, h[:]
		}}, "another digest"},
		"another hash of the same bytes": {timestamptest.Variant{Stamp: func(s *lib.Timestamp) { s.HashAlgorithm = crypto.SHA512 }},
			"another digest"},
		"no certificate": {timestamptest.Variant{Stamp: func(s *lib.Timestamp) { s.AddTSACertificate = false }},
			"exactly one signature"},
		"no intermediate":    {timestamptest.Variant{Stamp: func(s *lib.Timestamp) { s.Certificates = nil }}, "certificate"},
		"usage not critical": {timestamptest.Variant{Leaf: usage(false, timeStamping)}, "critical"},
		"other usage":        {timestamptest.Variant{Leaf: usage(true, codeSigning)}, "time stamping alone"},
		"another usage too":  {timestamptest.Variant{Leaf: usage(true, timeStamping, codeSigning)}, "time stamping alone"},
		"unknown usage too": {timestamptest.Variant{Leaf: usage(true, timeStamping, asn1.ObjectIdentifier{2, 25, 9})},
			"time stamping alone"},
		"any usage": {timestamptest.Variant{Leaf: usage(true, asn1.ObjectIdentifier{2, 5, 29, 37, 0})}, "time stamping alone"},
		"no usage":  {timestamptest.Variant{Leaf: func(c *x509.Certificate) { c.ExtraExtensions = nil }}, "time stamping alone"},
		"certificate not valid at the stamp's time": {timestamptest.Variant{Leaf: func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = instant.Add(time.Hour), instant.AddDate(90, 0, 0)
		}}, "not yet valid"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, client := authority(t, test.variant)
			token, _, err := client.Stamp(t.Context(), digest)
			if !errors.Is(err, timestamp.ErrInvalid) || token != nil {
				t.Fatalf("got %v, want ErrInvalid", err)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q does not say %q", err, test.says)
			}
		})
	}
}

func TestVerifyRefusesOtherDigestsRootsAndBytes(t *testing.T) {
	server, token := goodToken(t)
	stranger := timestamptest.Authority(t)
	tests := map[string]struct {
		token  []byte
		digest [32]byte
		roots  *x509.CertPool
	}{
		"another digest":  {token, other, server.Roots},
		"unknown root":    {token, digest, stranger.Roots},
		"empty roots":     {token, digest, x509.NewCertPool()},
		"nil roots":       {token, digest, nil},
		"empty token":     {nil, digest, server.Roots},
		"truncated token": {token[:len(token)-1], digest, server.Roots},
		"trailing bytes":  {append(slices.Clone(token), 0), digest, server.Roots},
		"garbage":         {[]byte("garbage"), digest, server.Roots},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := timestamp.Verify(test.token, test.digest, test.roots); !errors.Is(err, timestamp.ErrInvalid) {
				t.Errorf("got %v, want ErrInvalid", err)
			}
		})
	}
}

func TestNoChangedByteChangesWhatATokenSays(t *testing.T) {
	server, token := goodToken(t)
	want, err := timestamp.Verify(token, digest, server.Roots)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := range token {
		for _, bit := range []byte{0x01, 0x80} {
			changed := slices.Clone(token)
			changed[i] ^= bit
			got, err := timestamp.Verify(changed, digest, server.Roots)
			if err != nil {
				refused++
				continue
			}
			// Some bytes are not signed: the CMS version, the list of digest
			// algorithms. They must not matter.
			if got.Time != want.Time || got.Authority != want.Authority || got.Serial != want.Serial {
				t.Errorf("byte %d: %+v, want %+v", i, got, want)
			}
		}
	}
	if refused < len(token)*2*9/10 {
		t.Errorf("only %d of %d changes were refused", refused, len(token)*2)
	}
}

// sign makes a CMS message of the authority over content, with the signed
// attributes given.
func sign(t *testing.T, server *timestamptest.Server, content []byte, contentType asn1.ObjectIdentifier, attributes []pkcs7.Attribute) []byte {
	t.Helper()
	leaf, intermediate, key := server.Signer()
	data, err := pkcs7.NewSignedData(content)
	if err != nil {
		t.Fatal(err)
	}
	data.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	data.SetContentType(contentType)
	err = data.AddSignerChain(leaf, key, []*x509.Certificate{intermediate}, pkcs7.SignerInfoConfig{ExtraSignedAttributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	message, err := data.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func TestSignaturesOverSomethingElseAreNoTimeStamps(t *testing.T) {
	server, token := goodToken(t)
	signed, err := pkcs7.Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	tstInfo := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	essV2 := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	named := func(hash []byte) []pkcs7.Attribute {
		type cert struct{ Hash []byte }
		value, err := asn1.Marshal(struct{ Certs []cert }{[]cert{{hash}}})
		if err != nil {
			t.Fatal(err)
		}
		return []pkcs7.Attribute{{Type: essV2, Value: asn1.RawValue{FullBytes: value}}}
	}
	leaf, _, _ := server.Signer()
	right := sha256.Sum256(leaf.Raw)

	// What the cases below change one thing of is good.
	if _, err := timestamp.Verify(sign(t, server, signed.Content, tstInfo, named(right[:])), digest, server.Roots); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		token []byte
		says  string
	}{
		"plain data":            {sign(t, server, signed.Content, pkcs7.OIDData, named(right[:])), "content of type"},
		"certificate not named": {sign(t, server, signed.Content, tstInfo, nil), "do not name"},
		"no certificate named": {sign(t, server, signed.Content, tstInfo, []pkcs7.Attribute{{Type: essV2,
			Value: asn1.RawValue{FullBytes: []byte{0x30, 0x02, 0x30, 0x00}}}}), "do not name"},
		"another certificate named":     {sign(t, server, signed.Content, tstInfo, named(other[:])), "another certificate"},
		"content that is no time stamp": {sign(t, server, []byte{0x30, 0x00}, tstInfo, named(right[:])), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := timestamp.Verify(test.token, digest, server.Roots)
			if !errors.Is(err, timestamp.ErrInvalid) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want ErrInvalid that says %q", err, test.says)
			}
		})
	}
}

func TestWhatAuthoritiesDoWrongIsNamed(t *testing.T) {
	rejecting := timestamptest.Authority(t)
	rejecting.SetRefusing(true)
	good, _ := authority(t, timestamptest.Variant{})
	// replay answers every query with the answer to its first one.
	var once sync.Once
	var first []byte
	answer := func(mediaType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			_, _ = io.WriteString(w, body)
		}
	}
	const reply = "application/timestamp-reply"
	tests := map[string]struct {
		handler http.Handler
		want    error
		says    string
	}{
		"rejection":             {rejecting, timestamp.ErrRefused, "time source is not available"},
		"HTTP error":            {http.NotFoundHandler(), timestamp.ErrRefused, "404"},
		"other media type":      {answer("text/html", "<html>"), timestamp.ErrInvalid, "text/html"},
		"no media type":         {answer("", ""), timestamp.ErrInvalid, "media type"},
		"garbage":               {answer(reply, "garbage"), timestamp.ErrInvalid, "malformed"},
		"empty":                 {answer(reply, ""), timestamp.ErrInvalid, "malformed"},
		"granted, no token":     {answer(reply, "\x30\x05\x30\x03\x02\x01\x00"), timestamp.ErrInvalid, "no token"},
		"granted, then rubbish": {answer(reply, "\x30\x07\x30\x03\x02\x01\x00\x05\x00"), timestamp.ErrInvalid, ""},
		"bytes after it":        {answer(reply, "\x30\x05\x30\x03\x02\x01\x00\x00"), timestamp.ErrInvalid, "follow"},
		"too large":             {answer(reply, strings.Repeat("x", 64<<10+1)), timestamp.ErrInvalid, "more than"},
		"replay": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			once.Do(func() {
				recorder := httptest.NewRecorder()
				good.ServeHTTP(recorder, r)
				first = recorder.Body.Bytes()
			})
			w.Header().Set("Content-Type", reply)
			_, _ = w.Write(first)
		}), timestamp.ErrInvalid, "nonce"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			client := timestamp.Client{URL: server.URL, Roots: good.Roots}
			if name == "replay" {
				if _, _, err := client.Stamp(t.Context(), digest); err != nil {
					t.Fatal(err)
				}
			}
			_, _, err := client.Stamp(t.Context(), digest)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %v that says %q", err, test.want, test.says)
			}
			if err != nil && !strings.Contains(err.Error(), server.URL) {
				t.Errorf("%q does not name the authority", err)
			}
		})
	}
}

func TestStampEndsWithItsContext(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	client := timestamp.Client{URL: server.URL, Roots: x509.NewCertPool()}
	if _, _, err := client.Stamp(ctx, digest); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
}

func FuzzVerify(f *testing.F) {
	server, token := goodToken(f)
	f.Add(token)
	f.Add([]byte{})
	f.Add(token[:len(token)/2])
	f.Add([]byte{0x30, 0x02, 0x1f, 0xff}) // makes the library's BER reader panic
	f.Add([]byte{0x30, 0x80, 0x00, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		stamp, err := timestamp.Verify(data, digest, server.Roots)
		if err != nil {
			if !errors.Is(err, timestamp.ErrInvalid) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if !stamp.Time.Equal(instant) {
			t.Fatalf("a time that nobody signed: %s", stamp.Time)
		}
	})
}

// FuzzReply feeds whole answers of an authority through the client.
func FuzzReply(f *testing.F) {
	f.Add([]byte("\x30\x05\x30\x03\x02\x01\x00"))
	f.Add([]byte("\x30\x05\x30\x03\x02\x01\x02"))
	f.Add([]byte("\x30\x05\x30\x03\x02\x01\xff"))
	f.Add([]byte("\x30\x0b\x30\x09\x02\x01\x02\x03\x04\x00\x00\x00\x01"))
	f.Add([]byte{0x30, 0x09, 0x30, 0x03, 0x02, 0x01, 0x00, 0x30, 0x02, 0x1f, 0xff})
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/timestamp-reply")
		_, _ = w.Write(body)
	}))
	f.Cleanup(server.Close)
	client := timestamp.Client{URL: server.URL, Roots: x509.NewCertPool()}
	f.Fuzz(func(t *testing.T, data []byte) {
		body = data
		_, _, err := client.Stamp(context.Background(), digest)
		if !errors.Is(err, timestamp.ErrInvalid) && !errors.Is(err, timestamp.ErrRefused) {
			t.Fatalf("got %v, want ErrInvalid or ErrRefused", err)
		}
	})
}
