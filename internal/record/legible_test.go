package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

type letter struct {
	ID    string     `json:"id"`
	Title string     `json:"title,omitempty"`
	Text  string     `json:"text,omitempty"`
	At    *time.Time `json:"at,omitempty"`
	Lines []string   `json:"lines,omitempty"`
	Parts []page     `json:"parts,omitempty"`
	Sent  *page      `json:"sent,omitempty"`
	Read  string     `json:"read,omitempty"`
	File  string     `json:"file,omitempty"`
}

type page struct {
	Name string    `json:"name"`
	Note string    `json:"note,omitempty" long:"true"`
	At   time.Time `json:"at"`
}

var letters = record.Define[letter](record.Definition{
	Kind: "letter", Register: "letters", Title: "Letters",
	Fields: []record.Field{
		{Name: "title", Label: "Title"}, {Name: "text", Label: "Text", Long: true}, {Name: "at", Label: "At"},
		{Name: "lines", Label: "Lines"}, {Name: "parts", Label: "Parts"}, {Name: "sent", Label: "Sent"}, {Name: "read", Label: "Read", Markdown: true},
		{Name: "file", Label: "File", Markdown: true, FrontMatter: true},
	},
})

// What nobody can read is refused where it is new: in a record, a change and a table.
func TestWhatNobodyCanReadIsRefused(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{letters}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(body func(tx *act.Tx) error) error {
			_, err := l.Do(context.Background(), ledgertest.Operator, "test", "letters", body)
			return err
		}
		for i, c := range []struct{ fields, field, says string }{
			{`{"title":"Ünï 👩‍🚀 \u202eabc","text":"One\r\nTwo\tx","at":"1900-01-01T00:00:00Z","lines":["a\nb"],"parts":[{"name":"x","note":"a\nb","at":"2199-12-31T23:00:00Z"}]}`, "", ""},
			{`{"parts":[{"name":"x"}],"sent":{"name":"y"}}`, "", ""}, // a time that is not there
			{`{"title":"a\u0000b"}`, "title", "holds a null character (U+0000), which is none of a text, at column 2, between “a” and “b”: take it out"},
			{`{"text":"\u001b[31m"}`, "text", "U+001B"},
			{`{"title":"a\nb"}`, "title", "has a line break, and is one line"},
			{`{"title":"a\rb"}`, "title", "has a line break"},
			{`{"at":"0001-01-01T00:00:00Z"}`, "at", "is in the year 1: a day between 1900 and 2199 is meant"},
			{`{"at":"2200-01-01T00:00:00Z"}`, "at", "is in the year 2200"},
			{`{"read":"# A\n\nplain *text*, [a page](https://example.com/x), [here](access-control), <https://example.com>, <a@example.com>"}`, "", ""},
			{"{\"read\":\"`<b>` is a tag, 1 < 2 and a:b\"}", "", ""},
			{`{"text":"a <b>bold</b> claim"}`, "", ""}, // shown as it is
			{`{"read":"a <br> claim"}`, "read", "has HTML, which pages leave out"},
			{`{"read":"<p>You must not send passwords.</p>"}`, "read", "has HTML, which pages leave out"},
			{`{"read":"<!-- hidden -->"}`, "read", "has HTML"},
			{`{"read":"![x](https://example.com/pixel.png)"}`, "read", "has the image \"https://example.com/pixel.png\", which pages leave out"},
			{`{"read":"[x](JAVASCRIPT:alert(1))"}`, "read", "has a link to"},
			{`{"read":"[x](data:text/html;base64,eA)"}`, "read", "has a link to"},
			{`{"read":"[x](vbscript:x)"}`, "read", "has a link to"},
			{`{"read":"---\na: <b>\n---\n# A"}`, "read", "has HTML"},
			{`{"file":"---\na: <b>\n---\n# A"}`, "", ""},
			{`{"file":"---\na: b\n---\n[c]: https://example.com \"hidden\""}`, "file", "defines the link [c], which pages leave out"},
			{`{"read":"We pay \u202eRUE 001\u202c."}`, "read", "holds a character that turns the direction of reading (U+202E), which nobody sees, at column 8, between “pay” and “RUE”: take it out"},
			{`{"read":"pass\u200bword"}`, "read", "holds a space without width (U+200B), which nobody sees, at column 5, between “pass” and “word”: take it out"},
			{`{"read":"# A\n\n\ufeffText"}`, "read", "holds a byte order mark (U+FEFF), which nobody sees, in line 3 at column 1, before “Text”"},
			{`{"read":"👩‍🚀 می\u200cخواهم"}`, "", ""},
			{`{"file":"---\na: b\u2066\n---\n# A"}`, "file", "(U+2066), which nobody sees, in line 2 at column 5, after “b”"},
			{`{"lines":["a","b\u0007"]}`, "lines[1]", "U+0007"},
			{`{"parts":[{"name":"x"},{"name":"a\nb"}]}`, "parts[1].name", "line break"},
			{`{"sent":{"name":"x","at":"1066-01-01T00:00:00Z"}}`, "sent.at", "year 1066"},
		} {
			fields := given()
			if err := json.Unmarshal([]byte(c.fields), &fields); err != nil {
				t.Fatal(err)
			}
			id := string(rune('a' + i))
			refused := func(way string, err error) {
				t.Helper()
				var wrong *record.Invalid
				if c.field == "" && err == nil || errors.As(err, &wrong) && len(wrong.Fields) == 1 && wrong.Fields[0].Field == c.field && strings.Contains(wrong.Fields[0].Problem, c.says) {
					return
				}
				t.Errorf("%s %s: %v, want %s: %s", way, c.fields, err, c.field, c.says)
			}
			with := given("id", id)
			for name, value := range fields {
				with[name] = value
			}
			refused("added", do(func(tx *act.Tx) error {
				_, err := record.Add(tx, letters, with)
				return err
			}))
			if err := do(func(tx *act.Tx) error {
				_, err := record.Add(tx, letters, given("id", "set-"+id))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			refused("set", do(func(tx *act.Tx) error {
				_, err := record.Set(tx, letters, "set-"+id, record.AnyVersion, fields)
				return err
			}))
			for way, id := range map[string]string{"a new row": "new-" + id, "a row": "set-" + id} {
				doc, err := json.Marshal(with)
				if err != nil {
					t.Fatal(err)
				}
				one := &letter{}
				if err := json.Unmarshal(doc, one); err != nil {
					t.Fatal(err)
				}
				one.ID = id
				items := func(yield func(record.Item, error) bool) {
					yield(record.Item{Where: "l.csv:2", Doc: one, Fields: fields}, nil)
				}
				in := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: letters, Action: "test", Update: true}
				var seen record.Preview
				if _, err := in.Preview(context.Background(), l.DB, l.Clock.Now(), items, func(p record.Preview) error { seen = p; return nil }); err != nil {
					t.Fatal(err)
				}
				done, err := in.Run(context.Background(), items)
				if err != nil || (c.field != "") != (done.Refused == 1) || c.field != "" && (!strings.Contains(seen.Wrong, c.says) || !strings.Contains(done.Reasons[0].Reason, c.says)) {
					t.Errorf("%s %s: %+v %v, in the preview %+v", way, c.fields, done, err, seen)
				}
			}
		}
		// What stands there stays, and can be mended.
		if err := do(func(tx *act.Tx) error {
			_, err := record.Put(tx, letters, record.Change{Verb: "put", ID: "old", Doc: &letter{ID: "old", Title: "a\nb"}})
			if err == nil {
				_, err = record.Set(tx, letters, "old", record.AnyVersion, given("text", "Other"))
			}
			if err == nil {
				_, err = record.Set(tx, letters, "old", record.AnyVersion, given("title", "ab"))
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}

// An id that a program gives is one that pages show as it is; of one that is there it is not
// asked any more.
func TestAnIDIsSeenAsItIs(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{letters}, func(t *testing.T, l *ledgertest.Ledger) {
		for id, says := range map[string]string{
			"b5\u202e🦊": "holds a character that turns the direction of reading (U+202E), which nobody sees, at column 3, between “b5” and “🦊”: take it out", "a\u200bb": "U+200B", "<script>": `holds the character '<', which stands in no id`, `a"b`: `holds the character '"'`,
			"a\u0085b": "holds a control character (U+0085), which stands in no id, at column 2, between “a” and “b”", "b5🦊": "", "repo#12/é:1+2": "",
		} {
			if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "letters", func(tx *act.Tx) error {
				raw, err := json.Marshal(id)
				if err == nil {
					_, err = record.Add(tx, letters, map[string]json.RawMessage{"id": raw})
				}
				return err
			}); (says == "") != (err == nil) || err != nil && (!strings.HasPrefix(err.Error(), "id: ") || !strings.Contains(err.Error(), says)) {
				t.Errorf("%q: %v, want %q", id, err, says)
			}
			in := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: letters, Action: "test"}
			done, err := in.Run(context.Background(), func(yield func(record.Item, error) bool) {
				yield(record.Item{Where: "l.csv:2", Doc: &letter{ID: "in " + id}}, nil)
			})
			if err != nil || (says != "") != (done.Refused == 1) {
				t.Errorf("%q in a table: %+v, %v", id, done, err)
			}
		}
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "letters", func(tx *act.Tx) error {
			_, err := record.Put(tx, letters, record.Change{Verb: "put", ID: "<old>", Doc: &letter{ID: "<old>"}})
			if err == nil {
				_, err = record.Set(tx, letters, "<old>", record.AnyVersion, map[string]json.RawMessage{"title": json.RawMessage(`"A"`)})
			}
			return err
		}); err != nil {
			t.Errorf("of before: %v", err)
		}
	})
}

// A byte order mark at the beginning of a text is of the editor that wrote the file, and
// nobody hears of it.
func TestAByteOrderMarkVanishes(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{letters}, func(t *testing.T, l *ledgertest.Ledger) {
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "letters", func(tx *act.Tx) error {
			added, err := record.Add(tx, letters, given("id", "one", "read", "\ufeff# A", "file", "\ufeff---\na: b\n---\n# A", "text", "\ufeffshown as it is"))
			if err != nil {
				return err
			}
			if want := `{"file":"---\na: b\n---\n# A","id":"one","read":"# A","text":"` + "\ufeff" + `shown as it is"}`; string(added.Doc) != want {
				t.Errorf("%s, want %s", added.Doc, want)
			}
			set, err := record.Set(tx, letters, "one", record.AnyVersion, given("read", "\ufeff# B"))
			if err == nil && !strings.Contains(string(set.Doc), `"read":"# B"`) {
				t.Errorf("%s", set.Doc)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}
