package superserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/event"
	"sockbridge/units"
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
	// It serves one client and then does not end, except at once.
	"stubborn": func() {
		signal.Ignore(unix.SIGTERM)
		fd, _, err := unix.Accept(3)
		if err != nil {
			os.Exit(1)
		}
		_, _ = fmt.Fprintf(os.NewFile(uintptr(fd), "client"), "pid %d\n", os.Getpid())
		_ = unix.Close(fd)
		select {}
	},
	// It serves one client after another until it is ended.
	"accept": func() {
		for {
			fd, _, err := unix.Accept(3)
			if err != nil {
				os.Exit(1)
			}
			_, _ = fmt.Fprintf(os.NewFile(uintptr(fd), "client"), "pid %d\n", os.Getpid())
			_ = unix.Close(fd)
		}
	},
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// A manager is a Server that runs for a test, with units in a folder of its own.
type manager struct {
	t      *testing.T
	dir    string
	server *Server
	*control.Client
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // of Run, once ended is closed

	mu     sync.Mutex
	events []event.Event
}

// newManager runs a Server with these unit files; "sockbridge.toml" holds the settings. DIR in a file is the folder. What is
// asked of it goes through its control socket.
func newManager(t *testing.T, files map[string]string) *manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "super") //nolint:usetesting // the path of a Unix socket must be short
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{t: t, dir: dir, ended: make(chan struct{})}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	m.write(files)
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.server, err = New(Options{Load: m.load, Control: m.path("control"), Version: "1.2.3", Sink: m.sink})
	if err != nil {
		t.Fatal(err)
	}
	go func() { // stop waits for it
		defer close(m.ended)
		m.err = m.server.Run(ctx)
	}()
	t.Cleanup(m.stop)
	m.Client = m.dial()
	return m
}

func (m *manager) path(name string) string { return filepath.Join(m.dir, name) }

func (m *manager) write(files map[string]string) {
	m.t.Helper()
	for name, text := range files {
		path := filepath.Join(m.dir, "conf.d", name+".toml")
		if name == "sockbridge" {
			path = m.path("sockbridge.toml")
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			m.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "DIR", m.dir)), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
}

func (m *manager) load(ctx context.Context, previous *units.Set) (*units.Set, error) {
	return units.Load(ctx, units.Options{
		Dirs: []string{m.path("conf.d")}, Settings: m.path("sockbridge.toml"), SettingsOptional: true, UID: os.Geteuid(), Previous: previous,
	})
}

func (m *manager) sink(e event.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
}

func (m *manager) story() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for i := range m.events {
		fmt.Fprintln(&b, strings.Join(eventRecord(&m.events[i]), " "))
	}
	return b.String()
}

// dial connects once somebody listens.
func (m *manager) dial() *control.Client {
	m.t.Helper()
	var c *control.Client
	m.until("the manager answers", func() bool {
		var err error
		c, err = control.Dial(m.t.Context(), m.path("control"))
		return err == nil
	})
	m.t.Cleanup(func() { _ = c.Close() })
	return c
}

func (m *manager) stop() {
	m.cancel()
	select {
	case <-m.ended:
	case <-time.After(patience):
		m.t.Fatalf("the manager does not end:\n%s", m.story())
	}
	if m.err != nil {
		m.t.Errorf("the manager ended with %v", m.err)
	}
}

// until polls until the condition holds.
func (m *manager) until(what string, holds func() bool) {
	m.t.Helper()
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			m.t.Fatalf("never: %s\n%s", what, m.story())
		}
		pause, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		<-pause.Done()
		cancel()
	}
}

// ask sends a command that succeeds and returns its lines.
func (m *manager) ask(fields ...string) [][]string {
	m.t.Helper()
	lines, err := m.Do(m.t.Context(), fields...)
	if err != nil {
		m.t.Fatalf("%q: %v\n%s", fields, err, m.story())
	}
	return lines
}

// refused sends a command that fails, and returns the error's text.
func (m *manager) refused(code string, fields ...string) string {
	m.t.Helper()
	_, err := m.Do(m.t.Context(), fields...)
	failed, ok := errors.AsType[*control.Error](err)
	if !ok || failed.Code != code {
		m.t.Errorf("%q: %v, want an error with code %s", fields, err, code)
		return ""
	}
	return failed.Text
}

// state is the unit.state of a unit: its word, and the values by their keys.
func (m *manager) state(unit string) (string, map[string]string) {
	m.t.Helper()
	line := m.ask("unit.list", unit)[0]
	return line[2], valuesOf(line[3:])
}

// valuesOf are the values of KEY=VALUE fields; of a list the last.
func valuesOf(fields []string) map[string]string {
	values := map[string]string{}
	for _, f := range fields {
		key, value, _ := strings.Cut(f, "=")
		values[key] = value
	}
	return values
}

func (m *manager) untilState(unit, want string) {
	m.t.Helper()
	m.until(unit+" is "+want, func() bool {
		word, _ := m.state(unit)
		return word == want
	})
}

// connect opens a connection to a Unix socket of the folder.
func (m *manager) connect(name string) net.Conn {
	m.t.Helper()
	c, err := net.Dial("unix", m.path(name))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		m.t.Fatal(err)
	}
	return c
}

// line reads a line from a service; nothing at its end.
func line(t *testing.T, c net.Conn) string {
	t.Helper()
	text, err := bufio.NewReader(c).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, unix.ECONNRESET) {
		t.Fatal(err)
	}
	return strings.TrimSuffix(text, "\n")
}

// kinds are the first fields of lines.
func kinds(lines [][]string) (list []string) {
	for _, l := range lines {
		list = append(list, l[0])
	}
	return list
}

// find returns the first line that begins so.
func find(lines [][]string, begin ...string) []string {
	for _, l := range lines {
		if len(l) >= len(begin) && slices.Equal(l[:len(begin)], begin) {
			return l
		}
	}
	return nil
}

// talk is a unit whose instances say hello and then what they are told.
func talk(socket string, more ...string) string {
	return fmt.Sprintf(`description = "talks"
[socket]
listen_stream = ["DIR/%s"]
accept = true
%s
[service]
script = "echo hello; cat"
standard_input = "socket"
timeout_stop_sec = 5
`, socket, strings.Join(more, "\n"))
}

// wait is a unit whose service accepts by itself.
func wait(t *testing.T, socket string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`[socket]
listen_stream = ["DIR/%s"]
[service]
exec_start = [%q]
environment = { SERVICE = "accept" }
`, socket, self)
}

func (m *manager) dialUnit(name string) (net.Conn, error) { return net.Dial("unix", m.path(name)) }

// listen has somebody else serve a socket of the folder.
func (m *manager) listen(name string) net.Listener {
	m.t.Helper()
	_ = os.Remove(m.path(name)) // a node that a unit has left
	l, err := net.Listen("unix", m.path(name))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = l.Close() })
	return l
}
