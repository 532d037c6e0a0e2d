package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
)

func lines(reader io.Reader) *Lines {
	return &Lines{Name: "events.jsonl", Reader: reader, Parser: parser, Now: func() time.Time { return now }}
}

func numbered(n int) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":"//test","type":"t"}`, n)
}

func TestALineThatIsWrongIsNamed(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		line int
		says string
	}{
		"the first":          {"{\n", 1, "malformed JSON"},
		"after empty lines":  {"\n\n" + least + "\n\n{}\n", 5, "specversion"},
		"the last, no end":   {least + "\nnonsense", 2, "not a JSON object"},
		"two in one line":    {least + least + "\n", 1, "one event a line"},
		"too large":          {least + "\n" + with(`"data":"`+strings.Repeat("x", MaxEvent)+`"`), 2, "65535"},
		"endless":            {least + "\n" + strings.Repeat("x", 3<<20), 2, "1 MiB"},
		"a byte order mark":  {least + "\n\ufeff" + least, 2, "not a JSON object"}, // at the beginning it is one of an editor
		"a list of events":   {"[" + least + "]", 1, "not a JSON object"},
		"after a full batch": {strings.Repeat(least+"\n", act.MaxBatch) + "{}", act.MaxBatch + 1, "is missing"},
	} {
		taken := 0
		err := lines(strings.NewReader(test.text)).Each(func(batch Batch) error { taken += len(batch.Entries); return nil })
		var at *LineError
		if !errors.As(err, &at) || at.Line != test.line || !strings.HasPrefix(err.Error(), fmt.Sprintf("events.jsonl:%d: ", test.line)) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want events.jsonl:%d and %q", name, err, test.line, test.says)
		}
		if taken > act.MaxBatch {
			t.Errorf("%s: %d events were handed on", name, taken)
		}
	}
}

func TestLinesComeInBatchesWithTheirNumbers(t *testing.T) {
	var text strings.Builder
	text.WriteString("\ufeff")
	const n = 2*act.MaxBatch + 5
	for i := range n {
		text.WriteString(numbered(i) + "\r\n")
		if i%3 == 0 {
			text.WriteString("  \n")
		}
	}
	seen := 0
	if err := lines(strings.NewReader(text.String())).Each(func(batch Batch) error {
		if len(batch.Entries) > act.MaxBatch || len(batch.Entries) != len(batch.Lines) {
			t.Errorf("a batch of %d events with %d lines", len(batch.Entries), len(batch.Lines))
		}
		for i, entry := range batch.Entries {
			if want := fmt.Sprintf("e%d", seen); entry.ID != want || batch.Lines[i] != seen+(seen+2)/3+1 {
				t.Fatalf("event %s of line %d, want %s of line %d", entry.ID, batch.Lines[i], want, seen+(seen+2)/3+1)
			}
			seen++
		}
		return nil
	}); err != nil || seen != n {
		t.Errorf("%d events, want %d (%v)", seen, n, err)
	}
}

// Whoever writes a line into a pipe and waits for its receipt gets it.
func TestALineFromAPipeIsHandedOnAtOnce(t *testing.T) {
	reader, writer := io.Pipe()
	taken := make(chan int)
	ended := make(chan error)
	go func() {
		ended <- lines(reader).Each(func(batch Batch) error { taken <- len(batch.Entries); return nil })
	}()
	for i := range 3 {
		if _, err := io.WriteString(writer, numbered(i)+"\n"); err != nil {
			t.Fatal(err)
		}
		if n := <-taken; n != 1 {
			t.Errorf("%d events were handed on, want the one", n)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestAnErrorOfTheReaderIsNotTakenForTheEnd(t *testing.T) {
	broken := errors.New("broken")
	err := lines(io.MultiReader(strings.NewReader(numbered(1)+"\n"), failing{broken})).Each(func(Batch) error { return nil })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestAConflictIsGivenItsLine(t *testing.T) {
	text := "\n" + numbered(0) + "\n" + numbered(1) + "\n"
	err := lines(strings.NewReader(text)).Each(func(Batch) error {
		return fmt.Errorf("outer: %w", &act.ConflictError{Position: 1, ID: "e1", Source: "//test"})
	})
	if !errors.Is(err, act.ErrConflict) || !strings.HasPrefix(err.Error(), "events.jsonl:3: ") {
		t.Errorf("got %v, want line 3", err)
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte(least + "\n" + least))
	f.Add([]byte("\n\r\n" + least + "\n{"))
	f.Fuzz(func(t *testing.T, text []byte) {
		err := lines(strings.NewReader(string(text))).Each(func(Batch) error { return context.Canceled })
		var at *LineError
		if err != nil && !errors.Is(err, context.Canceled) && !errors.As(err, &at) {
			t.Fatalf("an error without a line: %v", err)
		}
	})
}
