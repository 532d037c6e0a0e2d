package controltests

import (
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
)

// Undone is an item of an occurrence test that has not been done.
type Undone struct {
	Item string
	Due  time.Time
	// Deadline is the end of its grace: not done by then, it is a deviation for
	// ever.
	Deadline time.Time
	// JSON is the item itself; it is valid during the visit only.
	JSON []byte
}

// EachUndone visits the items of an occurrence test that have not been done,
// in the order of the source. An item that cannot be evaluated is passed over:
// Run says what is wrong with it.
func EachUndone(test *controls.Test, source Source, visit func(Undone) error) error {
	e := test.Evaluator()
	for item, err := range source.Items() {
		if err != nil {
			return err
		}
		if e.Read(item.JSON) != nil {
			continue
		}
		id, noID := e.ID()
		in, noFilter := e.In()
		due, noDue := e.Due()
		_, done, noDone := e.Done()
		if noID != nil || noFilter != nil || noDue != nil || noDone != nil || !in || done {
			continue
		}
		if err := visit(Undone{id, due, due.Add(test.Grace), item.JSON}); err != nil {
			return err
		}
	}
	return nil
}
