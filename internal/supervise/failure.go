package supervise

import (
	"errors"
	"time"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
)

// Pauses between attempts for those who wait, while the kernel has no room for another process.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Second
)

// startFailed tells why a start has failed, and what follows. One that was called for is tried again after forkRetry, for ever,
// while the kernel has no room for a process; and is told as a run that ended at once where the service itself cannot be
// started. For those who wait, see holdFor.
func (s *Service) startFailed(err error, called bool) {
	delay := s.delay(err, called)
	pid := failedPID(err)
	s.publish(event.Event{Type: event.StartFailed, PID: pid, Err: err, Delay: delay})
	switch {
	case launch.IsTemporary(err):
		if called {
			s.plan(s.engine.now()+forkRetry, s.auto, failedNow)
		}
	case called || s.state == Down:
		now := s.engine.now()
		if s.state == Down {
			s.record.planned = now
		}
		s.record.began, s.record.pid = now, pid
		s.record.failed(now, err)
		s.feed(failedOne)
		s.keepUpAfter(0)
	}
	s.holdFor(delay, err)
}

// delay is the time until the next attempt; 0 where none comes by itself.
func (s *Service) delay(err error, called bool) time.Duration {
	temporary := launch.IsTemporary(err)
	switch {
	case len(s.watches) > 0 && temporary:
		return s.pause.next(firstRetry, lastRetry)
	case len(s.watches) > 0:
		return s.pause.next(firstPause, lastPause)
	case temporary && called:
		return forkRetry
	case s.wanted():
		return s.definition.interval()
	}
	return 0
}

// holdFor pauses the starts for those who wait. While the kernel has no room for a process they stay in the queue; where the
// service itself cannot be started they are turned away at once, until the next attempt.
func (s *Service) holdFor(d time.Duration, err error) {
	if len(s.watches) > 0 && !s.closed {
		s.hold(d, !launch.IsTemporary(err))
	}
}

// failedPID is the id that the process of a failed start had, 0 where none was made.
func failedPID(err error) int {
	if e, ok := errors.AsType[*launch.Error](err); ok {
		return e.PID
	}
	return 0
}
