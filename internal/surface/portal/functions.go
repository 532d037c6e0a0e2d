package portal

import (
	"html/template"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
)

// functions are what the pages say things with, to people in a time zone.
func functions(zone *time.Location) template.FuncMap {
	return template.FuncMap{
		"menupath": func(path string) string { return strings.TrimSuffix(path, "{$}") },
		"words":    func(c controltests.Conclusion) string { return c.Words() },
		"instant":  func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"minute":   func(at time.Time) string { return at.In(zone).Format("2006-01-02 15:04") },
		"day":      func(at time.Time) string { return at.In(zone).Format(time.DateOnly) },
		// the last day of an interval that ends before the instant
		"last": func(end time.Time) string { return end.Add(-time.Microsecond).In(zone).Format(time.DateOnly) },
	}
}
