package people_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// message is one of the HR system's, written at a minute after nine.
func message(minute int, persons string) []byte {
	return fmt.Appendf(nil, `{"type":"people.changed","timestamp":"2026-03-01T09:%02d:00Z","data":{"people":[%s]}}`, minute, persons)
}

func TestWhatIsNoMessageSaysWhy(t *testing.T) {
	for _, test := range []struct{ id, body, field, says string }{
		{"m", `[]`, "body", "is no message like"},
		{"m", ``, "body", "is no message like"},
		{"m", `{"type":"people.changed","extra":1}`, "body", "extra"},
		{"m", string(message(0, `{"id":"E1"}`)) + `{}`, "body", "goes on"},
		{"m", `{"type":"people.deleted","timestamp":"2026-03-01T09:00:00Z","data":{"people":[{"id":"E1"}]}}`, "type", "people.changed"},
		{"m", `{"type":"people.changed","data":{"people":[{"id":"E1"}]}}`, "timestamp", "is missing"},
		{"m", `{"type":"people.changed","timestamp":"yesterday","data":{}}`, "body", "yesterday"},
		{"m", `{"type":"people.changed","timestamp":"2026-03-01T09:00:00Z"}`, "data.people", "is missing"},
		{"m", `{"type":"people.changed","timestamp":"2026-03-01T09:00:00Z","data":{"people":null}}`, "data.people", "nothing has changed"},
		{"m", string(message(0, strings.Repeat(`{},`, people.MaxPeople)+`{}`)), "data.people", "at most 400"},
		{"a b", string(message(0, `{"id":"E1"}`)), "webhook-id", "letters"},
		{"", string(message(0, `{"id":"E1"}`)), "webhook-id", "letters"},
	} {
		_, err := people.ParseMessage(test.id, []byte(test.body))
		var wrong *record.Invalid
		if !errors.As(err, &wrong) || wrong.Fields[0].Field != test.field || !strings.Contains(wrong.Fields[0].Problem, test.says) {
			t.Errorf("%.60s: %v, want %s to be named, with %q", test.body, err, test.field, test.says)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(message(0, `{"id":"E1","name":"Ada"}`))
	f.Add([]byte(`{"type":"people.changed","timestamp":"2026-03-01T09:00:00Z","data":{"people":[null]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if m, err := people.ParseMessage("m", body); (m == nil) == (err == nil) || m != nil && m.At.IsZero() && !strings.Contains(string(body), "0001") {
			t.Errorf("%q: %+v %v", body, m, err)
		}
	})
}

func (d *desk) take(id string, body []byte) (*people.Delivered, error) {
	return people.Take(ctx, d.Door, act.Caller{ID: "job/hris.people", Roles: []string{"job/hris.people"}}, id, body)
}

func (d *desk) taken(id string, body []byte, want people.Delivered) {
	d.Helper()
	got, err := d.take(id, body)
	if err != nil || got.Added != want.Added || got.Updated != want.Updated || got.Unchanged != want.Unchanged || got.Stale != want.Stale || got.ID != id {
		d.Errorf("%s: %+v %v, want %+v", id, got, err, want)
	}
}

// A message is taken once, whole, and in the order in which the HR system wrote them.
func TestTheHRSystemSaysWhoIsThere(t *testing.T) {
	each(t, func(d *desk) {
		first := message(0, `{"id":"E1","name":"Ada","title":"Analyst","manager":"E2","joined_at":"2026-01-05T09:00:00Z"},{"id":"E2","name":"Ben","employment":"contractor"}`)
		d.taken("m1", first, people.Delivered{Added: 2})
		d.taken("m1", first, people.Delivered{Added: 2}) // the same again, answered as it was
		d.taken("m2", first, people.Delivered{Unchanged: 2})
		if _, err := d.take("m1", message(0, `{"id":"E3","name":"Cyd"}`)); !errors.Is(err, people.ErrConflict) {
			t.Errorf("another message with the id of the first: %v", err)
		}
		d.taken("m3", message(10, `{"id":"E1","title":"Engineer","email":null}`), people.Delivered{Updated: 1})
		d.taken("m4", message(5, `{"id":"E1","title":"Clerk"},{"id":"E2","title":"Lead"}`), people.Delivered{Stale: 1, Updated: 1})
		d.taken("m5", message(20, `{"id":"E2","state":"left","left_at":"2026-02-28T17:00:00Z"}`), people.Delivered{Updated: 1})
		got := all[people.Person](d, people.Register)
		if ada, ben := got["E1"], got["E2"]; ada.Title != "Engineer" || ada.Manager != "person/E2" || ada.ToldAt.Minute() != 10 || ben.State != people.Left || ben.Title != "Lead" || len(got) != 2 {
			t.Errorf("%+v", got)
		}
		if got := all[people.JobChange](d, people.JobChanges); len(got) != 1 || got["E1.1"].ToTitle != "Engineer" {
			t.Errorf("%+v", got)
		}
	})
}

// Who joins under a manager who is not there is taken; who that is, is said in the answer,
// and seen until the manager comes, by number or by e-mail address, or the person leaves.
func TestAManagerWhoIsNotThereIsSeen(t *testing.T) {
	each(t, func(d *desk) {
		seen := func(want ...string) {
			d.Helper()
			var got []string
			if err := d.DB.Read(ctx, func(r *store.Reader) (err error) {
				got, err = people.Unknown(r)
				return err
			}); err != nil || !slices.Equal(got, want) {
				d.Errorf("unknown are %q %v, want %q", got, err, want)
			}
		}
		take := func(id string, minute int, persons string, want ...string) {
			d.Helper()
			got, err := d.take(id, message(minute, persons))
			if err != nil || !slices.Equal(got.Unknown, want) {
				d.Errorf("%s: %+v %v, want %q", id, got, err, want)
			}
		}
		take("m1", 0, `{"id":"E1","name":"Ada","manager":"E2"},{"id":"E2","name":"Ben","manager":"E9"},{"id":"E3","name":"Cyd","manager":"Eve@example.com"},{"id":"E4","name":"Dan","manager":"E8"}`,
			"person/E8", "person/E9", "person/Eve@example.com")
		seen("person/E8", "person/E9", "person/Eve@example.com")
		take("m2", 1, `{"id":"E9","name":"Eve","email":"eve@example.com"}`)
		seen("person/E8")
		take("m3", 2, `{"id":"E4","state":"left","left_at":"2026-02-28T17:00:00Z"}`)
		seen()
	})
}

// What is wrong is named, and nothing of the message is taken.
func TestAMessageIsTakenWholeOrNotAtAll(t *testing.T) {
	each(t, func(d *desk) {
		d.taken("m1", message(0, `{"id":"E1","name":"Ada"},{"id":"E2","name":"Ben","state":"left","left_at":"2026-02-28T17:00:00Z"}`), people.Delivered{Added: 2})
		before, refused := all[people.Person](d, people.Register), 0
		for persons, field := range map[string]string{
			`{"name":"Cyd"}`: "id", `{"id":7}`: "id", `{"id":"a b","name":"Cyd"}`: "id", `{"id":"E3"}`: "name",
			`{"id":"E3","name":"Cyd","email":"nobody"}`: "email", `{"id":"E3","name":"Cyd","state":"left"}`: "left_at", `{"id":"E1","state":"lost"}`: "state",
			`{"id":"E1","salary":1}`: "salary", `{"id":"E1","told_at":"2026-03-01T09:00:00Z"}`: "told_at", `{"id":"E1","joined_at":"soon"}`: "joined_at",
			`{"id":"E2","state":"on_leave"}`: "state", `{"id":"E9","name":"Eve"}`: "id", `{"id":"E1","name":null}`: "name", `null`: "id",
			`{"id":"E3","name":"a\u0000b"}`: "name", `{"id":"E1","title":"a\u0001b"}`: "title", `{"id":"E1","name":"Ada\nB"}`: "name", `{"id":"E1","joined_at":"9999-12-31T23:59:59Z"}`: "joined_at",
		} {
			_, err := d.take("bad", message(9, `{"id":"E9","name":"Fay"},`+persons))
			var wrong *record.Invalid
			if !errors.As(err, &wrong) || wrong.Fields[0].Field != "data.people[1]."+field {
				t.Errorf("%s: %v, want %s to be named", persons, err, field)
			}
			refused++
			told := ""
			for _, said := range all[people.Delivered](d, people.Messages) {
				if told += said.Refused + "\n"; said.Refused != "" && said.Added+said.Updated > 0 {
					t.Errorf("%s: it is on record as %+v", persons, said)
				}
			}
			if !strings.Contains(told, `"bad": data.people[1].`+field+" ") || strings.Count(told, "data.people") != refused {
				t.Errorf("%s: on record are %d of\n%s", persons, refused, told)
			}
		}
		if after := all[people.Person](d, people.Register); !reflect.DeepEqual(after, before) {
			t.Errorf("something was taken: %+v", after)
		}
		ahead := strings.Replace(string(message(9, `{"id":"E9","name":"Fay"}`)), "2026-03", "9999-12", 1)
		if _, err := d.take("bad", []byte(ahead)); err == nil || !strings.HasPrefix(err.Error(), "timestamp: lies ahead") {
			t.Errorf("%v", err)
		}
		d.taken("bad", message(9, `{"id":"E9","name":"Fay"}`), people.Delivered{Added: 1}) // mended, and sent again
		if said := all[people.Delivered](d, people.Messages)["bad"]; said.Refused != "" {
			t.Errorf("it is still refused: %+v", said)
		}
	})
}
