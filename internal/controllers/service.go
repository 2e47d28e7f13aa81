package controllers

import (
	"slices"

	"sockbridge/internal/launch"
	"sockbridge/internal/supervise"
)

// A service is what we know of a service beyond the engine: it exists only where there is something of that kind, so that ten
// thousand plain services cost nothing here.
type service struct {
	server   *Server
	name     string
	triggers []string // of service.auto_up, as they were written
	opts     []string // of service.opts, as they were written
	settings settings // what they mean

	program *launch.Program // compiled last
	made    recipe          // from this

	fresh   []*Session                       // made for starts that we do not know the instance of yet
	control map[*supervise.Instance]*Session // of instances that are controllers
	notify  int                              // the pid that may say READY=1; 0: none
}

// own returns what we know of a service, and makes it.
func (s *Server) own(name string) *service {
	o := s.services[name]
	if o == nil {
		o = &service{server: s, name: name, settings: defaultSettings()}
		s.services[name] = o
	}
	return o
}

// changed follows the states of the service.
func (o *service) changed(s *supervise.Service, st supervise.Status) {
	if o.settings.notify {
		o.server.awaitReady(o, st)
	}
	if st.State == supervise.Down && s.Running() == 0 {
		o.endSessions()
	}
}

// match finds out which instances the sessions belong to that were made for their starts. It runs in the round after a start,
// when an instance that was not started at once is known not to be.
func (o *service) match(s *supervise.Service) {
	for _, i := range s.Instances() {
		if _, known := o.control[i]; known || len(o.fresh) == 0 {
			continue
		}
		o.control[i] = o.fresh[0]
		o.fresh = o.fresh[1:]
	}
	for _, session := range o.fresh {
		session.end()
	}
	o.fresh = nil
}

// endSessions ends the sessions of a service of which nothing runs.
func (o *service) endSessions() {
	for i, session := range o.control {
		session.end()
		delete(o.control, i)
	}
}

// Ended is supervise.Ender's: what a controller has sent just before it ended is executed before anybody hears of its end.
func (s *Server) Ended(service *supervise.Service, i *supervise.Instance) {
	o := s.services[service.Name()]
	if o == nil {
		return
	}
	session := o.control[i]
	if session == nil && len(o.fresh) > 0 && service.Running() == 0 {
		session = o.fresh[0]
		o.fresh = slices.Delete(o.fresh, 0, 1)
	}
	if session != nil {
		delete(o.control, i)
		session.drain()
		session.end()
	}
}
