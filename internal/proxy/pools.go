package proxy

import (
	"math"
	"strconv"
	"strings"
)

// A pool bounds how many objects there are, and how large each may be; zero is no bound.
type pool struct{ count, size int }

// poolLimits are between which bounds a pool may be.
type poolLimits struct {
	minCount, maxCount int
	size               int // where none is given
	minSize, maxSize   int

	few, many, small, large string // warnings
}

var handlePool = poolLimits{
	minCount: 7, maxCount: 1024, size: 96, minSize: 32, maxSize: 4096,
	few:   "At least %d fd objects required; using minimum",
	many:  "fd pool size exceeds max number of allowed file descriptors; limiting to %d",
	small: "fd obj size increased to minimum of %d",
	large: "fd obj size limited to maximum of %d",
}

var servicePool = poolLimits{
	minCount: 1, maxCount: 65535, size: 512, minSize: 64, maxSize: math.MaxInt32,
	few:   "At least %d service objects required; using minimum",
	many:  "service pool size exceeds maximum; limiting to %d",
	small: "servce obj size increased to minimum of %d", // as the original spells it
	large: "service obj size limited to maximum of %d",
}

// apply brings a pool between the bounds, and warns where it was not.
func (l *poolLimits) apply(count, size int64, warn func(string, ...any)) pool {
	return pool{
		clamp(count, l.minCount, l.maxCount, l.few, l.many, warn),
		clamp(size, l.minSize, l.maxSize, l.small, l.large, warn),
	}
}

func clamp(n int64, least, most int, low, high string, warn func(string, ...any)) int {
	switch {
	case n < int64(least):
		warn(low, least)
		return least
	case n > int64(most):
		warn(high, most)
		return most
	}
	return int(n)
}

// parsePool reads N or NxM; M is a size, and size where there is none.
func parsePool(text string, size int) (count, each int64, ok bool) {
	first, second, found := strings.Cut(text, "x")
	count, ok = parseInteger(first)
	if !ok {
		return 0, 0, false
	}
	if !found || second == "" {
		return count, int64(size), true
	}
	each, ok = parseSize(second)
	return count, each, ok
}

// parseInteger reads an optional minus and decimal digits.
func parseInteger(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && text[0] != '+'
}

// Powers of units, by their letters.
var powers = map[byte]int{'b': 0, 'k': 1, 'm': 2, 'g': 3}

// parseSize reads a number with a suffix b, k, m or g, in either case: powers of 1024, also as KiB; of 1000 as KB.
func parseSize(text string) (int64, bool) {
	end := strings.LastIndexAny(text, "0123456789") + 1
	n, ok := parseInteger(text[:end])
	suffix := strings.ToLower(text[end:])
	if !ok || suffix == "" {
		return n, ok
	}
	power, known := powers[suffix[0]]
	unit, fits := unitOf(suffix[1:], power)
	if !known || !fits {
		return 0, false
	}
	for range power {
		if n > math.MaxInt64/unit || n < 0 {
			return 0, false
		}
		n *= unit
	}
	return n, true
}

// unitOf says what the rest of a suffix makes of its letter.
func unitOf(rest string, power int) (unit int64, ok bool) {
	switch {
	case rest == "", rest == "ib" && power > 0:
		return 1024, true
	case rest == "b" && power > 0:
		return 1000, true
	}
	return 0, false
}
