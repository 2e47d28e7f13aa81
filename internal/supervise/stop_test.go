package supervise

import (
	"errors"
	"math"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
)

// stayer is a program in our own session and process group.
func (b *bench) stayer(script string) *launch.Program {
	b.t.Helper()
	p, err := b.launch.Compile(launch.Spec{
		Unit: "test", Path: "/bin/sh", Argv: []string{"sh", "-c", script}, KeepSession: true,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// running starts the service "a", and waits until its program has written that it is ready.
func (b *bench) running(program func(string) *launch.Program, script string, d Definition) *Service {
	b.t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		b.t.Fatal(err)
	}
	d.Starter = &starter{program: program(script), start: launch.Start{Streams: [3]int{-1, fds[1], -1}}}
	s := b.define("a", d)
	b.start(s)
	var buf [16]byte
	b.until("it is ready", func() bool { n, err := unix.Read(fds[0], buf[:]); return err == nil && n > 0 })
	if err := errors.Join(unix.Close(fds[0]), unix.Close(fds[1])); err != nil {
		b.t.Fatal(err)
	}
	return s
}

const ignoring = "trap '' TERM; echo; while :; do sleep 0.05; done"

func TestStop(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.running(b.sh, "trap 'exit 4' USR2; echo; while :; do sleep 0.05; done", Definition{StopSignal: unix.SIGUSR2})
	if err := s.Stop(time.Hour); err != nil {
		t.Fatal(err)
	}
	b.is(s, Down)
	o.want(t, "a start", "a up", "a down exit 4")
	if err := s.Stop(0); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
}

func TestStopKillsWhenItsTimeIsOver(t *testing.T) {
	b := newBench(t)
	s := b.running(b.sh, ignoring, Definition{})
	if err := s.Stop(time.Hour); err != nil {
		t.Fatal(err)
	}
	b.skip(59 * time.Minute)
	b.rounds(3)
	if s.state != Up {
		t.Error("it ended before its time")
	}
	if err := s.Stop(time.Second); err != nil {
		t.Fatal(err)
	}
	b.skip(time.Second)
	b.is(s, Down)
	if st := s.Status(); st.Reason != "signal" || st.Value != "SIGKILL" || b.count(event.Stop) != 1 || b.count(event.Kill) != 1 {
		t.Errorf("%+v; %s", st, b.story())
	}
}

// A process that stays in our group is ended alone: its group is ours.
func TestStopInOurOwnGroup(t *testing.T) {
	b := newBench(t)
	s := b.running(b.stayer, "echo; exec sleep 60", Definition{StopTimeout: math.MaxInt64})
	if group, err := unix.Getpgid(s.Instances()[0].PID()); err != nil || group != unix.Getpgrp() {
		t.Fatalf("its group is %d, %v", group, err)
	}
	if err := s.Signal(unix.SIGTERM, true); !errors.Is(err, unix.ESRCH) {
		t.Errorf("%v, want ESRCH: it leads no group", err)
	}
	s.StopInstances()
	b.is(s, Down)
	if st := s.Status(); st.Value != "SIGTERM" {
		t.Errorf("%+v", st)
	}
}

func TestStopOfAGroup(t *testing.T) {
	b := newBench(t)
	s := b.running(b.sh, "sleep 60 & echo; wait", Definition{})
	if err := s.Signal(unix.SIGTERM, true); err != nil {
		t.Fatal(err)
	}
	b.is(s, Down)
}

func TestSignal(t *testing.T) {
	b := newBench(t)
	s := b.running(b.stayer, "trap 'exit 9' USR1; echo; while :; do sleep 0.05; done", Definition{})
	if err := s.Signal(unix.SIGUSR1, false); err != nil {
		t.Fatal(err)
	}
	b.is(s, Down)
	if st := s.Status(); st.Value != "9" {
		t.Errorf("%+v", st)
	}
	if err := s.Signal(unix.SIGUSR1, false); !errors.Is(err, ErrNotRunning) {
		t.Error(err)
	}
}

func TestCloseOfAService(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.running(b.sh, ignoring, Definition{StopTimeout: time.Hour, Interval: time.Second, Triggers: always()})
	o.lines = nil
	gone := false
	s.Close(func() { gone = true })
	if b.engine.Service("a") != nil || gone {
		t.Error("the name is not free, or nothing is left")
	}
	b.skip(time.Hour)
	b.until("it is gone", func() bool { return gone })
	o.want(t, "a down signal SIGKILL", "a deleted")
	planned := b.define("b", Definition{})
	if err := planned.Start(b.engine.now() + time.Hour); err != nil {
		t.Fatal(err)
	}
	planned.Close(nil)
	o.want(t, "b start", "b down", "b deleted")
}
