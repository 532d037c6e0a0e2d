package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// talk plans the signatures of who is there before the year, and the performance
// reviews: once a month those that are due within the next one.
func (w *world) talk() {
	w.plan(w.from.AddDate(0, 0, -2).Add(10*time.Hour), w.sign)
	for day := w.from.AddDate(0, 0, -2); day.Before(w.to); day = day.AddDate(0, 1, 0) {
		w.plan(day.Add(14*time.Hour), w.review)
	}
}

// sign puts on record what people signed: the terms, days before they came.
func (w *world) sign(ctx context.Context) error {
	keeper := w.officers["people lead"].caller()
	if _, err := people.Plan(ctx, w.Door, keeper); err != nil {
		return err
	}
	awaited, err := listed[people.Agreement](ctx, w, people.Agreements, fmt.Sprintf("item.state == %q", people.Awaited))
	if err != nil {
		return err
	}
	for _, a := range awaited {
		by := keeper
		if a.Person == by.ID { // nobody puts their own on record
			by = w.officers["compliance lead"].caller()
		}
		fields, err := asFields(map[string]any{"terms": "Confidentiality and security 2024", "signed_at": a.AccessFrom.AddDate(0, 0, -3), "document": "signatures/" + a.ID})
		if err != nil {
			return err
		}
		if _, err := w.MoveRecord(ctx, by, people.Agreements, a.ID, record.AnyVersion, people.Signed, fields); err != nil {
			return fmt.Errorf("%s: %w", a.ID, err)
		}
	}
	return nil
}

// review holds the reviews that are due within a month, those of before the year
// included. Who has no manager talks with the chief executive officer, who talks with
// the chief information security officer.
func (w *world) review(ctx context.Context) error {
	if _, err := people.Plan(ctx, w.Door, w.officers["people lead"].caller()); err != nil {
		return err
	}
	now := w.clock.Now()
	due, err := listed[people.PerformanceReview](ctx, w, people.Reviews, fmt.Sprintf("item.state == %q && item.due_at < timestamp(%q)", people.Planned, now.AddDate(0, 1, 3).UTC().Format(time.RFC3339)))
	if err != nil {
		return err
	}
	for _, v := range due {
		held := now.UTC()
		if v.DueAt.Before(held) {
			held = v.DueAt.AddDate(0, 0, -9)
		}
		if v.Reviewer == "" {
			v.Reviewer = w.people[0].ref()
			if v.Person == v.Reviewer {
				v.Reviewer = w.people[1].ref()
			}
		}
		fields, err := asFields(map[string]any{"reviewer": v.Reviewer, "held_at": held, "job_description": "handbook, part 4", "security_duties": "met"})
		if err != nil {
			return err
		}
		by := w.officers["people lead"].caller()
		if v.Person == by.ID {
			by = w.people[0].caller()
		}
		if _, err := w.MoveRecord(ctx, by, people.Reviews, v.ID, record.AnyVersion, people.Held, fields); err != nil {
			return fmt.Errorf("%s: %w", v.ID, err)
		}
	}
	return nil
}

// listed are the records of a register that a filter selects.
func listed[T any](ctx context.Context, w *world, kind *record.Kind, filter string) (all []*T, err error) {
	err = w.DB.Read(ctx, func(r *store.Reader) error {
		_, err := record.List(r, kind, record.Query{Filter: filter}, func(v *record.Version) error {
			doc := new(T)
			all = append(all, doc)
			return json.Unmarshal(v.Doc, doc)
		})
		return err
	})
	return all, err
}
