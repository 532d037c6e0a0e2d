// Package api is the HTTP API: events in and out, proofs, records, health and
// metrics. Handlers read their parameters, act through the door and render;
// who asks and whether they may is the guard's, from one table (routes.go).
package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/internal/surface"
)

// Timeouts bound how long a client may keep a connection busy.
type Timeouts struct {
	Header  time.Duration // until the request's header is there
	Read    time.Duration // until its body is there
	Write   time.Duration // until the answer is written, from the header on
	Idle    time.Duration // between two requests
	Request time.Duration // for a handler's reading of the database
}

// DefaultTimeouts are those of scaf serve.
var DefaultTimeouts = Timeouts{Header: 10 * time.Second, Read: time.Minute, Write: 2 * time.Minute, Idle: 2 * time.Minute, Request: time.Minute}

// Server is the HTTP API of an open folder. Make it with New.
type Server struct {
	System   *surface.System
	Log      *slog.Logger
	Timeouts Timeouts
	// Pages answers for every path that is not the API's; nil: nothing does.
	Pages http.Handler

	api       huma.API
	guard     *guard
	durations *prometheus.HistogramVec
	metrics   http.Handler
}

// New returns the API of a system that is open for writing. The collectors'
// metrics are served beside its own.
func New(s *surface.System, log *slog.Logger, timeouts Timeouts, collectors ...prometheus.Collector) (*Server, error) {
	humaErrors()
	server := &Server{System: s, Log: log, Timeouts: timeouts}
	server.guard = &guard{server: server, mux: http.NewServeMux()}
	if err := server.prepareMetrics(collectors); err != nil {
		return nil, err
	}
	c := huma.DefaultConfig("SCAF", s.Version)
	c.Info.Description = "Events, proofs and records of an organisation's security controls."
	// No page that loads from other hosts, no $schema in answers.
	c.DocsPath, c.SchemasPath, c.OpenAPIPath, c.CreateHooks = "", "", "", nil
	c.RejectUnknownQueryParameters = true
	c.Components.Schemas = newRegistry(s.Kinds)
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":     {Type: "http", Scheme: "bearer", Description: "A token of scaf token create"},
		"signature": {Type: "apiKey", In: "header", Name: "webhook-signature", Description: "Standard Webhooks 1.0.0: with webhook-id and webhook-timestamp"},
	}
	server.api = humago.New(server.guard, c)
	server.registerEvents()
	server.registerLedger()
	server.registerRecords()
	server.registerAttached()
	server.registerHRIS()
	server.registerAssurance()
	server.registerEvidence()
	server.registerVersions()
	server.registerJudgments()
	server.registerPeriods()
	return server, server.registerService()
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.guard.ServeHTTP(w, r) }

// Serve answers on the listener until the context ends, then takes no more
// connections, finishes the requests that are under way, for at most the given
// time, and returns.
func (s *Server) Serve(ctx context.Context, listener net.Listener, grace time.Duration) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.Timeouts.Header,
		ReadTimeout:       s.Timeouts.Read,
		WriteTimeout:      s.Timeouts.Write,
		IdleTimeout:       s.Timeouts.Idle,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(limited); err != nil {
		s.Log.Warn("requests were cut off", "after", grace)
		_ = server.Close() // their callers see a broken connection
	}
	if err := <-stopped; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// register makes a handler of a route. Its errors are explained in one place.
func register[In, Out any](s *Server, id string, handler func(ctx context.Context, in *In) (*Out, error)) {
	line := find(id)
	huma.Register(s.api, operation(line), func(ctx context.Context, in *In) (*Out, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, s.explain(ctx, line, err)
		}
		return out, nil
	})
}

// rawBody answers with bytes as they are.
type rawBody struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// jsonBody renders a value, for answers whose form depends on the request.
func jsonBody(value any) (*rawBody, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return &rawBody{jsonType, append(data, '\n')}, nil
}
