// Package portal is what people see in a browser: pages made on the server,
// with the same actions, permissions and events as every other surface. They
// work without JavaScript, load nothing from another host, and know who looks
// from a session (trust/accounts).
package portal

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
	"scaf.dev/scaf/internal/trust/ledger"
)

//go:embed pages
var files embed.FS

const (
	maxForm = 1 << 20 // bytes of a form: many times what a record can hold
	maxHeld = 1 << 20 // bytes of an uploaded file that are held in memory
)

// Portal serves the pages of an open folder, as the Pages of an api.Server. Make
// it with New.
type Portal struct {
	System *surface.System
	Log    *slog.Logger
	// Timeout is how long a page may take; New sets a minute.
	Timeout time.Duration

	zone  *time.Location // the organisation's
	mux   *http.ServeMux
	lines map[string]route // of the table, by pattern
	pages map[string]*template.Template
	// others keeps other sites from sending forms, also where there is no session
	// yet whose token a form could carry.
	others *http.CrossOriginProtection

	mu       sync.Mutex
	pressing lastAgenda
	setUp    string // the token of the first account; empty: there is one
}

// New returns the portal of a system that is open for writing.
func New(s *surface.System, log *slog.Logger) (*Portal, error) {
	p := &Portal{System: s, Log: log, Timeout: time.Minute, mux: http.NewServeMux(), lines: map[string]route{}, pages: map[string]*template.Template{}, others: http.NewCrossOriginProtection()}
	var err error
	if p.zone, err = s.Config.Location(); err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "pages/*.html")
	if err != nil {
		return nil, err
	}
	around, err := template.New("frame.html").Funcs(p.functions()).Funcs(p.wording()).ParseFS(files, "pages/frame.html", "pages/parts.html", "pages/parts/*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if name == "pages/frame.html" || name == "pages/parts.html" {
			continue
		}
		page, err := around.Clone()
		if err == nil {
			page, err = page.ParseFS(files, name)
		}
		if err != nil {
			return nil, err
		}
		p.pages[strings.TrimSuffix(strings.TrimPrefix(name, "pages/"), ".html")] = page
	}
	for _, line := range table {
		p.mux.HandleFunc(line.pattern(), p.guarded(line))
		p.lines[line.pattern()] = line
	}
	for _, name := range []string{"portal.css", "portal.js", "icon.svg"} {
		p.mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, files, "pages/"+name)
		})
	}
	return p, nil
}

// SetUp is the path at which the first account is made, with a token that is
// known to nobody else; empty when there is an account.
func (p *Portal) SetUp(ctx context.Context) (string, error) {
	var some bool
	if err := p.System.DB.Read(ctx, func(r *store.Reader) (err error) {
		some, err = accounts.Any(r)
		return err
	}); err != nil || some {
		return "", err
	}
	random := make([]byte, 24)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setUp = base64.RawURLEncoding.EncodeToString(random)
	return "/setup?token=" + p.setUp, nil
}

// maySetUp reports whether a token is that of the first account.
func (p *Portal) maySetUp(token string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.setUp != "" && subtle.ConstantTimeCompare([]byte(p.setUp), []byte(token)) == 1
}

func (p *Portal) doneSettingUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setUp = ""
}

// request is what a page is made for.
type request struct {
	*http.Request
	portal   *Portal
	session  *accounts.Session // nil: nobody is signed in
	caller   act.Caller
	kind     *record.Kind    // of the register that the address names
	controls map[string]bool // ids of those that there are, once a page has come to one
	// names are what people call the records that the page names, by their references;
	// of those of unnamed nobody has read them yet.
	names   map[string]string
	left    map[string]string // of people among them who have left, since when
	told    string            // a person whom the page names to whoever reads it
	unnamed map[*record.Kind][]string
	// readings is how many more times names are read one after the other; negative: as often as asked.
	readings int
	once     context.Context   // in which what the form asks for is done once
	wish     string            // its key
	held     *held             // why what was sent is not taken, where it is shown again
	begun    bool              // what was sent has come to what takes it
	lists    map[string]string // where in the page the records of a kind stand that fields can name
	scale    *risks.Scale      // in force, once a form has asked for it
	// overtaken are the fields that were changed in a form whose record has moved on
	// since; nil: it has not, and the form says everything.
	overtaken map[string]json.RawMessage
}

// may reports whether whoever asks is allowed to do something; a denial is not
// recorded: it decides what a page offers.
func (r *request) may(action string) bool {
	return !r.caller.Anonymous() && access.Roles.Authorize(r.caller, action, "") == nil
}

