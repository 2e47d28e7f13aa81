package proxy

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/loop"
)

const (
	// logSize bounds what waits for a destination that takes nothing, in bytes. Clients depend on 256 to 2000.
	logSize = 1024
	// logRetry is how long a destination is left alone that says it can be written to and refuses. Clients depend on 0.25 to
	// 1 second, and on two attempts each time; at half a second a late timer would make it one attempt a second too few.
	logRetry = 450 * time.Millisecond
	// logPatience is how long the end of the program waits for a slow reader.
	logPatience = 60 * time.Millisecond
)

// stderrName is the handle that the log goes to at first.
const stderrName = "stderr"

// A Log writes lines `LEVEL: TEXT` to a descriptor, on the loop's goroutine, and never waits for it: what does not fit the
// queue is counted and left out until there is room, and then told. While a destination refuses, it is written to again when
// it is writable; refuses it even then, or cannot tell, after a pause.
type Log struct {
	loop   *loop.Loop
	filter control.Level // the highest level that is left out
	name   string        // of the handle that it goes to
	out    *outlet       // nil: there is no such handle, lines wait for it

	queue []byte
	lost  int // lines that did not fit

	refused bool        // the last write failed, and no pause followed
	watch   *loop.Watch // waits for the destination to become writable
	pause   *loop.Timer
}

// newLog returns a log to descriptor 2, which must be flushed at the end of each round.
func newLog(l *loop.Loop) *Log {
	return &Log{loop: l, filter: control.LevelDebug, name: stderrName, out: openStderr()}
}

// Filter is the highest level that is left out.
func (l *Log) Filter() control.Level { return l.filter }

// SetFilter leaves out a level and those below.
func (l *Log) SetFilter(level control.Level) { l.filter = level }

// Step makes the filter let through more (less than 0) or less, as far as there are levels.
func (l *Log) Step(n int) {
	l.filter = control.Level(min(max(int(l.filter)+n, int(control.LevelNone)), int(control.LevelFatal)))
}

// Debug reports whether lines of that level are wanted: they cost more than others.
func (l *Log) Debug() bool { return l.filter < control.LevelDebug }

// Write queues one line, for the next Flush.
func (l *Log) Write(level control.Level, text string) {
	if level <= l.filter {
		return
	}
	line := level.String() + ": " + text
	if len(line) >= logSize {
		line = strings.ToValidUTF8(line[:logSize-1], "")
	}
	if l.lost == 0 && !l.fits(line) {
		l.Flush()
	}
	if l.lost > 0 || !l.fits(line) {
		l.lost++
		return
	}
	l.append(line)
}

func (l *Log) fits(line string) bool { return len(l.queue)+len(line)+1 <= logSize }

func (l *Log) append(line string) { l.queue = append(append(l.queue, line...), '\n') }

// Flush writes what waits, unless the destination is known to refuse it.
func (l *Log) Flush() {
	for l.out != nil && l.watch == nil && l.pause == nil {
		l.tellLoss()
		if len(l.queue) == 0 {
			return
		}
		n, err := l.out.write(l.queue)
		l.took(n)
		if err != nil {
			l.wait()
		}
	}
}

// took removes what was written.
func (l *Log) took(n int) {
	if n > 0 {
		l.refused = false
		l.queue = append(l.queue[:0], l.queue[n:]...)
	}
}

// tellLoss puts the number of lost lines where the first of them would be, once there is room.
func (l *Log) tellLoss() {
	line := fmt.Sprintf("%v: lost %d log messages", control.LevelWarning, l.lost)
	if l.lost > 0 && l.fits(line) {
		l.append(line)
		l.lost = 0
	}
}

// wait comes after a write that failed.
func (l *Log) wait() {
	if l.refused {
		l.refused = false
		l.pause = l.loop.After(logRetry, func() {
			l.pause = nil
			l.Flush()
		})
		return
	}
	l.refused = true
	// A file or a device cannot be waited for (EPERM): it counts as writable.
	if w, err := l.loop.Watch(l.out.fd, loop.Writable, func(loop.Events) { l.writable() }); err == nil {
		l.watch = w
	}
}

func (l *Log) writable() {
	l.stopWaiting()
	l.Flush()
}

func (l *Log) stopWaiting() {
	if l.watch != nil {
		// The descriptor is open, so that it can be taken out of the set.
		_ = l.watch.Close()
		l.watch = nil
	}
	l.pause.Stop()
	l.pause = nil
}

// direct has the log go to the handle of that name, whose descriptor is fd: the log makes a copy. A number below 0 means that
// there is no such handle now; lines wait for it.
func (l *Log) direct(name string, fd int) {
	l.Flush()
	l.stopWaiting()
	l.refused = false
	if l.out != nil {
		l.out.close()
	}
	l.name, l.out = name, nil
	if fd >= 0 {
		l.out = openOutlet(fd)
	}
	l.Flush()
}

// finish writes what waits before the program ends, and waits for a slow reader a little.
func (l *Log) finish() {
	if l.out == nil {
		return
	}
	l.stopWaiting()
	l.refused = true // no more than the one attempt
	l.Flush()
	if len(l.queue) == 0 {
		return
	}
	l.stopWaiting()
	fds := []unix.PollFd{{Fd: int32(l.out.fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(fds, int(logPatience/time.Millisecond)); n > 0 && err == nil {
		l.Flush()
	}
}

// stderr is the descriptor of standard error as the program found it.
func (l *Log) stderr() int {
	if l.out != nil && l.out.original >= 0 {
		return l.out.original
	}
	return unix.Stderr
}

// restore gives descriptor 2 back as it was, for another program in our place.
func (l *Log) restore() {
	if l.out != nil {
		l.out.restore()
	}
}
