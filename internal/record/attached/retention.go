package attached

import (
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Disposal says that somebody decided about a record that is past its
// retention. The record and its events stay: what is in the ledger is never
// deleted, and the data of persons is erased by their keys. Its id is the record's reference.
type Disposal struct {
	ID        string    `json:"id"`
	Reason    string    `json:"reason"`
	ExpiredAt time.Time `json:"expired_at"`
	At        time.Time `json:"at"`
	By        string    `json:"by"`
}

// Disposals is the register of disposals.
var Disposals = record.Define[Disposal](record.Definition{
	Kind: "disposal", Register: "disposals", Title: "Disposals of records", At: "at", Internal: true, Personal: true,
	Purpose: "Records that were kept long enough, and who let them go.",
})

// Validate says what is wrong with a disposal.
func (d *Disposal) Validate() []record.FieldError {
	if strings.TrimSpace(d.Reason) == "" {
		return []record.FieldError{{Field: "reason", Problem: "is missing: say why the record is no longer kept"}}
	}
	return nil
}

// Expired is a record that is past its retention.
type Expired struct {
	Ref       string    `json:"ref"`
	ExpiredAt time.Time `json:"expired_at"`
}

// ExpiredOf are the records of a kind that are past their retention at an
// instant and that nobody has disposed of, by their own instants.
func ExpiredOf(r *store.Reader, kind *record.Kind, now time.Time) ([]Expired, error) {
	expired := []Expired{}
	if kind.Retention.Years == 0 {
		return expired, nil
	}
	err := record.Each(r, record.Range{Kind: kind.Name}, func(v *record.Version) error {
		end, err := kind.Expires(v.Doc)
		if err == nil && end != nil && !now.Before(*end) {
			expired = append(expired, Expired{v.Ref(), *end})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	left := []Expired{}
	for _, one := range expired {
		done, _, err := current[Disposal](r, Disposals, one.Ref)
		if err != nil {
			return nil, err
		}
		if done == nil {
			left = append(left, one)
		}
	}
	return left, nil
}

// Dispose records that a record past its retention is no longer kept, and why.
// One that is not past it is ErrRefused.
func Dispose(tx *act.Tx, kind *record.Kind, id, reason string) (*Disposal, error) {
	v, err := record.Get(&tx.Reader, kind.Name, id)
	if err != nil {
		return nil, err
	}
	end, err := kind.Expires(v.Doc)
	if err != nil {
		return nil, err
	}
	if end == nil || tx.Now().Before(*end) {
		return nil, fmt.Errorf("%w: %s is not past its retention", ErrRefused, v.Ref())
	}
	disposal := &Disposal{ID: v.Ref(), Reason: reason, ExpiredAt: *end, At: tx.Now(), By: tx.Caller().ID}
	before, _, err := current[Disposal](&tx.Reader, Disposals, disposal.ID)
	if err != nil {
		return nil, err
	}
	if before != nil {
		return nil, fmt.Errorf("%w: %s has been disposed of already", record.ErrSame, v.Ref())
	}
	return disposal, put(tx, Disposals, "recorded", disposal.ID, 0, disposal)
}
