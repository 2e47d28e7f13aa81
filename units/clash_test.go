package units

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The rules of clashes are the kernel's: each pair is bound for real, as the listeners of a manager are.
func TestClashesAreTheKernels(t *testing.T) {
	addrs := []string{"127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"}
	port := freePort(t)
	for _, network := range []Network{TCP, UDP} {
		for _, first := range addrs {
			for _, second := range addrs {
				for _, v6only := range []bool{false, true} {
					for _, reuse := range []bool{false, true} {
						a := makeClaim(network, first, port, v6only, reuse)
						b := makeClaim(network, second, port, v6only, reuse)
						// One address is one listener, which is one unit's: that is our own rule.
						if got, want := a.clashes(b), first == second || kernelClash(t, a, b); got != want {
							t.Errorf("%s %s and %s, v6only %v, reuse_port %v: clashes %v, the kernel says %v", network, first, second, v6only, reuse, got, want)
						}
						if a.clashes(b) != b.clashes(a) {
							t.Errorf("%s and %s: not symmetric", first, second)
						}
						checkRivals(t, a, b)
					}
				}
			}
		}
	}
}

// Sockets on different interfaces do not clash, unless they are of one address: listeners are told apart by it.
func TestClashesOfDevices(t *testing.T) {
	on := func(ip, dev, bound string) claim {
		a := Address{Network: TCP, IP: netip.MustParseAddr(ip), Port: 80, Device: dev}
		return claim{unit: &Unit{}, socket: &Socket{BindToDevice: bound}, addr: a}
	}
	for _, c := range []struct {
		a, b claim
		want bool
	}{
		{on("::", "lo", ""), on("::", "eth0", ""), false},
		{on("::", "lo", ""), on("::", "lo", ""), true},
		{on("::", "lo", ""), on("::", "", ""), true},
		{on("::", "lo", ""), on("::", "", "lo"), true},
		{on("::", "lo", ""), on("::1", "", "eth0"), false},
		{on("fe80::1", "lo", ""), on("fe80::1", "eth0", ""), false},
		{on("fe80::1", "lo", ""), on("::", "eth0", ""), false},
		{on("0.0.0.0", "", "lo"), on("127.0.0.1", "", "eth0"), false},
		{on("0.0.0.0", "", "lo"), on("0.0.0.0", "", "eth0"), true},
	} {
		if c.a.clashes(c.b) != c.want || c.b.clashes(c.a) != c.want {
			t.Errorf("%s %s and %s %s: clashes %v", c.a, c.a.socket.BindToDevice, c.b, c.b.socket.BindToDevice, !c.want)
		}
		checkRivals(t, c.a, c.b)
	}
}

// A symlink is where it is, however it is written.
func TestClashesOfSymlinks(t *testing.T) {
	text := "[socket]\nlisten_stream = ['/run/x']\nsymlinks = [%s]\n[service]\nexec_start = ['/x']\nuser = 'www'\n"
	if got := messages(t, fmt.Sprintf(text, "'/run//x'")); len(got) != 1 || !strings.Contains(got[0], "symlinks /run/x clashes with listen_stream /run/x") {
		t.Errorf("%q", got)
	}
	if got := messages(t, fmt.Sprintf(text, "'/run/y', '/run/z/../y'")); len(got) != 1 || !strings.Contains(got[0], "symlinks /run/y clashes") {
		t.Errorf("%q", got)
	}
	u := loadUnit(t, fmt.Sprintf(text, "'/run/./y'"))
	if got := u.Sockets[0].Symlinks; !slices.Equal(got, []string{"/run/y"}) {
		t.Errorf("symlinks are %q", got)
	}
}

func makeClaim(n Network, ip string, port uint16, v6only, reuse bool) claim {
	s := &Socket{ReusePort: reuse, BindIPv6Only: BindIPv6OnlyBoth}
	if v6only {
		s.BindIPv6Only = BindIPv6OnlyIPv6
	}
	a := Address{Network: n, IP: netip.MustParseAddr(ip), Port: uint32(port)}
	return claim{unit: &Unit{}, socket: s, addr: a, v6only: s.IPv6Only(a, false)}
}

// checkRivals makes sure that what clashes is looked for where it is.
func checkRivals(t *testing.T, a, b claim) {
	t.Helper()
	c := clashChecker{taken: map[spot][]claim{}}
	c.take(a)
	if _, found := c.holder(b); found != a.clashes(b) {
		t.Errorf("%s and %s: clash %v, found %v", a, b, a.clashes(b), found)
	}
}

