package superserver

import (
	"fmt"
	"slices"
	"time"

	"sockbridge/internal/event"
	"sockbridge/internal/listener"
)

const (
	// retiredPatience is how long those may take who waited at a listener that was replaced.
	retiredPatience = 10 * time.Second
	retiredLook     = 20 * time.Millisecond
)

// serveRetired serves those who wait in the queues of listeners that were replaced by others of an overlapping address, and
// whom the new ones never see. No other client comes there any more.
func (s *Server) serveRetired() {
	for _, l := range slices.Clone(s.listeners.Retired()) {
		if waiting, err := l.Waiting(); err != nil || waiting == 0 || s.units[l.Unit] == nil {
			s.report(l.Unit, err)
			s.report(l.Unit, s.listeners.Release(l))
			continue
		}
		h := &heir{server: s, listener: l, until: s.loop.Now().Add(retiredPatience)}
		s.heirs[h] = struct{}{}
		s.units[l.Unit].runner.inherit(h)
		h.look()
	}
}

// An heir serves a retired listener until nobody waits there or time is up. Reloads wait for it: the next change of listeners
// would close this one.
type heir struct {
	server   *Server
	listener *listener.Listener
	until    time.Time
	serve    func() (idle bool) // goes on, and reports whether nothing more is to come of it
	stop     func()
}

func (h *heir) look() {
	if _, there := h.server.heirs[h]; !there {
		return
	}
	idle := h.serve()
	waiting, err := h.listener.Waiting()
	if err != nil || idle && waiting == 0 || h.server.loop.Now().After(h.until) {
		h.end()
		return
	}
	h.server.loop.After(retiredLook, h.look)
}

// end releases the listener. Who still waits there is lost, and told of.
func (h *heir) end() {
	s, unit := h.server, h.listener.Unit
	delete(s.heirs, h)
	h.stop()
	if waiting, err := h.listener.Waiting(); err == nil && waiting > 0 {
		s.publish(event.Event{
			Type: event.Dropped, Unit: unit, Address: h.listener.Addr.Key(), Reason: "replaced",
			Text: fmt.Sprintf("%d clients still waited at a listener that was replaced", waiting),
		})
	}
	s.report(unit, s.listeners.Release(h.listener))
}

// endHeirs makes way for the end.
func (s *Server) endHeirs() {
	for h := range s.heirs {
		h.end()
	}
}

// inherit admits them as slots become free.
func (a *acceptor) inherit(h *heir) {
	h.serve = func() bool {
		a.accept(h.listener)
		return true
	}
	h.stop = func() {}
}

// inherit runs the service on the retired listener alone.
func (r *shared) inherit(h *heir) {
	u, server := r.unit, r.unit.server
	old := &shared{unit: u, variant: " retired " + h.listener.Addr.Key()}
	server.report(u.conf.Name, old.serve([]*listener.Listener{h.listener}))
	h.serve = func() bool { return old.service == nil || old.service.Running() == 0 }
	h.stop = func() {
		old.unwatch()
		server.leave(old, func() {})
	}
}
