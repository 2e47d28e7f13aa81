package listener

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"sockbridge/units"
)

func TestMain(m *testing.M) {
	if os.Getenv("LISTENER_TEST_HELPER") != "" {
		runHelper(os.Args[1:])
		return
	}
	goleak.VerifyTestMain(m)
}

// newSet returns a Set that is closed at the end of the test, which then may not have left a descriptor open.
func newSet(tb testing.TB, o Options) *Set {
	tb.Helper()
	noLeak(tb)
	s := NewSet(o)
	tb.Cleanup(func() {
		for _, err := range s.Close() {
			tb.Errorf("Close: %v", err)
		}
	})
	return s
}

// noLeak fails the test if it leaves descriptors open. Its cleanup runs after those that are registered later.
func noLeak(tb testing.TB) {
	tb.Helper()
	before := openFDs(tb)
	tb.Cleanup(func() {
		tb.Helper()
		for fd, target := range openFDs(tb) {
			if before[fd] != target {
				tb.Errorf("descriptor %s is left open: %s", fd, target)
			}
		}
	})
}

func openFDs(tb testing.TB) map[string]string {
	tb.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		tb.Fatal(err)
	}
	open := make(map[string]string)
	for _, l := range links {
		// The folder itself is open while it is read. The runtime's poller opens its own at any time.
		if target, err := os.Readlink(l); err == nil && target != "anon_inode:[eventpoll]" && target != "anon_inode:[eventfd]" {
			open[filepath.Base(l)] = target
		}
	}
	return open
}

var hosts atomic.Uint32

// loopback returns an address of 127.0.0.0/8 that no other test uses, so that a test may choose its ports.
func loopback() netip.Addr {
	n := hosts.Add(1)
	return netip.AddrFrom4([4]byte{127, byte(os.Getpid()%200 + 20), byte(n >> 8), byte(n)})
}

// port returns the n-th port of this process, for tests that use the wildcard address: the same tests may run twice.
func port(n int) int { return 10_000 + os.Getpid()%1000*20 + n }

func tcpAt(ip netip.Addr, port int) units.Address {
	return units.Address{Network: units.TCP, IP: ip, Port: uint32(port)}
}

func udpAt(ip netip.Addr, port int) units.Address {
	return units.Address{Network: units.UDP, IP: ip, Port: uint32(port)}
}

func pathOf(network units.Network, path string) units.Address {
	return units.Address{Network: network, Path: path}
}

// socket returns a [socket] table as the loader makes it.
func socket(a ...units.Address) units.Socket {
	return units.Socket{
		Listen: a, Accept: false, Backlog: 128,
		SocketUID: -1, SocketGID: -1, SocketMode: 0o666, DirectoryMode: 0o755,
	}
}

func unit(name string, sockets ...units.Socket) *units.Unit {
	for i := range sockets {
		if sockets[i].FileDescriptorName == "" {
			sockets[i].FileDescriptorName = name
		}
	}
	return &units.Unit{Name: name, Sockets: sockets}
}

// commit loads a generation that must have no problem.
func commit(tb testing.TB, s *Set, wanted ...*units.Unit) *Change {
	tb.Helper()
	c, problems := s.Prepare(wanted)
	for _, p := range problems {
		tb.Errorf("Prepare: %v (%s)", p, p.Hint)
	}
	for _, err := range c.Commit() {
		tb.Errorf("Commit: %v", err)
	}
	return c
}

// only returns the one listener of a unit.
func only(tb testing.TB, s *Set, name string) *Listener {
	tb.Helper()
	ls := s.Listeners(name)
	if len(ls) != 1 {
		tb.Fatalf("unit %q has %d listeners, want 1", name, len(ls))
	}
	return ls[0]
}

// one opens a Set with one unit "u" of one address.
func one(tb testing.TB, a units.Address) (*Set, *Listener) {
	tb.Helper()
	s := newSet(tb, Options{})
	commit(tb, s, unit("u", socket(a)))
	return s, only(tb, s, "u")
}

// dial connects to where the listener is bound. The connection is closed at the end of the test.
func dial(tb testing.TB, l *Listener) int {
	tb.Helper()
	fd, err := tryDial(l)
	if err != nil {
		tb.Fatalf("connect to %s: %v", l, err)
	}
	tb.Cleanup(func() { closeQuietly(fd) })
	return fd
}

