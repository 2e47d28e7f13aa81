package activation

import (
	"cmp"
	"slices"
	"strconv"
)

// A Connection is what a service is given that is started for one accepted client: the connection as descriptor 3, or
// as descriptors 0 and 1.
type Connection struct {
	Number uint64 // counts the unit's connections
	Unit   string

	// Protocols are the conventions that announce the connection; Upstart knows no connections and is passed over.
	Protocols []Protocol

	Stdin bool // on descriptors 0 and 1: no LISTEN_ variable is set

	Local, Remote Endpoint
	Cookie        uint64 // SO_COOKIE; 0 is unknown
	Name          string // in LISTEN_FDNAMES; "" is "connection"
}

// Announces reports whether the process's own LISTEN_PID, and LISTEN_PIDFDID where it can be told, belong to the
// environment. Only who starts the process can add them.
func (c Connection) Announces() bool {
	return !c.Stdin && slices.Contains(c.Protocols, Systemd)
}

// AppendEnviron appends the variables of the connection to env, each "NAME=value", but for those of Announces. What is
// unknown is left out. It costs one allocation beside what env has to grow.
func (c Connection) AppendEnviron(env []string) []string {
	var text [512]byte // on the stack, as is ends: enough for all variables of two IPv6 addresses
	var ends [16]int
	v := variables{text[:0], ends[:0]}
	if c.Announces() {
		v = v.setNumber(listenFDs, 1)
		v = v.begin(listenFDNames)
		v.text = appendFDName(v.text, cmp.Or(c.Name, "connection"))
		v = v.end()
	}
	v = c.Remote.remote(v)
	if c.Cookie != 0 {
		v = v.setNumber("SO_COOKIE", c.Cookie)
	}
	if slices.Contains(c.Protocols, UCSPI) {
		v = c.ucspi(v)
	}
	return v.appendTo(env)
}

// remote sets what systemd.exec(5) sets for Accept=yes, and xinetd's REMOTE_HOST, the numeric address.
func (e Endpoint) remote(v variables) variables {
	switch e.Family {
	case FamilyInet, FamilyInet6:
		v = v.setIP("REMOTE_ADDR", e.AddrPort.Addr())
		v = v.setNumber("REMOTE_PORT", uint64(e.AddrPort.Port()))
		v = v.setIP("REMOTE_HOST", e.AddrPort.Addr())
	case FamilyUnix:
		if e.Path != "" {
			v = v.setClean("REMOTE_ADDR", e.Path)
		}
	case FamilyVsock:
		v = v.setNumber("REMOTE_ADDR", uint64(e.CID))
		v = v.setNumber("REMOTE_PORT", uint64(e.Port))
	case FamilyUnknown:
	}
	return v
}

// ucspi sets what tcpserver(1) sets with -H and -R, and unixserver(1) without names. PROTO is TCP for IPv6 too: programs
// compare it with that.
func (c Connection) ucspi(v variables) variables {
	switch c.Remote.Family {
	case FamilyInet, FamilyInet6:
		v = v.set("PROTO", "TCP")
		v = v.setIP("TCPREMOTEIP", c.Remote.AddrPort.Addr())
		v = v.setNumber("TCPREMOTEPORT", uint64(c.Remote.AddrPort.Port()))
		if c.Local.AddrPort.IsValid() {
			v = v.setIP("TCPLOCALIP", c.Local.AddrPort.Addr())
			v = v.setNumber("TCPLOCALPORT", uint64(c.Local.AddrPort.Port()))
		}
	case FamilyUnix:
		v = v.set("PROTO", "UNIX")
		if cred := c.Remote.Cred; cred != nil {
			v = v.setNumber("UNIXREMOTEEUID", uint64(cred.Uid))
			v = v.setNumber("UNIXREMOTEEGID", uint64(cred.Gid))
			v = v.setNumber("UNIXREMOTEPID", uint64(cred.Pid))
		}
	case FamilyVsock, FamilyUnknown:
	}
	return v
}

// Instance returns the name of the instance that serves the connection, as systemd names those of Accept=yes:
// "7-127.0.0.1:22-127.0.0.1:40000", IPv6 addresses without brackets; "7-PID-UID" of a Unix peer; "7-2:22-3:1024" of
// vsock, CID:PORT. What is unknown is called so: "7-unknown". No name of a peer's choice is in it.
func (c Connection) Instance() string {
	var text [128]byte
	b := strconv.AppendUint(text[:0], c.Number, 10)
	return string(c.appendEnds(append(b, '-')))
}

func (c Connection) appendEnds(b []byte) []byte {
	switch c.Remote.Family {
	case FamilyInet, FamilyInet6, FamilyVsock:
		b = append(c.Local.appendEnd(b), '-')
		return c.Remote.appendEnd(b)
	case FamilyUnix:
		if cred := c.Remote.Cred; cred != nil {
			b = strconv.AppendInt(b, int64(cred.Pid), 10)
			b = append(b, '-')
			return strconv.AppendUint(b, uint64(cred.Uid), 10)
		}
	case FamilyUnknown:
	}
	return append(b, "unknown"...)
}

// Peer returns the client for logs, as [Endpoint.String] has it: "203.0.113.9:51312".
func (c Connection) Peer() string { return c.Remote.String() }

// String returns UNIT@INSTANCE, which names the connection among all of the manager.
func (c Connection) String() string { return c.Unit + "@" + c.Instance() }
