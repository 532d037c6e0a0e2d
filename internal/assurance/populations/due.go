package populations

import (
	"fmt"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
)

// Due is a document that is due: a unit of the calendar, as far as it lies in
// the period.
type Due struct {
	ID       string    // 2026, 2026-Q1, 2026-01, 2026-W05, 2026-01-31
	From, To time.Time // half open
}

// due gives the documents that are due in a window, one for every year,
// quarter, month, week (from Monday) or day of the calendar that it touches.
// The first begins with the window, and the last ends with it, unless the
// period goes on.
func due(every controls.Frequency, w Window) []Due {
	var all []Due
	for begin := w.From.In(w.Zone); begin.Before(w.To); {
		id, next := unit(every, begin)
		if !next.After(begin) {
			return all // no frequency that has units
		}
		end := next
		if end.After(w.To) && !w.Interim {
			end = w.To
		}
		all = append(all, Due{id, begin.UTC(), end.UTC()})
		begin = next
	}
	return all
}

// unit names the unit of the calendar that an instant lies in, and says when
// the next one begins.
func unit(every controls.Frequency, at time.Time) (id string, next time.Time) {
	y, m, d := at.Date()
	switch every {
	case controls.Annual:
		return fmt.Sprintf("%04d", y), dayBegin(y+1, 1, 1, at.Location())
	case controls.Quarterly:
		q := (int(m) - 1) / 3
		return fmt.Sprintf("%04d-Q%d", y, q+1), dayBegin(y, time.Month(3*q+4), 1, at.Location())
	case controls.Monthly:
		return at.Format("2006-01"), dayBegin(y, m+1, 1, at.Location())
	case controls.Weekly:
		year, week := at.ISOWeek()
		return fmt.Sprintf("%04d-W%02d", year, week), dayBegin(y, m, d+7-(int(at.Weekday())+6)%7, at.Location())
	case controls.Daily:
		return at.Format(time.DateOnly), dayBegin(y, m, d+1, at.Location())
	}
	return "", at
}
