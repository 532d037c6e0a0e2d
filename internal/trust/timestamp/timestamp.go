// Package timestamp gets time stamps from an RFC 3161 authority and checks them.
// A time stamp proves that a SHA-256 digest existed at the authority's time; it
// is what stands against a log whose keeper holds the signing key.
//
// Not checked: whether the authority's certificate was revoked, and what an
// authority's key was used for after its certificate expired.
package timestamp

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/digitorus/timestamp"
)

// What can go wrong beside the network; test with errors.Is.
var (
	// ErrRefused: the authority answered, and gave no time stamp.
	ErrRefused = errors.New("the time stamp authority refused")
	// ErrInvalid: what is there is not a time stamp of this digest by a trusted
	// authority.
	ErrInvalid = errors.New("not a valid time stamp")
)

const (
	queryType = "application/timestamp-query" // RFC 3161 3.4
	replyType = "application/timestamp-reply"
	// replyLimit bounds an answer: a token with a chain of certificates has a few
	// kilobytes.
	replyLimit = 64 << 10
	// defaultTimeout bounds a request of a client that has no http.Client.
	defaultTimeout = 30 * time.Second
)

// Client asks one authority. It is safe for concurrent use.
type Client struct {
	// URL is where the authority takes queries by HTTP POST (RFC 3161 3.4). The
	// answer is signed, so plain http loses nothing but confidentiality of the
	// digest.
	URL string
	// HTTP does the requests; nil means a client with a limit of 30 seconds.
	HTTP *http.Client
	// Roots are the certificates that the authority's chain must end in. The
	// system's roots are never used: few of them are for time stamps.
	Roots *x509.CertPool
}

// Stamp gets a time stamp for a SHA-256 digest. It returns the token, which is
// what [Verify] takes and what is to be kept, and its time, in whole seconds or
// as fine as the authority writes it. The answer is checked like [Verify] does,
// and it must hold the nonce of this request, so that an old one is refused.
// Errors: those of the context and the network, ErrRefused, ErrInvalid.
func (c *Client) Stamp(ctx context.Context, digest [sha256.Size]byte) (token []byte, at time.Time, err error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, time.Time{}, err
	}
	query, err := (&timestamp.Request{
		HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Certificates: true, Nonce: nonce,
	}).Marshal()
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("time stamp query: %w", err)
	}
	reply, err := c.post(ctx, string(query))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("time stamp from %s: %w", c.URL, err)
	}
	token, err = tokenOf(reply)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("time stamp from %s: %w", c.URL, err)
	}
	stamp, err := verify(token, digest, c.Roots)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("time stamp from %s: %w", c.URL, err)
	}
	if stamp.nonce == nil || stamp.nonce.Cmp(nonce) != 0 {
		return nil, time.Time{}, fmt.Errorf("time stamp from %s: %w: the answer is to another request (nonce)", c.URL, ErrInvalid)
	}
	return token, stamp.Time, nil
}

func (c *Client) post(ctx context.Context, query string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, strings.NewReader(query))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", queryType)
	request.Header.Set("Accept", replyType)
	client := c.HTTP
	if client == nil {
		client = &http.Client{Timeout: defaultTimeout}
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: HTTP status %s", ErrRefused, response.Status)
	}
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || mediaType != replyType {
		return nil, fmt.Errorf("%w: the answer has media type %.80q, want %s", ErrInvalid, response.Header.Get("Content-Type"), replyType)
	}
	reply, err := io.ReadAll(io.LimitReader(response.Body, replyLimit+1))
	if err != nil {
		return nil, err
	}
	if len(reply) > replyLimit {
		return nil, fmt.Errorf("%w: the answer has more than %d bytes", ErrInvalid, replyLimit)
	}
	return reply, nil
}
