package controllers

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sockbridge/internal/listener"
)

// A stepError says at which step of making a socket the kernel refused, as clients know it: "bind: Address already in use".
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + strerror(e.err) }

func (e *stepError) Unwrap() error { return e.err }

func step(name string, err error) error {
	if err == nil {
		return nil
	}
	return &stepError{name, err}
}

// make makes the socket: socket, setsockopt, bind, listen, and only then its mode.
func (r *socketRequest) make(loose *listener.Loose) (int, error) {
	where, err := r.parse()
	if err != nil {
		return -1, err
	}
	fd, err := unix.Socket(r.domain(), r.kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, step("socket", err)
	}
	if err := r.setUp(fd, where, loose); err != nil {
		closeQuietly(fd)
		return -1, err
	}
	return fd, nil
}

func (r *socketRequest) setUp(fd int, where unix.Sockaddr, loose *listener.Loose) error {
	if err := r.setOptions(fd); err != nil {
		return err
	}
	if r.bind {
		if err := r.bindTo(fd, where, loose); err != nil {
			return step("bind", err)
		}
	}
	if r.listen {
		if err := unix.Listen(fd, r.backlog); err != nil {
			return step("listen", err)
		}
	}
	if r.nonblock {
		return step("fcntl(O_NONBLOCK)", unix.SetNonblock(fd, true))
	}
	return nil
}

// setOptions sets SO_REUSEADDR where the socket is bound, and what was asked for.
func (r *socketRequest) setOptions(fd int) error {
	for _, o := range []struct {
		on          bool
		level, name int
	}{
		{r.bind, unix.SOL_SOCKET, unix.SO_REUSEADDR},
		{r.reuseport, unix.SOL_SOCKET, unix.SO_REUSEPORT},
		{r.v6only, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY},
		{r.nodelay, unix.IPPROTO_TCP, unix.TCP_NODELAY},
		{r.keepalive, unix.SOL_SOCKET, unix.SO_KEEPALIVE},
	} {
		if !o.on {
			continue
		}
		if err := unix.SetsockoptInt(fd, o.level, o.name, 1); err != nil {
			return step("setsockopt", err)
		}
	}
	return nil
}

func (r *socketRequest) bindTo(fd int, where unix.Sockaddr, loose *listener.Loose) error {
	path, isPath := where.(*unix.SockaddrUnix)
	if !isPath || path.Name[0] == '@' {
		return unix.Bind(fd, where)
	}
	return loose.BindNode(fd, path.Name, listener.Node{UID: r.uid, GID: r.gid, Mode: r.mode, MakeDirs: r.mkdir})
}

// parse reads the address; nil: the socket is not to be bound.
func (r *socketRequest) parse() (unix.Sockaddr, error) {
	if !r.bind {
		return nil, nil //nolint:nilnil // no address is needed
	}
	if r.address == "" {
		return nil, usage("expected address argument")
	}
	var where unix.Sockaddr
	switch r.domain() {
	case unix.AF_INET:
		where = inetAddress(r.address)
	case unix.AF_INET6:
		where = inet6Address(r.address)
	case unix.AF_VSOCK:
		where = vsockAddress(r.address)
	default:
		where = unixAddress(r.address)
	}
	if where == nil {
		return nil, usage("invalid address")
	}
	return where, nil
}

// maxUnixPath is the room of sun_path, unix(7), less one for the NUL.
const maxUnixPath = 107

func unixAddress(s string) unix.Sockaddr {
	if len(s) > maxUnixPath || s == "@" || strings.IndexByte(s, 0) >= 0 {
		return nil
	}
	return &unix.SockaddrUnix{Name: s}
}

// inetAddress reads IPv4 or "*", with or without ":PORT".
func inetAddress(s string) unix.Sockaddr {
	host, text, hasPort := strings.Cut(s, ":")
	port, ok := uint64(0), true
	if hasPort {
		port, ok = number(text, 16)
	}
	ip := netip.IPv4Unspecified()
	if host != "*" {
		parsed, err := netip.ParseAddr(host)
		if err != nil || !parsed.Is4() {
			return nil
		}
		ip = parsed
	}
	if !ok {
		return nil
	}
	return &unix.SockaddrInet4{Port: int(port), Addr: ip.As4()}
}

// inet6Address reads [ADDR] or "*", with or without ":PORT", and an address alone.
func inet6Address(s string) unix.Sockaddr {
	if ip, err := netip.ParseAddr(s); err == nil && ip.Is6() && ip.Zone() == "" {
		return &unix.SockaddrInet6{Addr: ip.As16()}
	}
	rest, wild := strings.CutPrefix(s, "*")
	if wild {
		s = "[::]" + rest
	}
	if strings.HasSuffix(s, "]") {
		s += ":0"
	}
	i := strings.LastIndex(s, "]:")
	if i < 0 {
		return nil
	}
	port, ok := number(s[i+2:], 16)
	ip, err := netip.ParseAddr(strings.TrimPrefix(s[:i], "["))
	if !ok || s[0] != '[' || err != nil || !ip.Is6() || ip.Zone() != "" {
		return nil
	}
	return &unix.SockaddrInet6{Port: int(port), Addr: ip.As16()}
}

// vsockAddress reads CID:PORT; the CID may be "*" or empty, which is any.
func vsockAddress(s string) unix.Sockaddr {
	text, port, ok := strings.Cut(s, ":")
	cid, cidOK := uint64(unix.VMADDR_CID_ANY), true
	if text != "" && text != "*" {
		cid, cidOK = number(text, 32)
	}
	n, portOK := number(port, 32)
	if !ok || !cidOK || !portOK {
		return nil
	}
	return &unix.SockaddrVM{CID: uint32(cid), Port: uint32(n)}
}

// number reads decimal digits only: a sign or a blank makes no port.
func number(s string, bits int) (uint64, bool) {
	n, err := strconv.ParseUint(s, 10, bits)
	return n, err == nil
}

// describeSocket is how fd.state prints a socket that somebody else made.
func describeSocket(fd int) (string, error) {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return "", fmt.Errorf("cannot read the family of descriptor %d: %w", fd, err)
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return "", fmt.Errorf("cannot read the type of descriptor %d: %w", fd, err)
	}
	return orNumber(domainNames[domain], domain) + "," + orNumber(kindNames[kind], kind), nil
}

func orNumber(name string, n int) string {
	if name == "" {
		return strconv.Itoa(n)
	}
	return name
}
