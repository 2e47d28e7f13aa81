package units

import (
	"fmt"
	"net/netip"
	"strconv"
)

// Network is the kind of a listening socket.
type Network int

// The networks a unit can listen on.
const (
	TCP          Network = iota // listen_stream HOST:PORT
	UDP                         // listen_datagram HOST:PORT
	UnixStream                  // listen_stream /PATH or @NAME
	UnixDatagram                // listen_datagram /PATH or @NAME
	UnixPacket                  // listen_sequential_packet /PATH or @NAME
	FIFO                        // listen_fifo /PATH
	VsockStream                 // listen_stream vsock:CID:PORT
)

var networkNames = [...]string{"tcp", "udp", "unix", "unixgram", "unixpacket", "fifo", "vsock"}

func (n Network) String() string { return networkNames[n] }

// Accepts reports whether clients of the network are connections that accept(2) takes one by one.
func (n Network) Accepts() bool {
	return n == TCP || n == UnixStream || n == UnixPacket || n == VsockStream
}

// An Address is where one socket listens. Of its fields only those of its network are set.
type Address struct {
	Network Network

	// IP is the address of TCP and UDP, without a zone. A port alone is the IPv6 wildcard with DualStack.
	IP        netip.Addr
	Port      uint32 // of TCP, UDP and vsock
	Device    string // the %dev behind an IPv6 address
	DualStack bool   // written as a port alone: takes IPv4 too, whatever the host's default is

	Path string // of Unix sockets and FIFOs; an abstract name starts with "@"
	CID  uint32 // of vsock; math.MaxUint32 is any

	Origin Origin
}

// String returns the address in the form of a unit file, a port alone as "[::]:PORT".
func (a Address) String() string {
	switch a.Network {
	case TCP, UDP:
		s := netip.AddrPortFrom(a.IP, uint16(a.Port)).String()
		if a.Device != "" {
			s += "%" + a.Device
		}
		return s
	case VsockStream:
		if a.CID == anyCID {
			return fmt.Sprintf("vsock::%d", a.Port)
		}
		return "vsock:" + strconv.FormatUint(uint64(a.CID), 10) + ":" + strconv.FormatUint(uint64(a.Port), 10)
	default:
		return a.Path
	}
}

const anyCID = 1<<32 - 1

// Key identifies the address among all generations: listeners whose keys are equal are the same listener.
func (a Address) Key() string { return a.Network.String() + " " + a.String() }
