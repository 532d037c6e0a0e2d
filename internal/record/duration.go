package record

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time in a document, as time.ParseDuration takes it:
// "48h". Control files declare such a field as duration. People may write it as
// ParseLength takes it; the document has it in hours, minutes and seconds.
type Duration string

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(string(d)) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return err
	}
	if length, err := time.ParseDuration(text); err == nil && length >= 0 { // stays as it is
		*d = Duration(text)
		return nil
	}
	length, err := ParseLength(text)
	if err != nil {
		return err
	}
	*d = Duration(compact(length))
	return nil
}

// Words is the length of time as people say it.
func (d Duration) Words() string {
	length, err := time.ParseDuration(string(d))
	if err != nil {
		return string(d)
	}
	return Length(length)
}

// Lossless is what Words says where that is read as the same document again, and the
// text itself otherwise.
func (d Duration) Lossless() string {
	if length, err := ParseLength(d.Words()); err == nil && compact(length) == string(d) {
		return d.Words()
	}
	return string(d)
}

// compact is a length of time as time.ParseDuration takes it, without what is nothing.
func compact(d time.Duration) string {
	short := d.String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(short, nothing) {
			short = short[:len(short)-2]
		}
	}
	return short
}

// The units of a length of time: a year of 365 days, none that is longer in one place
// than in another.
const (
	day  = 24 * time.Hour
	week = 7 * day
	year = 365 * day
)

var units = map[string]time.Duration{
	"y": year, "year": year, "w": week, "week": week, "d": day, "day": day,
	"h": time.Hour, "hour": time.Hour, "m": time.Minute, "min": time.Minute, "minute": time.Minute, "s": time.Second, "sec": time.Second, "second": time.Second,
}

// lengthPart is a number and its unit, and what may stand before the next one.
var lengthPart = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*([a-z]+)(?:\s*,\s*|\s+and\s+|\s*)`)

// ParseLength reads a length of time as people write it: "4 hours", "30 days", "1 year",
// "1 day 12 hours", or as programs do: "48h", "7d12h". A month is none: it is longer at
// one time than at another.
func ParseLength(text string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is no length of time such as 4 hours, 30 days or 1 year", text)
	rest := strings.ToLower(strings.TrimSpace(text))
	if d, err := time.ParseDuration(rest); err == nil && d >= 0 {
		return d, nil
	}
	var whole time.Duration
	for last := time.Duration(math.MaxInt64); rest != ""; {
		part := lengthPart.FindStringSubmatch(rest)
		if part == nil {
			return 0, wrong
		}
		unit, known := units[part[2]]
		if !known {
			unit, known = units[strings.TrimSuffix(part[2], "s")]
		}
		number, err := strconv.ParseFloat(part[1], 64)
		if length := number * float64(unit); err != nil || !known || unit >= last || length >= math.MaxInt64 {
			return 0, wrong
		} else if whole += time.Duration(math.Round(length)); whole < 0 {
			return 0, wrong
		}
		last, rest = unit, rest[len(part[0]):]
	}
	if strings.TrimSpace(text) == "" {
		return 0, wrong
	}
	return whole, nil
}

// Length is a length of time as people say it, which ParseLength takes: "14 days",
// "36 hours", "1 year", "3 hours 25 minutes".
func Length(d time.Duration) string {
	if d < 0 {
		return "-" + Length(-d)
	}
	if d > 0 && d < time.Second {
		return d.String()
	}
	if d%time.Second != 0 {
		d = d.Round(time.Second)
	}
	var parts []string
	say := func(unit time.Duration, called string) {
		if n := d / unit; n > 0 {
			d %= unit
			if n > 1 {
				called += "s"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, called))
		}
	}
	if d%year == 0 {
		say(year, "year")
	}
	if d >= 2*day || d == day {
		say(day, "day")
	}
	say(time.Hour, "hour")
	say(time.Minute, "minute")
	say(time.Second, "second")
	if len(parts) == 0 {
		return "0 seconds"
	}
	return strings.Join(parts, " ")
}
