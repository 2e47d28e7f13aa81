package supervise

import (
	"time"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
)

// A member is one instance of a service, and what the service knows of it. It is the instance's owner.
type member struct {
	service  *Service
	instance *Instance
	before   queue // what waited when it was started
	release  func()
	lent     []*Handle // while the start goes on
}

// startOne starts an instance and reports whether it could; called says that somebody asked for it.
func (s *Service) startOne(waiting int, called bool) bool {
	m := &member{service: s, before: queue{waiting: waiting}}
	if s.suspicious() && len(s.watches) > 0 {
		m.before.heads, m.before.known = s.heads()
	}
	i, err := s.launch(m)
	if err != nil {
		m.settle()
		s.startFailed(err, called)
		return false
	}
	m.instance = i
	if !i.settled {
		m.lend()
	}
	s.running = append(s.running, m)
	s.starts++
	s.made(i)
	return true
}

// launch prepares and starts the member's process.
func (s *Service) launch(m *member) (*Instance, error) {
	d := &s.definition
	if err := s.missing(); err != nil {
		return nil, err
	}
	if d.Starter == nil {
		return nil, errNoStarter
	}
	p, err := d.Starter.Prepare(s, len(s.running) == 0)
	m.release = p.Release
	if err != nil {
		return nil, err
	}
	return s.engine.Start(Start{
		Unit: s.unit, Service: s.owner(), Program: p.Program, Launch: p.Launch, Group: p.Group,
		StopSignal: d.StopSignal, StopTimeout: d.StopTimeout, Owner: m,
	})
}

// missing returns an error about a handle that the service is to be given and that is not there.
func (s *Service) missing() error {
	for _, name := range s.definition.FDs {
		if name != Closed && s.handle(name) == nil {
			return &MissingHandleError{name}
		}
	}
	return nil
}

func (s *Service) handle(name string) *Handle { return s.engine.handles.entries[key(name, s.unit)] }

// made remembers and tells that an instance runs.
func (s *Service) made(i *Instance) {
	s.timer.Stop()
	s.timer = nil
	s.record.pid = i.PID()
	if s.state != Up {
		s.record.began = s.engine.loop.Monotonic(i.began)
		s.record.ran = true
	}
	if s.state == Down {
		s.record.planned = s.record.began
	}
	s.feed(madeOne)
}

// lend keeps the handles of a start that goes on from being closed under it.
func (m *member) lend() {
	for _, name := range m.service.definition.FDs {
		if h := m.service.handle(name); h != nil {
			h.lent++
			m.lent = append(m.lent, h)
		}
	}
}

// settle gives back what a start has borrowed.
func (m *member) settle() {
	for _, h := range m.lent {
		h.lent--
		m.service.engine.closeUnused(h)
	}
	m.lent = nil
	if m.release != nil {
		release := m.release
		m.release = nil
		release()
	}
}

// Started is Owner's.
func (m *member) Started(*Instance) { m.settle() }

// Failed is Owner's: a start that had seemed to go well.
func (m *member) Failed(i *Instance, err error) {
	s := m.service
	m.settle()
	var delay time.Duration
	meant := i.asked || s.closed
	if !meant {
		delay = s.delay(err, false)
		s.publish(event.Event{Type: event.StartFailed, PID: i.PID(), Err: err, Delay: delay})
	}
	s.record.failed(s.engine.now(), err)
	s.over(m, s.lasted(i))
	if meant {
		s.look()
	} else {
		s.holdFor(delay, err)
	}
}

// Exited is Owner's: it judges the run, and lets the next begin at once where somebody waits.
func (m *member) Exited(i *Instance, status launch.Status) {
	s := m.service
	s.record.ended(s.engine.now(), status)
	s.over(m, s.lasted(i))
	switch {
	case s.closed:
	case i.asked || len(s.watches) == 0:
		s.look()
	default:
		s.judge(i, s.run(i, m.before, status))
	}
}

// lasted is for how long an instance has run.
func (s *Service) lasted(i *Instance) time.Duration { return s.engine.loop.Now().Sub(i.began) }

// over tells that an instance has ended, and plans what follows. The record is that of its end. Until the starter has heard of
// it the instance counts as running: what the starter does then cannot start or delete the service.
func (s *Service) over(m *member, lasted time.Duration) {
	if e, ok := s.definition.Starter.(Ender); ok {
		e.Ended(s, m.instance)
	}
	s.drop(m)
	s.mend()
	if len(s.running) > 0 {
		return
	}
	s.feed(lastEnded)
	if s.closed {
		s.tellGone()
		return
	}
	s.keepUpAfter(lasted)
}
