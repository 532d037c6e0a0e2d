package ledger_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// reference computes RFC 6962 roots the slow way, by its definition.
func reference(leaves [][]byte) [32]byte {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	split := 1
	for split*2 < len(leaves) {
		split *= 2
	}
	left, right := reference(leaves[:split]), reference(leaves[split:])
	return sha256.Sum256(append(append([]byte{1}, left[:]...), right[:]...))
}

// bodies reads all stored bytes.
func bodies(t testing.TB, l *ledgertest.Ledger) [][]byte {
	t.Helper()
	return bodiesFrom(t, l, 0)
}

// bodiesFrom reads the stored bytes from an index on.
func bodiesFrom(t testing.TB, l *ledgertest.Ledger, from int64) [][]byte {
	t.Helper()
	var all [][]byte
	if err := ledger.Find(context.Background(), l.DB, ledger.Query{From: from}, func(e *ledger.Event) error {
		if e.Index != from+int64(len(all)) {
			t.Fatalf("event %d comes at place %d", e.Index, from+int64(len(all)))
		}
		all = append(all, e.Body)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAReceiptIsOfTheStoredBytesAndTheCommittedCheckpoint(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		receipts := l.Add(t, ledgertest.Event("a", 1), ledgertest.Event("b", 2), ledgertest.Event("c", 3))
		stored := bodies(t, l)
		for i, receipt := range receipts {
			leaf := sha256.Sum256(append([]byte{0}, stored[i]...))
			if receipt.LeafHash != hex.EncodeToString(leaf[:]) {
				t.Errorf("receipt %d has leaf hash %s, its stored bytes hash to %x", i, receipt.LeafHash, leaf)
			}
			root := reference(stored[:receipt.Size])
			if receipt.Index != int64(i) || receipt.Size != 3 || receipt.Root != hex.EncodeToString(root[:]) {
				t.Errorf("receipt %d is %+v, want index %d, size 3, root %x", i, receipt, i, root)
			}
		}
		if !strings.Contains(string(stored[0]), `"recordedtime":"2026-03-02T09:00:00Z"`) || !strings.Contains(string(stored[0]), `"recordedby":"local/test"`) {
			t.Errorf("the stored event does not say when and by whom it was recorded: %s", stored[0])
		}
	})
}

func TestTheRootIsThatOfRFC6962AtEverySize(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		var stored [][]byte // as they were when they were new: read once, and all together at the end
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(1, 40).Draw(rt, "events")
			var batch [][]byte
			for i := range n {
				batch = append(batch, ledgertest.Event(l.IDs.New(l.Clock.Now()), i))
			}
			if rapid.Bool().Draw(rt, "restart") {
				l.Reopen(t)
			}
			receipts := l.Add(t, batch...)
			last := receipts[len(receipts)-1]
			stored = append(stored, bodiesFrom(t, l, int64(len(stored)))...)
			if root := reference(stored); last.Root != hex.EncodeToString(root[:]) {
				rt.Fatalf("at size %d the root is %s, by definition %x", last.Size, last.Root, root)
			}
		})
		if !slices.EqualFunc(bodies(t, l), stored, bytes.Equal) {
			t.Error("the stored bytes are not those that the roots were computed of")
		}
	})
}

func TestARepeatedEventGetsAReceiptAndAnotherContentIsAConflict(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		ctx := context.Background()
		first := l.Add(t, ledgertest.Event("a", 1))[0]
		l.Add(t, ledgertest.Event("b", 2))
		again := l.Add(t, ledgertest.Event("a", 1), ledgertest.Event("c", 3), ledgertest.Event("c", 3))
		if again[0].Index != first.Index || again[0].LeafHash != first.LeafHash {
			t.Errorf("the repeated event got %+v, want index and leaf of %+v", again[0], first)
		}
		if again[1] != again[2] || again[1].Index != 2 {
			t.Errorf("an event twice in one batch got %+v and %+v", again[1], again[2])
		}
		for name, test := range map[string]struct {
			batch [][]byte
			first int // -1: in the ledger
		}{
			"against the ledger": {[][]byte{ledgertest.Event("d", 4), ledgertest.Event("a", "other")}, -1},
			"within the batch":   {[][]byte{ledgertest.Event("a", 1), ledgertest.Event("d", 4), ledgertest.Event("e", 5), ledgertest.Event("e", "other")}, 2},
		} {
			_, err := l.Append(ctx, ledgertest.Operator, l.Parse(t, test.batch...))
			var conflict *act.ConflictError
			if !errors.As(err, &conflict) || conflict.Position != len(test.batch)-1 {
				t.Fatalf("%s: got %v, want a conflict at position %d", name, err, len(test.batch)-1)
			}
			if conflict.Within != (test.first >= 0) || conflict.Within && conflict.First != test.first {
				t.Errorf("%s: got %+v (%v), want the first one at %d", name, conflict, conflict, test.first)
			}
		}
		if got := len(bodies(t, l)); got != 3 {
			t.Errorf("the ledger holds %d events, want 3: a refused batch leaves nothing", got)
		}
	})
}

