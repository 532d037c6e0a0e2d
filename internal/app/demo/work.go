package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/record"
)

// reviewSystem is the connector of the system in which changes are reviewed.
var reviewSystem = act.Caller{ID: "connector/reviews", Roles: []string{"compliance"}}

// build plans the changes of every working day, and that they are taken over
// from the review system on Friday evenings.
func (w *world) build() {
	from := w.from
	var merged []*changes.Change
	w.workdays(func(day time.Time) {
		for range 1 + w.random.IntN(2*w.ChangesADay-1) {
			merged = append(merged, w.change(day))
		}
		for range w.Unticketed.Each {
			if !w.today(w.Unticketed.Days, day) {
				break
			}
			c := w.change(day)
			c.Ticket = ""
			w.note("CHG-04", c.ID, w.Unticketed.because().with(c.Author.Email, c.Repository))
			merged = append(merged, c)
		}
		if w.today(w.Untitled.Days, day) {
			c := w.change(day)
			c.Title = "wip"
			w.note("CHG-02", c.ID, w.Untitled.because().with(c.Author.Email, c.Repository))
			merged = append(merged, c)
		}
		if day.Weekday() != time.Friday {
			return
		}
		week, since, until := merged, from, day.Add(22*time.Hour)
		merged, from = nil, until
		w.plan(until, func(ctx context.Context) error { return w.take(ctx, week, since, until) })
	})
	w.plan(w.to.Add(10*time.Hour), func(ctx context.Context) error { return w.take(ctx, merged, from, w.to) })
}

// change makes a change of a day.
func (w *world) change(day time.Time) *changes.Change {
	w.made++
	merged := day.Add(time.Duration(9*60+w.random.IntN(12*60)) * time.Minute).UTC()
	authored, deployed := merged.Add(-time.Duration(1+w.random.IntN(30))*time.Hour), merged.Add(40*time.Minute)
	author := w.present(merged, "Engineering")
	reviewer := w.present(merged, "Engineering", author)
	sum := sha256.Sum256(fmt.Appendf(nil, "change %d", w.made))
	c := &changes.Change{
		ID: hex.EncodeToString(sum[:20]), Title: pick(w, w.Verbs) + " " + pick(w, w.Things),
		Author:    changes.Person{Name: author.Name, Email: author.Email},
		Committer: changes.Person{Name: author.Name, Email: author.Email},
		Reviewers: []changes.Person{{Name: reviewer.Name, Email: reviewer.Email}},
		MergedAt:  &merged, AuthoredAt: &authored, State: changes.Deployed, DeployedAt: &deployed,
		Ticket: fmt.Sprintf("SEC-%d", 400+w.made),
	}
	if w.firstChange == "" {
		w.firstChange = c.ID
	}
	shares := 0
	for _, r := range w.Repositories {
		shares += r.Share
	}
	at := w.random.IntN(shares)
	for _, r := range w.Repositories {
		if at -= r.Share; at < 0 {
			c.Repository, c.Asserted = r.Name, r.Asserted
			break
		}
	}
	return c
}

// reviewQuery is what the connector asked for.
type reviewQuery struct {
	System string    `json:"system"`
	Merged string    `json:"merged"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
}

// take takes changes over from the review system, as every importer does.
func (w *world) take(ctx context.Context, merged []*changes.Change, since, until time.Time) error {
	intake := record.Intake{Door: w.Door, Caller: reviewSystem, Kind: changes.Register, Action: "import.reviews"}
	summary, err := intake.Run(ctx, func(yield func(record.Item, error) bool) {
		for _, c := range merged {
			if !yield(record.Item{Where: "change " + c.ID, Doc: c}, nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	since, until = since.UTC(), until.UTC()
	return record.Complete(ctx, w.Door, reviewSystem, "import.reviews", "reviews", record.Completed{
		Source: "reviews", Register: changes.Register.Register, Since: &since, Until: &until, Summary: summary, Complete: true, Gaps: []string{},
		Query: reviewQuery{"reviews.example.com", "true", since, until},
	})
}
