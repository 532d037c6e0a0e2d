package controls_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
)

const typed = "from: items, fields: {id: string, occurred_at: timestamp, approved_at: timestamp, merged_at: timestamp, left_at: timestamp, length: duration, count: int, ratio: double, ok: bool, author: {name: string, joined_at: timestamp}, reviewers: [{email: string, at: timestamp}], labels: list(string), extra: map, any: dyn}"

// verdict is what the predicate says about an item: pass, fail, or the error.
func verdict(t *testing.T, population, pass, item string) string {
	t.Helper()
	e := benchTest(t, population, pass).Evaluator()
	if err := e.Read([]byte(item)); err != nil {
		t.Fatalf("Read(%s): %v", item, err)
	}
	ok, err := e.Pass()
	switch {
	case err != nil:
		return "error: " + err.Error()
	case ok:
		return "pass"
	}
	return "fail"
}

func TestPredicatesOverDynamicItems(t *testing.T) {
	for _, c := range []struct{ pass, item, want string }{
		{`item.a.b.c == "x"`, `{"a":{"b":{"c":"x","d":1},"e":2}}`, "pass"},
		{`item.a.b == "x"`, `{"a":null}`, "error: no such key: b"},
		{`item.a.b == "x"`, `{"a":"text"}`, "error: no such key: b"},
		{`item.a`, `{"b":true}`, "error: no such key: a"},
		{`has(item.x)`, `{}`, "fail"},
		{`has(item.x)`, `{"x":null}`, "pass"},
		{`has(item.x.y)`, `{"x":{"y":1}}`, "pass"},
		{`has(item.x.y)`, `{"x":{}}`, "fail"},
		{`has(item.x) && has(item.x.y)`, `{"x":{"y":{"z":1}}}`, "pass"},
		{`has(item.x) && item.x.y.z == 1`, `{"x":{"y":{"z":1}}}`, "pass"},
		{`has(item.x) && size(item.x) == 2`, `{"x":{"y":1,"z":2}}`, "pass"},
		{`item.x.y == 1 && item.x == {"y": 1, "z": 2}`, `{"x":{"y":1,"z":2}}`, "pass"},
		{`type(item.x) == map && item.x.y == 1`, `{"x":{"y":1}}`, "pass"},
		{`type(item.x) == map && item.x.y == 1`, `{"x":[1]}`, "fail"},
		{`type(item.x) == list`, `{"x":[{"a":1}]}`, "pass"},
		{`type(item.x) == type(item.y)`, `{"x":{"a":1},"y":{}}`, "pass"},
		{`type(item) == map && item.x == 1`, `{"x":1}`, "pass"},
		{`item.x == null`, `{"x":null}`, "pass"},
		{`item.x != null`, `{"x":0}`, "pass"},
		{`size(item.reviewers) > 0`, `{"reviewers":[{"name":"a"}]}`, "pass"},
		{`size(item.reviewers) > 0`, `{"reviewers":[]}`, "fail"},
		{`item.reviewers.exists(r, r.email != item.author.email)`, `{"author":{"email":"a"},"reviewers":[{"email":"a"},{"email":"b"}]}`, "pass"},
		{`item.reviewers[0].email == "a"`, `{"reviewers":[{"email":"a"}]}`, "pass"},
		{`item["a b"]["c"] == 1`, `{"a b":{"c":1}}`, "pass"},
		{`item[item.key] == 1`, `{"key":"k","k":1}`, "pass"},
		{`"k" in item`, `{"k":null}`, "pass"},
		{`item.exists(k, k == "z")`, `{"a":1,"z":2}`, "pass"},
		{`item.?x.orValue("d") == "d"`, `{}`, "pass"},
		{`item.?x.?y.orValue("d") == "d"`, `{"x":{"y":"e"}}`, "fail"},
		{`item.n == 1 && type(item.n) == int`, `{"n":1}`, "pass"},
		{`item.n == 1 && type(item.n) == double`, `{"n":1.0}`, "pass"},
		{`type(item.n) == double`, `{"n":1e2}`, "pass"},
		{`item.n == 9223372036854775807`, `{"n":9223372036854775807}`, "pass"},
		{`type(item.n) == double`, `{"n":9223372036854775808}`, "pass"},
		{`item.n > 1.5`, `{"n":2}`, "pass"},
		{`item.n > 1`, `{"n":1.5}`, "pass"},
		{`item.n > 1`, `{"n":"2"}`, "error: no such overload: _>_"},
		{`timestamp(item.a) <= timestamp(item.b) + duration("24h")`, `{"a":"2026-01-02T00:00:00Z","b":"2026-01-01T00:00:00Z"}`, "pass"},
		{`timestamp(item.a) <= timestamp(item.b) + duration("24h")`, `{"a":"2026-01-02T00:00:00.000000001Z","b":"2026-01-01T00:00:00Z"}`, "fail"},
		{`timestamp(item.a) <= timestamp(item.b) + duration("24h")`, `{"a":"2026-01-02T01:00:00+01:00","b":"2026-01-01T00:00:00Z"}`, "pass"},
		{`item.missing || true`, `{}`, "pass"},
		{`item.missing && false`, `{}`, "fail"},
		{`item.a == "b"`, `{"\u0061":"\u0062"}`, "pass"},
		{`item.a`, `{"a":"yes"}`, `error: pass gives the string "yes", not true or false`},
		{`item.title.lowerAscii().startsWith("fix")`, `{"title":"Fix it"}`, "pass"},
		{`sets.contains(item.l, ["a"])`, `{"l":["b","a"]}`, "pass"},
		{`item.l.sort() == ["a", "b"]`, `{"l":["b","a"]}`, "pass"},
		{`item.a.replace(" ", "") == "xy"`, `{"a":"x y"}`, "pass"},
		{`item.a == item.b`, `{"a":{"x":[1,{"y":null}]},"b":{"x":[1.0,{"y":null}]}}`, "pass"},
	} {
		got := verdict(t, "from: items", c.pass, c.item)
		if strings.HasPrefix(c.want, "error: no such") && strings.HasPrefix(got, "error: no such") {
			continue // which of the two ways it is missing is CEL's wording
		}
		if c.want != got {
			t.Errorf("%s over %s: %s, want %s", c.pass, c.item, got, c.want)
		}
	}
}

