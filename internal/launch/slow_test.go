package launch

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stuck is a program whose set-up waits for the other end of descriptor 3.
var stuck = Spec{Unit: "stuck", Path: "/bin/true", Argv: []string{"true"}}

// waitForPipe is the hook of launchers and stages that makes it so.
func waitForPipe(s *setup) {
	if s.program.Unit == stuck.Unit {
		const first = 3
		_, to := s.words(1)
		s.detail(s.call(StageVerify, unix.SYS_READ, first, to, 1), pipeDetail)
	}
}

const pipeDetail = "waiting for a pipe"

// A gate keeps children of stuck until it is opened.
type gate struct{ inside, outside int }

func newGate(t *testing.T) *gate {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	g := &gate{inside: fds[0], outside: fds[1]}
	t.Cleanup(func() {
		g.open(t)
		if err := unix.Close(g.inside); err != nil {
			t.Error(err)
		}
	})
	return g
}

// open lets the children go on.
func (g *gate) open(t *testing.T) {
	t.Helper()
	if g.outside < 0 {
		return
	}
	if err := unix.Close(g.outside); err != nil {
		t.Error(err)
	}
	g.outside = -1
}

// start is a start that waits at the gate; files are passed as well.
func (g *gate) start(files ...int) Start {
	return Start{Streams: noStreams, Files: append([]int{g.inside}, files...)}
}

func slowLauncher(t *testing.T, method Method) *Launcher {
	t.Helper()
	l := newLauncher(t, method)
	l.extra = waitForPipe
	return l
}

// tolerance is how long a slow child may hold up anybody: 20 ms, times what an emulated processor is slower. With
// CLONE_VFORK it would be as long as the child takes. The best of several tries counts, since other programs share the
// processors.
const tolerance = 100 * time.Millisecond

func fastest(tries int, do func()) time.Duration {
	best := deadline
	for range tries {
		began := time.Now()
		do()
		best = min(best, time.Since(began))
	}
	return best
}

func TestSlowChild(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l, g := slowLauncher(t, method), newGate(t)
			p := compile(t, l, stuck)
			var slow []*Process
			if took := fastest(5, func() { slow = append(slow, begin(t, l, p, g.start())) }); took > tolerance {
				t.Errorf("Start took %v", took)
			}
			if took := fastest(5, runtime.GC); took > tolerance {
				t.Errorf("a collection took %v", took)
			}
			for _, process := range slow {
				checkUnsettled(t, process)
			}
			g.open(t)
			for _, process := range slow {
				if err := settle(process); err != nil {
					t.Fatal(err)
				}
				if status, err := finish(process); err != nil || status.Code != 0 {
					t.Errorf("%+v, %v", status, err)
				}
			}
		})
	}
}

func begin(t *testing.T, l *Launcher, p *Program, s Start) *Process {
	t.Helper()
	process, err := l.Start(p, s)
	if err != nil {
		t.Fatal(err)
	}
	return process
}

// checkUnsettled checks what can be done with a process whose child still sets itself up.
func checkUnsettled(t *testing.T, p *Process) {
	t.Helper()
	if settled, err := p.Settled(); settled || err != nil {
		t.Fatalf("settled: %v, %v", settled, err)
	}
	if _, ended, err := p.Wait(); ended || err != nil {
		t.Errorf("waiting: %v, %v", ended, err)
	}
	if err := p.Close(); !errors.Is(err, errUnsettled) {
		t.Errorf("closing: %v", err)
	}
}

// lent are the duplicates that a start still holds.
func lent(p *Process) []int {
	if c, ok := p.setup.(*cloned); ok {
		return c.loan.fds
	}
	return nil
}

// A slow child does not keep its siblings from starting, nor a high descriptor's duplicate open.
func TestManySlowChildren(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l, g := slowLauncher(t, method), newGate(t)
			p := compile(t, l, stuck)
			high, err := Keep(pipeEnd(t))
			if err != nil {
				t.Fatal(err)
			}
			var slow []*Process
			for range 5 {
				process := begin(t, l, p, g.start(high))
				atGate(t, process)
				if len(lent(process)) > 0 {
					t.Errorf("duplicates %v are still open", lent(process))
				}
				slow = append(slow, process)
			}
			quick, err := start(l, compile(t, l, Spec{Unit: "quick", Path: "/bin/true", Argv: []string{"true"}}), Start{Streams: noStreams})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := finish(quick); err != nil {
				t.Error(err)
			}
			g.open(t)
			for _, process := range slow {
				if err := settle(process); err != nil {
					t.Error(err)
				}
				if _, err := finish(process); err != nil {
					t.Error(err)
				}
			}
			if err := unix.Close(high); err != nil {
				t.Error(err)
			}
		})
	}
}

