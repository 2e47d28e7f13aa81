package loop

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newLoop(t *testing.T, o Options) *Loop {
	t.Helper()
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// run runs the loop until something stops it, and fails the test if nothing does.
func run(t *testing.T, l *Loop) {
	t.Helper()
	failed := l.After(10*time.Second, func() {
		t.Error("nothing stopped the loop")
		l.Stop()
	})
	defer failed.Stop()
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
}

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(p[0]), unix.Close(p[1]) })
	return p[0], p[1]
}

func put(t *testing.T, fd int) {
	t.Helper()
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Fatal(err)
	}
}

func watch(t *testing.T, l *Loop, fd int, mode Events, f func(Events)) *Watch {
	t.Helper()
	w, err := l.Watch(fd, mode, f)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestTimersFireInOrderAndNeverEarly(t *testing.T) {
	l := newLoop(t, Options{})
	start := l.Now()
	var got []int
	for i, d := range []time.Duration{3 * time.Millisecond, 0, time.Millisecond, 0, -time.Second} {
		l.After(d, func() {
			got = append(got, i)
			if l.Now().Before(start.Add(d)) {
				t.Errorf("timer %d fired early", i)
			}
		})
	}
	stopped := l.After(0, func() { t.Error("a stopped timer fired") })
	stopped.Stop()
	stopped.Stop()
	l.After(5*time.Millisecond, l.Stop)
	run(t, l)
	want := []int{1, 3, 4, 2, 0}
	for i := range want {
		if len(got) != len(want) || got[i] != want[i] {
			t.Fatalf("fired %v, want %v", got, want)
		}
	}
}

func TestTimerStoppedByAnotherOfTheSameRound(t *testing.T) {
	l := newLoop(t, Options{})
	var second *Timer
	l.After(0, func() { second.Stop() })
	second = l.After(0, func() { t.Error("fired although stopped before its turn") })
	l.After(time.Millisecond, l.Stop)
	run(t, l)
	second.Stop() // late: does nothing
	(*Timer)(nil).Stop()
}

func TestTimerThatSetsItselfDoesNotHoldUpDescriptors(t *testing.T) {
	l := newLoop(t, Options{})
	r, w := pipe(t)
	var again func()
	again = func() { l.After(0, again) }
	again()
	watch(t, l, r, Readable, func(Events) { l.Stop() })
	put(t, w)
	run(t, l)
}

func TestLevelAndEdge(t *testing.T) {
	for name, test := range map[string]struct {
		mode Events
		want int32
	}{"level": {Readable, 3}, "edge": {Readable | Edge, 1}} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t, Options{})
			r, w := pipe(t)
			var calls int32
			watch(t, l, r, test.mode, func(Events) {
				if calls++; calls == 3 {
					l.Stop()
				}
			})
			put(t, w)
			l.After(20*time.Millisecond, l.Stop)
			run(t, l)
			if calls != test.want {
				t.Errorf("called %d times, want %d", calls, test.want)
			}
		})
	}
}

func TestSetEdgeTellsWhatHolds(t *testing.T) {
	l := newLoop(t, Options{})
	r, w := pipe(t)
	calls := 0
	var v *Watch
	v = watch(t, l, r, Readable|Edge, func(Events) {
		if calls++; calls == 3 {
			l.Stop()
			return
		}
		if err := errors.Join(v.Set(0), v.Set(Readable|Edge)); err != nil {
			t.Error(err)
		}
	})
	put(t, w)
	run(t, l)
	if calls != 3 {
		t.Errorf("called %d times, want 3", calls)
	}
}

// An edge-triggered watch that is set as it is does not tell again what still holds: it would be told without end.
func TestSetTheSameModeIsSilent(t *testing.T) {
	l := newLoop(t, Options{})
	r, w := pipe(t)
	calls := 0
	var v *Watch
	v = watch(t, l, r, Readable|Edge, func(Events) {
		calls++
		if err := v.Set(Readable | Edge); err != nil {
			t.Error(err)
		}
	})
	put(t, w)
	l.After(20*time.Millisecond, l.Stop)
	run(t, l)
	if calls != 1 {
		t.Errorf("called %d times, want once", calls)
	}
}

