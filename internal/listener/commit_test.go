package listener

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

func TestReloadKeepsDescriptorAndQueue(t *testing.T) {
	for name, a := range everyKind(t) {
		if a.Network == units.VsockStream {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s, l := one(t, a)
			clients(t, l, 1)
			ino, fd := inode(t, l), l.FD
			changed := unit("u", socket(a))
			changed.Sockets[0].Backlog, changed.Sockets[0].SocketMode = 7, 0o600
			c := commit(t, s, changed)
			if only(t, s, "u") != l || l.FD != fd || inode(t, l) != ino {
				t.Error("the listener is another one after the reload")
			}
			if len(c.Kept()) != 1 || len(c.Opened())+len(c.Closed()) != 0 {
				t.Errorf("kept %v, opened %v, closed %v", c.Kept(), c.Opened(), c.Closed())
			}
			if n, err := l.Waiting(); n != 1 || err != nil {
				t.Errorf("Waiting() = %d, %v; want the client from before", n, err)
			}
			if l.hasNode() && modeAt(t, a.Path) != 0o600 {
				t.Errorf("mode is %#o, want 0600", modeAt(t, a.Path))
			}
		})
	}
}

func TestUnitsSwapPorts(t *testing.T) {
	ip := loopback()
	x, y := tcpAt(ip, port(1)), tcpAt(ip, 7002)
	s := newSet(t, Options{})
	commit(t, s, unit("a", socket(x)), unit("b", socket(y)))
	atX, atY := only(t, s, "a"), only(t, s, "b")
	dial(t, atX)
	commit(t, s, unit("a", socket(y)), unit("b", socket(x)))
	if only(t, s, "b") != atX || only(t, s, "a") != atY || atX.Unit != "b" || atX.Name != "b" {
		t.Error("the ports were not swapped")
	}
	accept(t, atX)
}

