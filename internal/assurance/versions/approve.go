package versions

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Desk is where versions are proposed, decided on and assessed.
type Desk struct {
	Door  *act.Door
	Blobs blob.Store
	Kinds record.Kinds
}

// Propose puts a control file forward, to be in force from an instant on. The
// file is kept.
func (d *Desk) Propose(ctx context.Context, caller act.Caller, control *controls.Control, effective time.Time) (*Version, error) {
	if err := d.Door.Check(ctx, caller, "control.propose", "control/"+control.ID); err != nil {
		return nil, err
	}
	if err := d.keep(ctx, control); err != nil {
		return nil, err
	}
	effective = effective.UTC().Truncate(time.Microsecond)
	var v *Version
	_, err := d.Door.Do(ctx, caller, "control.propose", "control/"+control.ID, func(tx *act.Tx) error {
		of, err := Of(populations.Stored(&tx.Reader), control.ID, 0)
		if err != nil {
			return err
		}
		for _, other := range of {
			if other.State == Proposed && other.SHA256 == control.SHA256 && other.EffectiveFrom.Equal(effective) {
				return fmt.Errorf("%w: %s is proposed already, and waits for another person's approval", record.ErrSame, other.ID)
			}
		}
		v = of0(control, len(of)+1)
		v.State, v.EffectiveFrom, v.ProposedBy, v.ProposedVia, v.ProposedAt = Proposed, &effective, tx.Caller().ID, tx.Caller().By, tx.Now()
		return put(tx, of, v, "proposed", 0)
	})
	return v, err
}

// Approve brings a proposed version into force: it is named by its id, or by
// the beginning of its file's SHA-256. One that is not the control's first
// takes effect with its approval, where that comes after the day proposed.
func (d *Desk) Approve(ctx context.Context, caller act.Caller, control, name string) (*Version, error) {
	return d.decide(ctx, caller, "control.approve", control, name, "approved", func(v *Version, of []*Version, by act.Caller, now time.Time) {
		v.State, v.ApprovedBy, v.ApprovedVia, v.ApprovedAt = Approved, by.ID, by.By, &now
		first := !slices.ContainsFunc(of, func(o *Version) bool { return o.State == Approved })
		if !first && v.EffectiveFrom.Before(now) {
			v.EffectiveFrom = &now
		}
	})
}

// Reject says that a proposed version does not come into force, and why.
func (d *Desk) Reject(ctx context.Context, caller act.Caller, control, name, reason string) (*Version, error) {
	return d.decide(ctx, caller, "control.approve", control, name, "rejected", func(v *Version, _ []*Version, by act.Caller, now time.Time) {
		v.State, v.RejectedBy, v.RejectedVia, v.RejectedAt, v.Reason = Rejected, by.ID, by.By, &now, strings.TrimSpace(reason)
	})
}

// Withdraw takes a proposed version back, for who proposed it, and says why.
func (d *Desk) Withdraw(ctx context.Context, caller act.Caller, control, name, reason string) (*Version, error) {
	return d.decide(ctx, caller, "control.propose", control, name, "withdrawn", func(v *Version, _ []*Version, by act.Caller, now time.Time) {
		v.State, v.WithdrawnBy, v.WithdrawnVia, v.WithdrawnAt, v.Reason = Withdrawn, by.ID, by.By, &now, strings.TrimSpace(reason)
	})
}

// decide writes what becomes of a proposed version, among all of its control.
func (d *Desk) decide(ctx context.Context, caller act.Caller, action, control, name, verb string, become func(v *Version, of []*Version, by act.Caller, now time.Time)) (*Version, error) {
	var v *Version
	_, err := d.Door.Do(ctx, caller, action, "control/"+control, func(tx *act.Tx) error {
		of, err := Of(populations.Stored(&tx.Reader), control, 0)
		if err != nil {
			return err
		}
		proposed, err := waiting(of, control, name)
		if err != nil {
			return err
		}
		made := *proposed
		v = &made
		become(v, of, tx.Caller(), tx.Now())
		kept, err := record.Get(&tx.Reader, Register.Name, v.ID)
		if err != nil {
			return err
		}
		return put(tx, of, v, verb, kept.Version)
	})
	return v, err
}

// waiting finds a version on which nobody has decided yet.
func waiting(of []*Version, control, name string) (*Version, error) {
	v, err := named(of, control, name)
	switch {
	case err != nil:
		return nil, err
	case v.State == Approved:
		return nil, fmt.Errorf("%w: %s is approved since %s, by %s", record.ErrSame, v.ID, v.ApprovedAt.Format(time.RFC3339), v.ApprovedBy)
	case v.State == Rejected:
		return nil, fmt.Errorf("%w: %s is rejected since %s, by %s: propose the file again", record.ErrSame, v.ID, v.RejectedAt.Format(time.RFC3339), v.RejectedBy)
	case v.State == Withdrawn:
		return nil, fmt.Errorf("%w: %s is withdrawn since %s, by %s: propose the file again", record.ErrSame, v.ID, v.WithdrawnAt.Format(time.RFC3339), v.WithdrawnBy)
	}
	return v, nil
}

