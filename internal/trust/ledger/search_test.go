package ledger_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// searched is a log of so many events, which differ in what can be asked for,
// with restarts in between.
func searched(t *testing.T, l *ledgertest.Ledger, events int) []*ledger.Event {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 7))
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	for n := 0; n < events; {
		var batch [][]byte
		for range min(events-n, 1+random.IntN(1000)) {
			member := map[string]any{
				"specversion": "1.0", "id": fmt.Sprintf("e%06d", n), "source": "//test",
				"type": pick("com.example.a", "com.example.b", "com.example.b.c", "org.example"),
			}
			if random.IntN(5) > 0 {
				member["time"] = pick("0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00Z", "2026-02-28T23:59:60Z"[:17]+"59Z",
					"2026-03-01T00:00:00.0000001Z", "2026-03-01T00:00:00Z", "2026-03-01T02:00:00+02:00", "2026-03-01T12:00:00Z")
			}
			if random.IntN(3) > 0 {
				member["subject"] = pick("thing/1", "thing/2", "Thing/1", "größe")
			}
			if n > 4500 && random.IntN(3) > 0 {
				member["actor"] = pick("user/a", "user/b")
			}
			text, err := json.Marshal(member)
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, text)
			n++
		}
		l.Add(t, batch...)
		if random.IntN(6) == 0 {
			l.Reopen(t)
		}
	}
	var all []*ledger.Event
	if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
		for index := range int64(events) {
			e, err := ledger.Get(r, index)
			if err != nil {
				return err
			}
			all = append(all, e)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// selects says by the definition whether a query selects an event.
func selects(q ledger.Query, e *ledger.Event) bool {
	at, err := time.Parse(time.RFC3339Nano, e.Time)
	if err != nil || at.IsZero() {
		if at, err = time.Parse(time.RFC3339Nano, e.RecordedTime); err != nil {
			return false
		}
	}
	prefix, pattern := strings.CutSuffix(q.Type, "*")
	switch {
	case q.Type != "" && !pattern && e.Type != q.Type, pattern && !strings.HasPrefix(e.Type, prefix):
		return false
	case q.Subject != "" && e.Subject != q.Subject, q.Actor != "" && e.Actor != q.Actor:
		return false
	case !q.Since.IsZero() && at.Before(q.Since), !q.Until.IsZero() && !at.Before(q.Until):
		return false
	case e.Index < q.From, q.To > 0 && e.Index >= q.To:
		return false
	}
	return true
}

func TestFindGivesWhatAScanOfEverythingGives(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		blocks := 2
		if l.DB.Dialect() == store.Postgres {
			blocks = 1 // the index is the same; this takes its time
		}
		all := searched(t, l, blocks*4096+700)
		moments := []time.Time{{}, time.Unix(0, 0), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 0, 0, 0, 100, time.UTC),
			time.Date(2026, 3, 1, 0, 0, 0, 1000, time.UTC), ledgertest.Begin, ledgertest.Begin.Add(1)}
		bounds := []int64{0, 1, 4095, 4096, 4097, 8191, 8192, 8193, int64(len(all)) - 1, int64(len(all)), int64(len(all)) + 5}
		rapid.Check(t, func(rt *rapid.T) {
			q := ledger.Query{
				Type:    rapid.SampledFrom([]string{"", "com.example.a", "com.example.b", "com.example.b*", "com.*", "*", "none", "org.example"}).Draw(rt, "type"),
				Subject: rapid.SampledFrom([]string{"", "", "thing/1", "Thing/1", "größe", "none"}).Draw(rt, "subject"),
				Actor:   rapid.SampledFrom([]string{"", "", "user/a", "none"}).Draw(rt, "actor"),
				Since:   rapid.SampledFrom(moments).Draw(rt, "since"),
				Until:   rapid.SampledFrom(moments).Draw(rt, "until"),
				From:    rapid.SampledFrom(bounds).Draw(rt, "from"),
				To:      rapid.SampledFrom(bounds).Draw(rt, "to"),
				Newest:  rapid.Bool().Draw(rt, "newest"),
			}
			limit := rapid.SampledFrom([]int{1, 3, 1 << 30}).Draw(rt, "limit")
			var want, got []int64
			for _, e := range all {
				if selects(q, e) {
					want = append(want, e.Index)
				}
			}
			if q.Newest {
				slices.Reverse(want)
			}
			want = want[:min(limit, len(want))]
			if err := ledger.Find(context.Background(), l.DB, q, func(e *ledger.Event) error {
				if got = append(got, e.Index); len(got) == limit {
					return ledger.Stop
				}
				return nil
			}); err != nil {
				rt.Fatal(err)
			}
			if !slices.Equal(got, want) {
				rt.Fatalf("%+v selects %d events, Find gives %d", q, len(want), len(got))
			}
		})
		check := verification(l)
		for _, check.Index = range []bool{false, true} {
			if _, err := check.Verify(context.Background(), l.DB); err != nil {
				t.Errorf("the index is not what the events give: %v", err)
			}
		}
	})
}

