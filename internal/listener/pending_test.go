package listener

import (
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

func TestPendingTellsWhetherOneWasTaken(t *testing.T) {
	for name, a := range everyKind(t) {
		if a.Network == units.VsockStream || a.Network == units.FIFO {
			continue
		}
		t.Run(name, func(t *testing.T) {
			_, l := one(t, a)
			if ids, ok := l.Pending(); len(ids) != 0 || !ok {
				t.Errorf("Pending() of an empty queue = %v, %v", ids, ok)
			}
			clients(t, l, 2)
			before := pending(t, l)
			clients(t, l, 2)
			if Took(before, pending(t, l)) {
				t.Error("arrivals look like a client that was taken")
			}
			drop(t, l, true)
			clients(t, l, 1)
			if !Took(before, pending(t, l)) {
				t.Error("a client that was taken is not noticed")
			}
		})
	}
}

func pending(t *testing.T, l *Listener) []uint64 {
	t.Helper()
	ids, ok := l.Pending()
	if !ok {
		t.Fatalf("Pending() of %s does not know", l)
	}
	return ids
}

func TestPendingTellsEqualDatagramsApart(t *testing.T) {
	for _, a := range []units.Address{udpAt(loopback(), 0), pathOf(units.UnixDatagram, t.TempDir()+"/s")} {
		_, l := one(t, a)
		client := dial(t, l)
		for range 2 {
			_, err := unix.Write(client, []byte("the same"))
			mustSucceed(t, err)
		}
		before := pending(t, l)
		if Took(before, pending(t, l)) {
			t.Errorf("%s: a datagram changes by being looked at", a.Network)
		}
		drop(t, l, true)
		if !Took(before, pending(t, l)) {
			t.Errorf("%s: equal datagrams look like one", a.Network)
		}
		if v, err := unix.GetsockoptInt(l.FD, sol, unix.SO_TIMESTAMPNS); v != 0 || err != nil {
			t.Errorf("%s: timestamps stay on: %d, %v", a.Network, v, err)
		}
	}
}

func TestPendingLeavesDescriptorsInDatagrams(t *testing.T) {
	_, l := one(t, pathOf(units.UnixDatagram, t.TempDir()+"/s"))
	client := dial(t, l)
	mustSucceed(t, unix.Sendmsg(client, []byte("x"), unix.UnixRights(0, 0, 0), nil, 0))
	noLeak(t)
	pending(t, l)
}

// A client that gives up stays in the queue, where the service has to take it. It has not been taken by then.
func TestPendingSeesClientsThatGiveUp(t *testing.T) {
	for name, giveUp := range map[string]func(int) error{
		"close": unix.Close,
		"reset": func(fd int) error {
			linger := unix.Linger{Onoff: 1}
			return joinErrors(unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger), unix.Close(fd))
		},
	} {
		for _, a := range []units.Address{tcpAt(loopback(), 0), pathOf(units.UnixStream, t.TempDir()+"/s")} {
			_, l := one(t, a)
			fd, err := tryDial(l)
			mustSucceed(t, err)
			clients(t, l, 1)
			before := pending(t, l)
			mustSucceed(t, giveUp(fd))
			if after := pending(t, l); Took(before, after) {
				t.Errorf("%s, %s: a client that gave up looks like one that was taken: %x, %x", a.Network, name, before, after)
			}
			drop(t, l, true)
			if after := pending(t, l); !Took(before, after) {
				t.Errorf("%s, %s: a client that was taken is not noticed: %x, %x", a.Network, name, before, after)
			}
		}
	}
}

func joinErrors(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestTook(t *testing.T) {
	for _, c := range []struct {
		before, after []uint64
		want          bool
	}{
		{nil, nil, false},
		{nil, []uint64{1}, false},
		{[]uint64{1}, []uint64{1}, false},
		{[]uint64{1}, nil, true},
		{[]uint64{1, 2}, []uint64{2, 3}, true},
		{[]uint64{1, 2}, []uint64{0, 2}, false},
		{[]uint64{1, 2}, []uint64{0}, true},
		{[]uint64{0, 2}, []uint64{2}, true},
	} {
		if got := Took(c.before, c.after); got != c.want {
			t.Errorf("Took(%v, %v) = %v, want %v", c.before, c.after, got, c.want)
		}
	}
}
