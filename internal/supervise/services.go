package supervise

import "errors"

// The errors of services. Their texts are those of the control protocol, which old clients compare.
var (
	ErrNoService    = errors.New("No such service")                //nolint:staticcheck // see above
	ErrServicesFull = errors.New("Unable to allocate new service") //nolint:staticcheck // see above
	ErrRunning      = errors.New("service is running")
	ErrNotRunning   = errors.New("service is not running")
	ErrNotStartable = errors.New("service is not startable")
	ErrNoPending    = errors.New("no service.start pending")
)

// Service returns the service of that name, nil if there is none. A unit's is at "unit/NAME".
func (e *Engine) Service(name string) *Service { return e.services.entries[name] }

// ServiceNames are the names of the services that are of no unit, sorted bytewise: a snapshot that must not be changed.
func (e *Engine) ServiceNames() []string { return e.services.names() }

// Define returns the service of that name, and makes it if there is none: with an empty definition, and down. A unit's is made
// with the unit's name. The error is ErrServicesFull.
func (e *Engine) Define(name, unit string) (*Service, error) {
	k := key(name, unit)
	if s := e.services.entries[k]; s != nil {
		return s, nil
	}
	if unit == "" && e.maxServices > 0 && e.services.loose >= e.maxServices {
		return nil, ErrServicesFull
	}
	e.defined++
	s := &Service{engine: e, name: name, unit: unit, number: e.defined}
	e.services.put(s)
	return s, nil
}

// Delete deletes a service that does not run, and its planned start with it. The errors are ErrNoService and ErrRunning.
func (e *Engine) Delete(name string) error {
	s := e.Service(name)
	switch {
	case s == nil:
		return ErrNoService
	case s.state == Up:
		return ErrRunning
	}
	s.leave()
	s.feed(askedDelete)
	return nil
}

// leave takes a service out of the engine: its name is free, and nothing starts it any more.
func (s *Service) leave() {
	s.closed = true
	s.disarm()
	s.resume()
	s.again.Stop()
	s.timer.Stop()
	s.timer = nil
	s.engine.services.remove(s)
}
