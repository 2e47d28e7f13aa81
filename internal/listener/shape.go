package listener

import (
	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// A shape is what cannot change any more once a socket is bound. Listeners of one address but of different shapes
// need a new socket.
type shape struct {
	domain, kind, protocol int // as socket(2) takes them; all 0 is a FIFO
	v6Only                 bool
}

// A host is what shapes depend on besides the unit: the IPv6 of this machine.
type host struct {
	ipv6   bool // AF_INET6 exists
	v6Only bool // net.ipv6.bindv6only
}

// readHost asks a new socket rather than /proc, which may not be mounted.
func readHost() host {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return host{}
	}
	defer closeQuietly(fd)
	v, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
	return host{ipv6: true, v6Only: err == nil && v != 0}
}

// shapeFor returns the shape that a unit asks for.
func (h host) shapeFor(a units.Address, s *units.Socket) shape {
	switch a.Network {
	case units.TCP:
		sh := h.internet(a, s)
		sh.kind, sh.protocol = unix.SOCK_STREAM, unix.IPPROTO_TCP
		if s.SocketProtocol == "mptcp" {
			sh.protocol = unix.IPPROTO_MPTCP
		}
		return sh
	case units.UDP:
		sh := h.internet(a, s)
		sh.kind, sh.protocol = unix.SOCK_DGRAM, unix.IPPROTO_UDP
		return sh
	case units.UnixStream:
		return shape{domain: unix.AF_UNIX, kind: unix.SOCK_STREAM}
	case units.UnixDatagram:
		return shape{domain: unix.AF_UNIX, kind: unix.SOCK_DGRAM}
	case units.UnixPacket:
		return shape{domain: unix.AF_UNIX, kind: unix.SOCK_SEQPACKET}
	case units.VsockStream:
		return shape{domain: unix.AF_VSOCK, kind: unix.SOCK_STREAM}
	case units.FIFO:
	}
	return shape{}
}

// internet chooses the family. A port alone is IPv4 where the kernel has no IPv6, as in systemd.socket(5).
func (h host) internet(a units.Address, s *units.Socket) shape {
	if a.IP.Is4() || a.DualStack && !h.ipv6 {
		return shape{domain: unix.AF_INET}
	}
	return shape{domain: unix.AF_INET6, v6Only: h.wantsV6Only(a, s)}
}

// wantsV6Only knows that a socket at a specific address has one family, whatever is asked for: inet6_bind in
// net/ipv6/af_inet6.c sets IPV6_V6ONLY itself, and refuses it for an IPv4 address in IPv6 clothes.
func (h host) wantsV6Only(a units.Address, s *units.Socket) bool {
	if !a.IP.IsUnspecified() {
		return !a.IP.Is4In6()
	}
	switch s.BindIPv6Only {
	case units.BindIPv6OnlyIPv6:
		return true
	case units.BindIPv6OnlyBoth:
		return false
	case units.BindIPv6OnlyDefault:
	}
	return h.v6Only && !a.DualStack
}

// shapeOf reads the shape of a socket or FIFO that somebody else made.
func shapeOf(fd int) (shape, error) {
	var sh shape
	for _, o := range []struct {
		name int
		to   *int
	}{{unix.SO_DOMAIN, &sh.domain}, {unix.SO_TYPE, &sh.kind}, {unix.SO_PROTOCOL, &sh.protocol}} {
		v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, o.name)
		if err == unix.ENOTSOCK && isFIFO(fd) {
			return shape{}, nil
		}
		if err != nil {
			return shape{}, err
		}
		*o.to = v
	}
	if sh.domain != unix.AF_INET6 {
		return sh, nil
	}
	v, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
	sh.v6Only = v != 0
	return sh, err
}

// network returns the network that a shape belongs to, false for those that no unit can name.
func (sh shape) network() (units.Network, bool) {
	switch (shape{domain: sh.domain, kind: sh.kind}) {
	case shape{domain: unix.AF_INET, kind: unix.SOCK_STREAM}, shape{domain: unix.AF_INET6, kind: unix.SOCK_STREAM}:
		return units.TCP, true
	case shape{domain: unix.AF_INET, kind: unix.SOCK_DGRAM}, shape{domain: unix.AF_INET6, kind: unix.SOCK_DGRAM}:
		return units.UDP, true
	case shape{domain: unix.AF_UNIX, kind: unix.SOCK_STREAM}:
		return units.UnixStream, true
	case shape{domain: unix.AF_UNIX, kind: unix.SOCK_DGRAM}:
		return units.UnixDatagram, true
	case shape{domain: unix.AF_UNIX, kind: unix.SOCK_SEQPACKET}:
		return units.UnixPacket, true
	case shape{domain: unix.AF_VSOCK, kind: unix.SOCK_STREAM}:
		return units.VsockStream, true
	case shape{}:
		return units.FIFO, true
	}
	return 0, false
}