func tryDial(l *Listener) (int, error) {
	sa, err := unix.Getsockname(l.FD)
	if err != nil {
		return -1, err
	}
	return dialTo(l.shape, sa)
}

func dialTo(sh shape, sa unix.Sockaddr) (int, error) {
	fd, err := unix.Socket(sh.domain, sh.kind|unix.SOCK_CLOEXEC, sh.protocol)
	if err != nil {
		return -1, err
	}
	if isTCP(sh) && sh.protocol != unix.IPPROTO_MPTCP { // seven seconds, rather than two minutes, until a SYN that nobody answers is an error
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_SYNCNT, 2)
	}
	if err == nil {
		err = connect(fd, sa)
	}
	if err != nil {
		closeQuietly(fd)
		return -1, err
	}
	return fd, nil
}

// connect waits for a connection although signals of Go's scheduler come in between: an interrupted connect(2) goes on by
// itself.
func connect(fd int, sa unix.Sockaddr) error {
	err := unix.Connect(fd, sa)
	if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EINPROGRESS) && !errors.Is(err, unix.EALREADY) {
		return err
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 10_000)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return err
		case n == 0:
			return unix.ETIMEDOUT
		default:
			code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
			if err == nil && code != 0 {
				err = unix.Errno(code)
			}
			return err
		}
	}
}

// accept takes a connection, which must be there, and closes it at the end of the test.
func accept(tb testing.TB, l *Listener) int {
	tb.Helper()
	eventually(tb, "a connection at "+l.String(), func() bool {
		ready, err := readable(l.FD)
		return err == nil && ready
	})
	fd, _, err := unix.Accept4(l.FD, unix.SOCK_CLOEXEC)
	if err != nil {
		tb.Fatalf("accept on %s: %v", l, err)
	}
	tb.Cleanup(func() { closeQuietly(fd) })
	return fd
}

// eventually polls until the condition holds.
func eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			tb.Fatalf("waited in vain for %s", what)
		}
		pause()
	}
}

// pause lets others run for a millisecond.
func pause() { _, _ = unix.Poll(nil, 1) }

func inode(tb testing.TB, l *Listener) uint64 {
	tb.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(l.FD, &st); err != nil {
		tb.Fatal(err)
	}
	return st.Ino
}

func modeAt(tb testing.TB, path string) uint32 {
	tb.Helper()
	_, st, err := lstat(path)
	if err != nil {
		tb.Fatal(err)
	}
	return st.Mode & 0o7777
}

func mustSucceed(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func needRoot(tb testing.TB, why string) {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root: " + why)
	}
}

// The address families of all kinds of listeners that a test machine has.
func everyKind(tb testing.TB) map[string]units.Address {
	tb.Helper()
	dir := tb.TempDir()
	kinds := map[string]units.Address{
		"tcp4":              tcpAt(loopback(), 0),
		"udp4":              udpAt(loopback(), 0),
		"unix":              pathOf(units.UnixStream, dir+"/stream"),
		"unixgram":          pathOf(units.UnixDatagram, dir+"/datagram"),
		"unixpacket":        pathOf(units.UnixPacket, dir+"/packet"),
		"fifo":              pathOf(units.FIFO, dir+"/fifo"),
		"abstract":          pathOf(units.UnixStream, abstract("stream")),
		"abstract datagram": pathOf(units.UnixDatagram, abstract("datagram")),
	}
	if readHost().ipv6 {
		kinds["tcp6"] = tcpAt(netip.IPv6Loopback(), 0)
		kinds["udp6"] = udpAt(netip.IPv6Loopback(), 0)
		dual := tcpAt(netip.IPv6Unspecified(), 0)
		dual.DualStack = true
		kinds["tcp dual stack"] = dual
	}
	if hasVsock() {
		kinds["vsock"] = units.Address{Network: units.VsockStream, CID: unix.VMADDR_CID_ANY, Port: unix.VMADDR_PORT_ANY}
	}
	return kinds
}

func abstract(name string) string {
	return fmt.Sprintf("@sockbridge-test-%d-%d-%s", os.Getpid(), hosts.Add(1), name)
}

func hasVsock() bool {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false
	}
	closeQuietly(fd)
	return true
}
