package supervise

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A Pending is a signal that was received, and how often nobody has cleared it.
type Pending struct {
	Signal unix.Signal
	Last   time.Duration // of the last reception, as CLOCK_MONOTONIC counts
	Count  int
}

// pendings are the signals that were received, the one that was not received for longest first.
type pendings []Pending

// Raise counts a signal that was received, starts the services that wait for it, at once, and then tells of it.
func (e *Engine) Raise(sig unix.Signal) {
	p := Pending{Signal: sig, Last: e.now(), Count: 1}
	if i := e.pending.index(sig); i >= 0 {
		p.Count += e.pending[i].Count
		e.pending = slices.Delete(e.pending, i, i+1)
	}
	e.pending = append(e.pending, p)
	for _, s := range e.onSignal.of(sig) {
		s.keepUp(0)
	}
	e.runDue()
	if e.observer != nil {
		e.observer.SignalChanged(p)
	}
}

// ClearSignal takes n off the count of a signal, but no more than there is. At 0 nothing starts for it any more.
func (e *Engine) ClearSignal(sig unix.Signal, n int) {
	i := e.pending.index(sig)
	if i < 0 {
		return
	}
	p := &e.pending[i]
	if p.Count -= min(max(n, 0), p.Count); p.Count > 0 {
		return
	}
	e.pending = slices.Delete(e.pending, i, i+1)
	for _, s := range e.onSignal.of(sig) {
		s.letDown()
	}
}

// PendingSignals are the signals that were received and not cleared, the one that was not received for longest first.
func (e *Engine) PendingSignals() []Pending { return slices.Clone(e.pending) }

// index is the place of a signal, -1 where it is not pending.
func (p pendings) index(sig unix.Signal) int {
	return slices.IndexFunc(p, func(one Pending) bool { return one.Signal == sig })
}
