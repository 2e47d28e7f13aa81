package supervise

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
)

// A Status is how a service is at one moment. Times are CLOCK_MONOTONIC's.
type Status struct {
	State State
	At    time.Duration // when it is to start, was started, or was found to have ended
	PID   int           // of the instance that was started last; of one that has ended too, until the next start. 0: none
	// Reason is how it ended: "exit" or "signal"; and Value its exit status, or the signal's name.
	Reason, Value string
	Up            time.Duration // for how long it has been up, or was
	Down          time.Duration // and for how long it has been down since
	Ran           bool          // it ran, and no start was cancelled since
}

// Ways to end, as Status.Reason has them.
const (
	byExit   = "exit"
	bySignal = "signal"
)

// What a start that failed is told as, for those who only look at the end of services: the exit status of daemonproxy's
// children that could not execute, and the signal of those that missed a descriptor.
const (
	failedCode = "3"
	abandoned  = "SIGABRT"
)

// A record is what a service remembers of its runs.
type record struct {
	planned     time.Duration // start
	began, over time.Duration
	pid         int
	reason      string
	value       string
	ran         bool
}

// ended is what becomes of the record when a process has ended.
func (r *record) ended(now time.Duration, status launch.Status) {
	r.over, r.ran = now, true
	r.reason, r.value = byExit, describe(status)
	if status.Signal != 0 {
		r.reason, r.value = bySignal, signalName(status.Signal)
	}
}

// failed is what becomes of it when one could not be started.
func (r *record) failed(now time.Duration, err error) {
	r.over, r.ran = now, true
	r.reason, r.value = byExit, failedCode
	if _, missing := errors.AsType[*MissingHandleError](err); missing {
		r.reason, r.value = bySignal, abandoned
	}
	if e, ok := errors.AsType[*launch.Error](err); ok && e.Signal != 0 {
		r.reason, r.value = bySignal, signalName(e.Signal) // it did not live to be executed
	}
}

// signalName is a signal's name as the control protocol has it.
func signalName(sig unix.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return "SIG-?"
}

// Status is how the service is now.
func (s *Service) Status() Status {
	r, now := &s.record, s.engine.now()
	switch s.state {
	case Scheduled:
		return Status{State: Scheduled, At: r.planned, Ran: r.ran}
	case Up:
		return Status{State: Up, At: r.began, PID: r.pid, Up: now - r.began, Ran: true}
	case Down:
		if !r.ran {
			return Status{}
		}
		return Status{
			State: Down, At: r.over, PID: r.pid, Reason: r.reason, Value: r.value,
			Up: r.over - r.began, Down: now - r.over, Ran: true,
		}
	default:
		return Status{State: s.state}
	}
}
