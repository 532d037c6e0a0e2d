package act_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/ids"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// errFull is what the machine says when it cannot write.
var errFull = fmt.Errorf("%w (a test)", store.ErrFull)

// faultyLog is the real ledger, but for the errors that the test lines up: a
// call takes the next one of its list, nil being none.
type faultyLog struct {
	act.Log
	mu                                sync.Mutex
	begin, known, append, afterAppend []error
}

func (f *faultyLog) next(list *[]error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(*list) == 0 {
		return nil
	}
	err := (*list)[0]
	*list = (*list)[1:]
	return err
}

func (f *faultyLog) Begin(tx *store.Tx, lock bool) (int64, error) {
	if err := f.next(&f.begin); err != nil {
		return 0, err
	}
	return f.Log.Begin(tx, lock)
}

func (f *faultyLog) Known(tx *store.Tx, entries []act.Entry) (map[int]act.Receipt, error) {
	if err := f.next(&f.known); err != nil {
		return nil, err
	}
	return f.Log.Known(tx, entries)
}

func (f *faultyLog) Append(tx *store.Tx, now time.Time, entries []act.Entry) ([]act.Receipt, error) {
	if err := f.next(&f.append); err != nil {
		return nil, err
	}
	receipts, err := f.Log.Append(tx, now, entries)
	if late := f.next(&f.afterAppend); late != nil {
		return nil, late
	}
	return receipts, err
}

// faulty closes the ledger's door and opens another one, which can fail.
// Opening it recovers nothing: the first attempt to do so fails.
func faulty(t *testing.T, l *ledgertest.Ledger) (*act.Door, *faultyLog) {
	t.Helper()
	if err := l.Door.Close(); err != nil {
		t.Fatal(err)
	}
	log := &faultyLog{Log: ledger.NewLog(ledgertest.Origin, l.Signer, l.VerifierKey), begin: []error{errFull}}
	door, err := act.Open(act.Config{DB: l.DB, Log: log, Auth: ledgertest.Everything{}, Clock: l.Clock, IDs: ids.NewSource(), Side: l.Side})
	if err != nil {
		t.Fatal(err)
	}
	log.begin = nil
	return door, log
}

func counted(t *testing.T, door *act.Door) float64 {
	t.Helper()
	var metric dto.Metric
	if err := door.WriteFailures.(prometheus.Metric).Write(&metric); err != nil {
		t.Fatal(err)
	}
	return metric.GetCounter().GetValue()
}

// job writes a row and names an event: the smallest change of state.
func job(key string) func(*act.Tx) error {
	return func(tx *act.Tx) error {
		if err := tx.Enqueue("test", key, nil, tx.Now()); err != nil {
			return err
		}
		_, err := tx.Event(act.Event{Type: "scaf.test.done.v1", Subject: "test/" + key})
		return err
	}
}

func jobKeys(t *testing.T, l *ledgertest.Ledger) (keys []string) {
	t.Helper()
	var key string
	if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
		return r.Each(`SELECT key FROM job ORDER BY key`, nil, []any{&key}, func() error { keys = append(keys, key); return nil })
	}); err != nil {
		t.Fatal(err)
	}
	return keys
}

// Every write that a commit consists of fails twice: before and after it has
// been done, by the machine's fault and by another's. Whatever fails leaves
// nothing; what comes after it is served; the ledger verifies after each step.
func TestEveryCriticalWriteMayFail(t *testing.T) {
	broken := errors.New("broken")
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		ctx := context.Background()
		var wantEvents, wantJobs []string
		n := 0
		for _, cause := range []error{errFull, fmt.Errorf("%w (a test)", store.ErrReadOnly), fmt.Errorf("%w (a test)", store.ErrIO), broken} {
			for point, aim := range map[string]func(*faultyLog) *[]error{
				"begin":        func(f *faultyLog) *[]error { return &f.begin },
				"append":       func(f *faultyLog) *[]error { return &f.append },
				"after append": func(f *faultyLog) *[]error { return &f.afterAppend },
			} {
				door, faults := faulty(t, l)
				for range 2 {
					n++
					id, key := fmt.Sprintf("e%02d", n), fmt.Sprintf("k%02d", n)
					*aim(faults) = []error{cause}
					if _, err := door.Do(ctx, ledgertest.Operator, "test", "test/"+key, job("lost-"+key)); !errors.Is(err, cause) {
						t.Errorf("%s, %v: the change got %v", point, cause, err)
					}
					*aim(faults) = []error{cause}
					_, err := door.Append(ctx, ledgertest.Operator, l.Parse(t, ledgertest.Event(id, n)))
					if !errors.Is(err, cause) || errors.Is(err, act.ErrKept) == errors.Is(cause, broken) {
						t.Errorf("%s, %v: the event got %v", point, cause, err)
					}
					if !errors.Is(cause, broken) {
						wantEvents = append(wantEvents, id) // from the side file
					}
					if _, err := door.Do(ctx, ledgertest.Operator, "test", "test/"+key, job(key)); err != nil {
						t.Errorf("%s, %v: the next change got %v", point, cause, err)
					}
					wantJobs = append(wantJobs, key)
				}
				if got := counted(t, door); got != 4 {
					t.Errorf("%s, %v: the counter is %v, want 4", point, cause, got)
				}
				if err := door.Close(); err != nil {
					t.Error(err)
				}
				verify(t, l)
			}
		}
		l.Reopen(t)
		if got := submitted(t, l); !slices.Equal(got, wantEvents) {
			t.Errorf("the ledger holds %q\nwant %q", got, wantEvents)
		}
		if got := jobKeys(t, l); !slices.Equal(got, wantJobs) {
			t.Errorf("the changes are %q\nwant %q", got, wantJobs)
		}
	})
}

