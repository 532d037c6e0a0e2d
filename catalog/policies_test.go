package catalog_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/criteria"
)

const goodPolicy = `---
id: access-control
title: Access control
summary: What it is for.
owner: security lead
audience: everybody
criteria: [CC6.1, CC6.2]
controls: [ACC-01]
review: annual
---

## Purpose
`

func TestAPolicyIsReadAsItsFileHasIt(t *testing.T) {
	for name, file := range map[string]string{"LF": goodPolicy, "CRLF": strings.ReplaceAll(goodPolicy, "\n", "\r\n"), "a byte order mark": "\ufeff" + goodPolicy} {
		got, err := catalog.ParsePolicy("access-control.md", []byte(file))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text := got.Text
		got.Text = ""
		want := catalog.Policy{
			ID: "access-control", Title: "Access control", Summary: "What it is for.", Owner: "security lead", Audience: "everybody",
			Review: "annual", Criteria: []string{"CC6.1", "CC6.2"}, Controls: []string{"ACC-01"}, File: []byte(strings.TrimPrefix(file, "\ufeff")),
		}
		if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) || strings.TrimRight(text, "\r\n") != "## Purpose" {
			t.Errorf("%s: %+v\nwant %+v\ntext %q", name, got, want, text)
		}
	}
}

func TestWhatIsWrongWithAPolicyIsNamedByLine(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"no front matter", "---\nid", "id", "f.md:1: a policy begins with a line ---"},
		{"does not end", "annual\n---", "annual\n", "f.md:12: the front matter does not end"},
		{"unknown key", "review: annual", "reviews: annual", "f.md:2: the front matter has no review\nf.md:9: unknown key \"reviews\""},
		{"twice", "review: annual", "title: Again\nreview: annual", "f.md:9: title is already given on line 3"},
		{"missing", "summary: What it is for.\n", "", "f.md:2: the front matter has no summary"},
		{"empty text", "title: Access control", "title: ''", "f.md:3: title must be a text of one line"},
		{"null", "title: Access control", "title:", "f.md:3: title must be a text of one line"},
		{"number", "title: Access control", "title: 7", "f.md:3: title must be a text of one line"},
		{"lines", "title: Access control", "title: \"a\\nb\"", "f.md:3: title must be a text of one line"},
		{"alias", "owner: security lead", "owner: &o security lead\ntitle2: *o", "f.md:6: unknown key \"title2\""},
		{"alias of a text", "title: Access control\nsummary: What it is for.", "title: &o Access control\nsummary: *o", "f.md:4: summary must be a text of one line"},
		{"id", "id: access-control", "id: Access control", "f.md:2: id \"Access control\" must be small letters"},
		{"audience", "everybody", "nobody", "f.md:6: audience is one of everybody, engineers, managers, executives, not \"nobody\""},
		{"review", "annual", "sometimes", "f.md:9: review is one of annual, semiannual, quarterly, not \"sometimes\""},
		{"no list", "controls: [ACC-01]", "controls: ACC-01", "f.md:8: controls must be a list of one or more"},
		{"empty list", "controls: [ACC-01]", "controls: []", "f.md:8: controls must be a list of one or more"},
		{"list of lists", "controls: [ACC-01]", "controls: [[ACC-01]]", "f.md:8: each of controls must be a text"},
		{"no criterion", "CC6.2]", "CC6]", "f.md:7: \"CC6\" in criteria is no identifier such as CC6.1"},
		{"criterion twice", "CC6.2]", "CC6.1]", "f.md:7: CC6.1 is twice in criteria"},
		{"no map", goodPolicy, "---\n- a\n---\ntext\n", "f.md:2: the front matter is a map"},
		{"empty", goodPolicy, "---\n---\ntext\n", "f.md:2: the front matter is empty"},
		{"empty file", goodPolicy, "", "f.md:1: the front matter does not end"},
		{"syntax", "title: Access control", "title: Access: control", "f.md:3: not valid YAML: mapping values are not allowed"},
		{"two documents", "review: annual", "review: annual\n--- x", "f.md:10: a second document"},
		{"no text", "\n## Purpose\n", "", "f.md:10: there is no text"},
		{"two mistakes", "everybody\ncriteria: [CC6.1, CC6.2]", "x\ncriteria: []", "f.md:6: audience is one of everybody, engineers, managers, executives, not \"x\"\nf.md:7: criteria must be"},
		{"no UTF-8", "Purpose", "\xff", "f.md:1: the file is not text in UTF-8"},
		{"a zero", "Purpose", "\x00", "f.md:1: the file is not text in UTF-8"},
		{"too large", "Purpose", strings.Repeat("x", catalog.MaxPolicySize), "f.md:1: the file has 2"},
	} {
		_, err := catalog.ParsePolicy("f.md", []byte(strings.Replace(goodPolicy, test.old, test.new, 1)))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v\nwant %s", test.name, err, test.want)
		}
	}
}

