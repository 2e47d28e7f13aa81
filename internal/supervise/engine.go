// Package supervise starts processes, follows them and ends them, and runs services that wait for clients by themselves.
//
// An Instance is one process; its life is the table in lifecycle.go. A Service keeps the instances that share listening
// sockets: it starts one when a client waits, never more than allowed, never again at once when the last one took nothing (see
// plan.go and progress.go). Whoever serves single connections starts instances itself.
//
// Everything here runs on the loop's goroutine. Processes end through the loop too: each has a pidfd in the loop's set, and
// nobody calls wait4(-1).
package supervise

import (
	"time"

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

// Options are what an Engine works with; all fields are needed.
type Options struct {
	Loop     *loop.Loop
	Launcher *launch.Launcher
	Publish  event.Sink
}

// An Engine is the part of a manager that owns its processes. It belongs to its loop's goroutine.
type Engine struct {
	loop     *loop.Loop
	launcher *launch.Launcher
	publish  event.Sink

	live    int
	polled  map[*Instance]struct{} // unsettled, or without a watch
	polling *loop.Timer
	pause   time.Duration
}

// New returns an engine without instances.
func New(o Options) *Engine {
	return &Engine{loop: o.Loop, launcher: o.Launcher, publish: o.Publish, polled: map[*Instance]struct{}{}}
}

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
	if i.watch, err = e.loop.Watch(process.FD, loop.Readable, func(loop.Events) { i.poll() }); err != nil {
		e.report(s.Unit, err)
		e.poll(i)
	}
	if err := i.begin(); err != nil {
		return nil, err
	}
	return i, nil
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

// report tells of a failure of the manager's own bookkeeping, which changes nothing for the service.
func (e *Engine) report(unit string, err error) {
	if err != nil {
		e.publish(event.Event{Type: event.Bad, Unit: unit, Err: err})
	}
}
