package units

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A parser makes the value of a field out of what was written. Its error goes on where the key's name ends:
// "must be a boolean, not a string".
type parser[T any] func(e entry) (T, error)

func parseString(e entry) (string, error) {
	s, err := e.str()
	if err != nil {
		return "", err
	}
	if len(e.key.Words) > 0 && !slices.Contains(e.key.Words, s) {
		return "", e.key.unknownWord(s)
	}
	if e.key.check != nil {
		return s, e.key.check(s)
	}
	return s, nil
}

func parseBool(e entry) (bool, error) {
	b, ok := e.value.(bool)
	if !ok {
		return false, e.wrong("a boolean")
	}
	return b, nil
}

func parseInt(e entry) (int, error) {
	n, ok := e.value.(int64)
	if !ok {
		return 0, e.wrong("an integer")
	}
	n, err := e.key.within(n, strconv.FormatInt(n, 10))
	return saturated(n), err
}

// parseOptionalInt is parseInt for what the kernel decides unless the unit does. 32 bits are kept: a mark is unsigned.
func parseOptionalInt(e entry) (*int, error) {
	if word, ok := e.value.(string); ok && len(e.key.Words) > 0 {
		return parseTOS(e.key, word)
	}
	n, ok := e.value.(int64)
	if !ok {
		return nil, e.wrong("an integer")
	}
	n, err := e.key.within(n, strconv.FormatInt(n, 10))
	i := int(n)
	return &i, err
}

// parseTOS reads the words of IPTOS= in systemd.socket(5); the numbers are those of <netinet/ip.h>.
func parseTOS(k *Key, word string) (*int, error) {
	i := slices.Index(k.Words, word)
	if i < 0 {
		return nil, k.unknownWord(word)
	}
	tos := []int{0x10, 0x08, 0x04, 0x02}[i]
	return &tos, nil
}

func parseLimit(e entry) (Limit, error) {
	if e.value == "infinity" {
		return Infinity, nil
	}
	n, ok := e.value.(int64)
	if !ok {
		return 0, e.wrong(`an integer or "infinity"`)
	}
	n, err := e.key.within(n, strconv.FormatInt(n, 10))
	return Limit(saturated(n)), err
}

func parseSize(e entry) (int64, error) {
	switch v := e.value.(type) {
	case int64:
		return e.key.within(v, strconv.FormatInt(v, 10))
	case string:
		n, err := sizeOf(v)
		if err != nil {
			return 0, err
		}
		return e.key.within(n, quoteShort(v))
	default:
		return 0, e.wrong("a size")
	}
}

var errSize = errors.New(`is not a size, such as 65536, "64K" or "1.5M"`)

// sizeOf reads a number of bytes with the endings of systemd.socket(5), which count by 1024.
func sizeOf(s string) (int64, error) {
	number := strings.TrimRight(s, "BKMGT")
	shift, ok := map[string]uint{"": 0, "B": 0, "K": 10, "M": 20, "G": 30, "T": 40}[s[len(number):]]
	if !ok {
		return 0, fmt.Errorf("%s %w", quoteShort(s), errSize)
	}
	whole, fraction, err := decimal(number)
	switch {
	case allDigits(number) && number != "" && err != nil || whole > math.MaxInt64>>shift-1:
		return 0, fmt.Errorf("%s is too large", quoteShort(s))
	case err != nil:
		return 0, fmt.Errorf("%s %w", quoteShort(s), errSize)
	}
	return whole<<shift + int64(fraction*float64(int64(1)<<shift)), nil
}

// decimal reads digits with a point, without sign, exponent, underscore or NaN.
func decimal(s string) (whole int64, fraction float64, err error) {
	digits, rest, point := strings.Cut(s, ".")
	if digits == "" || !allDigits(digits) || point && (rest == "" || !allDigits(rest)) {
		return 0, 0, strconv.ErrSyntax
	}
	if whole, err = strconv.ParseInt(digits, 10, 64); err != nil || !point {
		return whole, 0, err
	}
	fraction, err = strconv.ParseFloat("0."+rest, 64)
	return whole, fraction, err
}

func allDigits(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// parseMode reads permissions. A decimal integer is refused: 660 would be 01224.
func parseMode(e entry) (fs.FileMode, error) {
	written := e.text()
	n, isInt := e.value.(int64)
	if s, ok := e.value.(string); ok {
		m, err := strconv.ParseUint(strings.TrimPrefix(s, "0o"), 8, 32)
		if err != nil {
			return 0, fmt.Errorf("%s is not a mode, such as 0o660 or %q", quoteShort(s), "0660")
		}
		n, isInt = int64(m), true
	} else if isInt && n != 0 && !strings.HasPrefix(written, "0o") {
		return 0, fmt.Errorf("%s is not octal; write 0o%s", excerptOf(written), excerptOf(written))
	}
	if !isInt {
		return 0, e.wrong("a mode")
	}
	n, err := e.key.within(n, excerptOf(written))
	return fs.FileMode(n), err
}

// parseChoice reads one of the key's words and returns its index.
func parseChoice[T ~int](e entry) (T, error) {
	s, ok := e.value.(string)
	if !ok {
		return 0, e.wrong("a string")
	}
	i := slices.Index(e.key.Words, s)
	if i < 0 {
		return 0, e.key.unknownWord(s)
	}
	return T(i), nil
}

func (k *Key) unknownWord(s string) error {
	return fmt.Errorf("must be one of %s, not %s%s", k.allowed(), quoteShort(s), didYouMean(s, k.Words))
}

func parseDuration(e entry) (time.Duration, error) {
	d, err := durationOf(e)
	if err != nil {
		return 0, err
	}
	if d == math.MaxInt64 {
		if !e.key.Infinite {
			return 0, fmt.Errorf("must be %s, not %q", e.key.allowed(), "infinity")
		}
		return math.MaxInt64, nil
	}
	if e.key.whole && d%time.Second != 0 {
		return 0, fmt.Errorf("must be whole seconds, not %s", excerptOf(e.text()))
	}
	n, err := e.key.within(int64(d), excerptOf(e.text()))
	return time.Duration(n), err
}
