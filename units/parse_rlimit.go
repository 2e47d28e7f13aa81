package units

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A limitUnit says how the values of a resource limit are written.
type limitUnit int

const (
	limitCount limitUnit = iota
	limitBytes
	limitSeconds
	limitMicroseconds
	limitNice
)

const infinite = math.MaxUint64 // RLIM_INFINITY

// parseRLimit reads SOFT:HARD, or one value for both.
func parseRLimit(e entry) (ResourceLimit, error) {
	r := resources[slices.IndexFunc(limitKeys, func(k Key) bool { return k.Name == e.key.Name })]
	limit := ResourceLimit{Name: r.name, Resource: r.resource}
	var err error
	switch v := e.value.(type) {
	case int64:
		limit.Soft, err = r.unit.parse(strconv.FormatInt(v, 10))
		limit.Hard = limit.Soft
	case string:
		limit.Soft, limit.Hard, err = r.unit.parsePair(v)
	default:
		err = e.wrong("a number or a string")
	}
	switch {
	case err != nil:
	case limit.Soft > limit.Hard:
		err = fmt.Errorf("%s has a soft limit above the hard one", excerptOf(e.text()))
	case r.name == "nofile" && limit.Soft == 0:
		err = fmt.Errorf("must be more than 0: no program starts without descriptors")
	}
	return limit, err
}

func (u limitUnit) parsePair(s string) (soft, hard uint64, err error) {
	first, second, pair := strings.Cut(s, ":")
	if soft, err = u.parse(first); err != nil || !pair {
		return soft, soft, err
	}
	hard, err = u.parse(second)
	return soft, hard, err
}

func (u limitUnit) parse(s string) (uint64, error) {
	if s == "infinity" {
		return infinite, nil
	}
	n, err := u.number(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is not a limit, such as 1024, %q or %q", quoteShort(s), "1024:4096", "infinity")
	}
	return uint64(n), nil
}

func (u limitUnit) number(s string) (int64, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && (u != limitNice || s[0] != '-' && s[0] != '+') {
		return n, nil
	}
	switch u {
	case limitBytes:
		return sizeOf(s)
	case limitSeconds:
		return wholeUnits(s, time.Second)
	case limitMicroseconds:
		return wholeUnits(s, time.Microsecond)
	case limitNice:
		return niceLimit(s)
	default:
		return 0, strconv.ErrSyntax
	}
}

// wholeUnits reads a duration, rounded up: a limit of half a second is not none.
func wholeUnits(s string, unit time.Duration) (int64, error) {
	d, err := ParseDuration(s)
	if d == math.MaxInt64 || err != nil {
		return 0, strconv.ErrSyntax
	}
	n := int64(d / unit)
	if d%unit > 0 {
		n++
	}
	return n, nil
}

// niceLimit reads a nice value with its sign; RLIMIT_NICE counts 20 less it, see getrlimit(2).
func niceLimit(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < -20 || n > 19 {
		return 0, strconv.ErrRange
	}
	return 20 - n, nil
}
