package supervise

import (
	"net/netip"
	"strconv"

	"sockbridge/activation"
)

// sourceBits is how much of an address tells one source from another.
const (
	sourceBits4 = 32
	sourceBits6 = 64
)

// A source is what a template's share is counted by: an IPv4 address, an IPv6 /64 network (which one host has to itself), a user
// of this host, or a vsock CID.
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

// String is the source for people: 203.0.113.9, 2001:db8::/64, uid 1000, cid 3.
func (s source) String() string {
	switch s.family {
	case activation.FamilyInet:
		return s.network.Addr().String()
	case activation.FamilyInet6:
		return s.network.String()
	case activation.FamilyUnix:
		return "uid " + strconv.FormatUint(uint64(s.id), 10)
	case activation.FamilyVsock:
		return "cid " + strconv.FormatUint(uint64(s.id), 10)
	default:
		return s.family.String()
	}
}
