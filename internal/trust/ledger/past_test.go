package ledger_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// What the ledger was at an instant is what its head said then.
func TestTheLedgerAtAnInstantIsWhatItsHeadWasThen(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		read := func(visit func(r *store.Reader) error) {
			t.Helper()
			if err := l.DB.Read(context.Background(), visit); err != nil {
				t.Fatal(err)
			}
		}
		heads := map[time.Time]ledger.Head{}
		take := func() {
			read(func(r *store.Reader) error {
				head, err := ledger.ReadHead(r)
				heads[l.Clock.Now()] = head
				return err
			})
		}
		l.Clock.Advance(-time.Hour)
		take()
		for _, n := range []int{1, 255, 1, 300, 4000} {
			l.Clock.Advance(time.Hour)
			for i := range n {
				l.Add(t, ledgertest.Event(l.Clock.Now().Format("150405")+string(rune('a'+i%26))+time.Duration(i).String(), i))
				if i > 300 { // enough single ones
					l.Fill(t, n)
					break
				}
			}
			take()
		}
		for at, want := range heads {
			read(func(r *store.Reader) error {
				for _, instant := range []time.Time{at, at.Add(30 * time.Minute)} {
					got, err := ledger.At(r, instant)
					if err != nil {
						return err
					}
					if got.Size != want.Size || !bytes.Equal(got.Root, want.Root) {
						t.Errorf("at %s the ledger had %d events and root %x, want %d and %x", instant, got.Size, got.Root, want.Size, want.Root)
					}
				}
				return nil
			})
		}
	})
}
