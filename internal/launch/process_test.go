package launch

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func shell(t *testing.T, l *Launcher, script string) *Process {
	t.Helper()
	p := compile(t, l, Spec{Unit: "shell", Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/bin:/usr/bin"}})
	process, err := start(l, p, Start{Streams: noStreams})
	if err != nil {
		t.Fatal(err)
	}
	return process
}

func TestWait(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			for script, want := range map[string]Status{
				"exit 0":                     {},
				"exit 255":                   {Code: 255},
				"kill -TERM $$":              {Code: -1, Signal: unix.SIGTERM},
				"ulimit -c 0; kill -SEGV $$": {Code: -1, Signal: unix.SIGSEGV},
			} {
				status, err := finish(shell(t, l, script))
				status.User, status.System = 0, 0
				if err != nil || status != want {
					t.Errorf("%q: %+v, %v, want %+v", script, status, err, want)
				}
			}
		})
	}
}

func TestWaitCountsTime(t *testing.T) {
	l := newLauncher(t, MethodAuto)
	status, err := finish(shell(t, l, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"))
	if err != nil || status.User+status.System < 5*time.Millisecond {
		t.Errorf("%+v, %v", status, err)
	}
}

func TestWaitDoesNotBlock(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			process := shell(t, l, "exec sleep 100")
			if _, ended, err := process.Wait(); ended || err != nil {
				t.Fatalf("ended: %v, %v", ended, err)
			}
			if err := process.Signal(unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			status, err := finish(process)
			if err != nil || status.Signal != unix.SIGKILL {
				t.Errorf("%+v, %v", status, err)
			}
		})
	}
}

func TestSignalGroup(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer closeFile(t, r)
			// Both the shell and its child hold the pipe: it closes when both have gone.
			p := compile(t, l, Spec{Unit: "group", Path: "/bin/sh", Argv: []string{"sh", "-c", "/bin/sleep 100 & echo; wait"}})
			process, err := start(l, p, Start{Streams: [3]int{-1, rawFD(t, w), -1}})
			if err := errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			var line [2]byte
			if n, err := r.Read(line[:]); n != 1 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
			if err := process.SignalGroup(unix.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := r.SetReadDeadline(time.Now().Add(deadline)); err != nil {
				t.Fatal(err)
			}
			if n, err := r.Read(line[:]); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("somebody is left: %d, %v", n, err)
			}
			status, ended := awaitEnd(t, process)
			if !ended || status.Signal != unix.SIGTERM {
				t.Errorf("%+v", status)
			}
			if err := process.SignalGroup(unix.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("after the end: %v", err)
			}
			if err := process.Signal(unix.SIGTERM); !errors.Is(err, unix.ESRCH) {
				t.Errorf("after the end: %v", err)
			}
			if _, _, err := process.Wait(); !errors.Is(err, unix.ECHILD) {
				t.Errorf("waiting twice: %v", err)
			}
			if err := process.Close(); err != nil {
				t.Error(err)
			}
			if err := process.Close(); !errors.Is(err, os.ErrClosed) {
				t.Errorf("closing twice: %v", err)
			}
		})
	}
}

// awaitEnd reaps without closing.
func awaitEnd(t *testing.T, p *Process) (Status, bool) {
	t.Helper()
	status, ended, err := p.waitEnd(deadline)
	if err != nil {
		t.Fatal(err)
	}
	return status, ended
}

func TestDescriptorOfProcessIsHigh(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			process := shell(t, l, ":")
			if process.FD < LongLived {
				t.Errorf("pidfd %d is copied at every start", process.FD)
			}
			flags, err := unix.FcntlInt(uintptr(process.FD), unix.F_GETFD, 0)
			if err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("flags %d, %v", flags, err)
			}
			if _, err := finish(process); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAdopt(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "exit 7")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	process, err := Adopt("adopted", cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if settled, err := process.Settled(); !settled || err != nil {
		t.Errorf("settled: %v, %v", settled, err)
	}
	if status, err := finish(process); err != nil || status.Code != 7 {
		t.Errorf("%+v, %v", status, err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it was there to be reaped twice")
	}
	for _, pid := range []int{1, process.PID} {
		if p, err := Adopt("stranger", pid); err == nil {
			t.Errorf("adopted %d", p.PID)
		}
	}
}

// A process that a signal ends within execve has not been a service for a moment. The program here is started by hand: a
// child that never executes anything, and says that it was in its last entry.
func TestEndWithinExec(t *testing.T) {
	if !canClone {
		t.Skip("nothing is cloned on this processor")
	}
	l := newLauncher(t, MethodAuto)
	b, err := l.pool.get(blockSize)
	if err != nil {
		t.Fatal(err)
	}
	pause := b.quads(1000, 0)
	b.call(StageExec, unix.SYS_NANOSLEEP, pause, 0)
	pid, fd, err := b.clone(l.method, false)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{PID: pid, FD: fd, unit: "x", program: &Program{}, setup: &cloned{launcher: l, block: b}, began: time.Now(), now: time.Now}
	if err := p.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := settle(p); err != nil {
		t.Fatal(err)
	}
	status, err := finish(p)
	var e *Error
	if !errors.As(err, &e) || e.Stage != StageExec || e.Signal != unix.SIGKILL || e.Unit != "x" || status.Signal != unix.SIGKILL {
		t.Errorf("%+v, %v", status, err)
	}
}
