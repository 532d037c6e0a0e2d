package controltests

import "slices"

// Conclusion is what a test says about a control.
type Conclusion string

// The conclusions.
const (
	Effective               Conclusion = "effective"
	EffectiveWithExceptions Conclusion = "effective_with_exceptions"
	Ineffective             Conclusion = "ineffective"
	NotOccurring            Conclusion = "not_occurring"
	Incomplete              Conclusion = "incomplete"
	NotTested               Conclusion = "not_tested"
)

// worstFirst ranks them: a control is as bad as its worst test. NotOccurring is apart: it counts only if all are.
var worstFirst = []Conclusion{Ineffective, Incomplete, NotTested, EffectiveWithExceptions, Effective}

// Combine is a control's conclusion from those of its tests: the worst of
// them, where tests whose items did not occur say nothing unless all are so.
// Without any it is NotTested.
func Combine(tests ...Conclusion) Conclusion {
	for _, c := range worstFirst {
		if slices.Contains(tests, c) {
			return c
		}
	}
	if slices.Contains(tests, NotOccurring) {
		return NotOccurring
	}
	return NotTested
}
