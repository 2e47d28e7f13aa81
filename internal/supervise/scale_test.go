package supervise

import (
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

func TestTenThousandServicesAndHandles(t *testing.T) {
	const many = 10_000
	b := newBench(t)
	o := b.observe()
	name := func(i int) string { return "s" + strconv.Itoa(i) }
	read, write, err := pipeAt(launch.LongLived)
	if err != nil {
		t.Fatal(err)
	}
	b.add(&Handle{Name: "r", FD: read}, &Handle{Name: "w", FD: write})
	for i := range many {
		// -1: the test is about the tables, not about the limit of descriptors
		if err := b.engine.AddHandles(&Handle{Name: name(i), FD: -1}); err != nil {
			t.Fatal(err)
		}
		s, err := b.engine.Define(name(i), "")
		if err == nil {
			err = s.Set(Definition{Args: []string{"x"}, Triggers: []Trigger{{Signal: unix.SIGHUP}, {Readable: "not there " + name(i)}}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(b.engine.ServiceNames()) != many || len(b.engine.HandleNames()) != many+2 {
		t.Errorf("%d services, %d handles", len(b.engine.ServiceNames()), len(b.engine.HandleNames()))
	}
	d := b.engine.Service(name(many - 1)).Definition()
	d.Starter, d.Triggers = &starter{program: b.sh("exit 0")}, readable("r")
	if err := b.engine.Service(name(many - 1)).Set(d); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(write, []byte("x")); err != nil {
		t.Fatal(err)
	}
	b.until("one was started", func() bool { return o.count(name(many-1)+" down exit 0") > 0 })
	b.clear(b.engine.Service(name(many - 1)))
	for i := range many {
		if err := b.engine.DeleteHandle(name(i)); err != nil {
			t.Fatal(err)
		}
		if err := b.engine.Delete(name(i)); err != nil && i < many-1 {
			t.Fatal(err)
		}
	}
	if len(b.engine.services.entries)+len(b.engine.onSignal)+len(b.engine.onHandle) != 0 {
		t.Error("something is left")
	}
}

// pipeAt is a pipe whose descriptors are not below the number.
func pipeAt(least int) (read, write int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return 0, 0, err
	}
	for i, fd := range fds {
		if fds[i], err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, least); err != nil {
			return 0, 0, err
		}
		if err := unix.Close(fd); err != nil {
			return 0, 0, err
		}
	}
	return fds[0], fds[1], nil
}

func BenchmarkDefine(b *testing.B) {
	l, err := loop.New(loop.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	e := New(Options{Loop: l})
	names := make([]string, 10_000)
	for i := range names {
		names[i] = "service-" + strconv.Itoa(i)
	}
	args := []string{"/bin/true"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s, err := e.Define(names[i%len(names)], "")
		if err != nil {
			b.Fatal(err)
		}
		d := s.Definition()
		d.Args = args
		if err := s.Set(d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDefineAndDelete(b *testing.B) {
	l, err := loop.New(loop.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	e := New(Options{Loop: l})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Define("a", ""); err != nil {
			b.Fatal(err)
		}
		if err := e.Delete("a"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStart is a start, a run of /bin/true and its end, as the observer sees them.
func BenchmarkStart(b *testing.B) {
	l, err := loop.New(loop.Options{Keep: launch.Keep})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	launcher, err := launch.New(launch.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = launcher.Close() }()
	e := New(Options{Loop: l, Launcher: launcher, Publish: func(event.Event) {}})
	program, err := launcher.Compile(launch.Spec{Unit: "true", Path: "/bin/true", Argv: []string{"true"}})
	if err != nil {
		b.Fatal(err)
	}
	s, err := e.Define("a", "")
	if err == nil {
		err = s.Set(Definition{Starter: &starter{program: program}})
	}
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	left := b.N
	var asked time.Time
	var wait time.Duration
	next := func() {
		if left--; left < 0 {
			l.Stop()
			return
		}
		asked = time.Now()
		if err := s.Start(0); err != nil {
			b.Error(err)
		}
	}
	e.Observe(onState{
		Up:   func() { wait += time.Since(asked) },
		Down: func() { l.Soon(next) },
	})
	l.Soon(next)
	if err := l.Run(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(wait.Nanoseconds())/float64(b.N), "ns-to-up/op")
}

// An onState is an observer that does something when a service comes to a state.
type onState map[State]func()

func (o onState) HandleChanged(*Handle, bool) {}
func (o onState) SignalChanged(Pending)       {}
func (o onState) ServiceChanged(_ *Service, st Status) {
	if do := o[st.State]; do != nil {
		do()
	}
}