func TestWatchTurnedOffIsSilentEvenOnHangUp(t *testing.T) {
	l := newLoop(t, Options{})
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	v := watch(t, l, p[0], 0, func(Events) { t.Error("called while off") })
	if err := unix.Close(p[1]); err != nil {
		t.Fatal(err)
	}
	l.After(5*time.Millisecond, l.Stop)
	run(t, l)
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if err := unix.Close(p[0]); err != nil {
		t.Error(err)
	}
}

// Two watches are ready in one round; the first closes the second, and a third takes its slot: neither may be called.
func TestEventOfAClosedWatchIsDropped(t *testing.T) {
	l := newLoop(t, Options{})
	r1, w1 := pipe(t)
	r2, w2 := pipe(t)
	r3, _ := pipe(t)
	var v [2]*Watch
	calls := 0
	closeOther := func(i int) func(Events) {
		return func(Events) {
			calls++
			if err := v[1-i].Close(); err != nil {
				t.Error(err)
			}
			watch(t, l, r3, Readable, func(Events) { t.Error("a stale event reached a new watch") })
			l.Stop()
		}
	}
	v[0] = watch(t, l, r1, Readable, closeOther(0))
	v[1] = watch(t, l, r2, Readable, closeOther(1))
	put(t, w1)
	put(t, w2)
	run(t, l)
	if calls != 1 {
		t.Errorf("%d watches were called, want 1", calls)
	}
}

func TestWatchRefusesWhatEpollRefuses(t *testing.T) {
	l := newLoop(t, Options{})
	if _, err := l.Watch(-1, Readable, nil); err == nil {
		t.Error("a closed descriptor can be watched")
	}
	if len(l.free) != 1 {
		t.Error("the slot of a failed watch is lost")
	}
}

func TestPostFromManyGoroutines(t *testing.T) {
	l := newLoop(t, Options{})
	const n, each = 8, 2 * maxPosted
	var wait sync.WaitGroup
	count := 0
	for range n {
		wait.Go(func() {
			for range each {
				l.Post(func() {
					if count++; count == n*each {
						l.Stop()
					}
				})
			}
		})
	}
	run(t, l)
	wait.Wait()
	if count != n*each {
		t.Errorf("%d functions ran, want %d", count, n*each)
	}
}

func TestPostToAClosedLoop(t *testing.T) {
	l, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range maxPosted {
		l.Post(func() {})
	}
	var refused atomic.Bool
	var wait sync.WaitGroup
	wait.Go(func() { refused.Store(!l.Post(func() {})) }) // waits for room that never comes
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	wait.Wait()
	if !refused.Load() {
		t.Error("a closed loop took a function")
	}
	if err := l.Close(); err != nil {
		t.Error("closing twice:", err)
	}
}

// Goroutines that still post while the loop is closed neither race with that nor write to a descriptor that is closed.
func TestPostWhileTheLoopIsClosed(t *testing.T) {
	for range 50 {
		l, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				for range 100 {
					l.Post(func() {})
				}
			})
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		wait.Wait()
	}
}

func TestKeep(t *testing.T) {
	kept := 0
	l := newLoop(t, Options{Keep: func(fd int) (int, error) {
		kept++
		defer func() { _ = unix.Close(fd) }()
		return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 100)
	}})
	if kept != 2 || l.epoll < 100 || l.wake < 100 {
		t.Errorf("kept %d descriptors, epoll %d, eventfd %d", kept, l.epoll, l.wake)
	}
	l.Post(l.Stop)
	run(t, l)
}

func TestTimeoutRoundsUp(t *testing.T) {
	now := time.Now()
	l := newLoop(t, Options{Now: func() time.Time { return now }})
	if got := l.timeout(); got != -1 {
		t.Errorf("without timers: %d ms, want for ever", got)
	}
	for d, want := range map[time.Duration]int{
		0: 0, 1: 1, time.Millisecond: 1, time.Millisecond + 1: 2, 48 * time.Hour: 3600_000,
	} {
		timer := l.After(d, func() {})
		if got := l.timeout(); got != want {
			t.Errorf("%v: %d ms, want %d", d, got, want)
		}
		timer.Stop()
	}
}
