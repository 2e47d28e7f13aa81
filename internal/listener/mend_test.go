package listener

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// service returns another descriptor of the listener's socket, as a service has it.
func service(t *testing.T, l *Listener) int {
	t.Helper()
	fd, err := unix.FcntlInt(uintptr(l.FD), unix.F_DUPFD_CLOEXEC, 0)
	mustSucceed(t, err)
	t.Cleanup(func() { closeQuietly(fd) })
	return fd
}

// isServed reports whether a client that comes now gets to the listener.
func isServed(t *testing.T, l *Listener) bool {
	t.Helper()
	fd, err := tryDial(l)
	if err != nil {
		return false
	}
	defer closeQuietly(fd)
	if !l.accepts() {
		_, err := unix.Write(fd, []byte("x"))
		mustSucceed(t, err)
	}
	dropped, err := l.DropOne()
	return dropped && err == nil
}

func wantBroken(t *testing.T, l *Listener) {
	t.Helper()
	eventually(t, "the listener to be broken", func() bool { return l.healthy() != nil })
}

func wantMended(t *testing.T, l *Listener) {
	t.Helper()
	was := l.Bound()
	mustSucceed(t, l.Mend())
	if now := l.Bound(); now != was {
		t.Errorf("bound to %s after Mend, and to %s before", now, was)
	}
	if !isServed(t, l) {
		t.Error("no client is served")
	}
}

// nobody returns an address of the loopback network at which nobody has a UDP socket.
func nobody() *unix.SockaddrInet4 { return &unix.SockaddrInet4{Addr: loopback().As4(), Port: 9} }

func TestMendDatagramListenerThatTheServiceConnected(t *testing.T) {
	for name, a := range map[string]units.Address{
		"port of the unit": udpAt(loopback(), 7041), "port of the kernel": udpAt(loopback(), 0),
	} {
		t.Run(name, func(t *testing.T) {
			_, l := one(t, a)
			bound := l.Bound()
			fd := service(t, l)
			mustSucceed(t, unix.Connect(fd, nobody()))
			_, err := unix.Write(fd, []byte("x"))
			mustSucceed(t, err)
			wantBroken(t, l)
			mustSucceed(t, l.Mend())
			if got := l.Bound(); got != bound {
				t.Errorf("bound to %s, was to %s", got, bound)
			}
			if !isServed(t, l) {
				t.Error("no client is served")
			}
		})
	}
}

func TestMendQueueOfErrors(t *testing.T) {
	_, l := one(t, udpAt(loopback(), 7042))
	fd := service(t, l)
	mustSucceed(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1))
	for range 3 {
		// An error that is pending is reported by the next call, which then sends nothing.
		if err := unix.Sendto(fd, []byte("x"), 0, nobody()); err != nil {
			t.Log(err)
		}
	}
	wantBroken(t, l)
	wantMended(t, l)
}

func TestMendTCPListenerAfterShutdown(t *testing.T) {
	_, l := one(t, tcpAt(loopback(), 7043))
	clients(t, l, 2)
	mustSucceed(t, unix.Shutdown(service(t, l), unix.SHUT_RDWR))
	wantBroken(t, l)
	wantMended(t, l)
	if got := l.Capacity(); got != 128 {
		t.Errorf("Capacity() = %d, want 128", got)
	}
}

func TestMendLeavesHealthyListenersAlone(t *testing.T) {
	for name, a := range everyKind(t) {
		t.Run(name, func(t *testing.T) {
			_, l := one(t, a)
			bound := l.Bound()
			if a.Network != units.VsockStream {
				clients(t, l, 1)
			}
			mustSucceed(t, l.Mend())
			if got := l.Bound(); got != bound {
				t.Errorf("bound to %s, was to %s", got, bound)
			}
			if n, err := l.Waiting(); a.Network != units.VsockStream && n != 1 || err != nil {
				t.Errorf("Waiting() = %d, %v", n, err)
			}
		})
	}
}

// What cannot be mended is replaced by a reload, and then clients are served again.
func TestReloadReplacesBrokenListeners(t *testing.T) {
	dir := t.TempDir()
	_, other := one(t, tcpAt(loopback(), 0))
	server, err := unix.Getsockname(other.FD)
	mustSucceed(t, err)
	shutdown := func(t *testing.T, fd int) {
		t.Helper()
		// Of a datagram socket without a peer, inet_shutdown in net/ipv4/af_inet.c does what it says it cannot do.
		if err := unix.Shutdown(fd, unix.SHUT_RDWR); !errors.Is(err, unix.ENOTCONN) {
			mustSucceed(t, err)
		}
	}
	for name, c := range map[string]struct {
		addr   units.Address
		breaks func(*testing.T, int)
	}{
		"stream":   {pathOf(units.UnixStream, dir+"/stream"), shutdown},
		"packet":   {pathOf(units.UnixPacket, dir+"/packet"), shutdown},
		"datagram": {pathOf(units.UnixDatagram, dir+"/datagram"), shutdown},
		"udp":      {udpAt(loopback(), 7044), shutdown},
		"tcp that is a client": {tcpAt(loopback(), 7045), func(t *testing.T, fd int) {
			t.Helper()
			shutdown(t, fd)
			mustSucceed(t, connect(fd, server))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, l := one(t, c.addr)
			c.breaks(t, service(t, l))
			if err := l.Mend(); err == nil {
				t.Error("Mend found nothing wrong")
			}
			commit(t, s, unit("u", socket(c.addr)))
			now := only(t, s, "u")
			if now == l || !isServed(t, now) {
				t.Errorf("another listener: %v; serves: %v", now != l, isServed(t, now))
			}
			ino := inode(t, now)
			commit(t, s, unit("u", socket(c.addr)))
			if inode(t, only(t, s, "u")) != ino {
				t.Error("the new listener was replaced as well")
			}
		})
	}
}

func TestMendUnixDatagramListenerThatTheServiceConnected(t *testing.T) {
	s := newSet(t, Options{})
	dir := t.TempDir()
	commit(t, s, unit("u", socket(pathOf(units.UnixDatagram, dir+"/u"))), unit("peer", socket(pathOf(units.UnixDatagram, dir+"/peer"))))
	l := only(t, s, "u")
	mustSucceed(t, unix.Connect(service(t, l), &unix.SockaddrUnix{Name: dir + "/peer"}))
	if fd, err := tryDial(l); !errors.Is(err, unix.EPERM) {
		closeQuietly(fd)
		t.Fatalf("a client of a connected socket: %v, want EPERM", err)
	}
	wantMended(t, l)
}

// An abstract name belongs to its socket until the last who has that closes it: nothing can take its place before.
func TestBrokenAbstractListenerStays(t *testing.T) {
	s, l := one(t, pathOf(units.UnixStream, abstract("broken")))
	mustSucceed(t, unix.Shutdown(service(t, l), unix.SHUT_RDWR))
	c, problems := s.Prepare([]*units.Unit{unit("u", socket(l.Addr))})
	if errs := c.Commit(); len(problems) != 0 || len(errs) != 1 || !errors.Is(errs[0], unix.EADDRINUSE) {
		t.Errorf("problems %v, errors %v", problems, errs)
	}
	if only(t, s, "u") != l {
		t.Error("the listener is another one")
	}
}
