package record_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/record"
)

// People write a length of time in their words, and the document has it as expressions
// read it; what a document had stays as it was.
func TestALengthOfTimeIsTakenAsPeopleWriteIt(t *testing.T) {
	for text, want := range map[string]string{
		"4 hours": "4h", "30 days": "720h", "1 year": "8760h", "2 Years": "17520h", "1 week": "168h", "48h": "48h", "90m": "90m", "7d": "168h", "7d12h": "180h",
		"1 day 12 hours": "36h", "1 day, 12 hours and 5 minutes": "36h5m", "1.5 hours": "1h30m", " 45 min ": "45m", "8760h0m0s": "8760h0m0s", "0": "0",
		"": "", "soon": "", "30": "", "4 hours 1 day": "", "4 hours 4 hours": "", "1 month": "", "-4h": "", "999 years": "", "one year": "", "30 days,": "720h", "4  fortnights": "",
	} {
		raw, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var got record.Duration
		if err := json.Unmarshal(raw, &got); (err == nil) != (want != "") || string(got) != want {
			t.Errorf("%q is %q, not %q (%v)", text, got, want, err)
		} else if err != nil && !strings.Contains(err.Error(), "is no length of time such as 4 hours, 30 days or 1 year") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestALengthOfTimeReadsAsPeopleSayIt(t *testing.T) {
	for text, want := range map[string]string{
		"336h0m0s": "14 days", "8016h0m0s": "334 days", "8760h": "1 year", "17520h": "2 years", "24h": "1 day", "36h": "36 hours", "48h": "2 days", "50h": "2 days 2 hours",
		"1h30m": "1 hour 30 minutes", "90s": "1 minute 30 seconds", "0s": "0 seconds", "10ms": "10ms", "1m0.4s": "1 minute",
	} {
		d, err := time.ParseDuration(text)
		if got := record.Length(d); err != nil || got != want {
			t.Errorf("%s is %q, not %q (%v)", text, got, want, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(200*365*24*time.Hour/time.Second)).Draw(t, "seconds")) * time.Second
		if back, err := record.ParseLength(record.Length(d)); err != nil || back != d {
			t.Fatalf("%s reads as %q, which is %s (%v)", d, record.Length(d), back, err)
		}
	})
}

// A document with fields that cannot be read names them, and what is wrong with the
// others.
func TestADocumentNamesAllThatIsWrong(t *testing.T) {
	kind := record.Define[struct {
		ID     string           `json:"id"`
		Name   string           `json:"name"`
		Count  int              `json:"count"`
		Seen   *time.Time       `json:"seen"`
		Within *record.Duration `json:"within"`
	}](record.Definition{
		Kind: "thing", Register: "things", Title: "Things", Prefix: "THG",
		Fields: []record.Field{{Name: "name", Label: "Name", Required: true}, {Name: "count", Label: "Count"}},
	})
	for doc, want := range map[string]string{
		`{"id":"THG-1","count":"four","seen":"soon","within":"later"}`: `count: is a string, and must be a whole number, such as 4; seen: "soon" is no time such as 2026-01-31T09:30:00Z; within: "later" is no length of time such as 4 hours, 30 days or 1 year; name: is missing`,
		`{"id":"THG-1","name":"x","count":1.5,"colour":"red"}`:         `count: is a number 1.5, and must be a whole number, such as 4; colour: is no field of things: count, id, name, seen, within`,
		`{"id":"THG-1"}`: "name: is missing",
		`{"name":"x"}`:   "id: is missing: THG-1, THG-2 ... in a table",
	} {
		if _, err := kind.Decode([]byte(doc)); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", doc, err, want)
		}
	}
}