func TestOneBadMemberDoesNotHoldUpItsGroup(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	ctx := context.Background()
	var wait sync.WaitGroup
	large := strings.Repeat("x", 70_000)
	for i := range 40 {
		wait.Go(func() {
			if i%4 == 0 { // its event does not fit into the log: the group's append fails
				_, err := l.Do(ctx, ledgertest.Operator, "test", "test/large", func(tx *act.Tx) error {
					_, err := tx.Event(act.Event{Type: "scaf.test.done.v1", Subject: "test/large", Data: large})
					return err
				})
				if !errors.Is(err, ledger.ErrTooLarge) {
					t.Errorf("got %v, want ErrTooLarge", err)
				}
				return
			}
			if _, err := l.Append(ctx, ledgertest.Operator, l.Parse(t, ledgertest.Event(fmt.Sprint(i), i))); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := len(submitted(t, l)); n != 30 {
		t.Errorf("%d events are stored, want the 30 that fit", n)
	}
	verify(t, l)
}

func TestAnOwnEventNeedsSubjectActorAndType(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	for _, e := range []act.Event{{Type: "scaf.test.done.v1"}, {Type: "com.example.test", Subject: "a/b"}} {
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
			_, err := tx.Event(e)
			return err
		}); err == nil {
			t.Errorf("%+v was taken", e)
		}
	}
}

// cutter is a connection to PostgreSQL that can break at a commit.
type cutter struct {
	t      *testing.T
	listen net.Listener
	server string
	mu     sync.Mutex
	cuts   []string // "before" the server has read the commit, or "after" it has answered
}

func newCutter(t *testing.T, location string) (*cutter, string) {
	t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{t: t, listen: listen, server: u.Host}
	u.Host = listen.Addr().String()
	t.Cleanup(func() { _ = listen.Close() })
	go func() {
		for {
			client, err := listen.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", c.server)
			if err != nil {
				_ = client.Close()
				return
			}
			go c.carry(client, server)
		}
	}()
	return c, u.String()
}

func (c *cutter) arm(cuts ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cuts = cuts
}

func (c *cutter) left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.cuts)
}

// carry passes bytes both ways until a commit comes by that is to be cut.
func (c *cutter) carry(client, server net.Conn) {
	defer func() { _ = client.Close(); _ = server.Close() }()
	answers := make(chan struct{}, 1)
	var hold sync.Mutex // held while the server's answer must not pass
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := server.Read(buffer)
			select {
			case answers <- struct{}{}:
			default:
			}
			hold.Lock()
			if err == nil {
				_, err = client.Write(buffer[:n])
			}
			hold.Unlock()
			if err != nil {
				_ = client.Close()
				return
			}
		}
	}()
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if strings.Contains(string(buffer[:n]), "COMMIT\x00") {
			c.mu.Lock()
			cut := ""
			if len(c.cuts) > 0 {
				cut, c.cuts = c.cuts[0], c.cuts[1:]
			}
			c.mu.Unlock()
			switch cut {
			case "before":
				return
			case "after":
				select { // an answer from before
				case <-answers:
				default:
				}
				hold.Lock()
				if _, err := server.Write(buffer[:n]); err == nil {
					<-answers
				}
				_ = client.Close()
				hold.Unlock()
				return
			}
		}
		if _, err := io.Copy(server, strings.NewReader(string(buffer[:n]))); err != nil {
			return
		}
	}
}

