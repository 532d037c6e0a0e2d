package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/surface/api"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// What has been acknowledged when the server is told to stop is in the ledger
// afterwards, and whoever was under way gets an answer.
func TestAStopUnderLoadLosesNothing(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		c, stop := serve(t, f, api.DefaultTimeouts)
		token, _ := f.Token(t, "ingester", time.Hour)
		var mu sync.Mutex
		acknowledged := map[string]act.Receipt{}
		enough := make(chan struct{})
		var writers sync.WaitGroup
		for w := range 8 {
			writers.Go(func() {
				for i := 0; ; i++ {
					id := fmt.Sprintf("w%d-%d", w, i)
					g, err := c.try(ask{"POST", "/v1/events", token, document(id), []string{"Content-Type: " + eventType}})
					if err != nil {
						// Refused before it was read, or an idle connection that was closed.
						if !slices.ContainsFunc([]string{"refused", "closed idle connection", "EOF", "reset"}, func(end string) bool { return strings.Contains(err.Error(), end) }) {
							t.Errorf("a request ended oddly: %v", err)
						}
						return
					}
					if g.status != http.StatusCreated {
						t.Errorf("%d %s", g.status, g.body)
						return
					}
					var receipt act.Receipt
					g.into(t, &receipt)
					mu.Lock()
					acknowledged[id] = receipt
					if len(acknowledged) == 100 {
						close(enough)
					}
					mu.Unlock()
				}
			})
		}
		within(t, enough, "no 100 events were acknowledged")
		stop()
		writers.Wait()
		f.Reopen(t)
		for id, receipt := range acknowledged {
			if got := f.Append(t, ledgertest.Event(id, nil))[0]; got.Index != receipt.Index || got.LeafHash != receipt.LeafHash {
				t.Fatalf("%s was acknowledged as %+v and is %+v", id, receipt, got)
			}
		}
		if _, err := f.Verify(t.Context(), nil, nil); err != nil {
			t.Error(err)
		}
	})
}

func dial(t *testing.T, c *client) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// A client that sends its request byte by byte, or its body never, does not
// keep a connection for longer than the limits.
func TestSlowClientsAreCutOff(t *testing.T) {
	f := apptest.New(t, config.Config{})
	timeouts := api.DefaultTimeouts
	timeouts.Header, timeouts.Read = 200*time.Millisecond, 400*time.Millisecond
	c, _ := serve(t, f, timeouts)
	token, _ := f.Token(t, "ingester", time.Hour)

	header := dial(t, c)
	if _, err := io.WriteString(header, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, header); err != nil { // until the server closes it
		t.Errorf("half a header kept the connection: %v", err)
	}

	body := dial(t, c)
	if _, err := fmt.Fprintf(body, "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: 1000\r\n\r\n{", token, eventType); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(body), nil)
	if err != nil {
		t.Fatalf("half a body kept the connection: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusRequestTimeout {
		t.Errorf("status %d", response.StatusCode)
	}
}

// Who has no token cannot make the server read a body.
func TestNobodysBodyIsNotRead(t *testing.T) {
	f := apptest.New(t, config.Config{})
	c, _ := serve(t, f, api.DefaultTimeouts)
	conn := dial(t, c)
	if _, err := fmt.Fprintf(conn, "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 60000000\r\n\r\n", batchType); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("status %d", response.StatusCode)
	}
}

// A body of unknown length is cut off at the limit, and a declared one that is
// too large is refused at once.
func TestOversizedBodiesAreRefused(t *testing.T) {
	f := apptest.New(t, config.Config{})
	c, _ := serve(t, f, api.DefaultTimeouts)
	token, _ := f.Token(t, "ingester", time.Hour)
	for name, body := range map[string]io.Reader{
		"chunked":  io.LimitReader(endless{}, 1<<20+1),
		"declared": strings.NewReader(strings.Repeat(" ", 1<<20+1)),
	} {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, c.base+"/v1/events", body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", eventType)
		request.Header.Set("Expect", "100-continue") // so that the answer can come first
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d", name, response.StatusCode)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}
