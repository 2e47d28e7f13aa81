package supervise

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
)

// A Client is one accepted connection of a Template and, once it has a slot, the instance that serves it. Its life is the table in
// client_life.go. It is to be used until it is not among Template.Clients any more.
type Client struct {
	template *Template
	id       string
	number   uint64
	state    clientState
	fd       int // ours until the instance has it, then -1
	socket   Acceptable
	remote   activation.Endpoint
	peer     string
	source   source
	accepted time.Time
	tried    bool // to start, when there was no process to be had
	instance *Instance
	release  func() // of what a start that is not settled was lent
}

func (t *Template) newClient(fd int, peer unix.Sockaddr, s Acceptable) *Client {
	t.arrived++
	t.counts[clientArrived]++
	c := &Client{
		template: t, id: t.engine.NewConn(), number: t.arrived, fd: fd, socket: s,
		remote: activation.EndpointOf(peer), accepted: t.engine.loop.Now(),
	}
	if c.remote.Family == activation.FamilyUnix {
		if cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			c.remote.Cred = cred
		}
	}
	t.report(s.SetUp(fd))
	c.peer, c.source = c.remote.String(), sourceOf(c.remote)
	return c
}

// ID is the id of the connection: no other of the engine has it.
func (c *Client) ID() string { return c.id }

// Number counts the template's clients, from 1.
func (c *Client) Number() uint64 { return c.number }

// FD is the connection, which is the template's; -1 once an instance has it.
func (c *Client) FD() int { return c.fd }

// Socket is where the client came from.
func (c *Client) Socket() Acceptable { return c.socket }

// Remote is the client's address; of a Unix socket's client with its credentials.
func (c *Client) Remote() activation.Endpoint { return c.remote }

// Peer is Remote for people.
func (c *Client) Peer() string { return c.peer }

// Source is what the client's share is counted by: an IPv4 address, an IPv6 network of 64 bits, "uid 1000", "cid 3".
func (c *Client) Source() string { return c.source.String() }

// Since is when the client was accepted.
func (c *Client) Since() time.Time { return c.accepted }

// Live reports whether the client has an instance; else it waits.
func (c *Client) Live() bool { return c.state == clientLive }

// PID is the instance's process, 0 where there is none yet.
func (c *Client) PID() int {
	if c.state != clientLive || c.instance == nil {
		return 0
	}
	return c.instance.PID()
}

// errNoInstance is what a client says that is to be signalled and has no process.
var errNoInstance = errors.New("the client waits and has no process yet")

// Signal sends a signal to the process group of the instance, or to the process where it leads none. TERM and KILL turn away a
// client that waits; there is nobody to get another signal.
func (c *Client) Signal(sig unix.Signal) error {
	if i := c.instance; c.state == clientLive && i != nil {
		if i.leads() {
			return i.process.SignalGroup(sig)
		}
		return i.process.Signal(sig)
	}
	if sig != unix.SIGTERM && sig != unix.SIGKILL {
		return errNoInstance
	}
	c.turnAway()
	return nil
}

// Stop asks the instance to end, as Instance.Stop does, or turns away the client if it waits.
func (c *Client) Stop() {
	if c.state == clientLive {
		c.instance.Stop()
		return
	}
	c.turnAway()
}

// Kill ends the instance at once, or turns away the client if it waits.
func (c *Client) Kill() {
	if c.state == clientLive {
		c.instance.Kill()
		return
	}
	c.turnAway()
}

// turnAway refuses a client that waits.
func (c *Client) turnAway() {
	t := c.template
	if t.clients[c.id] != c {
		return // it has gone meanwhile
	}
	is := func(other *Client) bool { return other == c }
	t.waiting = slices.DeleteFunc(t.waiting, is)
	t.doubtful = slices.DeleteFunc(t.doubtful, is)
	c.refuse(ReasonKilled)
	t.next()
}

func (c *Client) publish(e event.Event) {
	e.Conn, e.Peer = c.id, c.peer
	c.template.publish(e)
}

// gone reports whether the client has reset its connection while it waited. One that was accepted just now is not asked.
func (c *Client) gone() bool {
	if !c.template.engine.loop.Now().After(c.accepted) {
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

// settled gives back what a start was lent, when it is over.
func (c *Client) settled() {
	if release := c.release; release != nil {
		c.release = nil
		release()
	}
}

func (c *Client) close() {
	if c.fd >= 0 {
		c.template.report(unix.Close(c.fd))
		c.fd = -1
	}
}

// refuse tells a client why it is not served, where there is something to tell, and closes it.
func (c *Client) refuse(reason string) {
	c.feed(clientTurnedAway)
	c.publish(event.Event{Type: event.Refuse, Reason: reason, Limit: c.template.limitOf(reason)})
	sendOff(c.fd, busy[reason])
	c.close()
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

// An ownClient is a client as its instance's Owner.
type ownClient Client

// Started is Owner's: the instance has the connection now.
func (o *ownClient) Started(*Instance) {
	c := (*Client)(o)
	c.template.starts++
	c.settled()
	c.close()
}

// Failed is Owner's.
func (o *ownClient) Failed(_ *Instance, err error) {
	c := (*Client)(o)
	c.instance = nil
	c.settled()
	c.template.notStarted(c, err)
	c.template.next()
}

// Exited is Owner's.
func (o *ownClient) Exited(*Instance, launch.Status) {
	c := (*Client)(o)
	c.feed(clientEnded)
	c.template.next()
}
