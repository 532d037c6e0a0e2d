package record

import "scaf.dev/scaf/internal/platform/store"

// Planned is how SQLite goes about a list: the steps of its two halves.
func Planned(r *store.Reader, kind *Kind, q Query) (steps []string, err error) {
	l, err := newListing(r.Dialect(), kind, q)
	if err != nil {
		return nil, err
	}
	for _, none := range l.halves() {
		statement, args, err := l.statement(r.Dialect(), none)
		if err != nil {
			return nil, err
		}
		var id, parent, unused int64
		var step string
		if err := r.Each("EXPLAIN QUERY PLAN "+statement, args, []any{&id, &parent, &unused, &step}, func() error {
			steps = append(steps, step)
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return steps, nil
}
