package browser

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// heaviest is how many bytes a page may have, with all that it loads.
const heaviest = 150_000

// axe is axe-core as npm ci has installed it.
var axe = sync.OnceValues(func() (string, error) {
	source, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		return "", fmt.Errorf("%w: make install-deps installs axe-core", err)
	}
	return string(source), nil
})

// found is what axe-core says of a page.
type found struct {
	Passes     int
	Violations []struct {
		ID, Impact, Help string
		Nodes            []struct{ Target, HTML, Summary string }
	}
}

// Rules of axe-core: those of WCAG 2.0 to 2.2, A and AA, and what of them depends
// on colours, which is all that changes in the dark.
const (
	allRules    = `{runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], rules: {"target-size": {enabled: true}}, resultTypes: ["violations"]}`
	colourRules = `{runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}, resultTypes: ["violations"]}`
)

// apply runs rules over the page. What they say is made small in the page.
const apply = `axe.run(document, %s).then(r => ({
	Passes: r.passes.length,
	Violations: r.violations.map(v => ({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map(n => (
		{Target: n.target.join(" "), HTML: n.html.slice(0, 200), Summary: n.failureSummary}
	))})),
}))`

// tabbing goes through what the Tab key reaches and names what does not show
// that it has the focus (WCAG 2.4.7).
const tabbing = `(() => {
	const before = document.activeElement, unseen = []
	for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]")) {
		if (e.tabIndex < 0 || e.disabled || !e.checkVisibility({visibilityProperty: true})) continue
		e.focus({focusVisible: true, preventScroll: true})
		const s = getComputedStyle(e)
		if (document.activeElement !== e || (s.outlineStyle === "none" || parseFloat(s.outlineWidth) === 0) && s.boxShadow === "none") unseen.push(e.outerHTML.slice(0, 200))
	}
	document.activeElement.blur()
	if (before !== document.body) before.focus({preventScroll: true})
	return unseen
})()`

// audit looks at the page in all ways and says what is wrong with it: rules of
// accessibility that it breaks, in light and dark, wide and on a phone; what
// scrolls sideways there; what cannot be seen to have the focus; what it must
// not load, and how much it may. It takes its pictures under a name, if there is
// one.
func (v *tab) audit(name string) []string {
	v.t.Helper()
	source, err := axe()
	if err != nil {
		v.t.Fatal(err)
	}
	v.do(chromedp.Evaluate[chromedp.Void](source)) // through the debugger: the page's policy stays as it is
	var wrongs []string
	for _, l := range looks {
		v.see(l)
		rules := allRules
		if l.scheme == "dark" {
			rules = colourRules
		}
		result := in(v, chromedp.Evaluate[found](fmt.Sprintf(apply, rules), chromedp.EvalAwaitPromise))
		if result.Passes == 0 {
			wrongs = append(wrongs, l.name+": axe-core found nothing to test")
		}
		for _, rule := range result.Violations {
			for _, node := range rule.Nodes {
				wrongs = append(wrongs, fmt.Sprintf("%s: %s (%s): %s\n\tat %s\n\t%s\n\t%s", l.name, rule.ID, rule.Impact, rule.Help, node.Target, node.HTML, strings.ReplaceAll(node.Summary, "\n", "\n\t")))
			}
		}
		if over := in(v, chromedp.Evaluate[int](`document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth`)); over > 0 {
			wrongs = append(wrongs, fmt.Sprintf("%s: the page scrolls sideways, by %d pixels", l.name, over))
		}
		if name != "" {
			v.picture(name + "-" + l.name)
		}
	}
	v.see(looks[0])
	for _, element := range in(v, chromedp.Evaluate[[]string](tabbing)) {
		wrongs = append(wrongs, "one does not see when it has the focus: "+element)
	}
	return append(wrongs, v.behaved()...)
}

// behaved says what the page did that it must not.
func (v *tab) behaved() []string {
	wrongs, bytes := v.told()
	if bytes > heaviest {
		wrongs = append(wrongs, fmt.Sprintf("it has %d bytes with all that it loads, at most %d are allowed", bytes, heaviest))
	}
	return wrongs
}

// audited fails the test where the page is not as it should be.
func (v *tab) audited(name string) {
	v.t.Helper()
	for _, wrong := range v.audit(name) {
		v.t.Errorf("%s: %s", v.path(), wrong)
	}
}

// The audit itself: it finds what is wrong with pages on which something is.
func TestTheAuditFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := demonstration(t)
	for name, c := range map[string]struct{ script, want string }{
		"a field without a label":  {`document.querySelector("label").remove()`, "label (critical)"},
		"pale text":                {`document.querySelector("main").style.color = "#ccc"`, "light: color-contrast"},
		"dark text in the dark":    {`document.querySelector("main").style.color = "#333"`, "dark: color-contrast"},
		"a page that is too wide":  {`document.querySelector("main").style.minWidth = "1000px"`, "phone: the page scrolls sideways, by "},
		"small targets":            {`document.querySelector("main").insertAdjacentHTML("beforeend", "<button id=a></button><button id=b></button>"); for (const e of document.querySelectorAll("#a, #b")) e.style.cssText = "width:8px;height:8px;margin:0;padding:0"`, "target-size"},
		"a focus that is not seen": {`document.querySelector("button").style.outline = "none"`, "one does not see when it has the focus: <button"},
		"a script":                 {`document.body.append(Object.assign(document.createElement("script"), {textContent: "1"}))`, "content security policy refuses"},
		"another host":             {`document.body.append(Object.assign(new Image(), {alt: "", src: "http://example.invalid/x.png"}))`, "example.invalid"},
		"a complaint":              {`console.error("no")`, "console: "},
		"an exception":             {`setTimeout(() => { throw new Error("no") })`, "exception: "},
		"a heavy page": {`Promise.all([...Array(60).keys()].map(i => new Promise(done => {
			const style = Object.assign(document.createElement("link"), {rel: "stylesheet", href: "/portal.css?" + i, onload: done})
			document.head.append(style)
		})))`, "bytes with all that it loads"},
	} {
		t.Run(name, func(t *testing.T) {
			v := s.open(t)
			v.goes("/signin")
			if wrongs, _ := v.told(); len(wrongs) > 0 {
				t.Fatal(wrongs)
			}
			v.do(chromedp.Evaluate[chromedp.Void](c.script, chromedp.EvalAwaitPromise))
			wrongs := v.audit("")
			if !strings.Contains(strings.Join(wrongs, "\n"), c.want) {
				t.Errorf("the audit does not find %q, but %q", c.want, wrongs)
			}
		})
	}
}
