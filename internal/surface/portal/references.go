package portal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/criteria"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/record"
)

// dutyPath is the page of a duty, or of its occurrence on a date.
func dutyPath(duty, date string) string {
	path := "/duties/" + url.PathEscape(duty)
	if date != "" {
		path += "/" + url.PathEscape(date)
	}
	return path
}

// stateMarks are what the state of an occurrence looks like beside its words.
var stateMarks = map[calendar.State]string{
	calendar.Done: "✓", calendar.Late: "▲", calendar.Missed: "✗", calendar.Due: "●", calendar.NotYetDue: "○", calendar.NotOccurring: "–",
}

// wording are the functions by which pages name and link what they show.
func (p *Portal) wording() template.FuncMap {
	return template.FuncMap{
		"occurs":  func(id string) string { return dutyPath(tasks.Split(id)) },
		"path":    url.PathEscape,
		"plainly": func(reason any) string { return controltests.Plainly(fmt.Sprint(reason), p.zone) },
		"failed":  func(r controltests.Reason) string { return r.Words() },
		"length":  record.Length,
		"numbered": func(ref string) string {
			kind, id, err := p.System.Kinds.Parse(ref)
			if err != nil {
				return ""
			}
			return numbered(kind, id)
		},
		"deviation": func(result, item string) string {
			return deviationPath("", &results.Found{Result: result, Item: item})
		},
		"mark":      reports.Mark,
		"filepath":  evidenceFilePath,
		"state":     func(s calendar.State) string { return strings.ReplaceAll(string(s), "_", " ") },
		"statemark": func(s calendar.State) string { return stateMarks[s] },
		"stating":   func(s string) calendar.State { return calendar.State(s) },
		"schedule":  func(s calendar.Schedule) string { return s.String() },
		"plain":     func(s string) string { return strings.ReplaceAll(s, "_", " ") },
		"first":     func(n int, text string) string { return text[:min(n, len(text))] },
		"join":      func(list []string) string { return strings.Join(list, ", ") },
		"criterion": criteria.Title,
		"cut":       func(test string) string { id, _, _ := strings.Cut(test, " "); return id },
		"plural":    plural[int],
		"items":     func(n int64) string { return plural(n, "item") },
		"deadlines": func(n int64) string { return plural(n, "deadline") },
		"events":    func(n int64) string { return plural(n, "event") },
		"worse":     controltests.Combine,
	}
}

// ranked are criteria in the order of TSP section 100, each once.
func ranked(ids []string) []string {
	slices.SortFunc(ids, func(a, b string) int { return cmp.Compare(criteria.Rank(a), criteria.Rank(b)) })
	return slices.Compact(ids)
}

// decoded is a record's document.
func decoded[T any](v *record.Version) (*T, error) {
	doc := new(T)
	if err := json.Unmarshal(v.Doc, doc); err != nil {
		return nil, fmt.Errorf("%s: %w", v.Ref(), err)
	}
	return doc, nil
}

// plural is a number of things: "1 item", "2 items".
func plural[N int | int64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "sh") {
		what += "e"
	}
	return strconv.FormatInt(int64(n), 10) + " " + what + "s"
}