func TestPredicatesOverDeclaredFields(t *testing.T) {
	for _, c := range []struct{ pass, item, want string }{
		{`item.approved_at <= item.merged_at`, `{"approved_at":"2026-01-01T00:00:00Z","merged_at":"2026-01-01T00:00:00Z"}`, "pass"},
		{`item.approved_at <= item.merged_at`, `{"merged_at":"2026-01-01T00:00:00Z"}`, "fail"},
		{`item.merged_at >= item.approved_at`, `{"merged_at":"2026-01-01T00:00:00Z"}`, "fail"},
		{`item.approved_at <= item.merged_at`, `{"approved_at":null,"merged_at":"2026-01-01T00:00:00Z"}`, "fail"},
		{`item.approved_at <= item.merged_at`, `{"approved_at":"","merged_at":"2026-01-01T00:00:00Z"}`, "fail"},
		{`item.approved_at > item.merged_at`, `{}`, "fail"},
		{`!(item.approved_at > item.merged_at)`, `{}`, "fail"},
		{`item.approved_at == item.merged_at`, `{}`, "fail"},
		{`item.approved_at != item.merged_at`, `{"merged_at":"2026-01-01T00:00:00Z"}`, "fail"},
		{`item.merged_at - item.approved_at < duration("1h")`, `{"merged_at":"2026-01-01T00:00:00Z"}`, "fail"},
		{`!has(item.left_at) || item.left_at < item.merged_at`, `{}`, "pass"},
		{`!has(item.left_at) || item.left_at < item.merged_at`, `{"left_at":null}`, "pass"},
		{`!has(item.left_at) || item.left_at < item.merged_at`, `{"left_at":"2026-01-01T00:00:00Z"}`, "fail"},
		{`item.left_at < item.merged_at || item.ok`, `{"ok":true}`, "pass"},
		{`item.left_at < item.merged_at || item.ok`, `{"ok":false}`, "fail"},
		{`item.left_at < item.merged_at && item.ok`, `{"ok":false}`, "fail"},
		{`item.author.joined_at < item.merged_at`, `{"author":{"name":"a"},"merged_at":"2026-01-01T00:00:00Z"}`, "fail"},
		{`item.author.joined_at < item.merged_at`, `{"merged_at":"2026-01-01T00:00:00Z"}`, "error: no such key: author"},
		{`item.reviewers.all(r, r.at < item.merged_at)`, `{"merged_at":"2026-01-02T00:00:00Z","reviewers":[{"at":"2026-01-01T00:00:00Z"},{}]}`, "fail"},
		{`item.reviewers.exists(r, r.email == "b")`, `{"reviewers":[{"email":"a"},{"email":"b"}]}`, "pass"},
		{`item.reviewers.exists(r, r.email == "b")`, `{"reviewers":[{"email":"a"},{"email":7}]}`, "error: reviewers.email must be string, but is the number 7"},
		{`item.reviewers.size() == 0`, `{"reviewers":[null]}`, "error: reviewers must be object, but is null"},
		{`item.?left_at.hasValue()`, `{}`, "fail"},
		{`item.count > 1.5`, `{"count":2}`, "pass"},
		{`item.count > 1`, `{}`, "error: no such key: count"},
		{`item.count > 1`, `{"count":null}`, "error: no such key: count"},
		{`item.count > 1`, `{"count":"2"}`, `error: count must be int, but is the string "2"`},
		{`item.count > 1`, `{"count":2.0}`, `error: count must be int, but is the number 2`},
		{`item.count > 1 || true`, `{"count":true}`, `error: count must be int, but is a bool`},
		{`item.ratio >= 2`, `{"ratio":2}`, "pass"},
		{`item.ok`, `{"ok":1}`, "error: ok must be bool, but is the number 1"},
		{`item.ok`, `{"ok":[1,{"a":2}]}`, "error: ok must be bool, but is a list"},
		{`item.merged_at > timestamp("2025-01-01T00:00:00Z")`, `{"merged_at":"yesterday"}`, `error: merged_at must be timestamp, but is the string "yesterday"`},
		{`item.length < duration("2h")`, `{"length":"90m"}`, "pass"},
		{`item.labels.exists(l, l == "b")`, `{"labels":["a","b"]}`, "pass"},
		{`item.labels == ["a"]`, `{"labels":["a",1]}`, "error: labels must be string, but is the number 1"},
		{`item.extra.x.y == 1`, `{"extra":{"x":{"y":1}}}`, "pass"},
		{`item.any == null`, `{"any":null}`, "pass"},
		{`item.ok`, `{"ok":true,"count":"not read, so not looked at"}`, "pass"},
	} {
		if got := verdict(t, typed, c.pass, c.item); got != c.want {
			t.Errorf("%s over %s: %s, want %s", c.pass, c.item, got, c.want)
		}
	}
}

