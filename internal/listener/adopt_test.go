package listener

import (
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// handOver returns the sockets of a generation as a new process would get them, under the names of their units.
func handOver(t *testing.T, wanted ...*units.Unit) []Inherited {
	t.Helper()
	old := NewSet(Options{})
	commit(t, old, wanted...)
	var out []Inherited
	for _, l := range old.All() {
		fd, err := unix.FcntlInt(uintptr(l.FD), unix.F_DUPFD, 3)
		mustSucceed(t, err)
		out = append(out, Inherited{FD: fd, Name: l.Name})
	}
	for _, err := range old.Close() {
		t.Error(err)
	}
	return out
}

func TestAdoptByAddress(t *testing.T) {
	for name, a := range everyKind(t) {
		if a.Port == 0 || a.Port == unix.VMADDR_PORT_ANY {
			a.Port = 7007 // a chosen port is not the address of a unit
		}
		t.Run(name, func(t *testing.T) {
			noLeak(t)
			in := handOver(t, unit("other-name", socket(a)))
			var st unix.Stat_t
			mustSucceed(t, unix.Fstat(in[0].FD, &st))
			sock := socket(a)
			sock.Accept, sock.Backlog, sock.SocketMode = a.Network.Accepts(), 9, 0o640
			s := newSet(t, Options{MinFD: 100, Inherited: in})
			c := commit(t, s, unit("u", sock))
			l := only(t, s, "u")
			if inode(t, l) != st.Ino || l.FD < 100 || len(s.Unclaimed()) != 0 {
				t.Errorf("descriptor %d with inode %d, want %d; unclaimed: %v", l.FD, inode(t, l), st.Ino, s.Unclaimed())
			}
			if len(c.Opened()) != 1 {
				t.Errorf("opened: %v", c.Opened())
			}
			checkFlags(t, l, sock.Accept)
			if got := l.Capacity(); l.accepts() && got != 9 && got != 0 {
				t.Errorf("capacity is %d, want 9", got)
			}
			if l.hasNode() && (!l.nodeIsOurs() || modeAt(t, a.Path) != 0o640) {
				t.Errorf("node is ours: %v, mode %#o", l.nodeIsOurs(), modeAt(t, a.Path))
			}
			commit(t, s, unit("u", sock))
			if only(t, s, "u") != l {
				t.Error("the next reload does not keep it")
			}
		})
	}
}

func TestAdoptByName(t *testing.T) {
	ip := loopback()
	in := handOver(t, unit("web", socket(tcpAt(ip, 0))), unit("dns", socket(udpAt(ip, 0))), unit("connection", socket(tcpAt(ip, 0))))
	port := func(fd int) uint32 {
		sa, err := unix.Getsockname(fd)
		mustSucceed(t, err)
		return uint32(sa.(*unix.SockaddrInet4).Port)
	}
	ports := []uint32{port(in[0].FD), port(in[1].FD)}
	s := newSet(t, Options{Inherited: in})
	accepting := socket(tcpAt(ip, 7013))
	accepting.FileDescriptorName = "connection" // what every such unit is called
	commit(t, s,
		unit("web", socket(tcpAt(ip, 7011))),
		unit("dns", socket(tcpAt(ip, 7012))), // another kind
		unit("c", accepting))
	if got := only(t, s, "web").Bound().Port; got != ports[0] {
		t.Errorf("web listens on port %d, want the inherited %d", got, ports[0])
	}
	if got := only(t, s, "dns").Bound().Port; got != 7012 {
		t.Errorf("dns listens on port %d, want its own", got)
	}
	if got := only(t, s, "c").Bound().Port; got != 7013 {
		t.Errorf("c listens on port %d, want its own", got)
	}
	if got := len(s.Unclaimed()); got != 2 {
		t.Errorf("unclaimed: %v, want two", s.Unclaimed())
	}
	if errs := s.DropUnclaimed(); errs != nil {
		t.Error(errs)
	}
}

func TestAddressGoesBeforeName(t *testing.T) {
	ip := loopback()
	x, y := tcpAt(ip, 7014), tcpAt(ip, 7015)
	in := handOver(t, unit("a", socket(x)), unit("b", socket(y)))
	s := newSet(t, Options{Inherited: in})
	commit(t, s, unit("a", socket(y)), unit("b", socket(x)))
	for _, name := range []string{"a", "b"} {
		if l := only(t, s, name); l.Bound().Port != l.Addr.Port {
			t.Errorf("unit %s has %s, want %s", name, l.Bound(), l.Addr)
		}
	}
}

func TestRollbackReturnsInheritedSockets(t *testing.T) {
	a := tcpAt(loopback(), 7016)
	s := newSet(t, Options{Inherited: handOver(t, unit("u", socket(a)))})
	c, problems := s.Prepare([]*units.Unit{unit("u", socket(a))})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c.Rollback()
	if len(s.Unclaimed()) != 1 {
		t.Error("the inherited socket is gone")
	}
	commit(t, s, unit("u", socket(a)))
	dial(t, only(t, s, "u"))
}

// A unit that asks for a socket of another shape replaces the inherited one, clients and all.
func TestInheritedSocketOfAnotherShapeIsReplaced(t *testing.T) {
	if !readHost().ipv6 {
		t.Skip("the kernel has no IPv6")
	}
	dual, v6 := socket(tcpAt(netip.IPv6Unspecified(), port(17))), socket(tcpAt(netip.IPv6Unspecified(), port(17)))
	dual.BindIPv6Only, v6.BindIPv6Only = units.BindIPv6OnlyBoth, units.BindIPv6OnlyIPv6
	s := newSet(t, Options{Inherited: handOver(t, unit("u", dual))})
	commit(t, s, unit("u", v6))
	if !only(t, s, "u").shape.v6Only || len(s.Unclaimed()) != 0 {
		t.Errorf("the unit has %+v, unclaimed %v", only(t, s, "u").shape, s.Unclaimed())
	}
}

func TestInheritedThingsThatAreNoSockets(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	mustSucceed(t, err)
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD, 3)
	mustSucceed(t, err)
	mustSucceed(t, f.Close())
	s := NewSet(Options{Inherited: []Inherited{{FD: fd, Name: "u"}, {FD: 1 << 20, Name: "u"}}})
	commit(t, s, unit("u", socket(tcpAt(loopback(), 0))))
	if got := len(s.Unclaimed()); got != 2 {
		t.Errorf("unclaimed: %v", s.Unclaimed())
	}
	if errs := s.Close(); len(errs) != 1 {
		t.Errorf("Close: %v, want one error, of the descriptor that is not open", errs)
	}
}
