package loop

import (
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A round runs what was put off, then descriptors, then posted functions, then timers, then its end.
func TestOrderOfARound(t *testing.T) {
	l := newLoop(t, Options{})
	var order []string
	note := func(what string) func() { return func() { order = append(order, what) } }
	ready, err := unix.Eventfd(1, unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(ready) })
	w, err := l.Watch(ready, Readable|Edge, func(Events) { note("descriptor")() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	l.After(0, note("timer"))
	l.Post(note("posted"))
	l.Soon(note("soon"))
	l.RoundEnd(func() {
		note("end")()
		l.Stop()
	})
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	want := []string{"soon", "descriptor", "posted", "timer", "end"}
	if len(order) < len(want) || !slices.Equal(order[:len(want)], want) {
		t.Errorf("a round ran %q, want %q", order, want)
	}
}

// What a function puts off waits for the round after, so that it cannot hold up descriptors.
func TestSoonPutOffAgainWaitsForTheNextRound(t *testing.T) {
	l := newLoop(t, Options{})
	rounds, calls := 0, 0
	l.RoundEnd(func() { rounds++ })
	var again func()
	again = func() {
		if calls++; calls == 3 {
			l.Stop()
			return
		}
		l.Soon(again)
	}
	l.Soon(again)
	if err := l.Run(); err != nil {
		t.Fatal(err)
	}
	if calls != 3 || rounds < 3 {
		t.Errorf("%d calls in %d rounds, want 3 in at least as many", calls, rounds)
	}
}

func TestMonotonicIsTheKernels(t *testing.T) {
	l := newLoop(t, Options{})
	before := monotonic()
	got := l.Monotonic(time.Now())
	after := monotonic()
	// The two clocks of the loop were read one after the other.
	const apart = 100 * time.Millisecond
	if got < before-apart || got > after+apart {
		t.Errorf("now is %v, want between %v and %v", got, before, after)
	}
	if d := l.Monotonic(time.Now().Add(time.Hour)) - got; d < time.Hour {
		t.Errorf("an hour later is %v later", d)
	}
}
