package hris

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"scaf.dev/scaf/internal/platform/outbound"
)

// Bounds of what is read back.
const (
	// maxPages of an HR system's list, each of at most outbound.MaxAnswer bytes.
	maxPages = 20_000
	// maxText bounds a text of an answer, in bytes.
	maxText = 400
)

// ErrAnswer says: what the HR system answers is no list of acknowledgments.
var ErrAnswer = errors.New("the HR system's answer is no list of acknowledgments")

// Holds are the acknowledgments that an HR system holds.
type Holds struct {
	Source  string // the host
	SHA256  string // of all pages, one after the other
	Answers []Answer
}

// Read asks the HR system for all of them: GET from an address, page after page.
// A page is {"acknowledgments": [{"person", "version", "sha256", "answered_at"}],
// "next_cursor": "..."}; the next one is asked for with ?cursor=. It fails as a whole:
// half a list says nothing about what is missing in it.
func Read(ctx context.Context, client *http.Client, from, token string, now time.Time) (*Holds, error) {
	at, err := url.Parse(from)
	if err != nil || outbound.CheckURL(from) != nil {
		return nil, outbound.CheckURL(from)
	}
	holds := &Holds{Source: at.Host}
	sum := sha256.New()
	seen := map[string]bool{}
	for cursor := ""; ; {
		if len(seen) == maxPages {
			return nil, fmt.Errorf("%w: it has more than %d pages", ErrAnswer, maxPages)
		}
		query := at.Query()
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		page := *at
		page.RawQuery = query.Encode()
		body, err := get(ctx, client, &page, token, now)
		if err != nil {
			return nil, err
		}
		sum.Write(body)
		next, err := holds.add(body)
		switch {
		case err != nil:
			return nil, err
		case next == "":
			holds.SHA256 = hex.EncodeToString(sum.Sum(nil))
			return holds, nil
		case seen[next]:
			return nil, fmt.Errorf("%w: the page %q comes twice", ErrAnswer, next[:min(len(next), 60)])
		}
		seen[next], cursor = true, next
	}
}

// get asks for one page.
func get(ctx context.Context, client *http.Client, page *url.URL, token string, now time.Time) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: it cannot be asked", outbound.ErrAddress)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "scaf")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, outbound.Anonymous(page.Host, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, outbound.MaxAnswer))
	if err != nil {
		return nil, outbound.Anonymous(page.Host, err)
	}
	if err := outbound.Judge(page.Host, response, now); err != nil {
		return nil, err
	}
	if len(body) == outbound.MaxAnswer {
		return nil, fmt.Errorf("%w: a page has at most %d bytes", ErrAnswer, outbound.MaxAnswer-1)
	}
	return body, nil
}

// add reads a page, and gives where the next one is. Fields that are not asked for
// are the HR system's own.
func (h *Holds) add(body []byte) (next string, err error) {
	var page struct {
		Acknowledgments *[]Answer `json:"acknowledgments"`
		Next            string    `json:"next_cursor"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return "", fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if page.Acknowledgments == nil {
		return "", fmt.Errorf("%w: the field acknowledgments is missing", ErrAnswer)
	}
	for i, a := range *page.Acknowledgments {
		if a.Person == "" || a.Version == "" || a.SHA256 == "" || a.AnsweredAt.IsZero() || len(a.Person)+len(a.Version)+len(a.SHA256) > maxText {
			return "", fmt.Errorf("%w: number %d needs person, version, sha256 and answered_at, of at most %d bytes together", ErrAnswer, len(h.Answers)+i, maxText)
		}
	}
	h.Answers = append(h.Answers, *page.Acknowledgments...)
	return page.Next, nil
}
