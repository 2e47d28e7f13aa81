package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
)

func passing(q *tcpQueue) func(bool) (launch.Start, error) {
	return func(bool) (launch.Start, error) {
		return launch.Start{Streams: [3]int{-1, -1, -1}, Files: []int{q.fd}}, nil
	}
}

// A serviceConfig is a unit's service in a test, and the listeners that start it.
type serviceConfig struct {
	Program     *launch.Program
	Launch      func(alone bool) (launch.Start, error)
	Triggers    []*Handle
	Instances   int
	StopTimeout time.Duration
}

// Prepare is Starter's.
func (c serviceConfig) Prepare(_ *Service, alone bool) (p Prepared, err error) {
	p = Prepared{Program: c.Program, Group: true}
	p.Launch, err = c.Launch(alone)
	return p, err
}

func (b *bench) service(c serviceConfig) *Service {
	b.t.Helper()
	s, err := b.engine.Define("test", "test")
	if err != nil {
		b.t.Fatal(err)
	}
	b.set(s, c)
	return s
}

// set replaces the handles of the service by those of the config.
func (b *bench) set(s *Service, c serviceConfig) {
	b.t.Helper()
	d := Definition{Instances: c.Instances, StopTimeout: c.StopTimeout, Starter: c}
	if err := b.engine.AddHandles(c.Triggers...); err != nil {
		b.t.Fatal(err)
	}
	for _, h := range c.Triggers {
		d.Triggers = append(d.Triggers, Trigger{Readable: h.Name})
	}
	if err := s.Set(d); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) close(s *Service) {
	b.t.Helper()
	gone := false
	s.Close(func() { gone = true })
	b.until("the service is gone", func() bool { return gone })
}

func TestServiceServesWhoeverWaits(t *testing.T) {
	for name, instances := range map[string]int{"one instance": 1, "three instances": 3} {
		t.Run(name, func(t *testing.T) {
			b, q := newBench(t), listenTCP(t)
			most := 0
			s := b.service(serviceConfig{
				Program: b.plays("accept one"), Launch: passing(q), Instances: instances, Triggers: []*Handle{q.trigger()},
				StopTimeout: time.Second,
			})
			var c clients
			c.connect(t, q.address, 30)
			b.until("all are served", func() bool {
				most = max(most, s.Running())
				return c.done() == 30
			})
			if c.served() != 30 {
				t.Errorf("%d of 30 were served: %v", c.served(), c.errs)
			}
			if most > instances {
				t.Errorf("%d instances ran at once", most)
			}
			b.close(s)
			if n := b.count(event.Idle, event.StartFailed, event.Dropped); n != 0 {
				t.Errorf("complaints about a good service: %s", b.story())
			}
		})
	}
}

func TestServiceThatTakesNothingIsPausedAndRecovers(t *testing.T) {
	b, q := newBench(t), listenTCP(t)
	config := serviceConfig{Program: b.plays("fail"), Launch: passing(q), Triggers: []*Handle{q.trigger()}, StopTimeout: time.Second}
	s := b.service(config)
	var c clients
	c.connect(t, q.address, 1)
	b.until("three pauses", func() bool { return b.count(event.Idle) == 3 })
	if starts := b.count(event.Start); starts != shortRuns+3 {
		t.Errorf("%d starts before the third pause, want %d", starts, shortRuns+3)
	}
	var delays []time.Duration
	for _, e := range b.events {
		if e.Type == event.Idle {
			delays = append(delays, e.Delay)
		}
	}
	if delays[0] != firstPause || delays[1] != 2*firstPause || delays[2] != 4*firstPause {
		t.Errorf("pauses %v do not grow", delays)
	}
	config.Program = b.plays("accept one")
	b.set(s, config)
	b.until("the client that waited is served", func() bool { return c.served() == 1 })
	b.close(s)
}

func TestServiceThatCannotBeStartedTurnsClientsAway(t *testing.T) {
	b, q := newBench(t), listenTCP(t)
	s := b.service(serviceConfig{
		Program: b.program("/nonexistent/program"), Launch: passing(q), Triggers: []*Handle{q.trigger()}, StopTimeout: time.Second,
	})
	var c clients
	c.connect(t, q.address, 10)
	b.until("all are turned away", func() bool { return c.done() == 10 })
	if c.served() != 0 {
		t.Error("served by nobody")
	}
	if n := b.count(event.StartFailed); n == 0 || n > 4 {
		t.Errorf("%d attempts for clients that came at once", n)
	}
	for _, e := range b.events {
		if e.Type == event.StartFailed && !errors.Is(e.Err, fs.ErrNotExist) {
			t.Errorf("reason %v", e.Err)
		}
	}
	b.close(s)
}

func TestServiceLaunchError(t *testing.T) {
	b, q := newBench(t), listenTCP(t)
	boom := errors.New("boom")
	s := b.service(serviceConfig{
		Program: b.plays("accept one"), Triggers: []*Handle{q.trigger()}, StopTimeout: time.Second,
		Launch: func(bool) (launch.Start, error) { return launch.Start{}, boom },
	})
	var c clients
	c.connect(t, q.address, 1)
	b.until("it is turned away", func() bool { return c.done() == 1 })
	b.close(s)
}

