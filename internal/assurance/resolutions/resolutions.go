// Package resolutions keeps what people found out about items that do not
// agree: a mismatch between two populations, or two instants on different sides
// of a period's end. One person proposes a resolution, another confirms it, and
// that other one is not the control's owner; before, it resolves nothing.
package resolutions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Resolution says why a mismatch is none, or what it comes from.
type Resolution struct {
	ID      string `json:"id"` // RSL-1, RSL-2 ...
	Period  string `json:"period"`
	Control string `json:"control"`
	Test    string `json:"test"`
	// Mismatch is its id in the result.
	Mismatch string `json:"mismatch"`
	Reason   string `json:"reason"`
	// Owner is the control's, as its file names it.
	Owner      string    `json:"owner"`
	State      string    `json:"state"`
	ProposedAt time.Time `json:"proposed_at"`
	ProposedBy string    `json:"proposed_by"`
	// EnteredBy is who entered it on behalf of another (ADR 16).
	EnteredBy   string     `json:"entered_by,omitempty"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty"`
	ConfirmedBy string     `json:"confirmed_by,omitempty"`
	// ConfirmedVia is who entered the confirmation on behalf of another.
	ConfirmedVia string `json:"confirmed_via,omitempty"`
}

// States of a resolution.
const (
	Proposed  = "proposed"
	Confirmed = "confirmed"
)

// Register describes the register of resolutions.
var Register = record.Define[Resolution](record.Definition{
	Kind: "resolution", Register: "resolutions", Title: "Resolutions", At: "proposed_at", Internal: true,
	Purpose: "Differences between two sources, and why they are none.",
	Shown:   []string{"control", "test", "period", "mismatch", "state", "proposed_at"},
})

// Errors of resolutions.
var (
	// ErrInvalid: it is no resolution as it stands.
	ErrInvalid = errors.New("the resolution is refused")
	// ErrWrong: it could not have been recorded so.
	ErrWrong = errors.New("no resolution comes about so")
)

const maxText = 2000 // bytes

// Propose records a resolution, which waits for its confirmation.
func Propose(ctx context.Context, door *act.Door, caller act.Caller, r Resolution) (*Resolution, error) {
	for _, f := range []struct{ name, text string }{{"the period", r.Period}, {"the control", r.Control}, {"the test", r.Test}, {"the mismatch", r.Mismatch}, {"the reason", r.Reason}} {
		if strings.TrimSpace(f.text) == "" {
			return nil, fmt.Errorf("%w: %s is missing", ErrInvalid, f.name)
		}
		if len(f.text) > maxText {
			return nil, fmt.Errorf("%w: %s has %d bytes, at most %d are taken", ErrInvalid, f.name, len(f.text), maxText)
		}
	}
	_, err := door.Do(ctx, caller, "resolution.propose", "control/"+r.Control, func(tx *act.Tx) error {
		number, err := record.Number(&tx.Reader, Register.Name)
		if err != nil {
			return err
		}
		r.ID, r.State = fmt.Sprintf("RSL-%d", number), Proposed
		r.ProposedAt, r.ProposedBy, r.EnteredBy = tx.Now(), tx.Caller().ID, tx.Caller().By
		r.ConfirmedAt, r.ConfirmedBy, r.ConfirmedVia = nil, "", ""
		_, err = record.Put(tx, Register, record.Change{Verb: "proposed", ID: r.ID, Doc: r})
		return err
	})
	return &r, err
}

// Confirm confirms a resolution: from now on it resolves its mismatch. Neither
// who proposed or entered it nor the control's owner can (act.ErrSamePerson).
func Confirm(ctx context.Context, door *act.Door, caller act.Caller, id string) (*Resolution, error) {
	var r *Resolution
	_, err := door.Do(ctx, caller, "resolution.confirm", "resolution/"+id, func(tx *act.Tx) error {
		v, err := record.Get(&tx.Reader, Register.Name, id)
		if err != nil {
			return err
		}
		r = &Resolution{}
		if err := json.Unmarshal(v.Doc, r); err != nil {
			return err
		}
		by, err := versions.ActorOf(&tx.Reader, tx.Caller())
		if err != nil {
			return err
		}
		if r.State == Confirmed {
			return fmt.Errorf("%w: %s was confirmed by %s", record.ErrSame, id, r.ConfirmedBy)
		}
		before, now := *r, tx.Now()
		r.State, r.ConfirmedAt, r.ConfirmedBy, r.ConfirmedVia = Confirmed, &now, by.ID, by.By
		if err := r.Follows(&before, by, now); err != nil {
			return err
		}
		_, err = record.Put(tx, Register, record.Change{Verb: "confirmed", ID: id, Doc: r, Expect: v.Version})
		return err
	})
	return r, err
}

// Follows checks what somebody recorded about a mismatch at an instant, after
// what was recorded before (nil: nothing): act.ErrSamePerson, ErrWrong.
func (r *Resolution) Follows(before *Resolution, by versions.Actor, at time.Time) error {
	wrong := func(what string) error { return fmt.Errorf("%w: %s: %s", ErrWrong, r.ID, what) }
	if before == nil {
		switch {
		case r.State != Proposed || r.ConfirmedAt != nil || r.ConfirmedBy != "" || r.ConfirmedVia != "":
			return wrong("it is proposed first")
		case r.ProposedBy != by.ID || r.EnteredBy != by.By || !r.ProposedAt.Equal(at):
			return wrong("it is proposed by who records it, then")
		}
		return nil
	}
	same := *r
	same.State, same.ConfirmedAt, same.ConfirmedBy, same.ConfirmedVia = before.State, before.ConfirmedAt, before.ConfirmedBy, before.ConfirmedVia
	switch {
	case before.State != Proposed || r.State != Confirmed || same != *before:
		return wrong("it is confirmed as it was proposed, and changes no more")
	case r.ConfirmedBy != by.ID || r.ConfirmedVia != by.By || r.ConfirmedAt == nil || !r.ConfirmedAt.Equal(at):
		return wrong("it is confirmed by who records it, then")
	case by.ID == r.ProposedBy || by.ID == r.EnteredBy:
		return fmt.Errorf("%w: %s proposed or entered %s, and cannot confirm it", act.ErrSamePerson, by.ID, r.ID)
	case versions.Owns(r.Owner, by):
		return fmt.Errorf("%w: %s is the owner of %s, and cannot confirm it", act.ErrSamePerson, by.ID, r.Control)
	}
	return nil
}

// List reads the resolutions of a period, of all periods when it is empty.
func List(r *store.Reader, period string) ([]Resolution, error) {
	all := []Resolution{}
	err := record.Each(r, record.Range{Kind: Register.Name}, func(v *record.Version) error {
		var one Resolution
		if err := json.Unmarshal(v.Doc, &one); err != nil {
			return err
		}
		if period == "" || one.Period == period {
			all = append(all, one)
		}
		return nil
	})
	return all, err
}

// Says is the resolution in a sentence, with everybody who took part.
func (r *Resolution) Says() string {
	by := func(who, via string) string {
		if via != "" {
			return who + " (entered by " + via + ")"
		}
		return who
	}
	return fmt.Sprintf("%s is resolved by %s: %s; proposed by %s, confirmed by %s", r.Mismatch, r.ID, r.Reason, by(r.ProposedBy, r.EnteredBy), by(r.ConfirmedBy, r.ConfirmedVia))
}