func TestManyWritersGetIndexesWithoutAGap(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		const writers, each = 16, 40
		var wait sync.WaitGroup
		var mu sync.Mutex
		seen := map[int64]bool{}
		for w := range writers {
			wait.Go(func() {
				for i := range each {
					// every event is also sent by the neighbour: half of them are repeats
					receipts, err := l.Append(context.Background(), ledgertest.Operator,
						l.Parse(t, ledgertest.Event(fmt.Sprintf("w%d-%d", (w+i%2)%writers, i/2), i/2)))
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					seen[receipts[0].Index] = true
					mu.Unlock()
				}
			})
		}
		wait.Wait()
		stored := bodies(t, l)
		if len(stored) != writers*each/2 || len(seen) != len(stored) {
			t.Errorf("%d events are stored and %d indexes were given, want %d", len(stored), len(seen), writers*each/2)
		}
		if _, err := verification(l).Verify(context.Background(), l.DB); err != nil {
			t.Error(err)
		}
	})
}

// Neither asks the database where the log ends before it appends.
func TestTwoProcessesAppendToOneLog(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		const writers, each = 4, 40
		var wait sync.WaitGroup
		var mu sync.Mutex
		seen := map[int64]string{}
		for p, process := range []*ledgertest.Ledger{l, l.Another(t)} {
			for w := range writers {
				wait.Go(func() {
					for i := range each {
						id := fmt.Sprintf("%d-%d-%d", p, w, i)
						var receipts []act.Receipt
						var err error
						if i%4 == 3 {
							receipts, err = process.Do(context.Background(), ledgertest.Operator, "probe.add", "probe/"+id, func(tx *act.Tx) error {
								_, err := tx.Event(act.Event{Type: "scaf.probe.added.v1", Subject: "probe/" + id, Data: i})
								return err
							})
						} else {
							receipts, err = process.Append(context.Background(), ledgertest.Operator, process.Parse(t, ledgertest.Event(id, i)))
						}
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						if other, taken := seen[receipts[0].Index]; taken {
							t.Errorf("%s and %s both got the index %d", id, other, receipts[0].Index)
						}
						seen[receipts[0].Index] = id
						mu.Unlock()
					}
				})
			}
		}
		wait.Wait()
		if stored := bodies(t, l); len(stored) != 2*writers*each || len(seen) != len(stored) {
			t.Errorf("%d events are stored and %d indexes were given, want %d", len(stored), len(seen), 2*writers*each)
		}
		if _, err := verification(l).Verify(context.Background(), l.DB); err != nil {
			t.Error(err)
		}
	})
}

