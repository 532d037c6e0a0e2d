package surface

import (
	"context"
	"fmt"
	"slices"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/stamps"
)

// verification is what is verified of this system's ledger: log, tiles,
// publications, state, and the time stamps that the log holds; and, where indexes
// is true, that the database's indexes lead to every record.
func (s *System) verification(found *stamps.Found, folders []string, indexes bool) ledger.Verification {
	return ledger.Verification{
		VerifierKey: s.VerifierKey,
		Folders:     folders,
		State: func(r *store.Reader, from, to int64, own []*ledger.Event) error {
			applied := make([]record.Applied, len(own))
			for i, event := range own {
				applied[i] = record.Applied{Index: event.Index, Type: event.Type, Subject: event.Subject, Data: event.Data}
				if err := found.Check(event); err != nil {
					return err
				}
			}
			return asDamage(s.Kinds.Check(r, from, to, applied))
		},
		Closing: func(r *store.Reader, head ledger.Head, read []ledger.Span) error {
			if indexes {
				if err := asDamage(s.Kinds.CheckLists(r)); err != nil {
					return err
				}
			}
			for _, span := range read {
				if err := asDamage(record.CheckEnds(r, span.From, span.To)); err != nil {
					return err
				}
			}
			return asDamage(record.CheckOutside(r, head.Size))
		},
	}
}

// Verified is what a verification that found nothing wrong has read, and since
// when what it read is known to exist.
type Verified struct {
	*ledger.Verified
	// Existed gives the earliest independent time for ranges of events, in the
	// order of the ledger. For events in none of them there is only the
	// ledger's own word (self-asserted).
	Existed []stamps.Existed `json:"existed"`
	// Stamps is the number of time stamps that were checked, Unchecked of those
	// that were not since no root certificates are configured.
	Stamps    int `json:"stamps"`
	Unchecked int `json:"stamps_unchecked,omitempty"`
}

// Verify verifies the ledger: the whole of it, or the events in some spans
// (see ledger.Verification.Only). With spans, also with one that holds
// everything, the search index is computed again from the events that are
// read. The indexes of the records' table are checked with the beginning of the
// log: by the whole, and by spans that hold event 0. The first difference is a *ledger.DamageError.
func (s *System) Verify(ctx context.Context, only []ledger.Span, progress func(done, total int64)) (*Verified, error) {
	folders, err := s.Publications()
	if err != nil {
		return nil, err
	}
	found := &stamps.Found{VerifierKey: s.VerifierKey, Roots: s.stampRoots}
	check := s.verification(found, folders, only == nil || slices.ContainsFunc(only, func(s ledger.Span) bool { return s.From == 0 && s.To > 0 }))
	check.Only, check.Index, check.Progress = only, only != nil, progress
	verified, err := check.Verify(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	return &Verified{Verified: verified, Existed: found.Existed(), Stamps: found.Checked(), Unchecked: found.Unchecked()}, nil
}

// TimeText says in a line or two since when the events are known to exist.
func (v *Verified) TimeText() []string {
	switch {
	case len(v.Existed) == 0 && v.Unchecked > 0:
		return []string{fmt.Sprintf("self-asserted: %d time stamps could not be checked", v.Unchecked), "without root certificates (timestamp_roots in scaf.json)"}
	case len(v.Existed) == 0:
		return []string{"self-asserted"}
	}
	last := v.Existed[len(v.Existed)-1]
	lines := []string{
		fmt.Sprintf("events 0 to %d existed at %s", last.To-1, last.Time.Format("2006-01-02T15:04:05Z07:00")),
		fmt.Sprintf("(%s)", last.Authority),
	}
	if first := v.Existed[0]; len(v.Existed) > 1 {
		lines = append(lines, fmt.Sprintf("the first %d of them at %s; %d time stamps", first.To, first.Time.Format("2006-01-02T15:04:05Z07:00"), v.Stamps))
	}
	if last.To < v.Size {
		lines = append(lines, "later events are self-asserted")
	}
	return lines
}
