package supervise

import (
	"encoding/json"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

// silence is a service without streams.
func silence(p *launch.Program) Starter {
	return serviceConfig{Program: p, Launch: func(bool) (launch.Start, error) {
		return launch.Start{Streams: [3]int{-1, -1, -1}}, nil
	}}
}

// own defines a service of a controller.
func (b *bench) own(name string, d Definition) *Service {
	b.t.Helper()
	s, err := b.engine.Define(name, "")
	if err == nil {
		err = s.Set(d)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// through returns what a reader of the written form gets.
func through[T any](t *testing.T, v T) (read T) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// letGo has an instance forgotten as execve does: the process runs on.
func letGo(t *testing.T, i *Instance) {
	t.Helper()
	i.deadline.Stop()
	if i.watch != nil {
		if err := i.watch.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := i.process.Close(); err != nil {
		t.Error(err)
	}
}

// replaceEngine has a new engine take the place of the old, without services.
func (b *bench) replaceEngine() {
	for _, name := range b.engine.ServiceNames() {
		s := b.engine.Service(name)
		for _, i := range s.Instances() {
			letGo(b.t, i)
		}
		s.disarm()
		for _, timer := range []*loop.Timer{s.timer, s.again, s.held} {
			timer.Stop()
		}
	}
	b.engine = New(Options{Loop: b.loop, Launcher: b.launch, Publish: func(e event.Event) { b.events = append(b.events, e) }})
}

// replace has another engine go on with what the engine's services do.
func (b *bench) replace(starter Starter) {
	b.t.Helper()
	b.until("nothing is starting", b.engine.Settled)
	v := through(b.t, b.engine.Save())
	b.replaceEngine()
	err := b.engine.Restore(&v, func(*Service) Starter { return starter }, func(*Handle) Queue { return nil })
	if err != nil {
		b.t.Error(err)
	}
}

func TestSavedServiceGoesOn(t *testing.T) {
	b := newBench(t)
	starter := silence(b.sh("exec sleep 600"))
	s := b.own("up", Definition{Tags: []string{"\xff"}, Args: []string{"a", ""}, Starter: starter})
	if err := s.Start(0); err != nil {
		t.Fatal(err)
	}
	b.until("it runs", func() bool { return s.Status().State == Up })
	before := s.Status()
	b.replace(starter)
	s = b.engine.Service("up")
	if after := s.Status(); after.State != Up || after.PID != before.PID || after.At != before.At || s.Starts() != 1 {
		t.Errorf("it was %+v and is %+v", before, after)
	}
	if d := s.Definition(); d.Tags[0] != "\xff" || len(d.Args) != 2 {
		t.Errorf("the definition is %+v", d)
	}
	if err := s.Signal(unix.SIGTERM, false); err != nil {
		t.Fatal(err)
	}
	b.until("it has ended", func() bool { return s.Status().State == Down })
	if now := s.Status(); now.Reason != "signal" || now.Value != "SIGTERM" {
		t.Errorf("it ended so: %+v", now)
	}
}

func TestSavedServiceThatHasEndedBetween(t *testing.T) {
	b := newBench(t)
	starter := silence(b.plays("fail"))
	s := b.own("ends", Definition{Starter: starter})
	if err := s.Start(0); err != nil {
		t.Fatal(err)
	}
	b.until("it runs", func() bool { return s.Status().State == Up })
	// The old engine is not told, since its loop does not run from here on.
	if len(s.Instances()) == 1 {
		pid := s.Instances()[0].PID()
		var info unix.Siginfo
		if err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
			t.Fatal(err)
		}
	}
	b.replace(starter)
	s = b.engine.Service("ends")
	b.until("the end is told", func() bool { return s.Status().State == Down })
	if now := s.Status(); now.Reason != "exit" || now.Value != "7" {
		t.Errorf("it ended so: %+v", now)
	}
}

func TestSavedPlans(t *testing.T) {
	b := newBench(t)
	starter := silence(b.plays("fail"))
	planned := b.own("planned", Definition{Starter: starter})
	if err := planned.Start(b.engine.now() + time.Hour); err != nil {
		t.Fatal(err)
	}
	always := b.own("always", Definition{Starter: starter, Interval: time.Minute, Triggers: []Trigger{{Always: true}}})
	b.own("signal", Definition{Starter: starter, Interval: time.Minute, Triggers: []Trigger{{Signal: unix.SIGUSR1}}})
	b.until("it is to be started again", func() bool { return always.Status().State == Scheduled && always.Starts() == 1 })
	at := always.Status().At
	b.replace(starter)
	planned, always = b.engine.Service("planned"), b.engine.Service("always")
	signal := b.engine.Service("signal")
	if now := always.Status(); now.State != Scheduled || now.At != at {
		t.Errorf("it is %+v, want it planned for %v", now, at)
	}
	if planned.Status().State != Scheduled || signal.Status().State != Down {
		t.Errorf("the others are %+v and %+v", planned.Status(), signal.Status())
	}
	b.ahead += time.Minute
	b.until("it is started again", func() bool { return always.Starts() == 2 && always.Running() == 0 })
	b.engine.Raise(unix.SIGUSR1)
	b.until("the signal starts", func() bool { return signal.Starts() == 1 && signal.Running() == 0 })
	if planned.Starts() != 0 {
		t.Error("the planned one was started before its time")
	}
	b.ahead += time.Hour
	b.until("the plan is kept", func() bool { return planned.Starts() == 1 && planned.Running() == 0 })
	for _, s := range []*Service{always, signal} {
		s.Close(nil)
		b.until("it is gone", func() bool { return s.Running() == 0 })
	}
}

func TestSavedDeadline(t *testing.T) {
	b := newBench(t)
	starter := silence(b.sh("trap '' TERM; while :; do sleep 600 & wait; done"))
	d := Definition{Starter: starter, StopTimeout: time.Hour}
	s := b.own("stubborn", d)
	if err := s.Start(0); err != nil {
		t.Fatal(err)
	}
	b.until("it runs", func() bool { return s.Running() == 1 })
	s.StopInstances()
	b.replace(starter)
	s = b.engine.Service("stubborn")
	s.StopInstances() // it was asked
	if n := b.count(event.Stop); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	b.ahead += time.Hour
	b.until("it is killed when its time is over", func() bool { return s.Running() == 0 })
}

// replace has another template go on with those of the door's.
func (d *door) replace(gone func()) {
	d.t.Helper()
	d.until("nothing is starting", d.engine.Settled)
	v := through(d.t, d.template.Save())
	for _, c := range d.template.Clients() {
		if c.instance != nil {
			letGo(d.t, c.instance)
		}
	}
	d.template.Unwatch()
	for _, timer := range []*loop.Timer{d.template.judge, d.template.drain, d.template.resting, d.template.retry} {
		timer.Stop()
	}
	d.engine.accepting.reserve.close()
	config := d.template.config
	number := d.engine.accepting.number
	d.replaceEngine()
	d.engine.accepting.number = number
	var err error
	if d.template, err = d.engine.NewTemplate(config); err != nil {
		d.t.Fatal(err)
	}
	d.template.Restore(&v, gone)
}

func TestSavedTemplateGoesOn(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit = 1 })
	served := d.call()
	d.started(1)
	waits := d.call()
	d.until("the other waits", func() bool { return d.template.Counters().Waiting == 1 })
	d.replace(nil)
	d.counts(Counters{Accepted: 2, Live: 1, Waiting: 1, Starts: 1})
	served.leave()
	d.started(2)
	d.counts(Counters{Accepted: 2, Served: 1, Live: 1, Starts: 2})
	waits.leave()
	d.until("all are served", func() bool { return d.template.Counters().Served == 2 })
}

func TestSavedTemplateDoubts(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Share = 1 })
	served := d.call()
	d.started(1)
	doubtful := d.call()
	d.until("it is in doubt", func() bool { return len(d.template.doubtful) == 1 })
	d.replace(nil)
	d.until("it is refused", func() bool { return d.template.Counters().Refused == 1 })
	doubtful.hears(busy[ReasonSource])
	served.leave()
	d.until("the first is served", func() bool { return d.template.Counters().Served == 1 })
}

func TestSavedTemplateDrainsAndPauses(t *testing.T) {
	d := openDoor(t, cat, nil)
	d.template.Drain(true)
	d.replace(nil)
	d.call()
	d.until("nobody is admitted", func() bool { return d.template.Counters().Refused == 1 })
	d.template.Drain(false)
	d.template.Pause()
	d.replace(nil)
	if !d.template.paused || d.template.draining {
		t.Error("it is not as it was made")
	}
	waits := d.call()
	d.template.Resume()
	d.started(1)
	waits.leave()
	d.until("it is served", func() bool { return d.template.Counters().Served == 1 })
}

func TestSavedTemplateCloses(t *testing.T) {
	d := openDoor(t, cat, nil)
	served := d.call()
	d.started(1)
	d.template.CloseWithin(time.Hour, func() { t.Error("the old one is told") })
	gone := false
	d.replace(func() { gone = true })
	d.until("a moment has passed", func() bool { return true })
	if gone || d.count(event.Stop) > 0 {
		t.Error("it did not wait")
	}
	d.ahead += time.Hour
	d.until("its time is over", func() bool { return gone })
	served.hears("")
	d.ended = true
}