func TestAPolicysFileIsNamedAfterIt(t *testing.T) {
	_, err := catalog.ReadPolicies(fstest.MapFS{
		"access.md": {Data: []byte(goodPolicy)}, "b.md": {Data: []byte("x\n")}, "c.txt": {Data: []byte("no policy")},
	})
	want := "access.md:1: the policy's id is \"access-control\", so its file is access-control.md\nb.md:1: a policy begins with"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v\nwant %s", err, want)
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(goodPolicy))
	for _, policy := range catalog.Policies() {
		f.Add(policy.File)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		policy, err := catalog.ParsePolicy("f.md", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.md:") || policy.File != nil {
				t.Fatalf("%+v, %v", policy, err)
			}
			return
		}
		data = bytes.TrimPrefix(data, []byte("\ufeff"))
		if !bytes.Equal(policy.File, data) || !bytes.HasSuffix(data, []byte(policy.Text)) || strings.TrimSpace(policy.Text) == "" {
			t.Fatalf("%q is not what was read: %+v", data, policy)
		}
		for _, text := range []string{policy.ID, policy.Title, policy.Summary, policy.Owner} {
			if text == "" || strings.TrimSpace(text) != text || strings.ContainsAny(text, "\r\n") {
				t.Fatalf("accepted %+v", policy)
			}
		}
		if !slices.Contains(catalog.Audiences, policy.Audience) || !slices.Contains(catalog.Reviews, policy.Review) ||
			len(policy.Criteria) == 0 || len(policy.Controls) == 0 {
			t.Fatalf("accepted %+v", policy)
		}
	})
}

// The parts of each policy of the catalog, in this order.
var policySections = []string{"Purpose", "Scope", "Rules", "Responsibilities", "How it is checked", "Exceptions"}

var (
	policyHeading = regexp.MustCompile(`(?m)^#+ *(.*)$`)
	policyRule    = regexp.MustCompile(`(?m)^(\d+)\. `)
	controlName   = regexp.MustCompile(`\b[A-Z]{3}-\d\d\b`)
	// No HTML, pictures, links, or addresses of other hosts.
	policyForeign = regexp.MustCompile(`<[a-zA-Z/!?]|&[a-z#0-9]+;|!\[|\]\(|\]\[|://|\bwww\.`)
)

