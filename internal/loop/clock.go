package loop

import (
	"time"

	"golang.org/x/sys/unix"
)

// A moment is one point in time on two clocks: that of the program, and that of the kernel since its boot.
type moment struct {
	time      time.Time
	monotonic time.Duration
}

// Monotonic returns a time as CLOCK_MONOTONIC counts it: the time since boot without sleep, which all programs of the host share
// (clock_gettime(2)).
func (l *Loop) Monotonic(t time.Time) time.Duration { return l.began.monotonic + t.Sub(l.began.time) }

// monotonic reads CLOCK_MONOTONIC, which every kernel has.
func monotonic() time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return 0
	}
	return time.Duration(now.Nano())
}
