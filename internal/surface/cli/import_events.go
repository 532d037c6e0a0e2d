package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

// eventsQuery is the exact query of an import of events.
type eventsQuery struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

func (p *program) importEvents() *cobra.Command {
	return &cobra.Command{
		Use:   "events FILE|-",
		Short: "Take CloudEvents (JSON lines) into the ledger; print a summary",
		Long: `Take CloudEvents 1.0, one JSON document a line, into the ledger. The file is
checked whole before its first event is written, what comes through a pipe too: a
line that is wrong is named, and nothing is taken. Events that are in the ledger
already are skipped.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				return p.takeEvents(cmd.Context(), s, given[0])
			})
		},
	}
}

func (p *program) takeEvents(ctx context.Context, s *surface.System, name string) error {
	const action = "import.events"
	if err := s.Allow(ctx, caller(), action, "ledger"); err != nil {
		return err
	}
	file, name, release, err := p.staged(name)
	if err != nil {
		return err
	}
	defer release()
	lines := &ledger.Lines{Name: name, Reader: file, Parser: s.Parser(), Now: s.Clock.Now}
	if err := lines.Check(ctx, s.DB); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	size, err := ledgerSize(ctx, s)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	sum := sha256.New()
	lines.Reader = io.TeeReader(file, sum)
	taking := events{last: size - 1, now: s.Clock.Now(), sources: map[string]bool{}}
	show, finish := p.progress("importing events")
	err = lines.Each(func(batch ledger.Batch) error {
		receipts, err := s.Door.Append(ctx, caller(), batch.Entries)
		if err != nil {
			return err
		}
		for i, receipt := range receipts {
			taking.count(batch.Entries[i].Source, batch.Entries[i].Time, receipt.Index)
		}
		read, err := file.Seek(0, io.SeekCurrent)
		show(read, info.Size())
		return err
	})
	finish()
	if err != nil {
		return err
	}
	done := taking.completed()
	done.Query = eventsQuery{name, hex.EncodeToString(sum.Sum(nil))}
	if err := record.Complete(ctx, s.Door, caller(), action, "events", *done); err != nil {
		return err
	}
	return p.imported(done, "Import of the events in "+name, "events", func(w io.Writer) {
		printf(w, "interval     %s\n", period(done.Since, done.Until))
	})
}

// events counts what an import of events takes.
type events struct {
	record.Summary
	last    int64 // greatest index so far
	now     time.Time
	from    time.Time
	to      time.Time
	sources map[string]bool // the first two
}

func (e *events) count(source string, at time.Time, index int64) {
	e.Read++
	// New events have growing indexes; one that was there, or came twice, has
	// an index that was given before.
	if index > e.last {
		e.Taken, e.last = e.Taken+1, index
	} else {
		e.Skipped++
	}
	if at.IsZero() {
		at = e.now
	}
	if e.from.IsZero() || at.Before(e.from) {
		e.from = at
	}
	if at.After(e.to) {
		e.to = at
	}
	if len(e.sources) < 2 {
		e.sources[source] = true
	}
}

// completed says what the import speaks for: from the earliest event to just
// after the latest one, of their source when it is one.
func (e *events) completed() *record.Completed {
	if e.Read == 0 {
		e.from, e.to = e.now, e.now
	} else {
		e.to = e.to.Add(time.Microsecond)
	}
	since, until := e.from.UTC(), e.to.UTC()
	e.Reasons = []record.Refusal{}
	done := &record.Completed{
		Source: "events", Register: "events", Since: &since, Until: &until, Summary: &e.Summary, Complete: true, Gaps: []string{},
	}
	if len(e.sources) == 1 {
		done.Scope = slices.Collect(maps.Keys(e.sources))[0]
	}
	return done
}