// A program whose starts hang leaves room for all others.
func TestInFlight(t *testing.T) {
	l, g := slowLauncher(t, MethodAuto), newGate(t)
	p := compile(t, l, stuck)
	var slow []*Process
	for range maxInFlight {
		slow = append(slow, begin(t, l, p, g.start()))
	}
	if _, err := l.Start(p, g.start()); !errors.Is(err, unix.EAGAIN) || !IsTemporary(err) {
		t.Errorf("one more: %v, want EAGAIN", err)
	}
	slow = append(slow, begin(t, l, compile(t, l, Spec{Unit: "quick", Path: "/bin/true", Argv: []string{"true"}}), Start{Streams: noStreams}))
	g.open(t)
	for _, process := range slow {
		if err := settle(process); err != nil {
			t.Error(err)
		}
		if _, err := finish(process); err != nil {
			t.Error(err)
		}
	}
	if n := p.inFlight.Load(); n != 0 {
		t.Errorf("%d starts are in flight after all were settled", n)
	}
}

func pipeEnd(t *testing.T) int {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if err := unix.Close(fds[1]); err != nil {
		t.Fatal(err)
	}
	return fds[0]
}

func TestLateChildIsKilled(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l, g := slowLauncher(t, method), newGate(t)
			var passed atomic.Int64
			began := time.Now()
			l.now = func() time.Time { return began.Add(time.Duration(passed.Load())) }
			process := begin(t, l, compile(t, l, stuck), g.start())
			atGate(t, process)
			passed.Store(int64(patience))
			if settled, err := process.Settled(); settled || err != nil {
				t.Fatalf("after exactly the limit: %v, %v", settled, err)
			}
			passed.Store(int64(patience) + 1)
			err := settle(process)
			var e *Error
			if !errors.As(err, &e) || !e.Late || e.Stage != StageVerify || e.Detail != pipeDetail || e.Err != 0 {
				t.Errorf("%#v", err)
			}
			noChildren(t)
		})
	}
}

// atGate waits until the child waits there.
func atGate(t *testing.T, p *Process) {
	t.Helper()
	for end := time.Now().Add(deadline); time.Now().Before(end); pause(p.FD) {
		if settled, err := p.Settled(); settled || err != nil {
			t.Fatalf("settled: %v, %v", settled, err)
		}
		if m := p.setup.mark(); m.detail == pipeDetail {
			return
		}
	}
	t.Fatal("the child never came to the gate")
}

// Whoever kills a child in its set-up: the start fails at the stage where it was.
func TestKilledBeforeExec(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := slowLauncher(t, method)
			for _, group := range []bool{false, true} {
				process := begin(t, l, compile(t, l, stuck), newGate(t).start())
				atGate(t, process)
				kill := process.Signal
				if group {
					kill = process.SignalGroup
				}
				if err := kill(unix.SIGKILL); err != nil {
					t.Fatal(err)
				}
				err := settle(process)
				var e *Error
				if !errors.As(err, &e) || e.Signal != unix.SIGKILL || e.Stage != StageVerify || e.Detail != pipeDetail || e.Err != 0 || e.Late {
					t.Errorf("%#v", err)
				}
				noChildren(t)
			}
		})
	}
}

// All signals but KILL wait until the child has given up its privileges.
func TestSignalDuringSetup(t *testing.T) {
	for _, method := range methods[:2] {
		if !canClone {
			t.Skip("a stage is a Go program: its handlers run")
		}
		l, g := slowLauncher(t, method), newGate(t)
		process := begin(t, l, compile(t, l, stuck), g.start())
		if err := process.Signal(unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		g.open(t)
		err := settle(process)
		var e *Error
		if !errors.As(err, &e) || e.Signal != unix.SIGTERM || e.Stage != StageSignals {
			t.Errorf("%v: %#v", method, err)
		}
	}
}
