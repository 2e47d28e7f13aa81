package superserver

import (
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/internal/supervise"
	"sockbridge/units"
)

// shared serves a unit with accept = false: its listeners are handles of the engine, which starts the service when somebody
// waits at one of them, and the service accepts.
type shared struct {
	unit             *unit
	variant          string // distinguishes the service and its handles from those of others that serve the same unit
	service          *supervise.Service
	handles          []string                // names in the engine
	saved            *supervise.SavedService // of another program, to be taken up
	paused, draining bool

	// What the next starts are made of.
	program   *launch.Program
	listeners []*listener.Listener
	start     launch.Start
}

func (r *shared) configure() error { return r.serve(r.unit.listeners()) }

// serve has the service start for those who wait at these listeners, and at no others.
func (r *shared) serve(listeners []*listener.Listener) (err error) {
	engine, u := r.unit.server.engine, r.unit
	if r.service == nil {
		if r.service, err = engine.Define(u.conf.Name+r.variant, u.conf.Name); err != nil {
			return err
		}
		r.apply()
	}
	r.program, r.listeners, r.start = u.program, listeners, passed(u.conf, listeners)
	definition := supervise.Definition{
		Instances: u.conf.Service.Instances, StopTimeout: u.conf.Service.TimeoutStopSec, Starter: r, Took: listener.Took,
	}
	handles := make([]*supervise.Handle, len(listeners))
	for i, l := range listeners {
		h := r.handle(l)
		handles[i] = h
		definition.FDs = append(definition.FDs, h.Name)
		definition.Triggers = append(definition.Triggers, supervise.Trigger{Readable: h.Name})
	}
	before := r.handles
	if err := engine.AddHandles(handles...); err != nil {
		return err
	}
	r.handles = definition.FDs
	if r.saved != nil {
		err = r.service.Restore(r.saved, definition)
		r.saved = nil
	} else {
		err = r.service.Set(definition)
	}
	r.forget(before, r.handles)
	return err
}

// handle is the listener as the engine knows it.
func (r *shared) handle(l *listener.Listener) *supervise.Handle {
	return &supervise.Handle{
		Name: r.unit.conf.Name + r.variant + ":" + l.Addr.Key(), FD: l.FD, Kind: "socket", Text: l.Addr.Key(),
		Borrowed: true, Unit: r.unit.conf.Name, Queue: l, Accepts: l.Addr.Network.Accepts(),
	}
}

// forget takes the handles of listeners that are no more out of the engine.
func (r *shared) forget(names, but []string) {
	kept := map[string]bool{}
	for _, name := range but {
		kept[name] = true
	}
	for _, name := range names {
		if !kept[name] {
			r.unit.server.report(r.unit.conf.Name, r.unit.server.engine.DeleteHandle(supervise.UnitKey(name)))
		}
	}
}

// passed is what every instance is given: all listeners, unless it has the one as standard input.
func passed(conf *units.Unit, listeners []*listener.Listener) (start launch.Start) {
	if conf.Service.StandardInput.Kind == units.StreamSocket {
		return start
	}
	list := activation.Listening{Unit: conf.Name, Protocols: protocols(conf)}
	for _, l := range listeners {
		start.Files = append(start.Files, l.FD)
		list.Sockets = append(list.Sockets, activation.Socket{Name: l.Name, Addr: endpointOf(l)})
	}
	start.Env, start.Announce = list.Environ(), list.Announces()
	return start
}

// Prepare is supervise.Starter's.
func (r *shared) Prepare(_ *supervise.Service, alone bool) (p supervise.Prepared, err error) {
	u := r.unit
	if alone {
		// The mode is shared: under an instance that runs it must not change.
		for _, l := range r.listeners {
			u.server.report(u.conf.Name, l.RestoreMode())
		}
	}
	p = supervise.Prepared{Program: r.program, Launch: r.start, Group: true}
	p.Launch.Streams, err = u.streams(r.listeners[0].FD)
	return p, err
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
	r.forget(r.handles, nil)
	r.handles = nil
}

// hurry does nothing: whoever waits, waits in the kernel's queue.
func (r *shared) hurry() {}

func (r *shared) kill() {
	if r.service != nil {
		r.service.Kill()
	}
}

func (r *shared) pause() {
	r.paused = true
	r.apply()
}

func (r *shared) resume() {
	r.paused = false
	r.apply()
}

// drain leaves new clients in the queue, as pause does: only the service could turn them away.
func (r *shared) drain(on bool) {
	r.draining = on
	r.apply()
}

// apply has the engine start the service, or not.
func (r *shared) apply() {
	switch {
	case r.service == nil:
	case r.paused || r.draining:
		r.service.Pause()
	default:
		r.service.Resume()
	}
}

func (r *shared) stats() stats {
	st := stats{limit: max(r.unit.conf.Service.Instances, 1)}
	if r.service != nil {
		st.starts, st.running = uint64(r.service.Starts()), r.service.Running()
	}
	return st
}

func (r *shared) connections() (list []connection) {
	if r.service == nil {
		return nil
	}
	for _, i := range r.service.Instances() {
		list = append(list, connection{
			id: r.unit.conf.Name + "/" + strconv.Itoa(i.PID()), peer: "-", pid: i.PID(), since: i.Began(), live: true,
			signal: func(sig unix.Signal) error { return i.SignalGroup(sig) }, stop: i.Stop,
		})
	}
	return list
}

// shares are not known: the service accepts.
func (r *shared) shares() []share { return nil }
