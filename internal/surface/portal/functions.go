package portal

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/access"
)

// functions are what the pages say things with, to people in a time zone.
func (p *Portal) functions() template.FuncMap {
	zone := p.zone
	return template.FuncMap{
		"label":        record.Words,
		"lower":        strings.ToLower,
		"capital":      capital,
		"registerpath": func(kind *record.Kind) string { return at(kind) },
		"doneat":       doneAt,
		"bytes":        size,
		"allowing":     allowing,
		"menupath":     func(path string) string { return strings.TrimSuffix(path, "{$}") },
		"words":        func(c controltests.Conclusion) string { return c.Words() },
		"instant":      func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"minute":       func(at time.Time) string { return at.In(zone).Format("2006-01-02 15:04") },
		"second":       func(at time.Time) string { return at.In(zone).Format("2006-01-02 15:04:05") },
		"day":          func(at time.Time) string { return at.In(zone).Format(time.DateOnly) },
		// the last day of an interval that ends before the instant
		"last": func(end time.Time) string { return end.Add(-time.Microsecond).In(zone).Format(time.DateOnly) },
	}
}

// allowing names the roles that allow an action.
func allowing(action string) string { return oneOf(access.Roles.Allowing(action)) }

// oneOf is a list of which one is enough.
func oneOf(roles []string) string {
	last := len(roles) - 1
	if last < 1 {
		return strings.Join(roles, "")
	}
	return strings.Join(roles[:last], ", ") + " or " + roles[last]
}

// size is a number of bytes, in the unit that people would use.
func size(n int64) string {
	const kilo = 1000
	switch {
	case n < kilo:
		return fmt.Sprintf("%d bytes", n)
	case n < kilo*kilo:
		return fmt.Sprintf("%.1f kB", float64(n)/kilo)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(kilo*kilo))
}
