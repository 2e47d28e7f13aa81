package supervise

import (
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
)

// What an engine knows of its processes and of what it was told, in a form that can be written down for the program that takes our
// place by execve(2): it has our descriptors and our children, and nothing else. Times are CLOCK_MONOTONIC's, which goes on;
// texts that others chose are bytes, since they need not be UTF-8. Nothing may be saved unless the engine is Settled.

// A SavedInstance is a process that runs.
type SavedInstance struct {
	Unit, Service, Conn string
	Peer                []byte
	PID                 int
	Began               time.Duration
	State               uint8
	Asked               bool
	StopSignal          unix.Signal
	StopTimeout         time.Duration
	Deadline            time.Duration // of the stop that was asked for; 0: none
	Group               bool
}

// Settled reports whether no start is under way, nor about to be.
func (e *Engine) Settled() bool {
	for i := range e.polled {
		if !i.settled {
			return false
		}
	}
	return len(e.due) == 0
}

func (i *Instance) save() SavedInstance {
	v := SavedInstance{
		Unit: i.start.Unit, Service: i.start.Service, Conn: i.start.Conn, Peer: []byte(i.start.Peer),
		PID: i.process.PID, Began: i.engine.loop.Monotonic(i.began), State: uint8(i.state), Asked: i.asked,
		StopSignal: i.start.StopSignal, StopTimeout: i.start.StopTimeout, Group: i.start.Group,
	}
	if i.state == stopping && i.deadline.Waiting() {
		v.Deadline = i.engine.loop.Monotonic(i.deadline.At())
	}
	return v
}

// restore goes on with a process that we started in an earlier life. One that is not there any more is told to have ended in the
// next round.
func (e *Engine) restore(v *SavedInstance, owner Owner) (*Instance, error) {
	i := &Instance{
		engine: e, began: e.time(v.Began), state: min(state(v.State), ended), asked: v.Asked, settled: true,
		start: Start{
			Unit: v.Unit, Service: v.Service, Conn: v.Conn, Peer: string(v.Peer),
			StopSignal: v.StopSignal, StopTimeout: v.StopTimeout, Group: v.Group, Owner: owner,
		},
	}
	var err error
	if i.process, err = launch.Adopt(v.Unit+v.Service, v.PID); err != nil {
		return nil, err
	}
	e.live++
	i.attend()
	if v.Deadline > 0 {
		i.deadline = e.after(v.Deadline, func() { i.feed(deadline) })
	}
	return i, nil
}

// time is a time of the loop that CLOCK_MONOTONIC counts so.
func (e *Engine) time(at time.Duration) time.Time { return e.loop.Now().Add(at - e.now()) }
