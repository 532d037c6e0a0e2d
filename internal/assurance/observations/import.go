package observations

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Import is a file of observations, one JSON object a line, on its way into
// the ledger.
type Import struct {
	DB   *store.DB
	Door *act.Door
	Name string
	File io.ReadSeeker
	// Progress is told how many lines have been taken, of how many.
	Progress func(done, total int64)
}

// query is the exact query of an import.
type query struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// Run checks the file whole, then records what is not in the ledger yet, in
// batches, and at the end the import itself. A line that is wrong is named by
// an error, and nothing is taken.
func (i *Import) Run(ctx context.Context, caller act.Caller, now time.Time) (*record.Completed, error) {
	if err := i.Door.Check(ctx, caller, "observation.record", "observations"); err != nil {
		return nil, err
	}
	done := &record.Completed{Source: "observations", Register: "observations", Summary: &record.Summary{Reasons: []record.Refusal{}}, Complete: true, Gaps: []string{}}
	var from, to time.Time
	sources := map[string]bool{}
	var capture func(time.Time) error
	known := map[[sha256.Size]byte]bool{}
	if err := i.DB.Read(ctx, func(r *store.Reader) (err error) {
		capture, err = periods.Capture(r)
		return err
	}); err != nil {
		return nil, err
	}
	sum, err := i.each(func(o *Observation) error {
		done.Read++
		if from.IsZero() || o.ObservedAt.Before(from) {
			from = o.ObservedAt
		}
		if o.ObservedAt.After(to) {
			to = o.ObservedAt
		}
		sources[o.Source] = true
		return o.timely(now, capture)
	})
	if err != nil {
		return nil, err
	}
	if done.Read == 0 {
		return nil, fmt.Errorf("%w: %s holds none", ErrInvalid, i.Name)
	}
	if err := i.DB.Read(ctx, func(r *store.Reader) error {
		return ledger.FindIn(r, ledger.Query{Type: RecordedType, Since: from, Until: to.Add(time.Microsecond)}, func(e *ledger.Event) error {
			var o Observation
			if err := json.Unmarshal(e.Data, &o); err != nil {
				return &ledger.DamageError{Index: e.Index, What: "the observation's data cannot be read"}
			}
			known[o.digest()] = true
			return nil
		})
	}); err != nil {
		return nil, err
	}
	if _, err := i.File.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	var batch []Observation
	taken := int64(0)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		_, err := Record(ctx, i.Door, caller, batch...)
		done.Taken += int64(len(batch))
		batch = batch[:0]
		return err
	}
	again, err := i.each(func(o *Observation) error {
		if taken++; i.Progress != nil {
			i.Progress(taken, done.Read)
		}
		key := o.digest()
		if known[key] {
			done.Skipped++
			return nil
		}
		known[key] = true
		if batch = append(batch, *o); len(batch) == act.MaxBatch {
			return flush()
		}
		return nil
	})
	if err := errors.Join(err, flush()); err != nil {
		return nil, err
	}
	if again != sum {
		return nil, fmt.Errorf("%s changed while it was read", i.Name)
	}
	until := to.Add(time.Microsecond)
	done.Since, done.Until, done.Query = &from, &until, query{i.Name, sum}
	if len(sources) == 1 {
		done.Scope = slices.Collect(maps.Keys(sources))[0]
	}
	return done, record.Complete(ctx, i.Door, caller, "observation.record", "observations", *done)
}

// each reads the file's observations and returns its SHA-256.
func (i *Import) each(take func(*Observation) error) (string, error) {
	file := controltests.NewFile(i.Name, i.File)
	for item, err := range file.Items() {
		if err != nil {
			return "", err
		}
		o, err := Parse(item.JSON)
		if err == nil {
			err = take(o)
		}
		if err != nil {
			return "", &controltests.InputError{Name: i.Name, Line: item.Line, Err: err}
		}
	}
	return file.SHA256(), nil
}

// digest tells observations apart: two that say the same are one.
func (o *Observation) digest() (sum [sha256.Size]byte) {
	doc, err := record.Canonical(o)
	if err != nil { // checked before, or read from the ledger
		doc = fmt.Append(nil, o)
	}
	return sha256.Sum256(doc)
}
