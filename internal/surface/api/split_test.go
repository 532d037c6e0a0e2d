package api_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/surface/api"
)

// Whatever comes, taking a batch apart does not fail oddly, and what it gives
// are the very bytes of the array's elements, in order, with nothing but JSON's
// own punctuation between them.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"", "[", "[]", " [ ] ", "[{}]", `[{"a":1.0e2,"b":"\u00e9"} , 7]`, "[,]", "[1,]", "[1 2]", "{}", "[[]]", `["]"]`, "[1]x", "[1][2]", "[nul]",
		"[\xff]", `[{"a":1,"a":2}]`, "\ufeff[]", "[\"\x00\"]", "[" + string(bytes.Repeat([]byte("1,"), act.MaxBatch)) + "1]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		elements, err := api.Split(body)
		if !bytes.Equal(before, body) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("took %q, which is no JSON", body)
		}
		if len(elements) > act.MaxBatch {
			t.Fatalf("%d elements", len(elements))
		}
		rest, between := body, []byte("[")
		for _, element := range elements {
			if !json.Valid(element) {
				t.Fatalf("element %q is no JSON", element)
			}
			at := bytes.Index(rest, element)
			if at < 0 || !bytes.Equal(bytes.Trim(rest[:at], " \t\r\n"), between) {
				t.Fatalf("element %q is not where it was in %q", element, body)
			}
			rest, between = rest[at+len(element):], []byte(",")
		}
		if end := bytes.Trim(rest, " \t\r\n"); string(end) != "]" && (len(elements) > 0 || !bytes.HasPrefix(end, []byte("["))) {
			t.Fatalf("%q is left of %q", end, body)
		}
	})
}
