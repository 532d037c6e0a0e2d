package act_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// line is an event as an earlier run left it in the side file.
func line(t *testing.T, l *ledgertest.Ledger, id string, data any) []byte {
	t.Helper()
	entry := l.Parse(t, ledgertest.Event(id, data))[0]
	entry.RecordedBy = "local/earlier"
	text, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

func recovered(t *testing.T, l *ledgertest.Ledger) (all []map[string]any) {
	t.Helper()
	for _, e := range events(t, l, ledger.Query{Type: "scaf.ledger.recovered.v1"}) {
		data := map[string]any{}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}

func events(t *testing.T, l *ledgertest.Ledger, q ledger.Query) (all []*ledger.Event) {
	t.Helper()
	if err := ledger.Find(context.Background(), l.DB, q, func(e *ledger.Event) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// submitted are the ids of the events that are not SCAF's own, in order.
func submitted(t *testing.T, l *ledgertest.Ledger) (ids []string) {
	t.Helper()
	for _, e := range events(t, l, ledger.Query{Type: "com.example.test"}) {
		ids = append(ids, e.ID)
	}
	return ids
}

func gone(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (%v)", path, err)
	}
}

func verify(t *testing.T, l *ledgertest.Ledger) {
	t.Helper()
	if _, err := (ledger.Verification{VerifierKey: l.VerifierKey}).Verify(context.Background(), l.DB); err != nil {
		t.Errorf("the ledger does not verify: %v", err)
	}
}

func TestEventsThatAnEarlierRunKeptAreAppendedFirst(t *testing.T) {
	for name, test := range map[string]struct {
		file       func(l *ledgertest.Ledger) [][]byte
		want       []string
		unreadable int
	}{
		"whole lines": {func(l *ledgertest.Ledger) [][]byte {
			return [][]byte{line(t, l, "a", 1), line(t, l, "b", 2)}
		}, []string{"a", "b"}, 0},
		"the last line is torn": {func(l *ledgertest.Ledger) [][]byte {
			return [][]byte{line(t, l, "a", 1), line(t, l, "torn", 2)[:40]}
		}, []string{"a"}, 0},
		"all but the end of the last line": {func(l *ledgertest.Ledger) [][]byte {
			return [][]byte{line(t, l, "a", 1), bytes.TrimSpace(line(t, l, "torn", 2))}
		}, []string{"a"}, 0},
		"a line in the middle is damaged": {func(l *ledgertest.Ledger) [][]byte {
			return [][]byte{line(t, l, "a", 1), []byte("{\"ID\":\"x\x00\n"), line(t, l, "b", 2)}
		}, []string{"a", "b"}, 1},
		"an event twice": {func(l *ledgertest.Ledger) [][]byte {
			return [][]byte{line(t, l, "a", 1), line(t, l, "a", 1)}
		}, []string{"a"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledgertest.New(t, storetest.SQLite(t))
			if err := os.WriteFile(l.Side, bytes.Join(test.file(l), nil), 0o600); err != nil {
				t.Fatal(err)
			}
			l.Reopen(t)
			l.Add(t, ledgertest.Event("later", 3))
			if got := submitted(t, l); !slices.Equal(got, append(test.want, "later")) {
				t.Errorf("the ledger holds %q, want %q", got, test.want)
			}
			told := recovered(t, l)
			if len(told) != 1 || told[0]["unreadable"] != float64(test.unreadable) {
				t.Errorf("the recovery is recorded as %v", told)
			}
			if first := events(t, l, ledger.Query{To: 1})[0]; first.RecordedBy != "local/earlier" {
				t.Errorf("the event was recorded by %q, want who submitted it", first.RecordedBy)
			}
			gone(t, l.Side)
			if l.Unwritten() != 0 {
				t.Errorf("%d events still wait", l.Unwritten())
			}
			verify(t, l)
		})
	}
}

// A crash in the middle of the very first write leaves no whole line. What is
// kept next must not be glued to it.
func TestATornFileDoesNotSpoilWhatIsKeptNext(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	if err := os.WriteFile(l.Side, line(t, l, "torn", 1)[:25], 0o600); err != nil {
		t.Fatal(err)
	}
	door, faults := faulty(t, l)
	faults.append = []error{errFull, errFull}
	for _, id := range []string{"a", "b"} {
		if _, err := door.Append(context.Background(), ledgertest.Operator, l.Parse(t, ledgertest.Event(id, 1))); !errors.Is(err, act.ErrKept) {
			t.Fatalf("got %v, want ErrKept", err)
		}
	}
	if err := door.Close(); err != nil {
		t.Fatal(err)
	}
	l.Reopen(t)
	if got := submitted(t, l); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the ledger holds %q, want both that were kept", got)
	}
}

func TestAKeptEventWhoseKeyIsTakenIsMovedAndNamed(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		l.Add(t, ledgertest.Event("b", "first"))
		taken := line(t, l, "b", "other")
		if err := os.WriteFile(l.Side, bytes.Join([][]byte{line(t, l, "a", 1), taken, line(t, l, "c", 1)}, nil), 0o600); err != nil {
			t.Fatal(err)
		}
		l.Reopen(t)
		if got := submitted(t, l); !slices.Equal(got, []string{"b", "a", "c"}) {
			t.Errorf("the ledger holds %q", got)
		}
		told := recovered(t, l)
		if len(told) != 1 || told[0]["events"] != 2.0 || fmt.Sprint(told[0]["refused"]) != "[b]" {
			t.Errorf("the recovery is recorded as %v, want 2 events and b refused", told)
		}
		refused, err := os.ReadFile(l.Side + ".refused")
		if err != nil || !bytes.Equal(refused, taken) {
			t.Errorf("beside the side file lies %q (%v), want the refused line", refused, err)
		}
		gone(t, l.Side)
		l.Reopen(t)
		if n := len(recovered(t, l)); n != 1 {
			t.Errorf("the recovery is recorded %d times", n)
		}
		verify(t, l)
	})
}

