package supervise

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
)

// A door is a template that accepts from a TCP socket, with the clients before it.
type door struct {
	*bench
	queue    *tcpQueue
	template *Template
	lent     int // starts that are not settled
	ended    bool
}

// openDoor makes a template whose instances have their connection as standard input and output.
func openDoor(t *testing.T, program func(*bench) *launch.Program, change func(*TemplateConfig)) *door {
	t.Helper()
	d := &door{bench: newBench(t), queue: listenTCP(t)}
	told := d.engine.publish
	d.engine.publish = func(e event.Event) {
		told(e)
		d.balance()
	}
	c := d.config(program(d.bench))
	if change != nil {
		change(&c)
	}
	var err error
	if d.template, err = d.engine.NewTemplate(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.end)
	return d
}

func (d *door) config(p *launch.Program) TemplateConfig {
	return TemplateConfig{
		Name: "door", Unit: "door", Sockets: []Acceptable{Plain{d.queue.fd}},
		StopTimeout: time.Minute, DrainTimeout: time.Minute,
		Prepare: func(c *Client) (Prepared, error) {
			d.lent++
			return Prepared{
				Program: p, Group: true, Launch: launch.Start{Streams: [3]int{c.FD(), c.FD(), -1}}, Release: func() { d.lent-- },
			}, nil
		},
	}
}

// balance checks that the counters add up, which they must at every moment.
func (d *door) balance() {
	d.t.Helper()
	if d.template == nil {
		return
	}
	c := d.template.Counters()
	if c.Accepted != c.Served+c.Refused+c.ClientGone+c.SpawnFailed+c.Live+c.Waiting {
		d.t.Errorf("counters do not add up: %+v", c)
	}
	if here := uint64(len(d.template.clients)); here > c.Live+c.Waiting || here+1 < c.Live+c.Waiting {
		d.t.Errorf("%d clients are here, the counters say %+v", here, c)
	}
}

// end closes the template and waits until nothing of it is left.
func (d *door) end() {
	if d.ended {
		return
	}
	gone := false
	d.template.Close(func() { gone = true })
	d.template.Hurry()
	d.template.Kill()
	d.until("gone", func() bool { return gone })
	d.empty()
}

// empty checks that a template that is gone has left nothing.
func (d *door) empty() {
	d.t.Helper()
	d.ended = true
	t := d.template
	if len(t.clients)+len(t.sources)+len(t.waiting)+len(t.doubtful)+d.lent != 0 || d.engine.accepting.reserve.held {
		d.t.Errorf("left: %d clients, %v, %d lent, reserve %v", len(t.clients), t.Sources(), d.lent, d.engine.accepting.reserve)
	}
}

// accept has the template accept who waits, without the loop.
func (d *door) accept() { d.template.AcceptFrom(Plain{d.queue.fd}) }

// counts checks the counters but for Accepted, which is their sum, and Starts.
func (d *door) counts(want Counters) {
	d.t.Helper()
	got := d.template.Counters()
	want.Accepted, want.Starts = want.Served+want.Refused+want.ClientGone+want.SpawnFailed+want.Live+want.Waiting, got.Starts
	if got != want {
		d.t.Fatalf("counters %+v, want %+v; events: %s", got, want, d.story())
	}
}

// A caller is one client of a door.
type caller struct {
	door *door
	fd   int
	said []byte
}

func (d *door) call(from ...byte) *caller {
	d.t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		fd, err = launch.Keep(fd)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	c := &caller{door: d, fd: fd}
	d.t.Cleanup(c.leave)
	if len(from) == 4 {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte(from)})
	}
	sa, errName := unix.Getsockname(d.queue.fd)
	if err := errors.Join(err, errName, unix.Connect(fd, sa)); err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (c *caller) leave() {
	if c.fd >= 0 {
		_ = unix.Close(c.fd)
		c.fd = -1
	}
}

