package listener

import (
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

func TestUDPChangesToOverlappingAddress(t *testing.T) {
	ip := loopback()
	s := newSet(t, Options{})
	commit(t, s, unit("u", socket(udpAt(netip.IPv4Unspecified(), port(4)))))
	old := only(t, s, "u")
	client, err := dialTo(old.shape, &unix.SockaddrInet4{Addr: ip.As4(), Port: port(4)})
	mustSucceed(t, err)
	defer closeQuietly(client)
	send := func(text string) {
		_, err := unix.Write(client, []byte(text))
		mustSucceed(t, err)
	}
	send("before")
	c, problems := s.Prepare([]*units.Unit{unit("u", socket(udpAt(ip, port(4))))})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	send("between")
	if errs := c.Commit(); errs != nil {
		t.Fatal(errs)
	}
	send("after")
	retired := s.Retired()
	if len(retired) != 1 || retired[0] != old {
		t.Fatalf("retired: %v", retired)
	}
	for _, want := range []string{"before", "between", ""} {
		if got := receive(old.FD); got != want {
			t.Errorf("the old listener has %q, want %q", got, want)
		}
	}
	if got := receive(only(t, s, "u").FD); got != "after" {
		t.Errorf("the new listener has %q", got)
	}
	mustSucceed(t, s.Release(old))
	mustSucceed(t, s.Release(old))
	if len(s.Retired()) != 0 {
		t.Error("a released listener is still there")
	}
}

func receive(fd int) string {
	b := make([]byte, 100)
	n, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

func TestUDPAddressThatIsNotThereIsAProblemOfPrepare(t *testing.T) {
	s := newSet(t, Options{})
	commit(t, s, unit("u", socket(udpAt(netip.IPv4Unspecified(), port(5)))))
	c, problems := s.Prepare([]*units.Unit{unit("u", socket(udpAt(netip.MustParseAddr("192.0.2.1"), port(5))))})
	wantProblem(t, problems, "cannot assign requested address")
	c.Rollback()
}

func TestKindOfSocketChangesAtTheSamePath(t *testing.T) {
	path := t.TempDir() + "/s"
	s := newSet(t, Options{})
	kinds := []units.Network{units.UnixStream, units.UnixPacket, units.UnixDatagram, units.FIFO, units.UnixStream}
	for _, network := range kinds {
		commit(t, s, unit("u", socket(pathOf(network, path))))
		l := only(t, s, "u")
		if !l.nodeIsOurs() {
			t.Fatalf("%s: the node is not the listener's", network)
		}
		clients(t, l, 1)
		if n, err := l.Waiting(); n != 1 || err != nil {
			t.Errorf("%s: Waiting() = %d, %v", network, n, err)
		}
	}
}

// The client that came before the node was removed is still in the queue of the old socket.
func TestNodeThatWasRemovedIsMadeAgain(t *testing.T) {
	for _, network := range []units.Network{units.UnixStream, units.UnixDatagram, units.FIFO} {
		path := t.TempDir() + "/s"
		s, l := one(t, pathOf(network, path))
		clients(t, l, 1)
		mustSucceed(t, os.Remove(path))
		commit(t, s, unit("u", socket(pathOf(network, path))))
		now := only(t, s, "u")
		if now == l || !now.nodeIsOurs() {
			t.Fatalf("%s: the node was not made again", network)
		}
		clients(t, now, 1)
		if network == units.FIFO {
			continue
		}
		if r := s.Retired(); len(r) != 1 || r[0] != l {
			t.Fatalf("%s: retired: %v", network, r)
		}
		if n, err := l.Waiting(); n != 1 || err != nil {
			t.Errorf("%s: Waiting() of the old one = %d, %v", network, n, err)
		}
	}
}

func TestNodeThatWasReplacedByAFileIsAProblem(t *testing.T) {
	path := t.TempDir() + "/s"
	s, l := one(t, pathOf(units.UnixStream, path))
	mustSucceed(t, os.Remove(path))
	mustSucceed(t, os.WriteFile(path, nil, 0o600))
	c, problems := s.Prepare([]*units.Unit{unit("u", socket(pathOf(units.UnixStream, path)))})
	wantProblem(t, problems, "a regular file, not a socket")
	if errs := c.Commit(); errs != nil {
		t.Error(errs)
	}
	if only(t, s, "u") != l {
		t.Error("the unit has lost its listener")
	}
}

func TestOverlapOfTwoWantedUnitsIsAProblem(t *testing.T) {
	ip := loopback()
	s := newSet(t, Options{})
	commit(t, s, unit("a", socket(tcpAt(ip, port(6)))))
	c, problems := s.Prepare([]*units.Unit{unit("a", socket(tcpAt(ip, port(6)))), unit("b", socket(tcpAt(netip.IPv4Unspecified(), port(6))))})
	wantProblem(t, problems, "address already in use")
	if len(problems) == 1 && problems[0].Hint != `unit "a" listens on `+tcpAt(ip, port(6)).String() {
		t.Errorf("hint: %s", problems[0].Hint)
	}
	c.Rollback()
}

// What is in the way may change between Prepare and Commit. Then the old listener stays, and serves on.
func TestListenerStaysWhenItsSuccessorFailsInCommit(t *testing.T) {
	path := t.TempDir() + "/s"
	s, old := one(t, pathOf(units.UnixStream, path))
	client := dial(t, old)
	c, problems := s.Prepare([]*units.Unit{unit("u", socket(pathOf(units.UnixPacket, path)))})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	mustSucceed(t, os.Remove(path))
	mustSucceed(t, os.Mkdir(path, 0o700))
	if errs := c.Commit(); len(errs) != 1 {
		t.Errorf("errors: %v", errs)
	}
	if only(t, s, "u") != old || len(s.Retired()) != 0 {
		t.Errorf("live: %v, retired: %v", s.All(), s.Retired())
	}
	accept(t, old)
	_ = client
}

func TestSeveralListenersBecomeOneAndBack(t *testing.T) {
	x, y, all := loopback(), loopback(), netip.IPv4Unspecified()
	s := newSet(t, Options{})
	two := func() *units.Unit { return unit("u", socket(tcpAt(x, port(8)), tcpAt(y, port(8)))) }
	commit(t, s, two())
	for range 2 {
		for _, l := range s.Listeners("u") {
			dial(t, l)
		}
		commit(t, s, unit("u", socket(tcpAt(all, port(8)))))
		if got := len(s.Retired()); got != 2 {
			t.Errorf("%d retired, want 2", got)
		}
		for _, l := range s.Retired() {
			accept(t, l)
		}
		commit(t, s, two())
		if got := len(s.Retired()); got != 1 {
			t.Errorf("%d retired, want 1", got)
		}
	}
}

// The unit with the overlap is left out, so that both addresses stay as they were, and neither is shared.
func TestLeavingOutASuccessorEndsTheSharing(t *testing.T) {
	ip := loopback()
	s := newSet(t, Options{})
	commit(t, s, unit("a", socket(tcpAt(ip, port(9)))))
	c, problems := s.Prepare([]*units.Unit{unit("b", socket(tcpAt(netip.IPv4Unspecified(), port(9))))})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c.Without("b", "a")
	if errs := c.Commit(); errs != nil {
		t.Error(errs)
	}
	l := only(t, s, "a")
	if v := getInt(t, l, unix.SO_REUSEPORT); v != 0 || len(s.All()) != 1 {
		t.Errorf("SO_REUSEPORT is %d, the set has %v", v, s.All())
	}
	dial(t, l)
	accept(t, l)
}

// An inherited socket that is in the way is replaced like a live one, and its clients can still be accepted.
func TestInheritedSocketInTheWayIsRetired(t *testing.T) {
	ip := loopback()
	in := handOver(t, unit("old", socket(tcpAt(ip, port(10)))))
	client, err := dialTo(shape{domain: unix.AF_INET, kind: unix.SOCK_STREAM}, &unix.SockaddrInet4{Addr: ip.As4(), Port: port(10)})
	mustSucceed(t, err)
	defer closeQuietly(client)
	s := newSet(t, Options{Inherited: in})
	commit(t, s, unit("u", socket(tcpAt(netip.IPv4Unspecified(), port(10)))))
	if r := s.Retired(); len(r) != 1 || len(s.Unclaimed()) != 0 {
		t.Fatalf("retired: %v, unclaimed: %v", r, s.Unclaimed())
	}
	accept(t, s.Retired()[0])
	commit(t, s, unit("u", socket(tcpAt(ip, port(10))))) // closes it
}
