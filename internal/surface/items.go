package surface

import (
	"strings"
	"sync"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/record"
)

// Items gives the references of items of tests of controls, where there is a register of
// them: the controls are read once, and where they cannot be read an item is its own.
func (s *System) Items() (of func(control, test, item string) string) {
	var all []*controls.Control
	read := sync.OnceFunc(func() { all, _ = s.Controls() }) // whoever needs them says what is wrong
	return func(control, test, item string) string {
		read()
		for _, one := range all {
			if one.ID != control {
				continue
			}
			if test, ok := one.Test(test); ok {
				return s.Item(test, item)
			}
		}
		return item
	}
}

// Item is the reference of an item of a test. One of several that are computed of a record has
// its source before it: "vendor_exits/VEN-1@exit"; where there is one of each it is the
// record's.
func (s *System) Item(test *controls.Test, item string) string {
	switch kind, source := s.Kinds.Computed(test.Population.From); {
	case kind == nil || kind == tasks.Register:
	case strings.Contains(item, "@"):
		return source.Name + "/" + item
	default:
		return kind.Name + "/" + item
	}
	return reports.Reference(s.Kinds, test, item)
}

// Awaited gives the references of what a report says has not been done.
func (s *System) Awaited() func(p *reports.Pending) string {
	items := s.Items()
	return func(p *reports.Pending) string {
		if len(p.Tests) == 0 || strings.Contains(p.Item, "/") {
			return p.Item
		}
		control, test, _ := strings.Cut(p.Tests[0], " ")
		return items(control, test, p.Item)
	}
}

// Computed finds the record of which such an item is computed, and which of its items it is,
// an instant as a day: "VEN-1" and "exit". Nil: the text names none.
func (s *System) Computed(ref string) (kind *record.Kind, id, which string) {
	source, item, _ := strings.Cut(ref, "/")
	if kind, _ = s.Kinds.Computed(source); kind == nil || kind == tasks.Register || item == "" {
		return nil, "", ""
	}
	at := strings.LastIndexByte(item, '@')
	if at < 0 {
		return kind, item, ""
	}
	which = item[at+1:]
	if due, err := time.Parse(time.RFC3339, which); err == nil {
		which = due.In(s.zone()).Format(time.DateOnly)
	}
	return kind, item[:at], which
}

// RecordOf is the reference of the record that a reference is of: itself, but of what is computed
// of one.
func (s *System) RecordOf(ref string) string {
	if kind, id, _ := s.Computed(ref); kind != nil {
		return kind.Name + "/" + id
	}
	return ref
}
