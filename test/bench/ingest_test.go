//go:build bench

package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/ids"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// eventSize is the size of an event as submitted, in bytes; freshBytes of it are
// random, so that a bundle of them shrinks to a seventh, as one of AWS CloudTrail's
// events was measured to do.
const (
	eventSize  = 1024
	freshBytes = 44
)

// events makes events of eventSize: fresh ids, a thousand subjects, a hundred
// actors. It is safe for concurrent use.
type events struct {
	ids     *ids.Source
	number  atomic.Int64
	padding string
	fresh   int // bytes of an event that are random
	// clock says when an event happened.
	clock func(number int64) time.Time
}

func newEvents() *events {
	random := make([]byte, eventSize/2)
	_, _ = rand.Read(random) // never fails
	return &events{ids: ids.NewSource(), padding: hex.EncodeToString(random), fresh: freshBytes, clock: func(int64) time.Time { return time.Now() }}
}

// randomEvents are events that hardly shrink, as encrypted ones.
func randomEvents() *events {
	e := newEvents()
	e.fresh = eventSize / 2
	return e
}

// eventsOf2025 makes events that happened in the year 2025, twenty seconds apart.
func eventsOf2025() *events {
	e := newEvents()
	e.clock = func(number int64) time.Time { return yearBegin.Add(time.Duration(number) * 20 * time.Second) }
	return e
}

func (e *events) next() []byte {
	n := e.number.Add(1)
	head := fmt.Sprintf(`{"specversion":"1.0","id":"%s","source":"//bench.example/app","type":"com.example.deployment.finished","subject":"service/%d","actor":"user/%d","time":"%s","data":{"note":"`,
		e.ids.New(time.Now()), n%1000, n%100, e.clock(n).UTC().Format(time.RFC3339Nano))
	fresh := make([]byte, e.fresh)
	_, _ = rand.Read(fresh) // never fails
	note := hex.EncodeToString(fresh) + e.padding
	return []byte(head + note[:eventSize-len(head)-len(`"}}`)] + `"}}`)
}

// entry makes an event and reads it as the API does.
func (e *events) entry(t testing.TB, parser ledger.Parser) act.Entry {
	entry, err := parser.Parse(e.next(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

// appender returns what a client does: one event, until it is durable.
func (e *events) appender(t testing.TB, door *act.Door, parser ledger.Parser) func() error {
	return func() error {
		entry, err := parser.Parse(e.next(), time.Now())
		if err != nil {
			return err
		}
		_, err = door.Append(context.Background(), ledgertest.Operator, []act.Entry{entry})
		return err
	}
}

// fill appends n events in batches of 1,000; batches are made while others are
// written.
func (e *events) fill(t testing.TB, door *act.Door, parser ledger.Parser, n int) {
	t.Helper()
	batches := make(chan []act.Entry, 4)
	var group sync.WaitGroup
	group.Go(func() {
		defer close(batches)
		for n > 0 {
			batch := make([]act.Entry, 0, act.MaxBatch)
			for range min(n, act.MaxBatch) {
				batch = append(batch, e.entry(t, parser))
			}
			n -= len(batch)
			batches <- batch
		}
	})
	for batch := range batches {
		if _, err := door.Append(context.Background(), ledgertest.Operator, batch); err != nil {
			t.Fatal(err)
		}
	}
	group.Wait()
}

// Targets.
var ingestRatio = map[string]float64{"SQLite": 0.4, "PostgreSQL": 0.5}

const (
	ingestOneWriter = 2.0 // x the bare p50
	ingestLater     = 0.8 // of the fresh rate
)

func ingest(b *bench) {
	rounds, length := pick(b, 2, 5), pick(b, 500*time.Millisecond, 4*time.Second)
	b.say("Each writer makes one event, submits it and waits until it is durable. **Bare**: rows of an index and the event's bytes through the same writer, grouped alike; no hash, signature, key or search. **SCAF**: the product's door and ledger, with parsing, RFC 6962 hash, signed checkpoint, idempotency and search. %d rounds of %s each, in turns.", rounds, length)
	rows := [][]string{{"database", "writers", "bare/s", "SCAF/s", "ratio", "target"}}
	for _, database := range databases {
		base := newBare(b, database.fresh(b))
		l := ledgertest.New(b, database.fresh(b))
		made := newEvents()
		stop := b.profile("ingest-" + database.name)
		for _, writers := range []int{1, 64, 1024} {
			p := alternate(b, writers, rounds, length, func() error { base.append(made.next()); return nil }, made.appender(b, l.Door, l.Parser))
			bare, scaf, ratio := p.rates()
			target := "none"
			if writers > 1 {
				want := ingestRatio[database.name]
				target = met(fmt.Sprintf("at least %.2f", want), ratio >= want)
			}
			rows = append(rows, []string{database.name, count(writers), count(bare), count(scaf), fmt.Sprintf("%.2f", ratio), target})
			if writers == 1 {
				bare, scaf, ratio := p.p50s()
				rows = append(rows, []string{database.name, "1 (p50)", ms(bare), ms(scaf), fmt.Sprintf("%.2f", ratio), met(fmt.Sprintf("at most %.1f", ingestOneWriter), ratio <= ingestOneWriter)})
			}
		}
		stop()
	}
	b.table(rows...)
	later(b, rounds, length)
}

// later compares a large log with a fresh one.
func later(b *bench, rounds int, length time.Duration) {
	size := pick(b, 20_000, 3_000_000)
	b.say("The same with %s events in the ledger, against a fresh ledger in turns:", count(size))
	rows := [][]string{{"database", "writers", "fresh/s", "large/s", "ratio", "target"}}
	for _, database := range databases {
		fresh, large := ledgertest.New(b, database.fresh(b)), ledgertest.New(b, database.fresh(b))
		made := newEvents()
		made.fill(b, large.Door, large.Parser, size)
		for _, writers := range []int{64, 1024} {
			p := alternate(b, writers, rounds, length, made.appender(b, fresh.Door, fresh.Parser), made.appender(b, large.Door, large.Parser))
			early, late, ratio := p.rates()
			rows = append(rows, []string{database.name, count(writers), count(early), count(late), fmt.Sprintf("%.2f", ratio), met(fmt.Sprintf("at least %.2f", ingestLater), ratio >= ingestLater)})
		}
	}
	b.table(rows...)
}
