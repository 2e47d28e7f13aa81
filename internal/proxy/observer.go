package proxy

import (
	"fmt"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/event"
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

// publish takes the engine's events. The server logs what becomes of services; what is left are faults of the bookkeeping.
func (p *program) publish(e event.Event) {
	p.strangers.event(e)
	switch e.Type { //nolint:exhaustive // see above
	case event.Bad:
		p.log.Write(control.LevelError, about(e))
	case event.Warning:
		p.log.Write(control.LevelWarning, about(e))
	}
	if p.server != nil {
		p.server.Event(e)
	}
}

// about is what an event says, with whom it is about.
func about(e event.Event) string {
	text := e.Text
	if e.Err != nil {
		text = e.Err.Error()
	}
	if e.Service != "" {
		return fmt.Sprintf("%s, for service '%s'", text, e.Service)
	}
	return text
}
