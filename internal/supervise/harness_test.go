package supervise

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

// The test binary also plays the services, named by the variable SERVICE.
func TestMain(m *testing.M) {
	if play, ok := services[os.Getenv("SERVICE")]; ok {
		play()
		return
	}
	goleak.VerifyTestMain(m)
}

var services = map[string]func(){
	"accept one": func() {
		client, _, err := unix.Accept(3)
		if err != nil {
			os.Exit(1)
		}
		fmt.Fprintf(os.NewFile(uintptr(client), "client"), "pid %d\n", os.Getpid())
	},
	"accept one slowly": func() {
		client, _, err := unix.Accept(3)
		if err != nil {
			os.Exit(1)
		}
		file := os.NewFile(uintptr(client), "client")
		_, _ = io.ReadAll(file)
		fmt.Fprintf(file, "pid %d\n", os.Getpid())
	},
	"read one": func() {
		var buf [64]byte
		n, from, err := unix.Recvfrom(3, buf[:], 0)
		if err != nil {
			os.Exit(1)
		}
		_ = unix.Sendto(3, buf[:n], 0, from)
	},
	"leave": func() { os.Exit(1) },
	"fail":  func() { os.Exit(7) },
}

// A bench is a loop with an engine and a listener, run by the test step by step.
type bench struct {
	t      *testing.T
	loop   *loop.Loop
	engine *Engine
	launch *launch.Launcher
	events []event.Event
	ahead  time.Duration // of the real time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t}
	l, err := loop.New(loop.Options{Keep: launch.Keep, Now: func() time.Time { return time.Now().Add(b.ahead) }})
	if err != nil {
		t.Fatal(err)
	}
	launcher, err := launch.New(launch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b.loop, b.launch = l, launcher
	b.engine = New(Options{Loop: l, Launcher: launcher, Publish: func(e event.Event) { b.events = append(b.events, e) }})
	t.Cleanup(func() {
		if b.engine.Live() != 0 || len(b.engine.polled) != 0 {
			t.Errorf("%d instances are left, %d of them polled", b.engine.Live(), len(b.engine.polled))
		}
		if err := errors.Join(launcher.Close(), l.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// until runs the loop until the condition holds.
func (b *bench) until(what string, holds func() bool) {
	b.t.Helper()
	failed := b.loop.After(20*time.Second, func() {
		b.t.Errorf("never: %s; events: %s", what, b.story())
		b.loop.Stop()
	})
	defer failed.Stop()
	var check func()
	check = func() {
		if holds() {
			b.loop.Stop()
			return
		}
		b.loop.After(time.Millisecond, check)
	}
	check()
	if err := b.loop.Run(); err != nil {
		b.t.Fatal(err)
	}
	if b.t.Failed() {
		b.t.FailNow()
	}
}

func (b *bench) story() string {
	var types []string
	const most = 40
	for _, e := range b.events[max(0, len(b.events)-most):] {
		types = append(types, string(e.Type)+" "+e.Status+e.Reason)
	}
	return strings.Join(types, ", ")
}

func (b *bench) count(types ...event.Type) (n int) {
	for _, e := range b.events {
		if slices.Contains(types, e.Type) {
			n++
		}
	}
	return n
}

func (b *bench) program(path string, env ...string) *launch.Program {
	b.t.Helper()
	p, err := b.launch.Compile(launch.Spec{Unit: "test", Path: path, Argv: []string{filepath.Base(path)}, Env: env})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// plays is the program that plays a service of this file.
func (b *bench) plays(service string) *launch.Program {
	b.t.Helper()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	// The race detector would have the process linger for a second after its end.
	return b.program(self, "SERVICE="+service, "GORACE=atexit_sleep_ms=0")
}

func (b *bench) sh(script string) *launch.Program {
	b.t.Helper()
	p, err := b.launch.Compile(launch.Spec{Unit: "test", Path: "/bin/sh", Argv: []string{"sh", "-c", script}})
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

// A tcpQueue is a listening TCP socket.
type tcpQueue struct {
	fd      int
	address string
}

func listenTCP(t *testing.T) *tcpQueue {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		fd, err = launch.Keep(fd)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 64)); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return &tcpQueue{fd: fd, address: fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port)}
}

func (q *tcpQueue) Waiting() (int, error) {
	info, err := unix.GetsockoptTCPInfo(q.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, err
	}
	return int(info.Unacked), nil
}

// Pending knows nobody: what the kernel can say is the listeners' matter.
func (q *tcpQueue) Pending() ([]uint64, bool) { return nil, false }

func (q *tcpQueue) DropOne() (bool, error) {
	if n, err := q.Waiting(); n == 0 || err != nil {
		return false, err
	}
	fd, _, err := unix.Accept(q.fd)
	if err != nil {
		return false, err
	}
	return true, unix.Close(fd)
}

func (q *tcpQueue) Mend() error { return nil }

// trigger is a handle of a unit, which starts the service of service_test.go.
func (q *tcpQueue) trigger() *Handle {
	return &Handle{Name: "test", Unit: "test", Kind: "socket", Borrowed: true, FD: q.fd, Queue: q, Accepts: true}
}

// A clients is a number of clients that connect and read to the end beside the loop.
type clients struct {
	group   sync.WaitGroup
	mu      sync.Mutex
	replies []string
	errs    []error
}

func (c *clients) connect(t *testing.T, address string, n int) {
	t.Helper()
	for range n {
		c.group.Go(func() {
			reply, err := ask(address)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.replies = append(c.replies, reply)
			if err != nil {
				c.errs = append(c.errs, err)
			}
		})
	}
	t.Cleanup(c.group.Wait)
}

func ask(address string) (string, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return "", err
	}
	reply, err := io.ReadAll(conn)
	return string(reply), err
}

func (c *clients) done() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.replies)
}

func (c *clients) served() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.replies {
		if strings.HasPrefix(r, "pid ") {
			n++
		}
	}
	return n
}
