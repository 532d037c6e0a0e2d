package githistory

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestChangeIsWrittenAsTheFormatSays(t *testing.T) {
	dir := newBare(t)
	ids := store(t, dir, rawCommit(nil, anAuthor, aCommitter, "", "root\n"))
	ids = append(ids, store(t, dir, rawCommit(ids, "Ada Author <ada@example.org> 1700000000 +0530", aCommitter, "",
		"A subject\non two lines\n\nReviewed-by: Cy <cy@example.org>\n"))...)
	changes, _ := readAll(t, dir, "main", Query{})
	got, err := json.Marshal(changes)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"id":"` + ids[1] + `","title":"A subject on two lines","author":{"name":"Ada Author","email":"ada@example.org"},` +
		`"committer":{"name":"Ben Committer","email":"ben@example.org"},"reviewers":[{"name":"Cy","email":"cy@example.org"}],` +
		`"authored_at":"2023-11-14T22:13:20Z","merged_at":"2023-11-14T22:15:00Z","merge":false,"repository":"product"},` +
		`{"id":"` + ids[0] + `","title":"root","author":{"name":"Ada Author","email":"ada@example.org"},` +
		`"committer":{"name":"Ben Committer","email":"ben@example.org"},"reviewers":[],` +
		`"authored_at":"2023-11-14T22:13:20Z","merged_at":"2023-11-14T22:15:00Z","merge":false,"repository":"product"}]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestReviewersAreOtherPersonsEachOnce(t *testing.T) {
	author := Person{Name: "Ada Author", Email: "ada@example.org"}
	for name, tc := range map[string]struct {
		trailers string
		keys     []string
		want     []Person
	}{
		"none":                        {trailers: "Change-Id: x"},
		"default keys":                {trailers: "Reviewed-by: A1 <a1@x>\nACKED-BY: A2 <a2@x>\napproved-by: A3 <a3@x>\nTested-by: A4 <a4@x>", want: []Person{{"A1", "a1@x"}, {"A2", "a2@x"}, {"A3", "a3@x"}}},
		"own keys":                    {trailers: "Reviewed-by: A1 <a1@x>\nLGTM: A2 <a2@x>", keys: []string{"lgtm:"}, want: []Person{{"A2", "a2@x"}}},
		"no keys":                     {trailers: "Reviewed-by: A1 <a1@x>", keys: []string{}},
		"bare name":                   {trailers: "Reviewed-by: Cy Reviewer", want: []Person{{Name: "Cy Reviewer"}}},
		"bare address":                {trailers: "Reviewed-by: cy@example.org", want: []Person{{Email: "cy@example.org"}}},
		"handle":                      {trailers: "Reviewed-by: @cy", want: []Person{{Name: "@cy"}}},
		"quoted":                      {trailers: `Reviewed-by: "Reviewer, Cy" <cy@x>`, want: []Person{{"Reviewer, Cy", "cy@x"}}},
		"remark":                      {trailers: "Reviewed-by: Cy < cy@x > (part 1)", want: []Person{{"Cy", "cy@x"}}},
		"not closed":                  {trailers: "Reviewed-by: Cy <cy@x", want: []Person{{"Cy", "cy@x"}}},
		"folded":                      {trailers: "Reviewed-by: Cy\n  <cy@x>", want: []Person{{"Cy", "cy@x"}}},
		"empty":                       {trailers: "Reviewed-by:\nAcked-by: <>\nAcked-by: \"\""},
		"only signs":                  {trailers: "Reviewed-by: ---", want: nil},
		"author by address":           {trailers: "Reviewed-by: Somebody Else <ADA@Example.ORG>"},
		"author by name":              {trailers: "Reviewed-by: ada-AUTHOR <other@example.org>"},
		"author bare":                 {trailers: "Reviewed-by: Ada  Author\nAcked-by: ada@example.org"},
		"twice":                       {trailers: "Reviewed-by: Cy <cy@x>\nAcked-by: Cy <cy@y>\nApproved-by: Cyril <CY@x>\nApproved-by: C.Y.", want: []Person{{"Cy", "cy@x"}}},
		"two without address are two": {trailers: "Reviewed-by: Cy <>\nReviewed-by: Dee <>", want: []Person{{Name: "Cy"}, {Name: "Dee"}}},
		"committer may":               {trailers: "Reviewed-by: Ben Committer <ben@example.org>", want: []Person{{"Ben Committer", "ben@example.org"}}},
	} {
		t.Run(name, func(t *testing.T) {
			keys := tc.keys
			if keys == nil {
				keys = DefaultReviewerKeys()
			}
			got := reviewers("subject\n\n"+tc.trailers+"\n", keys, author)
			if got == nil {
				t.Fatal("nil")
			}
			if diff := cmp.Diff(append([]Person{}, tc.want...), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSamePerson(t *testing.T) {
	for _, tc := range []struct {
		p, q Person
		want bool
	}{
		{Person{"Ada", "a@x"}, Person{"Bea", "A@X"}, true},
		{Person{"Ada", "a@x"}, Person{"ADA", "b@x"}, true},
		{Person{"Ada", "a@x"}, Person{"Bea", "b@x"}, false},
		{Person{"", ""}, Person{"", ""}, false},
		{Person{"--", "a@x"}, Person{"!!", "b@x"}, false},
		{Person{"Ada", ""}, Person{"Bea", ""}, false},
		{Person{"", " a@x "}, Person{"", "a@x"}, true},
		{Person{"J. R. Smith-Jones 3", ""}, Person{"jr smithjones3", ""}, true},
		{Person{"Jose\u0301", ""}, Person{"JOS\u00c9", ""}, true},                                                                  // composed by NFKC
		{Person{"\uff21\uff44\uff41", ""}, Person{"Ada", ""}, true},                                                                // full width
		{Person{"Stra\u00dfe", ""}, Person{"STRASSE", ""}, true},                                                                   // folds to ss
		{Person{"\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", ""}, Person{"\u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3", ""}, true}, // final sigma
		{Person{"\u01f0", ""}, Person{"J\u030c", ""}, true},                                                                        // no composed capital
		{Person{"\ufb01n", ""}, Person{"FIN", ""}, true},                                                                           // ligature
		{Person{"\u01f0", ""}, Person{"J", ""}, false},
		{Person{"Jose", ""}, Person{"Jos\u00e9", ""}, false},
	} {
		if tc.p.Same(tc.q) != tc.want || tc.q.Same(tc.p) != tc.want {
			t.Errorf("%q and %q: want %v", tc.p, tc.q, tc.want)
		}
	}
}

func TestSameIgnoresCaseAndSigns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Person{Name: rapid.String().Draw(t, "name"), Email: rapid.String().Draw(t, "email")}
		upper := Person{Name: "-" + strings.ToUpper(p.Name) + ".", Email: strings.ToUpper(p.Email)}
		if id := p.identity(); id.name != "" && !p.Same(Person{Name: p.Name + " -"}) || id.email != "" && !p.Same(Person{Email: p.Email}) {
			t.Fatalf("%q is not itself", p)
		}
		if isASCII([]byte(p.Name+p.Email)) && p.identity() != upper.identity() {
			t.Fatalf("%q and %q differ", p.identity(), upper.identity())
		}
	})
}

func TestDatesThatCannotBeReadAreCounted(t *testing.T) {
	dir := newBare(t)
	var parents []string
	for i, date := range []string{"1700000000 +0000", "-5 +0000", "", "253402300800 +0000", "253402300799 -1200", "99999999999999999999999 +0000", "abc", "1700000000"} {
		parents = store(t, dir, rawCommit(parents, anAuthor, "B <b@x> "+date, "", fmt.Sprintf("%d\n", i)))
	}
	changes, stats := readAll(t, dir, "main", Query{})
	if stats.UndatedCount != 5 || len(stats.Undated) != 5 || len(changes) != 8 {
		t.Errorf("%d changes, %+v", len(changes), stats)
	}
	if _, err := json.Marshal(changes); err != nil {
		t.Error(err)
	}
	changes, _ = readAll(t, dir, "main", Query{Since: time.Unix(1, 0)})
	if len(changes) != 3 {
		t.Errorf("%d changes in a real period, want 3", len(changes))
	}
}

func TestTextIsValidAndBounded(t *testing.T) {
	dir := newBare(t)
	long := strings.Repeat("é", 2000)
	store(t, dir, rawCommit(nil, "A\x00\xff <\xfe@x> 1 +0000", long+" <"+long+"> 1 +0000", "", long+"\n\nReviewed-by: \xff"+long+" <"+long+">\n"))
	changes, _ := readAll(t, dir, "main", Query{})
	c := changes[0]
	for what, s := range map[string]string{"title": c.Title, "name": c.Committer.Name, "address": c.Committer.Email, "reviewer": c.Reviewers[0].Name} {
		if n := utf8.RuneCountInString(s); n != 1000 || !strings.HasSuffix(s, "é…") {
			t.Errorf("%s has %d characters and ends with %q", what, n, s[len(s)-8:])
		}
	}
	if c.Author.Name != "A\uFFFD\uFFFD" || c.Author.Email != "\uFFFD@x" {
		t.Errorf("author %q", c.Author)
	}
	if s := strings.Repeat("é", 1000); shorten(s) != s {
		t.Error("1,000 characters were cut")
	}
}

// Git shows a message up to the first NUL; what stands behind it is not a review.
func TestMessageEndsAtNUL(t *testing.T) {
	dir := newBare(t)
	store(t, dir, rawCommit(nil, anAuthor, aCommitter, "", "subject\x00 hidden\n\nReviewed-by: Cy <cy@example.org>\n"))
	changes, _ := readAll(t, dir, "main", Query{})
	if changes[0].Title != "subject" || len(changes[0].Reviewers) != 0 {
		t.Errorf("title %q, reviewers %v", changes[0].Title, changes[0].Reviewers)
	}
}

func TestDeclaredEncodingIsDecoded(t *testing.T) {
	for header, want := range map[string]string{
		"":                                      "\uFFFDt\uFFFD",
		"encoding ISO-8859-1\n":                 "\u00e9t\u00e9",
		"encoding latin-1\n":                    "\u00e9t\u00e9",
		"encoding windows-1251\n":               "\u0439t\u0439",
		"encoding UTF-8\n":                      "\uFFFDt\uFFFD",
		"encoding no-such\n":                    "\uFFFDt\uFFFD",
		"encoding ISO-8859-1\nencoding utf-8\n": "\u00e9t\u00e9",
	} {
		dir := newBare(t)
		store(t, dir, rawCommit(nil, "\xe9t\xe9 <a@x> 1 +0000", aCommitter, header, "\xe9t\xe9\n\nReviewed-by: R \xe9t\xe9\n"))
		changes, _ := readAll(t, dir, "main", Query{})
		if c := changes[0]; c.Title != want || c.Author.Name != want || c.Reviewers[0].Name != "R "+want {
			t.Errorf("%q: %+v, want %q", header, c, want)
		}
	}
}

func TestProgressCountsCommits(t *testing.T) {
	dir := newBare(t)
	store(t, dir, commits(1)...)
	var calls []int
	readAll(t, dir, "main", Query{Progress: func(n int) { calls = append(calls, n) }})
	if diff := cmp.Diff([]int{1}, calls); diff != "" {
		t.Error(diff)
	}
}

func FuzzTrailers(f *testing.F) {
	for _, m := range []string{
		"subject\n\nReviewed-by: Cy <cy@example.org>\n", "subject\n\nSigned-off-by: A\nx\ny\n z\n", "\n\n#\n---\nConflicts:\n\tx\n", "a\n\nb: c\n d\r\n\n", ":", "a\n\n:", "a\n\n#a: b\n",
		scissors, "a\n" + scissors, "a\n\nReviewed-by: \"x\" <", "a\n\nKey  : \x00\xff\n", strings.Repeat("a: b\n", 50),
	} {
		f.Add(m)
	}
	author := Person{Name: "Ada", Email: "ada@example.org"}
	f.Fuzz(func(t *testing.T, m string) {
		for _, tr := range Trailers(m) {
			if tr.Token == "" || strings.ContainsAny(tr.Token, ":\n") || strings.Contains(tr.Value, "\n") {
				t.Fatalf("trailer %q of %q", tr, m)
			}
		}
		found := reviewers(m, DefaultReviewerKeys(), author)
		for i, p := range found {
			if p.Same(author) {
				t.Fatalf("the author reviews: %q", p)
			}
			for _, q := range found[:i] {
				if p.Same(q) {
					t.Fatalf("%q is named twice", p)
				}
			}
		}
		if strings.Contains(Subject(m), "\n") {
			t.Fatalf("subject of %q", m)
		}
	})
}

func FuzzCommit(f *testing.F) {
	f.Add(rawCommit([]string{anEmptyTree}, anAuthor, aCommitter, "encoding ISO-8859-1\ngpgsig x\n y\n", "m\xe9\n\nReviewed-by: C <c@x>\n"))
	f.Add([]byte("tree \nparent \nauthor <\ncommitter ><> 1\nencoding iso-2022-jp\n\n\x1b$B"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, message, err := splitCommit(b)
		if err != nil {
			return
		}
		w := &Walk{query: Query{ReviewerKeys: DefaultReviewerKeys()}}
		c, _ := w.change([20]byte{1}, h, message, decoders{})
		j, err := json.Marshal(c)
		if err != nil || strings.Contains(string(j), `\u0000`) {
			t.Fatalf("%s %v", j, err)
		}
		for _, s := range []string{c.Title, c.Author.Name, c.Committer.Email} {
			if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxText {
				t.Fatalf("text %q", s)
			}
		}
	})
}