func TestRollbackLeavesEverything(t *testing.T) {
	dir := t.TempDir()
	ip := loopback()
	s := newSet(t, Options{})
	old := unit("u", socket(tcpAt(ip, port(1)), pathOf(units.UnixStream, dir+"/s"), udpAt(ip, port(1))))
	commit(t, s, old)
	live := slices.Clone(s.All())
	all := netip.IPv4Unspecified()
	c, problems := s.Prepare([]*units.Unit{
		unit("u", socket(tcpAt(all, port(1)), udpAt(all, port(1)), pathOf(units.UnixPacket, dir+"/s"))),
		unit("v", socket(pathOf(units.UnixStream, dir+"/a/b/c"), pathOf(units.FIFO, dir+"/d/fifo"), tcpAt(ip, 7002))),
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if len(c.Opened()) != 6 || len(c.Closed()) != 3 {
		t.Errorf("opened %v, closed %v", c.Opened(), c.Closed())
	}
	c.Rollback()
	c.Rollback()
	if errs := c.Commit(); errs != nil {
		t.Errorf("Commit after Rollback: %v", errs)
	}
	if !slices.Equal(s.All(), live) {
		t.Errorf("the set has %v, want %v", s.All(), live)
	}
	for _, l := range live {
		if isInternet(l.shape) {
			if v, err := unix.GetsockoptInt(l.FD, sol, unix.SO_REUSEPORT); v != 0 || err != nil {
				t.Errorf("%s: SO_REUSEPORT is %d, %v", l, v, err)
			}
		}
		clients(t, l, 1)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left in the folder: %v, %v", entries, err)
	}
}

func TestCommitLeavesOutUnitsWithProblems(t *testing.T) {
	ip := loopback()
	taken := newSet(t, Options{})
	commit(t, taken, unit("other", socket(tcpAt(ip, 7002))))
	s := newSet(t, Options{})
	good, bad := unit("good", socket(tcpAt(ip, port(1)))), unit("bad", socket(tcpAt(ip, port(3)), tcpAt(ip, 7002)))
	for range 2 { // the first time as a start, then as a second attempt
		c, problems := s.Prepare([]*units.Unit{good, bad})
		if len(problems) != 1 || !errors.Is(problems[0], unix.EADDRINUSE) || problems[0].Unit != "bad" {
			t.Fatalf("problems are %v", problems)
		}
		if errs := c.Commit(); errs != nil {
			t.Error(errs)
		}
		if len(s.Listeners("good")) != 1 || len(s.Listeners("bad")) != 0 {
			t.Errorf("the set has %v", s.All())
		}
	}
	taken.Close()
	commit(t, s, good, bad)
	if len(s.Listeners("bad")) != 2 {
		t.Errorf("the set has %v", s.All())
	}
}

func TestWithoutKeepsWhatTheUnitHas(t *testing.T) {
	ip := loopback()
	s := newSet(t, Options{})
	commit(t, s, unit("a", socket(tcpAt(ip, port(1)))), unit("b", socket(tcpAt(ip, 7002))))
	a, b := only(t, s, "a"), only(t, s, "b")
	c, problems := s.Prepare([]*units.Unit{unit("a", socket(tcpAt(ip, 7011))), unit("b", socket(tcpAt(ip, 7012)))})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c.Without("a")
	if got := c.Closed(); len(got) != 1 || got[0] != b {
		t.Errorf("closed: %v", got)
	}
	if errs := c.Commit(); errs != nil {
		t.Error(errs)
	}
	if only(t, s, "a") != a || only(t, s, "b").Addr.Port != 7012 {
		t.Errorf("the set has %v", s.All())
	}
	dial(t, a)
}

func TestOneAddressCannotBeWantedTwice(t *testing.T) {
	a := tcpAt(loopback(), port(1))
	s := newSet(t, Options{})
	c, problems := s.Prepare([]*units.Unit{unit("a", socket(a)), unit("b", socket(a))})
	wantProblem(t, problems, `unit "a" wants it too`)
	c.Rollback()
}

// Clients connect all the time while the address changes between a specific one and the wildcard. Every one of them is served: those who came before a switch are in the queue of the old listener.
func TestOverlappingAddressesLoseNoClient(t *testing.T) {
	ip := loopback()
	all := netip.IPv4Unspecified()
	mptcp := unit("u", socket(tcpAt(all, port(3))))
	mptcp.Sockets[0].SocketProtocol = "mptcp"
	steps := []*units.Unit{unit("u", socket(tcpAt(all, port(3)))), unit("u", socket(tcpAt(ip, port(3))))}
	if readHost().ipv6 {
		dual := tcpAt(netip.IPv6Unspecified(), port(3))
		dual.DualStack = true
		steps = append(steps, unit("u", socket(dual)), unit("u", socket(tcpAt(ip, port(3)))))
	}
	if fd, err := scratch(host{}.shapeFor(mptcp.Sockets[0].Listen[0], &mptcp.Sockets[0])); err == nil {
		closeQuietly(fd)
		// Not to TCP at the same address: that is the one switch that has a gap.
		steps = append(steps, mptcp, unit("u", socket(tcpAt(ip, port(3)))))
	}
	s := newSet(t, Options{})
	commit(t, s, unit("u", socket(tcpAt(ip, port(3)))))
	crowd := startCrowd(unix.SockaddrInet4{Addr: ip.As4(), Port: port(3)})
	accepted := 0
	serve := func() { accepted += drain(t, slices.Concat(s.All(), s.Retired())) }
	for _, u := range slices.Concat(steps, steps) {
		target := accepted + 100
		eventually(t, "more clients", func() bool {
			serve()
			return accepted > target || crowd.failed.Load() != nil
		})
		commit(t, s, u)
		if l := only(t, s, "u"); getInt(t, l, unix.SO_REUSEPORT) != 0 {
			t.Errorf("%s still shares its port", l)
		}
	}
	crowd.stop.Store(true)
	eventually(t, "the last client", func() bool {
		serve()
		return crowd.running.Load() == 0
	})
	if err := crowd.failed.Load(); err != nil {
		t.Error(*err)
	}
	if n := crowd.served.Load(); n != int64(accepted) {
		t.Errorf("%d clients were served, and %d accepted", n, accepted)
	}
}

// A crowd connects all the time, each one waiting until it has been served, which here is that its connection ends.
type crowd struct {
	stop    atomic.Bool
	running atomic.Int64
	served  atomic.Int64
	failed  atomic.Pointer[error]
}

func startCrowd(server unix.SockaddrInet4) *crowd {
	const size = 3
	c := new(crowd)
	c.running.Store(size)
	for range size {
		go func() { // the test waits until running is 0
			defer c.running.Add(-1)
			for !c.stop.Load() && c.failed.Load() == nil {
				if err := visit(server); err != nil {
					c.failed.Store(&err)
					return
				}
				c.served.Add(1)
			}
		}()
	}
	return c
}

func visit(server unix.SockaddrInet4) error {
	fd, err := dialTo(shape{domain: unix.AF_INET, kind: unix.SOCK_STREAM}, &server)
	if err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	defer closeQuietly(fd)
	if err := unix.SetsockoptTimeval(fd, sol, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
		return err
	}
	for {
		_, err := unix.Read(fd, make([]byte, 1))
		if err == unix.EINTR { // a time limit makes the kernel report it
			continue
		}
		if err != nil {
			return fmt.Errorf("lost: %w", err)
		}
		return nil
	}
}

// drain accepts what waits on the listeners.
func drain(t *testing.T, ls []*Listener) int {
	t.Helper()
	n := 0
	for _, l := range ls {
		for {
			ready, err := readable(l.FD)
			mustSucceed(t, err)
			if !ready {
				break
			}
			fd, _, err := unix.Accept4(l.FD, unix.SOCK_CLOEXEC)
			mustSucceed(t, err)
			closeQuietly(fd)
			n++
		}
	}
	return n
}

func getInt(t *testing.T, l *Listener, name int) int {
	t.Helper()
	v, err := unix.GetsockoptInt(l.FD, sol, name)
	mustSucceed(t, err)
	return v
}

// A Rollback may lose no client, so nothing may have taken one: new TCP and Unix listeners refuse until Commit.
func TestNothingListensBeforeCommit(t *testing.T) {
	s := newSet(t, Options{})
	u := unit("u", socket(tcpAt(loopback(), 7018), pathOf(units.UnixStream, t.TempDir()+"/s")))
	c, problems := s.Prepare([]*units.Unit{u})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	for _, l := range c.Opened() {
		if fd, err := tryDial(l); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("%s before Commit: %d, %v", l, fd, err)
		}
	}
	if errs := c.Commit(); errs != nil {
		t.Error(errs)
	}
	for _, l := range s.All() {
		dial(t, l)
	}
}

// Another process may listen on the address after Prepare has bound it.
func TestAddressTakenBetweenPrepareAndCommit(t *testing.T) {
	ip := loopback()
	s, rival := newSet(t, Options{}), NewSet(Options{})
	defer rival.Close()
	c, problems := s.Prepare([]*units.Unit{unit("u", socket(tcpAt(ip, 7019)), socket(tcpAt(ip, 7020)))})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	commit(t, rival, unit("rival", socket(tcpAt(ip, 7019))))
	errs := c.Commit()
	if len(errs) != 1 || !errors.Is(errs[0], unix.EADDRINUSE) {
		t.Errorf("errors: %v", errs)
	}
	if l := only(t, s, "u"); l.Addr.Port != 7020 {
		t.Errorf("the unit has %s", l)
	}
}

func getReusePort(l *Listener) (int, error) {
	return unix.GetsockoptInt(l.FD, sol, unix.SO_REUSEPORT)
}
