package controllers

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
)

func connect(t *testing.T, path string) *client {
	t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: path})
	must(t, err)
	return newClient(t, conn)
}

func TestStatedumpOrder(t *testing.T) {
	r := newRig(t)
	c := r.dial2()
	c.ask("fd.pipe⇥z⇥A")
	c.ask("service.tags⇥b⇥x")
	c.ask("service.args⇥B⇥y")
	r.on(func() { r.engine.Raise(unix.SIGUSR2); r.engine.Raise(unix.SIGHUP); r.engine.Raise(unix.SIGUSR2) })
	c.await(`/signal⇥SIGUSR2⇥\d+⇥2/`)
	c.want("statedump",
		"fd.state⇥A⇥pipe⇥to⇥z",
		"fd.state⇥control.cmd⇥special⇥write⇥daemonproxy command pipe",
		"fd.state⇥control.event⇥special⇥read⇥daemonproxy event stream",
		"fd.state⇥control.socket⇥special⇥read,write⇥daemonproxy control socket",
		"fd.state⇥null⇥special⇥read,write⇥/dev/null",
		"fd.state⇥z⇥pipe⇥from⇥A",
		"service.state⇥B⇥down⇥-⇥-⇥-⇥-⇥-⇥-", "service.tags⇥B⇥", "service.args⇥B⇥y", "service.fds⇥B⇥null⇥null⇥null", "service.auto_up⇥B⇥-",
		"service.state⇥b⇥down⇥-⇥-⇥-⇥-⇥-⇥-", "service.tags⇥b⇥x", "service.args⇥b⇥", "service.fds⇥b⇥null⇥null⇥null", "service.auto_up⇥b⇥-",
		`/signal⇥SIGHUP⇥\d+⇥1/`, `/signal⇥SIGUSR2⇥\d+⇥2/`,
		"statedump.end",
	)
	d := r.dial()
	d.expect(`/signal⇥SIGHUP⇥\d+⇥1/`, `/signal⇥SIGUSR2⇥\d+⇥2/`) // a new controller hears of these first
	d.refused("signal.clear⇥BOGUS⇥1", "Invalid signal argument")
	d.refused("signal.clear⇥HUP", "Expected integer")
	d.refused("signal.clear⇥HUP⇥-1", "invalid count (must not be negative)")
	d.want("signal.clear⇥SIGHUP⇥1")
	d.want("signal.clear⇥USR2⇥100")
	got := d.ask("statedump")
	if len(got) != 16 {
		t.Errorf("%q", got)
	}
}

func TestEventsGoToEverybodyAndErrorsToOne(t *testing.T) {
	r := newRig(t)
	a, b := r.dial(), r.dial()
	b.ask("echo⇥ready")
	a.send("service.tags⇥x⇥1", "service.bogus⇥x", "service.start⇥nobody", "service.tags⇥x⇥2")
	a.expect("service.tags⇥x⇥1", "error⇥Unknown command: service.bogus", `error⇥No such service, for command "service.start nobody"`, "service.tags⇥x⇥2")
	b.expect("service.tags⇥x⇥1", "service.tags⇥x⇥2")
}

// A third controller crashed the original.
func TestManyControllers(t *testing.T) {
	r := newRig(t)
	var all []*client
	for range defaultSessions {
		c := r.dial()
		c.want("echo⇥x", "x")
		all = append(all, c)
	}
	late := r.dial()
	r.logged("warning: No free controllers to accpet socket connection")
	all[0].send("service.tags⇥a⇥x")
	for _, c := range all {
		c.expect("service.tags⇥a⇥x")
	}
	all[5].send("exit")
	all[5].ended()
	late.want("echo⇥served", "served")
	r.on(func() {
		if n := len(slices.Collect(r.server.Sessions())); n != defaultSessions || r.server.free != 0 {
			t.Errorf("%d sessions, %d places", n, r.server.free)
		}
	})
}

func TestControllerThatDiesInMidLine(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	_, err := io.WriteString(c.conn, "service.tags\ta\tx")
	must(t, err)
	_ = c.conn.Close()
	r.logged("warning: Command ends with EOF... ignored")
	d := r.dial()
	d.refused("service.delete⇥a", "No such service")
	eventually(t, "the session ends", func() (one bool) {
		r.on(func() { one = len(r.server.sessions) == 1 })
		return one
	})
}

