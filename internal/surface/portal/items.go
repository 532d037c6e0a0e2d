package portal

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/results"
)

// itemList is a list of what a number of a result counts.
type itemList struct {
	Name   string // in addresses
	Words  string // of the number, and of one
	One    string
	states bool // state tests have it, and others do not
	others bool // and the other way round

	count func(r *results.Result) int
	has   func(one controltests.ItemOutcome) bool // nil: it lists no items
}

// becoming are items of which one of these came.
func becoming(of ...string) func(controltests.ItemOutcome) bool {
	return func(one controltests.ItemOutcome) bool { return slices.Contains(of, one.Outcome) }
}

// itemLists are what the numbers of a result lead to, by the field that has the number.
var itemLists = map[string]itemList{
	"count":      {Name: "all", Words: "items", One: "item", count: func(r *results.Result) int { return r.Count }, has: func(controltests.ItemOutcome) bool { return true }},
	"passed":     {Name: "passed", Words: "passed", count: func(r *results.Result) int { return r.Passed }, has: becoming(controltests.ItemPassed)},
	"deviations": {Name: "deviations", Words: "deviations", One: "deviation", count: func(r *results.Result) int { return r.Deviations }, has: becoming(controltests.ItemDeviation)},
	"open":       {Name: "open", Words: "open", others: true, count: func(r *results.Result) int { return r.Open }, has: becoming(controltests.ItemOpen)},
	"resources":  {Name: "resources", Words: "resources", One: "resource", states: true, count: func(r *results.Result) int { return r.State.Resources }},
	"readings":   {Name: "readings", Words: "readings", One: "reading", states: true, count: func(r *results.Result) int { return r.State.Readings }, has: becoming(controltests.ItemPassed, controltests.ItemDeviation)},
	"unread":     {Name: "unread", Words: "could not be read", states: true, count: func(r *results.Result) int { return r.State.Unread }, has: becoming(controltests.ItemUnread)},
	"absent":     {Name: "absent", Words: "not there", states: true, count: func(r *results.Result) int { return r.State.Absent }, has: becoming(controltests.ItemAbsent)},
}

// itemFields are the fields with those numbers, in order.
var itemFields = []string{"count", "passed", "deviations", "open", "resources", "readings", "unread", "absent"}

// of reports whether a result has such a number.
func (l itemList) of(r *results.Result) bool {
	return (!l.states || r.State != nil) && (!l.others || r.State == nil)
}

// itemsPath is the page of what a number of a result counts, from a number on.
func itemsPath(result, list string, from int) string {
	query := url.Values{"of": {list}}
	if from > 0 {
		query.Set("from", strconv.Itoa(from))
	}
	return "/results/" + url.PathEscape(result) + "/items?" + query.Encode()
}

// mostItems is how many of them a page lists.
const mostItems = 200

// itemsPage is what a number of a result counts.
type itemsPage struct {
	Of          *results.Result
	List        itemList
	Numbers     []itemNumber
	Lines       []itemLine
	Resources   bool // they are resources, each with what was seen of it last
	First, Last int  // the numbers of those that are listed, from 1
	All         int  // as the result says
	Next, Prev  int  // where other pages begin; -1: there is none
	// Found is how many there are now, where that is another number than the result's.
	Found *int
}

// itemNumber is a number that leads to what it counts.
type itemNumber struct {
	Words, Href string
	Count       int
	Here        bool
}

// itemLine is an item, or a resource with the last item of it.
type itemLine struct {
	controltests.ItemOutcome

	On    string // the reference of the item
	Judge string // the page of a deviation
}

// Address is that of the list from a number on.
func (page *itemsPage) Address(from int) string {
	return itemsPath(page.Of.ID, page.List.Name, from)
}

func (p *Portal) resultItems(r *request) (*shown, error) {
	of, err := p.System.Lab().Result(r.Context(), r.PathValue("id"))
	if errors.Is(err, results.ErrNoResult) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	page := &itemsPage{Of: of, Next: -1, Prev: -1}
	for _, field := range itemFields {
		list := itemLists[field]
		if !list.of(of) {
			continue
		}
		number := itemNumber{Words: list.Words, Href: itemsPath(of.ID, list.Name, 0), Count: list.count(of), Here: list.Name == r.FormValue("of")}
		if number.Count == 1 {
			number.Words = cmp.Or(list.One, list.Words)
		}
		if number.Here {
			page.List, page.All = list, number.Count
		}
		page.Numbers = append(page.Numbers, number)
	}
	if page.List.Name == "" {
		return nil, errNotFound
	}
	from, err := strconv.Atoi(r.FormValue("from"))
	if err != nil || from < 0 || from >= page.All {
		from = 0
	}
	if err := p.itemLines(r, page, from); err != nil {
		return nil, err
	}
	page.First, page.Last = from+1, from+len(page.Lines)
	if from > 0 {
		page.Prev = max(0, from-mostItems)
	}
	return &shown{page: "items", title: "Items of " + of.ID, data: page}, nil
}

// itemLines reads what a page lists.
func (p *Portal) itemLines(r *request, page *itemsPage, from int) error {
	test, err := p.testOf(page.Of)
	if err != nil {
		return err
	}
	var found int
	var more bool
	if page.List.has == nil {
		page.Resources = true
		all, err := p.System.Lab().Resources(r.Context(), page.Of.ID)
		if err != nil {
			return err
		}
		found = len(all)
		to := min(from+mostItems, found)
		more = to < found
		for _, one := range all[min(from, to):to] {
			page.Lines = append(page.Lines, p.itemLine(page.Of, test, one.Last))
		}
	} else {
		items, err := p.System.Lab().Items(r.Context(), page.Of.ID, from, mostItems, page.List.has)
		if err != nil {
			return err
		}
		more, found = items.More, items.Before+len(items.Listed)
		for _, one := range items.Listed {
			page.Lines = append(page.Lines, p.itemLine(page.Of, test, one))
		}
	}
	if more {
		page.Next = from + mostItems
	} else if found != page.All {
		page.Found = &found
	}
	return nil
}

// itemLine is the line of an item.
func (p *Portal) itemLine(of *results.Result, test *controls.Test, one controltests.ItemOutcome) itemLine {
	line := itemLine{ItemOutcome: one, On: p.reconciledItem(test, false, one.Item)}
	if one.Outcome == controltests.ItemDeviation {
		line.Judge = deviationPath("", &results.Found{Result: of.ID, Item: one.Item})
	}
	return line
}

// leading lets the numbers of a result's record lead to what they count.
func leading(all map[string]shownValue, of *results.Result) {
	lead := func(v *shownValue) {
		list, ok := itemLists[v.Name]
		if !ok || !list.of(of) || list.count(of) == 0 {
			return
		}
		to := itemsPath(of.ID, list.Name, 0)
		if v.Name == "deviations" { // with their causes
			to = deviationsPath(of.Control, "", of.ID, 0)
		}
		for i := range v.Lines {
			v.Lines[i].Href = to
		}
	}
	for _, v := range all {
		lead(&v)
	}
	parts := all["state"].Parts
	for i := range parts {
		lead(&parts[i])
	}
}