// behind writes to the database on a connection of its own.
func behind(t *testing.T, l *ledgertest.Ledger, write func(*store.Tx) error) {
	t.Helper()
	db, err := store.Open(context.Background(), l.URL)
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.Write(t, db, write)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// Whoever can write to the database and has not the key cannot have what they
// wrote signed by the next append.
func TestWhatTheKeyDidNotSignIsNotExtended(t *testing.T) {
	for name, forge := range map[string]func(t *testing.T, l *ledgertest.Ledger){
		"an event, its leaf and the head": func(t *testing.T, l *ledgertest.Ledger) {
			body := bodies(t, l)[0]
			body = bytes.Replace(body, []byte("thing/a"), []byte("thing/b"), 1)
			leaf := tlog.RecordHash(body)
			bundle := append([]byte{byte(len(body) >> 8), byte(len(body))}, body...)
			behind(t, l, func(tx *store.Tx) error {
				if _, err := tx.Exec(`UPDATE ledger_bundle SET leaves = $1, packing = 0, bodies = $2`, leaf[:], bundle); err != nil {
					return err
				}
				_, err := tx.Exec(`UPDATE ledger_head SET frontier = $1, root = $1`, leaf[:])
				return err
			})
		},
		"the checkpoint": func(t *testing.T, l *ledgertest.Ledger) {
			behind(t, l, func(tx *store.Tx) error {
				_, err := tx.Exec(`UPDATE ledger_head SET note = 'junk'`)
				return err
			})
		},
		"the key, by another one of the same origin": func(t *testing.T, l *ledgertest.Ledger) {
			secret, verifier, err := note.GenerateKey(rand.Reader, ledgertest.Origin)
			if err != nil {
				t.Fatal(err)
			}
			if l.Signer, err = note.NewSigner(secret); err != nil {
				t.Fatal(err)
			}
			l.VerifierKey = verifier
		},
	} {
		t.Run(name, func(t *testing.T) {
			ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
				if _, err := l.Append(context.Background(), ledgertest.Operator, l.Parse(t, ledgertest.Event("a", 1))); err != nil {
					t.Fatal(err)
				}
				forge(t, l)
				l.Reopen(t)
				_, err := l.Append(context.Background(), ledgertest.Operator, l.Parse(t, ledgertest.Event("b", 1)))
				if !errors.Is(err, ledger.ErrDamaged) {
					t.Errorf("got %v, want ErrDamaged", err)
				}
				if n := len(bodies(t, l)); n != 1 {
					t.Errorf("the ledger holds %d events, want 1", n)
				}
			})
		})
	}
}

func TestAFailedBodyLeavesNothingAndTheOthersOfItsGroupPass(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		ctx := context.Background()
		broken := errors.New("no")
		var wait sync.WaitGroup
		for i := range 60 {
			wait.Go(func() {
				_, err := l.Do(ctx, ledgertest.Operator, "test", "thing/1", func(tx *act.Tx) error {
					if _, err := tx.Event(act.Event{Type: "scaf.test.done.v1", Subject: fmt.Sprint(i)}); err != nil {
						return err
					}
					switch i % 3 {
					case 1:
						return broken
					case 2:
						panic("a bug")
					}
					return nil
				})
				if (err == nil) != (i%3 == 0) {
					t.Errorf("action %d: %v", i, err)
				}
			})
		}
		wait.Wait()
		if got := len(bodies(t, l)); got != 20 {
			t.Errorf("%d events are stored, want the 20 of the actions that succeeded", got)
		}
	})
}

func TestAChangeWithoutAnEventIsRefused(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		_, err := l.Do(context.Background(), ledgertest.Operator, "test", "x", func(tx *act.Tx) error {
			_, err := tx.Exec(`INSERT INTO job (kind, key, payload, state, run_at, attempt, failure) VALUES ('a', 'b', '', 'waiting', 0, 0, '')`)
			return err
		})
		if !errors.Is(err, act.ErrSilent) {
			t.Errorf("got %v, want ErrSilent", err)
		}
		var jobs int
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			return r.One(`SELECT count(*) FROM job`, nil, []any{&jobs})
		}); err != nil || jobs != 0 {
			t.Errorf("%d rows are left (%v)", jobs, err)
		}
	})
}

func TestARefusalIsRecorded(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		ctx := context.Background()
		nobody := act.Caller{ID: "user/eve"}
		if _, err := l.Do(ctx, nobody, "vendor.approve", "vendor/VEN-1", nil); !errors.Is(err, act.ErrDenied) {
			t.Fatalf("got %v, want a denial", err)
		}
		for range 3 {
			if err := l.View(ctx, act.Caller{}, "person.read", "person/1", nil); !errors.Is(err, act.ErrDenied) {
				t.Fatalf("got %v, want a denial", err)
			}
		}
		var found []string
		collect := func(e *ledger.Event) error {
			found = append(found, e.Type+" "+e.Actor+" "+e.Outcome)
			return nil
		}
		if err := ledger.Find(ctx, l.DB, ledger.Query{}, collect); err != nil {
			t.Fatal(err)
		}
		if len(found) != 1 || found[0] != "scaf.access.denied.v1 user/eve denied" {
			t.Errorf("the ledger holds %q, want the one refusal of somebody known", found)
		}
		l.Reopen(t) // closing writes the tally of the unknown
		found = nil
		if err := ledger.Find(ctx, l.DB, ledger.Query{Type: "scaf.access.denied_anonymous.v1"}, collect); err != nil || len(found) != 1 {
			t.Errorf("got %q (%v), want one event for the three anonymous refusals", found, err)
		}
	})
}

