package results

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Reperformed is what performing a recorded test again came to.
type Reperformed struct {
	Result     string                 `json:"result"`
	Population string                 `json:"population"`
	Control    string                 `json:"control"`
	Test       string                 `json:"test"`
	Period     string                 `json:"period"`
	Checkpoint populations.Checkpoint `json:"checkpoint"`
	SHA256     string                 `json:"sha256"`  // of the population
	Details    string                 `json:"details"` // SHA-256 of the whole result
	// Same: everything is the same, to the byte. Else Differences say what is
	// not.
	Same        bool     `json:"same"`
	Differences []string `json:"differences"`
}

// ErrNoResult says: there is no such result.
var ErrNoResult = errors.New("there is no such result")

// Reperform performs a recorded test again: it reads the population, and all
// that people had decided, as of the checkpoint that the result was computed
// at, tests every item, and compares every byte. It records nothing.
func (l *Lab) Reperform(ctx context.Context, id string) (*Reperformed, error) {
	again := &Reperformed{Differences: []string{}}
	err := l.DB.Read(ctx, func(r *store.Reader) error {
		rec, err := l.recorded(ctx, r, id)
		if err != nil {
			return err
		}
		b := rec.Banked
		*again = Reperformed{
			Result: id, Population: b.ID, Control: b.Control, Test: b.Test, Period: b.Period,
			Checkpoint: b.Checkpoint, SHA256: b.SHA256, Details: rec.Result.Details, Differences: []string{},
		}
		if root, err := ledger.RootAt(r, b.Checkpoint.Size); err != nil {
			return err
		} else if hex.EncodeToString(root[:]) != b.Checkpoint.Root {
			again.Differences = append(again.Differences, fmt.Sprintf("%s: it was read at a checkpoint of size %d with root %s, the log had %x", b.ID, b.Checkpoint.Size, b.Checkpoint.Root, root[:]))
		}
		return Again(ctx, populations.Stored(r), l.Kinds, []*Recorded{rec}, func(_ int, differences []string) error {
			again.Differences = append(again.Differences, differences...)
			return nil
		})
	})
	again.Same = err == nil && len(again.Differences) == 0
	return again, err
}

// recorded reads what is recorded of a result.
func (l *Lab) recorded(ctx context.Context, r *store.Reader, id string) (*Recorded, error) {
	v, err := record.Get(r, Register.Name, id)
	if errors.Is(err, record.ErrNone) {
		return nil, fmt.Errorf("%w: %q", ErrNoResult, id)
	}
	if err != nil {
		return nil, err
	}
	rec := &Recorded{ResultDoc: v.Doc, Details: func(hash string) ([]byte, error) { return l.evidence(ctx, hash) }}
	if rec.Result, err = decode[Result](v); err != nil {
		return nil, err
	}
	if v, err = record.Get(r, populations.Register.Name, rec.Result.Population); err != nil {
		return nil, err
	}
	rec.BankedDoc = v.Doc
	if rec.Banked, err = decode[populations.Banked](v); err != nil {
		return nil, err
	}
	rec.Control, err = l.files().Control(ctx, rec.Result.ControlSHA256, nil)
	return rec, err
}

// maxDetails bounds an evidence file that is read whole, in bytes.
const maxDetails = 64 << 20

// evidence reads an evidence file.
func (l *Lab) evidence(ctx context.Context, hash string) ([]byte, error) {
	file, err := l.Blobs.Open(ctx, hash)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxDetails+1))
	if err == nil && len(data) > maxDetails {
		err = fmt.Errorf("the evidence file %s has more than %d bytes", hash, maxDetails)
	}
	return data, err
}

// Result reads a result.
func (l *Lab) Result(ctx context.Context, id string) (result *Result, err error) {
	err = l.DB.Read(ctx, func(r *store.Reader) error {
		v, err := record.Get(r, Register.Name, id)
		if errors.Is(err, record.ErrNone) {
			return fmt.Errorf("%w: %q", ErrNoResult, id)
		}
		if err == nil {
			result, err = decode[Result](v)
		}
		return err
	})
	return result, err
}
