package control_test

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sockbridge/control"
)

// A server serves sessions on a Unix socket, each with a goroutine of its own.
type server struct {
	path     string
	listener net.Listener
	all      sync.WaitGroup

	mu       sync.Mutex
	sessions []*connection // guarded by mu, as are they
	dones    []func(error) // of the command later
}

type connection struct {
	*control.Session
	conn net.Conn
}

func startServer(t *testing.T) *server {
	t.Helper()
	s := &server{path: filepath.Join(t.TempDir(), "control")}
	s.listener = listenUnix(t, s.path)
	s.all.Go(s.accept)
	t.Cleanup(s.stop)
	return s
}

func listenUnix(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func (s *server) stop() {
	_ = s.listener.Close()
	s.mu.Lock()
	for _, c := range s.sessions {
		_ = c.conn.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
}

func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		c := &connection{conn: conn}
		c.Session = control.NewSession(control.SessionOptions{Rights: control.Read, Commands: control.NewCommands(s.commands())})
		s.sessions = append(s.sessions, c)
		s.all.Go(func() { s.serve(c) })
		c.Emit("signal", "SIGHUP", "1", "1")
		s.mu.Unlock()
	}
}

func (s *server) serve(c *connection) {
	buffer := make([]byte, 4096)
	for {
		n, err := c.conn.Read(buffer)
		s.mu.Lock()
		if c.Input(buffer[:n]); err != nil {
			c.EndOfInput()
		}
		c.proceed()
		ended := c.Ended()
		s.mu.Unlock()
		if err != nil || ended {
			_ = c.conn.Close()
			return
		}
	}
}

// proceed runs commands and writes, which waits for the peer.
func (c *connection) proceed() {
	for again := true; again; {
		again = c.Turn()
		for len(c.Output()) > 0 {
			n, err := c.conn.Write(c.Output())
			if err != nil {
				c.CloseOutput()
				break
			}
			c.Wrote(n)
			again = true
		}
	}
}

// broadcast sends an event to all sessions.
func (s *server) broadcast(fields ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.sessions {
		c.Emit(fields...)
		c.proceed()
	}
}

// finish ends all commands later, and reports how many they were.
func (s *server) finish(err error) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	dones := s.dones
	s.dones = nil
	for _, done := range dones {
		done(err)
	}
	for _, c := range s.sessions {
		c.proceed()
	}
	return len(dones)
}

func (s *server) commands() []control.Command {
	return []control.Command{
		{Name: "admin", Rights: control.Admin},
		{Name: "later", Run: func(c *control.Call) error {
			c.Emit("begun")
			s.dones = append(s.dones, c.Later()) // the session runs with mu held
			return nil
		}},
		{Name: "fail", Run: func(c *control.Call) error {
			c.Emit("so", "far")
			return &control.Error{Text: "it\tbroke", Code: control.CodeBusy}
		}},
		{Name: "lines", Run: func(c *control.Call) error {
			n, _ := strconv.Atoi(c.Args[0])
			count(c, "line ", n)
			return nil
		}},
		{Name: "wide", Run: func(c *control.Call) error {
			n, _ := strconv.Atoi(c.Args[0])
			c.Emit(strings.Repeat("x", n))
			return nil
		}},
		{Name: "lose", Run: func(c *control.Call) error {
			c.Emit("overflow")
			return nil
		}},
	}
}
