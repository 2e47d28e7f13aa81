package listener

import (
	"fmt"
	"math"
	"net/netip"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// Two sockets cannot usually be bound to addresses that overlap, as 127.0.0.1:80 and 0.0.0.0:80 do. When one replaces
// the other, both get SO_REUSEPORT for the time of the switch, which works on a socket that listens already. In
// Prepare the new one is bound but does not listen; in Commit it listens, and then the old one is parked: it is bound to
// a network device that does not exist, so that the kernel finds the new one for every client from then on, while
// those who wait on the old one can still be accepted. There is no moment at which a client is refused. (One whose SYN
// is just being handled at the moment of parking may have to send it again, since the kernel finds no route by that
// device; TCP does so after a second.)
//
// Only where the address stays the same, which is a change between TCP and MPTCP, the old one has to be parked first, and
// for the microseconds between the two calls a client is refused: see sharesClients.

var v4Wildcard = netip.IPv4Unspecified()

// parkIndex is the number of a network device that does not exist: numbers are given out from 1 on.
const parkIndex = math.MaxInt32

// findGoing lists the sockets of ours that no slot keeps, by what could be in the way of a new one.
func (c *Change) findGoing() {
	c.going = make(map[string][]*Listener)
	add := func(l *Listener) { c.going[territory(l.Addr)] = append(c.going[territory(l.Addr)], l) }
	for _, l := range c.Closed() {
		add(l)
	}
	for _, l := range c.set.retired {
		add(l)
	}
	for _, in := range c.strays() {
		if in.known {
			add(c.stray(in))
		}
	}
}

// territory is equal for all addresses that could overlap: those of one port, those of one path.
func territory(a units.Address) string {
	switch {
	case a.Network == units.TCP || a.Network == units.UDP:
		return fmt.Sprintf("%s %d", a.Network, a.Port)
	case hasNode(a):
		return a.Path
	default:
		return a.Key()
	}
}

// findReplaced notes which listeners the slot's new one takes the place of, and makes room beside them.
func (c *Change) findReplaced(sl *slot) error {
	for _, l := range c.going[territory(sl.addr)] {
		if !overlaps(l, sl) {
			continue
		}
		sl.replaces = append(sl.replaces, l)
		switch {
		case hasNode(sl.addr):
			sl.late = sl.late || l.nodeIsOurs()
		case !isTCP(l.shape):
			sl.late = true // a UDP socket takes clients as soon as it is bound
		}
		if err := c.share(l); err != nil {
			return err
		}
	}
	return nil
}

// overlaps reports whether a client's address could belong to both. An IPv6 wildcard may take IPv4 too.
func overlaps(l *Listener, sl *slot) bool {
	if !isInternet(l.shape) {
		return true
	}
	a, b := l.Addr.IP, sl.addr.IP
	return l.Addr.Port != 0 && (a == b || a.IsUnspecified() || b.IsUnspecified())
}

// share lets another socket be bound to the address of l.
func (c *Change) share(l *Listener) error {
	if !isInternet(l.shape) {
		return nil
	}
	if err := unix.SetsockoptInt(l.FD, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return fmt.Errorf("cannot share %s for the switch: %w", l, err)
	}
	c.shared = append(c.shared, l)
	return nil
}

// unshare puts SO_REUSEPORT back to what the unit asks for.
func unshare(l *Listener) error {
	v := 0
	if l.Socket.ReusePort {
		v = 1
	}
	if err := unix.SetsockoptInt(l.FD, unix.SOL_SOCKET, unix.SO_REUSEPORT, v); err != nil {
		return fmt.Errorf("cannot set reuse_port of %s: %w", l, err)
	}
	return nil
}

// park keeps new clients away from l; those in its queue stay.
func park(l *Listener) error {
	if !isInternet(l.shape) {
		return nil
	}
	if err := unix.SetsockoptInt(l.FD, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, parkIndex); err != nil {
		return fmt.Errorf("cannot lead clients of %s to its successor: %w", l, err)
	}
	l.parked = true
	return nil
}

// resume takes park back.
func resume(l *Listener) error {
	if err := unix.SetsockoptInt(l.FD, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, 0); err != nil {
		return fmt.Errorf("cannot lead clients back to %s: %w", l, err)
	}
	l.parked = false
	return nil
}

// sharesClients reports whether the kernel would make one group of a listening socket and its successor: all that
// inet_reuseport_add_sock in net/ipv4/inet_hashtables.c compares is equal. Within a group it chooses by a hash of the
// client alone, so that half of the clients would go on to a parked member, and wait there in vain.
func sharesClients(old, l *Listener) bool {
	return isTCP(l.shape) && old.shape.domain == l.shape.domain && old.shape.v6Only == l.shape.v6Only && old.Addr.IP == l.Addr.IP
}

// probe finds out in Prepare whether an address that is bound in Commit is there at all: a UDP socket would take
// datagrams as soon as it is bound, so another one is bound to another port.
func (c *Change) probe(sl *slot) error {
	if sl.addr.Network != units.UDP {
		return nil
	}
	l := c.newListener(sl)
	l.Addr.Port = 0
	if err := c.makeSocket(l, &slot{}); err != nil {
		return err
	}
	defer closeQuietly(l.FD)
	return c.bind(l)
}

// bindLate binds what Prepare could not, after the nodes that are in the way have been removed.
func (c *Change) bindLate(sl *slot) error {
	for _, old := range sl.replaces {
		if !old.hasNode() {
			continue
		}
		if err := old.removeNode(); err != nil {
			return err
		}
	}
	return c.bind(sl.l)
}
