package superserver

import (
	"fmt"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
)

// catchSignals has signals handled on the loop, and returns what ends that.
func (s *Server) catchSignals() (undo func()) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGTERM)
	ended := make(chan struct{})
	go func() { // undo waits for it
		defer close(ended)
		for sig := range signals {
			s.passOn(sig)
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-ended
	}
}

// passOn has a signal handled by the loop. Of a flood of HUPs one at a time waits there.
func (s *Server) passOn(sig os.Signal) {
	switch number := sig.(unix.Signal); number {
	case unix.SIGHUP:
		if s.hup.CompareAndSwap(false, true) {
			s.loop.Post(func() {
				s.hup.Store(false)
				s.reload()
			})
		}
	default:
		if !s.begun.Load() {
			s.cancel() // looking up names can take long
		}
		s.loop.Post(func() { s.stop(number) })
	}
}

// stop ends the server: no more clients, what runs may finish within its time. A second stop does not wait.
func (s *Server) stop(sig unix.Signal) {
	if s.stopping {
		s.stopAtOnce(sig)
		return
	}
	s.stopping = true
	s.notify("STOPPING=1")
	s.publish(event.Event{Type: event.Stopping, Text: fmt.Sprintf(
		"%d processes may finish; a second signal ends them at once", s.engine.Live(),
	)})
	s.endHeirs()
	s.cancelWaiting()
	for _, u := range s.units {
		s.retire(u)
	}
	for r := range s.leaving {
		r.hurry()
	}
	for _, l := range s.listeners.All() {
		s.publish(event.Event{Type: event.Closed, Unit: l.Unit, Address: l.Addr.Key()})
	}
	// Nobody accepts any more: clients learn it now, and a successor can bind.
	for _, err := range s.listeners.Close() {
		s.bad("", err)
	}
	s.closing = true
	s.stopIfDone()
}

// stuckPatience is how long a process may take to die of KILL: one that waits for a device that does not answer may never.
const stuckPatience = 5 * time.Second

// cancelWaiting tells those who wait for a reload or for the start of a unit that it will not come.
func (s *Server) cancelWaiting() {
	s.nextLoad()
	for _, a := range s.accounts {
		a.cancel(errStopping)
	}
}

func (s *Server) stopAtOnce(sig unix.Signal) {
	if s.end != nil {
		return
	}
	s.end = KilledError{sig}
	for r := range s.leaving {
		r.kill()
	}
	s.loop.After(stuckPatience, func() {
		s.bad("", fmt.Errorf("%d processes do not end although they were killed; leaving them behind", s.engine.Live()))
		s.loop.Stop()
	})
}

// stopIfDone ends Run when all that ran has ended.
func (s *Server) stopIfDone() {
	if !s.closing || s.stopped || len(s.leaving) > 0 {
		return
	}
	s.stopped = true
	s.publish(event.Event{Type: event.Stopped, Text: "all processes have ended"})
	s.loop.Stop()
}

// drainTimeout is how long connections may go on when their unit ends.
func (s *Server) drainTimeout() time.Duration { return s.set.Settings.DrainTimeoutSec }

// reloading is the message that systemd wants before a reload (sd_notify(3)): with the time, so that it can tell whose it is.
func reloading() string {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return "RELOADING=1"
	}
	return fmt.Sprintf("RELOADING=1\nMONOTONIC_USEC=%d", t.Nano()/1000)
}