// typed reports whether a form that is shown again holds what was sent of a field: of
// one that was overtaken, what its sender changed.
func (r *request) typed(field string) bool {
	_, changed := r.overtaken[field]
	return r.Method == http.MethodPost && (r.overtaken == nil || changed)
}

// shown is a page with what it needs.
type shown struct {
	page   string // its template
	away   bool   // nobody can be told whether somebody is signed in
	title  string
	status int // 200 when 0
	data   any
	to     string        // or: where to go instead
	file   io.ReadCloser // or: a file to be saved, under a name
	name   string
	cookie *http.Cookie
	next   *http.Request // or: whose answer it is
}

// guarded is the handler of a route: it finds out who asks and whether they may
// before it calls what makes the page.
func (p *Portal) guarded(line route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), p.Timeout)
		defer cancel()
		asked := &request{Request: r.WithContext(ctx), portal: p, readings: -1}
		defer asked.forget()
		page, err := p.admit(w, asked, line)
		switch {
		case err != nil || page != nil:
		case asked.held != nil:
			page, err = line.again(p, asked)
		default:
			asked.begun = true
			page, err = line.make(p, asked)
		}
		var done *act.RepeatedError
		if errors.As(err, &done) {
			page, err = &shown{to: p.came(asked, done)}, nil
		}
		if isAway(err) && !errors.Is(err, act.ErrDenied) {
			p.Log.Error("a page failed", "route", line.pattern(), "error", err)
			page = p.away(w, asked, line, err)
		} else if err != nil {
			if asked.held != nil && !errors.Is(err, act.ErrDenied) {
				err = asked.held // there is nothing to show it with
			}
			page = p.explain(line, err)
			if text, ok := page.data.(string); ok {
				page.data = asked.says(text)
			}
		} else if asked.held != nil {
			page.status = asked.held.status
		}
		if page.to != "" && page.cookie == nil {
			if page.cookie, err = p.recorded(asked); err != nil {
				p.Log.Error("what came of a form was not read", "error", err) // it was done
			}
		}
		if page.next != nil {
			http.SetCookie(w, page.cookie)
			p.mux.ServeHTTP(w, page.next)
			return
		}
		p.show(w, asked, page)
	}
}

// admit says who asks. It gives the page that is shown instead, where they may not.
func (p *Portal) admit(w http.ResponseWriter, r *request, line route) (*shown, error) {
	if goesOn, ok := r.Context().Value(resumptionKey{}).(*resumption); ok {
		return nil, p.goOn(r, line, goesOn)
	}
	if r.Method == http.MethodPost {
		if err := p.others.Check(r.Request); err != nil {
			return nil, errForeign
		}
	}
	session, err := p.System.SessionOf(r.Request)
	switch {
	case err == nil:
		r.session, r.caller = session, session.Caller()
	case line.action == open && r.Method == http.MethodPost && isAway(err):
		// its own form says so
	case !errors.Is(err, accounts.ErrSession):
		return nil, err
	}
	if line.action == open {
		if err := r.read(w, line); err != nil || r.held == nil {
			return nil, err
		}
		return nil, r.held
	}
	kind, action := p.action(line, r.PathValue("register"))
	r.kind = kind
	if demo := strings.HasPrefix(p.System.Config.Origin, ledger.DemoOrigin); r.session == nil && demo && access.Roles.Authorize(access.Visitor, action, "") == nil {
		r.caller = access.Visitor
	}
	if r.caller.Anonymous() {
		if done, err := p.sentTwice(w, r, line); done != nil || err != nil {
			return done, err
		}
		if err := p.System.Allow(r.Context(), r.caller, action, line.path); err == nil || r.Method != http.MethodGet {
			if line.again == nil {
				return nil, accounts.ErrSession // before anything that was sent is read
			}
			if err := r.readFields(w, line); err != nil {
				return nil, err
			}
			r.held = nil // what fits is kept
			return signInFirst(r), nil
		}
		to := "/signin"
		if r.URL.Path != "/" {
			to += "?to=" + url.QueryEscape(r.URL.RequestURI())
		}
		return &shown{to: to}, nil
	}
	if r.session != nil && r.session.Account.OneTime && !strings.HasPrefix(line.path, accountPath) && line.path != "/signout" {
		to := accountPath
		if r.Method == http.MethodGet && r.URL.Path != "/" {
			to += "?to=" + url.QueryEscape(r.URL.RequestURI())
		}
		return &shown{to: to}, nil
	}
	if err := r.read(w, line); err != nil {
		return nil, err
	}
	if err := r.mark(); err != nil {
		return nil, err
	}
	if r.Method == http.MethodPost && (r.session == nil || !r.session.SentBy(r.formPart(0))) {
		if done, err := p.sentTwice(w, r, line); done != nil || err != nil {
			return done, err
		}
		if line.again == nil || r.session == nil {
			return nil, errForeign
		}
		if r.held == nil {
			r.held = heldForeign
		}
	}
	if r.held != nil && line.again == nil {
		return nil, r.held
	}
	if line.path == homePath && !r.may(action) { // whoever goes to the portal asks for no page of it
		return &shown{to: landing(r.caller, "/")}, nil
	}
	return nil, p.allowed(r, line, action)
}

