package faults

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

// promised is what the program has acknowledged so far.
type promised struct {
	mu       sync.Mutex
	events   map[string]act.Receipt    // by the event's id
	versions map[string]record.Version // by reference and version
	sent     int                       // names the next event and record
}

func (p *promised) name(prefix string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	return fmt.Sprintf("%s-%06d", prefix, p.sent)
}

func (p *promised) event(id string, receipt act.Receipt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events[id] = receipt
}

func (p *promised) version(v record.Version) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.versions[fmt.Sprintf("%s@%d", v.Ref(), v.Version)] = v
}

func TestKillLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		rounds, longRounds int
		url                func(testing.TB) string
	}{
		"sqlite":   {50, 1000, func(testing.TB) string { return "" }},
		"postgres": {10, 100, storetest.Postgres},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rounds := test.rounds
			if long {
				rounds = test.longRounds
			}
			killAgainAndAgain(t, data(t, test.url(t)), rounds)
		})
	}
}

// killAgainAndAgain works on a folder in one of three ways, kills the program
// at some point, and looks at what is left.
func killAgainAndAgain(t *testing.T, dir string, rounds int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var made struct{ Token string }
	if err := json.Unmarshal([]byte(must(t, dir, "--json", "token", "create", "--role", "administrator")), &made); err != nil {
		t.Fatal(err)
	}
	p := &promised{events: map[string]act.Receipt{}, versions: map[string]record.Version{}}
	acknowledged := map[string]int{}
	for round := range rounds {
		before := len(p.events) + len(p.versions)
		// Until a way has acknowledged something, it is let come that far.
		way := []string{"pipe", "serve", "serve", "pipe", "commands"}[round%5]
		far := acknowledged[way] == 0
		switch way {
		case "pipe":
			killAppend(t, dir, random, p, far)
		case "commands":
			killCommands(t, dir, random, p, far)
		case "serve":
			killServe(t, dir, made.Token, random, p, far)
		}
		acknowledged[way] += len(p.events) + len(p.versions) - before
		if r := scaf(t, dir, "ledger", "verify"); r.code != 0 {
			t.Fatalf("round %d (%s): the folder does not verify: exit %d: %s", round, way, r.code, r.err)
		}
		if round%10 == 9 || round == rounds-1 {
			check(t, dir, p)
		}
		if t.Failed() {
			t.Fatalf("round %d (%s)", round, way)
		}
	}
	t.Logf("acknowledged before the kills: %v", acknowledged)
	for way, n := range acknowledged {
		if n == 0 {
			t.Errorf("nothing was ever acknowledged by way of %s: the test tests nothing", way)
		}
	}
}

