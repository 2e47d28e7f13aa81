package supervise

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/loop"
)

const (
	// acceptAtOnce bounds how many clients of one listener are accepted before others have their turn.
	acceptAtOnce = 64
	// reserveSlots is how many clients beyond the limit are accepted to see whether they are over their share: those are told at
	// once, the others wait here, first come, first served, for a slot.
	reserveSlots = 8
	// shortOfDescriptors is how long a listener is left alone when we have no descriptor for its clients.
	shortOfDescriptors = 100 * time.Millisecond
	// acceptRetry is how long a listener is left alone when accept fails for want of memory, or without a reason we know.
	acceptRetry = 50 * time.Millisecond
	// longestRest bounds both, which grow while the reason stays.
	longestRest = 5 * time.Second
)

// open reports whether another client may be accepted now.
func (t *Template) open() bool {
	switch {
	case t.closing || t.paused || t.resting != nil:
		return false
	case t.draining:
		return true
	case t.retry != nil:
		return false
	}
	return t.config.Refuse || len(t.waiting) < reserveSlots
}

// mode is what is asked for of the sockets: clients, as long as they may be accepted. The others wait in the kernel's queue.
func (t *Template) mode() loop.Events {
	if t.open() {
		return loop.Readable
	}
	return 0
}

func (t *Template) watch() {
	mode := t.mode()
	for _, w := range t.watches {
		t.report(w.Set(mode))
	}
}

// AcceptFrom takes clients from a socket until nobody waits there, with a bound so that one listener does not hold up the others.
// The loop calls it for the sockets of the configuration; others may be served beside them, such as one that was replaced.
func (t *Template) AcceptFrom(s Acceptable) {
	for range acceptAtOnce {
		if !t.open() {
			break
		}
		fd, peer, err := s.Take()
		if err != nil {
			if t.acceptFailed(s, err) {
				continue
			}
			break
		}
		t.rests.reset()
		t.admit(t.newClient(fd, peer, s))
	}
	t.watch()
}

// acceptFailed reports whether the next client may be tried. No error closes the listener: accept(2) passes on those of the
// connection, and shortages end.
func (t *Template) acceptFailed(s Acceptable, err error) bool {
	var errno unix.Errno
	errors.As(err, &errno)
	switch errno {
	case unix.EAGAIN:
		return false
	case unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.ENETDOWN, unix.ENOPROTOOPT, unix.EHOSTDOWN,
		unix.ENONET, unix.EHOSTUNREACH, unix.ENETUNREACH:
		return true
	case unix.EMFILE, unix.ENFILE:
		if t.engine.accepting.reserve.refuse(s) {
			t.counts[clientRefused]++
		}
		t.rest(t.rests.next(shortOfDescriptors, longestRest), err)
	default:
		if mend := s.Mend(); mend != nil {
			err = mend
		}
		t.rest(t.rests.next(acceptRetry, longestRest), err)
	}
	return false
}

// rest leaves the listeners alone for a while.
func (t *Template) rest(d time.Duration, err error) {
	t.publish(event.Event{Type: event.Bad, Err: err, Delay: d, Text: "cannot accept; clients wait in the queue"})
	t.resting = t.engine.loop.After(d, func() {
		t.resting = nil
		t.next()
	})
}