// sections splits a text at its headings.
func sections(t *testing.T, policy catalog.Policy) map[string]string {
	t.Helper()
	found := policyHeading.FindAllStringSubmatchIndex(policy.Text, -1)
	var names []string
	parts := map[string]string{}
	for i, at := range found {
		end := len(policy.Text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		name := policy.Text[at[2]:at[3]]
		names = append(names, name)
		if parts[name] = strings.TrimSpace(policy.Text[at[1]:end]); parts[name] == "" {
			t.Errorf("%s: the section %q is empty", policy.ID, name)
		}
	}
	if !slices.Equal(names, policySections) {
		t.Errorf("%s has the sections %q, want %q", policy.ID, names, policySections)
	}
	return parts
}

func TestEachPolicyOfTheCatalogIsWhole(t *testing.T) {
	byID := map[string]*controls.Control{}
	owners := map[string]bool{}
	for _, c := range load(t) {
		byID[c.ID], owners[c.Owner] = c, true
	}
	for _, policy := range catalog.Policies() {
		if !owners[policy.Owner] {
			t.Errorf("%s: no control has the owner %q", policy.ID, policy.Owner)
		}
		carried := map[string]bool{}
		for _, id := range policy.Controls {
			if byID[id] == nil {
				t.Errorf("%s: there is no control %s", policy.ID, id)
				continue
			}
			for _, criterion := range byID[id].Criteria {
				carried[criterion] = true
			}
		}
		for _, id := range policy.Criteria {
			if !criteria.Known(id) || !carried[id] {
				t.Errorf("%s: none of its controls carries %q", policy.ID, id)
			}
		}
		if words := len(strings.Fields(policy.Text)); words < 300 || words > 1200 {
			t.Errorf("%s has %d words, want 300 to 1,200", policy.ID, words)
		}
		if foreign := policyForeign.FindString(policy.Text); foreign != "" {
			t.Errorf("%s: %q is HTML, a picture or a link", policy.ID, foreign)
		}
		parts := sections(t, policy)
		rules := policyRule.FindAllStringSubmatch(parts["Rules"], -1)
		for i, rule := range rules {
			if rule[1] != fmt.Sprint(i+1) {
				t.Errorf("%s: rule %s is the %d. of the list", policy.ID, rule[1], i+1)
			}
		}
		if len(rules) < 5 {
			t.Errorf("%s has %d numbered rules", policy.ID, len(rules))
		}
		// What its text says of its controls is what its front matter says.
		named := controlName.FindAllString(parts["How it is checked"], -1)
		for _, id := range policy.Controls {
			if !slices.Contains(named, id) {
				t.Errorf("%s: how it is checked does not name %s", policy.ID, id)
			}
		}
		for _, id := range controlName.FindAllString(policy.Text, -1) {
			if !slices.Contains(policy.Controls, id) {
				t.Errorf("%s names %s, its front matter does not", policy.ID, id)
			}
		}
	}
}

func TestThePoliciesCoverEveryControlAndCriterion(t *testing.T) {
	covered := map[string]bool{}
	for _, policy := range catalog.Policies() {
		for _, id := range slices.Concat(policy.Controls, policy.Criteria) {
			covered[id] = true
		}
	}
	for _, c := range load(t) {
		if !covered[c.ID] {
			t.Errorf("no policy names the control %s (%s)", c.ID, c.Title)
		}
	}
	for _, id := range criteria.All() {
		if !covered[id] {
			t.Errorf("no policy names the criterion %s (%s)", id, criteria.Title(id))
		}
	}
}

// Terms in the predicates of controls, such as duration("168h").
var predicateTerm = regexp.MustCompile(`duration\("([^"]*)"\)`)

// A policy asks for what the control tests: each term of a control stands in
// the rules of a policy that names the control, and one of those gives its
// owner something to do.
func TestPoliciesSayTheTermsAndOwnersOfTheirControls(t *testing.T) {
	rules, duties := map[string]string{}, map[string]string{}
	for _, policy := range catalog.Policies() {
		parts := sections(t, policy)
		for _, id := range policy.Controls {
			rules[id] += strings.Join(strings.Fields(parts["Rules"]), " ") + "\n"
			duties[id] += strings.Join(strings.Fields(parts["Responsibilities"]), " ") + "\n"
		}
	}
	for _, c := range load(t) {
		if !strings.Contains(strings.ToLower(duties[c.ID]), strings.ToLower(c.Owner)) {
			t.Errorf("%s: no policy that names it says what the %s does", c.ID, c.Owner)
		}
		for _, test := range c.Tests {
			terms := []time.Duration{time.Duration(test.Grace.Days)*24*time.Hour + test.Grace.Time}
			for _, m := range predicateTerm.FindAllStringSubmatch(test.Pass, -1) {
				term, err := time.ParseDuration(m[1])
				if err != nil {
					t.Fatal(err)
				}
				terms = append(terms, term)
			}
			for _, term := range terms {
				if term != 0 && !said(term).MatchString(rules[c.ID]) {
					t.Errorf("%s %s: no policy that names it says %s", c.ID, test.ID, said(term))
				}
			}
		}
	}
}

// said finds a term in words.
func said(term time.Duration) *regexp.Regexp {
	ways := []string{}
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"minutes?", time.Minute}, {"hours?", time.Hour}, {"days?", 24 * time.Hour}} {
		if term%unit.of == 0 {
			ways = append(ways, fmt.Sprintf("%d %s", term/unit.of, unit.name))
		}
	}
	return regexp.MustCompile(`\b(` + strings.Join(ways, "|") + `)\b`)
}

var policySlug = regexp.MustCompile("`([^`]*)`")

func TestPoliciesReferToPoliciesThatThereAre(t *testing.T) {
	there := map[string]bool{}
	for _, policy := range catalog.Policies() {
		there[policy.ID] = true
	}
	for _, policy := range catalog.Policies() {
		for _, slug := range policySlug.FindAllStringSubmatch(policy.Text, -1) {
			if !there[slug[1]] || slug[1] == policy.ID {
				t.Errorf("%s refers to the policy %q", policy.ID, slug[1])
			}
		}
	}
}
