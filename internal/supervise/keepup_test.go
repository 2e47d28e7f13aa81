package supervise

import (
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func always() []Trigger { return []Trigger{{Always: true}} }

func onUSR1() []Trigger { return []Trigger{{Signal: unix.SIGUSR1}} }

// triggers changes a service's triggers and interval, as a controller does.
func (b *bench) triggers(s *Service, interval time.Duration, triggers []Trigger) {
	b.t.Helper()
	d := s.Definition()
	d.Interval, d.Triggers = interval, triggers
	if err := s.Set(d); err != nil {
		b.t.Fatal(err)
	}
}

func TestAlwaysStartsAtOnceWhenItIsSet(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exec sleep 60")}})
	b.triggers(s, time.Minute, always())
	o.want(t, "a start")
	b.is(s, Up)
	o.want(t, "a up")
	b.triggers(s, time.Minute, always())
	b.rounds(3)
	o.want(t)
}

func TestAlwaysComesBeforeAPlannedStart(t *testing.T) {
	b := newBench(t)
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exec sleep 60")}})
	if err := s.Start(b.engine.now() + time.Hour); err != nil {
		t.Fatal(err)
	}
	b.triggers(s, time.Minute, always())
	b.is(s, Up)
}

// The interval counts from the end, the start is told once, and nothing happens in between.
func TestAlwaysWaitsForItsIntervalAfterAShortRun(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exit 0")}, Interval: time.Minute, Triggers: always()})
	for n := range 4 {
		b.until("it is planned again", func() bool { return s.Starts() == n+1 && s.timer != nil })
		if at, want := s.Status().At, o.last[Down].At+time.Minute; at != want {
			t.Errorf("planned for %v, want %v", at, want)
		}
		o.want(t, []string{"a start", "a up", "a down exit 0", "a start"}[min(n, 1):]...)
		b.skip(59 * time.Second)
		b.rounds(10)
		o.want(t)
		b.skip(time.Second)
	}
}

func TestAlwaysStartsAgainAtOnceAfterALongRun(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{
		Starter: &starter{program: b.sh("exec sleep 60")}, Interval: time.Minute, Triggers: always(),
	})
	b.is(s, Up)
	b.skip(time.Minute)
	b.rounds(1)
	s.Kill()
	b.until("it runs again", func() bool { return s.Starts() == 2 })
	o.want(t, "a start", "a up", "a down signal SIGKILL", "a start", "a up")
}

func TestAlwaysWithoutAnIntervalDoesNotSpin(t *testing.T) {
	for name, r := range map[string]func(b *bench) *starter{
		"ends at once":      func(b *bench) *starter { return &starter{program: b.sh("exit 0")} },
		"cannot be started": func(b *bench) *starter { return &starter{program: b.program("/nonexistent/a")} },
		"is not prepared":   func(*bench) *starter { return &starter{err: errNoStarter} },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.observe()
			r := r(b)
			s := b.define("a", Definition{Starter: r, Triggers: always()})
			for n := range 3 {
				b.until("it is planned again", func() bool { return r.prepared == n+1 && s.timer != nil })
				if wait := s.Status().At - b.engine.now(); wait <= 0 || wait > leastInterval {
					t.Errorf("planned in %v", wait)
				}
				b.skip(leastInterval)
			}
		})
	}
}

func TestWithoutTriggersTheirStartIsTakenBack(t *testing.T) {
	for name, triggers := range map[string][]Trigger{"none": nil, "another": onUSR1()} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			o := b.observe()
			s := b.define("a", Definition{Starter: &starter{program: b.sh("exit 0")}, Interval: time.Minute, Triggers: always()})
			b.until("it is planned again", func() bool { return s.Starts() == 1 && s.timer != nil })
			o.lines = nil
			b.triggers(s, time.Minute, triggers)
			o.want(t, "a down")
			b.skip(time.Hour)
			b.rounds(3)
			if s.Starts() != 1 {
				t.Errorf("%d starts", s.Starts())
			}
		})
	}
}

func TestWithoutTriggersAStartThatWasAskedForStays(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exec sleep 60")}})
	if err := s.Start(b.engine.now() + time.Hour); err != nil {
		t.Fatal(err)
	}
	b.triggers(s, time.Minute, onUSR1())
	b.triggers(s, time.Minute, nil)
	o.want(t, "a start")
	b.skip(time.Hour)
	b.is(s, Up)
}

// What is not about triggers leaves a planned start as it is.
func TestOtherChangesDoNotStart(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exit 0")}, Interval: time.Minute, Triggers: always()})
	b.until("it is planned again", func() bool { return s.Starts() == 1 && s.timer != nil })
	o.lines = nil
	d := s.Definition()
	d.Args = []string{"x"}
	if err := s.Set(d); err != nil {
		t.Fatal(err)
	}
	b.rounds(3)
	o.want(t)
	b.triggers(s, time.Minute, always())
	o.want(t, "a start")
}

