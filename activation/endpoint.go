package activation

import (
	"net/netip"
	"strconv"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Family is the kind of address an [Endpoint] holds.
type Family uint8

// The families of endpoints.
const (
	FamilyUnknown Family = iota // no address: a FIFO, or a peer that left before it was looked at
	FamilyInet
	FamilyInet6
	FamilyUnix
	FamilyVsock
)

var familyNames = [...]string{"unknown", "inet", "inet6", "unix", "vsock"}

// String returns the family as Upstart's PROTO has it.
func (f Family) String() string {
	if int(f) >= len(familyNames) {
		f = FamilyUnknown
	}
	return familyNames[f]
}

// An Endpoint is one end of a socket. Of its fields only those of its family are set; the zero value is unknown.
type Endpoint struct {
	Family Family

	// AddrPort is of FamilyInet and FamilyInet6. It has no zone: what services expect in ADDR and REMOTE_ADDR is
	// inet_ntop(3)'s form.
	AddrPort netip.AddrPort

	// Path is of FamilyUnix: a path, "@name" for an abstract name, "" for an unnamed socket. A peer chooses its own,
	// any bytes: print it by String.
	Path string

	// Cred is of FamilyUnix: the process that connected (SO_PEERCRED), where the caller asked for it.
	Cred *unix.Ucred

	CID, Port uint32 // of FamilyVsock
}

// EndpointOf returns the endpoint of a socket address, as getsockname(2), getpeername(2) and accept(2) give it; nil and
// families without a form here are unknown. An IPv4-mapped IPv6 address is the IPv4 address: a service must not care on
// which socket its client came.
func EndpointOf(address unix.Sockaddr) Endpoint {
	switch a := address.(type) {
	case *unix.SockaddrInet4:
		return inetEndpoint(netip.AddrFrom4(a.Addr), a.Port)
	case *unix.SockaddrInet6:
		return inetEndpoint(netip.AddrFrom16(a.Addr).Unmap(), a.Port)
	case *unix.SockaddrUnix:
		return unixEndpoint(a.Name)
	case *unix.SockaddrVM:
		return Endpoint{Family: FamilyVsock, CID: a.CID, Port: a.Port}
	default:
		return Endpoint{}
	}
}

func inetEndpoint(ip netip.Addr, port int) Endpoint {
	family := FamilyInet6
	if ip.Is4() {
		family = FamilyInet
	}
	return Endpoint{Family: family, AddrPort: netip.AddrPortFrom(ip, uint16(port))}
}

// unixEndpoint takes "@" for an unnamed socket: package unix does not keep the length that tells it from an abstract name
// of no characters.
func unixEndpoint(name string) Endpoint {
	if name == "@" {
		name = ""
	}
	return Endpoint{Family: FamilyUnix, Path: name}
}

// String returns the endpoint for logs, on one line: "203.0.113.9:51312", "[2001:db8::9]:51312", "/run/client.sock",
// "@name", "pid 812 uid 1000" for an unnamed Unix socket whose credentials are known, else "unnamed", "vsock:3:1024",
// or "unknown".
func (e Endpoint) String() string {
	switch e.Family {
	case FamilyInet, FamilyInet6:
		return e.AddrPort.String()
	case FamilyUnix:
		return e.unixString()
	case FamilyVsock:
		return string(e.appendVsock([]byte("vsock:")))
	default:
		return FamilyUnknown.String()
	}
}

func (e Endpoint) unixString() string {
	switch {
	case e.Path != "":
		return string(appendClean(nil, e.Path))
	case e.Cred != nil:
		return "pid " + strconv.Itoa(int(e.Cred.Pid)) + " uid " + strconv.FormatUint(uint64(e.Cred.Uid), 10)
	default:
		return "unnamed"
	}
}

// appendVsock appends CID:PORT.
func (e Endpoint) appendVsock(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(e.CID), 10)
	b = append(b, ':')
	return strconv.AppendUint(b, uint64(e.Port), 10)
}

// appendEnd appends the endpoint as systemd has it in names of instances: ADDRESS:PORT without brackets, or CID:PORT.
func (e Endpoint) appendEnd(b []byte) []byte {
	switch e.Family {
	case FamilyInet, FamilyInet6:
		b = e.AddrPort.Addr().AppendTo(b)
		b = append(b, ':')
		return strconv.AppendUint(b, uint64(e.AddrPort.Port()), 10)
	case FamilyVsock:
		return e.appendVsock(b)
	default:
		return append(b, "unknown"...)
	}
}

// maxPath is the size of sun_path: no path that a kernel reports is longer.
const maxPath = 108

// appendClean appends text that a peer chose. Control characters and bytes that are not UTF-8 become '?', so that the
// text can neither end a line nor drive a terminal; what exceeds maxPath is cut off.
func appendClean(b []byte, text string) []byte {
	if len(text) > maxPath {
		text = text[:maxPath]
	}
	for _, r := range text {
		if r == utf8.RuneError || unicode.IsControl(r) {
			r = '?'
		}
		b = utf8.AppendRune(b, r)
	}
	return b
}