// What is found follows the log while it grows, for several who look at once,
// through the end of a block and for older checkpoints.
func TestFindFollowsTheLogAsItGrows(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	size := 0
	for _, more := range []int{1, 300, 3794, 1, 5, 400} { // the block ends at 4096
		var batch [][]byte
		for range more {
			size++
			if batch = append(batch, ledgertest.Event(fmt.Sprint("grow-", size), nil)); len(batch) == act.MaxBatch {
				l.Add(t, batch...)
				batch = nil
			}
		}
		if len(batch) > 0 {
			l.Add(t, batch...)
		}
		var looking sync.WaitGroup
		for _, bound := range []int{size, max(1, size-1), max(1, size/2)} {
			looking.Go(func() {
				for _, q := range []struct {
					ledger.Query
					want []int64
				}{ // the last event before the bound, and not that at it
					{ledger.Query{Subject: fmt.Sprint("thing/grow-", bound), To: int64(bound)}, []int64{int64(bound) - 1}},
					{ledger.Query{Subject: fmt.Sprint("thing/grow-", bound+1), To: int64(bound), Newest: true}, nil},
				} {
					var got []int64
					if err := ledger.Find(context.Background(), l.DB, q.Query, func(e *ledger.Event) error {
						got = append(got, e.Index)
						return nil
					}); err != nil || !slices.Equal(got, q.want) {
						t.Errorf("of %d events: %+v gives %v, want %v: %v", size, q.Query, got, q.want, err)
					}
				}
			})
		}
		looking.Wait()
	}
}

// Whoever holds the key can sign a false index. Computing it again finds that.
func TestAFalseIndexIsFoundByComputingItAgain(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	l.Fill(t, 5000)
	honest := *l
	// The same events in another ledger of the same key, but for one subject.
	forged := ledgertest.Twin(t, t.TempDir()+"/scaf.db", &honest)
	var batch [][]byte
	for i := range 5000 {
		document := ledgertest.Event(fmt.Sprintf("fill-%07d", i), map[string]any{"n": i})
		if i == 1234 {
			document = []byte(strings.Replace(string(document), `"subject":"thing/`, `"subject":"other/`, 1))
		}
		if batch = append(batch, document); len(batch) == 1000 {
			forged.Add(t, batch...)
			batch = nil
		}
	}
	columns := []string{"block", "types", "subjects", "actors", "times", "note"}
	row := make([]any, len(columns))
	into := make([]any, len(columns))
	for i := range row {
		into[i] = &row[i]
	}
	if err := forged.DB.Read(context.Background(), func(r *store.Reader) error {
		return r.One("SELECT "+strings.Join(columns, ", ")+" FROM ledger_search", nil, into)
	}); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(context.Background(), l.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ledgertest.Write(t, db, func(tx *store.Tx) error {
		if _, err := tx.Exec("DELETE FROM ledger_search"); err != nil {
			return err
		}
		return tx.Insert("ledger_search", columns, [][]any{row})
	})
	check := verification(l)
	if _, err := check.Verify(context.Background(), l.DB); err != nil {
		t.Fatalf("the row is signed: %v", err)
	}
	check.Index = true
	_, err = check.Verify(context.Background(), l.DB)
	if err == nil || !strings.HasPrefix(err.Error(), "event 1234: ") {
		t.Errorf("got %v, want event 1234", err)
	}
}