// reset leaves with a reset.
func (c *caller) reset() {
	c.door.t.Helper()
	if err := unix.SetsockoptLinger(c.fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		c.door.t.Fatal(err)
	}
	c.leave()
}

// hangsUp reports whether the connection has ended, and takes what was said before.
func (c *caller) hangsUp() bool {
	var buf [256]byte
	for {
		n, _, err := unix.Recvfrom(c.fd, buf[:], unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return false
		}
		if err != nil || n == 0 {
			return true
		}
		c.said = append(c.said, buf[:n]...)
	}
}

// hears waits for the end of the connection and checks what was said.
func (c *caller) hears(want string) {
	c.door.t.Helper()
	c.door.until("the end of a connection", c.hangsUp)
	if string(c.said) != want {
		c.door.t.Errorf("the client heard %q, want %q", c.said, want)
	}
}

// last is the last event of a type.
func (d *door) last(kind event.Type) event.Event {
	d.t.Helper()
	for _, e := range slices.Backward(d.events) {
		if e.Type == kind {
			return e
		}
	}
	d.t.Fatalf("no event %s: %s", kind, d.story())
	return event.Event{}
}

// idle has the loop go on for some rounds, in which what must not happen could.
func (d *door) idle() {
	d.t.Helper()
	left := 5
	d.until("some rounds", func() bool { left--; return left < 0 })
}

// started waits until n programs were executed.
func (d *door) started(n uint64) {
	d.t.Helper()
	d.until("the starts", func() bool { return d.template.Counters().Starts == n })
}

func cat(b *bench) *launch.Program   { return b.sh("exec cat") }
func hello(b *bench) *launch.Program { return b.sh("echo hello") }

func TestTemplateServes(t *testing.T) {
	d := openDoor(t, cat, nil)
	var callers []*caller
	for range 3 {
		callers = append(callers, d.call())
	}
	d.started(3)
	d.counts(Counters{Live: 3})
	here := d.template.Clients()
	for i, c := range here {
		if !c.Live() || c.PID() == 0 || c.Number() != uint64(i+1) || c.Source() != "127.0.0.1" || c.FD() != -1 ||
			c.Since().IsZero() || d.template.Client(c.ID()) != c || !strings.HasPrefix(c.Peer(), "127.0.0.1:") {
			t.Errorf("client %d: %+v", i, c)
		}
	}
	if n := d.template.Sources()["127.0.0.1"]; n != 3 {
		t.Errorf("%d connections of the source, want 3", n)
	}
	e := d.last(event.Start)
	if c := d.template.Client(e.Conn); c == nil || e.Unit != "door" || e.Peer != c.Peer() || e.PID != c.PID() {
		t.Errorf("start event %+v", e)
	}
	if _, err := unix.Write(callers[0].fd, []byte("echo")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Shutdown(callers[0].fd, unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	callers[0].hears("echo")
	callers[1].leave()
	callers[2].leave()
	d.until("all served", func() bool { return d.template.Counters().Served == 3 })
	d.counts(Counters{Served: 3})
	if d.count(event.Accept) != 3 || d.count(event.Exit) != 3 {
		t.Errorf("events: %s", d.story())
	}
	d.end()
	if e := d.last(event.Ended); e.Text != "accepted 3, served 3, refused 0, client_gone 0, spawn_failed 0" {
		t.Errorf("ended with %q", e.Text)
	}
}

// A controller's template is no unit.
func TestTemplateOfAController(t *testing.T) {
	d := openDoor(t, hello, func(c *TemplateConfig) { c.Unit = "" })
	d.call().hears("hello\n")
	d.until("served", func() bool { return d.template.Counters().Served == 1 })
	for _, e := range d.events {
		if e.Unit != "" || e.Service != "door" {
			t.Errorf("%s is of unit %q, service %q", e.Type, e.Unit, e.Service)
		}
	}
}

// Over the limit, some are accepted to see whether they are over their share; the others wait in the kernel's queue.
func TestTemplateWaits(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit = 2 })
	var callers []*caller
	for range 2 + reserveSlots + 3 {
		callers = append(callers, d.call())
	}
	d.accept()
	d.started(2)
	d.counts(Counters{Live: 2, Waiting: reserveSlots})
	if n, err := d.queue.Waiting(); n != 3 || err != nil {
		t.Errorf("%d wait in the queue, %v; want 3", n, err)
	}
	for i, c := range d.template.Clients() {
		if c.Live() != (i < 2) || (c.PID() != 0) != (i < 2) || (c.FD() >= 0) != (i >= 2) {
			t.Errorf("client %d of %d is not as it should be", i, len(callers))
		}
	}
	for _, c := range callers {
		if err := unix.Shutdown(c.fd, unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		c.hears("")
	}
	all := uint64(len(callers))
	d.until("all are served", func() bool { return d.template.Counters().Served == all })
	d.counts(Counters{Served: all})
}

func TestTemplateRefuses(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit, c.Refuse = 1, true })
	d.call()
	d.accept()
	over := d.call()
	d.accept()
	d.counts(Counters{Live: 1, Waiting: 1})
	over.hears("busy: too many connections\r\n")
	d.counts(Counters{Live: 1, Refused: 1})
	if e := d.last(event.Refuse); e.Reason != ReasonTotal || e.Limit != 1 || e.Conn == "" || e.Peer == "" {
		t.Errorf("refused: %+v", e)
	}
}