// A hostile predicate ends at a counted limit, so it ends the same everywhere.
func TestACostlyPredicateIsAnEvaluationError(t *testing.T) {
	loop := `lists.range(10000).all(a, lists.range(10000).all(b, lists.range(10000).all(c, a + b + c >= 0)))`
	got := verdict(t, "from: items", loop, `{}`)
	if !strings.Contains(got, "cost limit exceeded") {
		t.Errorf("a thousand billion steps: %s", got)
	}
	bomb := `[item.a].map(x, x + x)`
	for range 60 {
		bomb += `.map(x, x + x)`
	}
	got = verdict(t, "from: items", bomb+`[0].size() > 0`, `{"a":"some text"}`)
	if !strings.Contains(got, "memory limit exceeded") {
		t.Errorf("text that doubles sixty times: %s", got)
	}
	bomb = strings.ReplaceAll(bomb, "item.a", "item.l")
	got = verdict(t, "from: items", bomb+`[0].size() > 0 && 3 in `+bomb+`[0]`, `{"l":[1,2]}`)
	if !strings.Contains(got, "memory limit exceeded") {
		t.Errorf("a list that doubles sixty times: %s", got)
	}
}

func TestALargeItemIsNotHostile(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 200)
	long := "[" + strings.TrimSuffix(strings.Repeat(`{"n":1},`, 50_000), ",") + "]"
	got := verdict(t, "from: items", `item.l.all(x, x.n == 1) && item.d.all(k, k == "a")`, `{"l":`+long+`,"d":`+deep+`}`)
	if got != "pass" {
		t.Errorf("a list of 50,000 and 200 levels: %s", got)
	}
}

