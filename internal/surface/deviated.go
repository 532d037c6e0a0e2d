package surface

import (
	"context"
	"sync"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
)

// deviates keeps the items that deviated in the latest results that have more of them than
// their records list: results do not change, and their evidence is long.
type deviates struct {
	mu sync.Mutex
	of map[string]map[string]controltests.Reason // by the result
}

// Deviated are the deviations that the latest results of a report show of some items, by
// their references.
func (s *System) Deviated(ctx context.Context, report *reports.Readiness, refs ...string) (map[string][]reports.NewDeviation, error) {
	if len(refs) == 0 {
		return nil, nil //nolint:nilnil // of nothing
	}
	kept := &s.deviates
	kept.mu.Lock()
	defer kept.mu.Unlock()
	before := kept.of
	kept.of = map[string]map[string]controltests.Reason{}
	return report.Deviated(s.Kinds, refs, func(result *results.Result) (map[string]controltests.Reason, error) {
		items := before[result.ID]
		if items == nil {
			var err error
			if items, err = s.Lab().Deviating(ctx, result); err != nil {
				return nil, err
			}
		}
		if len(result.Exceptions) < result.Deviations {
			kept.of[result.ID] = items
		}
		return items, nil
	})
}