// Who comes back the moment the last connection ends is here before we hear of that end.
func TestTemplateDoubts(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit, c.Refuse = 1, true })
	d.call()
	d.accept()
	d.call()
	d.accept()
	d.counts(Counters{Live: 1, Waiting: 1})
	config := d.template.Config()
	config.Limit = 2
	if err := d.template.Configure(config); err != nil {
		t.Fatal(err)
	}
	d.counts(Counters{Live: 2})
}

// Of those in doubt there is a bound, and who comes then is refused at once.
func TestTemplateBoundsDoubt(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit, c.Refuse = 1, true })
	for range 1 + maxDoubtful + 5 {
		d.call()
		d.accept()
	}
	c := d.template.Counters()
	if c.Live != 1 || c.Waiting != maxDoubtful || c.Refused != 5 {
		t.Errorf("%+v", c)
	}
	d.ahead = time.Hour
	d.until("all are refused", func() bool { return d.template.Counters().Refused == maxDoubtful+5 })
}

func TestTemplateShares(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit, c.Share = 2, 1 })
	d.call(127, 0, 0, 2)
	d.accept()
	d.call(127, 0, 0, 2).hears("busy: too many connections from your network\r\n")
	if e := d.last(event.Refuse); e.Reason != ReasonSource || e.Limit != 1 {
		t.Errorf("refused: %+v", e)
	}
	d.call(127, 0, 0, 3)
	d.accept()
	d.counts(Counters{Live: 2, Refused: 1})
	// Full, and still the source over its share is told.
	d.call(127, 0, 0, 3).hears("busy: too many connections from your network\r\n")
	d.call(127, 0, 0, 4)
	d.accept()
	d.counts(Counters{Live: 2, Waiting: 1, Refused: 2})
	if s := d.template.Sources(); s["127.0.0.2"] != 1 || s["127.0.0.3"] != 1 || s["127.0.0.4"] != 1 || len(s) != 3 {
		t.Errorf("sources: %v", s)
	}
}

func TestTemplateDecides(t *testing.T) {
	d := openDoor(t, hello, func(c *TemplateConfig) {
		c.Decide = func(e activation.Endpoint) (string, bool) {
			return "no_access", e.AddrPort.Addr().String() == "127.0.0.3"
		}
	})
	d.call(127, 0, 0, 2).hears("")
	d.call(127, 0, 0, 3).hears("hello\n")
	d.until("served", func() bool { return d.template.Counters().Served == 1 })
	d.counts(Counters{Served: 1, Refused: 1})
	if e := d.last(event.Refuse); e.Reason != "no_access" || e.Limit != 0 {
		t.Errorf("refused: %+v", e)
	}
}