func TestControllerThatNeverReads(t *testing.T) {
	r := newRig(t)
	c, deaf := r.dial(), r.dial()
	deaf.ask("conn.event_timeout⇥0⇥1")
	for i := range 20000 {
		c.send(fmt.Sprintf("service.tags⇥a⇥%d⇥%s", i, strings.Repeat("x", 200)))
		c.await(fmt.Sprintf("/service.tags⇥a⇥%d⇥.*/", i))
		if i == 3000 {
			break
		}
	}
	r.logged("seconds, closing connection")
	c.want("echo⇥fine", "fine")
	for {
		line, err := deaf.line()
		if err != nil {
			break
		}
		if !strings.HasPrefix(line, "service.tags⇥a⇥") && line != "overflow" {
			t.Fatalf("broken line %q", line)
		}
	}
}

func TestOverflowIsToldWhenTheReaderGoesOn(t *testing.T) {
	r := newRig(t)
	c, slow := r.dial(), r.dial()
	slow.ask("echo⇥ready")
	for i := range 3000 {
		c.send(fmt.Sprintf("service.tags⇥a⇥%d⇥%s", i, strings.Repeat("x", 200)))
		c.await(fmt.Sprintf("/service.tags⇥a⇥%d⇥.*/", i))
	}
	slow.await("overflow")
	slow.want("echo⇥again", "again")
}

func TestTenThousandServices(t *testing.T) {
	r := newRig(t)
	c := r.dial2()
	const n = 10000
	go func() { // ends with what it writes, all of which is read below
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "service.args\ts%05d\t/bin/true\n", i)
		}
		_, _ = io.WriteString(c.conn, b.String()+"echo\tdefined\n")
	}()
	begin := time.Now()
	c.await("defined")
	t.Logf("%d services in %v", n, time.Since(begin))
	c.send("statedump")
	for i := range n {
		c.await(fmt.Sprintf("service.state⇥s%05d⇥down⇥-⇥-⇥-⇥-⇥-⇥-", i))
	}
	c.await("statedump.end")
}

func TestRights(t *testing.T) {
	asked := control.Read
	r := newRig(t, func(o *Options) {
		o.Compatible = false
		o.Rights = func(cred *unix.Ucred, groups []uint32) control.Rights {
			mine, err := os.Getgroups()
			if err != nil || int(cred.Uid) != os.Getuid() || len(groups) != len(mine) {
				return control.Nothing
			}
			return asked
		}
	})
	c := r.dial()
	c.refused("service.args⇥a⇥x", "permission denied")
	c.want("fd.queue⇥null", "fd.queue⇥null⇥1⇥-")
	r.on(func() { asked = control.Operate })
	c = r.dial()
	c.refused("service.args⇥a⇥x", "permission denied")
	c.want("signal.clear⇥HUP⇥1")
	r.on(func() { asked = control.Admin })
	c = r.dial()
	c.want("service.args⇥a⇥x", "service.args⇥a⇥x")
	if got := c.ask("chdir⇥/"); len(got) != 1 || got[0] != "error⇥Unknown command: chdir" {
		t.Errorf("%q", got)
	}
}