func TestReadRefusesWhatIsNotOneJSONObject(t *testing.T) {
	e := benchTest(t, "from: items", "true").Evaluator()
	for item, want := range map[string]string{
		``:                         "nothing where a JSON object should be",
		`[1]`:                      "not a JSON object but a list",
		`"x"`:                      "not a JSON object but a string",
		`null`:                     "not a JSON object but null",
		`{"id":"a"`:                "not valid JSON: unexpected EOF after byte 9",
		`{"id":"a"} {}`:            "more than one JSON value on a line",
		`{"id":"a"} x`:             "not valid JSON: invalid character 'x' at start of value after byte 11",
		`{"id":"a","unread":tru}`:  "not valid JSON: invalid character '}' in literal true (expecting 'e') after byte 22",
		`{"unread":{"a":1,"a":2}}`: `not valid JSON: duplicate object member name after byte 17`,
		`{"id":"a","id":"b"}`:      `not valid JSON: duplicate object member name after byte 10`,
		"{\"id\":\"\xff\"}":        "not valid JSON: invalid UTF-8 after byte 7",
		`{"id":1e999}`:             `not valid JSON: the number "1e999" does not fit a 64-bit float`,
		`{'id':1}`:                 "not valid JSON: invalid character '\\'' at start of value after byte 1",
		`{"id":01}`:                "not valid JSON: invalid character '1' after object value (expecting ',' or '}') after byte 7",
	} {
		err := e.Read([]byte(item))
		if err == nil || err.Error() != want {
			t.Errorf("Read(%s) = %v, want %s", item, err, want)
		}
	}
}

func TestIDAndAt(t *testing.T) {
	e := benchTest(t, "from: items", "true").Evaluator()
	for _, c := range []struct{ item, id, at string }{
		{`{"id":"a","occurred_at":"2026-01-01T01:00:00.5+01:00"}`, "a", "2026-01-01T00:00:00.5Z"},
		{`{"id":-7,"occurred_at":"2026-01-01T00:00:00Z"}`, "-7", "2026-01-01T00:00:00Z"},
		{`{"id":""}`, "error: no id (item.id): it is empty", "error: no time (item.occurred_at): missing"},
		{`{"id":null,"occurred_at":null}`, "error: no id (item.id): it must be a string or an integer, but is null", "error: no time (item.occurred_at): missing"},
		{`{"id":1.5,"occurred_at":""}`, "error: no id (item.id): it must be a string or an integer, but is the double 1.5", "error: no time (item.occurred_at): missing"},
		{`{"occurred_at":"2026-01-01"}`, "error: no id (item.id): no such key: id", `error: no time (item.occurred_at): "2026-01-01" is not an RFC 3339 time such as 2026-01-31T09:30:00Z`},
		{`{"id":"a","occurred_at":1767225600}`, "a", "error: no time (item.occurred_at): it must be an RFC 3339 time, but is the int 1767225600"},
		{`{"id":"a","occurred_at":"2026-02-30T00:00:00Z"}`, "a", `error: no time (item.occurred_at): "2026-02-30T00:00:00Z" is not an RFC 3339 time such as 2026-01-31T09:30:00Z`},
	} {
		if err := e.Read([]byte(c.item)); err != nil {
			t.Fatal(err)
		}
		id, err := e.ID()
		if err != nil {
			id = "error: " + err.Error()
		}
		at, err := e.At()
		text := at.Format(time.RFC3339Nano)
		if err != nil {
			text = "error: " + err.Error()
		}
		if id != c.id || text != c.at {
			t.Errorf("%s: id %s at %s\nwant id %s at %s", c.item, id, text, c.id, c.at)
		}
	}
}