func TestTemplateWithoutDescriptors(t *testing.T) {
	d := openDoor(t, hello, nil)
	turnedAway, later := d.call(), d.call()
	undo := exhaustDescriptors(t)
	d.accept()
	undo()
	d.counts(Counters{Refused: 1})
	if e := d.last(event.Bad); !errors.Is(e.Err, unix.EMFILE) || e.Delay != shortOfDescriptors {
		t.Errorf("told: %+v", e)
	}
	turnedAway.hears("busy: try again later\r\n")
	d.ahead = longestRest
	later.hears("hello\n")
	if !d.engine.accepting.reserve.held {
		t.Error("no descriptor is in reserve again")
	}
}

// exhaustDescriptors leaves the process without descriptors until undo, or the test's end. No other test runs at the same time.
func exhaustDescriptors(t *testing.T) (undo func()) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	low := limit
	low.Cur = min(limit.Cur, 256)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &low); err != nil {
		t.Fatal(err)
	}
	var taken []int
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	undo = func() {
		for _, fd := range taken {
			_ = unix.Close(fd)
		}
		taken = nil
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(undo)
	return undo
}

// A listener that fails for a reason of its own is left alone for a growing while, and never closed.
func TestTemplateOfABrokenListener(t *testing.T) {
	d := openDoor(t, hello, nil)
	file, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(file) })
	var delays []time.Duration
	for range 3 {
		d.template.AcceptFrom(Plain{file}) // it does not listen
		delays = append(delays, d.last(event.Bad).Delay)
		d.ahead += longestRest
		d.until("rested", func() bool { return d.template.resting == nil })
	}
	if want := []time.Duration{acceptRetry, 2 * acceptRetry, 4 * acceptRetry}; !slices.Equal(delays, want) {
		t.Errorf("rests of %v, want %v", delays, want)
	}
	d.call().hears("hello\n")
	if d.template.rests != (backoff{}) {
		t.Error("a client that was accepted does not end the pauses' growth")
	}
}

func TestTemplateTriesAgain(t *testing.T) {
	failures := 2
	d := openDoor(t, hello, func(c *TemplateConfig) {
		prepare := c.Prepare
		c.Prepare = func(c *Client) (Prepared, error) {
			if failures > 0 {
				failures--
				return Prepared{}, fmt.Errorf("cannot make a pipe: %w", unix.EMFILE)
			}
			return prepare(c)
		}
	})
	first, second := d.call(), d.call()
	d.accept()
	d.counts(Counters{Waiting: 1}) // nobody else is accepted meanwhile
	if d.template.open() {
		t.Error("clients are accepted for whom there is no process")
	}
	first.hears("hello\n")
	second.hears("hello\n")
	d.until("served", func() bool { return d.template.Counters().Served == 2 })
	if e := d.last(event.StartFailed); d.count(event.StartFailed) != 1 || e.Delay != spawnRetry || !errors.Is(e.Err, unix.EMFILE) {
		t.Errorf("told %d times: %+v", d.count(event.StartFailed), e)
	}
}

func TestTemplateGivesUp(t *testing.T) {
	d := openDoor(t, hello, func(c *TemplateConfig) {
		c.Prepare = func(*Client) (Prepared, error) { return Prepared{}, unix.EAGAIN }
	})
	c := d.call()
	d.accept()
	d.ahead = 2 * spawnWait
	c.hears("busy: try again later\r\n")
	d.counts(Counters{Refused: 1})
	if e := d.last(event.Refuse); e.Reason != ReasonSpawn {
		t.Errorf("refused: %+v", e)
	}
}

