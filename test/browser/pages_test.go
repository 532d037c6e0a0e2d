package browser

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/surface/portal"
	"scaf.dev/scaf/internal/trust/access"
)

// instances is how many pages of one route are visited, as each role.
const instances = 2

// report is the report of a day: a page that the API serves, without the portal's
// frame.
const report = "/readiness"

// pages knows the portal's routes, to tell which page an address is.
var pages = func() *http.ServeMux {
	mux := http.NewServeMux()
	for _, route := range portal.Routes() {
		mux.Handle(route.Method+" "+route.Path, http.NotFoundHandler())
	}
	mux.Handle("GET "+report, http.NotFoundHandler())
	return mux
}()

// linked is a page that a link leads to. Its route is /r/{register}/{id} for
// /r/risks/RSK-1, whose register is risks.
type linked struct{ path, route, register string }

// page finds the page of a path. What is none of the portal's has no route.
func page(path string) (to linked) {
	request, err := http.NewRequest(http.MethodGet, path, http.NoBody)
	if err != nil {
		return to
	}
	_, pattern := pages.Handler(request)
	if pattern == "GET /" {
		return to
	}
	to.path, to.route = path, strings.TrimSuffix(strings.TrimPrefix(pattern, "GET "), "{$}")
	if parts := strings.Split(request.URL.Path, "/"); strings.Contains(to.route, "/{register}") {
		to.register = parts[2]
	}
	return to
}

// pictured is the name of a route's pictures.
func pictured(route string) string {
	if route == "/" {
		return "overview"
	}
	return strings.NewReplacer("/", "-", "{", "", "}", "").Replace(strings.Trim(route, "/"))
}

// contents is what a page has for the one who looks.
type contents struct {
	Menu, Links, Forms []string
}

const contentsOf = `({
	Menu: [...document.querySelectorAll("header nav a")].map(a => a.getAttribute("href")),
	Links: [...document.querySelectorAll("a[href]")].filter(a => a.origin === location.origin).map(a => a.pathname + a.search),
	Forms: [...document.querySelectorAll("form")].filter(f => f.method === "post").map(f => new URL(f.action).pathname),
})`

// wander visits what somebody reaches by links from the page on which they land,
// and says how many pages of which route: some of each route to which one of them
// leads, of registers that differ. While a route that is sought was not met, it
// visits one page of each route of every register: only some records can be
// changed, say. Which pages come first does not decide what is met.
func (v *tab) wander(sought []string, visit func(path, route string, first bool, c contents)) (visited map[string]int) {
	v.t.Helper()
	visited = map[string]int{}
	known, of := map[string]bool{}, map[linked]int{}
	var open []linked
	add := func(path string) {
		if to := page(path); to.route != "" && !known[path] {
			known[path] = true
			open = append(open, to)
		}
	}
	kin := func(to linked) linked { return linked{route: to.route, register: to.register} }
	for add(v.path()); ; {
		missing := slices.ContainsFunc(sought, func(route string) bool { return visited[route] == 0 })
		open = slices.DeleteFunc(open, func(to linked) bool {
			return visited[to.route] >= instances && (!missing || of[kin(to)] > 0)
		})
		if len(open) == 0 {
			return visited
		}
		next := slices.MinFunc(open, func(a, b linked) int {
			return cmp.Or(cmp.Compare(visited[a.route], visited[b.route]), cmp.Compare(of[kin(a)], of[kin(b)]))
		})
		open = slices.DeleteFunc(open, func(to linked) bool { return to == next })
		visited[next.route]++
		of[kin(next)]++
		status, file := v.opens(next.path)
		if status != http.StatusOK {
			v.t.Errorf("%s is linked, and answered with %d", next.path, status)
		}
		if status != http.StatusOK || file {
			continue
		}
		c := in(v, chromedp.Evaluate[contents](contentsOf))
		visit(next.path, next.route, visited[next.route] == 1, c)
		for _, path := range c.Links {
			add(path)
		}
	}
}

// Each role signs in and finds what it may see: its menu, no link that refuses
// it, and, as an auditor, nothing that changes anything.
func TestEveryRoleFindsItsPages(t *testing.T) {
	t.Parallel()
	s := demonstration(t)
	for _, role := range people() {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			v := s.signs(t, role)
			v.wander(nil, func(path, route string, _ bool, c contents) {
				for _, wrong := range v.behaved() {
					t.Errorf("%s: %s", path, wrong)
				}
				if menu := menu(role); route != report && !slices.Equal(c.Menu, menu) {
					t.Errorf("%s: the menu leads to %q, want %q", path, c.Menu, menu)
				}
				if role == "auditor" {
					for _, form := range c.Forms {
						if !slices.Contains(own, form) && (!strings.HasPrefix(form, "/results/") || !strings.HasSuffix(form, "/audit")) { // what the audit found
							t.Errorf("%s offers an auditor the form %s", path, form)
						}
					}
				}
			})
		})
	}
}

