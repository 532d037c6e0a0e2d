package surface_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/surface"
)

// Reviews that have no reviewer are the people lead's: among what they owe, and told.
func TestAReviewOfNobodyIsThePeopleLeads(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ctx := context.Background()
		o := openTold(t, f)
		o.add(people.Register, map[string]any{"id": "E5", "name": "Person E5", "title": "People Lead", "joined_at": "2026-01-01T00:00:00Z"})
		watch := act.NewRunner(f.Door, slog.New(slog.DiscardHandler))
		if err := surface.ScheduleWatch(f.System, watch, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the night's watch, and the next one's
			if err := watch.RunDue(ctx); err != nil {
				t.Fatal(err)
			}
			f.Manual.Advance(24 * time.Hour)
		}
		o.set(people.Reviews, "PR-1", map[string]any{"reviewer": "person/E4"})
		owes := func(who string) (refs []string) {
			t.Helper()
			owed, err := f.Owed(ctx, act.Caller{ID: who, Roles: []string{"account"}}, 400*24*time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range owed.Deadlines {
				refs = append(refs, d.Ref+" "+d.Owner)
			}
			return refs
		}
		want := []string{"agreement/AGR-5 person/E5", "performance_review/PR-2 people lead", "performance_review/PR-3 people lead", "performance_review/PR-4 people lead", "performance_review/PR-5 people lead"}
		if got := owes("person/E5"); !slices.Equal(got, want) {
			t.Errorf("the people lead owes %q", got)
		}
		if got := owes("person/E4"); !slices.Equal(got, []string{"agreement/AGR-4 person/E4", "performance_review/PR-1 person/E4"}) {
			t.Errorf("the clerk owes %q", got)
		}
		o.Manual.Set(time.Date(2026, 12, 28, 9, 0, 0, 0, time.UTC))
		o.run()
		o.wants("person/E4", notifications.Deadline, "Hold the performance review: performance_review/PR-1, by 1 January 2027 -> /work")
		var told []string
		for n := 2; n <= 5; n++ {
			told = append(told, fmt.Sprintf("Hold the performance review: performance_review/PR-%d, by 1 January 2027 -> /work", n))
		}
		o.wants("person/E5", notifications.Deadline, told...)
		o.wants("person/E2", notifications.Deadline)
	})
}
