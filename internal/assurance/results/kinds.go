package results

import (
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/record"
)

// coverage is what is known of the completeness of a test's population before
// its items are read. Of a state or document test the items themselves say it.
func coverage(from populations.Snapshot, kinds record.Kinds, test *controls.Test, window populations.Window) (*populations.Coverage, error) {
	if test.Kind == controls.State || test.Kind == controls.Document {
		return populations.Asked(test, window)
	}
	if computed := kinds.Derived(test.Population.From); computed != nil && computed.Since != nil {
		return populations.Computed(from, computed, window)
	}
	return imported(from, kinds, test.Population.From, window)
}

// imported is for which part of a window the imports speak that feed a source. Those into a
// register that people keep here say nothing of what they have entered otherwise.
func imported(from populations.Snapshot, kinds record.Kinds, source string, window populations.Window) (*populations.Coverage, error) {
	if !kinds.Mirrored(source) {
		return &populations.Coverage{}, nil
	}
	return populations.Covered(from, kinds.Keeper(source), window)
}

// Changes reads a source's own record of changes for a state test; nil where
// the control names none.
func Changes(from populations.Snapshot, kinds record.Kinds, test *controls.Test, window populations.Window) (*controltests.ChangeRecord, error) {
	if test.StateTerms == nil || test.Changes == nil {
		return nil, nil //nolint:nilnil // none is what Run takes nil for
	}
	c := test.Changes
	covered, err := populations.Recorded(from, c.From, c.Scope, window.AsOf)
	if err != nil {
		return nil, err
	}
	stream, err := populations.Open(from, kinds, &c.Population, window)
	if err != nil {
		return nil, err
	}
	known := &controltests.ChangeRecord{Covered: covered, Changed: map[string][]time.Time{}}
	e := c.Evaluator()
	for item, err := range stream.Items() {
		if err != nil {
			return nil, err
		}
		if err := e.Read(item.JSON); err != nil {
			return nil, err
		}
		at, err := e.At()
		if err != nil {
			return nil, err
		}
		resource, err := e.Resource()
		if err != nil { // of which, is not known: of any
			resource = ""
		}
		known.Changed[resource] = append(known.Changed[resource], at)
	}
	for _, list := range known.Changed {
		slices.SortFunc(list, time.Time.Compare)
	}
	return known, nil
}
