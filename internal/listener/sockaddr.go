package listener

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// maxPath is the longest path of a Unix socket: sun_path is 108 bytes, and unix(7) wants room for the NUL. Abstract names
// would not need it, but x/sys has no way to say one of full length.
const maxPath = 107

// sockaddr returns what bind(2) takes. An abstract name has exactly its own length, as unix(7) says: no NUL follows.
func sockaddr(a units.Address, sh shape, fd int) (unix.Sockaddr, error) {
	switch sh.domain {
	case unix.AF_INET:
		sa := &unix.SockaddrInet4{Port: int(a.Port)}
		if a.IP.Is4() { // else the wildcard of a port alone, on a host without IPv6
			sa.Addr = a.IP.As4()
		}
		return sa, nil
	case unix.AF_INET6:
		sa := &unix.SockaddrInet6{Port: int(a.Port), Addr: a.IP.As16()}
		if a.Device == "" {
			return sa, nil
		}
		index, err := deviceIndex(fd, a.Device)
		sa.ZoneId = uint32(index)
		return sa, err
	case unix.AF_VSOCK:
		return &unix.SockaddrVM{CID: a.CID, Port: a.Port}, nil
	default:
		if len(a.Path) > maxPath {
			return nil, unix.ENAMETOOLONG
		}
		return &unix.SockaddrUnix{Name: a.Path}, nil
	}
}

// addressOf returns where a socket is bound, or which FIFO is open, in the words of a unit file.
func addressOf(fd int, sh shape) (units.Address, error) {
	network, ok := sh.network()
	if !ok {
		return units.Address{}, unix.EAFNOSUPPORT
	}
	a := units.Address{Network: network}
	if network == units.FIFO {
		path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		a.Path = path
		return a, err
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return a, err
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		a.IP, a.Port = netip.AddrFrom4(sa.Addr), uint32(sa.Port)
	case *unix.SockaddrInet6:
		a.IP, a.Port = netip.AddrFrom16(sa.Addr), uint32(sa.Port)
		a.Device, err = boundDevice(fd, sa)
	case *unix.SockaddrUnix:
		a.Path = sa.Name
	case *unix.SockaddrVM:
		a.CID, a.Port = sa.CID, sa.Port
	}
	return a, err
}

// deviceIndex looks a network device up; fd is any socket of the network namespace in question.
func deviceIndex(fd int, name string) (int, error) {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, fmt.Errorf("cannot find device %q: %w", name, err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req); err != nil {
		return 0, fmt.Errorf("cannot find device %q: %w", name, err)
	}
	return int(req.Uint32()), nil
}

// boundDevice is the other direction: the %dev of an IPv6 socket. Only link-local addresses keep it in their name, for
// others see bindDevice.
func boundDevice(fd int, sa *unix.SockaddrInet6) (string, error) {
	if sa.ZoneId == 0 {
		return "", nil
	}
	name, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE)
	if err != nil {
		return "", fmt.Errorf("cannot read bound device: %w", err)
	}
	return name, nil
}

// bindDevice keeps a socket to the %dev of its address. The kernel does so itself for link-local addresses only and
// would silently ignore the scope of others.
func bindDevice(fd int, a units.Address) error {
	if a.Device == "" || a.IP.IsLinkLocalUnicast() || a.IP.IsLinkLocalMulticast() {
		return nil
	}
	if err := unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, a.Device); err != nil {
		return fmt.Errorf("cannot bind to device %q: %w", a.Device, err)
	}
	return nil
}
