package portal

import (
	"errors"
	"net/url"
	"slices"
	"strconv"

	"scaf.dev/scaf/internal/assurance/results"
)

// The lists of what a reconciliation counts.
const (
	listMatched    = "matched"
	listMismatches = "mismatches"
	listResolved   = "resolved"
)

// mostReconciled is how many of them a page lists.
const mostReconciled = 200

// reconciledPage is what the reconciliation of a result counted: the keys that both
// populations have once, or what does not agree.
type reconciledPage struct {
	Of          *results.Result
	List        string
	Matched     []matchedLine
	Mismatches  []mismatchLine
	First, Last int // the numbers of those that are listed, from 1
	All         int
	Next, Prev  int // where other pages begin; -1: there is none
}

// matchedLine are the references of the items that have a key.
type matchedLine struct{ Here, There []string }

// Address is that of a list, from a number on.
func (page *reconciledPage) Address(list string, from int) string {
	return reconciledPath(page.Of.ID, list, from)
}

func reconciledPath(result, list string, from int) string {
	query := url.Values{"of": {list}}
	if from > 0 {
		query.Set("from", strconv.Itoa(from))
	}
	return "/results/" + url.PathEscape(result) + "/reconciled?" + query.Encode()
}

func (p *Portal) reconciled(r *request) (*shown, error) {
	all, err := p.System.Lab().Reconciled(r.Context(), r.PathValue("id"))
	if errors.Is(err, results.ErrNoResult) || errors.Is(err, results.ErrNotReconciled) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	page := &reconciledPage{Of: all.Result, List: r.FormValue("of"), Next: -1, Prev: -1}
	found := all.Mismatches
	switch page.List {
	case listMatched:
		page.All = len(all.Matched)
	case listMismatches:
		page.All = len(found)
	case listResolved:
		found = slices.DeleteFunc(found, func(m results.Mismatch) bool { return m.Resolution == "" })
		page.All = len(found)
	default:
		return nil, errNotFound
	}
	from, err := strconv.Atoi(r.FormValue("from"))
	if err != nil || from < 0 || from >= page.All {
		from = 0
	}
	to := min(from+mostReconciled, page.All)
	if from > 0 {
		page.Prev = max(0, from-mostReconciled)
	}
	if to < page.All {
		page.Next = to
	}
	page.First, page.Last = from+1, to
	title := "What does not agree in " + page.Of.ID
	if page.List == listMatched {
		title = "What agrees in " + page.Of.ID
		err = p.matchedLines(page, all.Matched[from:to])
	} else {
		page.Mismatches, err = p.mismatchLines(r, page.Of, found[from:to])
	}
	return &shown{page: "reconciled", title: title, data: page}, err
}

// matchedLines adds the lines of items that agree.
func (p *Portal) matchedLines(page *reconciledPage, matched []results.Pair) error {
	test, err := p.testOf(page.Of)
	if err != nil {
		return err
	}
	for _, pair := range matched {
		line := matchedLine{}
		for _, item := range pair.Here {
			line.Here = append(line.Here, p.reconciledItem(test, false, item))
		}
		for _, item := range pair.There {
			line.There = append(line.There, p.reconciledItem(test, true, item))
		}
		page.Matched = append(page.Matched, line)
	}
	return nil
}
