package systems

import (
	"encoding/json"
	"time"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// replayed takes from documents of before what was confirmed of quarters that had not
// begun: the entries of the list are given their quarters anew, from the instant since.
func replayed(list, since string) []record.Migration {
	return []record.Migration{{From: 1, Change: func(fields map[string]any) error {
		entries, _ := fields[list].([]any)
		if len(entries) == 0 {
			return nil
		}
		begun, err := instant(fields[since])
		if err != nil {
			return err
		}
		due := rounds.Quarter.First(begun)
		kept := []any{}
		for _, one := range entries {
			entry, _ := one.(map[string]any)
			at, err := instant(entry["at"])
			if err != nil {
				return err
			}
			round, next, ok := rounds.Quarter.Take(due, at)
			if !ok {
				continue
			}
			entry["round"], entry["due_at"] = round.Name, round.DueAt
			kept, due = append(kept, entry), next
		}
		fields[list] = kept
		if fields["due_at"] != nil { // it is not given up
			fields["due_at"] = due
		}
		return nil
	}}}
}

func instant(field any) (at time.Time, err error) {
	text, err := json.Marshal(field)
	if err != nil {
		return at, err
	}
	return at, json.Unmarshal(text, &at)
}
