package regulations_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"scaf.dev/scaf/internal/governance/regulations"
)

func rss(items string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Authority</title>` + items + `</channel></rss>`
}

const atom = `<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Authority</title>
<entry><id>urn:1</id><title>Rule &amp; order</title><link href="https://authority.example/1"/><updated>2026-03-01T09:00:00+01:00</updated><summary>In short</summary></entry></feed>`

func TestRSSAndAtomAreRead(t *testing.T) {
	for name, text := range map[string]string{
		"RSS":  rss(`<item><guid>urn:1</guid><title>Rule &amp; order</title><link>https://authority.example/1</link><pubDate>Sun, 01 Mar 2026 08:00:00 GMT</pubDate><description>In short</description></item>`),
		"Atom": atom,
	} {
		all, _, err := regulations.Read([]byte(text))
		if err != nil || len(all) != 1 {
			t.Errorf("%s: %v %v", name, all, err)
			continue
		}
		at := all[0].PublishedAt.UTC().Format("2006-01-02T15:04")
		all[0].PublishedAt = nil
		if want := (regulations.Entry{GUID: "urn:1", Title: "Rule & order", Link: "https://authority.example/1", Summary: "In short"}); all[0] != want || at != "2026-03-01T08:00" {
			t.Errorf("%s: %+v at %s", name, all[0], at)
		}
	}
}

func TestMarkupAndStrangeAddressesAreLeftOut(t *testing.T) {
	for _, test := range []struct{ item, title, link, summary string }{
		{`<title>&lt;script&gt;alert(1)&lt;/script&gt;Rule</title><link>javascript:alert(1)</link><description>&lt;p&gt;One&lt;/p&gt; &lt;img src=x onerror=alert(1)&gt;two</description>`, "Rule", "", "One two"},
		{`<title>a&#x202e;b  c</title><link>https://user:secret@authority.example/</link><description><![CDATA[<b>x</b> &amp; y]]></description>`, "ab c", "", "x & y"},
		{`<title>` + strings.Repeat("é", 400) + `</title><link>https://authority.example/ä</link>`, strings.Repeat("é", 299) + "…", "https://authority.example/%C3%A4", ""},
		{`<title></title><link>https://authority.example/2</link>`, "https://authority.example/2", "https://authority.example/2", ""},
		{`<title>مرحبا 🙂</title>`, "مرحبا 🙂", "", ""},
	} {
		all, _, err := regulations.Read([]byte(rss("<item>" + test.item + "</item>")))
		if err != nil || len(all) != 1 || all[0].Title != test.title || all[0].Link != test.link || all[0].Summary != test.summary {
			t.Errorf("%s: %+v %v", test.item, all, err)
		}
	}
	many, unread, err := regulations.Read([]byte(rss(strings.Repeat("<item><title>x</title></item>", 500))))
	if err != nil || len(many) != 200 || unread != 300 {
		t.Errorf("%d entries of 500 are read and %d are not (%v), want 200 and 300", len(many), unread, err)
	}
}

func TestWhatIsNoFeedIsRefused(t *testing.T) {
	bomb := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><rss version="2.0"><channel><item><title>&b;</title></item></channel></rss>`
	for name, test := range map[string]struct{ text, want string }{
		"entities":        {bomb, "declares entities"},
		"a file":          {`<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>` + rss(`<item><title>&f;</title></item>`), "declares entities"},
		"small letters":   {`<!doctype x [<!entity f "y">]>` + rss(``), "declares entities"},
		"parameters":      {`<!DOCTYPE x [<!ENTITY % p SYSTEM "https://a.example/x.dtd"> %p;]>` + rss(``), "declares entities"},
		"depth":           {rss(strings.Repeat("<a>", 100000) + strings.Repeat("</a>", 100000)), "nested deeper"},
		"size":            {rss(strings.Repeat(" ", regulations.MaxFeed)), "larger than 2 MiB"},
		"HTML":            {`<!DOCTYPE html><html><body>Sign in</body></html>`, "neither RSS nor Atom"},
		"JSON":            {`{"version":"https://jsonfeed.org/version/1","title":"x"}`, "neither RSS nor Atom"},
		"nothing":         {``, "neither RSS nor Atom"},
		"no XML":          {`<rss version="2.0"><channel><`, "no feed"},
		"another charset": {`<?xml version="1.0" encoding="klingon"?>` + strings.TrimPrefix(rss(``), `<?xml version="1.0" encoding="UTF-8"?>`), "no feed"},
	} {
		all, _, err := regulations.Read([]byte(test.text))
		if !errors.Is(err, regulations.ErrFeed) || !strings.Contains(fmt.Sprint(err), test.want) || all != nil {
			t.Errorf("%s: %v %v, want it refused: %s", name, all, err, test.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(atom))
	f.Add([]byte(rss(`<item><title>x</title><description>&lt;b&gt;</description></item>`)))
	f.Add([]byte(`<!DOCTYPE x [<!ENTITY a "b">]><rss/>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, _, err := regulations.Read(text)
		if err != nil && !errors.Is(err, regulations.ErrFeed) {
			t.Fatal(err)
		}
		for _, one := range all {
			if one.Title == "" || !utf8.ValidString(one.Title+one.Summary) || strings.ContainsAny(one.Title+one.Summary, "\n\r\x00") ||
				utf8.RuneCountInString(one.Summary) > 1200 || one.Link != "" && !strings.HasPrefix(one.Link, "http") {
				t.Fatalf("%+v", one)
			}
		}
	})
}
