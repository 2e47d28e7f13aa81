package supervise

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
)

func readable(handle string) []Trigger { return []Trigger{{Readable: handle}} }

// given starts a program with a handle as standard input, as it is at the time.
type given struct {
	b       *bench
	program *launch.Program
	handle  string
}

func (g given) Prepare(*Service, bool) (Prepared, error) {
	start := launch.Start{Streams: [3]int{g.b.engine.Handle(g.handle).FD, -1, -1}}
	return Prepared{Program: g.program, Launch: start}, nil
}

func TestPipeStartsAService(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	_, w := b.pipe("w")
	s := b.define("a", Definition{Starter: given{b, b.sh("read line; exit $line"), "r"}})
	o.lines = nil
	b.triggers(s, time.Hour, readable("r"))
	b.rounds(5)
	o.want(t)
	for _, code := range []string{"7", "8"} { // the interval does not delay the second
		write(t, w, code+"\n")
		b.until("it has ended", func() bool { return len(o.lines) == 3 })
		o.want(t, "a start", "a up", "a down exit "+code)
	}
	if n := b.count(event.Idle); n != 0 {
		t.Errorf("complaints: %s", b.story())
	}
}

func TestListeningSocketStartsAService(t *testing.T) {
	b, q := newBench(t), listenTCP(t)
	b.add(&Handle{Name: "l", Kind: "socket", FD: q.fd, Borrowed: true, Accepts: true})
	s := b.define("a", Definition{
		Starter:  &starter{program: b.plays("accept one"), start: launch.Start{Streams: [3]int{-1, -1, -1}, Files: []int{q.fd}}},
		Triggers: readable("l"), FDs: []string{"-", "-", "-", "l"},
	})
	var c clients
	c.connect(t, q.address, 10)
	b.until("all are served", func() bool { return c.done() == 10 })
	if c.served() != 10 || s.Starts() < 10 {
		t.Errorf("%d of 10 were served: %v", c.served(), c.errs)
	}
}

// A service may wait for a handle that is not there yet, that is replaced, and that goes and comes.
func TestHandleThatChangesIsWaitedFor(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	b.define("a", Definition{Starter: given{b, b.sh("read line; exit $line"), "r"}, Triggers: readable("r")})
	for _, change := range []func(){
		func() {},
		func() {},
		func() {
			if err := b.engine.DeleteHandle("r"); err != nil {
				t.Fatal(err)
			}
			b.rounds(3)
		},
	} {
		change()
		_, w := b.pipe("w")
		o.lines = nil
		b.rounds(3)
		o.want(t)
		write(t, w, "7\n")
		b.until("it has ended", func() bool { return len(o.lines) == 3 })
		o.want(t, "a start", "a up", "a down exit 7")
	}
}

func TestTwoServicesWaitForOneHandle(t *testing.T) {
	b := newBench(t)
	_, w := b.pipe("w")
	r := &starter{program: b.sh("exec sleep 60")}
	first := b.define("first", Definition{Starter: r, Triggers: readable("r")})
	second := b.define("second", Definition{Starter: r, Triggers: append(readable("r"), readable("r")...)})
	b.rounds(3)
	write(t, w, "x")
	b.until("both run", func() bool { return first.state == Up && second.state == Up })
	second.Kill()
	b.until("it runs again", func() bool { return second.Starts() == 2 })
	if err := b.engine.Delete("first"); err == nil {
		t.Error("it runs, and was deleted")
	}
	b.clear(first)
	second.Kill()
	b.until("it runs again", func() bool { return second.Starts() == 3 })
}

// The end of a pipe starts nothing, and does not keep the loop busy; data that come later do start.
func TestPipeWithoutWriters(t *testing.T) {
	b := newBench(t)
	path := t.TempDir() + "/fifo"
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(flags int) int {
		fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		return fd
	}
	b.add(&Handle{Name: "r", Kind: "file", FD: open(unix.O_RDONLY | unix.O_NONBLOCK)})
	s := b.define("a", Definition{Starter: given{b, b.sh("read line; exit $line"), "r"}, Triggers: readable("r")})
	for n := range 3 {
		w := &Handle{FD: open(unix.O_WRONLY)}
		write(t, w, "7\n")
		b.until("it was started", func() bool { return s.Starts() == n+1 && s.state == Down })
		if err := unix.Close(w.FD); err != nil {
			t.Fatal(err)
		}
		b.until("it is seen to have hung up", func() bool { return s.watches[0].hung })
		events := len(b.events)
		b.rounds(20)
		if len(b.events) != events || s.Starts() != n+1 || s.held != nil {
			t.Errorf("the end of the pipe does something: %s", b.story())
		}
	}
}

func TestHandleThatCannotBeWatched(t *testing.T) {
	b := newBench(t)
	fd, err := unix.Open(t.TempDir(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	b.add(&Handle{Name: "dir", Kind: "file", FD: fd})
	s := b.define("a", Definition{})
	if err := s.Set(Definition{Triggers: readable("dir")}); err == nil {
		t.Error("a folder can be waited for")
	}
	b.add(&Handle{Name: "dir", Kind: "special", FD: -1})
	if n := b.count(event.Bad); n != 1 {
		t.Errorf("%d complaints about what took its place", n)
	}
}

// Bytes are not ours to throw away: a service that leaves them is started less and less often.
func TestPipeThatIsNotReadIsLeftAlone(t *testing.T) {
	b := newBench(t)
	_, w := b.pipe("w")
	s := b.define("a", Definition{Starter: &starter{program: b.sh("exit 1")}, Triggers: readable("r")})
	write(t, w, "x")
	b.until("it pauses", func() bool { return b.count(event.Idle) == 1 })
	if s.Starts() != shortRuns+1 || b.count(event.Dropped) != 0 {
		t.Errorf("%d starts: %s", s.Starts(), b.story())
	}
	b.skip(firstPause)
	b.until("it pauses again", func() bool { return b.count(event.Idle) == 2 })
}

func TestFailingServiceWithClientsIsToldAndPaused(t *testing.T) {
	b, q := newBench(t), listenTCP(t)
	o := b.observe()
	b.add(&Handle{Name: "l", Kind: "socket", FD: q.fd, Borrowed: true, Accepts: true, Queue: q})
	o.lines = nil
	b.define("a", Definition{Starter: &starter{program: b.program("/nonexistent/a")}, Triggers: readable("l")})
	var c clients
	c.connect(t, q.address, 3)
	b.until("all are turned away", func() bool { return c.done() == 3 })
	if o.count("a start") == 0 || o.count("a start") != o.count("a up") || o.count("a up") != o.count("a down exit 3") {
		t.Errorf("told %q", o.lines)
	}
	if o.count("a start") > 3 {
		t.Errorf("%d attempts for clients that came at once", o.count("a start"))
	}
}

func TestPauseKeepsTheBacklog(t *testing.T) {
	b, q := newBench(t), listenTCP(t)
	s := b.service(serviceConfig{
		Program: b.plays("accept one"), Launch: passing(q), Triggers: []*Handle{q.trigger()}, StopTimeout: time.Second,
	})
	s.Pause()
	conn, err := net.Dial("tcp", q.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	b.until("the client waits", func() bool { n, _ := q.Waiting(); return n == 1 })
	b.rounds(5)
	if s.Starts() != 0 {
		t.Error("started in a pause")
	}
	s.Resume()
	b.until("the client is served", func() bool { return b.count(event.Exit) == 1 })
	b.close(s)
}