// goOn lets in whoever has signed in with a form that was kept. It is shown, and not
// taken.
func (p *Portal) goOn(r *request, line route, with *resumption) error {
	if line.again == nil {
		return errNotFound
	}
	r.session, r.caller, r.held = with.session, with.session.Caller(), heldResumed
	kind, action := p.action(line, r.PathValue("register"))
	r.kind = kind
	return p.allowed(r, line, action)
}

// subject is what a refusal is recorded of: the record or the register that was asked
// for, elsewhere the page's address.
func (r *request) subject(line route) string {
	id, ref := r.PathValue("id"), r.URL.Path
	switch {
	case r.kind != nil && id != "":
		ref = r.kind.Name + "/" + id
	case r.kind != nil:
		ref = r.kind.Register
	}
	if len(ref) > maxSubject || strings.ContainsFunc(ref, func(c rune) bool { return !unicode.IsPrint(c) }) {
		return line.path // whoever asks chooses it
	}
	return ref
}

// maxSubject is how many bytes of an address a refusal keeps.
const maxSubject = 200

// allowed refuses who may not do what a route is for, and what there is no form for.
func (p *Portal) allowed(r *request, line route, action string) error {
	if err := p.System.Allow(r.Context(), r.caller, action, r.subject(line)); err != nil {
		return err
	}
	if line.also != "" {
		if err := p.System.Allow(r.Context(), r.caller, line.also, r.subject(line)); err != nil {
			return err
		}
	}
	if strings.Contains(line.path, "{register}") && (r.kind == nil || r.kind.Internal && own(line.action)) {
		return errNotFound // what SCAF keeps for itself is written by commands of its own
	}
	return nil
}

// action is what a route asks for: of a register's pages, that of the register.
// There is no kind where no register is called so.
func (p *Portal) action(line route, register string) (*record.Kind, string) {
	verb, ok := strings.CutPrefix(line.action, kindAction)
	if !ok {
		return nil, line.action
	}
	kind, err := p.System.Kinds.Find(register)
	switch {
	case err != nil || kind.Register != register:
		return nil, "record.read"
	case verb == "read":
		return kind, readAction(kind)
	}
	return kind, kind.Name + "." + verb
}

// own reports whether an action changes the records themselves.
func own(action string) bool {
	return slices.Contains([]string{kindAction + "add", kindAction + "set", kindAction + "move"}, action)
}

// Errors of forms.
var (
	errForeign = errors.New("this form was not sent from a page of this portal, or you have signed in again since: go back, load the page again, and send it once more")
	errForm    = errors.New("the form cannot be read")
)

// explain makes the page of an error.
func (p *Portal) explain(line route, err error) *shown {
	page := &shown{page: "problem", status: http.StatusInternalServerError, title: "Something went wrong", data: "It is written down in the server's log. Try again, and tell whoever runs SCAF if it happens again."}
	var kept *held
	var lacking *access.NotIncludedError
	switch {
	case errors.As(err, &kept):
		page.status, page.title, page.data = kept.status, "The form was not taken", kept.text
	case errors.As(err, &lacking) && allowing(lacking.Action) != "":
		mine := slices.DeleteFunc(slices.Clone(lacking.Roles), func(role string) bool { return role == access.AccountRole })
		page.status, page.title = http.StatusForbidden, "You may not see this"
		page.data = fmt.Sprintf("It is for whoever is %s (%s), and you are %s. Ask one of them.", allowing(lacking.Action), lacking.Action, strings.Join(mine, ", "))
	case errors.Is(err, act.ErrDenied):
		page.status, page.title, page.data = http.StatusForbidden, "You may not see this", err.Error()
	case errors.Is(err, accounts.ErrSession):
		page.status, page.title, page.data = http.StatusUnauthorized, "You are not signed in", "The session has ended, or has not begun. Sign in, and do it again."
	case errors.Is(err, accounts.ErrBusy):
		page.status, page.title, page.data = http.StatusServiceUnavailable, "Too much at once", sentence(err)
	case errors.Is(err, errForeign):
		page.status, page.title, page.data = http.StatusForbidden, "The form was not taken", err.Error()
	case errors.Is(err, record.ErrFilter), errors.Is(err, record.ErrCursor):
		page.status, page.title, page.data = http.StatusBadRequest, "This cannot be listed", sentence(err)
	case errors.Is(err, errForm):
		page.status, page.title, page.data = http.StatusBadRequest, "The form was not taken", err.Error()
	case errors.Is(err, record.ErrNone):
		page.status, page.title, page.data = http.StatusNotFound, "There is no such record", sentence(err)
	case errors.Is(err, errNotFound), errors.Is(err, notifications.ErrNone):
		page.status, page.title, page.data = http.StatusNotFound, "There is nothing here", "The address may have been mistyped, or what was here has another one now."
	default:
		p.Log.Error("a page failed", "route", line.pattern(), "error", err)
	}
	return page
}

