package supervise

// An Observer hears what changes in an engine, of what controllers made; units are nobody's business here. All its methods run on
// the loop, in the order of the changes. They may call the engine, but must not change the service they are told of.
type Observer interface {
	// HandleChanged tells that a handle is there, newly or in place of one of the same name, or that it was deleted.
	HandleChanged(h *Handle, deleted bool)
	// ServiceChanged tells every state that a service comes to: st is what Service.Status is at this moment.
	ServiceChanged(s *Service, st Status)
	// SignalChanged tells that a signal was received, after the services that wait for it were started.
	SignalChanged(p Pending)
}

// Observe has o hear of all changes from now on, in place of whoever did; nil is nobody.
func (e *Engine) Observe(o Observer) { e.observer = o }

func (e *Engine) handleChanged(h *Handle, deleted bool) {
	if e.observer != nil && h.Unit == "" {
		e.observer.HandleChanged(h, deleted)
	}
}

func (e *Engine) serviceChanged(s *Service) {
	if e.observer != nil && s.unit == "" {
		e.observer.ServiceChanged(s, s.Status())
	}
}
