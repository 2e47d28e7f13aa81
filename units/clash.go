package units

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// A claim is an address that a socket of a unit wants to have.
type claim struct {
	unit   *Unit
	socket *Socket
	addr   Address
	v6only bool
	link   bool // a symlink, not a socket
}

// A spot is what claims have in common that can clash at all.
type spot struct {
	space string // a port space, a kind of abstract names, or the file system
	name  string
	port  uint32
	ip    netip.Addr // zero: of all addresses
}

func (c claim) spot() spot {
	switch a := c.addr; {
	case a.Network == TCP || a.Network == UDP || a.Network == VsockStream: // MPTCP shares the ports of TCP
		return spot{space: a.Network.String(), port: a.Port, ip: a.IP}
	case a.Path[0] == '@': // the kernel keeps a table of names for each type of socket
		return spot{space: a.Network.String(), name: a.Path}
	default:
		return spot{space: "/", name: a.Path}
	}
}

// rivals returns the spots where a claim could be that clashes with c. Addresses are looked up, not gone through, so
// that thousands of them on one port take no time of their square.
func (c claim) rivals() []spot {
	own := c.spot()
	if !own.ip.IsValid() {
		return []spot{own}
	}
	all, any4, any6 := own, own, own
	all.ip, any4.ip, any6.ip = netip.Addr{}, netip.IPv4Unspecified(), netip.IPv6Unspecified()
	if own.ip.IsUnspecified() {
		return []spot{own, any4, any6, all}
	}
	return []spot{own, any4, any6}
}

// clashes reports whether only one of two claims to a spot can listen: an address is one listener, and of different ones
// the kernel decides. SO_REUSEADDR, which all listeners have, does not help: it takes the port from a connection that
// lingers, never from a listener.
func (c claim) clashes(other claim) bool {
	switch {
	case c.addr.Network == VsockStream:
		return c.addr.CID == other.addr.CID || c.addr.CID == anyCID || other.addr.CID == anyCID
	case c.addr.Path != "" || c.addr.Key() == other.addr.Key():
		return true
	case c.socket.ReusePort && other.socket.ReusePort:
		return false
	case c.device() != other.device() && c.device() != "" && other.device() != "":
		return false
	default:
		return c.covers(other) || other.covers(c)
	}
}

// covers reports whether c's address takes a client that connects to other's.
func (c claim) covers(other claim) bool {
	switch ip, ip2 := c.addr.IP, other.addr.IP; {
	case ip == ip2:
		return true
	case !ip.IsUnspecified():
		return false
	default:
		return ip.Is4() == ip2.Is4() || ip.Is6() && !c.v6only
	}
}

// device returns the interface that the socket is bound to: that of the address over that of all addresses.
func (c claim) device() string { return cmp.Or(c.addr.Device, c.socket.BindToDevice) }

// claims returns all addresses and links that a unit wants.
func (u *Unit) claims(sysctl bool) []claim {
	var all []claim
	for i := range u.Sockets {
		s := &u.Sockets[i]
		for _, a := range s.Listen {
			all = append(all, claim{unit: u, socket: s, addr: a, v6only: s.IPv6Only(a, sysctl)})
		}
		for _, link := range s.Symlinks {
			a := Address{Network: UnixStream, Path: link, Origin: u.Origin(socketKey(LookupKey("socket", "symlinks"), i, len(u.Sockets)))}
			all = append(all, claim{unit: u, socket: s, addr: a, link: true})
		}
	}
	return all
}

// IPv6Only reports whether an address of the socket takes no IPv4 clients, where sysctl is net.ipv6.bindv6only.
func (s *Socket) IPv6Only(a Address, sysctl bool) bool {
	if !a.IP.Is6() {
		return false
	}
	switch s.BindIPv6Only {
	case BindIPv6OnlyBoth:
		return false
	case BindIPv6OnlyIPv6:
		return true
	default:
		return sysctl && !a.DualStack
	}
}

// clashChecker finds addresses that two sockets want. The first to come has it.
type clashChecker struct {
	sysctl bool
	taken  map[spot][]claim
	texts  map[string]string
	docs   map[string]*document // those that problems were found in
}

// add returns a problem for each address of the unit that is taken, and takes the others.
func (c *clashChecker) add(u *Unit) Problems {
	var problems Problems
	for _, mine := range u.claims(c.sysctl) {
		if other, clash := c.holder(mine); clash {
			problems = append(problems, mine.problem(other, c.doc(mine.addr.Origin.File)))
		} else {
			c.take(mine)
		}
	}
	return problems
}

// holder returns who has what a claim wants.
func (c *clashChecker) holder(mine claim) (claim, bool) {
	for _, s := range mine.rivals() {
		if i := slices.IndexFunc(c.taken[s], mine.clashes); i >= 0 {
			return c.taken[s][i], true
		}
	}
	return claim{}, false
}

func (c *clashChecker) take(mine claim) {
	s := mine.spot()
	c.taken[s] = append(c.taken[s], mine)
	if s.ip.IsValid() {
		s.ip = netip.Addr{}
		c.taken[s] = append(c.taken[s], mine)
	}
}

func (c *clashChecker) doc(path string) *document {
	if c.docs[path] == nil {
		c.docs[path] = &document{path: path, text: c.texts[path]}
	}
	return c.docs[path]
}

func (c claim) problem(other claim, doc *document) Problem {
	msg := fmt.Sprintf("%s is taken by unit %q (%s:%d)", c, other.unit.Name, other.addr.Origin.File, other.addr.Origin.Line)
	if other.unit == c.unit {
		msg = fmt.Sprintf("%s clashes with %s of the same unit (line %d)", c, other, other.addr.Origin.Line)
	}
	p := doc.problem(doc.wordAt(c.addr.Origin), Error, msg)
	p.Unit, p.Key = c.unit.Name, "socket."+c.key()
	return p
}

func (c claim) key() string {
	if c.link {
		return "symlinks"
	}
	return c.addr.Network.key()
}

func (c claim) String() string { return c.key() + " " + c.addr.String() }

// key returns the name of the key that an address of the network is written under.
func (n Network) key() string {
	return [...]string{
		TCP: "listen_stream", UDP: "listen_datagram", UnixStream: "listen_stream", UnixDatagram: "listen_datagram",
		UnixPacket: "listen_sequential_packet", FIFO: "listen_fifo", VsockStream: "listen_stream",
	}[n]
}
