package demo

import (
	"context"
	"fmt"

	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/results"
)

// cause is what somebody found out about what went wrong.
type cause = judgments.Cause

// deviating is an item that deviates from a control; without a control, from
// every one that tests it.
type deviating struct{ control, item string }

// because is the cause, as people state it.
func (y *why) because() told { return told{ID: y.Cause, Note: y.Note} }

// told is a cause that the story tells.
type told cause

// with says with whom, and in what, it was.
func (t told) with(person, subsystem string) told {
	t.Person, t.Subsystem = person, subsystem
	return t
}

// note keeps what is known of an item that deviates.
func (w *world) note(control, item string, t told) { w.causes[deviating{control, item}] = cause(t) }

// judge states the causes of the deviations of which nobody has, and has
// another person confirm them.
func (w *world) judge(ctx context.Context) error {
	lab := w.Lab()
	all, err := lab.Deviations(ctx, Period)
	if err != nil {
		return err
	}
	states := w.officers["platform lead"].caller()
	for i := range all {
		found := &all[i]
		if found.Standing != results.NoCause {
			continue
		}
		known, ok := w.causes[deviating{found.Control, found.Item}]
		if !ok {
			known, ok = w.causes[deviating{"", found.Item}]
		}
		if !ok {
			return fmt.Errorf("%s: the story does not say why %s deviates from %s", found.Ref(), found.Item, found.Control)
		}
		stated, err := lab.State(ctx, states, found.Ref(), judgments.Deviation{Cause: &known})
		if err != nil {
			return err
		}
		confirms := w.officers["compliance lead"]
		if stated.Owner == confirms.Title { // nobody confirms a cause of their own control
			confirms = w.officers["chief information security officer"]
		}
		if _, err := lab.Confirm(ctx, confirms.caller(), found.Ref()); err != nil {
			return err
		}
	}
	return nil
}
