package controltests

import (
	"fmt"
	"time"
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
	begin, err := ParseInstant(from, zone)
	if err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	end, err := ParseInstant(to, zone)
	if err != nil {
		return nil, fmt.Errorf("to: %w", err)
	}
	if !begin.Before(end) {
		return nil, fmt.Errorf("the period ends (%s) before it begins (%s), or is empty", to, from)
	}
	return &Period{begin, end}, nil
}

// ParseInstant reads a date, which is midnight at its beginning in the zone,
// or an RFC 3339 time.
func ParseInstant(s string, zone *time.Location) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, s, zone); err == nil {
		return t, nil
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil {
		return time.Time{}, fmt.Errorf("%q is neither a date such as 2026-01-31 nor an RFC 3339 time such as 2026-01-31T09:30:00Z", s)
	}
	return t, nil
}
