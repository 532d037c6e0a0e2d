// Package documents keeps the evidence that people have to read: files and
// extracts with their hash, where they come from, what they cover, who prepared
// them, and what somebody else concluded of them.
package documents

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/media"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// MaxFile is the largest evidence file in bytes: one that a verifier of a
// bundle can read whole.
const MaxFile = 64 << 20

// Evidence is a file or extract that shows how a control was performed.
type Evidence struct {
	ID      string `json:"id"` // EVD-1, EVD-2 ...
	Control string `json:"control"`
	Test    string `json:"test"`
	File    string `json:"file"` // its name
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	// Source is the system that it comes from, Query exactly enough to get it
	// again.
	Source string `json:"source"`
	Query  string `json:"query"`
	// CollectedAt is when it was taken from the source, EffectiveAt the moment
	// whose state it shows; From and To are what it covers, To not included.
	CollectedAt time.Time `json:"collected_at"`
	EffectiveAt time.Time `json:"effective_at"`
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	PreparedBy  string    `json:"prepared_by"`
	// EnteredBy is who entered it on behalf of the preparer (ADR 16).
	EnteredBy  string               `json:"entered_by,omitempty"`
	RecordedAt time.Time            `json:"recorded_at"`
	State      string               `json:"state"`
	Review     *controltests.Review `json:"review,omitempty"`
}

// States of evidence.
const (
	Prepared = "prepared"
	Accepted = string(controltests.Accepted)
	Rejected = string(controltests.NotAccepted)
)

// Register describes the register of evidence.
var Register = record.Define[Evidence](record.Definition{
	Kind: "evidence", Register: "evidence", Title: "Evidence", At: "collected_at", Internal: true,
	Purpose: "Documents that show that controls work, and who read them.",
	Shown:   []string{"control", "test", "file", "state", "source", "prepared_by", "collected_at"},
	Columns: []record.Column{
		{Field: "collected_at", Label: "Collected", Filter: true, Sort: true},
		{Field: "control", Label: "Control", Filter: true},
		{Field: "state", Label: "State", Filter: true},
	},
})

// Errors of evidence.
var (
	// ErrInvalid: it is no evidence as it stands; what follows says why.
	ErrInvalid = errors.New("the evidence is refused")
)

const maxText = 2000 // bytes

// Add keeps a file as evidence, prepared by the caller, unless it is refused by what it
// holds (media.Look). The blob is durable before the event that names it.
func Add(ctx context.Context, door *act.Door, blobs blob.Store, caller act.Caller, e Evidence, file io.Reader) (*Evidence, error) {
	if err := door.Check(ctx, caller, "evidence.add", "control/"+e.Control); err != nil {
		return nil, err
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	_, in, err := media.Look(e.File, file)
	if err != nil {
		return nil, fmt.Errorf("%w: the file %q %w", ErrInvalid, e.File, err)
	}
	limited := &limit{reader: in, left: MaxFile}
	if e.SHA256, e.Size, err = blobs.Put(ctx, limited); err != nil {
		return nil, err
	}
	_, err = door.Do(ctx, caller, "evidence.add", "control/"+e.Control, func(tx *act.Tx) error {
		number, err := record.Number(&tx.Reader, Register.Name)
		if err != nil {
			return err
		}
		now := tx.Now()
		e.ID = fmt.Sprintf("EVD-%d", number)
		e.PreparedBy, e.EnteredBy = tx.Caller().ID, tx.Caller().By
		e.RecordedAt, e.State, e.Review = now, Prepared, nil
		if e.CollectedAt.IsZero() {
			e.CollectedAt = now
		}
		if e.EffectiveAt.IsZero() {
			e.EffectiveAt = e.CollectedAt
		}
		for name, at := range map[string]time.Time{"the collection time": e.CollectedAt, "the effective date": e.EffectiveAt} {
			if at.After(now) {
				return fmt.Errorf("%w: %s %s has not come: it is %s", ErrInvalid, name, at.Format(time.RFC3339), now.Format(time.RFC3339))
			}
		}
		_, err = record.Put(tx, Register, record.Change{Verb: "collected", ID: e.ID, Doc: e})
		return err
	})
	return &e, err
}

// limit reads up to a number of bytes; more is an error.
type limit struct {
	reader io.Reader
	left   int64
}

func (l *limit) Read(p []byte) (int, error) {
	n, err := l.reader.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("%w: the file has more than %d bytes", ErrInvalid, MaxFile)
	}
	return n, err
}