func TestControlSocketCommands(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.refused("socket.create", "missing argument")
	c.refused("socket.create⇥-", "missing argument")
	c.refused("socket.create⇥x⇥/y", "Invalid options")
	c.refused("socket.create⇥-⇥/does/not/exist", "Failed to create control socket")
	c.want("socket.create⇥-⇥" + r.path("other"))
	if _, err := os.Stat(r.path("control")); !os.IsNotExist(err) {
		t.Errorf("the old socket is still there: %v", err)
	}
	info, err := os.Stat(r.path("other"))
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	d := connect(t, r.path("other"))
	d.want("echo⇥x", "x")
	c.want("socket.create⇥⇥" + r.path("other"))
	d.want("echo⇥x", "x")
	d = connect(t, r.path("other"))
	d.want("echo⇥x", "x")
	c.want("socket.delete")
	c.want("socket.delete")
	if _, err := os.Stat(r.path("other")); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestChdirErrorTexts(t *testing.T) {
	c := newRig(t).dial()
	c.refused("chdir", "missing path argument")
	c.refused("chdir⇥a⇥b", "unexpected argument after path")
	c.refused("chdir⇥/does/not/exist", "chdir failed: No such file or directory")
	dir, err := os.Getwd()
	must(t, err)
	c.want("chdir⇥" + dir)
}

func TestLinksOfTwoDescriptors(t *testing.T) {
	var ended []*Session
	r := newRig(t, func(o *Options) { o.Ended = func(s *Session) { ended = append(ended, s) } })
	in, out := pipePair(t), pipePair(t)
	r.on(func() {
		r.server.Attach(Link{Read: in[0], Write: out[1], Rights: control.Admin, Interactive: true})
	})
	defer closeQuietly(out[0])
	_, err := unix.Write(in[1], []byte("echo\thello\nservice.tags\ta\n"))
	must(t, err)
	if got := readAll(t, out[0], len("hello\nservice.tags\ta\t\n")); got != "hello\nservice.tags\ta\t\n" {
		t.Errorf("%q", got)
	}
	flags, err := unix.FcntlInt(uintptr(out[0]), unix.F_GETFL, 0)
	if err != nil || flags&unix.O_NONBLOCK != 0 {
		t.Errorf("the mode was changed: %#x, %v", flags, err)
	}
	closeQuietly(in[1])
	eventually(t, "the session ends", func() (over bool) {
		r.on(func() { over = len(ended) == 1 && ended[0].Interactive() })
		return over
	})
}

func TestLinkToAFile(t *testing.T) {
	r := newRig(t)
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "service.tags\ts%d\tx\n", i)
	}
	must(t, os.WriteFile(r.path("config"), []byte(b.String()+"service.tags\tlast\tx"), 0o600))
	fd, err := unix.Open(r.path("config"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	r.on(func() { r.server.Attach(Link{Read: fd, Write: -1, Rights: control.Admin, LastLine: true}) })
	eventually(t, "the last line is executed", func() (done bool) {
		r.on(func() { done = r.engine.Service("last") != nil && len(r.server.sessions) == 0 })
		return done
	})
	r.logged("Command ends with EOF... processing anyway")
}

// A controller that closes its events goes on with its commands.
func TestEventSideThatIsClosed(t *testing.T) {
	r := newRig(t)
	in, out := pipePair(t), pipePair(t)
	r.on(func() { r.server.Attach(Link{Read: in[0], Write: out[1], Rights: control.Admin}) })
	closeQuietly(out[0])
	for i := range 100 {
		_, err := unix.Write(in[1], fmt.Appendf(nil, "service.tags\ts%d\nstatedump\n", i))
		must(t, err)
	}
	eventually(t, "all commands are executed", func() (done bool) {
		r.on(func() { done = r.engine.Service("s99") != nil })
		return done
	})
	closeQuietly(in[1])
}

func pipePair(t *testing.T) [2]int {
	t.Helper()
	var fds [2]int
	must(t, unix.Pipe2(fds[:], unix.O_CLOEXEC))
	return fds
}

func readAll(t *testing.T, fd, n int) string {
	t.Helper()
	var got []byte
	for len(got) < n {
		buf := make([]byte, n)
		m, err := unix.Read(fd, buf)
		must(t, err)
		got = append(got, buf[:m]...)
	}
	return string(got)
}

// A blocked reader of an interactive session is told from one that has left: it must not end the program.
func TestBlockedInteractiveSessionIsToldFromOneThatLeft(t *testing.T) {
	var timedOut []bool
	r := newRig(t, func(o *Options) { o.Ended = func(s *Session) { timedOut = append(timedOut, s.TimedOut()) } })
	in, out := pipePair(t), pipePair(t)
	defer closeQuietly(in[1])
	defer closeQuietly(out[0])
	r.on(func() { r.server.Attach(Link{Read: in[0], Write: out[1], Rights: control.Admin, Interactive: true}) })
	_, err := unix.Write(in[1], []byte("conn.event_timeout\t0\t1\n"))
	must(t, err)
	eventually(t, "the session ends", func() (over bool) {
		r.on(func() {
			for range 100 {
				r.server.Broadcast("", "event", strings.Repeat("x", 500))
			}
			over = len(timedOut) == 1 && timedOut[0]
		})
		return over
	})
	other, back := pipePair(t), pipePair(t)
	defer closeQuietly(back[0])
	r.on(func() {
		r.server.Attach(Link{Read: other[0], Write: back[1], Rights: control.Admin, Interactive: true})
	})
	closeQuietly(other[1])
	eventually(t, "the session ends", func() (over bool) {
		r.on(func() { over = len(timedOut) == 2 && !timedOut[1] })
		return over
	})
}

func TestControllerOfEventsAlone(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.ask(`service.args⇥a⇥sh⇥-c⇥read -r x <&3; echo "$x" >&1`)
	c.ask("fd.open⇥out⇥write,create⇥" + r.path("out"))
	c.ask("service.fds⇥a⇥null⇥out⇥null⇥control.event")
	c.send("service.start⇥a")
	c.await(`/service.state⇥a⇥down⇥.*⇥exit⇥0⇥.*/`)
	text, err := os.ReadFile(r.path("out"))
	if err != nil || !strings.HasPrefix(string(text), "service.state\ta\tup\t") {
		t.Errorf("heard %q, %v", text, err)
	}
	eventually(t, "its session ends", func() (one bool) {
		r.on(func() { one = len(r.server.sessions) == 1 })
		return one
	})
}
