package listener

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// clients makes n clients wait on a listener of any kind; vsock is left out, since few machines have its loopback.
func clients(t *testing.T, l *Listener, n int) {
	t.Helper()
	for i := range n {
		switch {
		case l.Addr.Network == units.FIFO:
			_, err := unix.Write(l.FD, []byte("x"))
			mustSucceed(t, err)
		case l.accepts():
			dial(t, l)
		default:
			_, err := unix.Write(dial(t, l), fmt.Appendf(nil, "datagram %d", i))
			mustSucceed(t, err)
		}
	}
}

func TestWaitingCounts(t *testing.T) {
	for name, a := range everyKind(t) {
		if a.Network == units.VsockStream {
			continue
		}
		for _, n := range []int{0, 1, 5} {
			t.Run(fmt.Sprintf("%s %d", name, n), func(t *testing.T) {
				_, l := one(t, a)
				clients(t, l, n)
				want := n
				if !l.accepts() {
					want = min(n, 1)
				}
				if got, err := l.Waiting(); got != want || err != nil {
					t.Errorf("Waiting() = %d, %v; want %d", got, err, want)
				}
				if got := l.Capacity(); l.accepts() && got != 128 {
					t.Errorf("Capacity() = %d, want 128", got)
				}
			})
		}
	}
}

func TestWaitingWithoutSockDiagCountsOne(t *testing.T) {
	s, l := one(t, pathOf(units.UnixStream, t.TempDir()+"/s"))
	clients(t, l, 3)
	mustSucceed(t, s.diag.close())
	s.diag.fd = 1 << 20 // as on a kernel without it: every question fails
	defer func() { s.diag.fd = 0 }()
	if got, err := l.Waiting(); got != 1 || err != nil {
		t.Errorf("Waiting() = %d, %v; want 1", got, err)
	}
}

func TestDropOne(t *testing.T) {
	for name, a := range everyKind(t) {
		if a.Network == units.VsockStream || a.Network == units.FIFO {
			continue
		}
		t.Run(name, func(t *testing.T) {
			_, l := one(t, a)
			drop(t, l, false)
			clients(t, l, 2)
			for _, left := range []int{1, 0} {
				drop(t, l, true)
				if got, err := l.Waiting(); got != left || err != nil {
					t.Errorf("Waiting() after a drop = %d, %v; want %d", got, err, left)
				}
			}
			checkFlags(t, l, false)
		})
	}
}

// drop drops a client, if there should be one.
func drop(t *testing.T, l *Listener, want bool) {
	t.Helper()
	got, err := l.DropOne()
	mustSucceed(t, err)
	if got != want {
		t.Errorf("DropOne() = %v, want %v", got, want)
	}
}