func TestTemplateOfABrokenProgram(t *testing.T) {
	d := openDoor(t, func(b *bench) *launch.Program { return b.program("/nonexistent/program") }, nil)
	d.call().hears("")
	d.counts(Counters{SpawnFailed: 1})
	if e := d.last(event.StartFailed); e.Delay != 0 || !errors.Is(e.Err, unix.ENOENT) || e.Conn == "" {
		t.Errorf("told: %+v", e)
	}
	if d.lent != 0 {
		t.Errorf("%d starts were not given back", d.lent)
	}
}

// A client that was accepted and has reset its connection before its turn costs no process.
func TestTemplateOfClientsThatLeave(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit = 1 })
	first := d.call()
	d.accept()
	gone, polite := d.call(), d.call()
	if _, err := unix.Write(polite.fd, []byte("last words")); err != nil {
		t.Fatal(err)
	}
	d.accept()
	d.counts(Counters{Live: 1, Waiting: 2})
	gone.reset()
	polite.leave() // it has said what it wanted, and is served
	d.ahead = time.Second
	first.leave()
	d.until("two are served", func() bool { return d.template.Counters().Served == 2 })
	d.counts(Counters{Served: 2, ClientGone: 1})
	if d.count(event.ClientGone) != 1 || d.template.Counters().Starts != 2 {
		t.Errorf("events: %s", d.story())
	}
}

func TestTemplateDrains(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit = 1 })
	running := d.call()
	d.accept()
	d.template.Drain(true)
	for range reserveSlots + 2 { // more than may wait
		d.call().hears("busy: try again later\r\n")
	}
	d.counts(Counters{Live: 1, Refused: reserveSlots + 2})
	if e := d.last(event.Refuse); e.Reason != ReasonDraining {
		t.Errorf("refused: %+v", e)
	}
	if err := d.template.Configure(d.template.Config()); err != nil {
		t.Fatal(err)
	}
	d.call().hears("busy: try again later\r\n")
	d.template.Drain(false)
	next := d.call()
	running.leave()
	d.started(2)
	next.leave()
}

func TestTemplatePauses(t *testing.T) {
	d := openDoor(t, hello, nil)
	d.template.Pause()
	c := d.call()
	d.idle()
	if err := d.template.Configure(d.template.Config()); err != nil {
		t.Fatal(err)
	}
	d.idle()
	d.counts(Counters{})
	if n, err := d.queue.Waiting(); n != 1 || err != nil {
		t.Errorf("%d wait in the queue, %v; want 1", n, err)
	}
	d.template.Resume()
	c.hears("hello\n")
}

// Between Unwatch and Configure nobody is accepted, and nobody is lost.
func TestTemplateIsConfiguredAnew(t *testing.T) {
	d := openDoor(t, hello, nil)
	d.template.Unwatch()
	c := d.call()
	d.idle()
	d.counts(Counters{})
	config := d.config(d.sh("echo other"))
	if err := d.template.Configure(config); err != nil {
		t.Fatal(err)
	}
	c.hears("other\n")
}

func TestTemplateWithASocketThatIsNone(t *testing.T) {
	d := openDoor(t, hello, nil)
	config := d.template.Config()
	config.Sockets = append(config.Sockets, Plain{-1})
	if err := d.template.Configure(config); !errors.Is(err, unix.EBADF) {
		t.Errorf("configured: %v", err)
	}
	d.call().hears("hello\n")
}

func TestTemplateCloses(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit = 1 })
	running, waiting := d.call(), d.call()
	d.accept()
	d.started(1)
	gone := false
	d.template.CloseWithin(time.Minute, func() { t.Error("gone twice") })
	d.template.CloseWithin(time.Hour, func() { gone = true })
	d.ahead = 30 * time.Minute
	d.idle()
	d.counts(Counters{Live: 1, Waiting: 1})
	if gone {
		t.Fatal("gone, while somebody is served")
	}
	d.ahead = 2 * time.Hour
	running.hears("")
	waiting.hears("")
	d.until("gone", func() bool { return gone })
	d.empty()
	d.counts(Counters{Served: 1, Refused: 1})
	if e := d.last(event.Refuse); e.Reason != ReasonStopping {
		t.Errorf("refused: %+v", e)
	}
	if d.count(event.Stop) != 1 || d.last(event.Exit).Status != "SIGTERM" || d.last(event.Exit).Failed {
		t.Errorf("events: %s", d.story())
	}
}

