package supervise

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
)

func TestStartIsToldAtOnceAndMadeInTheNextRound(t *testing.T) {
	b := newBench(t)
	o, r := b.observe(), &starter{program: b.sh("exit 5")}
	s := b.define("a", Definition{Starter: r})
	if got := s.Status(); got != (Status{}) {
		t.Errorf("%+v before the first start", got)
	}
	b.start(s)
	o.want(t, "a start")
	if s.Status().State != Scheduled || r.prepared != 0 {
		t.Errorf("%+v, %d starts in the round of the command", s.Status(), r.prepared)
	}
	b.until("it has ended", func() bool { return len(o.lines) == 2 && s.state == Down })
	o.want(t, "a up", "a down exit 5")
	up := o.last[Up]
	if up.PID == 0 || up.PID != b.events[0].PID || up.Reason != "" || !up.Ran || up.Up != 0 {
		t.Errorf("%+v, and its process is %d", up, b.events[0].PID)
	}
	down := s.Status()
	if down.PID != up.PID || down.At < up.At || down.Up != down.At-up.At || r.released != 1 || s.Starts() != 1 {
		t.Errorf("%+v after %+v; released %d times", down, up, r.released)
	}
	for _, e := range b.events {
		if e.Service != "a" || e.Unit != "" {
			t.Errorf("event %q of service %q, unit %q", e.Type, e.Service, e.Unit)
		}
	}
}

func TestStartsOfARoundAreMadeNewestFirst(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	r := &starter{program: b.sh("exec sleep 60")}
	first, second := b.define("first", Definition{Starter: r}), b.define("second", Definition{Starter: r})
	b.start(first)
	b.start(second)
	b.until("both are up", func() bool { return first.state == Up && second.state == Up })
	o.want(t, "first start", "second start", "second up", "first up")
}

func TestPlannedStart(t *testing.T) {
	b := newBench(t)
	o, r := b.observe(), &starter{program: b.sh("exec sleep 60")}
	s := b.define("a", Definition{Starter: r})
	at := b.engine.now() + time.Hour
	for range 2 {
		if err := s.Start(at); err != nil {
			t.Fatal(err)
		}
		if st := s.Status(); st.State != Scheduled || st.At != at {
			t.Errorf("%+v, want a start at %v", st, at)
		}
		at += time.Hour
	}
	if err := s.Cancel(); err != nil {
		t.Fatal(err)
	}
	if err := s.Cancel(); !errors.Is(err, ErrNoPending) {
		t.Errorf("%v for nothing to cancel", err)
	}
	o.want(t, "a start", "a start", "a down")
	if err := s.Start(at); err != nil {
		t.Fatal(err)
	}
	b.skip(2 * time.Hour)
	b.rounds(3)
	if s.state != Scheduled {
		t.Errorf("%v before its time", s.state)
	}
	b.skip(time.Hour)
	b.is(s, Up)
	o.want(t, "a start", "a up")
	if err := s.Start(0); !errors.Is(err, ErrNotStartable) {
		t.Errorf("%v for one that runs", err)
	}
	if err := s.Cancel(); !errors.Is(err, ErrNoPending) {
		t.Errorf("%v for one that runs", err)
	}
}

func TestPlannedStartGivesWayToOneNow(t *testing.T) {
	b := newBench(t)
	o, r := b.observe(), &starter{program: b.sh("exec sleep 60")}
	s := b.define("a", Definition{Starter: r})
	if err := s.Start(b.engine.now() + time.Hour); err != nil {
		t.Fatal(err)
	}
	b.start(s)
	b.is(s, Up)
	b.skip(2 * time.Hour)
	b.rounds(3)
	o.want(t, "a start", "a start", "a up")
	if s.Starts() != 1 || len(b.engine.due) != 0 {
		t.Errorf("%d starts", s.Starts())
	}
}

