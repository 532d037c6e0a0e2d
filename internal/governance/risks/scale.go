package risks

import (
	"fmt"
	"strings"
)

// Steps of a scale: 1 to 5, as RSK-02 tests it.
const Steps = 5

// Scale is what the steps are called, the first one that of 1.
type Scale [Steps]string

// The two scales.
var (
	Likelihoods = Scale{"rare", "unlikely", "possible", "likely", "almost certain"}
	Impacts     = Scale{"negligible", "minor", "moderate", "major", "severe"}
)

// String lists the steps: "1 rare, 2 unlikely, ...".
func (s Scale) String() string {
	var all []string
	for i, name := range s {
		all = append(all, fmt.Sprintf("%d %s", i+1, name))
	}
	return strings.Join(all, ", ")
}

// Level is what a score is called: low to 4, moderate to 9, high to 15, critical
// above.
func Level(score int) string {
	switch {
	case score <= 4:
		return "low"
	case score <= 9:
		return "moderate"
	case score <= 15:
		return "high"
	}
	return "critical"
}

// rate is the score and the level of a risk; none where a part is missing.
func rate(likelihood, impact *int) (*int, string) {
	if likelihood == nil || impact == nil {
		return nil, ""
	}
	score := *likelihood * *impact
	return &score, Level(score)
}
