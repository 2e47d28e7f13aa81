package supervise

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
)

// A told is an observer that writes down what it hears.
type told struct {
	lines []string
	last  map[State]Status // of any service
}

func (o *told) HandleChanged(h *Handle, deleted bool) {
	if deleted {
		o.lines = append(o.lines, "fd "+h.Name+" deleted")
		return
	}
	o.lines = append(o.lines, "fd "+h.Name+" "+h.Kind)
}

func (o *told) ServiceChanged(s *Service, st Status) {
	o.last[st.State] = st
	line := s.Name() + " " + st.State.String()
	if st.Reason != "" {
		line += " " + st.Reason + " " + st.Value
	}
	o.lines = append(o.lines, line)
}

func (o *told) SignalChanged(p Pending) {
	o.lines = append(o.lines, fmt.Sprintf("signal %s %d", unix.SignalName(p.Signal), p.Count))
}

// observe has what controllers would hear written down.
func (b *bench) observe() *told {
	o := &told{last: map[State]Status{}}
	b.engine.Observe(o)
	return o
}

// want compares all that was told, and forgets it.
func (o *told) want(t *testing.T, lines ...string) {
	t.Helper()
	if !slices.Equal(o.lines, lines) {
		t.Errorf("told %q, want %q", o.lines, lines)
	}
	o.lines = nil
}

func (o *told) count(line string) (n int) {
	for _, l := range o.lines {
		if l == line {
			n++
		}
	}
	return n
}

// A starter starts one program again and again, and hears of its ends.
type starter struct {
	program  *launch.Program
	start    launch.Start
	err      error
	prepared int
	released int
	ended    func(*Service, *Instance)
}

func (r *starter) Prepare(*Service, bool) (Prepared, error) {
	r.prepared++
	start := r.start
	if start.Streams == [3]int{} {
		start.Streams = [3]int{-1, -1, -1}
	}
	return Prepared{Program: r.program, Launch: start, Release: func() { r.released++ }}, r.err
}

func (r *starter) Ended(s *Service, i *Instance) {
	if r.ended != nil {
		r.ended(s, i)
	}
}

// define makes a controller's service.
func (b *bench) define(name string, d Definition) *Service {
	b.t.Helper()
	s, err := b.engine.Define(name, "")
	if err == nil {
		err = s.Set(d)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.clear(s) })
	return s
}

// clear ends a service and waits for its processes. It comes before the cleanup of the bench.
func (b *bench) clear(s *Service) {
	s.Kill()
	gone := false
	if b.engine.Service(s.Name()) != s {
		return
	}
	s.Close(func() { gone = true })
	b.until("it is gone", func() bool { return gone })
}

func (b *bench) start(s *Service) {
	b.t.Helper()
	if err := s.Start(0); err != nil {
		b.t.Fatal(err)
	}
}

// is waits for a state.
func (b *bench) is(s *Service, state State) {
	b.t.Helper()
	b.until(s.Name()+" is "+state.String(), func() bool { return s.state == state })
}

// rounds lets the loop turn a few times.
func (b *bench) rounds(n int) {
	b.t.Helper()
	b.until("some rounds", func() bool { n--; return n < 0 })
}

// skip lets time pass, at once.
func (b *bench) skip(d time.Duration) { b.ahead += d }

// failures are the starts that failed.
func (b *bench) failures() (list []event.Event) {
	for _, e := range b.events {
		if e.Type == event.StartFailed {
			list = append(list, e)
		}
	}
	return list
}

func (b *bench) add(hs ...*Handle) {
	b.t.Helper()
	if err := b.engine.AddHandles(hs...); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		for _, h := range hs {
			if b.engine.Handle(h.key()) == h && !h.Fixed {
				if err := b.engine.DeleteHandle(h.key()); err != nil {
					b.t.Error(err)
				}
			}
		}
	})
}

// pipe makes a pipe that is read at the handle "r".
func (b *bench) pipe(write string) (r, w *Handle) {
	b.t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		b.t.Fatal(err)
	}
	r = &Handle{Name: "r", FD: fds[0], Kind: KindPipe, Flags: "from", Peer: write}
	w = &Handle{Name: write, FD: fds[1], Kind: KindPipe, Flags: "to", Peer: "r"}
	b.add(r, w)
	return r, w
}

func write(t *testing.T, h *Handle, text string) {
	t.Helper()
	if n, err := unix.Write(h.FD, []byte(text)); n != len(text) || err != nil {
		t.Fatal(n, err)
	}
}

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}
