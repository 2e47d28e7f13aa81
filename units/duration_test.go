package units

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90": 90 * time.Second, "0": 0, "0.5": time.Second / 2, "1min 30s": 90 * time.Second, "1min30s": 90 * time.Second, "5 s": 5 * time.Second,
		" 2h ": 2 * time.Hour, "1d 2hr 3minutes 4seconds 5ms 6us 7ns": 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond + 6007,
		"1.5h": 90 * time.Minute, "2weeks": 14 * 24 * time.Hour, "3µs": 3000, "infinity": math.MaxInt64, "0.3s": 300 * time.Millisecond,
		"9223372036s": 9223372036 * time.Second,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "s", "10 parsecs", "-1", "+1", "1e3", "1_000", "0x10", ".5", "5.", "1..5", "1,5", "NaN", "inf", "Infinity", "5S", "1 2 x", "5ss", "infinity 5s", "١s", "1s\x00",
	} {
		if got, err := ParseDuration(text); !errors.Is(err, errDuration) {
			t.Errorf("ParseDuration(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"9223372037", "9223372036s 9223372036s", "99999999999999999999", "106752d", "15251w", "9223372036.9s", "9223372036854775807ns", "9223372036854775806ns 1ns",
	} {
		if got, err := ParseDuration(text); !errors.Is(err, errLongDuration) {
			t.Errorf("ParseDuration(%q) = %v, %v", text, got, err)
		}
	}
}

// What is printed reads back as what it was.
func TestDurationsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Range(0, 9223372035*int64(time.Second)).Draw(t, "duration"))
		got, err := ParseDuration(durationText(int64(want)))
		if err != nil || got != want {
			t.Fatalf("%d prints as %q and reads back as %d, %v", want, durationText(int64(want)), got, err)
		}
	})
}

// However long, a duration is right or an error: never negative, never infinite.
func TestDurationsNeverWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([0-9]{1,20}(\.[0-9]{1,3})? ?(ns|us|ms|s|min|h|d|w|sec)? ?){1,4}`).Draw(t, "text")
		got, err := ParseDuration(text)
		if err == nil && (got < 0 || got == math.MaxInt64) {
			t.Fatalf("ParseDuration(%q) = %d", text, got)
		}
	})
}
