package superserver

import (
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A session that does not read cannot be told to go, and goes all the same: it must keep nobody out for as long as it likes.
func TestSessionsThatDoNotReadKeepNobodyOut(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	for range maxSessions + 2*spareSessions {
		c, err := m.dialUnit("control")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		fill(t, c)
	}
	m.dial()
	ask(t, m.dial(), "ping")
}

// fill asks for more than it reads, and never for the end of that.
func fill(t *testing.T, c net.Conn) {
	t.Helper()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("conn.event_timeout\t2147483647\t2147483647\n" + strings.Repeat("echo\t"+strings.Repeat("x", 1000)+"\n", 1000))
	err = raw.Write(func(fd uintptr) bool {
		for len(text) > 0 {
			n, err := unix.Write(int(fd), text)
			if errors.Is(err, unix.EAGAIN) {
				return true
			}
			text = text[max(n, 0):]
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Services that are controllers are no clients: however many of those come, the services keep their sessions. And where services
// have many, clients still have their places.
func TestClientsDoNotEndTheSessionsOfServices(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	admin := m.dial()
	const services = 2 * spareSessions
	for i := range services {
		name := "svc." + strconv.Itoa(i)
		ask(t, admin, "service.args", name, "/bin/sleep", "1000")
		ask(t, admin, "service.fds", name, "null", "null", "null", "control.socket")
		ask(t, admin, "service.start", name)
	}
	var others []net.Conn
	for range maxSessions + 2*spareSessions {
		c, err := m.dialUnit("control")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		others = append(others, c)
	}
	ask(t, m.dial(), "ping")
	if _, err := io.ReadAll(others[0]); err != nil {
		t.Error(err)
	}
	m.until("services keep their sessions", func() bool {
		n := make(chan int)
		m.server.loop.Post(func() { n <- servicesOf(m.server) })
		return <-n == services
	})
	for i := range services {
		ask(t, m.dial(), "service.stop", "svc."+strconv.Itoa(i), "0")
	}
}

func servicesOf(s *Server) (n int) {
	for session := range s.control.server.Sessions() {
		if !session.Client() {
			n++
		}
	}
	return n
}

// Names cost little, however many. Globs, which are matched with each name, are bounded.
func TestPatternsAreBounded(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s"), "wait": wait(t, "w")})
	many := []string{"unit.list"}
	for range 5000 {
		many = append(many, "talk")
	}
	if lines := m.ask(many...); len(lines) != 1 {
		t.Errorf("5,000 times the same name is %q", lines)
	}
	for _, globs := range [][]string{
		strings.Split(strings.Repeat("t*,", maxGlobs)+"t*", ","),
		{strings.Repeat("*[^x]", maxGlobBytes)},
	} {
		m.refused(codeUsage, append([]string{"unit.list"}, globs...)...)
		m.refused(codeUsage, append([]string{"log.follow", "5", "follow"}, globs...)...)
	}
	if lines := m.ask("unit.list", "w*", "[t]alk", "?alk"); len(lines) != 2 {
		t.Errorf("three globs are %q", lines)
	}
}

// Who follows again and again costs no more than who follows once.
func TestFollowingAgainCostsNothing(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	c := m.dial()
	for range 100 {
		ask(t, c, "log.follow", "0", "follow", "talk")
	}
	n := make(chan int)
	m.server.loop.Post(func() {
		most := 0
		for session := range m.server.sessions() {
			most = max(most, len(session.Topics()))
		}
		n <- most + len(m.server.followers)
	})
	if got := <-n; got != 2 {
		t.Errorf("topics and followers are %d, want one of each", got)
	}
	m.ask("unit.pause", "talk")
	m.ask("unit.resume", "talk")
	_ = line(t, m.connect("s"))
	next(t, c, begins("event"))
}

// Who asks again and again for the end of an instance leaves nothing behind each time.
func TestKillingAgainIsOneStop(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": strings.Replace(
		talk("s"), "echo hello; cat", "trap '' TERM; echo hello; while read x; do :; done; sleep 1000", 1)})
	if got := line(t, m.connect("s")); got != "hello" {
		t.Fatalf("the client reads %q", got)
	}
	id := m.ask("conn.list")[0][2]
	for range 50 {
		m.ask("conn.kill", id)
	}
	if n := strings.Count(m.story(), " stop "); n != 1 {
		t.Errorf("%d stops are told, want 1", n)
	}
	m.ask("conn.kill", id, "KILL")
	m.until("it has ended", func() bool { return len(m.ask("conn.list")) == 0 })
}