// The ledger fails again in the middle of the recovery (its third part of the
// file), and at the end of it (the event that records it).
func TestARecoveryThatIsCutShortIsDoneAgain(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	var file [][]byte
	for i := range 2500 {
		file = append(file, line(t, l, fmt.Sprintf("e%04d", i), i))
	}
	whole := bytes.Join(file, nil)
	if err := os.WriteFile(l.Side, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, failing := range [][]error{{nil, nil, nil, errFull}, {nil, nil, errFull}} { // what is there already is not appended
		id := string(rune('x' + i))
		door, faults := faulty(t, l)
		faults.append = failing
		if _, err := door.Append(context.Background(), ledgertest.Operator, l.Parse(t, ledgertest.Event(id, 1))); err != nil {
			t.Fatal(err)
		}
		if err := door.Close(); err != nil || len(recovered(t, l)) != 0 {
			t.Fatalf("the recovery did not fail (%v)", err)
		}
		if left, err := os.ReadFile(l.Side); err != nil || !bytes.Equal(left, whole) {
			t.Fatalf("the side file was changed before its events were safe (%v)", err)
		}
	}
	l.Reopen(t)
	got := slices.DeleteFunc(submitted(t, l), func(id string) bool { return id == "x" || id == "y" })
	if len(got) != 2500 || !slices.IsSorted(got) {
		t.Errorf("%d events are in the ledger, want each of the 2,500 once, in order", len(got))
	}
	if told := recovered(t, l); len(told) != 1 || told[0]["events"] != 2500.0 {
		t.Errorf("the recovery is recorded as %v", told)
	}
	gone(t, l.Side)
	verify(t, l)
}

func TestWhatIsKeptIsOnTheDiskBeforeTheAnswerAndCounted(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	door, faults := faulty(t, l)
	faults.append = slices.Repeat([]error{errFull}, 3)
	for i, batch := range [][]string{{"a"}, {"b", "c"}, {"a"}} {
		var documents [][]byte
		for _, id := range batch {
			documents = append(documents, ledgertest.Event(id, 1))
		}
		_, err := door.Append(context.Background(), ledgertest.Operator, l.Parse(t, documents...))
		if !errors.Is(err, act.ErrKept) || !errors.Is(err, errFull) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), l.Side) {
			t.Errorf("call %d: got %v, want one line that names the cause and the file", i, err)
		}
	}
	info, err := os.Stat(l.Side)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the side file has mode %v (%v), want 0600", info.Mode(), err)
	}
	if got := counted(t, door); got != 4 || door.Unwritten() != 4 {
		t.Errorf("audit_log_write_failures_total is %v and %d events wait, want 4 and 4", got, door.Unwritten())
	}
	if _, err := door.Append(context.Background(), ledgertest.Operator, l.Parse(t, ledgertest.Event("d", 1))); err != nil {
		t.Fatal(err)
	}
	if err := door.Close(); err != nil {
		t.Fatal(err)
	}
	if got := submitted(t, l); !slices.Equal(got, []string{"d", "a", "b", "c"}) {
		t.Errorf("the ledger holds %q", got)
	}
	gone(t, l.Side)
	if got := counted(t, door); got != 4 || door.Unwritten() != 0 {
		t.Errorf("after the recovery the counter is %v, want 4 still; %d events wait", got, door.Unwritten())
	}
}

func TestWithoutRoomForTheSideFileTheCallerIsTold(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	door, faults := faulty(t, l)
	if err := os.Symlink("/dev/full", l.Side); err != nil {
		t.Fatal(err)
	}
	faults.append = []error{errFull}
	_, err := door.Append(context.Background(), ledgertest.Operator, l.Parse(t, ledgertest.Event("a", 1)))
	if !errors.Is(err, errFull) || errors.Is(err, act.ErrKept) || !strings.Contains(err.Error(), "side file could not be written") {
		t.Errorf("got %v, want the cause, and that nothing was kept", err)
	}
	if got := counted(t, door); got != 1 || door.Unwritten() != 0 {
		t.Errorf("the counter is %v with %d waiting, want 1 and 0", got, door.Unwritten())
	}
	if err := door.Close(); err != nil {
		t.Fatal(err)
	}
}
