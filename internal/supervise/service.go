package supervise

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/loop"
)

// A Service keeps the instances of one program: it starts them for whatever its definition names, and never more than that
// allows. Make one with Engine.Define.
type Service struct {
	engine     *Engine
	name, unit string
	number     uint64 // of services defined before it
	definition Definition

	state  State
	record record
	auto   bool        // the planned start is one of the triggers, which must still want it then
	timer  *loop.Timer // of a start that is planned for later
	queued bool        // in Engine.due
	called bool        // a start is due, whoever waits

	running []*member // in the order of their starts
	starts  int       // so far

	// The rest is about those who wait at handles.
	watches   []*watch
	unwatched bool        // until Set, by Unwatch
	again     *loop.Timer // reads the queues again
	held      *loop.Timer // ends a pause; nil: there is none
	pause     backoff
	failing   bool // the pause is one after a start that failed: nobody waits for its end
	paused    bool // by Pause
	progress

	closed bool
	gone   func() // called when the service is closed and nothing runs
}

// Name is what it was defined as.
func (s *Service) Name() string { return s.name }

// Unit is the unit that it belongs to; empty: it is a controller's.
func (s *Service) Unit() string { return s.unit }

// Definition is what was set last. Change a copy of it and Set that.
func (s *Service) Definition() Definition { return s.definition }

// Running is the number of instances.
func (s *Service) Running() int { return len(s.running) }

// Starts is the number of instances so far.
func (s *Service) Starts() int { return s.starts }

// Instances are those that run, in the order of their starts: a copy, since stopping one may end it.
func (s *Service) Instances() []*Instance {
	list := make([]*Instance, len(s.running))
	for i, m := range s.running {
		list[i] = m.instance
	}
	return list
}

// Set gives the service another definition. Running instances stay and count; starts to come follow the new one, at once where
// the old one was failing.
//
// Triggers that are another slice than before, be they equal or not, are set anew: a start that the old ones had planned is
// taken back unless the new ones want it, and one that they want now happens at once. The old Readable handles may be closed
// after Set. Its error is about those that cannot be watched; what can be is, and the definition holds.
func (s *Service) Set(d Definition) error {
	if s.closed {
		return ErrNoService
	}
	s.pause.reset()
	s.resume()
	if sameTriggers(s.definition.Triggers, d.Triggers) && !s.unwatched {
		s.definition = d
		s.lookSoon()
		return nil
	}
	s.disarm()
	s.definition, s.unwatched = d, false
	err := s.arm()
	s.letDown()
	s.keepUp(0)
	s.lookSoon()
	return err
}

// Start plans a start for a time of CLOCK_MONOTONIC, in place of one that is planned. What is over, as 0 is, is now: the process
// is made in the next round of the loop. The error is ErrNotStartable.
func (s *Service) Start(at time.Duration) error {
	if s.closed || !s.plan(at, false, askedStart) {
		return ErrNotStartable
	}
	return nil
}

// Cancel takes back a planned start, whoever planned it. The error is ErrNoPending.
func (s *Service) Cancel() error {
	if !s.unplan() {
		return ErrNoPending
	}
	return nil
}

// Signal sends a signal to the instances, or to the process groups of their ids. The error is ErrNotRunning, or kill(2)'s: a
// process that leads no group has none of its id (ESRCH).
func (s *Service) Signal(sig unix.Signal, group bool) error {
	if len(s.running) == 0 {
		return ErrNotRunning
	}
	var errs []error
	for _, i := range s.Instances() {
		if err := i.Signal(sig, group); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

// Stop asks all instances to end: SIGTERM, or what the definition says, and SIGCONT; SIGKILL when timeout has passed, which
// counts anew for those that were asked before. They may be started again, by triggers. The error is ErrNotRunning.
func (s *Service) Stop(timeout time.Duration) error {
	if len(s.running) == 0 {
		return ErrNotRunning
	}
	for _, i := range s.Instances() {
		i.StopWithin(timeout)
	}
	return nil
}

// StopInstances asks all instances to end within the time that the definition said when they were started; the service goes on.
func (s *Service) StopInstances() {
	for _, i := range s.Instances() {
		i.Stop()
	}
}

// Kill ends all instances at once; the service goes on.
func (s *Service) Kill() {
	for _, i := range s.Instances() {
		i.Kill()
	}
}

// Close ends the service: nothing starts any more, its name is free at once, instances are asked to end, and gone is called when
// none is left; nil is nobody. The descriptors of its handles may be closed after it.
func (s *Service) Close(gone func()) {
	if s.gone = gone; gone == nil {
		s.gone = func() {}
	}
	s.unplan()
	s.leave()
	s.StopInstances()
	s.tellGone()
}

func (s *Service) tellGone() {
	if !s.closed || len(s.running) > 0 || s.gone == nil {
		return
	}
	gone := s.gone
	s.gone = nil
	s.feed(askedDelete)
	gone()
}

// Pause has no trigger start the service any more. Clients wait in the kernel's queue; instances go on.
func (s *Service) Pause() {
	s.paused = true
	s.letDown()
	s.look()
}

// Resume ends a pause, and starts what is due.
func (s *Service) Resume() {
	s.paused = false
	s.keepUp(0)
	s.look()
}

// drop forgets a member that has ended.
func (s *Service) drop(m *member) {
	if i := slices.Index(s.running, m); i >= 0 {
		s.running = slices.Delete(s.running, i, i+1)
	}
}

func (s *Service) publish(e event.Event) {
	e.Unit, e.Service = s.unit, s.owner()
	s.engine.publish(e)
}

// owner is the service's name in events where it belongs to no unit.
func (s *Service) owner() string {
	if s.unit != "" {
		return ""
	}
	return s.name
}

func (s *Service) report(err error) { s.engine.report(s.unit, s.owner(), err) }
