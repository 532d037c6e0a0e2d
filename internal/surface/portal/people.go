package portal

import (
	"net/url"
	"time"

	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/surface"
)

// personPage is what somebody answers for, and what they owe.
type personPage struct {
	*surface.Holding
	Record  string // their record in the register of people
	Manager shownLine
	Late    int // of what they owe
	Now     time.Time
	Held    []heldLine
	About   []heldLine // records of theirs, for which they do not answer
}

type heldLine struct {
	surface.Held
	Href string
}

// Overdue is how a deadline is marked that has passed.
func (*personPage) Overdue() calendar.State { return calendar.Late }

// personPath is the page of what somebody answers for and owes.
func personPath(id string) string { return "/people/" + url.PathEscape(id) }

func (p *Portal) person(r *request) (*shown, error) {
	holding, err := p.System.Holds(r.Context(), r.caller, r.PathValue("id"), workAhead)
	if err != nil {
		return nil, err
	}
	page := &personPage{Holding: holding, Record: at(people.Register, holding.Person.ID), Now: p.System.Clock.Now()}
	if manager := holding.Person.Manager; manager != "" {
		page.Manager = links{p, r}.Ref(manager)
	}
	for _, o := range holding.Owed.Occurrences {
		if o.State == calendar.Late {
			page.Late++
		}
	}
	for _, d := range holding.Owed.Deadlines {
		if d.At.Before(page.Now) {
			page.Late++
		}
	}
	for _, h := range holding.Records {
		line := heldLine{h, p.ask(h.Kind, map[string][]string{prefix + h.Field.Name: {holding.Person.Ref()}}).with()}
		if h.Field.Name == "person" || h.Field.Name == "about" {
			page.About = append(page.About, line)
		} else {
			page.Held = append(page.Held, line)
		}
	}
	return &shown{page: "person", title: holding.Person.Name, data: page}, nil
}
