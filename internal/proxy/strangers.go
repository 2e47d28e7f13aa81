package proxy

import (
	"os"
	"os/signal"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/loop"
)

// strangerPause is how long strangers wait while a process of the engine's is in front of them, or one that may be.
const strangerPause = 10 * time.Millisecond

// strangers are children that the engine has not started: orphans that came to us as process 1 or as a subreaper, and those of
// the program that we were before an exec. Somebody has to reap them; the engine reaps its own by their pidfds.
type strangers struct {
	loop  *loop.Loop
	live  func() int       // how many processes the engine has
	known map[int]struct{} // their ids, but for those that are still being set up
	again *loop.Timer
}

// watchStrangers reaps strangers if any can come to us, else it returns nil. The engine's events must be passed on to event.
func watchStrangers(l *loop.Loop, live func() int) *strangers {
	var subreaper int
	if err := unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&subreaper)), 0, 0, 0); err != nil {
		subreaper = 0
	}
	if os.Getpid() != 1 && subreaper == 0 {
		return nil
	}
	s := &strangers{loop: l, live: live, known: map[int]struct{}{}}
	arrived := make(chan os.Signal, 1)
	// Go believes that it handles SIGCHLD, which the launcher has reset: only by way of Ignore it sets its handler again.
	signal.Ignore(unix.SIGCHLD)
	signal.Notify(arrived, unix.SIGCHLD)
	go func() { // as long as the program lives
		for range arrived {
			l.Post(s.reap)
		}
	}()
	l.Soon(s.reap)
	return s
}

// event learns which processes are the engine's.
func (s *strangers) event(e event.Event) {
	if s == nil || e.PID == 0 {
		return
	}
	switch e.Type { //nolint:exhaustive // others change nothing
	case event.Start:
		s.known[e.PID] = struct{}{}
	case event.Exit:
		delete(s.known, e.PID)
	}
}

// reap reaps all strangers that have ended. The kernel shows only the first of all children that have: if that is the engine's,
// or may be one that it has not told of yet, it is left alone for a moment.
func (s *strangers) reap() {
	for {
		pid := firstEnded()
		if pid <= 0 {
			return
		}
		if _, own := s.known[pid]; own || len(s.known) < s.live() {
			s.later()
			return
		}
		if _, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); err != nil {
			return
		}
	}
}

func (s *strangers) later() {
	s.again.Stop()
	s.again = s.loop.After(strangerPause, s.reap)
}

// childInfo is the kernel's siginfo_t of a child.
type childInfo struct {
	signo, errno, code int32
	child              struct {
		_   [0]uintptr // the union begins at a multiple of a pointer's size
		pid int32
	}
	_ [128]byte // it is no larger
}

// firstEnded is a child that waits to be reaped; 0: none does.
func firstEnded() int {
	var info childInfo
	err := unix.Waitid(unix.P_ALL, 0, (*unix.Siginfo)(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if err != nil || info.signo == 0 {
		return 0
	}
	return int(info.child.pid)
}
