//go:build bench

package bench

import (
	"context"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
)

// bare is the baseline of ingestion: rows of an index and the event's bytes,
// group-committed through the product's own store.Writer by a lane of the same
// kind with groups of the same size. No hash, no signature, no key, no search.
type bare struct {
	db    *store.DB
	queue chan *bareMember
	done  chan error
}

type bareMember struct {
	body []byte
	done chan struct{}
}

// Of act's lane.
const (
	bareGroup = 1024
	bareQueue = 4096
)

func newBare(t testing.TB, url string) *bare {
	t.Helper()
	db, err := store.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	writer, err := db.Writer(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	table := "CREATE TABLE bare (idx INTEGER PRIMARY KEY, body BLOB NOT NULL)"
	if db.Dialect() == store.Postgres {
		table = "CREATE TABLE bare (idx BIGINT PRIMARY KEY, body BYTEA NOT NULL)"
	}
	tx, err := writer.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(table); err != nil {
		t.Fatal(err)
	}
	if err := writer.Commit(); err != nil {
		t.Fatal(err)
	}
	b := &bare{db, make(chan *bareMember, bareQueue), make(chan error, 1)}
	go func() { b.done <- b.run(writer) }()
	t.Cleanup(func() {
		close(b.queue)
		if err := <-b.done; err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// append returns when the row is durable.
func (b *bare) append(body []byte) {
	m := &bareMember{body, make(chan struct{})}
	b.queue <- m
	<-m.done
}

func (b *bare) run(writer *store.Writer) error {
	index := 0
	for first := range b.queue {
		group := []*bareMember{first}
	gather:
		for len(group) < bareGroup {
			select {
			case m, open := <-b.queue:
				if !open {
					break gather
				}
				group = append(group, m)
			default:
				break gather
			}
		}
		tx, err := writer.Begin()
		if err != nil {
			return err
		}
		rows := make([][]any, len(group))
		for i, m := range group {
			rows[i] = []any{index, m.body}
			index++
		}
		if err := tx.Insert("bare", []string{"idx", "body"}, rows); err != nil {
			return err
		}
		if err := writer.Commit(); err != nil {
			return err
		}
		for _, m := range group {
			close(m.done)
		}
	}
	return writer.Close()
}
