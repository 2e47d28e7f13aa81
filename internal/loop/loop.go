// Package loop is the one event loop: descriptors, timers, and functions posted by other goroutines. It knows no policy.
//
// Everything a loop calls runs on the goroutine in Run, one after another, so what belongs to the loop needs no locks. Only
// Post and Stop may be called from elsewhere. A callback must not block: whatever it waits for, everybody waits for.
//
//	l, err := loop.New(loop.Options{})
//	l.Watch(fd, loop.Readable, func(loop.Events) { … })
//	l.After(time.Second, l.Stop)
//	err = l.Run()
//
// A round is: what was put off by Soon, in its order · descriptors that are ready · what was posted · timers that are due · what
// RoundEnd registered. Then the loop waits for more.
//
// # Notes
//
// Event data carry a slot and its generation, never a descriptor: an event that was already fetched for a watch closed in the
// same round meets another generation and is dropped. A Watch must be closed before its descriptor is, because a child
// being started may hold a copy of the description, and epoll forgets a description only when its last copy is closed.
package loop

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// maxEvents is how many events one epoll_wait fetches. More would only delay timers and posted functions.
const maxEvents = 128

// maxPosted bounds the queue of posted functions; Post waits for room.
const maxPosted = 1024

// Options are the settings of a Loop; the zero value is ready to use.
type Options struct {
	// Keep moves a descriptor of the loop's own to where the program keeps its long-lived ones, taking ownership of it.
	// Nil leaves it.
	Keep func(fd int) (int, error)
	// Now is the clock; nil is time.Now. It must have a monotonic reading or be strictly under the test's control.
	Now func() time.Time
}

// A Loop waits for descriptors and times and calls what was registered for them. Make one with New.
type Loop struct {
	clock   func() time.Time
	epoll   int
	wake    int // eventfd
	now     time.Time
	slots   []slot
	free    []int32
	timers  timers
	made    uint64 // timers so far
	posted  chan func()
	soon    []func() // run first in the next round
	ends    []func() // run at the end of every round
	began   moment
	running bool // in Run
	stopped bool // by Stop

	done     chan struct{} // closed by Close; frees whoever waits in Post
	doneOnce sync.Once
	mu       sync.RWMutex // held by Post while it writes to wake, so that Close does not close it meanwhile
}

// New returns a loop without watches. Close releases it.
func New(o Options) (*Loop, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keep == nil {
		o.Keep = func(fd int) (int, error) { return fd, nil }
	}
	l := &Loop{clock: o.Now, posted: make(chan func(), maxPosted), done: make(chan struct{}), epoll: -1, wake: -1}
	l.now = l.clock()
	l.began = moment{l.now, monotonic()}
	if err := l.open(o.Keep); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Loop) open(keep func(int) (int, error)) error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("cannot create epoll instance: %w", err)
	}
	if l.epoll, err = keep(epoll); err != nil {
		return fmt.Errorf("cannot keep epoll instance: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("cannot create eventfd: %w", err)
	}
	if l.wake, err = keep(wake); err != nil {
		return fmt.Errorf("cannot keep eventfd: %w", err)
	}
	_, err = l.Watch(l.wake, Readable|Edge, func(Events) {}) // Run looks at the queue in every round
	return err
}

// Close releases the loop's own descriptors, not those watched. Run must have returned.
func (l *Loop) Close() error {
	l.doneOnce.Do(func() { close(l.done) })
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, fd := range []*int{&l.wake, &l.epoll} {
		if *fd >= 0 {
			errs = append(errs, unix.Close(*fd))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}

// Run serves until Stop is called. Its error is epoll_wait's, which only a closed loop provokes.
func (l *Loop) Run() error {
	events := make([]unix.EpollEvent, maxEvents)
	l.running = true
	defer func() { l.running = false }()
	for l.stopped = false; !l.stopped; {
		n, err := unix.EpollWait(l.epoll, events, l.timeout())
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("cannot wait for events: %w", err)
		}
		l.now = l.clock()
		l.runSoon()
		for i := range max(n, 0) {
			l.dispatch(&events[i])
		}
		l.runPosted()
		l.runTimers()
		l.runEnds()
	}
	return nil
}

// Stop makes Run return after the present round. Safe for concurrent use.
func (l *Loop) Stop() { l.Post(func() { l.stopped = true }) }

// Now is the time at which the present round began. It does not move while callbacks run. Before Run it is the present.
func (l *Loop) Now() time.Time {
	if !l.running {
		l.now = l.clock()
	}
	return l.now
}

// Post queues f to be called by Run, waiting while the queue is full, and reports whether it was queued: a closed loop takes
// nothing. Safe for concurrent use. From the loop's own goroutine use it sparingly: nobody empties the queue meanwhile.
func (l *Loop) Post(f func()) bool {
	select {
	case l.posted <- f:
	case <-l.done:
		return false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.wake < 0 {
		return false // its number may be another descriptor's by now
	}
	// The counter cannot overflow: Run reads nothing from it, but every write is an edge, and at 2^64-2 writes it would
	// be EAGAIN, at which the descriptor is readable anyway.
	_, err := unix.Write(l.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	return err == nil || errors.Is(err, unix.EAGAIN)
}

// runPosted runs what was queued when the round came to it: what those functions post waits for the next round.
func (l *Loop) runPosted() {
	for range len(l.posted) {
		(<-l.posted)()
	}
}

// timeout is how long epoll_wait may sleep, in milliseconds, rounded up so that no timer fires early; -1 is for ever.
func (l *Loop) timeout() int {
	if l.stopped || len(l.posted)+len(l.soon) > 0 {
		return 0
	}
	if len(l.timers) == 0 {
		return -1
	}
	wait := l.timers[0].at.Sub(l.clock())
	return int(min(max(wait+time.Millisecond-1, 0)/time.Millisecond, time.Hour/time.Millisecond))
}
