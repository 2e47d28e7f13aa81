package activation

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"
)

// closer is a converted descriptor that records its end.
type closer struct{ closed *int }

func (c closer) Close() error {
	*c.closed++
	return nil
}

// poolOf returns a pool with new sockets of the given types; what a test does not take is closed at its end.
func poolOf(t *testing.T, types ...int) *pool {
	t.Helper()
	var fds []FD
	for _, socketType := range types {
		pair, err := unix.Socketpair(unix.AF_UNIX, socketType|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, FD{FD: pair[0]})
		t.Cleanup(func() {
			if err := unix.Close(pair[1]); err != nil {
				t.Error(err)
			}
		})
	}
	p := &pool{load: func() ([]FD, error) { return fds, nil }}
	t.Cleanup(func() {
		for _, fd := range p.fds {
			if err := unix.Close(fd.FD); err != nil {
				t.Error(err)
			}
		}
	})
	return p
}

func TestPassedPrefersListenFDs(t *testing.T) {
	for _, test := range []struct {
		name string
		env  []string
		want []FD
		err  string
	}{
		{"both", []string{"LISTEN_PID=4711", "LISTEN_FDS=1", "UPSTART_FDS=3 4"}, []FD{{3, "unknown"}}, ""},
		{"LISTEN_PID of another process", []string{"LISTEN_PID=1", "LISTEN_FDS=1", "UPSTART_FDS=4"}, []FD{{4, "unknown"}}, ""},
		{"LISTEN_FDS wrong", []string{"LISTEN_PID=4711", "LISTEN_FDS=x", "UPSTART_FDS=3"}, nil, "LISTEN_FDS"},
		{"UPSTART_FDS wrong", []string{"UPSTART_FDS=x"}, nil, "UPSTART_FDS"},
		{"neither", nil, []FD{{0, "unknown"}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := fakeProcess{env: environ(test.env...), open: 2}
			got, err := f.process().passed()
			checkError(t, err, test.err)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("passed (-want +got):\n%s", diff)
			}
			if len(f.env) != 0 {
				t.Errorf("variables left: %v", f.env)
			}
		})
	}
}

func TestTakeAllClosesAllAfterAnError(t *testing.T) {
	closed := 0
	calls := 0
	convert := func(*os.File) (io.Closer, error) {
		if calls++; calls == 2 {
			return nil, unix.EPROTONOSUPPORT
		}
		return closer{&closed}, nil
	}
	conns, err := takeAll(poolOf(t, unix.SOCK_STREAM, unix.SOCK_STREAM, unix.SOCK_STREAM), connected, convert)
	if conns != nil || !errors.Is(err, unix.EPROTONOSUPPORT) || !strings.Contains(err.Error(), "cannot use descriptor ") {
		t.Errorf("takeAll = %v, %v", conns, err)
	}
	if closed != 2 {
		t.Errorf("%d of the 2 that were converted are closed", closed)
	}
}

func TestPoolGivesEachDescriptorOnce(t *testing.T) {
	p := poolOf(t, unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_SEQPACKET)
	if _, err := p.take(listening); !errors.Is(err, ErrNotActivated) {
		t.Errorf("take without a listening socket: %v", err)
	}
	var mu sync.Mutex
	owners := make(map[int]int)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, k := range []kind{connected, datagrams} {
				fds, err := p.take(k)
				if err != nil && !errors.Is(err, ErrNotActivated) {
					t.Error(err)
				}
				mu.Lock()
				for _, fd := range fds {
					owners[fd.FD]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(owners) != 3 {
		t.Errorf("%d of 3 descriptors taken", len(owners))
	}
	for fd, n := range owners {
		if n != 1 {
			t.Errorf("descriptor %d was given to %d owners", fd, n)
		}
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	}
}

func TestPoolRemembersError(t *testing.T) {
	loads := 0
	p := pool{load: func() ([]FD, error) { loads++; return nil, unix.EBADF }}
	for range 2 {
		if _, err := p.take(listening); !errors.Is(err, unix.EBADF) {
			t.Errorf("take: %v, want EBADF", err)
		}
	}
	if loads != 1 {
		t.Errorf("loaded %d times", loads)
	}
}

func TestKindOf(t *testing.T) {
	listener, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(listener) //nolint:errcheck // of a test
	if err := errors.Join(unix.Bind(listener, &unix.SockaddrUnix{}), unix.Listen(listener, 1)); err != nil {
		t.Fatal(err)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close() //nolint:errcheck // of a test
	for fd, want := range map[int]kind{listener: listening, int(null.Fd()): noSocket, -1: noSocket} {
		if got, err := kindOf(fd); got != want || err != nil {
			t.Errorf("kindOf(%d) = %d, %v; want %d", fd, got, err, want)
		}
	}
}