// The connection breaks at a commit, before the server has got it or after it
// has been done: the caller gets the right receipt all the same, and what he
// did is there exactly once.
func TestACommitWhoseAnswerIsLostIsFoundOut(t *testing.T) {
	url := storetest.Postgres(t)
	cut, through := newCutter(t, url)
	l := ledgertest.New(t, through)
	ctx := context.Background()
	var wantEvents, wantJobs []string
	for round, cuts := range [][]string{{"before"}, {"after"}, {"before", "after"}, {"before"}} {
		id, key := fmt.Sprintf("e%d", round), fmt.Sprintf("k%d", round)
		cut.arm(cuts...)
		receipts, err := l.Append(ctx, ledgertest.Operator, l.Parse(t, ledgertest.Event(id, round), ledgertest.Event(id+"b", round)))
		if len(cuts) == 1 {
			if err != nil || len(receipts) != 2 {
				t.Fatalf("%v: got %v", cuts, err)
			}
			holds(t, l, receipts)
		} else if !errors.Is(err, store.ErrUnknown) || !errors.Is(err, act.ErrKept) {
			t.Errorf("%v: cut again at the second attempt: got %v, want ErrUnknown, and the events kept", cuts, err)
		}
		wantEvents = append(wantEvents, id, id+"b")

		cut.arm(cuts[:1]...)
		receipts, err = l.Do(ctx, ledgertest.Operator, "test", "test/"+key, job(key))
		if err != nil {
			t.Fatalf("%v: %v", cuts, err)
		}
		holds(t, l, receipts)
		wantJobs = append(wantJobs, key)
		if cut.left() != 0 {
			t.Errorf("%v: the commit was not cut", cuts)
		}
	}
	if got := submitted(t, l); !slices.Equal(got, wantEvents) {
		t.Errorf("the ledger holds %q, want %q", got, wantEvents)
	}
	if got := jobKeys(t, l); !slices.Equal(got, wantJobs) {
		t.Errorf("the changes are %q, want %q", got, wantJobs)
	}
	if n := len(events(t, l, ledger.Query{Type: "scaf.test.done.v1"})); n != len(wantJobs) {
		t.Errorf("the %d changes left %d events", len(wantJobs), n)
	}
	verify(t, l)
}

// holds checks that the receipts are of events that the ledger holds.
func holds(t *testing.T, l *ledgertest.Ledger, receipts []act.Receipt) {
	t.Helper()
	for _, receipt := range receipts {
		all := events(t, l, ledger.Query{From: receipt.Index, To: receipt.Index + 1})
		if len(all) != 1 || all[0].LeafHash != receipt.LeafHash || receipt.Size <= receipt.Index {
			t.Errorf("the receipt %+v is of no event that is there", receipt)
		}
	}
}

func TestTheServerStopsInTheMiddleOfIngestion(t *testing.T) {
	server := storetest.NewServer(t)
	l := ledgertest.New(t, server.URL())
	ctx := context.Background()
	var mu sync.Mutex
	receipts := map[string]act.Receipt{}
	kept := map[string]bool{}
	var wait sync.WaitGroup
	stopped := make(chan struct{})
	started, down, some := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once, first sync.Once
	for w := range 8 {
		wait.Go(func() {
			for i := range 60 {
				if i == 50 {
					<-down // some are sent while it is, however fast the others went
				}
				id := fmt.Sprintf("w%d-%03d", w, i)
				got, err := l.Append(ctx, ledgertest.Operator, l.Parse(t, ledgertest.Event(id, i)))
				mu.Lock()
				switch {
				case err == nil:
					receipts[id] = got[0]
				case errors.Is(err, act.ErrKept):
					kept[id] = true
					first.Do(func() { close(some) })
				default:
					t.Errorf("%s: got %v, want a receipt, or that it is kept", id, err)
				}
				enough := len(receipts) > 100
				mu.Unlock()
				if enough {
					once.Do(func() { close(started) })
				}
				if err != nil {
					<-stopped // until the server is back
				}
			}
		})
	}
	<-started
	server.Stop()
	close(down)
	<-some
	server.Start()
	close(stopped)
	wait.Wait()
	all := map[string]string{}
	for _, e := range events(t, l, ledger.Query{Type: "com.example.test"}) {
		if all[e.ID] != "" {
			t.Errorf("%s is there twice", e.ID)
		}
		all[e.ID] = e.LeafHash
	}
	if len(all) != 480 {
		t.Errorf("%d events are there, want the 480 that were sent", len(all))
	}
	for id, receipt := range receipts {
		if all[id] != receipt.LeafHash {
			t.Errorf("the acknowledged event %s is not there", id)
		}
	}
	if len(kept) == 0 || l.Unwritten() != 0 {
		t.Errorf("%d events were kept in the side file meanwhile and %d still wait; want some, and none", len(kept), l.Unwritten())
	}
	gone(t, l.Side)
	verify(t, l)
}
