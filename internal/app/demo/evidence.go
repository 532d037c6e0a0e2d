package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/trust/ledger"
)

// probe is the connector that looks at systems.
var probe = act.Caller{ID: "connector/probe", Roles: []string{"ingester"}}

// look plans that systems are looked at every night, from the day on which the
// probe was connected.
func (w *world) look() {
	for day := w.ObservedFrom.at(w.zone, 0); day.Before(w.to); day = day.AddDate(0, 0, 1) {
		w.plan(day, w.observe)
	}
}

// observe records what is seen now.
func (w *world) observe(ctx context.Context) error {
	now := w.clock.Now()
	var seen []observations.Observation
	var wrong []int
	for i := range w.Observed {
		one := &w.Observed[i]
		value := maps.Clone(one.Value)
		if w.today(one.Wrong.Days, now) {
			maps.Copy(value, one.Wrong.Value)
			wrong = append(wrong, i)
		}
		document, err := json.Marshal(value)
		if err != nil {
			return err
		}
		seen = append(seen, observations.Observation{
			Resource: one.Resource, Check: one.Check, Source: "probe 1.0", Query: "read " + one.Resource, ObservedAt: now, Outcome: observations.Read, Value: document,
		})
	}
	receipts, err := observations.Record(ctx, w.Door, probe, seen...)
	if err != nil {
		return err
	}
	for _, i := range wrong { // its event's id is that of the item
		q := ledger.Query{From: receipts[i].Index, To: receipts[i].Index + 1}
		if err := ledger.Find(ctx, w.DB, q, func(e *ledger.Event) error {
			w.note("", e.ID, w.Observed[i].Wrong.because())
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// document plans that the documents of every quarter are prepared by one person
// and read by another.
func (w *world) document() {
	for quarter := 1; quarter <= 4; quarter++ {
		from := date{w.From.year, 3*quarter - 2, 1}.at(w.zone, 0)
		to := from.AddDate(0, 3, 0)
		name := fmt.Sprintf("%d-Q%d", w.From.year, quarter)
		for i := range w.Documents {
			d := &w.Documents[i]
			from, name := from, name
			if d.Yearly {
				if quarter < 4 {
					continue
				}
				from, name = w.from, fmt.Sprint(w.From.year)
			}
			if d.Without == quarter {
				w.note(d.Control, name, d.because())
				continue
			}
			id := new(string)
			prepared := to.AddDate(0, 0, -2-w.random.IntN(3)).Add(10 * time.Hour)
			w.plan(prepared, func(ctx context.Context) error {
				added, err := w.AddEvidence(ctx, w.officers["platform lead"].caller(), documents.Evidence{
					Control: d.Control, Test: d.Test, File: fmt.Sprintf(d.File, name), Source: "wiki.example.com", Query: "page " + fmt.Sprintf(d.File, name), From: from, To: to,
				}, strings.NewReader("# "+d.Title+", "+name+"\n"))
				*id = added.ID
				return err
			})
			w.plan(prepared.Add(26*time.Hour), func(ctx context.Context) error {
				_, err := documents.Conclude(ctx, w.Door, w.officers["compliance lead"].caller(), *id, controltests.Accepted, "It covers "+name+" and says what the test asks for.")
				return err
			})
		}
	}
}
