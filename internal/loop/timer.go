package loop

import (
	"container/heap"
	"time"
)

// A Timer calls a function once, at its time or a little later, never earlier.
type Timer struct {
	loop   *Loop
	at     time.Time
	number uint64 // of timers made before it
	index  int    // in the loop's heap; -1 when it does not wait
	call   func()
}

// After calls f when d, at least 0, has passed since the present round began.
func (l *Loop) After(d time.Duration, f func()) *Timer {
	t := &Timer{loop: l, at: l.Now().Add(max(d, 0)), number: l.made, call: f}
	l.made++
	heap.Push(&l.timers, t)
	return t
}

// Stop makes the timer never fire, and does nothing if it has fired or is nil.
func (t *Timer) Stop() {
	if t != nil && t.index >= 0 {
		heap.Remove(&t.loop.timers, t.index)
	}
}

// Waiting reports whether the timer is still to fire; nil never is.
func (t *Timer) Waiting() bool { return t != nil && t.index >= 0 }

// At is the time for which the timer was set.
func (t *Timer) At() time.Time { return t.at }

// runTimers fires what is due, in the order of time, then of making. What is set meanwhile waits for the next round, so that
// a timer that always sets itself again cannot hold up descriptors.
func (l *Loop) runTimers() {
	next := l.made
	for len(l.timers) > 0 {
		t := l.timers[0]
		if t.at.After(l.now) || t.number >= next {
			return
		}
		heap.Pop(&l.timers)
		t.call()
	}
}

// timers is a heap by time and number.
type timers []*Timer

func (h timers) Len() int { return len(h) }
func (h timers) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].number < h[j].number
}

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *timers) Push(x any) {
	t := x.(*Timer)
	t.index = len(*h)
	*h = append(*h, t)
}

func (h *timers) Pop() any {
	old := *h
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	t.index = -1
	return t
}
