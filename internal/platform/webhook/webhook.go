// Package webhook signs and checks webhooks as Standard Webhooks 1.0.0 says
// (https://www.standardwebhooks.com): the headers webhook-id, webhook-timestamp
// and webhook-signature, HMAC-SHA256 with a shared secret.
//
// The id is the same each time that the same message is sent. Delivery is at
// least once: whoever takes messages keeps the ids that it has seen.
package webhook

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"scaf.dev/scaf/internal/platform/outbound"
)

const (
	// Tolerance is how old or how new a message may say to be.
	Tolerance = 5 * time.Minute
	// MaxBody bounds a message, in bytes. The standard advises 20 KiB; most servers
	// take a megabyte.
	MaxBody = 1 << 20
	// prefix of a secret, and the least and most bytes that it stands for.
	prefix    = "whsec_"
	minSecret = 24
	maxSecret = 64
)

// Errors of webhooks.
var (
	// ErrSecret: a secret is not of the standard's form.
	ErrSecret = errors.New("the secret of a webhook is whsec_ and 24 to 64 random bytes in base64")
	// ErrUnsigned: the message was not signed with one of the secrets, or not lately.
	ErrUnsigned = errors.New("the webhook is not signed as it should be")
	// ErrLarge: the message is longer than MaxBody.
	ErrLarge = fmt.Errorf("a webhook has at most %d bytes", MaxBody)
)

// Keys are the secrets that both sides share. One is enough; while it is being
// replaced there are two: messages are signed with all, and taken when signed
// with any. It prints as what it is, and never what it holds.
type Keys struct{ keys []*standard.Webhook }

// ParseKeys reads secrets, separated by spaces. No error quotes them.
func ParseKeys(text string) (*Keys, error) {
	k := &Keys{}
	for _, secret := range strings.Fields(text) {
		raw, ok := strings.CutPrefix(secret, prefix)
		key, err := base64.StdEncoding.DecodeString(raw)
		if !ok || err != nil || len(key) < minSecret || len(key) > maxSecret {
			return nil, ErrSecret
		}
		signer, err := standard.NewWebhookRaw(key)
		if err != nil {
			return nil, ErrSecret
		}
		k.keys = append(k.keys, signer)
	}
	if len(k.keys) == 0 {
		return nil, ErrSecret
	}
	return k, nil
}

// String implements fmt.Stringer.
func (k *Keys) String() string { return fmt.Sprintf("%d webhook secrets", len(k.keys)) }

// GoString implements fmt.GoStringer.
func (k *Keys) GoString() string { return k.String() }

// Sign makes the headers of a message.
func (k *Keys) Sign(id string, at time.Time, body []byte) (http.Header, error) {
	var signatures []string
	for _, key := range k.keys {
		signature, err := key.Sign(id, at, body)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, signature)
	}
	header := http.Header{}
	header.Set(standard.HeaderWebhookID, id)
	header.Set(standard.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(standard.HeaderWebhookSignature, strings.Join(signatures, " "))
	return header, nil
}

// Verify checks a message that came in at now, and returns its id. Whoever has
// seen the id has seen the message. ErrUnsigned says what is wrong, for the log:
// the sender need not be told.
func (k *Keys) Verify(header http.Header, body []byte, now time.Time) (id string, err error) {
	id = header.Get(standard.HeaderWebhookID)
	seconds, err := strconv.ParseInt(header.Get(standard.HeaderWebhookTimestamp), 10, 64)
	switch {
	case len(body) > MaxBody:
		return "", ErrLarge
	case id == "" || len(id) > 200 || err != nil || header.Get(standard.HeaderWebhookSignature) == "":
		return "", fmt.Errorf("%w: webhook-id, webhook-timestamp or webhook-signature is missing or cannot be read", ErrUnsigned)
	}
	if distance := now.Sub(time.Unix(seconds, 0)); distance > Tolerance || distance < -Tolerance {
		return "", fmt.Errorf("%w: it says to be of %s, more than %s from now", ErrUnsigned, time.Unix(seconds, 0).UTC().Format(time.RFC3339), Tolerance)
	}
	for _, key := range k.keys {
		if key.VerifyIgnoringTimestamp(body, header) == nil {
			return id, nil
		}
	}
	return "", fmt.Errorf("%w: no signature is right", ErrUnsigned)
}

// Send sends a message of type application/json to an address. The answer's
// status, *outbound.Refused, or the network's error.
func (k *Keys) Send(ctx context.Context, client *http.Client, to, id string, at time.Time, body []byte) (status string, err error) {
	if len(body) > MaxBody {
		return "", ErrLarge
	}
	header, err := k.Sign(id, at, body)
	if err != nil {
		return "", err
	}
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "scaf")
	return outbound.Post(ctx, client, to, header, body, at)
}
