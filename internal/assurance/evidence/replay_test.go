package evidence

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
	"scaf.dev/scaf/internal/trust/stamps"
)

type thing struct {
	ID   string     `json:"id"`
	At   *time.Time `json:"at,omitempty"`
	Note *string    `json:"note"`
	Size int        `json:"size,omitempty"`
}

var things = record.Kinds{
	{Name: "thing", Register: "things", At: "at", New: func() any { return &thing{} }},
	{Name: "thing_like", Register: "things-alike", New: func() any { return &thing{} }},
}

// What replaying the leaves gives is what the store has: at every checkpoint,
// in every interval, in the same order, every version and every event.
func TestReplayedIsStored(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		l := ledgertest.New(t, storetest.SQLite(t))
		at := map[string]int{}
		for i := range rapid.IntRange(1, 12).Draw(rt, "changes") {
			kind := rapid.SampledFrom(things).Draw(rt, "kind")
			doc := thing{ID: rapid.SampledFrom([]string{"a", "b", "B", "é", "a b"}).Draw(rt, "id"), Size: rapid.IntRange(0, 1000).Draw(rt, "size")}
			if rapid.Bool().Draw(rt, "dated") {
				moment := ledgertest.Begin.Add(time.Duration(rapid.IntRange(-3, 3).Draw(rt, "at")) * time.Hour)
				doc.At = &moment
			}
			if rapid.Bool().Draw(rt, "noted") {
				doc.Note = &doc.ID
			}
			key := kind.Name + doc.ID
			_, err := l.Do(ctx, ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
				_, err := record.Put(tx, kind, record.Change{Verb: "put", ID: doc.ID, Doc: doc, Expect: at[key]})
				return err
			})
			if err == nil {
				at[key]++
			}
			if rapid.Bool().Draw(rt, "event") {
				l.Add(t, ledgertest.Event(fmt.Sprintf("e%d", i), map[string]any{"n": doc.Size}))
			}
		}
		err := l.DB.Read(ctx, func(r *store.Reader) error {
			state := replayedFrom(rt, r, l)
			defer state.close()
			for range 5 {
				q := record.Range{Kind: rapid.SampledFrom(things).Draw(rt, "of").Name, AsOf: rapid.Int64Range(0, state.log.Size).Draw(rt, "as of")}
				if rapid.Bool().Draw(rt, "begins") {
					q.From = ledgertest.Begin.Add(time.Duration(rapid.IntRange(-4, 4).Draw(rt, "from")) * time.Hour)
				}
				if rapid.Bool().Draw(rt, "ends") {
					q.To = ledgertest.Begin.Add(time.Duration(rapid.IntRange(-4, 4).Draw(rt, "to")) * time.Hour)
				}
				if want, got := versionsOf(rt, populations.Stored(r), q), versionsOf(rt, state, q); want != got {
					rt.Fatalf("%+v: the store has\n%s\nreplaying gives\n%s", q, want, got)
				}
				e := ledger.Query{Type: rapid.SampledFrom([]string{"", "scaf.thing.put.v1", "scaf.*", "scaf.none.v1", "test.*"}).Draw(rt, "type"), To: q.AsOf}
				if want, got := eventsOf(rt, populations.Stored(r), e), eventsOf(rt, state, e); want != got {
					rt.Fatalf("%+v: the store has\n%s\nreplaying gives\n%s", e, want, got)
				}
			}
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// A query by time passes bundles over, and finds what the store finds, also
// where the events are not in the order of their times.
func TestReplayedByTimeIsStored(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	hour := func(n int) time.Time { return ledgertest.Begin.Add(time.Duration(n-100) * time.Hour) }
	var batch [][]byte
	for i := range 900 { // more than three bundles
		at := hour(i / 10)
		if i == 700 {
			at = hour(5) // long before its neighbours
		}
		batch = append(batch, ledgertest.Timed(fmt.Sprint("e", i), at))
	}
	l.Add(t, batch...)
	if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
		state := replayedFrom(t, r, l)
		defer state.close()
		rapid.Check(t, func(rt *rapid.T) {
			for range 5 {
				q := ledger.Query{From: rapid.Int64Range(0, 900).Draw(rt, "first"), To: rapid.Int64Range(1, 900).Draw(rt, "end")}
				if rapid.Bool().Draw(rt, "begins") {
					q.Since = hour(rapid.IntRange(-2, 92).Draw(rt, "since"))
				}
				if rapid.Bool().Draw(rt, "ends") {
					q.Until = hour(rapid.IntRange(-2, 92).Draw(rt, "until"))
				}
				if want, got := eventsOf(rt, populations.Stored(r), q), eventsOf(rt, state, q); want != got {
					rt.Fatalf("%+v: the store has\n%s\nreplaying gives\n%s", q, want, got)
				}
			}
		})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func replayedFrom(rt rapid.TB, r *store.Reader, l *ledgertest.Ledger) *replayed {
	files := map[string][]byte{}
	head, err := ledger.ReadHead(r)
	if err == nil {
		err = ledger.EachFile(r, head.Size, nil, func(path string, data []byte) error {
			files[path] = bytes.Clone(data)
			return nil
		})
	}
	if err != nil {
		rt.Fatal(err)
	}
	for path := range ledger.Layout(head.Size) {
		if files[path] == nil {
			rt.Fatalf("the layout has %s, the log has not", path)
		}
	}
	log, err := ledger.OpenOffline(head.Checkpoint, l.VerifierKey, func(path string) ([]byte, error) { return files[path], nil })
	if err != nil {
		rt.Fatal(err)
	}
	state, err := replay(context.Background(), log, things, &stamps.Found{}, nil)
	if err != nil {
		rt.Fatal(err)
	}
	return state
}

func versionsOf(rt *rapid.T, s populations.Snapshot, q record.Range) string {
	var b strings.Builder
	if err := s.Versions(q, func(v *record.Version) error {
		to := int64(-1)
		if v.To != nil {
			to = *v.To
		}
		fmt.Fprintln(&b, v.Ref(), v.Version, v.From, to, string(v.Doc))
		return nil
	}); err != nil {
		rt.Fatal(err)
	}
	return b.String()
}

func eventsOf(rt *rapid.T, s populations.Snapshot, q ledger.Query) string {
	var b strings.Builder
	if err := s.Events(q, func(e *ledger.Event) error {
		fmt.Fprintln(&b, e.Index, e.LeafHash, e.Type, string(e.Data))
		return nil
	}); err != nil {
		rt.Fatal(err)
	}
	return b.String()
}