// framed is what every page's frame shows. Its methods make the links of a page,
// for the one who reads it.
type framed struct {
	links

	Title        string
	Organization string
	Demo         bool
	Path         string
	Session      *accounts.Session
	Away         bool   // nobody knows whether there is one
	Form         string // what forms carry: the session's token, and what makes them those of this page
	Menu         []entry
	Home         entry  // the first page that the reader may open
	Recorded     *int64 // the event that came of the form before
	Paper        paper
	Data         any
}

// paper is what a printed page says of itself, where nobody sees how it was come by.
type paper struct{ At, Address string }

// printed is the paper of a page that is made now.
func (p *Portal) printed(r *http.Request) paper {
	address := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if surface.OverTLS(r) {
		address.Scheme = "https"
	}
	return paper{"As of " + p.System.Clock.Now().In(p.zone).Format("2006-01-02, 15:04") + " (" + p.zone.String() + ")", address.String()}
}

// entry is a line of the menu.
type entry struct {
	Path, Title string
	Above       bool // the page is one of those below it
}

// show writes a page.
func (p *Portal) show(w http.ResponseWriter, r *request, page *shown) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Referrer-Policy", "same-origin")
	if page.cookie != nil {
		http.SetCookie(w, page.cookie)
	}
	if page.to != "" {
		http.Redirect(w, r.Request, page.to, http.StatusSeeOther)
		return
	}
	if page.file != nil {
		p.send(w, page)
		return
	}
	frame := framed{
		Recorded: r.tells(w),
		links:    links{p, r},
		Title:    page.title, Organization: p.System.Config.Organization, Demo: strings.HasPrefix(p.System.Config.Origin, ledger.DemoOrigin),
		Path: r.URL.Path, Session: r.session, Away: page.away, Paper: p.printed(r.Request), Data: page.data, Home: home(r.caller),
	}
	if r.session != nil {
		frame.Form = r.session.FormToken() + "." + rand.Text()
	}
	for _, line := range table {
		if line.menu != "" && r.may(line.action) {
			frame.Menu = append(frame.Menu, entry{line.path, line.menu, line.path != homePath && strings.HasPrefix(r.URL.Path, line.path+"/")})
		}
	}
	b, err := p.write(r, page.page, &frame)
	if err != nil {
		p.Log.Error("a page cannot be made", "page", page.page, "error", err)
		http.Error(w, "something went wrong on the server's side", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if page.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	if page.status != 0 {
		w.WriteHeader(page.status)
	}
	_, _ = w.Write(b.Bytes()) // whoever asked has gone
}

// write writes a page: it is whole, or it is an error. One that comes to many names, one
// after the other, is written again with all of them, so that they are read together.
func (p *Portal) write(r *request, page string, frame *framed) (b bytes.Buffer, err error) {
	for _, r.readings = range []int{mostReadings, -1} {
		b.Reset()
		if err = p.pages[page].ExecuteTemplate(&b, "frame.html", frame); err != nil || r.readings != 0 || len(r.unnamed) == 0 {
			return b, err
		}
	}
	return b, nil
}

// send sends a file, to be saved and not to be shown.
func (p *Portal) send(w http.ResponseWriter, page *shown) {
	defer func() { _ = page.file.Close() }() // it was read
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": page.name}))
	if _, err := io.Copy(w, page.file); err != nil {
		p.Log.Error("a file was not sent to its end", "error", err)
		panic(http.ErrAbortHandler) // or a part would pass for the whole
	}
}

// policy is what a page may load: a style, a script and pictures of this portal, none
// that stand in the page, and forms that go nowhere else. The other headers are those of every answer
// (api.Server), but for the referrer: a browser says "Origin: null" without one.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP implements http.Handler.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mux.ServeHTTP(w, r)
}
