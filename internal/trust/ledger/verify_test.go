package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// cite records a checkpoint, as the banking of a population does.
func cite(t *testing.T, l *ledgertest.Ledger, size int64, root string) {
	t.Helper()
	if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "population/1", func(tx *act.Tx) error {
		_, err := tx.Event(act.Event{Type: "scaf.population.banked.v1", Subject: "population/1", Data: map[string]any{
			"checkpoint": map[string]any{"size": size, "root": root},
		}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func damage(t *testing.T, check ledger.Verification, l *ledgertest.Ledger, says string) {
	t.Helper()
	_, err := check.Verify(context.Background(), l.DB)
	if !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(fmt.Sprint(err), says) {
		t.Errorf("got %v, want damage that says %q", err, says)
	}
}

// Whoever holds the key can write another history and sign it. What an event
// cites, or somebody has kept, speaks against that.
func TestARewrittenHistoryContradictsWhatItCites(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		l.Fill(t, 300)
		last := l.Add(t, ledgertest.Event("last", 1))[0]
		cite(t, l, last.Size, last.Root)
		verified, err := verification(l).Verify(context.Background(), l.DB)
		if err != nil || verified.Checkpoints != 1 {
			t.Fatalf("%+v, %v", verified, err)
		}

		rewritten := ledgertest.Twin(t, t.TempDir()+"/scaf.db", l)
		rewritten.Fill(t, 300)
		rewritten.Add(t, ledgertest.Event("last", "another"))
		if _, err := verification(rewritten).Verify(context.Background(), rewritten.DB); err != nil {
			t.Fatalf("another history that nothing contradicts is whole by itself: %v", err)
		}
		cite(t, rewritten, last.Size, last.Root)
		damage(t, verification(rewritten), rewritten, "cites a checkpoint of size 301")
	})
}

func TestACitedCheckpointMustLieBeforeItsEvent(t *testing.T) {
	for _, test := range []struct {
		size int64
		root string
	}{{5, strings.Repeat("00", 32)}, {4, strings.Repeat("00", 32)}, {-1, strings.Repeat("00", 32)}, {1, "short"}} {
		l := ledgertest.New(t, t.TempDir()+"/scaf.db")
		l.Fill(t, 3)
		cite(t, l, test.size, test.root)
		damage(t, verification(l), l, "event 3: ")
	}
}

// A log restored to an earlier state is whole by itself; a publication knows
// more.
func TestALogThatWasCutBackIsFoundByItsPublication(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	folder := t.TempDir()
	l.Fill(t, 700)
	if _, err := publish(l, folder); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 256, 600, 699} {
		restored := ledgertest.Twin(t, t.TempDir()+"/scaf.db", l)
		restored.Fill(t, size)
		check := verification(restored)
		if _, err := check.Verify(context.Background(), restored.DB); err != nil {
			t.Fatal(err)
		}
		check.Folders = []string{folder}
		damage(t, check, restored, fmt.Sprintf("size 700, the log has only %d events: it was cut back", size))
	}
}

func TestAnotherKeyDoesNotVerify(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	l.Fill(t, 10)
	other := ledgertest.New(t, t.TempDir()+"/scaf.db")
	check := verification(l)
	check.VerifierKey = other.VerifierKey
	damage(t, check, l, "checkpoint of the head row")
}

// Base64 has spare bits at the end of a signature.
func TestASignatureHasOneEncoding(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	receipt := l.Add(t, ledgertest.Event("a", 1))[0]
	var proof *ledger.Proof
	var err error
	if proof, err = prove(l, receipt.Index); err != nil {
		t.Fatal(err)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	at := strings.LastIndexByte(proof.Checkpoint, '=') - 1
	last := strings.IndexByte(alphabet, proof.Checkpoint[at])
	if last%4 != 0 {
		t.Fatalf("the spare bits of %q are not zero", proof.Checkpoint)
	}
	proof.Checkpoint = proof.Checkpoint[:at] + alphabet[last+1:last+2] + proof.Checkpoint[at+1:]
	if _, err := proof.Check(l.VerifierKey); !errors.Is(err, ledger.ErrProof) {
		t.Errorf("got %v, want ErrProof: a byte of the checkpoint was changed", err)
	}
}

func prove(l *ledgertest.Ledger, index int64) (proof *ledger.Proof, err error) {
	err = l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		proof, err = ledger.Prove(r, index)
		return err
	})
	return proof, err
}

func FuzzProof(f *testing.F) {
	l := ledgertest.New(f, f.TempDir()+"/scaf.db")
	l.Fill(f, 5)
	if proof, err := prove(l, 3); err != nil {
		f.Fatal(err)
	} else {
		text, err := json.Marshal(proof)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	stored := bodies(f, l)
	f.Add([]byte(`{"index":-1,"event":"","leaf_hash":"","inclusion_proof":[""],"checkpoint":"\n\n"}`))
	f.Add([]byte(`{} {}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		proof, err := ledger.ReadProof(data)
		if err == nil {
			_, err = proof.Check(l.VerifierKey)
		}
		if err != nil && !errors.Is(err, ledger.ErrProof) && !errors.Is(err, ledger.ErrUnreadable) {
			t.Fatalf("an error that is neither ErrProof nor ErrUnreadable: %v", err)
		}
		if err == nil && !bytes.Equal(proof.Event, stored[proof.Index]) {
			t.Fatalf("a proof of another event holds: %s", proof.Event)
		}
	})
}

// One bit of a file of SQLite makes a text a blob of the same bytes. No search
// finds it then, and its event could be appended again.
func TestAKeyThatIsNoTextIsFound(t *testing.T) {
	for _, column := range []string{"id", "source"} {
		l := ledgertest.New(t, t.TempDir()+"/scaf.db")
		l.Fill(t, 5)
		if _, err := verification(l).Verify(context.Background(), l.DB); err != nil {
			t.Fatal(err)
		}
		behind(t, l, func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE ledger_key SET ` + column + ` = CAST(` + column + ` AS BLOB) WHERE idx = 3`)
			return err
		})
		damage(t, verification(l), l, "is not stored as text")
	}
}
