package controllers

import (
	"strconv"
	"time"

	"sockbridge/internal/supervise"
)

// seconds is a time or a duration in events: whole seconds.
func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// serviceState is the event of a service's state.
func serviceState(name string, st supervise.Status) []string {
	e := []string{"service.state", name, st.State.String(), "-", "-", "-", "-", "-", "-"}
	switch {
	case st.State == supervise.Scheduled:
		e[3] = seconds(st.At)
	case st.State == supervise.Up:
		e[3], e[4], e[7] = seconds(st.At), strconv.Itoa(st.PID), seconds(st.Up)
	case st.State == supervise.Down && st.Ran:
		e[3], e[4], e[5], e[6] = seconds(st.At), strconv.Itoa(st.PID), st.Reason, st.Value
		e[7], e[8] = seconds(st.Up), seconds(st.Down)
	}
	return e
}

// list is an event with a list; one that is empty has one empty field.
func list(event, name string, values []string) []string {
	if len(values) == 0 {
		return []string{event, name, ""}
	}
	return append([]string{event, name}, values...)
}

func serviceTags(s *supervise.Service) []string {
	return list("service.tags", s.Name(), s.Definition().Tags)
}

func serviceArgs(s *supervise.Service) []string {
	return list("service.args", s.Name(), s.Definition().Args)
}

// defaultFDs are those of a service whose list was never set.
var defaultFDs = []string{"null", "null", "null"}

func fdsOf(s *supervise.Service) []string {
	if fds := s.Definition().FDs; fds != nil {
		return fds
	}
	return defaultFDs
}

func (s *Server) serviceFDs(service *supervise.Service) []string {
	if s.templates[service.Name()] != nil && service.Definition().FDs == nil {
		return list("service.fds", service.Name(), templateFDs)
	}
	return list("service.fds", service.Name(), fdsOf(service))
}

func (s *Server) serviceAutoUp(service *supervise.Service) []string {
	d := service.Definition()
	if len(d.Triggers) == 0 {
		return []string{"service.auto_up", service.Name(), "-"}
	}
	e := []string{"service.auto_up", service.Name(), seconds(d.Interval)}
	if own := s.services[service.Name()]; own != nil && own.triggers != nil {
		return append(e, own.triggers...) // as they were written
	}
	for _, t := range d.Triggers {
		e = append(e, triggerText(t))
	}
	return e
}

func handleState(h *supervise.Handle) []string {
	return []string{"fd.state", h.Name, h.Kind, h.Flags, h.Text}
}

func signalEvent(p supervise.Pending) []string {
	return []string{"signal", signalName(p.Signal), seconds(p.Last), strconv.Itoa(p.Count)}
}

// HandleChanged is supervise.Observer's.
func (s *Server) HandleChanged(h *supervise.Handle, deleted bool) {
	if deleted {
		s.Broadcast("", "fd.state", h.Name, "deleted")
	} else {
		s.Broadcast("", handleState(h)...)
	}
	s.followHandle(h, deleted)
}

// ServiceChanged is supervise.Observer's.
func (s *Server) ServiceChanged(service *supervise.Service, st supervise.Status) {
	if len(s.sessions) > 0 {
		s.Broadcast("", serviceState(service.Name(), st)...)
	}
	if own := s.services[service.Name()]; own != nil {
		own.changed(service, st)
	}
}

// SignalChanged is supervise.Observer's.
func (s *Server) SignalChanged(p supervise.Pending) { s.Broadcast("", signalEvent(p)...) }
