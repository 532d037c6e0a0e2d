package risks

import (
	"context"
	"encoding/json"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// perWatch bounds the records that one Watch writes; the rest is for the next.
const perWatch = 400

// Watch ends acceptances whose day has come: the risk is to be assessed again.
// It gives their ids. Where there is none, nothing is written.
func Watch(ctx context.Context, door *act.Door, caller act.Caller) (ended []string, err error) {
	if err := door.Check(ctx, caller, "risk.watch", Register.Register); err != nil {
		return nil, err
	}
	look := func(r *store.Reader, now time.Time) error {
		ended = nil
		q := record.Query{Filter: `item.state == "accepted" && item.accepted_until <= timestamp("` + now.UTC().Format(time.RFC3339Nano) + `")`, Limit: perWatch}
		_, err := record.List(r, Register, q, func(v *record.Version) error {
			ended = append(ended, v.ID)
			return nil
		})
		return err
	}
	if err := door.DB.Read(ctx, func(r *store.Reader) error { return look(r, door.Clock.Now()) }); err != nil || len(ended) == 0 {
		return nil, err
	}
	_, err = door.Do(ctx, caller, "risk.watch", Register.Register, func(tx *act.Tx) error {
		if err := look(&tx.Reader, tx.Now()); err != nil {
			return err
		}
		for _, id := range ended {
			if _, err := record.Move(tx, Register, id, record.AnyVersion, Assessed, "", nil); err != nil {
				return err
			}
		}
		return nil
	})
	return ended, err
}

// AskAnew asks for the risks to be rated on the scale in force that were rated on
// an earlier one, and gives their ids. Where there is none, nothing is written.
func AskAnew(ctx context.Context, door *act.Door, caller act.Caller) (asked []string, err error) {
	if err := door.Check(ctx, caller, "risk.watch", Register.Register); err != nil {
		return nil, err
	}
	var scale *Scale
	if err := door.DB.Read(ctx, func(r *store.Reader) error {
		if scale, err = InCharge(r); err != nil {
			return err
		}
		return outdated(r, scale, func(v *record.Version) error {
			asked = append(asked, v.ID)
			return nil
		})
	}); err != nil || len(asked) == 0 {
		return nil, err
	}
	_, err = door.Do(ctx, caller, "risk.watch", Register.Register, func(tx *act.Tx) error {
		if scale, err = InCharge(&tx.Reader); err != nil {
			return err
		}
		asked, err = ask(tx, scale)
		return err
	})
	return asked, err
}

// Elsewhere is the filter of the risks that are not closed and rated on another
// scale than this one, Here that of those rated on it.
func (s *Scale) Elsewhere() string {
	on := "has(item.scale)"
	if ref := s.Ref(); ref != "" {
		on = `(!has(item.scale) || item.scale != "` + ref + `")`
	}
	return NotClosed + ` && (has(item.likelihood) || has(item.impact) || has(item.residual_likelihood) || has(item.residual_impact)) && ` + on
}

// NotClosed is the filter of the risks that are not closed.
const NotClosed = `item.state != "closed"`

// Here is the filter of the risks that are not closed and, if they are rated, are so
// on this scale.
func (s *Scale) Here() string {
	if ref := s.Ref(); ref != "" {
		return NotClosed + ` && item.scale == "` + ref + `"`
	}
	return NotClosed + ` && !has(item.scale)`
}

// outdated visits risks that were rated on another scale than the one in force, and
// were not asked for yet.
func outdated(r *store.Reader, scale *Scale, visit func(*record.Version) error) error {
	if scale.Ref() == "" {
		return nil // there is none before it
	}
	q := record.Query{Filter: scale.Elsewhere() + ` && (!has(item.rate_on) || item.rate_on != "` + scale.Ref() + `")`, Limit: perWatch}
	_, err := record.List(r, Register, q, visit)
	return err
}

// ask marks risks that are to be rated on a scale: their ratings and levels stay.
func ask(tx *act.Tx, scale *Scale) (asked []string, err error) {
	var changes []record.Change
	if err := outdated(&tx.Reader, scale, func(v *record.Version) error {
		one := &Risk{}
		if err := json.Unmarshal(v.Doc, one); err != nil {
			return err
		}
		one.RatedOn, one.RateOn, one.RateBy = one.terms(), scale.Ref(), scale.RateBy
		changes = append(changes, record.Change{Verb: "outdated", ID: v.ID, Doc: one, Expect: v.Version})
		asked = append(asked, v.ID)
		return nil
	}); err != nil {
		return nil, err
	}
	_, err = record.Put(tx, Register, changes...)
	return asked, err
}
