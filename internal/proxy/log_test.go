package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/loop"
)

// testPipe is a pipe whose write end waits, as that of a shell does.
func testPipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		closeQuietly(p[0])
		closeQuietly(p[1])
	})
	return p[0], p[1]
}

// fill writes to a descriptor until it takes no more.
func fill(t *testing.T, fd int) {
	t.Helper()
	n := 0
	for _, size := range []int{4096, 1} {
		for {
			m, err := unix.Pwritev2(fd, [][]byte{make([]byte, size)}, -1, unix.RWF_NOWAIT)
			if err != nil {
				break
			}
			n += m
		}
	}
	if n == 0 {
		t.Fatal("nothing could be written")
	}
}

// drain reads what is there, and returns it.
func drain(t *testing.T, fd int) string {
	t.Helper()
	var text strings.Builder
	var b [65536]byte
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, 0); err != nil || n == 0 {
			return strings.ReplaceAll(text.String(), "\r", "") // of a terminal
		}
		n, err := unix.Read(fd, b[:])
		if err != nil || n == 0 {
			return text.String()
		}
		text.Write(b[:n])
	}
}

// counted counts what is written to a log.
func counted(log *Log) (writes *int) {
	writes = new(int)
	send := log.out.send
	log.out.send = func(fd int, text []byte) (int, error) {
		*writes++
		return send(fd, text)
	}
	return writes
}

// runFor runs the loop with its real clock.
func runFor(t *testing.T, l *loop.Loop, d time.Duration) {
	t.Helper()
	l.After(d, l.Stop)
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
}

// runUntil runs the loop, round by round, until something holds.
func runUntil(t *testing.T, l *loop.Loop, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
		runFor(t, l, time.Millisecond)
	}
}

func TestLogLevels(t *testing.T) {
	for filter := control.LevelNone; filter <= control.LevelFatal; filter++ {
		log, text := fileLog(t, newTestLoop(t))
		log.SetFilter(filter)
		want := ""
		for level := control.LevelTrace; level <= control.LevelFatal; level++ {
			log.Write(level, "text")
			if level > filter {
				want += level.String() + ": text\n"
			}
		}
		log.Flush()
		if text() != want || log.Debug() != (filter < control.LevelDebug) {
			t.Errorf("with %v left out: %q", filter, text())
		}
	}
}

// Whatever is at the other end of a log takes nothing, and waits for nobody; then it takes everything again.
func TestLogBlocked(t *testing.T) {
	for name, open := range destinations {
		t.Run(name, func(t *testing.T) {
			l := newTestLoop(t)
			r, w := open(t)
			log := testLog(t, l, w)
			fillLog(t, log)
			writes := counted(log)
			for i := range 200 {
				log.Write(control.LevelInfo, fmt.Sprintf("line %d", i))
				runFor(t, l, 0)
			}
			if len(log.queue) > logSize || log.lost == 0 {
				t.Fatalf("%d bytes wait, %d lines are lost", len(log.queue), log.lost)
			}
			runFor(t, l, 2*logRetry)
			if *writes > 5 {
				t.Errorf("%d writes", *writes)
			}
			var text string
			runUntil(t, l, func() bool {
				text += drain(t, r)
				return strings.Contains(text, "log messages\n")
			})
			checkLoss(t, text)
			log.Write(control.LevelInfo, "again")
			runUntil(t, l, func() bool { return strings.Contains(drain(t, r), "info: again\n") })
		})
	}
}

// checkLoss checks that each of 200 lines was written or counted.
func checkLoss(t *testing.T, text string) {
	t.Helper()
	lost := regexp.MustCompile(`warning: lost (\d+) log messages\n`).FindStringSubmatch(text)
	if lost == nil {
		t.Fatalf("nothing is said to be lost in %q", text)
	}
	n, err := strconv.Atoi(lost[1])
	written := len(regexp.MustCompile(`info: line \d+\n`).FindAllString(text, -1))
	if err != nil || n+written != 200 || !strings.Contains(text, "info: line 0") {
		t.Errorf("%d lines written, %d lost", written, n)
	}
}

// fillLog fills a destination by way of its log, so that the next line does not fit.
func fillLog(t *testing.T, log *Log) {
	t.Helper()
	junk := []byte(strings.Repeat("x", 63) + "\n")
	for n := 0; ; n++ {
		if _, err := log.out.write(junk); err != nil {
			return
		}
		if n > 1<<20 {
			t.Fatal("it takes everything")
		}
	}
}

