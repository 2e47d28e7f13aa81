package supervise

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

// A Queue is what the engine asks of a listener: who waits there.
type Queue interface {
	// Waiting is the number of clients that wait; where the kernel does not count them, 1 stands for some.
	Waiting() (int, error)
	// Pending identifies those who wait, as far as the kernel can; false where it cannot.
	Pending() ([]uint64, bool)
	// DropOne throws away one waiting datagram, or closes one waiting connection, and reports whether it did.
	DropOne() (bool, error)
	// Mend clears an error or a hang-up, which a service can leave on a listener and which would be told without end.
	Mend() error
}

// A Trigger is a listener that starts a service when it is readable.
type Trigger struct {
	FD    int // borrowed
	Queue Queue
	// Accepts reports whether connections wait there, rather than datagrams.
	Accepts bool
}

// ServiceConfig is what a Service runs, and when.
type ServiceConfig struct {
	Unit        string
	Program     *launch.Program
	StopTimeout time.Duration // see Start
	// Launch is asked before every start for what the instance is given; alone says that no other instance runs.
	Launch func(alone bool) (launch.Start, error)
	// Took reports from two answers of Pending whether somebody who waited at the first was taken before the second.
	Took      func(before, after []uint64) bool
	Instances int // at most so many at once
	Triggers  []Trigger
}

// pauses between attempts while the kernel has no room for another process.
const (
	firstRetry = 50 * time.Millisecond
	lastRetry  = time.Second
)

// dropAtOnce bounds how many clients of a service that cannot be started are turned away in one go.
const dropAtOnce = 128

// A Service keeps the instances that accept from the same listeners. Make one with Engine.NewService.
type Service struct {
	engine  *Engine
	config  ServiceConfig
	watches []*loop.Watch
	running map[*Instance]queue // what waited when each was started
	starts  int                 // so far
	again   *loop.Timer         // reads the queues again
	held    *loop.Timer         // ends a pause; nil: there is none
	pause   backoff
	failing bool // the pause is one after a start that failed: nobody waits for its end
	progress
	closed bool
	gone   func() // called when the service is closed and nothing runs
}

// NewService starts to watch the triggers. Its error is about a trigger that cannot be watched.
func (e *Engine) NewService(c ServiceConfig) (*Service, error) {
	s := &Service{engine: e, running: map[*Instance]queue{}}
	return s, s.Configure(c)
}

// Configure gives the service another configuration. Running instances stay and count; starts to come follow the new one, at
// once where the old one was failing. The descriptors of the old triggers may be closed after it.
func (s *Service) Configure(c ServiceConfig) error {
	s.Unwatch()
	s.config = c
	s.pause.reset()
	s.resume()
	var errs []error
	for _, t := range c.Triggers {
		w, err := s.engine.loop.Watch(t.FD, 0, func(ev loop.Events) { s.ready(t, ev) })
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot watch listener: %w", err))
			continue
		}
		s.watches = append(s.watches, w)
	}
	s.look()
	return errors.Join(errs...)
}

// ready is called for every event of a trigger. What cannot be mended is left alone for a growing while.
func (s *Service) ready(t Trigger, ev loop.Events) {
	if ev&(loop.Failed|loop.HungUp) != 0 {
		if err := t.Queue.Mend(); err != nil {
			d := s.pause.next(firstPause, lastPause)
			s.engine.publish(event.Event{Type: event.Bad, Unit: s.config.Unit, Err: err, Delay: d})
			s.hold(d, false)
			return
		}
	}
	s.look()
}

// Running is the number of instances.
func (s *Service) Running() int { return len(s.running) }

// Starts is the number of instances so far.
func (s *Service) Starts() int { return s.starts }

// StopInstances asks all instances to end; the service goes on.
func (s *Service) StopInstances() {
	for _, i := range s.instances() {
		i.Stop()
	}
}

