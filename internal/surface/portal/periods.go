package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// openPeriodPath is where a period is opened.
const openPeriodPath = "/periods/open"

// periodSteps are what becomes of a period next.
type periodSteps struct {
	Close   string // where the reader closes it
	Words   string // why they do not
	Correct string // where they open another one in its place
}

// periodSteps says what the reader may do with a period now.
func (p *Portal) periodSteps(r *request, name string) (*periodSteps, error) {
	all, err := p.periods(r)
	at := slices.IndexFunc(all, func(one periods.Period) bool { return one.Name == name })
	if err != nil || at < 0 {
		return nil, err
	}
	steps, period := &periodSteps{}, &all[at]
	switch period.Phase(p.System.Clock.Now()) {
	case periods.NotBegun:
		steps.Words = "Nothing can be tested before it begins."
	case periods.Running:
		steps.Words = fmt.Sprintf("It runs: its tests are interim. It can be closed from %s on.", p.day(period.To))
	case periods.Ended:
		if r.may("period.close") {
			steps.Close = "/periods/" + url.PathEscape(name) + "/close"
		} else {
			steps.Words = "It has ended: its tests are interim until somebody with the role " + allowing("period.close") + " closes it."
		}
	case periods.Fieldwork:
		steps.Words = "It is closed for good: tests over it are final."
		if r.may("period.open") && slices.Contains(correctable(all), name) {
			steps.Correct = openPeriodPath + "?corrects=" + url.QueryEscape(name)
		}
	}
	return steps, nil
}

func (p *Portal) periods(r *request) (all []periods.Period, err error) {
	err = p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		all, err = periods.List(reader)
		return err
	})
	return all, err
}

// day is the day of an instant, in the organisation's time zone.
func (p *Portal) day(at time.Time) string { return at.In(p.zone).Format(time.DateOnly) }

// correctable are the periods in whose place another one can be examined: those that
// are closed, and that no other one corrects.
func correctable(all []periods.Period) (names []string) {
	for _, one := range all {
		if one.State == periods.Closed && !slices.ContainsFunc(all, func(other periods.Period) bool { return other.Corrects == one.Name }) {
			names = append(names, one.Name)
		}
	}
	return names
}

// periodForm is the form by which a period is opened. It begins after the one that is
// there, or with the days of the one that it corrects.
func (p *Portal) periodForm(r *request) (*shown, error) { return p.periodWith(r, nil, 0) }

func (p *Portal) periodWith(r *request, wrong map[string]string, status int) (*shown, error) {
	all, err := p.periods(r)
	if err != nil {
		return nil, err
	}
	var from, to, corrects string
	if len(all) > 0 {
		from = p.day(all[len(all)-1].To)
	}
	for _, one := range all {
		if one.Name == r.URL.Query().Get("corrects") {
			corrects, from, to = one.Name, p.day(one.From), p.day(one.To.Add(-time.Microsecond))
		}
	}
	a := sentForm(r, wrong)
	page := &askPage{
		Lead:   "Controls are tested over a period. Periods do not overlap, and the days of a period cannot be changed once it is open.",
		Action: "/periods", Button: "Open it", Back: at(periods.Register), BackTo: periods.Register.Title, Inputs: []input{
			a.needed("text", "name", "Name", "Such as 2026 or 2026-Q1: letters, digits, dots, dashes and underscores.", ""),
			a.needed("date", "from", "First day", "", from),
			a.needed("date", "to", "Last day", "It is in the period; from the next day on the period can be closed.", to),
		},
	}
	if names := correctable(all); len(names) > 0 {
		options := []option{{Text: "None: it is a period of its own"}}
		for _, name := range names {
			options = append(options, option{Value: name, Text: name})
		}
		choice := a.choice("one", "corrects", "Corrects", "A period that is closed stays closed: another one is examined in its place. Both stay.", options, corrects)
		choice.Required = false
		page.Inputs = append(page.Inputs, choice, a.field("lines", "reason", "Why it is corrected", "", ""))
	}
	page.Wrong = a.mistakes(page.Inputs)
	return &shown{page: "ask", title: "Open a period", status: status, data: page}, nil
}

func (p *Portal) periodAgain(r *request) (*shown, error) {
	return p.periodWith(r, map[string]string{"": r.held.text}, r.held.status)
}

// openPeriod opens a period from the beginning of its first day to the end of its last.
func (p *Portal) openPeriod(r *request) (*shown, error) {
	wrong := r.missing("name", "from", "to")
	period := periods.Period{Name: r.text("name"), Timezone: p.zone.String(), Corrects: r.text("corrects"), Reason: r.text("reason")}
	day := func(name string) time.Time {
		at, err := time.ParseInLocation(time.DateOnly, r.text(name), p.zone)
		if err != nil && wrong[name] == "" {
			wrong[name] = "is no date like 2026-01-31"
		}
		return at
	}
	period.From, period.To = day("from"), day("to").AddDate(0, 0, 1)
	switch {
	case len(wrong) == 0 && !period.From.Before(period.To):
		wrong["to"] = "is before the first day"
	case period.Corrects != "" && period.Reason == "":
		wrong["reason"] = "is missing: say why it is corrected"
	case period.Corrects == "" && period.Reason != "":
		wrong["corrects"] = "is missing: a reason belongs to a period that corrects another one"
	}
	if len(wrong) > 0 {
		return p.periodWith(r, wrong, http.StatusUnprocessableEntity)
	}
	opened, err := periods.OpenPeriod(r.once, p.System.Door, r.caller, period)
	field, status := "", http.StatusUnprocessableEntity
	switch {
	case err == nil:
		return &shown{to: at(periods.Register, opened.Name)}, nil
	case errors.Is(err, record.ErrExists):
		field, status = "name", http.StatusConflict
	case errors.Is(err, periods.ErrOverlap):
		field, status = "from", http.StatusConflict
	case errors.Is(err, periods.ErrInvalid) && period.Corrects == "":
		field = "name"
	case errors.Is(err, periods.ErrNone):
		return p.periodWith(r, map[string]string{"corrects": "there is no such period"}, status)
	case !errors.Is(err, periods.ErrInvalid):
		return nil, err
	}
	return p.periodWith(r, map[string]string{field: ownWords(err, periods.ErrInvalid)}, status)
}

// closePeriod closes a period that has ended, for good.
func (p *Portal) closePeriod(r *request) (*shown, error) {
	r.kind = periods.Register
	name := r.PathValue("id")
	_, err := periods.Close(r.Context(), p.System.Door, r.caller, name)
	switch {
	case errors.Is(err, periods.ErrNone):
		return nil, errNotFound
	case errors.Is(err, periods.ErrRunning):
		answer, err := p.recordWith(r, nil, "")
		if err != nil {
			return nil, err
		}
		if page, ok := answer.data.(*onePage); ok {
			page.Wrong = []mistake{{Problem: "It has not ended: until it has, its tests are interim."}}
		}
		answer.status = http.StatusConflict
		return answer, nil
	case err != nil && !errors.Is(err, record.ErrSame): // pressed twice
		return nil, err
	}
	return &shown{to: at(periods.Register, name)}, nil
}
