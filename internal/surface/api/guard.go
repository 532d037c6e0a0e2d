package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/webhook"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
	"scaf.dev/scaf/internal/trust/ledger"
)

// guard is the multiplexer that every route is registered at. Before a handler
// is called the guard has found out who asks, asked whether they may, and set
// limits and headers.
type guard struct {
	server *Server
	mux    *http.ServeMux
}

type contextKey struct{}

// request is what handlers know of the request beside its parameters.
type request struct {
	*http.Request
	writer http.ResponseWriter
	caller act.Caller
	route  route

	// Of signed routes: the message.
	message string
	body    []byte
}

func requestOf(ctx context.Context) *request {
	r, ok := ctx.Value(contextKey{}).(*request)
	if !ok {
		panic("api: a handler without the guard")
	}
	return r
}

func callerOf(ctx context.Context) act.Caller { return requestOf(ctx).caller }

// HandleFunc implements humago.Mux. It panics for a route that is not in the
// table, so that nothing can be asked without an action.
func (g *guard) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	line, ok := byPattern(pattern)
	if !ok {
		panic("api: the route " + pattern + " is not in the table")
	}
	g.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), g.server.Timeouts.Request)
		defer cancel()
		asked := &request{writer: w, route: line}
		asked.Request = r.WithContext(context.WithValue(ctx, contextKey{}, asked))
		var err error
		if asked.caller, err = g.admit(asked); err != nil {
			g.server.refuse(w, r, line, err)
			return
		}
		handler(w, asked.Request)
	})
}

// admit finds out who asks and whether they may.
func (g *guard) admit(r *request) (act.Caller, error) {
	if r.route.action == open {
		return act.Caller{}, nil
	}
	if r.route.signed {
		return g.signed(r)
	}
	s := g.server.System
	caller, err := g.authenticate(r)
	if err != nil && !errors.Is(err, access.ErrToken) {
		return caller, err
	}
	action, ref := r.route.action, strings.TrimPrefix(r.route.path, "/v1/")
	register := r.PathValue("register")
	kind, unknown := s.Kinds.Find(register)
	if register != "" && unknown == nil {
		action, ref = r.route.of(kind), kind.Register
		if id := r.PathValue("id"); id != "" {
			ref = kind.Name + "/" + id
		}
	}
	if caller.Anonymous() { // counted, and never allowed
		_ = s.Allow(r.Context(), caller, action, ref)
		return caller, unauthenticated()
	}
	if register != "" && unknown != nil {
		return caller, unknown
	}
	return caller, s.Allow(r.Context(), caller, action, ref)
}

// signed reads a message whose signature says who sent it. What is wrong with it
// stands in the log: the sender learns that it was not taken.
func (g *guard) signed(r *request) (caller act.Caller, err error) {
	s := g.server.System
	err = webhook.ErrUnsigned
	if r.Header.Get("Webhook-Signature") != "" {
		if _, r.body, err = readBody(r); err != nil {
			return caller, err
		}
		r.message, err = s.VerifyHRIS(r.Header, r.body)
	}
	if errors.Is(err, webhook.ErrUnsigned) || errors.Is(err, surface.ErrNoHRIS) {
		g.server.Log.Warn("a webhook was not taken", "route", r.route.pattern(), "reason", err)
		_ = s.Allow(r.Context(), caller, r.route.action, strings.TrimPrefix(r.route.path, "/v1/")) // counted, and never allowed
		return caller, problem(http.StatusUnauthorized, "unauthenticated", "this takes messages that are signed as Standard Webhooks says, with a secret that both sides know, and not more than five minutes old").
			with("WWW-Authenticate", `Webhook realm="scaf"`)
	}
	if err != nil {
		return caller, err
	}
	caller = act.JobCaller(surface.PeopleJob)
	return caller, s.Allow(r.Context(), caller, r.route.action, surface.PeopleJob)
}

