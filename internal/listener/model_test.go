package listener

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"sockbridge/units"
)

// A pool is the addresses of which random generations are made. Some overlap, and some share a path.
func pool(dir string) []units.Address {
	x, y, all := loopback(), loopback(), netip.IPv4Unspecified()
	return []units.Address{
		tcpAt(x, port(11)), tcpAt(y, port(11)), tcpAt(all, port(11)), tcpAt(x, port(12)),
		udpAt(x, port(11)), udpAt(all, port(11)),
		pathOf(units.UnixStream, dir+"/a"), pathOf(units.UnixPacket, dir+"/a"), pathOf(units.UnixDatagram, dir+"/a"),
		pathOf(units.FIFO, dir+"/a"), pathOf(units.UnixStream, dir+"/b/c"), pathOf(units.FIFO, dir+"/d"),
		pathOf(units.UnixStream, abstract("model")),
	}
}

// generation draws units that can be served together: of addresses that are in each other's way, it takes the first.
func generation(rt *rapid.T, from []units.Address) []*units.Unit {
	var wanted []*units.Unit
	var taken []units.Address
	for i, a := range rapid.Permutation(from).Draw(rt, "addresses")[:rapid.IntRange(0, len(from)).Draw(rt, "size")] {
		clash := slices.ContainsFunc(taken, func(b units.Address) bool {
			return territory(a) == territory(b) && (hasNode(a) || a.IP == b.IP || a.IP.IsUnspecified() || b.IP.IsUnspecified())
		})
		if clash {
			continue
		}
		taken = append(taken, a)
		sock := socket(a)
		sock.Backlog = rapid.SampledFrom([]int{1, 5, 9}).Draw(rt, "backlog")
		sock.Accept = a.Network.Accepts() && rapid.Bool().Draw(rt, "accept")
		sock.KeepAlive, sock.ReusePort = rapid.Bool().Draw(rt, "keep_alive"), rapid.Bool().Draw(rt, "reuse_port")
		sock.RemoveOnStop = true // a FIFO that stays would rightly be in the way of a socket
		if a.Network == units.TCP && rapid.Bool().Draw(rt, "mptcp") {
			sock.SocketProtocol = "mptcp"
		}
		wanted = append(wanted, unit(fmt.Sprintf("u%d", i), sock))
	}
	return wanted
}

// Whatever generations follow each other, each one is served in full, a listener that can stay stays, and a rollback
// changes nothing.
func TestRandomGenerations(t *testing.T) {
	if fd, err := scratch(shape{domain: unix.AF_INET, kind: unix.SOCK_STREAM, protocol: unix.IPPROTO_MPTCP}); err == nil {
		closeQuietly(fd)
	} else {
		t.Skip("the kernel has no MPTCP")
	}
	rapid.Check(t, func(rt *rapid.T) {
		from := pool(t.TempDir())
		before := openFDs(t)
		s := NewSet(Options{})
		defer func() {
			for _, err := range s.Close() {
				rt.Error(err)
			}
			if after := openFDs(t); len(after) != len(before) {
				rt.Fatalf("descriptors: %v, before: %v", after, before)
			}
		}()
		for range rapid.IntRange(1, 6).Draw(rt, "generations") {
			wanted := generation(rt, from)
			before := snapshot(s)
			c, problems := s.Prepare(wanted)
			if len(problems) > 0 {
				c.Rollback()
				rt.Fatal(problems)
			}
			if rapid.Bool().Draw(rt, "rollback") {
				c.Rollback()
				if after := snapshot(s); !slices.Equal(before, after) {
					rt.Fatalf("a rollback made %v of %v", after, before)
				}
				continue
			}
			kept := c.Kept()
			for _, err := range c.Commit() {
				rt.Fatal(err)
			}
			checkGeneration(rt, s, wanted, kept)
		}
	})
}

// snapshot describes the live listeners, with what the kernel has of them.
func snapshot(s *Set) []string {
	var all []string
	for _, l := range s.All() {
		sh, err := shapeOf(l.FD)
		reuse := 0
		if isInternet(l.shape) {
			reuse, _ = getReusePort(l)
		}
		all = append(all, fmt.Sprint(l.Unit, l.FD, sh, err, l.Bound(), l.hasNode() && l.nodeIsOurs(), reuse))
	}
	return all
}

func checkGeneration(rt *rapid.T, s *Set, wanted []*units.Unit, kept []*Listener) {
	if len(s.All()) != len(wanted) {
		rt.Fatalf("%d listeners for %d units", len(s.All()), len(wanted))
	}
	for i, l := range s.All() {
		u := wanted[i]
		sh, err := shapeOf(l.FD)
		want := readHost().shapeFor(u.Sockets[0].Listen[0], &u.Sockets[0])
		if err != nil || sh != want || l.Unit != u.Name || l.Socket != &u.Sockets[0] {
			rt.Fatalf("%s of %s has shape %v, %v; want %v", l, l.Unit, sh, err, want)
		}
		if isInternet(sh) {
			if v, err := getReusePort(l); err != nil || v != 0 != l.Socket.ReusePort {
				rt.Fatalf("%s: SO_REUSEPORT is %d, %v", l, v, err)
			}
		}
		if l.hasNode() && !l.nodeIsOurs() {
			rt.Fatalf("%s: the node is not ours", l)
		}
		if n := l.Capacity(); l.accepts() && n != l.Socket.Backlog {
			rt.Fatalf("%s: capacity %d, want %d", l, n, l.Socket.Backlog)
		}
		reach(rt, l)
	}
	for _, l := range kept {
		if !slices.Contains(s.All(), l) {
			rt.Fatalf("%s was said to stay", l)
		}
	}
}

// reach checks that a client reaches exactly this listener.
func reach(rt *rapid.T, l *Listener) {
	if !l.accepts() {
		return
	}
	fd, err := tryDial(l)
	if err != nil {
		rt.Fatalf("connect to %s: %v", l, err)
	}
	closeQuietly(fd)
	if n, err := l.Waiting(); n != 1 || err != nil {
		rt.Fatalf("%s: %d clients wait, %v", l, n, err)
	}
	if _, err := l.DropOne(); err != nil {
		rt.Fatal(err)
	}
}
