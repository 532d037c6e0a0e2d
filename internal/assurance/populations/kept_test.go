package populations_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// What is kept beside the database answers as the ledger does: of the present
// and of the past, while events come, and of types that are too much to be kept.
func TestKeptEventsAreThoseOfTheLedger(t *testing.T) {
	types := []string{"com.example.a", "com.example.b", "com.example.large", "com.example.none"}
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		number := 0
		rapid.Check(t, func(rt *rapid.T) {
			var events [][]byte
			for range rapid.IntRange(0, 6).Draw(rt, "events") {
				number++
				name := types[rapid.IntRange(0, 2).Draw(rt, "type")]
				data := fmt.Sprintf(`{"n":%d}`, number)
				if name == "com.example.large" {
					data = `{"n":"` + strings.Repeat("x", 60_000) + `"}`
				}
				events = append(events, fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"//test","type":"%s","subject":"s/%d","time":"%s","data":%s}`,
					number, name, number%3, ledgertest.Begin.Add(time.Duration(rapid.IntRange(-50, 0).Draw(rt, "hours"))*time.Hour).Format(time.RFC3339), data))
			}
			if len(events) > 0 {
				l.Add(t, events...)
			}
			err := l.DB.Read(context.Background(), func(r *store.Reader) error {
				for range 4 {
					q := ledger.Query{Type: rapid.SampledFrom(types).Draw(rt, "asked")}
					if rapid.Bool().Draw(rt, "part") {
						q.From, q.To = int64(rapid.IntRange(0, number+2).Draw(rt, "from")), int64(rapid.IntRange(0, number+2).Draw(rt, "to"))
					}
					if rapid.Bool().Draw(rt, "bounded") {
						q.Since = ledgertest.Begin.Add(-time.Duration(rapid.IntRange(0, 60).Draw(rt, "since")) * time.Hour)
						q.Until = ledgertest.Begin.Add(-time.Duration(rapid.IntRange(0, 60).Draw(rt, "until")) * time.Hour)
					}
					if rapid.Bool().Draw(rt, "subject") {
						q.Subject = "s/1"
					}
					var want, got, remembered []string
					note := func(into *[]string) func(*ledger.Event) error {
						return func(e *ledger.Event) error {
							*into = append(*into, fmt.Sprint(e.Index, e.ID, string(e.Body)))
							return nil
						}
					}
					for _, err := range []error{
						ledger.FindIn(r, q, note(&want)),
						populations.Stored(r).Events(q, note(&got)),
						populations.Remember(populations.Stored(r)).Events(q, note(&remembered)),
					} {
						if err != nil {
							return err
						}
					}
					if !slices.Equal(want, got) || !slices.Equal(want, remembered) {
						rt.Fatalf("%+v: the ledger has %d events, kept are %d, remembered %d", q, len(want), len(got), len(remembered))
					}
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
		})
		if number < 200 {
			t.Errorf("%d events are too few to be too much", number)
		}
	})
}
