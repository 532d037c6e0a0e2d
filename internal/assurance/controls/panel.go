package controls

import "reflect"

// Panel evaluates several tests over one item after the other. What their
// expressions read of an item is decoded once for all of them, and a filter
// that several have is asked once. Each says of each item exactly what it says
// alone. A Panel is not safe for concurrent use: make one per goroutine.
type Panel struct {
	seats   []seat
	tables  []*table
	filters []*filter
	item    []byte
}

// seat is the place of one evaluator.
type seat struct {
	table  *table
	shared *Evaluator
	alone  func() *Evaluator
	own    *Evaluator // made when it is needed
}

// table is what evaluators share whose items have the same declared fields.
type table struct {
	seats int
	first *Evaluator // whose item is the table's
	err   error      // of reading the current item
	clean bool       // the current item is one that each could read alone
}

// filter is what a population's filter says of the current item.
type filter struct {
	asked, in bool
	err       error
}

// NewPanel returns a panel of the tests, for all that their evaluators can be
// asked.
func NewPanel(tests []*Test) *Panel {
	return newPanel(len(tests), func(i int) *Evaluator { return tests[i].Evaluator() })
}

// NewFilters returns a panel of populations alone: of identifier, instant and
// filter.
func NewFilters(of []*Population) *Panel {
	return newPanel(len(of), func(i int) *Evaluator { return of[i].Evaluator() })
}

func newPanel(n int, evaluator func(i int) *Evaluator) *Panel {
	p := &Panel{seats: make([]seat, n)}
	type asked struct {
		table *table
		where string
	}
	filters := map[asked]*filter{}
	for i := range p.seats {
		e := evaluator(i)
		s := seat{table: p.tableOf(e), shared: e, alone: func() *Evaluator { return evaluator(i) }}
		s.table.seats++
		if where := e.population.Where; where != "" {
			key := asked{s.table, where}
			if filters[key] == nil {
				filters[key] = &filter{}
				p.filters = append(p.filters, filters[key])
			}
			e.filter = filters[key]
		}
		p.seats[i] = s
	}
	for _, t := range p.tables {
		programs := t.first.programs()
		for _, s := range p.seats {
			if s.table == t && s.shared != t.first {
				programs = append(programs, s.shared.programs()...)
			}
		}
		t.first.item = t.first.population.env.Items(t.first.population.From != FromItems, programs...)
	}
	for _, s := range p.seats {
		s.shared.item = s.table.first.item
	}
	return p
}

// tableOf finds the table at which an evaluator can sit, or makes it.
func (p *Panel) tableOf(e *Evaluator) *table {
	for _, t := range p.tables {
		if of := t.first.population; of.From == e.population.From && reflect.DeepEqual(of.fields, e.population.fields) {
			return t
		}
	}
	t := &table{first: e}
	p.tables = append(p.tables, t)
	return t
}

// Read takes the next item, a JSON object, which must stay as it is until the
// next call.
func (p *Panel) Read(json []byte) {
	p.item = json
	for _, f := range p.filters {
		*f = filter{}
	}
	for _, t := range p.tables {
		t.err = t.first.item.Read(json)
		t.clean = t.err == nil && t.first.item.Misfit() == nil
	}
}

// Evaluator returns the evaluator of the test, or population, with this number,
// which has read the current item. The error is what Read of an evaluator says.
func (p *Panel) Evaluator(i int) (*Evaluator, error) {
	s := &p.seats[i]
	if s.table.clean || s.table.seats == 1 {
		return s.shared, s.table.err
	}
	// Something in the item does not fit; this one may never look at it.
	if s.own == nil {
		s.own = s.alone()
	}
	return s.own, s.own.Read(p.item)
}
