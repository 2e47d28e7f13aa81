package supervise

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// legal are the states that may be told after each; "" is a service that was just defined.
var legal = map[string][]string{
	"":        {"start", "deleted"},
	"start":   {"start", "up", "down", "deleted"},
	"up":      {"down"},
	"down":    {"start", "deleted"},
	"deleted": {},
}

// A sequence is an observer that holds the states of one service after another against legal.
type sequence struct {
	told
	t     *testing.T
	state string
}

func (o *sequence) ServiceChanged(s *Service, st Status) {
	o.told.ServiceChanged(s, st)
	if next := st.State.String(); slices.Contains(legal[o.state], next) {
		o.state = next
	} else {
		o.t.Errorf("%q was told after %q: %q", next, o.state, o.lines)
	}
	if o.state == "deleted" {
		o.state = ""
	}
}

// Whatever is asked in whatever order, only what the table allows is told, and what it says is the case.
func TestRandomLives(t *testing.T) {
	const lives, steps = 20, 60
	for seed := range uint64(lives) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := newBench(t)
			o := &sequence{told: told{last: map[State]Status{}}, t: t}
			b.engine.Observe(o)
			random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // the same every time
			starters := []Starter{
				&starter{program: b.sh("exit 0")}, &starter{program: b.sh("exec sleep 60")}, &starter{err: errNoStarter},
				&starter{err: unix.EAGAIN}, &starter{program: b.program("/nonexistent/a")},
			}
			triggers := [][]Trigger{nil, always(), onUSR1(), {{Readable: "r"}}, {{Always: true}, {Readable: "r"}}}
			for range steps {
				s := b.randomStep(random, starters, triggers)
				b.holds(s)
				b.rounds(random.IntN(3))
				b.holds(s)
			}
			s := b.engine.Service("a")
			s.Kill()
			s.Close(nil)
			b.until("nothing is left", func() bool { return b.engine.Live() == 0 })
			if b.engine.Handle("r") != nil {
				if err := b.engine.DeleteHandle("r"); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// randomStep does one of all that can be done, and returns the service.
func (b *bench) randomStep(random *rand.Rand, starters []Starter, triggers [][]Trigger) *Service {
	b.t.Helper()
	s, err := b.engine.Define("a", "")
	if err != nil {
		b.t.Fatal(err)
	}
	switch random.IntN(13) { // what is refused is of no interest here
	case 0, 1:
		_ = s.Start(0)
	case 2:
		_ = s.Start(b.engine.now() + time.Minute)
	case 3:
		if !s.wanted() { // a trigger does not plan again what was cancelled
			_ = s.Cancel()
		}
	case 4, 5:
		d := Definition{Starter: starters[random.IntN(len(starters))], Interval: time.Duration(random.IntN(90)) * time.Second}
		d.Triggers = slices.Clone(triggers[random.IntN(len(triggers))])
		if err := s.Set(d); err != nil {
			b.t.Error(err)
		}
	case 6:
		b.engine.Raise(unix.SIGUSR1)
	case 7:
		b.engine.ClearSignal(unix.SIGUSR1, 1)
	case 8:
		b.skip(time.Duration(random.IntN(90)) * time.Second)
	case 9:
		s.Kill()
	case 10:
		_ = b.engine.Delete("a")
	case 11:
		s.Pause()
		s.Resume()
	case 12:
		b.randomHandle(random)
	}
	s, err = b.engine.Define("a", "")
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// randomHandle adds, fills, replaces or deletes the handle "r".
func (b *bench) randomHandle(random *rand.Rand) {
	b.t.Helper()
	if random.IntN(3) == 0 {
		_ = b.engine.DeleteHandle("r")
		return
	}
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		b.t.Fatal(err)
	}
	if _, err := unix.Write(fds[1], []byte("x")); err != nil {
		b.t.Fatal(err)
	}
	if err := b.engine.AddHandles(&Handle{Name: "r", FD: fds[0]}); err != nil {
		b.t.Fatal(err)
	}
	if err := unix.Close(fds[1]); err != nil {
		b.t.Fatal(err)
	}
}

// holds checks what is always so between two callbacks of the loop.
func (b *bench) holds(s *Service) {
	b.t.Helper()
	switch {
	case (s.state == Up) != (len(s.running) > 0):
		b.t.Errorf("%v with %d instances", s.state, len(s.running))
	case len(s.running) > s.definition.limit():
		b.t.Errorf("%d instances", len(s.running))
	case s.state == Scheduled && s.timer == nil && !s.queued:
		b.t.Error("a start is planned, and nothing will make it")
	case s.state != Scheduled && s.timer != nil:
		b.t.Errorf("%v, and a start is planned", s.state)
	case s.state == Down && s.wanted() && !s.closed:
		b.t.Error("a trigger wants it, and nothing is planned")
	case s.state == Scheduled && s.auto && !s.wanted():
		b.t.Error("planned by a trigger that does not want it")
	}
}
