package superserver

import (
	"fmt"
	"net/netip"

	"sockbridge/activation"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/internal/supervise"
	"sockbridge/units"
)

// shared serves a unit with accept = false: the engine starts the service when somebody waits, and the service accepts.
type shared struct {
	unit    *unit
	service *supervise.Service
}

func (r *shared) configure() error {
	if r.service != nil {
		return r.service.Configure(r.config())
	}
	var err error
	r.service, err = r.unit.server.engine.NewService(r.config())
	return err
}

func (r *shared) config() supervise.ServiceConfig {
	u := r.unit
	listeners := u.listeners()
	config := supervise.ServiceConfig{
		Unit: u.conf.Name, Program: u.program, Launch: r.launch(listeners),
		Took: listener.Took, Instances: u.conf.Service.Instances, StopTimeout: u.conf.Service.TimeoutStopSec,
	}
	for _, l := range listeners {
		config.Triggers = append(config.Triggers, triggerOf(l))
	}
	return config
}

func triggerOf(l *listener.Listener) supervise.Trigger {
	return supervise.Trigger{FD: l.FD, Queue: l, Accepts: l.Addr.Network.Accepts()}
}

// launch returns what makes the start of an instance: all listeners, or the one as standard input.
func (r *shared) launch(listeners []*listener.Listener) func(alone bool) (launch.Start, error) {
	u := r.unit
	var start launch.Start
	if u.conf.Service.StandardInput.Kind != units.StreamSocket {
		passed := activation.Listening{Unit: u.conf.Name, Protocols: protocols(u.conf)}
		for _, l := range listeners {
			start.Files = append(start.Files, l.FD)
			passed.Sockets = append(passed.Sockets, activation.Socket{Name: l.Name, Addr: endpointOf(l)})
		}
		start.Env, start.Announce = passed.Environ(), passed.Announces()
	}
	return func(alone bool) (s launch.Start, err error) {
		s = start
		for _, l := range listeners {
			// The mode is shared: under an instance that runs it must not change.
			if alone {
				u.server.report(u.conf.Name, l.RestoreMode())
			}
		}
		s.Streams, err = u.streams(listeners[0].FD)
		return s, err
	}
}

// endpointOf is where a listener listens, for its service.
func endpointOf(l *listener.Listener) activation.Endpoint {
	a := l.Bound()
	switch a.Network {
	case units.TCP, units.UDP:
		e := activation.Endpoint{Family: activation.FamilyInet6, AddrPort: netip.AddrPortFrom(a.IP, uint16(a.Port))}
		if a.IP.Is4() {
			e.Family = activation.FamilyInet
		}
		return e
	case units.UnixStream, units.UnixDatagram, units.UnixPacket:
		return activation.Endpoint{Family: activation.FamilyUnix, Path: a.Path}
	case units.VsockStream:
		return activation.Endpoint{Family: activation.FamilyVsock, CID: a.CID, Port: a.Port}
	case units.FIFO:
	}
	return activation.Endpoint{}
}

func protocols(u *units.Unit) (list []activation.Protocol) {
	for _, p := range u.Service.FDProtocol {
		list = append(list, activation.Protocol(p))
	}
	return list
}

func (r *shared) unwatch() {
	if r.service != nil {
		r.service.Unwatch()
	}
}

func (r *shared) restart() {
	if r.service != nil {
		r.service.StopInstances()
	}
}

func (r *shared) close(gone func()) {
	if r.service == nil {
		gone()
		return
	}
	r.service.Close(func() {
		r.unit.publish(event.Event{Type: event.Ended, Text: fmt.Sprintf("started %d", r.service.Starts())})
		gone()
	})
}

// hurry does nothing: whoever waits, waits in the kernel's queue.
func (r *shared) hurry() {}

func (r *shared) kill() {
	if r.service != nil {
		r.service.Kill()
	}
}
