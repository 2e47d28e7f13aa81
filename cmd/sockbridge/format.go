package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// none stands for what is not there, in tables.
const none = "–"

// grouped writes a number with its thousands apart: 84 211.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// plural writes a number of things: "1 unit", "84 211 units".
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// ageText writes a duration as a person says it, in at most two units: 0.02s, 3.1s, 42s, 3m 5s, 2h 7m, 5d 1h.
func ageText(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "0s"
	case d < 100*time.Millisecond:
		return fractionText(d)
	case d < 10*time.Second:
		return strings.TrimSuffix(strconv.FormatFloat(d.Seconds(), 'f', 1, 64), ".0") + "s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return twoUnits(d, time.Minute, "m", time.Second, "s")
	case d < day:
		return twoUnits(d, time.Hour, "h", time.Minute, "m")
	}
	return twoUnits(d, day, "d", time.Hour, "h")
}

// fractionText has two digits that matter, and no exponent: 0.02s, 0.0031s.
func fractionText(d time.Duration) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(d.Seconds(), 'g', 2, 64), 64)
	if err != nil {
		return "0s"
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64) + "s"
}

func twoUnits(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	if rest := d % big / small; rest > 0 {
		return fmt.Sprintf("%d%s %d%s", d/big, bigName, rest, smallName)
	}
	return fmt.Sprintf("%d%s", d/big, bigName)
}

// secondsText writes how long something ran: 0.02s, 3.14s, 61.2s.
func secondsText(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 0.1:
		return fractionText(d)
	case s < 10:
		return strconv.FormatFloat(s, 'f', 2, 64) + "s"
	default:
		return strconv.FormatFloat(s, 'f', 1, 64) + "s"
	}
}

// shortened is a text of at most so many characters.
func shortened(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
