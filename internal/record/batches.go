package record

import (
	"context"
	"errors"
	"slices"

	"scaf.dev/scaf/internal/act"
)

// InBatches makes changes for each of many things, such as people who are asked.
// Each batch of act.MaxBatch is an act of its own, so that nobody waits behind it;
// where changes gives none for what is done already, it is simply run again after an
// interruption. A batch without changes leaves no event. It returns how many changes
// were made.
func InBatches[T any](ctx context.Context, door *act.Door, caller act.Caller, action, ref string, kind *Kind, all []T, changes func(*act.Tx, []T) ([]Change, error)) (made int, err error) {
	if err := door.Check(ctx, caller, action, ref); err != nil {
		return 0, err
	}
	for batch := range slices.Chunk(all, act.MaxBatch) {
		var now int
		_, err := door.Do(ctx, caller, action, ref, func(tx *act.Tx) error {
			wanted, err := changes(tx, batch)
			if err != nil {
				return err
			}
			if now = len(wanted); now == 0 {
				return ErrSame // which leaves no event
			}
			_, err = Put(tx, kind, wanted...)
			return err
		})
		if errors.Is(err, ErrSame) {
			continue
		}
		if err != nil {
			return made, err
		}
		made += now
	}
	return made, nil
}
