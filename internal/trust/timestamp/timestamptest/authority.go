// Package timestamptest is an RFC 3161 time stamp authority for tests: real
// tokens, signed by a certificate of a certification authority of its own,
// served on loopback.
package timestamptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"scaf.dev/scaf/internal/platform/clock"
)

// Server is a running authority. It is safe for concurrent use.
type Server struct {
	// URL takes time stamp queries by POST.
	URL string
	// Roots holds the certificate that its tokens chain to.
	Roots *x509.CertPool

	rootPEM []byte
	alter   func(*timestamp.Timestamp)

	mu       sync.Mutex
	clock    clock.Clock
	issuer   issuer
	refusing bool
	served   int
}

// issuer signs tokens: the leaf's key with the chain that goes into a token.
type issuer struct {
	leaf         *x509.Certificate
	intermediate *x509.Certificate
	key          crypto.Signer
}

// policy names the rules that the authority stamps by; 2.25 is the arc of UUIDs,
// open to everybody.
var policy = asn1.ObjectIdentifier{2, 25, 1}

// Variant makes an authority that is unlike a good one, for tests of refusals.
type Variant struct {
	// Leaf, if it is set, changes the signing certificate before it is signed.
	Leaf func(template *x509.Certificate)
	// Stamp, if it is set, changes each time stamp before it is signed.
	Stamp func(stamp *timestamp.Timestamp)
}

// Authority starts an authority, which stops when the test ends.
func Authority(t testing.TB) *Server {
	t.Helper()
	return AuthorityWith(t, Variant{})
}

// AuthorityWith is [Authority] with deviations.
func AuthorityWith(t testing.TB, v Variant) *Server {
	t.Helper()
	rootKey, intermediateKey := newKey(t), newKey(t)
	root := certificate(t, &x509.Certificate{
		Subject: name("Test Root"), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, rootKey, rootKey)
	intermediate := certificate(t, &x509.Certificate{
		Subject: name("Test Issuer"), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, root, intermediateKey, rootKey)
	s := &Server{
		Roots: x509.NewCertPool(), clock: clock.System{},
		rootPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}),
	}
	s.Roots.AddCert(root)
	s.issuer = issuer{intermediate: intermediate, key: newKey(t)}
	template := leafTemplate()
	if v.Leaf != nil {
		v.Leaf(template)
	}
	s.issuer.leaf = certificate(t, template, intermediate, s.issuer.key, intermediateKey)
	s.alter = v.Stamp
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// RootPEM returns the root certificate as a PEM file holds it.
func (s *Server) RootPEM() []byte { return s.rootPEM }

// Signer returns what tokens are signed with: the certificate, its issuer's, and
// the key, so that a test can sign something else.
func (s *Server) Signer() (leaf, intermediate *x509.Certificate, key crypto.Signer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issuer.leaf, s.issuer.intermediate, s.issuer.key
}

// SetClock makes the authority tell another time; at first it tells the machine's.
func (s *Server) SetClock(c clock.Clock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = c
}

// SetRefusing makes the authority answer every query with a rejection, or stop
// doing so.
func (s *Server) SetRefusing(refusing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusing = refusing
}

// Served returns the number of queries that were answered, rejections included.
func (s *Server) Served() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/timestamp-query" {
		http.Error(w, "POST an application/timestamp-query", http.StatusBadRequest)
		return
	}
	reply, err := s.answer(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(reply)
}

func (s *Server) answer(query []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served++
	if s.refusing {
		return timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.TimeNotAvailable)
	}
	request, err := timestamp.ParseRequest(query)
	if err != nil {
		return timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.BadDataFormat)
	}
	stamp := timestamp.Timestamp{
		HashAlgorithm: request.HashAlgorithm, HashedMessage: request.HashedMessage, Nonce: request.Nonce,
		Time: s.clock.Now(), Accuracy: time.Second, Policy: policy,
		AddTSACertificate: request.Certificates, Certificates: []*x509.Certificate{s.issuer.intermediate},
	}
	if s.alter != nil {
		s.alter(&stamp)
	}
	return stamp.CreateResponseWithOpts(s.issuer.leaf, s.issuer.key, crypto.SHA256)
}

// leafTemplate is what RFC 3161 2.3 wants of a certificate that signs tokens:
// one extended key usage, and that one critical, which crypto/x509 never marks.
func leafTemplate() *x509.Certificate {
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		panic(err) // a constant
	}
	return &x509.Certificate{
		Subject: name("Test Time Stamp Authority"), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}
}

func name(common string) pkix.Name {
	return pkix.Name{Organization: []string{"SCAF tests"}, CommonName: common}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// certificate signs the template for key with the parent's key; without a parent
// it is self-signed. It is valid for so long that a test's clock may tell any
// time.
func certificate(t testing.TB, template, parent *x509.Certificate, key, parentKey crypto.Signer) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = serial
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		template.NotAfter = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
