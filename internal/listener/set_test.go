package listener

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"sockbridge/units"
)

func TestEveryKindIsBoundWithItsModeAndFlags(t *testing.T) {
	for name, a := range everyKind(t) {
		t.Run(name, func(t *testing.T) {
			for _, accept := range []bool{false, true} {
				s := newSet(t, Options{MinFD: 200})
				sock := socket(a)
				sock.Accept = accept && a.Network.Accepts()
				commit(t, s, unit("u", sock))
				l := only(t, s, "u")
				if l.FD < 200 {
					t.Errorf("descriptor %d, want at least 200", l.FD)
				}
				checkFlags(t, l, sock.Accept)
				if got := l.Bound(); got.Network != a.Network || got.Port == 0 && got.Path == "" {
					t.Errorf("Bound() = %+v", got)
				}
				for _, err := range s.Close() {
					t.Error(err)
				}
			}
		})
	}
}

func TestLimitOfDescriptorsBelowMinFD(t *testing.T) {
	var limit unix.Rlimit
	mustSucceed(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	for name, a := range everyKind(t) {
		t.Run(name, func(t *testing.T) {
			s := newSet(t, Options{MinFD: int(limit.Cur)})
			commit(t, s, unit("u", socket(a)))
			l := only(t, s, "u")
			checkFlags(t, l, false)
			if _, err := l.Waiting(); err != nil {
				t.Error(err)
			}
		})
	}
}

func checkFlags(t *testing.T, l *Listener, nonBlocking bool) {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(l.FD), unix.F_GETFL, 0)
	mustSucceed(t, err)
	if got := flags&unix.O_NONBLOCK != 0; got != nonBlocking {
		t.Errorf("O_NONBLOCK is %v, want %v", got, nonBlocking)
	}
	fdFlags, err := unix.FcntlInt(uintptr(l.FD), unix.F_GETFD, 0)
	mustSucceed(t, err)
	if fdFlags&unix.FD_CLOEXEC == 0 {
		t.Error("descriptor is not close-on-exec")
	}
}

func TestNonBlockingServiceAndRestoreMode(t *testing.T) {
	s := newSet(t, Options{})
	u := unit("u", socket(tcpAt(loopback(), 0)))
	u.Service.NonBlocking = true
	commit(t, s, u)
	l := only(t, s, "u")
	checkFlags(t, l, true)
	mustSucceed(t, unix.SetNonblock(l.FD, false)) // as a service may
	mustSucceed(t, l.RestoreMode())
	checkFlags(t, l, true)
}

func TestListenersKeepTheOrderOfTheUnit(t *testing.T) {
	s := newSet(t, Options{})
	ip := loopback()
	a := unit("a", socket(tcpAt(ip, 7003), tcpAt(ip, 7001)), socket(udpAt(ip, 7002)))
	b := unit("b", socket(tcpAt(ip, 7000)))
	commit(t, s, b, a)
	var got []string
	for _, l := range s.All() {
		got = append(got, l.Unit+" "+l.Addr.Key())
	}
	want := []string{
		"b tcp " + ip.String() + ":7000",
		"a tcp " + ip.String() + ":7003", "a tcp " + ip.String() + ":7001", "a udp " + ip.String() + ":7002",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(s.Listeners("a")); n != 3 {
		t.Errorf("unit a has %d listeners, want 3", n)
	}
	if s.Listeners("c") != nil {
		t.Error("a unit that does not exist has listeners")
	}
}

func TestAbstractNameHasExactlyItsLength(t *testing.T) {
	name := abstract("exact")
	_, l := one(t, pathOf(units.UnixStream, name))
	text, err := os.ReadFile("/proc/net/unix")
	mustSucceed(t, err)
	sockets, err := l.set.diag.unixSockets()
	mustSucceed(t, err)
	for _, s := range sockets {
		if s.name == name {
			return
		}
	}
	t.Errorf("no socket is called %q:\n%s", name, text)
}

func TestCloseRemovesNodesOnlyWhereWanted(t *testing.T) {
	dir := t.TempDir()
	for _, network := range []units.Network{units.UnixStream, units.FIFO} {
		for _, remove := range []bool{false, true} {
			path := dir + "/" + network.String()
			sock := socket(pathOf(network, path))
			sock.RemoveOnStop, sock.Symlinks = remove, []string{dir + "/link"}
			s := newSet(t, Options{})
			commit(t, s, unit("u", sock))
			if errs := s.Close(); errs != nil {
				t.Error(errs)
			}
			for _, p := range []string{path, dir + "/link"} {
				if _, err := os.Lstat(p); os.IsNotExist(err) != remove {
					t.Errorf("%s with remove_on_stop = %v: %v", p, remove, err)
				}
			}
		}
	}
}

func TestCloseLeavesForeignNodes(t *testing.T) {
	path := t.TempDir() + "/s"
	sock := socket(pathOf(units.UnixStream, path))
	sock.RemoveOnStop = true
	s := newSet(t, Options{})
	commit(t, s, unit("u", sock))
	mustSucceed(t, os.Remove(path))
	mustSucceed(t, os.WriteFile(path, []byte("precious"), 0o600))
	if errs := s.Close(); errs != nil {
		t.Error(errs)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("somebody else's file is gone: %v", err)
	}
}