// Kill ends all instances at once; the service goes on.
func (s *Service) Kill() {
	for _, i := range s.instances() {
		i.Kill()
	}
}

// Close ends the service: nothing starts any more, instances are asked to end, and gone is called when none is left. The
// descriptors of the triggers may be closed after it.
func (s *Service) Close(gone func()) {
	s.closed, s.gone = true, gone
	s.Unwatch()
	s.resume()
	s.again.Stop()
	s.StopInstances()
	s.tellGone()
}

func (s *Service) tellGone() {
	if s.closed && len(s.running) == 0 && s.gone != nil {
		gone := s.gone
		s.gone = nil
		gone()
	}
}

// instances is a copy, since stopping one may end it.
func (s *Service) instances() []*Instance { return slices.Collect(maps.Keys(s.running)) }

// Unwatch lets go of the triggers, so that their descriptors may be changed or closed. Configure must follow before the loop
// goes on.
func (s *Service) Unwatch() {
	for _, w := range s.watches {
		s.engine.report(s.config.Unit, w.Close())
	}
	s.watches = nil
}

// look reads the queues and does what decide says.
func (s *Service) look() {
	if s.closed {
		return
	}
	waiting := s.waiting()
	if s.failing && len(s.running) == 0 {
		s.watch(s.turnAway(waiting))
		return
	}
	p := decide(view{
		waiting: waiting, running: len(s.running), recent: s.recent(),
		limit: s.config.Instances, held: s.held != nil,
	})
	for range p.start {
		if !s.startOne(waiting) {
			return // it has set a pause and looked again
		}
	}
	s.watch(p.watch)
	s.again.Stop()
	if p.again {
		s.again = s.engine.loop.After(settleTime, s.look)
	}
}

// waiting is the number of clients in all queues. A queue that cannot be read is taken for empty: an event will come.
func (s *Service) waiting() (n int) {
	for _, t := range s.config.Triggers {
		w, err := t.Queue.Waiting()
		s.engine.report(s.config.Unit, err)
		n += w
	}
	return n
}

func (s *Service) recent() (n int) {
	now := s.engine.loop.Now()
	for i := range s.running {
		if now.Sub(i.began) < settleTime {
			n++
		}
	}
	return n
}

func (s *Service) watch(mode loop.Events) {
	for _, w := range s.watches {
		s.engine.report(s.config.Unit, w.Set(mode))
	}
}

// startOne starts an instance and reports whether it could.
func (s *Service) startOne(waiting int) bool {
	before := queue{waiting: waiting}
	if s.suspicious() {
		before.heads, before.known = s.heads()
	}
	i, err := s.start()
	if err != nil {
		s.startFailed(err)
		return false
	}
	s.running[i] = before
	s.starts++
	return true
}

func (s *Service) start() (*Instance, error) {
	given, err := s.config.Launch(len(s.running) == 0)
	if err != nil {
		return nil, err
	}
	return s.engine.Start(Start{
		Unit: s.config.Unit, Program: s.config.Program, Launch: given, StopTimeout: s.config.StopTimeout, Owner: s,
	})
}

func (s *Service) heads() (ids []uint64, known bool) {
	for _, t := range s.config.Triggers {
		some, ok := t.Queue.Pending()
		if !ok {
			return nil, false
		}
		ids = append(ids, some...)
	}
	return ids, true
}

// startFailed pauses. While the kernel has no room for a process the clients stay in the queue; where the service itself cannot
// be started they are turned away at once, until the next attempt.
func (s *Service) startFailed(err error) {
	temporary := launch.IsTemporary(err)
	var d time.Duration
	if temporary {
		d = s.pause.next(firstRetry, lastRetry)
	} else {
		d = s.pause.next(firstPause, lastPause)
	}
	s.engine.publish(event.Event{Type: event.StartFailed, Unit: s.config.Unit, Err: err, Delay: d})
	s.hold(d, !temporary)
}

