package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"scaf.dev/scaf/internal/platform/webhook"
)

// Hook sends to a program of the organisation, signed (package webhook).
type Hook struct {
	URL    string
	Keys   *webhook.Keys
	Client *http.Client
}

// maxHookText keeps a message, in bytes, within the 20 KiB that the standard advises.
const maxHookText = 16 << 10

// Payload is the body of a webhook, in the form that Standard Webhooks advises.
type Payload struct {
	Type      string      `json:"type"`      // "scaf.notification.duty"
	Timestamp time.Time   `json:"timestamp"` // when it was told
	Data      PayloadData `json:"data"`
}

// PayloadData is what happened.
type PayloadData struct {
	ID    string `json:"id"`
	About string `json:"about"` // reference: "finding/FND-1"
	Title string `json:"title"`
	Text  string `json:"text"`
	Link  string `json:"link,omitempty"`
}

// Send implements Channel.
func (h *Hook) Send(ctx context.Context, _ string, m *Message, now time.Time) (string, error) {
	body, err := json.Marshal(Payload{"scaf.notification." + m.Kind, m.At.UTC(), PayloadData{m.ID, m.About, m.Title, short(m.Text, maxHookText), m.Link}})
	if err != nil {
		return "", err
	}
	return h.Keys.Send(ctx, h.Client, h.URL, m.ID, now, body)
}
