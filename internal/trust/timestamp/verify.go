package timestamp

import (
	"bytes"
	"crypto"
	"crypto/sha1" //nolint:gosec // ESSCertID of RFC 2634 is a SHA-1; the certificate's signature is what is trusted
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"
)

// Stamp is what a verified token says.
type Stamp struct {
	// Time is when the authority says that it saw the digest, in UTC.
	Time time.Time
	// Accuracy is how far Time can be off either way; 0 where the token does not say.
	Accuracy time.Duration
	// Authority is the subject of the certificate that signed.
	Authority string
	// Serial is the token's serial number at the authority, in decimal.
	Serial string

	nonce *big.Int
}

// Verify checks that token is a time stamp of the SHA-256 digest: a CMS
// signature over it by a certificate that is for time stamps alone (RFC 3161
// 2.3), is bound by the signed attributes (RFC 5816), and chains to one of the
// roots, all valid at the stamp's time. It needs no network, and so does not ask
// whether a certificate was revoked. Every failure is ErrInvalid with the reason.
func Verify(token []byte, digest [sha256.Size]byte, roots *x509.CertPool) (Stamp, error) {
	return verify(token, digest, roots)
}

// Object identifiers: RFC 3161 2.4.2, RFC 5280 4.2.1.12, RFC 5816, RFC 2634.
var (
	oidTSTInfo              = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidExtKeyUsage          = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidSigningCertificateV2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidSigningCertificate   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSHA256               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512               = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

func verify(token []byte, digest [sha256.Size]byte, roots *x509.CertPool) (Stamp, error) {
	// A nil pool means "any" to the library and "the system's" to crypto/x509.
	if roots == nil {
		return Stamp{}, fmt.Errorf("%w: no trusted root certificates are given", ErrInvalid)
	}
	info, signed, err := parse(token)
	if err != nil {
		return Stamp{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if info.HashAlgorithm != crypto.SHA256 || !bytes.Equal(info.HashedMessage, digest[:]) {
		return Stamp{}, fmt.Errorf("%w: it is of another digest (%v %x)", ErrInvalid, info.HashAlgorithm, info.HashedMessage)
	}
	signer := signed.GetOnlySigner()
	if signer == nil {
		return Stamp{}, fmt.Errorf("%w: it does not hold exactly one signature with its certificate", ErrInvalid)
	}
	for _, check := range []func() error{
		func() error { return checkContentType(signed) },
		func() error { return checkSigningCertificate(signed, signer) },
		func() error { return checkUsage(signer) },
		func() error { return checkChain(signed, roots, info.Time) },
	} {
		if err := check(); err != nil {
			return Stamp{}, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return Stamp{
		Time: info.Time.UTC(), Accuracy: info.Accuracy, Authority: signer.Subject.String(),
		Serial: info.SerialNumber.String(), nonce: info.Nonce,
	}, nil
}

// parsing keeps one goroutine at a time in package pkcs7, whose BER reader
// writes a variable of its package.
var parsing sync.Mutex

// parse decodes a token. The library's parser panics on some malformed input,
// and a token comes from outside.
func parse(token []byte) (info *timestamp.Timestamp, signed *pkcs7.PKCS7, err error) {
	parsing.Lock()
	defer parsing.Unlock()
	defer rescue(&err)
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(token, &whole); err != nil {
		return nil, nil, err
	} else if len(rest) > 0 {
		return nil, nil, fmt.Errorf("%d bytes follow the token", len(rest))
	}
	if info, err = timestamp.Parse(token); err != nil {
		return nil, nil, err
	}
	if signed, err = pkcs7.Parse(token); err != nil {
		return nil, nil, err
	}
	if info.SerialNumber == nil {
		return nil, nil, fmt.Errorf("it has no serial number")
	}
	return info, signed, nil
}

// tokenOf takes the token out of an authority's answer (RFC 3161 2.4.2).
func tokenOf(reply []byte) (token []byte, err error) {
	var answer struct {
		Status struct{ Status timestamp.Status } // what follows the number is ignored here
		Token  asn1.RawValue                     `asn1:"optional"`
	}
	rest, err := asn1.Unmarshal(reply, &answer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: the answer is malformed: %w", ErrInvalid, err)
	case len(rest) > 0:
		return nil, fmt.Errorf("%w: %d bytes follow the answer", ErrInvalid, len(rest))
	case answer.Status.Status < timestamp.Granted:
		return nil, fmt.Errorf("%w: the answer has status %d", ErrInvalid, answer.Status.Status)
	case answer.Status.Status == timestamp.Granted, answer.Status.Status == timestamp.GrantedWithMods:
		if len(answer.Token.FullBytes) == 0 {
			return nil, fmt.Errorf("%w: the answer holds no token", ErrInvalid)
		}
		return answer.Token.FullBytes, nil
	default:
		// For a refusal the library reads the reason and stops before any token.
		_, err := timestamp.ParseResponse(reply)
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
}

func rescue(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("malformed: %v", r)
	}
}

// checkContentType holds that the signature is over time stamp information and
// nothing else; the library leaves that to its caller. It also holds that there
// are signed attributes: without them the bytes of attributes could be passed
// off as content (RFC 5652 5.4).
func checkContentType(signed *pkcs7.PKCS7) error {
	var contentType asn1.ObjectIdentifier
	if err := signed.UnmarshalSignedAttribute(pkcs7.OIDAttributeContentType, &contentType); err != nil {
		return err
	}
	if !contentType.Equal(oidTSTInfo) {
		return fmt.Errorf("the signature is over content of type %v, not over time stamp information", contentType)
	}
	return nil
}

// essCert is ESSCertIDv2 of RFC 5035, of which ESSCertID (RFC 2634) is the case
// without an algorithm.
type essCert struct {
	Algorithm    pkix.AlgorithmIdentifier `asn1:"optional"`
	Hash         []byte
	IssuerSerial asn1.RawValue `asn1:"optional"`
}

type signingCertificate struct {
	Certs    []essCert
	Policies asn1.RawValue `asn1:"optional"`
}

// checkSigningCertificate holds that the signed attributes name the certificate
// (RFC 3161 2.4.2, RFC 5816), so that another one with the same key cannot be
// put in its place.
func checkSigningCertificate(signed *pkcs7.PKCS7, signer *x509.Certificate) error {
	var named signingCertificate
	v2 := true
	if err := signed.UnmarshalSignedAttribute(oidSigningCertificateV2, &named); err != nil {
		v2, named = false, signingCertificate{}
		if err := signed.UnmarshalSignedAttribute(oidSigningCertificate, &named); err != nil {
			return fmt.Errorf("the signed attributes do not name the signing certificate: %w", err)
		}
	}
	if len(named.Certs) == 0 {
		return fmt.Errorf("the signed attributes do not name the signing certificate")
	}
	want, algorithm := named.Certs[0].Hash, named.Certs[0].Algorithm.Algorithm
	var got []byte
	switch {
	case !v2:
		sum := sha1.Sum(signer.Raw) //nolint:gosec // see the import
		got = sum[:]
	case algorithm == nil, algorithm.Equal(oidSHA256):
		got = hash(crypto.SHA256, signer.Raw)
	case algorithm.Equal(oidSHA384):
		got = hash(crypto.SHA384, signer.Raw)
	case algorithm.Equal(oidSHA512):
		got = hash(crypto.SHA512, signer.Raw)
	default:
		return fmt.Errorf("the signing certificate is named by an unknown hash %v", algorithm)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("the signed attributes name another certificate than %s", signer.Subject)
	}
	return nil
}

func hash(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}

// checkUsage is RFC 3161 2.3: the certificate has exactly one extended key
// usage, time stamping, and it is critical.
func checkUsage(signer *x509.Certificate) error {
	if len(signer.UnknownExtKeyUsage) != 0 || len(signer.ExtKeyUsage) != 1 ||
		signer.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping {
		return fmt.Errorf("the certificate of %s is not for time stamping alone", signer.Subject)
	}
	for _, extension := range signer.Extensions {
		if extension.Id.Equal(oidExtKeyUsage) && extension.Critical {
			return nil
		}
	}
	return fmt.Errorf("the certificate of %s does not mark its extended key usage as critical", signer.Subject)
}

// checkChain checks the signature, and the chain at the stamp's time.
func checkChain(signed *pkcs7.PKCS7, roots *x509.CertPool, at time.Time) error {
	intermediates := x509.NewCertPool()
	for _, certificate := range signed.Certificates {
		intermediates.AddCert(certificate)
	}
	// A zero time would mean now.
	if at.IsZero() {
		return fmt.Errorf("it has no time")
	}
	return signed.VerifyWithOpts(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
}
