package supervise

import (
	"cmp"
	"math"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

// A Start says what to run and whom to tell.
type Start struct {
	Unit    string
	Service string // a controller's service, where there is no unit
	Conn    string // the connection's id, where the instance serves one
	Peer    string // its client

	Program *launch.Program
	// Launch holds what differs from start to start. Its descriptors must stay open until Owner hears of the start's end.
	Launch launch.Start
	// StopSignal asks the process to end; 0 is SIGTERM.
	StopSignal unix.Signal
	// StopTimeout is the time between StopSignal and KILL; math.MaxInt64 is for ever.
	StopTimeout time.Duration
	// Group says that the process leads a process group of its own, which ends with it. Where it is not set, the kernel is asked
	// when the group matters: the process may be in our own group, or have made one for itself.
	Group bool

	Owner Owner
}

// An Owner hears how its instance fares: Started or Failed first, Exited after Started. All run on the loop.
type Owner interface {
	// Started tells that the program was executed: descriptors lent to the start may be closed.
	Started(*Instance)
	// Failed tells that a start which Engine.Start had left going on has failed; no process is left.
	Failed(*Instance, error)
	// Exited tells the end of a process that was started.
	Exited(*Instance, launch.Status)
}

// An Instance is one process of a service, from its start to the taking of its status.
type Instance struct {
	engine   *Engine
	start    Start
	process  *launch.Process
	watch    *loop.Watch // of the pidfd; nil where the kernel refused it and the engine polls
	deadline *loop.Timer
	state    state
	asked    bool // to end, so that its end says nothing about the service
	settled  bool
	began    time.Time
	err      error // why the start failed
	status   launch.Status
}

// PID is the process's id, valid until Owner hears of its end.
func (i *Instance) PID() int { return i.process.PID }

// Began is when it was started.
func (i *Instance) Began() time.Time { return i.began }

// Service is the service whose instance it is; nil for one that somebody else has started.
func (i *Instance) Service() *Service {
	if m, ok := i.start.Owner.(*member); ok {
		return m.service
	}
	return nil
}

// Stop asks the instance to end: its stop signal and CONT to its process group, KILL after the stop timeout. A process that does
// not lead its group is signalled alone.
func (i *Instance) Stop() { i.feed(stopAsked) }

// StopWithin is Stop with another timeout, which counts anew where the instance was asked before.
func (i *Instance) StopWithin(timeout time.Duration) {
	i.start.StopTimeout = timeout
	if i.state == stopping {
		i.setDeadline()
		return
	}
	i.Stop()
}

// Signal sends a signal to the process, or to the process group of its id. The error is kill(2)'s, ESRCH for one that has ended.
func (i *Instance) Signal(sig unix.Signal, group bool) error {
	switch {
	case i.state == ended:
		return unix.ESRCH // its id may be another's
	case group:
		return unix.Kill(-i.process.PID, sig)
	}
	return i.process.Signal(sig)
}

// Kill ends the instance at once.
func (i *Instance) Kill() { i.feed(killAsked) }

// feed is the one place where an instance changes its state.
func (i *Instance) feed(in input) {
	c := lifecycle[i.state][in]
	i.state = c.next
	switch c.do {
	case tellStart:
		i.tellStart()
	case tellFail:
		i.tellFail()
	case terminate:
		i.terminate()
	case kill:
		i.kill()
	case reap:
		i.tellExit()
	case ignore, never:
	}
}

// begin tells of a start that is over, and has one that is not looked at again. Of one that failed nothing is left, and its
// owner, who does not know it yet, is not told.
func (i *Instance) begin() error {
	done, err := i.process.Settled()
	switch {
	case !done:
		i.engine.poll(i)
	case err != nil:
		i.settled, i.state = true, ended
		i.release()
		return err
	default:
		i.settled = true
		i.feed(started)
	}
	return nil
}

// poll looks at what the process has come to. It runs when the pidfd says that the process ended, and again and again while
// the set-up goes on.
func (i *Instance) poll() {
	if !i.settled && !i.settle() || i.state == ended {
		return
	}
	i.endGroup()
	status, done, err := i.process.Wait()
	i.report(err)            // a death inside execve, which the status tells of as well, or
	if err != nil && !done { // a process that is not ours to wait for, which nobody will ever reap
		status, done = launch.Status{Code: -1}, true
	}
	if done {
		i.status = status
		i.feed(exited)
	}
}

// settle reports whether the set-up is over, and tells the first time that it is.
func (i *Instance) settle() bool {
	done, err := i.process.Settled()
	if !done {
		return false
	}
	i.settled = true
	if err != nil {
		i.err = err
		i.feed(failed)
	} else {
		i.feed(started)
	}
	return true
}

// endGroup kills what is left of the group of an instance that was asked to end and has. It comes before the process is
// reaped: until then its group can be nobody else's.
func (i *Instance) endGroup() {
	poll := []unix.PollFd{{Fd: int32(i.process.FD), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, 0); i.asked && n == 1 && err == nil {
		i.signal(unix.SIGKILL)
	}
}

func (i *Instance) terminate() {
	i.asked = true
	i.publish(event.Event{Type: event.Stop})
	i.signal(cmp.Or(i.start.StopSignal, unix.SIGTERM))
	i.signal(unix.SIGCONT) // a stopped process would not see it
	i.setDeadline()
}

func (i *Instance) setDeadline() {
	i.deadline.Stop()
	if i.start.StopTimeout < math.MaxInt64 {
		i.deadline = i.engine.loop.After(i.start.StopTimeout, func() { i.feed(deadline) })
	}
}

func (i *Instance) kill() {
	i.asked = true
	i.publish(event.Event{Type: event.Kill})
	i.signal(unix.SIGKILL)
}

// SignalGroup sends a signal to the whole process group of a process that leads one, and to the process alone where it does not.
// The error is kill(2)'s, ESRCH for one that has ended.
func (i *Instance) SignalGroup(sig unix.Signal) error {
	switch {
	case i.state == ended:
		return unix.ESRCH
	case i.leads():
		return i.process.SignalGroup(sig)
	}
	return i.process.Signal(sig)
}

// signal is SignalGroup where the error means that there is nobody left to signal, which the pidfd tells too.
func (i *Instance) signal(sig unix.Signal) { _ = i.SignalGroup(sig) }

// leads reports whether the process leads its group. It must not have been reaped.
func (i *Instance) leads() bool {
	if i.start.Group {
		return true
	}
	group, err := unix.Getpgid(i.process.PID)
	return err == nil && group == i.process.PID
}

func (i *Instance) tellStart() {
	i.publish(event.Event{Type: event.Start})
	i.start.Owner.Started(i)
}

func (i *Instance) tellFail() {
	i.release()
	i.start.Owner.Failed(i, i.err)
}

func (i *Instance) tellExit() {
	i.publish(event.Event{
		Type: event.Exit, Duration: i.engine.loop.Now().Sub(i.began),
		Status: describe(i.status), Failed: i.status.Code != 0 && !i.asked,
	})
	i.release()
	i.start.Owner.Exited(i, i.status)
}

// release gives back everything that belongs to the process, which is gone.
func (i *Instance) release() {
	i.deadline.Stop()
	i.engine.forget(i)
	if i.watch != nil {
		i.report(i.watch.Close())
	}
	i.report(i.process.Close())
}

func (i *Instance) report(err error) { i.engine.report(i.start.Unit, i.start.Service, err) }

func (i *Instance) publish(e event.Event) {
	e.Service = i.start.Service
	e.Unit, e.Conn, e.Peer, e.PID = i.start.Unit, i.start.Conn, i.start.Peer, i.process.PID
	i.engine.publish(e)
}

// describe is the exit status as a number, or the name of the signal that ended the process.
func describe(s launch.Status) string {
	if s.Signal == 0 {
		return strconv.Itoa(s.Code)
	}
	if name := unix.SignalName(s.Signal); name != "" {
		return name
	}
	return "signal " + strconv.Itoa(int(s.Signal)) // a real-time one
}