func TestDueAndDone(t *testing.T) {
	source := func(done string) string {
		return fmt.Sprintf("id: L\ntitle: T\ncriteria: CC7.2\nowner: o\nfrequency: daily\ntests:\n  - {id: t, kind: occurrence, title: t, population: {from: items, at: item.due_at}, due: item.due_at, done: %q, grace: 1d}\n", done)
	}
	for _, c := range []struct{ done, item, want string }{
		{"item.done_at", `{"done_at":"2026-01-01T00:00:00Z"}`, "done"},
		{"item.done_at", `{"done_at":null}`, "not done"},
		{"item.done_at", `{"done_at":""}`, "not done"},
		{"item.done_at", `{}`, "not done"},
		{"item.done_at", `{"done_at":"soon"}`, "error"},
		{"item.done_at", `{"done_at":false}`, "error"},
		{"timestamp(item.done_at)", `{"done_at":"2026-01-01T00:00:00Z"}`, "done"},
		{"timestamp(item.done_at)", `{"done_at":null}`, "not done"},
		{"timestamp(item.done_at)", `{"done_at":""}`, "not done"},
		{"timestamp(item.result.done_at)", `{}`, "not done"},
		{"timestamp(item.done_at)", `{"done_at":"soon"}`, "error"},
		{"item.?done_at.orValue(null)", `{}`, "not done"},
	} {
		loaded, err := controls.Parse("l.yaml", []byte(source(c.done)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := loaded.Tests[0].Grace; got != (controls.Grace{Days: 1}) {
			t.Fatalf("grace 1d is %v", got)
		}
		e := loaded.Tests[0].Evaluator()
		if err := e.Read([]byte(c.item)); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Term(time.UTC); !errors.Is(err, controls.ErrAbsent) {
			t.Errorf("due of %s: %v, want ErrAbsent", c.item, err)
		}
		_, done, err := e.Done()
		got := map[bool]string{true: "done", false: "not done"}[done]
		if err != nil {
			got = "error"
		}
		if got != c.want {
			t.Errorf("%s of %s: %s (%v), want %s", c.done, c.item, got, err, c.want)
		}
	}
}

func TestEvaluatorsOfOneTestRunAtTheSameTime(t *testing.T) {
	test := benchTest(t, "from: changes, where: 'size(item.reviewers) == 2'", `item.reviewers.all(r, r.email != item.author.email)`)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			e := test.Evaluator()
			for range 200 {
				if err := e.Read([]byte(benchItem)); err != nil {
					t.Error(err)
				}
				if in, err := e.In(); !in || err != nil {
					t.Error(in, err)
				}
				if ok, err := e.Pass(); !ok || err != nil {
					t.Error(ok, err)
				}
			}
		})
	}
	group.Wait()
}

func FuzzRead(f *testing.F) {
	for _, item := range []string{benchItem, `{}`, `{"id":1}`, `{"id":"a","occurred_at":"2026-01-01T00:00:00Z","reviewers":[{"email":"x"},null,7]}`,
		`{"\u0069d":"x"}`, `{"author":{"author":{"author":[]}}}`, `{"merged_at":"","count":-0}`, `[[[[]]]]`, `{"a":1,"a":2}`} {
		f.Add([]byte(item))
	}
	dynamic := benchTest(f, "from: items", `has(item.author) && item.reviewers.exists(r, r.email == item.author.email)`)
	declared := benchTest(f, typed, `item.merged_at > item.approved_at && item.reviewers.exists(r, r.email == item.author.name) && item.count > 1 && item.any == 1`)
	whole := benchTest(f, "from: items", `item == item`)
	f.Fuzz(func(t *testing.T, item []byte) {
		first := dynamic.Evaluator().Read(item)
		for _, test := range []*controls.Test{declared, whole} {
			e := test.Evaluator()
			// What is malformed does not depend on what is read of it, but for
			// a number that only a reader finds too large.
			if err := e.Read(item); (err == nil) != (first == nil) && !strings.Contains(fmt.Sprint(err, first), "64-bit float") {
				t.Fatalf("one test says %v, another %v", first, err)
			} else if err != nil {
				return
			}
			e.ID()
			e.At()
			if _, err := e.Pass(); err != nil && strings.ContainsAny(err.Error(), "\n") {
				t.Fatalf("error of more than one line: %q", err)
			}
		}
	})
}
