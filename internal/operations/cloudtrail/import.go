package cloudtrail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/cloudtrail/trail"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/record"
)

// Import takes the records of log files into the ledger. Records that are
// there already are passed over.
type Import struct {
	Door   *act.Door
	Caller act.Caller
	Blobs  blob.Store
	// Parse checks an event by the ledger's rules, which hold for these events
	// like for submitted ones.
	Parse func(document []byte, now time.Time) (act.Entry, error)
	// Size is that of the ledger before the import: a receipt with a smaller
	// index is of an event that was there.
	Size int64
	// Paths are files and folders.
	Paths []string
	// Progress is told how many bytes of the files have been read, of how many.
	Progress func(done, total int64)
}

const importCloudTrail = "import.cloudtrail"

// ErrNothing says that not one of the files could be read.
var ErrNothing = errors.New("nothing could be read")

// Run reads the files and takes their records. The result speaks for all
// accounts; the ledger gets one event at the end for each account. An error
// says that nothing could be read, or that the ledger could not be written.
func (in Import) Run(ctx context.Context) (*record.Completed, error) {
	if err := in.Door.Check(ctx, in.Caller, importCloudTrail, "ledger"); err != nil {
		return nil, err
	}
	r := &run{Import: in, accounts: map[string]*record.Summary{}, all: &record.Summary{Reasons: []record.Refusal{}}}
	reader, err := trail.Open(in.Paths, trail.Options{Progress: func(p trail.Progress) {
		if in.Progress != nil {
			in.Progress(p.Bytes, p.AllBytes)
		}
	}})
	if err != nil {
		return nil, err
	}
	if err := r.records(ctx, reader); err != nil {
		return nil, err
	}
	found := reader.Summary()
	if err := nothing(found); err != nil {
		return nil, err
	}
	return r.complete(ctx, found)
}

// nothing explains why there was no log file and no digest file at all.
func nothing(found trail.Summary) error {
	if found.LogFiles+found.DigestFiles > 0 {
		return nil
	}
	notes := append(found.Refused, found.Skipped...) //nolint:gocritic // read only
	switch len(notes) {
	case 0:
		return fmt.Errorf("%w: the folder holds no file whose name ends in .json or .json.gz", ErrNothing)
	case 1:
		return fmt.Errorf("%w: %s", ErrNothing, notes[0])
	}
	return fmt.Errorf("%w: %s (and %d more)", ErrNothing, notes[0], len(notes)-1)
}

// run is one import at work.
type run struct {
	Import
	all      *record.Summary
	accounts map[string]*record.Summary
	last     int64 // greatest index of an event that this import or an earlier one made
	blobs    int64
}

// item is a record as an event.
type item struct {
	where   string
	account string
	entry   act.Entry
	refused error
	blob    bool
}

// records streams the records into the ledger: while one batch is written,
// the next one is read.
func (r *run) records(ctx context.Context, reader *trail.Reader) error {
	ctx, stop := context.WithCancel(ctx)
	batches := make(chan []item, 1)
	var broken error
	go func() {
		defer close(batches)
		broken = r.read(ctx, reader, batches)
	}()
	defer func() {
		stop()
		for range batches { // until the reader has ended
		}
	}()
	r.last = r.Size - 1
	for batch := range batches {
		if err := r.take(ctx, batch); err != nil {
			return err
		}
	}
	return broken
}

func (r *run) read(ctx context.Context, reader *trail.Reader, to chan<- []item) error {
	var batch []item
	send := func() error {
		select {
		case to <- batch:
			batch = nil
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for found, err := range reader.Records(ctx) {
		if err != nil {
			return err
		}
		one := item{where: fmt.Sprintf("%s: record %d", found.File, found.Number), account: found.AccountID}
		if err := r.convert(ctx, &found, &one); err != nil {
			return err
		}
		if batch = append(batch, one); len(batch) == act.MaxBatch {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}

// convert makes the event of a record. The error is the blob store's; what is
// wrong with the record itself is in the item.
func (r *run) convert(ctx context.Context, found *trail.Record, to *item) error {
	event := newEnvelope(found)
	event.Data = found.Raw
	document, err := event.encode()
	if err == nil && len(document) <= maxInline {
		to.entry, to.refused = r.Parse(document, r.Door.Clock.Now())
		if to.refused == nil || jsontext.Value(found.Raw).IsValid() {
			return nil
		}
		// The ledger takes strict JSON only; CloudTrail's need not be.
	}
	hash, size, err := r.Blobs.Put(ctx, bytes.NewReader(found.Raw))
	if err != nil {
		return fmt.Errorf("%s: %w", to.where, err)
	}
	to.blob = true
	to.entry, to.refused = r.referring(event, found.Raw, hash, size)
	return nil
}

// referring is the event of a record that is kept as a blob.
func (r *run) referring(event envelope, raw []byte, hash string, size int64) (act.Entry, error) {
	var err error
	if event.Data, err = reference(raw, hash, size); err != nil {
		return act.Entry{}, err
	}
	document, err := event.encode()
	if err != nil {
		return act.Entry{}, err
	}
	return r.Parse(document, r.Door.Clock.Now())
}

// take writes one batch.
func (r *run) take(ctx context.Context, batch []item) error {
	good := make([]item, 0, len(batch))
	for _, one := range batch {
		r.each(one, func(s *record.Summary) { s.Read++ })
		if one.refused != nil {
			r.refuse(one, one.refused)
			continue
		}
		good = append(good, one)
	}
	return r.append(ctx, good)
}

// append writes events. Where one of them has an id that is taken by another
// content, halves are tried, so that it is refused alone.
func (r *run) append(ctx context.Context, batch []item) error {
	if len(batch) == 0 {
		return nil
	}
	entries := make([]act.Entry, len(batch))
	for i := range batch {
		entries[i] = batch[i].entry
	}
	receipts, err := r.Door.Append(ctx, r.Caller, entries)
	if errors.Is(err, act.ErrConflict) {
		if len(batch) == 1 {
			r.refuse(batch[0], err)
			return nil
		}
		if err := r.append(ctx, batch[:len(batch)/2]); err != nil {
			return err
		}
		return r.append(ctx, batch[len(batch)/2:])
	}
	if err != nil {
		return err
	}
	for i, receipt := range receipts {
		// New events have growing indexes; one that was there, or came twice,
		// has an index that was given before.
		if receipt.Index <= r.last {
			r.each(batch[i], func(s *record.Summary) { s.Skipped++ })
			continue
		}
		r.last = receipt.Index
		r.each(batch[i], func(s *record.Summary) { s.Taken++ })
		if batch[i].blob {
			r.blobs++
		}
	}
	return nil
}

func (r *run) refuse(one item, reason error) {
	r.each(one, func(s *record.Summary) { s.Refuse(one.where, reason) })
}

// each counts for the account and for all.
func (r *run) each(one item, count func(*record.Summary)) {
	count(r.all)
	count(r.account(one.account))
}

func (r *run) account(id string) *record.Summary {
	if r.accounts[id] == nil {
		r.accounts[id] = &record.Summary{Reasons: []record.Refusal{}}
	}
	return r.accounts[id]
}
