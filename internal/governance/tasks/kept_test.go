package tasks

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/record"
)

// written is a past that is written here, with or without something beside it.
type written struct {
	memo         *sync.Map
	tasks        []*Task
	performances []*Performance
	facts        []record.Fact
}

func (w *written) Memo() *sync.Map { return w.memo }

func (w *written) Documents(kind string, from, to time.Time, visit func(json.RawMessage) error) error {
	var all []any
	for _, t := range w.tasks {
		if kind == kindTask {
			all = append(all, t)
		}
	}
	for _, p := range w.performances {
		if kind == kindPerformance && !p.DueAt.Before(from) && p.DueAt.Before(to) {
			all = append(all, p)
		}
	}
	room := make([]byte, 0, 4096) // a document is valid during the visit only
	for _, one := range all {
		doc, err := record.Canonical(one)
		if err != nil {
			return err
		}
		if err := visit(append(room[:0], doc...)); err != nil {
			return err
		}
	}
	return nil
}

func (w *written) Happened(_ string, since, until time.Time, visit func(record.Fact) error) error {
	for _, f := range w.facts {
		if !f.At.Before(since) && f.At.Before(until) {
			if err := visit(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// given is what a source gives, document by document.
func given(t *rapid.T, past record.Past, from, to time.Time) string {
	var all []byte
	if err := items(past, from, to, func(item any) error {
		made, ok := item.(record.Documented)
		if !ok {
			t.Fatalf("%T", item)
		}
		doc, err := record.Canonical(item)
		if err != nil {
			return err
		}
		if kept := made.Document(); kept != nil && string(kept) != string(doc) {
			t.Fatalf("kept %s\nis   %s", kept, doc)
		}
		all = append(append(all, doc...), '\n')
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// Whatever happens to duties and to what was done about them, in whatever order and
// over whatever interval they are asked for, and judged at whatever instant: what is
// kept says what a reading says.
func TestWhatIsKeptOfDutiesIsWhatAReadingSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		begun := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
		w := &written{memo: &sync.Map{}}
		for i := range rapid.IntRange(1, 3).Draw(t, "duties") {
			w.tasks = append(w.tasks, &Task{
				ID: fmt.Sprintf("duty-%d", i), Title: "Duty", Schedules: []Plan{{begun, plans(t)}},
				Owners: []Ownership{{Owner: "a", Since: begun}}, PerformedBy: rapid.SampledFrom([]string{"", "scaf.example.v1"}).Draw(t, "performed by"),
			})
		}
		early := func(label string) time.Time { // several come to the same occurrence
			return begun.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, label)) * time.Hour)
		}
		day := func(label string) time.Time {
			return begun.Add(time.Duration(rapid.IntRange(0, 45*24).Draw(t, label)) * time.Hour)
		}
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			task := w.tasks[rapid.IntRange(0, len(w.tasks)-1).Draw(t, "duty")]
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0:
				at := task.Schedules[len(task.Schedules)-1].Since
				task.Schedules = append(task.Schedules, Plan{at.AddDate(0, 0, rapid.IntRange(1, 90).Draw(t, "later")), plans(t)})
			case 1:
				task.Owners = append(task.Owners, Ownership{Owner: rapid.SampledFrom([]string{"b", "c"}).Draw(t, "owner"), Since: day("since")})
			case 2:
				task.Title += "!"
			case 3, 4:
				w.facts = append(w.facts, record.Fact{Index: int64(len(w.facts)), At: early("happened"), Actor: "scaf", Outcome: rapid.SampledFrom([]string{"success", "failure"}).Draw(t, "outcome")})
			default:
				w.record(t, task, early("recorded"))
			}
			unkept := *w
			unkept.memo = nil
			from, to := begun.Add(-24*time.Hour), day("to")
			if rapid.Bool().Draw(t, "later") {
				from = day("from")
			}
			if got, want := given(t, w, from, to), given(t, &unkept, from, to); got != want {
				t.Fatalf("from %v to %v kept:\n%s\nread:\n%s", from, to, got, want)
			}
			if got, want := listed(t, w, from, to), listed(t, &unkept, from, to); got != want {
				t.Fatalf("at %v kept:\n%s\nread:\n%s", to, got, want)
			}
		}
	})
}

// listed is how occurrences stand at an instant, also one before they were done.
func listed(t *rapid.T, past record.Past, from, now time.Time) string {
	text := ""
	if err := each(past, from, now.AddDate(0, 0, 40), at(now), func(task *Task, o *Occurrence) error {
		doc, err := json.Marshal(o)
		text += task.Title + " " + string(doc) + "\n"
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return text
}

// record records something about an occurrence of the duty.
func (w *written) record(t *rapid.T, task *Task, near time.Time) {
	seq, err := task.between(near, near.AddDate(0, 4, 0))
	if err != nil {
		t.Fatal(err)
	}
	for o := range seq {
		id := task.ID + "@" + o.Date
		var p *Performance
		for _, one := range w.performances {
			if one.ID == id {
				p = one
			}
		}
		if p == nil {
			p = &Performance{ID: id, Duty: task.ID, DueAt: o.Due.UTC()}
			w.performances = append(w.performances, p)
		}
		doing := &Doing{At: o.Due.Add(time.Duration(rapid.IntRange(-200, 200).Draw(t, "hours")) * time.Hour).UTC(), By: "b", Note: "note"}
		switch rapid.IntRange(0, 2).Draw(t, "what") {
		case 0:
			p.Done = doing
		case 1:
			p.NotOccurring = doing
		case 2:
			p.Escalations = append(p.Escalations, Escalated{To: "d", At: doing.At, Owner: "a"})
		}
		return
	}
}
