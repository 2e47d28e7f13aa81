package listener

import (
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// inThread runs f on a thread of its own, which ends with it: what f changes of the thread, nobody else sees. The first
// thread of the process never ends, so f must not get that one.
func inThread(f func()) {
	done := make(chan struct{})
	go func() { // inThread waits for it
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f()
			return
		}
		inThread(f) // on another one, since this one is taken
		runtime.UnlockOSThread()
	}()
	<-done
}

// withoutCapabilities runs f as root without privileges.
func withoutCapabilities(t *testing.T, f func()) {
	t.Helper()
	inThread(func() {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			t.Errorf("cannot drop capabilities: %v", err)
			return
		}
		f()
	})
}

// inNetwork runs f in a network namespace with a loopback device that is up, and a link-local address on it.
func inNetwork(t *testing.T, f func()) {
	t.Helper()
	needRoot(t, "network namespace")
	inThread(func() {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("cannot make network namespace: %v", err)
			return
		}
		for _, args := range []string{"link set lo up", "addr add fe80::1/64 dev lo nodad"} {
			if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(args)...).CombinedOutput(); err != nil {
				t.Errorf("ip %s: %v: %s", args, err, out)
				return
			}
		}
		f()
	})
}

func TestWhatNeedsPrivilegesSaysSo(t *testing.T) {
	ip := loopback()
	for name, c := range map[string]struct {
		addr   units.Address
		change func(*units.Socket)
		part   string
		want   error
		hint   string
	}{
		"low port":    {tcpAt(ip, 81), nil, "cannot bind tcp " + ip.String() + ":81", unix.EACCES, "ports below 1024 need root"},
		"mark":        {tcpAt(ip, 7021), func(s *units.Socket) { s.Mark = new(1) }, "cannot set mark to 1", unix.EPERM, "CAP_NET_ADMIN"},
		"transparent": {udpAt(ip, 7021), func(s *units.Socket) { s.Transparent = true }, "cannot set transparent to 1", unix.EPERM, "CAP_NET_ADMIN"},
		"owner": {
			pathOf(units.UnixStream, t.TempDir()+"/s"),
			func(s *units.Socket) { s.SocketUID = 1234 }, "cannot set socket_user", unix.EPERM, "CAP_CHOWN",
		},
	} {
		t.Run(name, func(t *testing.T) {
			needRoot(t, "a thread that drops its capabilities")
			s := newSet(t, Options{})
			u := unit("u", socket(c.addr))
			if c.change != nil {
				c.change(&u.Sockets[0])
			}
			withoutCapabilities(t, func() {
				change, problems := s.Prepare([]*units.Unit{u})
				wantProblem(t, problems, c.part)
				if len(problems) == 1 && (!errors.Is(problems[0], c.want) || !strings.Contains(problems[0].Hint, c.hint)) {
					t.Errorf("%v, hint %q", problems[0], problems[0].Hint)
				}
				change.Rollback()
			})
		})
	}
}

func TestBuffersWithoutPrivilegesGoToTheLimit(t *testing.T) {
	needRoot(t, "a thread that drops its capabilities")
	s := newSet(t, Options{})
	u := unit("u", socket(udpAt(loopback(), 0)))
	u.Sockets[0].ReceiveBuffer = 1 << 40
	withoutCapabilities(t, func() { commit(t, s, u) })
	limited := getInt(t, only(t, s, "u"), unix.SO_RCVBUF)
	free := newSet(t, Options{})
	commit(t, free, u)
	if all := getInt(t, only(t, free, "u"), unix.SO_RCVBUF); limited >= all || limited < 100_000 {
		t.Errorf("the buffer is %d without privileges and %d with them", limited, all)
	}
}

func TestDevices(t *testing.T) {
	inNetwork(t, func() {
		linkLocal := tcpAt(netip.MustParseAddr("fe80::1"), 80)
		wildcard := udpAt(netip.IPv6Unspecified(), 53)
		linkLocal.Device, wildcard.Device = "lo", "lo"
		s := newSet(t, Options{})
		commit(t, s, unit("u", socket(linkLocal, wildcard)))
		ls := s.Listeners("u")
		if len(ls) != 2 {
			return
		}
		if got := ls[0].Bound(); got.Key() != linkLocal.Key() {
			t.Errorf("Bound() = %s, want %s", got, linkLocal)
		}
		if got, err := unix.GetsockoptString(ls[1].FD, sol, unix.SO_BINDTODEVICE); got != "lo" || err != nil {
			t.Errorf("the wildcard is bound to %q, %v; want lo", got, err)
		}
		nowhere := linkLocal
		nowhere.Device, nowhere.Port = "nowhere0", 81
		c, problems := s.Prepare([]*units.Unit{unit("u", socket(nowhere))})
		wantProblem(t, problems, `cannot find device "nowhere0": no such device`)
		c.Rollback()
		for _, err := range s.Close() {
			t.Error(err)
		}
	})
}

// The address comes later: until then the unit is left out, and each new attempt is cheap and complete.
func TestAddressThatIsNotThereYet(t *testing.T) {
	inNetwork(t, func() {
		late := unit("u", socket(tcpAt(netip.MustParseAddr("192.0.2.7"), 80)))
		s := newSet(t, Options{})
		c, problems := s.Prepare([]*units.Unit{late})
		wantProblem(t, problems, "cannot bind tcp 192.0.2.7:80: cannot assign requested address")
		if len(problems) == 1 && !strings.Contains(problems[0].Hint, "free_bind = true") {
			t.Errorf("hint: %s", problems[0].Hint)
		}
		c.Commit()
		free := unit("u", socket(tcpAt(netip.MustParseAddr("192.0.2.7"), 80)))
		free.Sockets[0].FreeBind = true
		commit(t, s, free)
		commit(t, s)
		if err := exec.CommandContext(t.Context(), "ip", "addr", "add", "192.0.2.7/32", "dev", "lo").Run(); err != nil {
			t.Error(err)
			return
		}
		commit(t, s, late)
		for _, err := range s.Close() {
			t.Error(err)
		}
	})
}

func TestPortTakenByAnotherProcessIsNamed(t *testing.T) {
	ip := loopback()
	other, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	mustSucceed(t, err)
	defer closeQuietly(other)
	mustSucceed(t, unix.Bind(other, &unix.SockaddrInet4{Addr: ip.As4(), Port: 7022}))
	mustSucceed(t, unix.Listen(other, 1))
	s := newSet(t, Options{})
	c, problems := s.Prepare([]*units.Unit{unit("u", socket(tcpAt(ip, 7022)))})
	wantProblem(t, problems, "cannot bind tcp "+ip.String()+":7022: address already in use")
	if len(problems) == 1 && !strings.Contains(problems[0].Hint, fmt.Sprintf("(pid %d) has it", unix.Getpid())) {
		t.Errorf("hint: %s", problems[0].Hint)
	}
	c.Rollback()
}
