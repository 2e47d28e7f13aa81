package units

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

var (
	errDuration     = errors.New(`is not a duration, such as 90, "1min 30s" or "infinity"`)
	errLongDuration = errors.New(`is too long; "infinity" is no limit`)
)

// spans are the units of time of systemd.time(7).
var spans = map[string]time.Duration{
	"": time.Second,

	"nsec": 1, "ns": 1,
	"usec": time.Microsecond, "us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond,
	"msec": time.Millisecond, "ms": time.Millisecond,
	"seconds": time.Second, "second": time.Second, "sec": time.Second, "s": time.Second,
	"minutes": time.Minute, "minute": time.Minute, "min": time.Minute, "m": time.Minute,
	"hours": time.Hour, "hour": time.Hour, "hr": time.Hour, "h": time.Hour,
	"days": 24 * time.Hour, "day": 24 * time.Hour, "d": 24 * time.Hour,
	"weeks": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// ParseDuration reads a duration of a unit file: numbers with the units of systemd.time(7) up to weeks, added up, a number
// alone being seconds, or "infinity", which is math.MaxInt64. A duration that does not fit is an error, never infinity.
func ParseDuration(s string) (time.Duration, error) {
	if s == "infinity" {
		return math.MaxInt64, nil
	}
	var total time.Duration
	rest := strings.TrimSpace(s)
	for first := true; first || rest != ""; first = false {
		number, unit, tail := nextTerm(rest)
		d, err := times(number, unit)
		if err != nil {
			return 0, fmt.Errorf("%s %w", quoteShort(s), err)
		}
		if d > longest-total {
			return 0, fmt.Errorf("%s %w", quoteShort(s), errLongDuration)
		}
		total, rest = total+d, tail
	}
	return total, nil
}

// nextTerm splits "1min 30s" into "1", "min" and "30s".
func nextTerm(s string) (number, unit, rest string) {
	number = s[:len(s)-len(strings.TrimLeft(s, "0123456789."))]
	s = strings.TrimLeft(s[len(number):], " ")
	unit = s
	if i := strings.IndexAny(s, " 0123456789."); i >= 0 {
		unit = s[:i]
	}
	return number, unit, strings.TrimLeft(s[len(unit):], " ")
}

// longest is the longest duration that is not infinite.
const longest = time.Duration(math.MaxInt64 - 1)

func times(number, unit string) (time.Duration, error) {
	d, known := spans[unit]
	whole, fraction, err := decimal(number)
	switch {
	case !known || number == "":
		return 0, errDuration
	case allDigits(number) && err != nil || whole > int64(longest/d):
		return 0, errLongDuration
	case err != nil:
		return 0, errDuration
	}
	sum, rest := time.Duration(whole)*d, time.Duration(math.Round(fraction*float64(d)))
	if rest > longest-sum {
		return 0, errLongDuration
	}
	return sum + rest, nil
}

// durationOf reads a number of seconds or a string.
func durationOf(e entry) (time.Duration, error) {
	switch v := e.value.(type) {
	case string:
		return ParseDuration(v)
	case int64:
		if v > int64(longest/time.Second) || v < -int64(longest/time.Second) {
			return 0, fmt.Errorf("%d %w", v, errLongDuration)
		}
		return time.Duration(v) * time.Second, nil
	case float64:
		if !(math.Abs(v) < math.MaxInt64/float64(time.Second)-1) {
			return 0, fmt.Errorf("%v %w", v, errDuration)
		}
		return time.Duration(math.Round(v * float64(time.Second))), nil
	default:
		return 0, e.wrong("a duration")
	}
}

// durationText returns a duration as a unit file writes it, in the largest units: "1min 30s".
func durationText(n int64) string {
	if n == math.MaxInt64 {
		return "infinity"
	}
	var parts []string
	for _, u := range []struct {
		name string
		size time.Duration
	}{
		{"w", 7 * 24 * time.Hour},
		{"d", 24 * time.Hour},
		{"h", time.Hour},
		{"min", time.Minute},
		{"s", time.Second},
		{"ms", time.Millisecond},
		{"us", time.Microsecond},
		{"ns", 1},
	} {
		if count := n / int64(u.size); count > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", count, u.name))
			n -= count * int64(u.size)
		}
	}
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, " ")
}