func freePort(t *testing.T) uint16 {
	t.Helper()
	fd := listenSocket(t, makeClaim(TCP, "::", 0, false, false))
	defer syscall.Close(fd) //nolint:errcheck // a socket of the test
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(name.(*syscall.SockaddrInet6).Port)
}

func listenSocket(t *testing.T, c claim) int {
	t.Helper()
	fd, err := bindClaim(c)
	if errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skip("this host has no IPv6")
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func bindClaim(c claim) (int, error) {
	family, kind := syscall.AF_INET, syscall.SOCK_STREAM
	var to syscall.Sockaddr = &syscall.SockaddrInet4{Port: int(c.addr.Port)}
	if c.addr.IP.Is6() {
		family, to = syscall.AF_INET6, &syscall.SockaddrInet6{Port: int(c.addr.Port), Addr: c.addr.IP.As16()}
	} else {
		to = &syscall.SockaddrInet4{Port: int(c.addr.Port), Addr: c.addr.IP.As4()}
	}
	if c.addr.Network == UDP {
		kind = syscall.SOCK_DGRAM
	}
	fd, err := syscall.Socket(family, kind|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	options := []func() error{
		func() error { return set(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, kind == syscall.SOCK_STREAM) },
		func() error { return set(fd, syscall.SOL_SOCKET, 15, c.socket.ReusePort) }, // SO_REUSEPORT, which package syscall lacks on amd64
		func() error {
			if family == syscall.AF_INET {
				return nil
			}
			return set(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, c.v6only)
		},
		func() error { return syscall.Bind(fd, to) },
		func() error {
			if kind == syscall.SOCK_DGRAM {
				return nil
			}
			return syscall.Listen(fd, 1)
		},
	}
	for _, option := range options {
		if err := option(); err != nil {
			return -1, errors.Join(err, syscall.Close(fd))
		}
	}
	return fd, nil
}

func set(fd, level, option int, on bool) error {
	value := 0
	if on {
		value = 1
	}
	return syscall.SetsockoptInt(fd, level, option, value)
}

func kernelClash(t *testing.T, a, b claim) bool {
	t.Helper()
	first := listenSocket(t, a)
	defer syscall.Close(first) //nolint:errcheck // a socket of the test
	second, err := bindClaim(b)
	if errors.Is(err, syscall.EADDRINUSE) {
		return true
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Close(second); err != nil {
		t.Fatal(err)
	}
	return false
}

// Abstract names of different types do not clash, those of one type do: again the kernel is asked.
func TestAbstractNames(t *testing.T) {
	name := fmt.Sprintf("@sockbridge-test-%d", syscall.Getpid())
	kinds := map[Network]int{UnixStream: syscall.SOCK_STREAM, UnixDatagram: syscall.SOCK_DGRAM, UnixPacket: syscall.SOCK_SEQPACKET}
	for n1, k1 := range kinds {
		for n2, k2 := range kinds {
			a := claim{unit: &Unit{}, socket: &Socket{}, addr: Address{Network: n1, Path: name}}
			b := claim{unit: &Unit{}, socket: &Socket{}, addr: Address{Network: n2, Path: name}}
			c := clashChecker{taken: map[spot][]claim{}}
			c.take(a)
			_, got := c.holder(b)
			if want := abstractClash(t, name, k1, k2); got != want {
				t.Errorf("%s and %s: %v, the kernel says %v", n1, n2, got, want)
			}
		}
	}
}

func abstractClash(t *testing.T, name string, kinds ...int) bool {
	t.Helper()
	for _, kind := range kinds {
		fd, err := syscall.Socket(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(fd) //nolint:errcheck // a socket of the test
		if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: name}); err != nil {
			return true
		}
	}
	return false
}

func TestIPv6Only(t *testing.T) {
	for _, c := range []struct {
		mode    BindIPv6Only
		ip      string
		dual    bool
		off, on bool // with net.ipv6.bindv6only 0 and 1
	}{
		{BindIPv6OnlyDefault, "::", false, false, true},
		{BindIPv6OnlyDefault, "::", true, false, false},
		{BindIPv6OnlyBoth, "::", false, false, false},
		{BindIPv6OnlyIPv6, "::", true, true, true},
		{BindIPv6OnlyIPv6, "0.0.0.0", false, false, false},
	} {
		s := &Socket{BindIPv6Only: c.mode}
		a := Address{IP: netip.MustParseAddr(c.ip), DualStack: c.dual}
		if s.IPv6Only(a, false) != c.off || s.IPv6Only(a, true) != c.on {
			t.Errorf("%+v: %v, %v", c, s.IPv6Only(a, false), s.IPv6Only(a, true))
		}
	}
}
