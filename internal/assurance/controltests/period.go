package controltests

import (
	"fmt"
	"time"

	"scaf.dev/scaf/internal/platform/config"
)

// Period is the half-open interval [From, To) to which a population belongs.
type Period struct{ From, To time.Time }

// Contains says whether the instant lies in the period.
func (p Period) Contains(at time.Time) bool { return !at.Before(p.From) && at.Before(p.To) }

// String is the period in RFC 3339, UTC.
func (p Period) String() string {
	return p.From.UTC().Format(time.RFC3339) + " to " + p.To.UTC().Format(time.RFC3339)
}

// ParsePeriod reads a period's two ends. Each is a date such as 2026-01-31,
// which is midnight at its beginning in the zone, or an RFC 3339 time. The end
// must lie after the beginning.
func ParsePeriod(from, to string, zone *time.Location) (*Period, error) {
	begin, err := config.Instant(from, zone)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	end, err := config.Instant(to, zone)
	if err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	if !begin.Before(end) {
		return nil, fmt.Errorf("the period ends (%s) before it begins (%s), or is empty", to, from)
	}
	return &Period{begin, end}, nil
}