// Whoever tries alone what takes two is refused as one who may not: nothing of
// the body stays but the denial.
func TestARefusalForTheSamePersonIsRecorded(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		ctx := context.Background()
		for range 2 {
			if _, err := l.Do(ctx, ledgertest.Operator, "vendor.approve", "vendor/VEN-1", func(tx *act.Tx) error {
				if err := tx.Enqueue("test", "left", nil, tx.Now()); err != nil {
					return err
				}
				if _, err := tx.Event(act.Event{Type: "scaf.vendor.approved.v1", Subject: "vendor/VEN-1"}); err != nil {
					return err
				}
				return fmt.Errorf("approve: %w: it is yours", act.ErrSamePerson)
			}); !errors.Is(err, act.ErrSamePerson) {
				t.Fatalf("got %v, want a refusal", err)
			}
		}
		var found []string
		if err := ledger.Find(ctx, l.DB, ledger.Query{}, func(e *ledger.Event) error {
			found = append(found, strings.Join([]string{e.Type, e.Subject, e.Actor, e.Outcome, string(e.Data)}, " "))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		want := "scaf.access.denied.v1 vendor/VEN-1 " + ledgertest.Operator.ID + ` denied {"action":"vendor.approve","reason":"approve: it takes another person: it is yours"}`
		if !slices.Equal(found, []string{want, want}) {
			t.Errorf("the ledger holds %q, want twice %q", found, want)
		}
		if err := l.DB.Read(ctx, func(r *store.Reader) error {
			var jobs int
			err := r.One(`SELECT count(*) FROM job`, nil, []any{&jobs})
			if jobs != 0 {
				t.Errorf("%d jobs are left", jobs)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}

func TestProofsHoldAtEverySizeAndFailWhenTouched(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		for _, size := range []int{1, 2, 3, 255, 256, 257, 513, 700} {
			have := len(bodies(t, l))
			var batch [][]byte
			for i := have; i < size; i++ {
				batch = append(batch, ledgertest.Event(fmt.Sprintf("p-%d", i), i))
			}
			l.Add(t, batch...)
			for _, index := range []int64{0, int64(size) / 2, int64(size) - 1} {
				var proof *ledger.Proof
				if err := l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
					proof, err = ledger.Prove(r, index)
					return err
				}); err != nil {
					t.Fatal(err)
				}
				if _, err := proof.Check(l.VerifierKey); err != nil {
					t.Fatalf("size %d, event %d: %v", size, index, err)
				}
				for name, spoil := range map[string]func(*ledger.Proof){
					"index":      func(p *ledger.Proof) { p.Index++ },
					"event":      func(p *ledger.Proof) { p.Event = append([]byte(nil), p.Event...); p.Event[10] ^= 1 },
					"leaf hash":  func(p *ledger.Proof) { p.LeafHash = strings.Repeat("0", 64) },
					"checkpoint": func(p *ledger.Proof) { p.Checkpoint = strings.Replace(p.Checkpoint, "\n", "\n1", 1) },
				} {
					bad := *proof
					spoil(&bad)
					if _, err := bad.Check(l.VerifierKey); !errors.Is(err, ledger.ErrProof) {
						t.Errorf("size %d, event %d with another %s: got %v, want ErrProof", size, index, name, err)
					}
				}
			}
		}
	})
}

func TestConsistencyProofsLinkEverySize(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	l.Fill(t, 600)
	all := bodies(t, l)
	if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
		for _, old := range []int64{1, 2, 255, 256, 300, 512, 599, 600} {
			proof, head, err := ledger.ProveConsistency(r, old)
			if err != nil {
				return err
			}
			if err := tlog.CheckTree(proof, head.Size, head.Hash(), old, tlog.Hash(reference(all[:old]))); err != nil {
				t.Errorf("from %d to %d: %v", old, head.Size, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func verification(l *ledgertest.Ledger) ledger.Verification {
	return ledger.Verification{VerifierKey: l.VerifierKey}
}