// A start now that is put off in the same round does not happen now.
func TestStartNowIsPutOff(t *testing.T) {
	b := newBench(t)
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exec sleep 60")}})
	b.start(s)
	if err := s.Start(b.engine.now() + time.Hour); err != nil {
		t.Fatal(err)
	}
	b.rounds(5)
	if s.Starts() != 0 || s.state != Scheduled {
		t.Errorf("%v after %d starts", s.state, s.Starts())
	}
	if err := s.Cancel(); err != nil {
		t.Fatal(err)
	}
	b.start(s)
	if err := s.Cancel(); err != nil {
		t.Fatal(err)
	}
	b.rounds(5)
	if s.Starts() != 0 || s.state != Down {
		t.Errorf("%v after %d starts", s.state, s.Starts())
	}
}

func TestCancelForgetsTheRunBefore(t *testing.T) {
	b := newBench(t)
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exit 0")}})
	b.start(s)
	b.until("it ran", func() bool { return s.Status().Ran && s.state == Down })
	if err := s.Start(b.engine.now() + time.Hour); err != nil {
		t.Fatal(err)
	}
	if err := s.Cancel(); err != nil || s.Status() != (Status{}) {
		t.Errorf("%+v, %v", s.Status(), err)
	}
}

func TestDelete(t *testing.T) {
	b := newBench(t)
	o, r := b.observe(), &starter{program: b.sh("exec sleep 60")}
	s := b.define("a", Definition{Starter: r, Triggers: []Trigger{{Signal: unix.SIGHUP}, {Readable: "p"}}})
	b.start(s)
	b.is(s, Up)
	if err := b.engine.Delete("a"); !errors.Is(err, ErrRunning) {
		t.Errorf("%v for one that runs", err)
	}
	if err := s.Signal(unix.SIGKILL, false); err != nil {
		t.Fatal(err)
	}
	b.is(s, Down)
	if err := b.engine.Delete("a"); err != nil {
		t.Fatal(err)
	}
	o.want(t, "a start", "a up", "a down signal SIGKILL", "a deleted")
	if err := b.engine.Delete("a"); !errors.Is(err, ErrNoService) {
		t.Errorf("%v for one that is gone", err)
	}
	if err := s.Start(0); !errors.Is(err, ErrNotStartable) {
		t.Errorf("start of one that is gone: %v", err)
	}
	if err := s.Set(Definition{}); !errors.Is(err, ErrNoService) {
		t.Errorf("definition of one that is gone: %v", err)
	}
	if len(b.engine.onSignal)+len(b.engine.onHandle) != 0 {
		t.Error("it still waits for something")
	}
	again := b.define("a", Definition{Starter: r})
	if again == s || again.Status().Ran {
		t.Error("the name stands for the old one")
	}
}

func TestDeleteDropsAPlannedStart(t *testing.T) {
	b := newBench(t)
	o, r := b.observe(), &starter{program: b.sh("exit 0")}
	for _, at := range []time.Duration{0, b.engine.now() + time.Hour} {
		s := b.define("a", Definition{Starter: r})
		if err := s.Start(at); err != nil {
			t.Fatal(err)
		}
		if err := b.engine.Delete("a"); err != nil {
			t.Fatal(err)
		}
	}
	b.skip(2 * time.Hour)
	b.rounds(3)
	o.want(t, "a start", "a deleted", "a start", "a deleted")
	if r.prepared != 0 {
		t.Error("it was started")
	}
}

