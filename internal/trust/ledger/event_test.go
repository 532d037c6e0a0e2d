package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
)

var now = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

var parser = Parser{Source: OwnSource("scaf.test/ledger")}

// least is the smallest event that is right.
const least = `{"specversion":"1.0","id":"a","source":"//test","type":"com.example.test"}`

// with is the least event with one more member.
func with(member string) string { return least[:len(least)-1] + "," + member + "}" }

func TestWhatIsWrongWithAnEventIsNamedAndWhatWouldBeRight(t *testing.T) {
	for name, test := range map[string]struct {
		event     string
		attribute string
		says      []string
	}{
		"nothing":                 {"", "", []string{"not a JSON object", `"specversion":"1.0"`}},
		"a list":                  {`[` + least + `]`, "", []string{"not a JSON object"}},
		"a text":                  {`"a"`, "", []string{"not a JSON object"}},
		"cut short":               {least[:len(least)-1], "", []string{"malformed JSON"}},
		"no quotes":               {`{specversion:"1.0"}`, "", []string{"malformed JSON"}},
		"a comma too many":        {least[:len(least)-1] + ",}", "", []string{"malformed JSON"}},
		"more after it":           {least + " {}", "", []string{"more after the JSON object"}},
		"garbage after it":        {least + "A", "", []string{"more after the JSON object"}},
		"a brace after it":        {least + "}", "", []string{"more after the JSON object"}},
		"a name twice":            {with(`"id":"b"`), "", []string{"malformed JSON", "duplicate", "id"}},
		"a name twice in data":    {with(`"data":{"a":1,"a":2}`), "", []string{"malformed JSON", "duplicate"}},
		"a name twice, escaped":   {with(`"\u0069d":"b"`), "", []string{"malformed JSON", "duplicate"}},
		"invalid UTF-8":           {with("\"subject\":\"\xff\""), "", []string{"malformed JSON", "UTF-8"}},
		"invalid UTF-8 in data":   {with("\"data\":\"\xc0\x80\""), "", []string{"malformed JSON", "UTF-8"}},
		"half a surrogate":        {with(`"data":"\ud800"`), "", []string{"malformed JSON"}},
		"too deep":                {with(`"data":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)), "", []string{"malformed JSON", "depth"}},
		"no specversion":          {`{"id":"a","source":"//test","type":"t"}`, "specversion", []string{"is missing", "specversion, id, source and type"}},
		"no id":                   {`{"specversion":"1.0","source":"//test","type":"t"}`, "id", []string{"is missing"}},
		"no source":               {`{"specversion":"1.0","id":"a","type":"t"}`, "source", []string{"is missing"}},
		"no type":                 {`{"specversion":"1.0","id":"a","source":"//test"}`, "type", []string{"is missing"}},
		"another version":         {`{"specversion":"0.3","id":"a","source":"//test","type":"t"}`, "specversion", []string{`"0.3"`, `"1.0"`}},
		"an empty id":             {`{"specversion":"1.0","id":"","source":"//test","type":"t"}`, "id", []string{"empty"}},
		"no base64":               {with(`"data_base64":"!!"`), "data_base64", []string{"base64"}},
		"a number as base64":      {with(`"data_base64":7`), "data_base64", []string{"string of base64"}},
		"data twice":              {with(`"data":1,"data_base64":"AAEC"`), "data_base64", []string{"one of them"}},
		"a number as id":          {`{"specversion":"1.0","id":7,"source":"//test","type":"t"}`, "id", []string{"must be a string"}},
		"null as subject":         {with(`"subject":null`), "subject", []string{"must be a string"}},
		"an id too long":          {`{"specversion":"1.0","id":"` + strings.Repeat("a", MaxID+1) + `","source":"//test","type":"t"}`, "id", []string{"513 bytes", "512"}},
		"a source too long":       {`{"specversion":"1.0","id":"a","source":"` + strings.Repeat("a", MaxSource+1) + `","type":"t"}`, "source", []string{"1025 bytes", "1024"}},
		"a NUL in the id":         {`{"specversion":"1.0","id":"a\u0000","source":"//test","type":"t"}`, "id", []string{"U+0000"}},
		"a name with a capital":   {with(`"Subject":"a"`), "Subject", []string{"a-z and digits"}},
		"a name with a dash":      {with(`"my-attribute":"a"`), "my-attribute", []string{"a-z and digits"}},
		"an empty name":           {with(`"":"a"`), "", []string{"a-z and digits"}},
		"SCAF's own type":         {`{"specversion":"1.0","id":"a","source":"//test","type":"scaf.change.added.v1"}`, "type", []string{"SCAF's own"}},
		"SCAF's own type escaped": {`{"specversion":"1.0","id":"a","source":"//test","type":"\u0073caf.x.v1"}`, "type", []string{"SCAF's own"}},
		"SCAF's own source":       {`{"specversion":"1.0","id":"a","source":"` + parser.Source + `","type":"t"}`, "source", []string{"SCAF's own"}},
		"another SCAF's source":   {`{"specversion":"1.0","id":"a","source":"urn:scaf:elsewhere","type":"t"}`, "source", []string{"SCAF's own"}},
		"recordedtime":            {with(`"recordedtime":"2026-01-01T00:00:00Z"`), "recordedtime", []string{"set by the server"}},
		"recordedby":              {with(`"recordedby":"me"`), "recordedby", []string{"set by the server"}},
		"an unknown outcome":      {with(`"outcome":"perhaps"`), "outcome", []string{"success, failure or denied"}},
		"no time":                 {with(`"time":"yesterday"`), "time", []string{"yesterday", "2026-01-31T09:30:00Z"}},
		"a time without zone":     {with(`"time":"2026-01-31T09:30:00"`), "time", []string{"RFC 3339"}},
		"the 30th of February":    {with(`"time":"2026-02-30T09:30:00Z"`), "time", []string{"RFC 3339"}},
		"a time far ahead":        {with(`"time":"2026-03-03T09:00:00.000001Z"`), "time", []string{"check the sender's clock", "2026-03-02T09:00:00Z"}},
		"a time in another year":  {with(`"time":"9999-12-31T23:59:59Z"`), "time", []string{"check the sender's clock"}},
	} {
		_, err := parser.Parse([]byte(test.event), now)
		var invalid *InvalidError
		if !errors.As(err, &invalid) || invalid.Attribute != test.attribute {
			t.Errorf("%s: got %v, want an error about %q", name, err, test.attribute)
			continue
		}
		for _, word := range test.says {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", name, err, word)
			}
		}
		if len(err.Error()) > 600 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error has %d bytes or more than a line", name, len(err.Error()))
		}
	}
}

func TestWhatIsRightIsTakenAsItIs(t *testing.T) {
	for name, event := range map[string]string{
		"the least":              least,
		"space around":           " \t" + least + "\r\n",
		"space inside":           `{ "specversion" : "1.0" , "id":"a","source":"//test","type":"t" }`,
		"members in any order":   `{"type":"t","source":"//test","data":{"id":"x","source":"y"},"id":"a","specversion":"1.0"}`,
		"other attributes":       with(`"partitionkey":"p","dataschema":"https://example.com/s","datacontenttype":"application/json","number1":5,"flag":true`),
		"data of any kind":       with(`"data":[1,2.5,null,{"a":{"b":[]}},"\u20ac"]`),
		"null data":              with(`"data":null`),
		"base64 data":            with(`"data_base64":"AAEC"`),
		"an outcome":             with(`"outcome":"denied"`),
		"an actor":               with(`"actor":"user/alex"`),
		"a time a day ahead":     with(`"time":"2026-03-03T09:00:00Z"`),
		"a time long ago":        with(`"time":"0001-01-01T00:00:00Z"`),
		"a time with an offset":  with(`"time":"2026-03-02T12:00:00.123456789+03:00"`),
		"the longest id":         `{"specversion":"1.0","id":"` + strings.Repeat("a", MaxID) + `","source":"//test","type":"t"}`,
		"a type with scaf in it": `{"specversion":"1.0","id":"a","source":"//test","type":"com.scaf.x"}`,
		"its own suffix in data": with(`"data":{"a":",\"recordedtime\":\"","recordedtime":"2020-01-01T00:00:00Z","recordedby":"x"}`),
		"deep, but not too deep": with(`"data":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000)),
		"escapes":                `{"specversion":"1.0","id":"\u0061\n\"\\","source":"//t\u00e9st","type":"t"}`,
	} {
		entry, err := parser.Parse([]byte(event), now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		keepsItsBytes(t, entry)
	}
}

// keepsItsBytes checks what holds of every event that is taken: the stored
// bytes say the same, and what was submitted can be had from them again.
func keepsItsBytes(t *testing.T, entry act.Entry) {
	t.Helper()
	for _, by := range []string{"", "local/alex", "token/é\"\\\n" + strings.Repeat("x", 300)} {
		entry.RecordedBy = by
		body := stored(&entry, now)
		if len(body) > MaxEvent {
			t.Errorf("%d bytes are stored of %d submitted", len(body), len(entry.JSON))
		}
		if !json.Valid(body) {
			t.Errorf("the stored bytes are no JSON: %q", body)
		}
		if got := asSubmitted(body); !bytes.Equal(got, entry.JSON) {
			t.Errorf("submitted was %q, from the stored bytes comes %q", entry.JSON, got)
		}
		e, err := read(7, body)
		if err != nil {
			t.Errorf("the stored bytes cannot be read: %v", err)
			continue
		}
		if e.ID != entry.ID || e.Source != entry.Source || e.Type != entry.Type || e.Subject != entry.Subject || e.Actor != entry.Actor {
			t.Errorf("read back as %+v, submitted as %+v", e, entry)
		}
		if (e.RecordedBy == "") != (by == "") || e.RecordedTime != "2026-03-02T09:00:00Z" {
			t.Errorf("recorded by %q at %q", e.RecordedBy, e.RecordedTime)
		}
		want := entry.Time
		if want.IsZero() {
			want = now
		}
		if !e.Instant().Equal(want) {
			t.Errorf("its instant is %v, submitted was %v", e.Instant(), entry.Time)
		}
		id, source, err := identify(body)
		if err != nil || string(id) != entry.ID || string(source) != entry.Source {
			t.Errorf("identified as %q of %q (%v), submitted as %q of %q", id, source, err, entry.ID, entry.Source)
		}
	}
}

func TestTheLargestEventIsTakenAndOneByteMoreIsNot(t *testing.T) {
	room := MaxEvent - suffixRoom - len(with(`"data":""`))
	for size, fits := range map[int]bool{room: true, room + 1: false, MaxEvent: false, 10 * MaxEvent: false} {
		entry, err := parser.Parse([]byte(with(`"data":"`+strings.Repeat("x", size)+`"`)), now)
		var invalid *InvalidError
		switch {
		case fits && err != nil:
			t.Errorf("%d bytes of data: %v", size, err)
		case fits:
			keepsItsBytes(t, entry)
		case !errors.Is(err, ErrTooLarge) || !errors.As(err, &invalid) || !strings.Contains(err.Error(), "65535"):
			t.Errorf("%d bytes of data: got %v, want ErrTooLarge with the limit", size, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		least, with(`"data":{"a":[1,2,{"b":null}]}`), with(`"time":"2026-03-02T09:00:00Z","subject":"a/b","actor":"c","outcome":"failure"`),
		with(`"data":",\"recordedtime\":\"x"`), with(`"data_base64":"AA=="`), with(`"id":"b"`), `{}`, `[]`, `{"id":`, "\xff", `{"specversion":"1.0","id":"\u0000","source":"x","type":"y"}`,
		`{"id":"a","type":"b","source":"c","specversion":"1.0","x":{"id":"z"}}`, `{"specversion":"1.0","id":"a\"","source":"b\\","type":"t"}`,
		with(`"time":"0001-01-01T00:00:00Z"`), with(`"time":"2026-03-02T09:00:00,5Z"`), strings.Repeat("[", 100), fmt.Sprintf("%q", least),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		entry, err := parser.Parse(bytes.Clone(document), now)
		if err != nil {
			var invalid *InvalidError
			if !errors.As(err, &invalid) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("not an InvalidError of one line: %v", err)
			}
			return
		}
		if entry.ID == "" || entry.Source == "" || entry.Type == "" || strings.HasPrefix(entry.Type, "scaf.") || !bytes.Contains(document, entry.JSON) {
			t.Fatalf("taken as %+v", entry)
		}
		keepsItsBytes(t, entry)
	})
}
