package controltests

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/record"
)

// Words are what people call a reason.
func (r Reason) Words() string {
	switch r {
	case FailedPredicate:
		return "not as it should be"
	case Failure:
		return "could not be evaluated"
	case Late, Rejected, Missing:
	}
	return string(r)
}

// What stands in the reasons of a result for programs: results keep their words, by which
// they are compared when they are computed again.
var (
	causeCode  = regexp.MustCompile(`"[a-z_]+"`)
	failedCode = regexp.MustCompile(`\b(\d+) predicate\b`)
	utcTime    = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`)
	unreadText = regexp.MustCompile(`\b0 readings of 0 resources: the state is known for 0\.0 resource-hours, and did not hold for 0\.0 of them\.`)
	known      = regexp.MustCompile(`: the state is known for (\d+\.\d) resource-hours, and did not hold for (\d+\.\d) of them\.`)
	overRate   = regexp.MustCompile(`\bRate: (\d+\.\d) of (\d+\.\d) resource-hours is over`)
	goLength   = regexp.MustCompile(`\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?s\b`)
)

// Plainly is a reason of a test as people say it, in a time zone.
func Plainly(reason string, zone *time.Location) string {
	reason = failedCode.ReplaceAllString(reason, "$1 not as they should be")
	reason = unreadText.ReplaceAllString(reason, "Nothing was read.")
	reason = replaced(known, reason, func(found []string) string {
		return ": taken together, their state is known for " + hours(found[1]) + ", and was not as it should be for " + hours(found[2]) + " of that."
	})
	reason = replaced(overRate, reason, func(found []string) string {
		return "Rate: " + hours(found[1]) + " of " + hours(found[2]) + " is over"
	})
	reason = utcTime.ReplaceAllStringFunc(reason, func(text string) string {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return text
		}
		return at.In(zone).Format("2006-01-02 15:04")
	})
	reason = goLength.ReplaceAllStringFunc(reason, func(text string) string { return record.Duration(text).Words() })
	return causeCode.ReplaceAllStringFunc(reason, func(code string) string {
		return strings.ReplaceAll(strings.Trim(code, `"`), "_", " ")
	})
}

func replaced(what *regexp.Regexp, text string, by func(found []string) string) string {
	return what.ReplaceAllStringFunc(text, func(one string) string { return by(what.FindStringSubmatch(one)) })
}

// hours is a number of them as people say it.
func hours(text string) string {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text + " hours"
	}
	return record.Length(time.Duration(number * float64(time.Hour)).Round(time.Minute))
}
