package risks

import (
	"context"
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