func TestStartThatCannotBeIsARunThatEndedAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		definition func(b *bench) Definition
		want       string
		text       string
	}{
		"no such program": {
			func(b *bench) Definition { return Definition{Starter: &starter{program: b.program("/nonexistent/a")}} },
			"a down exit 3", `unit "test": executing (/nonexistent/a): no such file or directory`,
		},
		"no such handle": {
			func(b *bench) Definition {
				return Definition{Starter: &starter{program: b.sh("exit 0")}, FDs: []string{"-", "x"}}
			},
			"a down signal SIGABRT", `file descriptor "x" does not exist`,
		},
		"the starter says no": {
			func(*bench) Definition { return Definition{Starter: &starter{err: errors.New("no")}} }, "a down exit 3", "no",
		},
		"no starter": {func(*bench) Definition { return Definition{} }, "a down exit 3", errNoStarter.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			o := b.observe()
			s := b.define("a", test.definition(b))
			b.start(s)
			b.until("it is told", func() bool { return len(o.lines) == 3 })
			o.want(t, "a start", "a up", test.want)
			failures := b.failures()
			if len(failures) != 1 || failures[0].Err.Error() != test.text || failures[0].Service != "a" || failures[0].Delay != 0 {
				t.Errorf("events %+v", failures)
			}
			if s.Running() != 0 || s.state != Down || s.timer != nil {
				t.Errorf("%v, %d run", s.state, s.Running())
			}
		})
	}
}

func TestFailedExecKeepsThePIDThatItHad(t *testing.T) {
	b := newBench(t)
	s := b.define("a", Definition{Starter: &starter{program: b.program("/nonexistent/a")}})
	b.start(s)
	b.until("it has failed", func() bool { return len(b.failures()) == 1 })
	if st := s.Status(); st.PID == 0 || st.PID != b.failures()[0].PID {
		t.Errorf("%+v, the event says %d", st, b.failures()[0].PID)
	}
}

func TestStartWithoutRoomIsTriedAgainForEver(t *testing.T) {
	b := newBench(t)
	o, r := b.observe(), &starter{program: b.sh("exec sleep 60"), err: fmt.Errorf("cannot fork: %w", unix.EAGAIN)}
	s := b.define("a", Definition{Starter: r})
	b.start(s)
	for n := range 5 {
		b.until("it is planned again", func() bool { return r.prepared == n+1 && s.timer != nil })
		if st := s.Status(); st.State != Scheduled || st.At < b.engine.now()+forkRetry-time.Second {
			t.Errorf("%+v, now is %v", st, b.engine.now())
		}
		b.skip(forkRetry)
	}
	for _, e := range b.failures() {
		if e.Delay != forkRetry {
			t.Errorf("told that the next attempt is in %v", e.Delay)
		}
	}
	r.err = nil
	b.skip(forkRetry)
	b.is(s, Up)
	o.want(t, "a start", "a start", "a start", "a start", "a start", "a start", "a up")
	b.until("all attempts have released what they had", func() bool { return r.released == r.prepared })
}

func TestEnderIsCalledBeforeDownIsTold(t *testing.T) {
	b := newBench(t)
	o, r := b.observe(), &starter{program: b.sh("exit 0")}
	r.ended = func(s *Service, i *Instance) {
		o.lines = append(o.lines, s.Name()+" ended")
		if i.Service() != s || i.PID() != s.Status().PID || s.state != Up || s.Running() != 1 {
			t.Errorf("%v ended in state %v", i.PID(), s.state)
		}
		// What a controller says with its last breath finds it running.
		for _, err := range []error{
			b.engine.Delete("a"), s.Start(0), i.Signal(unix.SIGTERM, false), i.Signal(unix.SIGTERM, true), s.Stop(0),
		} {
			if err != nil {
				o.lines = append(o.lines, err.Error())
			}
		}
	}
	s := b.define("a", Definition{Starter: r})
	b.start(s)
	b.until("it is down", func() bool { return s.Status().Ran && s.state == Down })
	o.want(t, "a start", "a up", "a ended", ErrRunning.Error(), ErrNotStartable.Error(), "no such process", "no such process",
		"a down exit 0")
}

func TestEventOfAFailureComesBeforeDown(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	b.engine.publish = func(e event.Event) {
		if e.Type == event.StartFailed {
			o.lines = append(o.lines, "event")
		}
	}
	b.start(b.define("a", Definition{Starter: &starter{program: b.program("/nonexistent/a")}}))
	b.until("it is told", func() bool { return len(o.lines) == 4 })
	if o.lines[3] != "a down exit 3" || o.count("event") != 1 {
		t.Errorf("told %q", o.lines)
	}
}