// minHash is how much of a hash names a version.
const minHash = 8

// named finds a version by its id or the beginning of its hash: of several with
// one file the latest.
func named(of []*Version, control, name string) (found *Version, err error) {
	for _, v := range of {
		hit := v.ID == name || len(name) >= minHash && strings.HasPrefix(v.SHA256, strings.ToLower(name))
		if !hit {
			continue
		}
		if found != nil && found.SHA256 != v.SHA256 {
			return nil, fmt.Errorf("%w: %q is the beginning of several: say more of it", ErrNone, name)
		}
		if found == nil || v.Number > found.Number {
			found = v
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: %s has no %q", ErrNone, control, name)
	}
	return found, nil
}

// Adopt brings files of the catalog into force of which no version is proposed or
// approved: each by an event of its own, proposed by the catalog and approved by the caller.
// Controls that the caller owns are left out and returned. A nil effective:
// since ever.
func (d *Desk) Adopt(ctx context.Context, caller act.Caller, all []*controls.Control, effective *time.Time) (adopted []*Version, own []string, err error) {
	if err := d.Door.Check(ctx, caller, "control.approve", "controls"); err != nil {
		return nil, nil, err
	}
	for batch := range slices.Chunk(all, act.MaxBatch) {
		var taken []*Version
		var left []string
		for _, control := range batch {
			if err := d.keep(ctx, control); err != nil {
				return adopted, own, err
			}
		}
		_, err := d.Door.Do(ctx, caller, "control.approve", "controls", func(tx *act.Tx) error {
			taken, left = nil, nil
			now := tx.Now()
			for _, control := range batch {
				of, err := Of(populations.Stored(&tx.Reader), control.ID, 0)
				if err != nil {
					return err
				}
				if Begun(of) {
					continue
				}
				v := of0(control, len(of)+1)
				v.State, v.EffectiveFrom, v.ProposedBy, v.ProposedAt, v.ApprovedBy, v.ApprovedVia, v.ApprovedAt = Approved, effective, Catalog, now, tx.Caller().ID, tx.Caller().By, &now
				err = put(tx, of, v, "adopted", 0)
				if errors.Is(err, act.ErrSamePerson) {
					left = append(left, control.ID)
					continue
				}
				if err != nil {
					return err
				}
				taken = append(taken, v)
			}
			if len(taken) == 0 {
				return errNothing
			}
			return nil
		})
		own = append(own, left...)
		if err != nil && !errors.Is(err, errNothing) {
			return adopted, own, err
		}
		adopted = append(adopted, taken...)
	}
	return adopted, own, nil
}

// errNothing ends an action that would change nothing.
var errNothing = errors.New("nothing to do")

// of0 is what a version says of its file.
func of0(control *controls.Control, number int) *Version {
	return &Version{
		ID: ID(control.ID, number), Control: control.ID, Number: number, SHA256: control.SHA256, Title: control.Title, Owner: control.Owner,
	}
}

// put checks a version against those that are there, and records it.
func put(tx *act.Tx, of []*Version, v *Version, verb string, expect int) error {
	by, err := ActorOf(&tx.Reader, tx.Caller())
	if err != nil {
		return err
	}
	if err := NewBook(of...).Record(clone(v), by, tx.Now()); err != nil {
		return err
	}
	_, err = record.Put(tx, Register, record.Change{Verb: verb, ID: v.ID, Doc: v, Expect: expect})
	return err
}

func clone(v *Version) *Version { c := *v; return &c }

// keep stores a control file.
func (d *Desk) keep(ctx context.Context, control *controls.Control) error {
	_, _, err := d.Blobs.Put(ctx, bytes.NewReader(control.Source))
	return err
}

// ByControl reads the versions of all controls, each control's by number.
func ByControl(r *store.Reader) (map[string][]*Version, error) {
	all, err := List(r, "")
	of := map[string][]*Version{}
	for _, v := range all {
		of[v.Control] = append(of[v.Control], v)
	}
	return of, err
}

// List reads the versions of a control, or of all of them when none is named,
// by control and number.
func List(r *store.Reader, control string) ([]*Version, error) {
	var all []*Version
	err := record.Each(r, record.Range{Kind: Register.Name}, func(v *record.Version) error {
		one, err := decode[Version](v)
		if err == nil && (control == "" || one.Control == control) {
			all = append(all, one)
		}
		return err
	})
	slices.SortFunc(all, func(a, b *Version) int {
		if c := strings.Compare(a.Control, b.Control); c != 0 {
			return c
		}
		return a.Number - b.Number
	})
	return all, err
}
