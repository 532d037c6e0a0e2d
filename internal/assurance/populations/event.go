package populations

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/trust/ledger"
)

// appendEvent appends an event as an item: its attributes and its index, in the
// form of RFC 8785. It is written out, the names in their order, since a test
// over events makes one of every event of the period: a map takes three times as
// long (BenchmarkEvent).
func appendEvent(doc []byte, e *ledger.Event) ([]byte, error) {
	data := jsontext.Value("null")
	if len(e.Data) > 0 {
		data = bytes.Clone(e.Data)
	}
	if err := data.Canonicalize(); err != nil {
		return nil, fmt.Errorf("event %d: %w", e.Index, err)
	}
	var err error
	text := func(name, value string) {
		doc = append(doc, name...)
		if err == nil {
			if doc, err = jsontext.AppendQuote(doc, value); err != nil {
				err = fmt.Errorf("event %d: %w", e.Index, err)
			}
		}
	}
	text(`{"actor":`, e.Actor)
	doc = append(append(doc, `,"data":`...), data...)
	text(`,"id":`, e.ID)
	doc = strconv.AppendInt(append(doc, `,"index":`...), e.Index, 10)
	text(`,"outcome":`, e.Outcome)
	text(`,"recordedtime":`, e.RecordedTime)
	text(`,"source":`, e.Source)
	text(`,"subject":`, e.Subject)
	text(`,"time":`, e.Instant().UTC().Format(time.RFC3339Nano))
	text(`,"type":`, e.Type)
	return append(doc, '}'), err
}