// destinations are pairs of a reader and a writer that waits.
var destinations = map[string]func(t *testing.T) (r, w int){
	"pipe": testPipe,
	"socket": func(t *testing.T) (int, int) {
		t.Helper()
		p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			closeQuietly(p[0])
			closeQuietly(p[1])
		})
		return p[0], p[1]
	},
	"terminal": func(t *testing.T) (int, int) {
		t.Helper()
		master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Skip("there are no terminals here: ", err)
		}
		t.Cleanup(func() { closeQuietly(master) })
		if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
			t.Fatal(err)
		}
		n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
		if err != nil {
			t.Fatal(err)
		}
		slave, err := unix.Open("/dev/pts/"+strconv.Itoa(n), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Skip("there are no terminals here: ", err)
		}
		t.Cleanup(func() { closeQuietly(slave) })
		return master, slave
	},
}

// A pipe that cannot be opened again takes what it can, and its description stays as it was.
func TestLogWithoutProc(t *testing.T) {
	for name, send := range map[string]func(int, []byte) (int, error){"nowait": sendNow, "poll": sendLittle} {
		t.Run(name, func(t *testing.T) {
			l := newTestLoop(t)
			r, w := testPipe(t)
			log := testLog(t, l, w)
			log.out.close()
			log.out = &outlet{fd: w, send: send, original: -1}
			fill(t, w)
			for range 100 {
				log.Write(control.LevelInfo, strings.Repeat("x", 100))
				runFor(t, l, 0)
			}
			var text string
			runUntil(t, l, func() bool {
				text += drain(t, r)
				return strings.Contains(text, "log messages\n")
			})
			flags, err := unix.FcntlInt(uintptr(w), unix.F_GETFL, 0)
			if err != nil || flags&unix.O_NONBLOCK != 0 {
				t.Errorf("%v, flags %o", err, flags)
			}
		})
	}
}

// A device that is full is tried again now and then: two attempts each time.
func TestLogOnFullDevice(t *testing.T) {
	l := newTestLoop(t)
	fd, err := unix.Open("/dev/full", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skip(err)
	}
	log := testLog(t, l, fd)
	closeQuietly(fd)
	writes := counted(log)
	log.Write(control.LevelInfo, "text")
	log.Flush()
	if *writes != 2 || log.pause == nil {
		t.Fatalf("%d writes", *writes)
	}
	for range 100 {
		log.Write(control.LevelInfo, "text")
		log.Flush()
	}
	if *writes != 2 {
		t.Errorf("%d writes without a pause", *writes)
	}
	runUntil(t, l, func() bool { return *writes > 2 })
	if *writes != 4 {
		t.Errorf("%d writes after one pause", *writes)
	}
	// What waits goes to where the log is sent next, and what was lost is told there.
	path := filepath.Join(t.TempDir(), "log")
	file, err := unix.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer closeQuietly(file)
	log.direct("log", file)
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), "info: text\n") || !strings.HasSuffix(string(text), " log messages\n") {
		t.Errorf("%v, %q", err, text)
	}
}

// The pause is what clients depend on: 4 to 9 attempts in any second.
func TestLogRetryWithinBounds(t *testing.T) {
	const late = 20 * time.Millisecond
	if least := 2 * int(time.Second/(logRetry+late)); least < 4 {
		t.Errorf("at least %d attempts a second", least)
	}
	if most := 2 * int((time.Second+logRetry-1)/logRetry); most > 9 {
		t.Errorf("at most %d attempts a second", most)
	}
	if logSize < 256 || logSize > 2000 {
		t.Errorf("%d bytes wait", logSize)
	}
}

// Lines wait for a handle that is not there, as far as there is room.
func TestLogWaitsForItsHandle(t *testing.T) {
	l := newTestLoop(t)
	log, text := fileLog(t, l)
	r, w := testPipe(t)
	log.direct("later", -1)
	log.Write(control.LevelInfo, "one")
	log.Flush()
	log.direct("later", w)
	if got := drain(t, r); got != "info: one\n" || text() != "" {
		t.Errorf("%q, %q", got, text())
	}
	log.direct("later", -1)
	closeQuietly(w)
	if n, err := unix.Read(r, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("the log holds on to a handle that is gone: %d, %v", n, err)
	}
}

// A line that is longer than all that may wait is cut.
func TestLogCutsLines(t *testing.T) {
	log, text := fileLog(t, newTestLoop(t))
	log.Write(control.LevelError, strings.Repeat("ü", logSize))
	log.Write(control.LevelError, "next")
	log.Flush()
	lines := strings.Split(text(), "\n")
	if len(lines) != 3 || len(lines[0]) < logSize-3 || len(lines[0]) >= logSize || lines[1] != "error: next" {
		t.Errorf("%q", lines)
	}
}

// At the end of the program a slow reader has a moment.
func TestLogFinish(t *testing.T) {
	l := newTestLoop(t)
	r, w := testPipe(t)
	log := testLog(t, l, w)
	fill(t, w)
	log.Write(control.LevelInfo, "last words")
	log.finish() // returns, though nobody reads
	drain(t, r)
	log.finish()
	if got := drain(t, r); got != "info: last words\n" {
		t.Errorf("%q", got)
	}
}