// authenticate returns the caller that the request's token stands for, or, where
// nothing is changed, the session of a browser. In a demonstration, where nothing
// is real, whoever shows neither is a visitor. The token is looked up each time,
// so that a revoked one ends at once.
func (g *guard) authenticate(r *request) (act.Caller, error) {
	header := r.Header.Get("Authorization")
	if header == "" && r.Method == http.MethodGet { // what changes nothing may follow a link from a page
		if session, err := g.server.System.SessionOf(r.Request); err == nil && !session.Account.OneTime { // who has not chosen a password yet does so first
			return session.Caller(), nil
		} else if err != nil && !errors.Is(err, accounts.ErrSession) {
			return act.Caller{}, err
		}
	}
	demo := strings.HasPrefix(g.server.System.Config.Origin, ledger.DemoOrigin)
	if header == "" && demo && access.Roles.Authorize(access.Visitor, r.route.action, "") == nil {
		return access.Visitor, nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return act.Caller{}, access.ErrToken
	}
	var caller act.Caller
	s := g.server.System
	err := s.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		caller, err = access.Authenticate(reader, strings.TrimSpace(token), s.Clock.Now())
		return err
	})
	return caller, err
}

// ServeHTTP is the outermost layer: headers, metrics, panics, and answers for
// what is not there.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := g.server.System.Clock.Now()
	answer := &answer{ResponseWriter: w}
	handler, pattern := g.mux.Handler(r)
	if pattern == "" {
		pattern = "none"
	}
	defer func() {
		if p := recover(); p != nil {
			g.panicked(answer, r, pattern, p)
		}
		g.server.observe(pattern, answer.status, g.server.System.Clock.Now().Sub(begin))
	}()
	secure(w.Header(), r)
	if pattern == "none" && g.server.Pages != nil && !strings.HasPrefix(r.URL.Path, "/v1/") {
		pattern = "pages" // whatever the path and the method are: there is no end of those
		g.server.Pages.ServeHTTP(answer, r)
		return
	}
	if pattern == "none" {
		g.absent(answer, r, handler)
		return
	}
	g.mux.ServeHTTP(answer, r)
}

// secure sets the headers that every answer has. Pages widen the policy by what
// they are made of.
func secure(h http.Header, r *http.Request) {
	if surface.OverTLS(r) { // from now on the browser asks in no other way, for a year
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// absent answers for a path or method that is not there, as http.ServeMux
// would, as a problem.
func (g *guard) absent(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	dry := &dryRun{header: http.Header{}}
	handler.ServeHTTP(dry, r)
	if dry.status == http.StatusMethodNotAllowed {
		allow := dry.header.Get("Allow")
		problem(http.StatusMethodNotAllowed, "method_not_allowed", "%s takes %s", r.URL.Path, allow).with("Allow", allow).write(w)
		return
	}
	problem(http.StatusNotFound, "not_found", "there is nothing at this path: see /openapi.json").write(w)
}

// panicked ends a request whose handler panicked.
func (g *guard) panicked(w *answer, r *http.Request, pattern string, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	g.server.Log.Error("a handler panicked", "route", pattern, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.status == 0 {
		problem(http.StatusInternalServerError, "internal", "something went wrong on the server's side").write(w)
		return
	}
	_ = r.Body.Close()
	panic(http.ErrAbortHandler) // half an answer must not look like a whole one
}

// refuse answers with what is wrong, and logs what is wrong with the server.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, line route, err error) {
	s.explain(r.Context(), line, err).write(w)
}

// explain is the package's explain with a line in the log for what the outside
// does not learn.
func (s *Server) explain(ctx context.Context, line route, err error) *Problem {
	p := explain(err)
	if p.Status >= http.StatusInternalServerError && !errors.Is(context.Cause(ctx), context.Canceled) {
		s.Log.Error("a request failed", "route", line.pattern(), "status", p.Status, "error", err)
	}
	return p
}

// answer notes the status of an answer.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *answer) Write(data []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// dryRun takes an answer that nobody gets.
type dryRun struct {
	header http.Header
	status int
}

func (d *dryRun) Header() http.Header            { return d.header }
func (d *dryRun) Write(data []byte) (int, error) { return len(data), nil }
func (d *dryRun) WriteHeader(status int)         { d.status = status }

// observe counts a request.
func (s *Server) observe(pattern string, status int, took time.Duration) {
	method, path, _ := strings.Cut(pattern, " ")
	s.durations.WithLabelValues(method, path, strconv.Itoa(status)).Observe(took.Seconds())
}
