package listener

import (
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// everyOption sets all options to something that no kernel has by default.
func everyOption(s *units.Socket) {
	s.KeepAlive = true
	s.KeepAliveTimeSec, s.KeepAliveIntervalSec, s.KeepAliveProbes = 101*time.Second, 11*time.Second, 4
	s.NoDelay = true
	s.Priority, s.IPTOS, s.IPTTL, s.Mark = new(3), new(0x10), new(33), new(77)
	s.DeferAcceptSec = 500 * time.Millisecond
	s.ReceiveBuffer, s.SendBuffer = 70000, 80000
	s.ReusePort, s.FreeBind, s.Transparent = true, true, true
	s.Broadcast, s.PassCredentials, s.PassPacketInfo = true, true, true
	s.TCPCongestion = "cubic"
	s.BindToDevice = "lo"
}

// expectation is what getsockopt(2) says of one option with everyOption and without it.
type expectation struct {
	key         string
	level, name int
	set, unset  int
}

const (
	sol      = unix.SOL_SOCKET
	ip4      = unix.IPPROTO_IP
	ip6      = unix.IPPROTO_IPV6
	tcpLevel = unix.IPPROTO_TCP
)

var internetExpectations = []expectation{
	{"reuse_port", sol, unix.SO_REUSEPORT, 1, 0},
	{"priority", sol, unix.SO_PRIORITY, 3, 0},
	{"mark", sol, unix.SO_MARK, 77, 0},
	{"receive_buffer", sol, unix.SO_RCVBUF, 140000, -1},
	{"send_buffer", sol, unix.SO_SNDBUF, 160000, -1},
	{"ip_tos", ip4, unix.IP_TOS, 0x10, 0},
	{"ip_ttl", ip4, unix.IP_TTL, 33, 64},
}

var tcpExpectations = []expectation{
	{"keep_alive", sol, unix.SO_KEEPALIVE, 1, 0},
	{"keep_alive_time_sec", tcpLevel, unix.TCP_KEEPIDLE, 101, -1},
	{"keep_alive_interval_sec", tcpLevel, unix.TCP_KEEPINTVL, 11, -1},
	{"keep_alive_probes", tcpLevel, unix.TCP_KEEPCNT, 4, -1},
	{"no_delay", tcpLevel, unix.TCP_NODELAY, 1, 0},
	{"defer_accept_sec", tcpLevel, unix.TCP_DEFER_ACCEPT, 1, 0},
}

var v4Expectations = []expectation{
	{"free_bind", ip4, unix.IP_FREEBIND, 1, 0},
	{"transparent", ip4, unix.IP_TRANSPARENT, 1, 0},
}

var v6Expectations = []expectation{
	{"free_bind", ip6, unix.IPV6_FREEBIND, 1, 0},
	{"transparent", ip6, unix.IPV6_TRANSPARENT, 1, 0},
	{"ip_tos", ip6, unix.IPV6_TCLASS, 0x10, 0},
	{"ip_ttl", ip6, unix.IPV6_UNICAST_HOPS, 33, 64},
}

// optionCases are the kinds of sockets with what is to be read back from them.
func optionCases(t *testing.T) map[string]struct {
	addr units.Address
	want []expectation
} {
	t.Helper()
	type c = struct {
		addr units.Address
		want []expectation
	}
	join := func(lists ...[]expectation) (all []expectation) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	udp := []expectation{{"broadcast", sol, unix.SO_BROADCAST, 1, 0}}
	dual := tcpAt(netip.IPv6Unspecified(), 0)
	dual.DualStack = true
	return map[string]c{
		"tcp4": {tcpAt(loopback(), 0), join(internetExpectations, tcpExpectations, v4Expectations)},
		"tcp6": {dual, join(internetExpectations, tcpExpectations, v6Expectations)},
		"udp4": {udpAt(loopback(), 0), join(internetExpectations, v4Expectations, udp, []expectation{{"pass_packet_info", ip4, unix.IP_PKTINFO, 1, 0}})},
		"unix": {pathOf(units.UnixDatagram, t.TempDir()+"/s"), []expectation{
			{"pass_credentials", sol, unix.SO_PASSCRED, 1, 0},
			{"receive_buffer", sol, unix.SO_RCVBUF, 140000, -1},
		}},
	}
}

func TestOptionsAreSetAtBindAndChangedByReload(t *testing.T) {
	needRoot(t, "mark and transparent are privileged")
	for name, c := range optionCases(t) {
		t.Run(name, func(t *testing.T) {
			plain, all := unit("u", socket(c.addr)), unit("u", socket(c.addr))
			everyOption(&all.Sockets[0])
			s := newSet(t, Options{})
			commit(t, s, all)
			l := only(t, s, "u")
			expect(t, "bound with options", l.FD, c.want, true)
			ino := inode(t, l)
			commit(t, s, plain)
			expect(t, "options taken away", l.FD, c.want, false)
			commit(t, s, all)
			expect(t, "options given again", l.FD, c.want, true)
			if inode(t, l) != ino {
				t.Error("a change of options made another socket")
			}
		})
	}
}

func expect(t *testing.T, when string, fd int, want []expectation, set bool) {
	t.Helper()
	for _, e := range want {
		got, err := unix.GetsockoptInt(fd, e.level, e.name)
		w := e.unset
		if set {
			w = e.set
		}
		if err != nil || w >= 0 && got != w {
			t.Errorf("%s: %s reads back as %d, %v; want %d", when, e.key, got, err, w)
		}
		if w < 0 && got == e.set && e.name != unix.SO_RCVBUF && e.name != unix.SO_SNDBUF {
			t.Errorf("%s: %s is still %d", when, e.key, got)
		}
	}
}

func TestAcceptedConnectionsInheritOptions(t *testing.T) {
	needRoot(t, "mark is privileged")
	s := newSet(t, Options{})
	u := unit("u", socket(tcpAt(loopback(), 0)))
	everyOption(&u.Sockets[0])
	u.Sockets[0].DeferAcceptSec = 0
	commit(t, s, u)
	l := only(t, s, "u")
	dial(t, l)
	conn := accept(t, l)
	mustSucceed(t, l.SetUpConnection(conn)) // the priority is the one that is not inherited
	for _, e := range append(append([]expectation{}, internetExpectations...), tcpExpectations...) {
		if e.name == unix.TCP_DEFER_ACCEPT && e.level == tcpLevel {
			continue
		}
		if got, err := unix.GetsockoptInt(conn, e.level, e.name); err != nil || got != e.set {
			t.Errorf("%s of a connection is %d, %v; want %d", e.key, got, err, e.set)
		}
	}
	word, err := unix.GetsockoptString(conn, tcpLevel, unix.TCP_CONGESTION)
	if err != nil || word != "cubic" {
		t.Errorf("tcp_congestion of a connection is %q, %v", word, err)
	}
}

func TestBindIPv6Only(t *testing.T) {
	if !readHost().ipv6 {
		t.Skip("the kernel has no IPv6")
	}
	dual, specific := tcpAt(netip.IPv6Unspecified(), 0), tcpAt(netip.IPv6Loopback(), 0)
	dual.DualStack = true
	anyV6, mapped := tcpAt(netip.IPv6Unspecified(), 0), tcpAt(netip.MustParseAddr("::ffff:127.0.0.1"), 0)
	ofHost := 0
	if readHost().v6Only {
		ofHost = 1
	}
	for _, c := range []struct {
		addr units.Address
		mode units.BindIPv6Only
		want int
	}{
		{dual, units.BindIPv6OnlyDefault, 0},
		{dual, units.BindIPv6OnlyIPv6, 1},
		{dual, units.BindIPv6OnlyBoth, 0},
		{anyV6, units.BindIPv6OnlyDefault, ofHost},
		{anyV6, units.BindIPv6OnlyIPv6, 1},
		{anyV6, units.BindIPv6OnlyBoth, 0},
		{specific, units.BindIPv6OnlyBoth, 1},
		{mapped, units.BindIPv6OnlyIPv6, 0},
	} {
		s := newSet(t, Options{})
		u := unit("u", socket(c.addr))
		u.Sockets[0].BindIPv6Only = c.mode
		commit(t, s, u)
		got, err := unix.GetsockoptInt(only(t, s, "u").FD, ip6, unix.IPV6_V6ONLY)
		if err != nil || got != c.want {
			t.Errorf("%s with bind_ipv6_only %d: IPV6_V6ONLY is %d, %v; want %d", c.addr, c.mode, got, err, c.want)
		}
	}
}

func TestOptionThatFailsIsNamed(t *testing.T) {
	for key, change := range map[string]func(*units.Socket){
		"tcp_congestion":    func(s *units.Socket) { s.TCPCongestion = "no-such-thing" },
		"bind_to_device":    func(s *units.Socket) { s.BindToDevice = "no-such-dev" },
		"keep_alive_probes": func(s *units.Socket) { s.KeepAliveProbes = 1000 },
		"ip_ttl":            func(s *units.Socket) { s.IPTTL = new(1000) },
	} {
		s := newSet(t, Options{})
		good, bad := unit("u", socket(tcpAt(loopback(), 0))), unit("u", socket(tcpAt(loopback(), 0)))
		bad.Sockets[0].Listen = good.Sockets[0].Listen
		change(&bad.Sockets[0])

		_, problems := s.Prepare([]*units.Unit{bad})
		wantProblem(t, problems, "cannot set "+key)

		commit(t, s, good)
		c, problems := s.Prepare([]*units.Unit{bad})
		wantProblem(t, problems, "cannot set "+key)
		c.Rollback()
		if only(t, s, "u").Socket != &good.Sockets[0] {
			t.Errorf("%s: a reload that failed changed the listener", key)
		}
	}
}

func wantProblem(t *testing.T, problems []Problem, part string) {
	t.Helper()
	if len(problems) != 1 || !strings.Contains(problems[0].Error(), part) {
		t.Errorf("problems are %v, want one with %q", problems, part)
	}
}

func TestBacklogChangesOnReload(t *testing.T) {
	for _, a := range []units.Address{tcpAt(loopback(), 0), pathOf(units.UnixStream, t.TempDir()+"/s")} {
		s := newSet(t, Options{})
		for _, n := range []int{5, 50} {
			u := unit("u", socket(a))
			u.Sockets[0].Backlog = n
			commit(t, s, u)
			if got := only(t, s, "u").Capacity(); got != n {
				t.Errorf("%s: capacity is %d, want %d", a.Network, got, n)
			}
		}
		u := unit("u", socket(a))
		u.Sockets[0].Backlog = math.MaxInt
		commit(t, s, u)
		if got := only(t, s, "u").Capacity(); got < 50 {
			t.Errorf("%s: capacity without limit is %d", a.Network, got)
		}
	}
}

func TestPriorityOutlivesChangeOfTOS(t *testing.T) {
	a := tcpAt(loopback(), 0)
	s := newSet(t, Options{})
	for _, tos := range []int{0x08, 0x10} {
		u := unit("u", socket(a))
		u.Sockets[0].IPTOS, u.Sockets[0].Priority = &tos, new(5)
		commit(t, s, u)
		got, err := unix.GetsockoptInt(only(t, s, "u").FD, sol, unix.SO_PRIORITY)
		if err != nil || got != 5 {
			t.Errorf("priority with ip_tos %#x is %d, %v; want 5", tos, got, err)
		}
	}
}

func TestMultipath(t *testing.T) {
	s := newSet(t, Options{})
	u := unit("u", socket(tcpAt(loopback(), 0)))
	u.Sockets[0].SocketProtocol = "mptcp"
	c, problems := s.Prepare([]*units.Unit{u})
	if len(problems) > 0 && errors.Is(problems[0], unix.EPROTONOSUPPORT) {
		c.Rollback()
		t.Skip("the kernel has no MPTCP")
	}
	for _, err := range c.Commit() {
		t.Error(err)
	}
	l := only(t, s, "u")
	got, err := unix.GetsockoptInt(l.FD, sol, unix.SO_PROTOCOL)
	if err != nil || got != unix.IPPROTO_MPTCP {
		t.Errorf("protocol is %d, %v", got, err)
	}
	dial(t, l)
	if n, err := l.Waiting(); n != 1 || err != nil {
		t.Errorf("Waiting() = %d, %v; want 1", n, err)
	}
	if _, ok := l.Pending(); ok {
		t.Error("Pending claims to know MPTCP")
	}
}

func TestSetUpConnectionOfUnixSocket(t *testing.T) {
	s := newSet(t, Options{})
	u := unit("u", socket(pathOf(units.UnixStream, t.TempDir()+"/s")))
	u.Sockets[0].ReceiveBuffer, u.Sockets[0].PassCredentials = 70000, true
	commit(t, s, u)
	l := only(t, s, "u")
	dial(t, l)
	conn := accept(t, l)
	mustSucceed(t, l.SetUpConnection(conn))
	for name, want := range map[int]int{unix.SO_RCVBUF: 140000, unix.SO_PASSCRED: 1} {
		if got, err := unix.GetsockoptInt(conn, sol, name); got != want || err != nil {
			t.Errorf("option %d of a connection is %d, %v; want %d", name, got, err, want)
		}
	}
}
