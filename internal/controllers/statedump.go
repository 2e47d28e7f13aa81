package controllers

import (
	"sockbridge/control"
	"sockbridge/internal/supervise"
)

// statedump tells the state of everything: handles and services by their names, bytewise, then signals, the one that was not
// received for longest first. It goes on as long as there is room for output and waits for more, amid live events: what it has
// passed by then is told by those, as is what comes and goes.
func (s *Server) statedump(c *control.Call) error {
	c.Stream(each(s.engine.HandleNames(), func(name string) {
		if h := s.engine.Handle(name); h != nil {
			c.Emit(handleState(h)...)
		}
	}))
	var services func() bool
	c.Stream(func() bool {
		if services == nil {
			services = each(s.engine.ServiceNames(), func(name string) { s.dumpService(c, s.engine.Service(name)) })
		}
		return services()
	})
	c.Stream(func() bool {
		for _, p := range s.engine.PendingSignals() {
			c.Emit(signalEvent(p)...)
		}
		if c.Session.Version() >= control.Version2 {
			c.Emit("statedump.end")
		}
		return false
	})
	return nil
}

// each calls f for one name after the other, one a step.
func each(names []string, f func(name string)) func() bool {
	return func() bool {
		if len(names) == 0 {
			return false
		}
		f(names[0])
		names = names[1:]
		return len(names) > 0
	}
}

// dumpService tells of one service, which may have gone meanwhile. What only newer clients know is told only if it was set.
func (s *Server) dumpService(c *control.Call, service *supervise.Service) {
	if service == nil {
		return
	}
	c.Emit(serviceState(service.Name(), service.Status())...)
	c.Emit(serviceTags(service)...)
	c.Emit(serviceArgs(service)...)
	c.Emit(s.serviceFDs(service)...)
	c.Emit(s.serviceAutoUp(service)...)
	if own := s.services[service.Name()]; own != nil && len(own.opts) > 0 {
		c.Emit(list("service.opts", service.Name(), own.opts)...)
	}
	if t := s.templates[service.Name()]; t != nil {
		c.Emit(t.event()...)
	}
}
