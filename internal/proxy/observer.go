package proxy

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/supervise"
)

// HandleChanged is supervise.Observer's: the log follows its handle, and where a standard descriptor is not wanted any more, whoever is at
// its other end sees that.
func (p *program) HandleChanged(h *supervise.Handle, deleted bool) {
	if h.Name == p.log.name {
		fd := h.FD
		if deleted {
			fd = -1
		}
		p.log.direct(h.Name, fd)
	}
	if fd, ours := p.standard[h.Name]; ours {
		delete(p.standard, h.Name)
		p.nullify(fd)
	}
	p.server.HandleChanged(h, deleted)
}

// ServiceChanged is supervise.Observer's.
func (p *program) ServiceChanged(s *supervise.Service, st supervise.Status) {
	p.server.ServiceChanged(s, st)
}

// SignalChanged is supervise.Observer's.
func (p *program) SignalChanged(pending supervise.Pending) { p.server.SignalChanged(pending) }

// nullify puts /dev/null in place of a standard descriptor: each of those numbers is always something.
func (p *program) nullify(fd int) {
	if err := unix.Dup3(p.engine.Handle("null").FD, fd, 0); err != nil {
		p.log.Write(control.LevelError, fmt.Sprintf("cannot close descriptor %d: %v", fd, err))
	}
}

// publish takes the engine's events.
func (p *program) publish(e event.Event) {
	p.strangers.event(e)
	switch e.Type { //nolint:exhaustive // what controllers are told by other events needs no line
	case event.StartFailed:
		p.startFailed(e)
	case event.Bad:
		p.log.Write(control.LevelError, about(e))
	case event.Warning:
		p.log.Write(control.LevelWarning, about(e))
	}
	if p.server != nil {
		p.server.Event(e)
	}
}

// about is the error of an event, with whom it is about.
func about(e event.Event) string {
	text := e.Text
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.Service != "" {
		return fmt.Sprintf("service '%s': %s", e.Service, text)
	}
	return text
}

// startFailed logs why a service was not started, in the words of daemonproxy where it has some.
func (p *program) startFailed(e event.Event) {
	failure, known := errors.AsType[*launch.Error](e.Err)
	switch {
	case known && failure.Stage == launch.StageExec:
		p.log.Write(control.LevelError, fmt.Sprintf("service '%s': exec(%s, ...) failed: %s", e.Service, failure.Detail, strerror(failure.Err)))
	case known && failure.Stage == launch.StageProcess && failure.Err != 0:
		p.log.Write(control.LevelError, "fork failed: "+strerror(failure.Err))
	default:
		p.log.Write(control.LevelError, about(e))
	}
	if e.Delay > 0 {
		p.log.Write(control.LevelInfo, fmt.Sprintf("will retry in %d seconds", int(e.Delay.Seconds()+0.5)))
	}
}