func TestSignalStartsAtOnceAndIsToldLast(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{
		Starter: &starter{program: b.sh("exec sleep 60")}, Interval: time.Minute, Triggers: onUSR1(),
	})
	b.engine.Raise(unix.SIGHUP)
	o.want(t, "signal SIGHUP 1")
	b.engine.Raise(unix.SIGUSR1)
	o.want(t, "a start", "a up", "signal SIGUSR1 1")
	b.engine.Raise(unix.SIGUSR1)
	o.want(t, "signal SIGUSR1 2")
	b.is(s, Up)
}

func TestSignalComesBeforeAnInterval(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{
		Starter: &starter{program: b.sh("exit 0")}, Interval: time.Minute, Triggers: []Trigger{{Always: true}, {Signal: unix.SIGUSR1}},
	})
	b.until("it is planned again", func() bool { return s.Starts() == 1 && s.timer != nil })
	o.lines = nil
	b.engine.Raise(unix.SIGUSR1)
	o.want(t, "a start", "a up", "signal SIGUSR1 1")
}

func TestPendingSignalStartsWhenItIsSet(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exec sleep 60")}})
	b.engine.Raise(unix.SIGUSR1)
	o.lines = nil
	b.triggers(s, time.Minute, onUSR1())
	o.want(t, "a start")
	b.is(s, Up)
}

func TestSignalIsLevelTriggered(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exit 0")}, Interval: time.Minute, Triggers: onUSR1()})
	b.engine.Raise(unix.SIGUSR1)
	b.engine.Raise(unix.SIGUSR1)
	for n := range 3 {
		b.until("it is planned again", func() bool { return s.Starts() == n+1 && s.timer != nil })
		b.engine.ClearSignal(unix.SIGUSR1, 1-min(n, 1))
		b.skip(time.Minute)
	}
	b.until("it is planned again", func() bool { return s.Starts() == 4 && s.timer != nil })
	o.lines = nil
	b.engine.ClearSignal(unix.SIGUSR1, 9)
	o.want(t, "a down")
	b.skip(time.Hour)
	b.rounds(3)
	o.want(t)
}

func TestSignalThatIsClearedWhileItRuns(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exec sleep 60")}, Triggers: onUSR1()})
	b.engine.Raise(unix.SIGUSR1)
	b.engine.ClearSignal(unix.SIGUSR1, 1)
	s.Kill()
	b.is(s, Down)
	b.skip(time.Hour)
	b.rounds(3)
	o.want(t, "a start", "a up", "signal SIGUSR1 1", "a down signal SIGKILL")
}

// Many services for one signal do not hold up the loop for longer than some of them take.
func TestSignalForMany(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	r := &starter{err: errNoStarter}
	for i := range dueAtOnce + 2 {
		b.define(strconv.Itoa(i), Definition{Starter: r, Triggers: onUSR1()})
	}
	b.engine.Raise(unix.SIGUSR1)
	if r.prepared != dueAtOnce || o.lines[len(o.lines)-1] != "signal SIGUSR1 1" {
		t.Errorf("%d starts at once", r.prepared)
	}
	b.until("all were tried", func() bool { return r.prepared == dueAtOnce+2 })
}

func TestPendingSignals(t *testing.T) {
	b := newBench(t)
	raise := func(sig unix.Signal) {
		b.skip(time.Second)
		b.engine.Raise(sig)
	}
	raise(unix.SIGHUP)
	raise(unix.SIGUSR1)
	raise(unix.SIGTERM)
	raise(unix.SIGHUP)
	b.engine.ClearSignal(unix.SIGUSR1, -3)
	b.engine.ClearSignal(unix.SIGTERM, 5)
	b.engine.ClearSignal(unix.SIGQUIT, 1)
	got := b.engine.PendingSignals()
	if len(got) != 2 || got[0].Signal != unix.SIGUSR1 || got[0].Count != 1 || got[1].Signal != unix.SIGHUP || got[1].Count != 2 {
		t.Fatalf("%+v", got)
	}
	if got[0].Last >= got[1].Last {
		t.Errorf("%v is not older than %v", got[0].Last, got[1].Last)
	}
}

func TestPauseIsAboutTriggers(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exec sleep 60")}})
	s.Pause()
	b.triggers(s, time.Minute, always())
	b.rounds(3)
	o.want(t)
	s.Resume()
	o.want(t, "a start")
	s.Pause()
	o.want(t, "a down")
	b.start(s)
	b.is(s, Up)
	o.want(t, "a start", "a up")
}
