package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/surface/api"
)

const (
	eventType = "application/cloudevents+json"
	batchType = "application/cloudevents-batch+json"
)

// client talks to a server over a real listener.
type client struct {
	t    testing.TB
	base string
	log  *logBuffer
}

// logBuffer is a log that may be read while it is written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// serve serves the folder until the test ends, or stop is called.
func serve(t testing.TB, f *apptest.Folder, timeouts api.Timeouts) (c *client, stop func()) {
	t.Helper()
	c = &client{t: t, log: &logBuffer{}}
	server, err := api.New(f.System, slog.New(slog.NewTextHandler(c.log, nil)), timeouts)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.base = "http://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener, 30*time.Second) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return c, stop
}

// each runs the test on both databases, with a token of each role.
func each(t *testing.T, test func(t *testing.T, f *apptest.Folder, c *client)) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		c, _ := serve(t, f, api.DefaultTimeouts)
		test(t, f, c)
	})
}

// ask is a request; method, path and headers ("Name: value") as they are.
type ask struct {
	method, path, token, body string
	headers                   []string
}

type got struct {
	status int
	header http.Header
	body   []byte
}

func (c *client) do(a ask) got {
	c.t.Helper()
	g, err := c.try(a)
	if err != nil {
		c.t.Fatal(err)
	}
	return g
}

func (c *client) try(a ask) (got, error) {
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
	}
	request, err := http.NewRequestWithContext(context.Background(), a.method, c.base+a.path, body)
	if err != nil {
		return got{}, err
	}
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	for _, header := range a.headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return got{}, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	return got{response.StatusCode, response.Header, data}, err
}

// want checks the status of an answer and, where it is a problem, its code and
// its form.
func (g got) want(t testing.TB, status int, code string) got {
	t.Helper()
	if g.status != status {
		t.Errorf("status %d, want %d: %s", g.status, status, g.body)
		return g
	}
	if code == "" {
		return g
	}
	var p api.Problem
	if err := json.Unmarshal(g.body, &p); err != nil {
		t.Errorf("the problem cannot be read: %v: %s", err, g.body)
	}
	if p.Code != code || p.Type != "urn:scaf:problem:"+code || p.Status != status || p.Title == "" || p.Detail == "" || g.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("problem %+v (%s), want the code %s", p, g.header.Get("Content-Type"), code)
	}
	return g
}

// into decodes the answer.
func (g got) into(t testing.TB, value any) {
	t.Helper()
	if err := json.Unmarshal(g.body, value); err != nil {
		t.Fatalf("%v: %s", err, g.body)
	}
}

// within fails when done is not closed in time; it is for waiting on a peer.
func within(t *testing.T, done <-chan struct{}, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	select {
	case <-done:
	case <-ctx.Done():
		t.Fatal(what)
	}
}
