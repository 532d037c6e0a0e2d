package record

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Made is what an event says about the version of a record that it made.
type Made struct {
	Kind    *Kind
	ID      string
	Version int
	SHA256  string // of the canonical document after the event

	document, patch []byte
}

// Whole reports whether the event carries the document itself, so that it can
// be replayed without the version before.
func (m *Made) Whole() bool { return m.patch == nil }

// Payload is what the event carries: the document, or the merge patch.
func (m *Made) Payload() []byte {
	if m.patch != nil {
		return m.patch
	}
	return m.document
}

// Made reads an own event. It is nil when the event makes no version of a kind
// that ks knows. The error is a *Difference.
func (ks Kinds) Made(event Applied) (*Made, error) {
	if !ks.makes(event) {
		return nil, nil //nolint:nilnil // most events make none, and that is no error
	}
	name, id, _ := strings.Cut(event.Subject, "/")
	kind, err := ks.Find(name)
	if err != nil {
		return nil, &Difference{event.Index, err.Error()}
	}
	var data eventData
	if err := json.Unmarshal(event.Data, &data); err != nil {
		return nil, &Difference{event.Index, fmt.Sprintf("%s: the event's data cannot be read: %v", event.Subject, err)}
	}
	if (data.Document == nil) == (data.Patch == nil) || data.Version == 1 && data.Document == nil {
		return nil, &Difference{event.Index, fmt.Sprintf("%s version %d: the event carries no document that can be replayed", event.Subject, data.Version)}
	}
	return &Made{kind, id, data.Version, data.SHA256, data.Document, data.Patch}, nil
}

// Replayed is the canonical document after an event that carries this payload,
// whole or as a merge patch from the document before. It must have the SHA-256
// that the event says.
func Replayed(before, payload []byte, whole bool, sha256 string) ([]byte, error) {
	after := payload
	if !whole {
		var err error
		if after, err = replay(before, payload); err != nil {
			return nil, fmt.Errorf("the event's patch cannot be applied: %w", err)
		}
	}
	if got := digest(after); got != sha256 {
		return nil, fmt.Errorf("replaying the event gives a document with the SHA-256 %s, the event says %s", got, sha256)
	}
	return after, nil
}

// Selects reports whether the range selects a version: whether it was current
// at the checkpoint, and its instant (nil: none) lies in the interval.
func (q Range) Selects(from int64, to, at *int64) bool {
	if q.AsOf > 0 && (from >= q.AsOf || to != nil && *to < q.AsOf) || q.AsOf <= 0 && to != nil {
		return false
	}
	if at == nil {
		return q.From.IsZero() && q.To.IsZero()
	}
	return (q.From.IsZero() || *at >= q.From.UnixMicro()) && (q.To.IsZero() || *at < q.To.UnixMicro())
}
