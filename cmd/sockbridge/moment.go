package main

import (
	"fmt"
	"time"

	"sockbridge/units"
)

// moments are the forms of a time of which the zone is ours.
var moments = []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02"}

// parseMoment reads a point in time: a duration before now, a time of this day, a date and time, RFC 3339. Nothing is the
// beginning of time.
func parseMoment(text string, now time.Time, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := units.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, form := range moments {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			return t, nil
		}
	}
	for _, form := range []string{"15:04:05", "15:04"} {
		if t, err := time.ParseInLocation(form, text, zone); err == nil {
			year, month, day := now.In(zone).Date()
			return time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), 0, zone), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; write 10min, 15:04, \"2006-01-02 15:04\" or 2006-01-02T15:04:05Z", text)
}
