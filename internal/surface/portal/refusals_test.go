package portal_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/accounts"
)

// unread is what stands in a page and is no sentence: what a form sends, and the codes
// that people type.
var unread = regexp.MustCompile(`(?s)<(datalist|option|textarea|pre|code|script)\b.*?</(?:datalist|option|textarea|pre|code|script)>|<[^>]*>`)

// problems are what is wrong with a form.
var problems = regexp.MustCompile(`(?s)class="(?:wrong|problem)"[^>]*>(.*?)(?:</div>|</p>)`)

// reads is the text of a page.
func (p page) reads() string {
	return html.UnescapeString(unread.ReplaceAllString(p.body, " "))
}

// plausible is a form of a new record of a register in which somebody stands wherever a
// person can.
func plausible(kind *record.Kind, person string) url.Values {
	values := url.Values{}
	for _, f := range kind.Editable(false) {
		name := "f." + f.Name
		switch shape := kind.Shape(f.Name); {
		case f.Refers == "person":
			values.Set(name, person)
		case f.Refers != "" || !f.Required && f.Name != "owner":
		case len(f.Choices) > 0:
			values.Set(name, f.Choices[0])
		case shape == record.ShapeTime:
			values.Set(name, "2026-02-02T09:00")
		case shape == record.ShapeNumber:
			values.Set(name, "1")
		default:
			values.Set(name, "Some words")
		}
	}
	return values
}

// Refusals name people and fields as everybody calls them: of forms and moves that somebody may not
// make for what they had to do with a record, or for want of a role.
func TestRefusalsSayWhatPeopleSay(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	boss := s.hired(t, "boss", "administrator", "executive")
	others := []*browser{s.signed(t, "out", "compliance"), s.hired(t, "emp", "employee"), s.hired(t, "eng", "engineer"), s.signed(t, "aud", "auditor")}
	someone := regexp.MustCompile(`(?i)\b(person|account)/(boss|emp|eng|out|aud)\b`)
	look := func(what string, p page) {
		t.Helper()
		text := p.reads()
		for _, problem := range problems.FindAllStringSubmatch(p.body, -1) {
			if name := regexp.MustCompile(`\b[a-z]+_[a-z_]+\b.*`).FindString(page{body: problem[1]}.reads()); name != "" {
				t.Errorf("%s (%d) says …%s", what, p.status, name)
			}
		}
		if at := someone.FindStringIndex(text); at != nil {
			t.Errorf("%s (%d) says …%s…", what, p.status, strings.Join(strings.Fields(text[max(0, at[0]-100):min(len(text), at[1]+120)]), " "))
		}
	}
	made, refused, another := 0, 0, 0
	for _, kind := range app.Kinds {
		if kind.Internal || kind == accounts.Register {
			continue
		}
		answer := boss.postAll("/r/"+kind.Register, plausible(kind, "person/BOSS"))
		look("a new record of "+kind.Register, answer)
		for _, b := range others {
			look("a new record of "+kind.Register, b.postAll("/r/"+kind.Register, plausible(kind, "person/BOSS")))
		}
		if answer.status != http.StatusSeeOther {
			refused++
			continue
		}
		made++
		look(answer.to, boss.get(answer.to))
		for i := range kind.Transitions {
			for _, b := range append(others, boss) {
				got := b.post(answer.to+"/move", "state", kind.Transitions[i].To, "version", "1")
				look(answer.to+" to "+kind.Transitions[i].To, got)
				if strings.Contains(got.reads(), strings.ToUpper(act.ErrSamePerson.Error()[:1])+act.ErrSamePerson.Error()[1:]) {
					another++
				}
			}
		}
	}
	if made < 20 || another < 5 {
		t.Errorf("%d records were made and %d were not; %d moves took another person", made, refused, another)
	}
}