// Who was accepted before is served after Close.
func TestTemplateServesAfterClose(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit = 1 })
	running, waiting := d.call(), d.call()
	d.accept()
	gone := false
	d.template.CloseWithin(math.MaxInt64, func() { gone = true })
	for _, c := range []*caller{running, waiting} {
		if err := unix.Shutdown(c.fd, unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		c.hears("")
	}
	d.until("gone", func() bool { return gone })
	d.empty()
	d.counts(Counters{Served: 2})
}

func TestTemplateThatServesNobodyIsGoneAtOnce(t *testing.T) {
	d := openDoor(t, cat, nil)
	gone := 0
	for range 2 {
		d.template.Close(func() { gone++ })
	}
	if gone != 2 || d.count(event.Ended) != 1 {
		t.Errorf("gone was called %d times; events: %s", gone, d.story())
	}
	d.empty()
}

func TestClientIsEnded(t *testing.T) {
	for name, end := range map[string]func(*Client){
		"Stop":   (*Client).Stop,
		"Kill":   (*Client).Kill,
		"signal": func(c *Client) { _ = c.Signal(unix.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			d := openDoor(t, cat, func(c *TemplateConfig) { c.Limit = 1 })
			running, waiting := d.call(), d.call()
			d.accept()
			d.started(1)
			here := d.template.Clients()
			if err := here[1].Signal(unix.SIGHUP); !errors.Is(err, errNoInstance) {
				t.Errorf("a client that waits took a signal: %v", err)
			}
			end(here[1])
			waiting.hears("")
			d.counts(Counters{Live: 1, Refused: 1})
			if e := d.last(event.Refuse); e.Reason != ReasonKilled {
				t.Errorf("refused: %+v", e)
			}
			end(here[1]) // it is gone, and nothing happens
			d.counts(Counters{Live: 1, Refused: 1})
			end(here[0])
			running.hears("")
			d.until("served", func() bool { return d.template.Counters().Served == 1 })
		})
	}
}

func TestClientInDoubtIsEnded(t *testing.T) {
	d := openDoor(t, cat, func(c *TemplateConfig) { c.Share = 1 })
	d.call()
	d.accept()
	d.call()
	d.accept()
	d.template.Clients()[1].Kill()
	d.counts(Counters{Live: 1, Refused: 1})
	d.ahead = time.Second
	d.idle()
	d.counts(Counters{Live: 1, Refused: 1})
}

// A thousand connections, some of them at a time.
func TestTemplateServesAThousand(t *testing.T) {
	const callers, calls = 10, 100
	d := openDoor(t, func(b *bench) *launch.Program { return b.sh("echo pid $$") }, func(c *TemplateConfig) { c.Limit = callers / 2 })
	var c clients
	for range callers {
		c.group.Go(func() {
			for range calls {
				reply, err := ask(d.queue.address)
				c.mu.Lock()
				c.replies = append(c.replies, reply)
				if err != nil {
					c.errs = append(c.errs, err)
				}
				c.mu.Unlock()
			}
		})
	}
	t.Cleanup(c.group.Wait)
	d.until("all have their answer", func() bool { return c.done() == callers*calls })
	d.until("all are served", func() bool { return d.template.Counters().Served == callers*calls })
	d.counts(Counters{Served: callers * calls})
	if err := errors.Join(c.errs...); err != nil || c.served() != callers*calls {
		t.Errorf("%d of %d served: %v", c.served(), callers*calls, err)
	}
	ids := map[string]bool{}
	for _, e := range d.events {
		if e.Type == event.Accept {
			ids[e.Conn] = true
		}
	}
	if len(ids) != callers*calls {
		t.Errorf("%d ids for %d connections", len(ids), callers*calls)
	}
}