// own are the forms by which people change what is theirs alone.
var own = []string{"/signout", "/account/password", "/inbox/read", "/preferences"}

// menu are the paths of a role's menu, by the tables of routes and roles.
func menu(role string) (paths []string) {
	caller := act.Caller{ID: role, Roles: []string{role, access.AccountRole}}
	for _, route := range portal.Routes() {
		if route.Menu != "" && access.Roles.Authorize(caller, route.Action, "") == nil {
			paths = append(paths, strings.TrimSuffix(route.Path, "{$}"))
		}
	}
	return paths
}

// ofPrograms is what no page says but those of an event, of a query and of a control file: lengths of time and times as programs
// write them, and codes of conclusions and states.
var ofPrograms = regexp.MustCompile(`\b\d+h\d+m\d+s\b|\d{4}-\d\d-\d\dT\d\d:\d\d|\b(?:\d+ predicate|resource-hours|not_occurring|not_tested|effective_with_exceptions|in_force|in_use|in_progress|multi_daily|ad_hoc|not_yet_due)\b`)

// said is what a page says, without code.
const said = `(m => { m.querySelectorAll("pre, code, textarea, svg, .said").forEach(e => e.remove()); return m.textContent })(document.querySelector("main").cloneNode(true))`

// Every page is as it should be: accessible in light and dark, wide and narrow,
// small, and quiet. Its pictures are left in a folder. Each page of the portal
// can be reached by links.
func TestEveryPageIsAsItShouldBe(t *testing.T) {
	t.Parallel()
	s := demonstration(t)
	nobody := s.open(t)
	for _, path := range []string{"/signin", "/nothing"} {
		nobody.goes(path)
		nobody.audited(pictured(path))
	}
	elsewhere := []string{
		"/", "/signin", "/setup", // above, and TestFirstStart
		"/r/{register}/{id}/file/{file}", // the demonstration attaches none
		"/evidence/{id}/file",            // and has no evidence
		"/controls/{id}/deviations",      // its first weeks have none: TestADeviationIsJudgedAndAResultConcluded
		"/results/{id}/deviation",        // the same test audits the page of one
		"/results/{id}/mismatch",         // and TestAMismatchIsExplainedByTwo that of what does not agree
		"/results/{id}/reconciled",       // and the list of it
		"/training/{id}",                 // and its trainings are those of others
		"/agreements/{id}",               // and so are its agreements
		"/import/{register}/{work}",      // of a large table: TestALargeTableIsBroughtIn
		"/self-assessments/open",         // leads on to a page of /open/{register}
	}
	var sought []string
	for _, route := range portal.Routes() {
		if path := strings.TrimSuffix(route.Path, "{$}"); route.Method == http.MethodGet && !slices.Contains(elsewhere, path) {
			sought = append(sought, path)
		}
	}
	v := s.signs(t, "administrator")
	visited := v.wander(sought, func(path, route string, first bool, _ contents) {
		if first {
			v.audited(pictured(route))
		}
		if found := ofPrograms.FindAllString(in(v, chromedp.Evaluate[string](said)), -1); found != nil && !strings.HasPrefix(route, "/ledger") && !strings.HasPrefix(path, "/r/populations/") && !strings.Contains(path, "/versions/") {
			t.Errorf("%s speaks as programs do: %q", path, found)
		}
	})
	for _, path := range sought {
		if visited[path] == 0 {
			t.Errorf("no link leads to a page %s", path)
		}
	}
}

// Pictures of any pages as anybody, for whoever wants to look.
func TestLook(t *testing.T) {
	if *look == "" {
		*look = "/"
	}
	v := demonstration(t).signs(t, *role)
	for path := range strings.SplitSeq(*look, ",") {
		if status := v.goes(path); status != http.StatusOK {
			t.Errorf("%s: status %d", path, status)
		}
		for _, l := range append(slices.Clone(looks), paper) {
			v.see(l)
			v.picture(fmt.Sprintf("look/%s-%s-%s", *role, pictured(path), l.name))
		}
		v.prints(fmt.Sprintf("look/%s-%s", *role, pictured(path)))
		v.see(looks[0])
	}
}