func (e *Evidence) check() error {
	for _, f := range []struct{ name, text string }{{"the control", e.Control}, {"the test", e.Test}, {"the file's name", e.File}, {"the source", e.Source}, {"the query", e.Query}} {
		if strings.TrimSpace(f.text) == "" {
			return fmt.Errorf("%w: %s is missing", ErrInvalid, f.name)
		}
		if len(f.text) > maxText {
			return fmt.Errorf("%w: %s has %d bytes, at most %d are taken", ErrInvalid, f.name, len(f.text), maxText)
		}
	}
	for _, at := range []*time.Time{&e.CollectedAt, &e.EffectiveAt, &e.From, &e.To} {
		*at = at.UTC().Truncate(time.Microsecond)
	}
	if !e.From.Before(e.To) {
		return fmt.Errorf("%w: what it covers ends (%s) before it begins (%s), or is empty", ErrInvalid, e.To.Format(time.RFC3339), e.From.Format(time.RFC3339))
	}
	return nil
}

// Conclude records what a reviewer concluded of evidence, once: somebody other
// than the preparer, and than who entered it (act.ErrSamePerson).
func Conclude(ctx context.Context, door *act.Door, caller act.Caller, id string, conclusion controltests.ReviewConclusion, reason string) (*Evidence, error) {
	switch {
	case conclusion != controltests.Accepted && conclusion != controltests.NotAccepted:
		return nil, fmt.Errorf("%w: the conclusion %q is not known: accepted or rejected", ErrInvalid, conclusion)
	case strings.TrimSpace(reason) == "":
		return nil, fmt.Errorf("%w: a review says why", ErrInvalid)
	case len(reason) > maxText:
		return nil, fmt.Errorf("%w: the reason has %d bytes, at most %d are taken", ErrInvalid, len(reason), maxText)
	}
	var e *Evidence
	_, err := door.Do(ctx, caller, "evidence.review", "evidence/"+id, func(tx *act.Tx) error {
		var version int
		var err error
		if e, version, err = get(&tx.Reader, id); err != nil {
			return err
		}
		if by := tx.Caller(); by.ID == e.PreparedBy || by.ID == e.EnteredBy {
			return fmt.Errorf("%w: %s prepared or entered %s, and cannot review it", act.ErrSamePerson, by.ID, id)
		}
		if e.Review != nil {
			return fmt.Errorf("%w: %s was %s by %s: add evidence anew", record.ErrSame, id, e.State, e.Review.By)
		}
		e.Review = &controltests.Review{By: tx.Caller().ID, EnteredBy: tx.Caller().By, At: tx.Now(), Conclusion: conclusion, Reason: reason}
		e.State = string(conclusion)
		_, err = record.Put(tx, Register, record.Change{Verb: "reviewed", ID: id, Doc: e, Expect: version})
		return err
	})
	return e, err
}

// Get reads evidence.
func Get(r *store.Reader, id string) (*Evidence, error) {
	e, _, err := get(r, id)
	return e, err
}

func get(r *store.Reader, id string) (*Evidence, int, error) {
	v, err := record.Get(r, Register.Name, id)
	if err != nil {
		return nil, 0, err
	}
	e := &Evidence{}
	return e, v.Version, json.Unmarshal(v.Doc, e)
}

// List reads the evidence of a control, of all controls when it is empty, in
// the order of its collection.
func List(r *store.Reader, control string) ([]Evidence, error) {
	all := []Evidence{}
	err := record.Each(r, record.Range{Kind: Register.Name}, func(v *record.Version) error {
		var e Evidence
		if err := json.Unmarshal(v.Doc, &e); err != nil {
			return err
		}
		if control == "" || e.Control == control {
			all = append(all, e)
		}
		return nil
	})
	return all, err
}
