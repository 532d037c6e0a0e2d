package record

import (
	"encoding/json"
	"fmt"
	"time"
)

// Duration is a length of time in a document, as time.ParseDuration takes it:
// "48h". Control files declare such a field as duration.
type Duration string

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(string(d)) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	if length, err := time.ParseDuration(text); err != nil || length < 0 {
		return fmt.Errorf("%q is no length of time like 48h", text)
	}
	*d = Duration(text)
	return nil
}
