package controltests_test

import (
	"testing"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
)

// What people read of a result has no words of programs, and the times of their zone.
func TestReasonsReadAsPeopleSpeak(t *testing.T) {
	zone := time.FixedZone("east", 3600)
	for reason, want := range map[string]string{
		"2 items tested: 1 passed, 1 deviation (1 predicate).":                                                                        "2 items tested: 1 passed, 1 deviation (1 not as they should be).",
		`Recurring cause: "unclear_procedure" has more than one episode.`:                                                             "Recurring cause: unclear procedure has more than one episode.",
		"Gap: tls://x:443, from 2024-12-31T23:00:00Z to 2025-11-30T23:00:00Z: no reading for 8016h0m0s, at most 36h0m0s are allowed.": "Gap: tls://x:443, from 2025-01-01 00:00 to 2025-12-01 00:00: no reading for 334 days, at most 36 hours are allowed.",
		"0 readings of 0 resources: the state is known for 0.0 resource-hours, and did not hold for 0.0 of them.":                     "Nothing was read.",
		"62 readings of 2 resources: the state is known for 1488.0 resource-hours, and did not hold for 4.5 of them.":                 "62 readings of 2 resources: taken together, their state is known for 62 days, and was not as it should be for 4 hours 30 minutes of that.",
		"Rate: 90.0 of 1488.0 resource-hours is over 5 %.":                                                                            "Rate: 3 days 18 hours of 62 days is over 5 %.",
		"further apart than 48h0m0s, and 2 of these":                                                                                  "further apart than 2 days, and 2 of these",
		"TLS 1.3 for 5 items at PLN-1":                                                                                                "TLS 1.3 for 5 items at PLN-1",
	} {
		if got := controltests.Plainly(reason, zone); got != want {
			t.Errorf("%s\nreads %s\nwant  %s", reason, got, want)
		}
	}
}
