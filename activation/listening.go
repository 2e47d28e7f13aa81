package activation

import (
	"cmp"
	"slices"
	"strconv"
)

// A Socket is one listening socket that is passed to a service.
type Socket struct {
	Name string   // in LISTEN_FDNAMES; "" is the unit's name
	Addr Endpoint // where it listens; unknown for a FIFO
}

// A Listening is what a service is given that accepts by itself: listening sockets, datagram sockets or FIFOs as
// descriptors 3, 4 and so on, in this order.
type Listening struct {
	Unit     string
	Instance string // "" for the only one

	// Protocols are the conventions that announce the sockets; UCSPI knows no listening sockets and is passed over.
	// None sets no variables: right for a service that has its socket on descriptors 0 and 1.
	Protocols []Protocol

	Sockets []Socket
}

// Announces reports whether the process's own LISTEN_PID, and LISTEN_PIDFDID where it can be told, belong to the
// environment. Only who starts the process can add them.
func (l Listening) Announces() bool {
	return len(l.Sockets) > 0 && slices.Contains(l.Protocols, Systemd)
}

// Environ returns the variables that announce the sockets, each "NAME=value", but for those of Announces.
func (l Listening) Environ() []string {
	var v variables
	if l.Announces() {
		v = l.systemd(v)
	}
	if len(l.Sockets) > 0 && slices.Contains(l.Protocols, Upstart) {
		v = l.upstart(v)
	}
	return v.appendTo(nil)
}

func (l Listening) systemd(v variables) variables {
	v = v.setNumber(listenFDs, uint64(len(l.Sockets)))
	v = v.begin(listenFDNames)
	for i, s := range l.Sockets {
		if i > 0 {
			v.text = append(v.text, ':')
		}
		v.text = appendFDName(v.text, cmp.Or(s.Name, l.Unit, unknownName))
	}
	return v.end()
}

// upstart sets what init(8) and upstart-socket-bridge(8) of Upstart 1.13 set. CUPS wants UPSTART_EVENTS to be "socket"
// alone, also where there are several sockets.
func (l Listening) upstart(v variables) variables {
	v = v.begin(upstartFDs)
	for i := range l.Sockets {
		if i > 0 {
			v.text = append(v.text, ' ')
		}
		v.text = strconv.AppendInt(v.text, int64(firstFD+i), 10)
	}
	v = v.end()
	v = v.set("UPSTART_EVENTS", "socket")
	v = v.set("UPSTART_JOB", l.Unit)
	v = v.set("UPSTART_INSTANCE", l.Instance)
	return l.Sockets[0].Addr.socketEvent(v)
}

// socketEvent sets the variables of socket-event(7). It has none for families that Upstart does not know.
func (e Endpoint) socketEvent(v variables) variables {
	switch e.Family {
	case FamilyInet, FamilyInet6:
		v = v.set("PROTO", e.Family.String())
		v = v.setNumber("PORT", uint64(e.AddrPort.Port()))
		v = v.setIP("ADDR", e.AddrPort.Addr())
	case FamilyUnix:
		v = v.set("PROTO", e.Family.String())
		v = v.set("SOCKET_PATH", e.Path)
	case FamilyVsock, FamilyUnknown:
	}
	return v
}
