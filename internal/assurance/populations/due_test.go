package populations

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/assurance/controls"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestDocumentsAreDueByTheCalendar(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := func(text string) time.Time {
		d, err := time.ParseInLocation("2006-01-02", text, berlin)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, c := range []struct {
		every    controls.Frequency
		from, to string
		interim  bool
		want     string
	}{
		{controls.Annual, "2026-01-01", "2027-01-01", false, "[2026 2026-01-01 2027-01-01]"},
		{controls.Annual, "2025-07-01", "2026-07-01", false, "[2025 2025-07-01 2026-01-01] [2026 2026-01-01 2026-07-01]"},
		{controls.Annual, "2026-01-01", "2026-03-01", true, "[2026 2026-01-01 2027-01-01]"},
		{controls.Quarterly, "2026-02-10", "2026-08-01", false, "[2026-Q1 2026-02-10 2026-04-01] [2026-Q2 2026-04-01 2026-07-01] [2026-Q3 2026-07-01 2026-08-01]"},
		{controls.Monthly, "2026-12-01", "2027-02-01", false, "[2026-12 2026-12-01 2027-01-01] [2027-01 2027-01-01 2027-02-01]"},
		{controls.Weekly, "2026-12-31", "2027-01-05", false, "[2026-W53 2026-12-31 2027-01-04] [2027-W01 2027-01-04 2027-01-05]"},
		{controls.Daily, "2026-03-28", "2026-03-31", false, "[2026-03-28 2026-03-28 2026-03-29] [2026-03-29 2026-03-29 2026-03-30] [2026-03-30 2026-03-30 2026-03-31]"},
		{controls.AdHoc, "2026-01-01", "2027-01-01", false, ""},
	} {
		text := ""
		for _, d := range due(c.every, Window{From: at(c.from), To: at(c.to), Zone: berlin, Interim: c.interim}) {
			if text != "" {
				text += " "
			}
			text += fmt.Sprintf("[%s %s %s]", d.ID, d.From.In(berlin).Format(time.DateOnly), d.To.In(berlin).Format(time.DateOnly))
		}
		if text != c.want {
			t.Errorf("%s from %s to %s: %s, want %s", c.every, c.from, c.to, text, c.want)
		}
	}
}

// Whatever the zone and the window, the documents follow each other without a
// hole, cover the window exactly, and have different ids.
func TestDocumentsCoverTheWindow(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia", "Asia/Tehran"}).Draw(r, "zone")
		every := rapid.SampledFrom([]controls.Frequency{controls.Annual, controls.Quarterly, controls.Monthly, controls.Weekly, controls.Daily}).Draw(r, "every")
		from := time.Unix(rapid.Int64Range(1.1e9, 1.9e9).Draw(r, "from"), 0)
		w := Window{From: from, To: from.Add(time.Duration(rapid.Int64Range(1, 400*24*3600).Draw(r, "length")) * time.Second), Zone: zone(t, name)}
		all := due(every, w)
		ids := map[string]bool{}
		at := w.From
		for _, d := range all {
			if !d.From.Equal(at) || !d.From.Before(d.To) || ids[d.ID] {
				r.Fatalf("%+v after %v", d, at)
			}
			ids[d.ID], at = true, d.To
		}
		if !at.Equal(w.To) {
			r.Fatalf("they end at %v, the window at %v", at, w.To)
		}
	})
}

func TestWhatImportsCoverTogether(t *testing.T) {
	at := func(h int) time.Time { return time.Unix(int64(h)*3600, 0) }
	parts := func(list ...int) (all []interval) {
		for i := 0; i < len(list); i += 2 {
			all = append(all, interval{at(list[i]), at(list[i+1])})
		}
		return all
	}
	text := func(parts []interval) string {
		out := ""
		for _, p := range join(parts) {
			out += fmt.Sprint(p.From.Unix()/3600, "-", p.To.Unix()/3600, " ")
		}
		return out
	}
	if got := text(parts(5, 6, 0, 2, 1, 3, 3, 4, 9, 9)); got != "0-4 5-6 " {
		t.Errorf("joined %q", got)
	}
	both := intersect(join(parts(0, 4, 5, 9)), join(parts(1, 2, 3, 6)))
	if len(both) != 3 || !both[0].From.Equal(at(1)) || !both[1].To.Equal(at(4)) || !both[2].From.Equal(at(5)) {
		t.Errorf("in both: %v", both)
	}
}
