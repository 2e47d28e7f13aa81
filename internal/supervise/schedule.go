package supervise

import (
	"slices"
	"time"
)

// forkRetry is the pause before a start that was asked for is tried again, while the kernel has no room for a process.
const forkRetry = 3 * time.Second

// feed is the one place where a service changes its state. It is false where the table refuses.
func (s *Service) feed(o occasion) bool {
	before, p := s.state, life[s.state][o]
	switch p.do {
	case tell:
		s.become(p.next)
	case tellUp:
		s.become(Scheduled)
		s.become(p.next)
	case tellFailure:
		if before == Down {
			s.become(Scheduled)
		}
		s.become(Up)
		s.become(p.next)
	case launchNow:
		s.called = true
		s.look()
	case refuse:
		return false
	case nothing, impossible:
	}
	return true
}

func (s *Service) become(state State) {
	s.state = state
	s.engine.serviceChanged(s)
}

// plan makes a start due at a time; what is over is now. It is false for a service that cannot start.
func (s *Service) plan(at time.Duration, auto bool, o occasion) bool {
	now := s.engine.now()
	s.record.planned = max(at, now)
	if !s.feed(o) {
		return false
	}
	s.auto = auto
	s.timer.Stop()
	s.timer = nil
	if at <= now {
		s.engine.soon(s)
		return true
	}
	s.timer = s.engine.loop.After(at-now, func() {
		s.timer = nil
		s.feed(fellDue)
	})
	return true
}

// unplan takes back a planned start; it is false where there is none.
func (s *Service) unplan() bool {
	s.record.ran = s.record.ran && s.state != Scheduled
	if !s.feed(askedCancel) {
		return false
	}
	s.timer.Stop()
	s.timer = nil
	return true
}

// keepUp plans a start in a while, if a trigger wants the service to run and it does not.
func (s *Service) keepUp(after time.Duration) {
	if s.state == Up || s.closed || !s.wanted() {
		return
	}
	s.plan(s.engine.now()+after, true, askedStart)
}

// letDown takes back a start that triggers have planned, if none wants it any more.
func (s *Service) letDown() {
	if s.state == Scheduled && s.auto && !s.wanted() {
		s.unplan()
	}
}

// wanted reports whether a trigger wants the service to run now and again, whoever waits.
func (s *Service) wanted() bool {
	if s.paused {
		return false
	}
	for _, t := range s.definition.Triggers {
		if t.Always || t.Signal != 0 && s.engine.pending.index(t.Signal) >= 0 {
			return true
		}
	}
	return false
}

// keepUpAfter is keepUp for a service that has ended: after its interval where it had not lasted that long.
func (s *Service) keepUpAfter(lasted time.Duration) {
	if interval := s.definition.interval(); lasted < interval {
		s.keepUp(interval)
		return
	}
	s.keepUp(0)
}

// soon has a service look around in the next round of the loop.
func (e *Engine) soon(s *Service) {
	if s.queued {
		return
	}
	s.queued = true
	e.due = append(e.due, s)
	if len(e.due) == 1 {
		e.loop.Soon(e.runDue)
	}
}

// dueAtOnce bounds how many services have their turn before the loop goes on to descriptors.
const dueAtOnce = 256

// runDue starts what is due, the last that became so first, as daemonproxy does.
func (e *Engine) runDue() {
	due := e.due
	now := due[max(0, len(due)-dueAtOnce):]
	if later := len(due) - len(now); later > 0 {
		e.due = slices.Clone(due[:later])
		e.loop.Soon(e.runDue)
	} else {
		e.due, e.spare = e.spare[:0], nil
	}
	for _, s := range slices.Backward(now) {
		s.queued = false
		s.takeTurn()
	}
	clear(due)
	e.spare = due[:0]
}

// takeTurn is what soon has promised.
func (s *Service) takeTurn() {
	if s.state == Scheduled && s.timer == nil {
		s.feed(fellDue)
		return
	}
	s.look()
}
