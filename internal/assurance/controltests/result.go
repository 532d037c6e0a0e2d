package controltests

// Result is a test's result. As JSON it has these names, in this order, and
// empty lists as [].
type Result struct {
	Control    string      `json:"control"`
	Test       string      `json:"test"`
	Population Population  `json:"population"`
	Passed     int         `json:"passed"`
	Deviations []Deviation `json:"deviations"` // in file order
	// Open are the ids of items not done whose due time and grace lie past the
	// period's end, in file order.
	Open []string `json:"open"`
	// Rate is deviations / (passed + deviations), not rounded; 0 where nothing
	// was tested. Of a state test it is failed hours / known hours.
	Rate          float64    `json:"rate"`
	Markers       []Marker   `json:"markers"`
	Conclusion    Conclusion `json:"conclusion"`
	NeedsJudgment bool       `json:"needs_judgment"`
	// Because says in short sentences how the conclusion came about, always in
	// the same order.
	Because []string `json:"because"`
	// State is what a state test knows of its resources; Rate is then of
	// resource-hours, not of readings.
	State *State `json:"state,omitempty"`
	// Gaps are what is not known of the period, by a state or document test.
	Gaps []Gap `json:"gaps,omitempty"`

	// Episodes is the number of chains that the deviations make.
	Episodes int `json:"-"`
	// Outside is the number of items whose instant is outside the period, and
	// FilteredOut of those that the population's filter left out.
	Outside, FilteredOut int `json:"-"`
	// Tally is what it takes to go on with further items; nil: that cannot be done.
	Tally *Tally `json:"-"`
}

// Population says which items were tested, whole.
type Population struct {
	// Count is the number of items in it, open ones included. Items outside
	// the period and those that the filter left out are not in it.
	Count int `json:"count"`
	// SHA256 is the lowercase hex hash of the bytes that were given.
	SHA256 string `json:"sha256"`
}

// Deviation is an item that failed.
type Deviation struct {
	Item   string `json:"item"`
	Reason Reason `json:"reason"`
	// Cause is nil where nobody noted one.
	Cause *string `json:"cause"`
}