func (s *Service) hold(d time.Duration, failing bool) {
	s.held.Stop()
	s.failing = failing
	s.held = s.engine.loop.After(d, func() {
		s.resume()
		s.look()
	})
	s.look()
}

func (s *Service) resume() {
	s.held.Stop()
	s.held, s.failing = nil, false
}

// turnAway closes the connections and drops the datagrams that wait for a service that cannot be started, and returns how to
// watch for more. Those who cannot be turned away wait for the pause's end, unwatched: they would be readable all the time.
func (s *Service) turnAway(waiting int) loop.Events {
	dropped := 0
	for _, t := range s.config.Triggers {
		dropped += s.drop(t, dropAtOnce)
	}
	if dropped > 0 {
		s.engine.publish(event.Event{
			Type: event.Dropped, Unit: s.config.Unit, Reason: "start_failed",
			Text: fmt.Sprintf("%d waiting clients were turned away", dropped),
		})
	}
	if dropped == 0 && waiting > 0 {
		return 0
	}
	return loop.Readable
}

// drop throws away up to n of those who wait at a trigger, and returns how many.
func (s *Service) drop(t Trigger, n int) (dropped int) {
	for ; dropped < n; dropped++ {
		one, err := t.Queue.DropOne()
		s.engine.report(s.config.Unit, err)
		if !one || err != nil {
			break
		}
	}
	return dropped
}

// Started is Owner's.
func (s *Service) Started(*Instance) {}

// Failed is Owner's.
func (s *Service) Failed(i *Instance, err error) {
	delete(s.running, i)
	switch {
	case s.closed:
		s.tellGone()
	case i.asked:
		s.look()
	default:
		s.startFailed(err)
	}
}

// Exited is Owner's: it judges the run, and lets the next begin at once where somebody waits.
func (s *Service) Exited(i *Instance, status launch.Status) {
	before := s.running[i]
	delete(s.running, i)
	s.mend()
	switch {
	case s.closed:
		s.tellGone()
	case i.asked:
		s.look()
	default:
		s.judge(i, s.run(i, before, status))
	}
}

// mend undoes what the last instance may have done to listeners that it shared with us, without a sign of it: a datagram
// socket that is connected to one client hears no other.
func (s *Service) mend() {
	if s.closed || len(s.running) > 0 {
		return
	}
	for _, t := range s.config.Triggers {
		s.engine.report(s.config.Unit, t.Queue.Mend())
	}
}

func (s *Service) judge(i *Instance, r run) {
	switch s.verdict(r) {
	case tookNothing:
		s.tookNone(i)
	case unsure:
		s.hold(breath, false)
	case tookSome:
		s.pause.reset()
		s.resume()
		s.look()
	}
}

// tookNone lets the next instance wait.
func (s *Service) tookNone(i *Instance) {
	d := s.pause.next(firstPause, lastPause)
	s.engine.publish(event.Event{Type: event.Idle, Unit: s.config.Unit, PID: i.process.PID, Delay: d})
	s.dropUnread()
	s.hold(d, false)
}

// run is what progress needs to know of an instance that has ended.
func (s *Service) run(i *Instance, before queue, status launch.Status) run {
	r := run{
		before: before.waiting, after: s.waiting(), lasted: s.engine.loop.Now().Sub(i.began), well: status.Code == 0,
	}
	if before.known && r.after > 0 {
		var heads []uint64
		if heads, r.known = s.heads(); r.known {
			r.took = s.config.Took(before.heads, heads)
		}
	}
	return r
}

// dropUnread throws away the datagram that the last instance left: the next would leave it too, and those behind it would wait
// for ever.
func (s *Service) dropUnread() {
	for _, t := range s.config.Triggers {
		if !t.Accepts && s.drop(t, 1) > 0 {
			s.engine.publish(event.Event{Type: event.Dropped, Unit: s.config.Unit, Reason: "unread_datagram"})
		}
	}
}