// check compares everything that was promised with what is there.
func check(t *testing.T, dir string, p *promised) {
	t.Helper()
	s := open(t, dir, surface.Read)
	defer closeSystem(t, s)
	there := map[string]*ledger.Event{}
	if err := ledger.Find(context.Background(), s.DB, ledger.Query{Type: "com.example.happened"}, func(e *ledger.Event) error {
		if there[e.ID] != nil {
			t.Errorf("the event %s is there twice", e.ID)
		}
		there[e.ID] = e
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for id, receipt := range p.events {
		e := there[id]
		if e == nil || e.Index != receipt.Index || e.LeafHash != receipt.LeafHash {
			t.Errorf("the event %s was acknowledged with %+v, in the ledger is %+v", id, receipt, e)
		}
		if receipt.Size <= receipt.Index {
			t.Errorf("the receipt %+v is of a checkpoint without its event", receipt)
		}
	}
	if err := s.DB.Read(context.Background(), func(r *store.Reader) error {
		for name, want := range p.versions {
			history, err := record.History(r, want.Kind, want.ID)
			if err != nil || len(history) < want.Version {
				t.Errorf("%s was acknowledged, there are %d versions (%v)", name, len(history), err)
				continue
			}
			if got := history[want.Version-1]; got.From != want.From || !bytes.Equal(got.Doc, want.Doc) {
				t.Errorf("%s was acknowledged from event %d as %s, there is one from event %d: %s", name, want.From, want.Doc, got.From, got.Doc)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// soon is a moment within a process's life: often while it starts or has just
// begun to answer.
func soon(random *rand.Rand) time.Duration {
	return time.Duration(random.Int64N(int64(100 * time.Millisecond)))
}

// killAppend feeds events into a pipe, reads the receipts as they come, and
// kills the program after some of them, or some time.
func killAppend(t *testing.T, dir string, random *rand.Rand, p *promised, far bool) {
	t.Helper()
	command := exec.Command(program, "--dir", dir, "ledger", "append", "-")
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaint bytes.Buffer
	command.Stderr = &complaint
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ids := make(chan string, 1<<20)
	var wait sync.WaitGroup
	bursts := rand.New(rand.NewPCG(random.Uint64(), 2))
	wait.Go(func() { // ends when the pipe breaks
		for {
			var burst strings.Builder
			for range 1 + bursts.IntN(40) {
				id := p.name("pipe")
				ids <- id
				burst.WriteString(event(id, bursts.IntN(3000)) + "\n")
			}
			if _, err := io.WriteString(in, burst.String()); err != nil {
				return
			}
		}
	})
	enough := make(chan struct{})
	limit := random.IntN(400)
	wait.Go(func() {
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			var receipt act.Receipt
			if json.Unmarshal(lines.Bytes(), &receipt) != nil {
				continue // cut by the kill
			}
			if p.event(<-ids, receipt); n == limit {
				close(enough)
			}
		}
	})
	if random.IntN(4) == 0 && !far {
		time.Sleep(soon(random)) // in its start
	} else {
		<-enough
		time.Sleep(soon(random) / 20)
	}
	kill(t, command)
	_ = in.Close()
	wait.Wait()
	if complaint.Len() > 0 {
		t.Errorf("it complained before it was killed: %s", complaint.String())
	}
}

// kill ends the program as the kernel does, and waits until it has ended.
func kill(t *testing.T, command *exec.Cmd) {
	t.Helper()
	if err := command.Process.Kill(); err != nil {
		t.Errorf("it had ended before it was killed: %v", err)
	}
	_ = command.Wait() // killed
}

// killCommands runs small commands one after the other and kills one of them.
func killCommands(t *testing.T, dir string, random *rand.Rand, p *promised, far bool) {
	t.Helper()
	n := random.IntN(3)
	if far {
		n = max(n, 1)
	}
	for ; n >= 0; n-- {
		id := p.name("command")
		for _, args := range [][]string{
			{"record", "add", "changes", "id=" + id, "title=A change", `author={"name":"Alex"}`, "merged_at=2026-03-02T09:00:00Z"},
			{"record", "set", "change/" + id, "note=" + strings.Repeat("n", random.IntN(2000)+1)},
		} {
			var out bytes.Buffer
			command := exec.Command(program, append([]string{"--dir", dir, "--json"}, args...)...)
			command.Stdout = &out
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				time.Sleep(soon(random))
				_ = command.Process.Kill() // it may be done already
			}
			if err := command.Wait(); err != nil && n > 0 {
				t.Fatalf("%v: %v", args, err)
			}
			var v record.Version
			if json.Unmarshal(out.Bytes(), &v) == nil {
				p.version(v)
			} else if n == 0 {
				return // the record may not be there to be changed
			}
		}
	}
}

// killServe kills a server that several clients send events and changes to.
func killServe(t *testing.T, dir, token string, random *rand.Rand, p *promised, far bool) {
	t.Helper()
	command := exec.Command(program, "--dir", dir, "serve", "--listen", "127.0.0.1:0")
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(strings.TrimPrefix(first, "listening on "))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	// ask sends a request and decodes the answer; false when there was none.
	ask := func(method, path, contentType, etag, body string, into any) bool {
		request, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return false
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", contentType)
		if etag != "" {
			request.Header.Set("If-Match", etag)
		}
		response, err := client.Do(request)
		if err != nil {
			return false // killed
		}
		defer func() { _ = response.Body.Close() }()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			return false
		}
		if response.StatusCode >= 300 {
			t.Errorf("%s %s: %d %s", method, path, response.StatusCode, answer)
			return false
		}
		if err := json.Unmarshal(answer, into); err != nil {
			t.Error(err)
			return false
		}
		return true
	}
	var wait sync.WaitGroup
	var answers sync.WaitGroup // the first of each client
	for w := range 6 {
		answers.Add(1)
		wait.Go(func() {
			once := sync.OnceFunc(answers.Done)
			defer once()
			for {
				switch w % 3 {
				case 0:
					id := p.name("single")
					var receipt act.Receipt
					if !ask("POST", "/v1/events", "application/cloudevents+json", "", event(id, 1000), &receipt) {
						return
					}
					p.event(id, receipt)
				case 1:
					var ids, batch []string
					for range 20 {
						id := p.name("batch")
						ids, batch = append(ids, id), append(batch, event(id, 300))
					}
					var receipts []act.Receipt
					if !ask("POST", "/v1/events", "application/cloudevents-batch+json", "", "["+strings.Join(batch, ",")+"]", &receipts) {
						return
					}
					for i, id := range ids {
						p.event(id, receipts[i])
					}
				case 2:
					var v record.Version
					body := fmt.Sprintf(`{"id":%q,"title":"A change","author":{"name":"Alex"},"merged_at":"2026-03-02T09:00:00Z"}`, p.name("served"))
					if !ask("POST", "/v1/records/changes", "application/json", "", body, &v) {
						return
					}
					p.version(v)
					for n := range 3 {
						etag := fmt.Sprintf(`"%d"`, v.Version)
						var next record.Version
						if !ask("PATCH", "/v1/records/changes/"+v.ID, "application/merge-patch+json", etag, fmt.Sprintf(`{"note":"%d"}`, n), &next) {
							return
						}
						p.version(next)
						v = next
					}
				}
				once()
			}
		})
	}
	if random.IntN(3) > 0 || far {
		answers.Wait()
	}
	time.Sleep(soon(random))
	kill(t, command)
	wait.Wait()
}
