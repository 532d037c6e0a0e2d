package populations

import (
	"time"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// logCheck is one day's duty to verify the ledger.
type logCheck struct {
	ID     string     `json:"id"` // the day
	DueAt  time.Time  `json:"due_at"`
	DoneAt *time.Time `json:"done_at,omitempty"`
	OK     bool       `json:"ok"`
	Event  *int64     `json:"event,omitempty"` // ledger index of the verification
}

// logChecks gives the daily integrity checks: one for every day of the calendar
// in the organisation's time zone that the window touches, due at the day's
// end, done by the first verification recorded within the day.
func (r *Reading) logChecks(take func([]byte) error) error {
	year, month, day := r.window.From.In(r.window.Zone).Date()
	begin := dayBegin(year, month, day, r.window.Zone)
	first := map[string]*ledger.Event{}
	// The window may begin when the day's verification has been done already.
	query := ledger.Query{Type: ledger.VerifiedType, To: r.window.AsOf, Since: begin, Until: r.window.To}
	if err := r.reader.Events(query, func(e *ledger.Event) error {
		day := e.Instant().In(r.window.Zone).Format(time.DateOnly)
		if first[day] == nil {
			first[day] = e
		}
		return nil
	}); err != nil {
		return err
	}
	for ; begin.Before(r.window.To); day++ {
		end := dayBegin(year, month, day+1, r.window.Zone)
		if !begin.Before(end) { // a day that was left out of the calendar
			continue
		}
		check := logCheck{ID: begin.Format(time.DateOnly), DueAt: end.Add(-time.Microsecond).UTC()}
		begin = end
		if e := first[check.ID]; e != nil {
			done := e.Instant().UTC()
			check.DoneAt, check.OK, check.Event = &done, e.Outcome == "success", &e.Index
		}
		doc, err := record.Canonical(check)
		if err != nil {
			return err
		}
		if err := take(doc); err != nil {
			return err
		}
	}
	return nil
}

// dayBegin is the first instant of a day; day may lie beyond the month's end.
// Where the clocks go forward at midnight the day has no midnight, and begins
// at the change.
func dayBegin(year int, month time.Month, day int, zone *time.Location) time.Time {
	at := time.Date(year, month, day, 0, 0, 0, 0, zone)
	// Of a time that does not exist, time.Date gives one on either side.
	if noon := time.Date(year, month, day, 12, 0, 0, 0, zone); at.Day() != noon.Day() {
		_, at = at.ZoneBounds()
	}
	return at
}
