package listener

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// returns is the shortest filter: of every packet it lets through so many bytes.
func returns(n uint32) []unix.SockFilter {
	return []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: n}}
}

const wholePacket = 1 << 18

// filtered returns a Set in which all units have the filter that the test writes to the pointer.
func filtered(t *testing.T) (*Set, *[]unix.SockFilter) {
	t.Helper()
	filter := new([]unix.SockFilter)
	return newSet(t, Options{Filter: func(*units.Unit) ([]unix.SockFilter, error) { return *filter, nil }}), filter
}

func TestChangedFilterMakesANewSocket(t *testing.T) {
	for name, a := range map[string]units.Address{"tcp": tcpAt(loopback(), 7031), "udp": udpAt(loopback(), 7031)} {
		t.Run(name, func(t *testing.T) {
			s, filter := filtered(t)
			u := unit("u", socket(a))
			changes := [][]unix.SockFilter{nil, returns(wholePacket), returns(wholePacket + 1), nil}
			commit(t, s, u)
			for i, changed := range changes[1:] {
				old := only(t, s, "u")
				clients(t, old, 2)
				*filter = changed
				commit(t, s, u)
				l := only(t, s, "u")
				if l == old {
					t.Fatalf("change %d: the socket is the same", i)
				}
				if retired := s.Retired(); len(retired) != 1 || retired[0] != old {
					t.Fatalf("change %d: retired are %v", i, retired)
				}
				for n, want := range []bool{true, true, false} {
					if got, err := old.DropOne(); got != want || err != nil {
						t.Errorf("change %d: client %d of before waits: %v, %v", i, n, got, err)
					}
				}
				clients(t, l, 1)
				drop(t, l, true)
			}
		})
	}
}

func TestUnchangedFilterKeepsTheDescriptor(t *testing.T) {
	s, filter := filtered(t)
	path := t.TempDir() + "/s"
	ip := loopback()
	u := unit("u", socket(tcpAt(ip, 7032), udpAt(ip, 7032)))
	v := unit("v", socket(pathOf(units.UnixStream, path)))
	for i := range 3 {
		*filter = returns(wholePacket) // equal, not the same
		before := s.All()
		commit(t, s, u, v)
		for j, l := range before {
			if now := s.All()[j]; now != l || now.FD != l.FD {
				t.Errorf("reload %d: %s is another one", i, l)
			}
		}
	}
	*filter = returns(wholePacket + 1)
	kept := only(t, s, "v")
	commit(t, s, u, v)
	if only(t, s, "v") != kept {
		t.Error("a Unix socket has no filter, and yet it is another one")
	}
}

func TestFilterDecidesAndCannotBeTakenOff(t *testing.T) {
	s, filter := filtered(t)
	*filter = returns(0)
	commit(t, s, unit("u", socket(udpAt(loopback(), 7033))))
	l := only(t, s, "u")
	clients(t, l, 1)
	drop(t, l, false)
	if err := unix.SetsockoptInt(l.FD, sol, unix.SO_DETACH_FILTER, 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("detaching the filter: %v, want EPERM", err)
	}
}

func TestUnitWhoseFilterCannotBeMadeIsLeftOut(t *testing.T) {
	bad := errors.New("too many networks")
	s := newSet(t, Options{Filter: func(u *units.Unit) ([]unix.SockFilter, error) {
		if u.Name == "bad" {
			return nil, bad
		}
		return nil, nil
	}})
	ip := loopback()
	c, problems := s.Prepare([]*units.Unit{unit("bad", socket(tcpAt(ip, 7034))), unit("good", socket(tcpAt(ip, 7035)))})
	if len(problems) != 1 || !errors.Is(problems[0], bad) {
		t.Errorf("problems are %v", problems)
	}
	if errs := c.Commit(); errs != nil {
		t.Error(errs)
	}
	if len(s.Listeners("bad")) != 0 || len(s.Listeners("good")) != 1 {
		t.Errorf("the set has %v", s.All())
	}
}
