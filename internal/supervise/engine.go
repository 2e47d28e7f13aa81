package supervise

import (
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

// Unsettled starts are looked at again after pollFirst, then at growing intervals up to pollLast: the kernel has no event for
// "executed". The launcher has already waited a millisecond, so this is the rare slow start.
const (
	pollFirst = time.Millisecond
	pollLast  = 10 * time.Millisecond
)

// Options are what an Engine works with.
type Options struct {
	Loop     *loop.Loop
	Launcher *launch.Launcher
	Publish  event.Sink
	// MaxHandles and MaxServices bound what controllers may make; 0 is no bound.
	MaxHandles, MaxServices int
}

// An Engine is the part of a manager that owns its processes. It belongs to its loop's goroutine.
type Engine struct {
	loop     *loop.Loop
	launcher *launch.Launcher
	publish  event.Sink
	observer Observer

	handles    directory[*Handle]
	maxHandles int
	onHandle   subscribers[string] // services that wait for a handle, by its key

	services    directory[*Service]
	maxServices int
	defined     uint64     // services so far
	due, spare  []*Service // to look around in the next round; spare is kept for the next such list

	accepting accepting // what templates share

	pending  pendings
	onSignal subscribers[unix.Signal]

	live    int
	polled  map[*Instance]struct{} // unsettled, or without a watch
	polling *loop.Timer
	pause   time.Duration
}

// New returns an empty engine.
func New(o Options) *Engine {
	return &Engine{
		loop: o.Loop, launcher: o.Launcher, publish: o.Publish,
		handles:    newDirectory(func(h *Handle) (string, string) { return h.Name, h.Unit }),
		maxHandles: o.MaxHandles, onHandle: subscribers[string]{},
		services:    newDirectory(func(s *Service) (string, string) { return s.name, s.unit }),
		maxServices: o.MaxServices, onSignal: subscribers[unix.Signal]{},
		polled: map[*Instance]struct{}{},
	}
}

// now is the time of the present round, as CLOCK_MONOTONIC counts.
func (e *Engine) now() time.Duration { return e.loop.Monotonic(e.loop.Now()) }

// Live is the number of processes that were started and whose end was not yet told.
func (e *Engine) Live() int { return e.live }

// Start starts a process. On an error there is none left, and the owner is not told. Where the set-up is still going on when Start
// returns, the owner hears of its end later; otherwise it heard Started before Start returned.
func (e *Engine) Start(s Start) (*Instance, error) {
	process, err := e.launcher.Start(s.Program, s.Launch)
	if err != nil {
		return nil, err
	}
	i := &Instance{engine: e, start: s, process: process, began: e.loop.Now()}
	e.live++
	i.attend()
	if err := i.begin(); err != nil {
		return nil, err
	}
	return i, nil
}

// attend waits for the end of an instance.
func (i *Instance) attend() {
	var err error
	if i.watch, err = i.engine.loop.Watch(i.process.FD, loop.Readable, func(loop.Events) { i.poll() }); err != nil {
		i.report(err)
		i.engine.poll(i)
	}
}

// poll has the instance looked at until it needs it no longer.
func (e *Engine) poll(i *Instance) {
	e.polled[i] = struct{}{}
	if e.polling == nil {
		e.pause = pollFirst
		e.polling = e.loop.After(e.pause, e.pollAll)
	}
}

func (e *Engine) pollAll() {
	for i := range e.polled {
		i.poll()
		if i.state == ended || i.settled && i.watch != nil {
			delete(e.polled, i)
		}
	}
	e.polling = nil
	if len(e.polled) > 0 {
		e.pause = min(2*e.pause, pollLast)
		e.polling = e.loop.After(e.pause, e.pollAll)
	}
}

func (e *Engine) forget(i *Instance) {
	e.live--
	delete(e.polled, i)
}

// report tells of a failure of the manager's own bookkeeping, which changes nothing for the service; nil is none.
func (e *Engine) report(unit, service string, err error) {
	if err != nil {
		e.publish(event.Event{Type: event.Bad, Unit: unit, Service: service, Err: err})
	}
}