func TestServiceCloseEndsInstances(t *testing.T) {
	b, q := newBench(t), listenTCP(t)
	s := b.service(serviceConfig{
		Program: b.sh("trap '' TERM; while :; do sleep 0.01; done"), Launch: passing(q), Instances: 2,
		Triggers: []*Handle{q.trigger()}, StopTimeout: 50 * time.Millisecond,
	})
	conn, err := net.Dial("tcp", q.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	b.until("two run and ignore TERM", func() bool {
		n := 0
		for _, i := range s.Instances() {
			if ignoresTERM(t, i.PID()) {
				n++
			}
		}
		return n == 2
	})
	b.close(s)
	if b.count(event.Stop) != 2 || b.count(event.Kill) != 2 {
		t.Errorf("TERM is ignored, so each needs both: %s", b.story())
	}
}

// ignoresTERM reads the mask of ignored signals from proc(5).
func ignoresTERM(t *testing.T, pid int) bool {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "SigIgn:\t")
	mask, err := strconv.ParseUint(rest[:16], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return mask&(1<<(unix.SIGTERM-1)) != 0
}

func TestServiceRestartsForAnotherListener(t *testing.T) {
	b, q := newBench(t), listenTCP(t)
	config := serviceConfig{
		Program: b.plays("accept one slowly"), Launch: passing(q), Triggers: []*Handle{q.trigger()}, StopTimeout: math.MaxInt64,
	}
	s := b.service(config)
	conn, err := net.Dial("tcp", q.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	b.until("it runs", func() bool { return s.Running() == 1 })
	first := s.Instances()[0]
	s.Unwatch()
	s.StopInstances()
	other := listenTCP(t)
	config.Launch, config.Triggers = passing(other), []*Handle{other.trigger()}
	b.set(s, config)
	next, err := net.Dial("tcp", other.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = next.Close() }()
	b.until("the old instance ended and a new one runs", func() bool {
		return first.state == ended && s.Running() == 1 && s.Instances()[0].settled
	})
	second := s.Instances()[0]
	s.Kill()
	b.until("it is killed", func() bool { return second.state == ended })
	b.close(s)
}

// A udpQueue is a UDP socket; readable counts as one.
type udpQueue struct{ fd int }

func (q udpQueue) Waiting() (int, error) {
	return unix.Poll([]unix.PollFd{{Fd: int32(q.fd), Events: unix.POLLIN}}, 0)
}

func (q udpQueue) Pending() ([]uint64, bool) { return nil, false }

func (q udpQueue) Mend() error { return nil }

func (q udpQueue) DropOne() (bool, error) {
	var buf [1]byte
	_, _, err := unix.Recvfrom(q.fd, buf[:], unix.MSG_DONTWAIT)
	if errors.Is(err, unix.EAGAIN) {
		return false, nil
	}
	return err == nil, err
}

func listenUDP(t *testing.T) (udpQueue, net.Conn) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		fd, err = launch.Keep(fd)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: sa.(*unix.SockaddrInet4).Port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return udpQueue{fd}, conn
}

func TestDatagramService(t *testing.T) {
	b := newBench(t)
	q, client := listenUDP(t)
	s := b.service(serviceConfig{
		Program: b.plays("read one"), Launch: passing(&tcpQueue{fd: q.fd}), Triggers: []*Handle{{Name: "test", Unit: "test", Borrowed: true, FD: q.fd, Queue: q}},
		StopTimeout: time.Second,
	})
	for range 3 {
		if _, err := client.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
	}
	b.until("three datagrams are read", func() bool { return b.count(event.Exit) >= 3 })
	if err := client.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var buf [64]byte
		if n, err := client.Read(buf[:]); err != nil || string(buf[:n]) != "hello" {
			t.Fatalf("%q, %v", buf[:n], err)
		}
	}
	b.close(s)
}

func TestUnreadDatagramIsDropped(t *testing.T) {
	b := newBench(t)
	q, client := listenUDP(t)
	s := b.service(serviceConfig{
		Program: b.plays("leave"), Launch: passing(&tcpQueue{fd: q.fd}), Triggers: []*Handle{{Name: "test", Unit: "test", Borrowed: true, FD: q.fd, Queue: q}},
		StopTimeout: time.Second,
	})
	if _, err := client.Write([]byte("nobody reads this")); err != nil {
		t.Fatal(err)
	}
	b.until("it is dropped", func() bool { return b.count(event.Dropped) == 1 })
	starts := b.count(event.Start)
	if starts != shortRuns+1 {
		t.Errorf("%d starts for one datagram", starts)
	}
	b.until("the pause is over", func() bool { return s.held == nil })
	if n, err := q.Waiting(); n != 0 || err != nil || b.count(event.Start) != starts {
		t.Errorf("started again for nothing: %s", b.story())
	}
	b.close(s)
}
