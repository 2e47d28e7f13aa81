package controllers

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
	"sockbridge/internal/supervise"
)

// The test binary also plays services, named by the variable SERVICE.
func TestMain(m *testing.M) {
	if play, ok := players[os.Getenv("SERVICE")]; ok {
		play()
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// A rig is a loop with an engine, a server and a control socket.
type rig struct {
	t      testing.TB
	dir    string
	loop   *loop.Loop
	engine *supervise.Engine
	server *Server
	mu     sync.Mutex
	lines  []string // of the log
}

func newRig(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	var err error
	r.loop, err = loop.New(loop.Options{Keep: launch.Keep})
	must(t, err)
	launcher, err := launch.New(launch.Options{})
	must(t, err)
	o := Options{Loop: r.loop, Launcher: launcher, Compatible: true, Log: r.log}
	engine := supervise.Options{Loop: r.loop, Launcher: launcher, Publish: nil}
	var server *Server
	engine.Publish = func(e eventOf) { server.Event(e) }
	r.engine = supervise.New(engine)
	o.Engine = r.engine
	for _, f := range change {
		f(&o)
	}
	server, err = New(o)
	must(t, err)
	r.server = server
	must(t, server.CreateSocket(r.path("control")))
	done := make(chan error)
	go func() { // t.Cleanup waits for it
		runtime.LockOSThread()
		done <- r.loop.Run()
	}()
	t.Cleanup(func() { r.stop(done) })
	return r
}

// stop ends what still runs, and the loop.
func (r *rig) stop(done chan error) {
	r.on(func() {
		for _, name := range r.engine.ServiceNames() {
			s := r.engine.Service(name)
			d := s.Definition()
			d.Triggers = []supervise.Trigger{}
			_ = s.Set(d)
			r.server.closeTemplate(name)
			s.Kill()
			_ = s.Cancel()
		}
	})
	eventually(r.t, "all processes end", func() (n bool) {
		r.on(func() { n = r.engine.Live() == 0 })
		return n
	})
	r.on(func() {
		if err := r.server.Close(); err != nil {
			r.t.Error(err)
		}
		for _, name := range r.engine.HandleNames() {
			if h := r.engine.Handle(name); h.Fixed && h.FD > 2 {
				closeQuietly(h.FD)
			} else {
				_ = r.engine.DeleteHandle(name)
			}
		}
	})
	r.loop.Stop()
	must(r.t, <-done)
	must(r.t, r.loop.Close())
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) log(level control.Level, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, level.String()+": "+text)
}

// logged waits for a line of the log.
func (r *rig) logged(text string) {
	r.t.Helper()
	eventually(r.t, "log: "+text, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return slices.ContainsFunc(r.lines, func(l string) bool { return strings.Contains(l, text) })
	})
}

// on runs f on the loop, and waits for it.
func (r *rig) on(f func()) {
	done := make(chan struct{})
	if !r.loop.Post(func() { f(); close(done) }) {
		r.t.Fatal("the loop is closed")
	}
	<-done
}

// A client is a controller on a socket.
type client struct {
	t    testing.TB
	conn *net.UnixConn
	in   *bufio.Reader
}

func (r *rig) dial() *client {
	r.t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: r.path("control")})
	must(r.t, err)
	return newClient(r.t, conn)
}

func newClient(t testing.TB, conn *net.UnixConn) *client {
	t.Helper()
	t.Cleanup(func() { _ = conn.Close() })
	return &client{t, conn, bufio.NewReaderSize(conn, 1<<20)}
}

// dial2 is a controller that speaks version 2.
func (r *rig) dial2() *client {
	c := r.dial()
	c.send("proto⇥2")
	c.expect("proto⇥2")
	return c
}

func tabs(s string) string { return strings.ReplaceAll(s, "⇥", "\t") }

// send sends lines, with ⇥ for TABs.
func (c *client) send(lines ...string) {
	c.t.Helper()
	must(c.t, c.conn.SetWriteDeadline(time.Now().Add(patience)))
	_, err := io.WriteString(c.conn, tabs(strings.Join(lines, "\n"))+"\n")
	must(c.t, err)
}

func (c *client) line() (string, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	line, err := c.in.ReadString('\n')
	return strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "⇥"), err
}

// expect reads exactly these lines, in order. What stands between slashes is a regular expression.
func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		got, err := c.line()
		if err != nil {
			c.t.Fatalf("want %q, read %q: %v", w, got, err)
		}
		if !matches(w, got) {
			c.t.Fatalf("want %q, got %q", w, got)
		}
	}
}

// await reads until these lines came, in order, with others between them.
func (c *client) await(want ...string) (last string) {
	c.t.Helper()
	for _, w := range want {
		var seen []string
		for {
			got, err := c.line()
			if err != nil {
				c.t.Fatalf("want %q: %v, after %q", w, err, seen)
			}
			if seen = append(seen, got); matches(w, got) {
				last = got
				break
			}
		}
	}
	return last
}

// ask sends a command and returns what comes until it is over.
func (c *client) ask(command string) []string {
	c.t.Helper()
	c.send(command, "echo⇥-- done --")
	var lines []string
	for {
		got, err := c.line()
		must(c.t, err)
		if got == "-- done --" {
			return lines
		}
		lines = append(lines, got)
	}
}

// want asks, and expects exactly these lines.
func (c *client) want(command string, want ...string) {
	c.t.Helper()
	got := c.ask(command)
	if !slices.EqualFunc(want, got, matches) {
		c.t.Fatalf("%s: want %q, got %q", command, want, got)
	}
}

// refused asks, and expects one error of this text.
func (c *client) refused(command, text string) {
	c.t.Helper()
	got := c.ask(command)
	if len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "error⇥"+text+`, for command "`) {
		c.t.Fatalf("%s: want the error %q, got %q", command, text, got)
	}
}

// ended waits for the end of the connection.
func (c *client) ended() {
	c.t.Helper()
	for {
		_, err := c.line()
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
			return
		}
		must(c.t, err)
	}
}

func matches(want, got string) bool {
	if pattern, ok := strings.CutPrefix(want, "/"); ok {
		return regexp.MustCompile("^" + strings.TrimSuffix(pattern, "/") + "$").MatchString(got)
	}
	return want == got
}

func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
		runtime.Gosched()
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// receive reads one line and the descriptors that come with it.
func (c *client) receive() (string, []int) {
	c.t.Helper()
	must(c.t, c.conn.SetReadDeadline(time.Now().Add(patience)))
	buf, oob := make([]byte, 9), make([]byte, 256)
	n, oobn, _, _, err := c.conn.ReadMsgUnix(buf, oob)
	must(c.t, err)
	var fds []int
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	must(c.t, err)
	for i := range messages {
		some, err := unix.ParseUnixRights(&messages[i])
		must(c.t, err)
		fds = append(fds, some...)
	}
	line := string(buf[:n])
	for !strings.HasSuffix(line, "\n") {
		rest, err := c.in.ReadString('\n')
		must(c.t, err)
		line += rest
	}
	return strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "⇥"), fds
}
