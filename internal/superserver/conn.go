package superserver

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/listener"
	"sockbridge/internal/supervise"
	"sockbridge/units"
)

// sourceBits is how much of an address tells one source from another.
const (
	sourceBits4 = 32
	sourceBits6 = 64
)

// A source is what a unit's share is counted by: an IPv4 address, an IPv6 /64 network (which one host has to itself), a user of
// this host, or a vsock CID.
type source struct {
	network netip.Prefix
	family  activation.Family
	id      uint32 // the uid of a Unix peer, the CID of a vsock one
}

func sourceOf(e activation.Endpoint) source {
	s := source{family: e.Family}
	switch e.Family {
	case activation.FamilyInet, activation.FamilyInet6:
		addr := e.AddrPort.Addr()
		bits := sourceBits4
		if addr.Is6() {
			bits = sourceBits6
		}
		s.network, _ = addr.Prefix(bits) // fails only for more bits than an address has
	case activation.FamilyUnix:
		if e.Cred != nil {
			s.id = e.Cred.Uid
		}
	case activation.FamilyVsock:
		s.id = e.CID
	case activation.FamilyUnknown:
	}
	return s
}

// A conn is one accepted client and, once it has a slot, the instance that serves it.
type conn struct {
	acceptor *acceptor
	id       string
	fd       int // ours until the instance has it, then -1
	listener *listener.Listener
	remote   activation.Endpoint
	peer     string
	source   source
	accepted time.Time
	tried    bool // to start, when there was no process to be had
	instance *supervise.Instance
}

func (a *acceptor) newConn(fd int, peer unix.Sockaddr, l *listener.Listener) *conn {
	c := &conn{
		acceptor: a, id: a.unit.server.newConn(), fd: fd, listener: l,
		remote: activation.EndpointOf(peer), accepted: a.unit.server.loop.Now(),
	}
	if c.remote.Family == activation.FamilyUnix {
		if cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			c.remote.Cred = cred
		}
	}
	a.unit.server.report(a.unit.conf.Name, l.SetUpConnection(fd))
	c.peer, c.source = c.remote.String(), sourceOf(c.remote)
	return c
}

func (c *conn) publish(e event.Event) {
	e.Conn, e.Peer = c.id, c.peer
	c.acceptor.unit.publish(e)
}

// start starts the instance of the connection.
func (c *conn) start() {
	a := c.acceptor
	if c.gone() {
		c.publish(event.Event{Type: event.ClientGone})
		a.clientGone++
		c.close()
		a.release(c)
		return
	}
	a.live[c] = struct{}{}
	var err error
	if c.instance, err = c.begin(); err == nil {
		return
	}
	delete(a.live, c)
	if launch.IsTemporary(err) {
		a.tryAgain(c, err)
		return
	}
	c.failed(err)
}

func (c *conn) begin() (*supervise.Instance, error) {
	given, err := c.launch()
	if err != nil {
		return nil, err
	}
	u := c.acceptor.unit
	return u.server.engine.Start(supervise.Start{
		Unit: u.conf.Name, Conn: c.id, Peer: c.peer, Program: u.program, Launch: given,
		StopTimeout: u.conf.Service.TimeoutStopSec, Owner: c,
	})
}

// gone reports whether the client has reset its connection while it waited. One that was accepted just now is not asked.
func (c *conn) gone() bool {
	if !c.acceptor.unit.server.loop.Now().After(c.accepted) {
		return false
	}
	poll := []unix.PollFd{{Fd: int32(c.fd)}}
	if _, err := unix.Poll(poll, 0); err != nil || poll[0].Revents&(unix.POLLERR|unix.POLLHUP) == 0 {
		return false
	}
	// One that has said what it wanted and closed is to be served all the same.
	var buf [1]byte
	n, _, err := unix.Recvfrom(c.fd, buf[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return n <= 0 || err != nil
}

// launch is what the instance is given: the connection as descriptor 3, or as 0 and 1.
func (c *conn) launch() (s launch.Start, err error) {
	u := c.acceptor.unit
	if s.Streams, err = u.streams(c.fd); err != nil {
		return s, err
	}
	passed := activation.Connection{
		Number: c.acceptor.accepted, Unit: u.conf.Name, Protocols: protocols(u.conf), Name: c.listener.Name, Remote: c.remote,
		Stdin: u.conf.Service.StandardInput.Kind == units.StreamSocket,
	}
	if !passed.Stdin {
		s.Files = []int{c.fd}
	}
	// Both are only told to the service; of a client that has left they are unknown.
	if local, err := unix.Getsockname(c.fd); err == nil {
		passed.Local = activation.EndpointOf(local)
	}
	if cookie, err := unix.GetsockoptUint64(c.fd, unix.SOL_SOCKET, unix.SO_COOKIE); err == nil {
		passed.Cookie = cookie
	}
	s.Env, s.Announce = passed.AppendEnviron(nil), passed.Announces()
	return s, nil
}

// failed closes a client whose service cannot be started.
func (c *conn) failed(err error) {
	c.publish(event.Event{Type: event.StartFailed, Err: err})
	c.acceptor.spawnFailed++
	c.close()
	c.acceptor.release(c)
}

// Started is supervise.Owner's: the instance has the connection now.
func (c *conn) Started(*supervise.Instance) { c.close() }

// Failed is supervise.Owner's.
func (c *conn) Failed(_ *supervise.Instance, err error) {
	delete(c.acceptor.live, c)
	c.failed(err)
	c.acceptor.next()
}

// Exited is supervise.Owner's.
func (c *conn) Exited(*supervise.Instance, launch.Status) {
	delete(c.acceptor.live, c)
	c.acceptor.served++
	c.acceptor.release(c)
	c.acceptor.next()
}

// refuse tells a client why it is not served, where there is something to tell, and closes it.
func (c *conn) refuse(reason, message string) {
	c.publish(event.Event{Type: event.Refuse, Reason: reason})
	c.acceptor.refused++
	sendOff(c.fd, message)
	c.close()
}

func (c *conn) close() {
	if c.fd >= 0 {
		c.acceptor.unit.server.report(c.acceptor.unit.conf.Name, unix.Close(c.fd))
		c.fd = -1
	}
}

// sendOff writes the message without ever waiting, ends our side, and takes what the client has already sent: closing with
// unread data would reset the connection and destroy the message. A client that is gone already makes any of it fail, and
// misses nothing.
func sendOff(fd int, message string) {
	if message == "" {
		return
	}
	_ = unix.Sendto(fd, []byte(message), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	_ = unix.Shutdown(fd, unix.SHUT_WR)
	var buf [4096]byte
	for range 4 {
		if n, _, err := unix.Recvfrom(fd, buf[:], unix.MSG_DONTWAIT); err != nil || n <= 0 {
			return
		}
	}
}
