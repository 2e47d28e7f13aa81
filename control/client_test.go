package control_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sockbridge/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is what no test should need.
const patience = 20 * time.Second

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func dial(t *testing.T, path string) *control.Client {
	t.Helper()
	c, err := control.Dial(patient(t), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// until asks again until the answer is yes.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not happen", what)
		}
	}
}

func TestClientDo(t *testing.T) {
	c := dial(t, startServer(t).path)
	for _, test := range []struct {
		command []string
		want    string
	}{
		{[]string{"echo", "a\tb\n\\", "", "\x00"}, `[["a\tb\n\\" "" "\x00"]] <nil>`},
		{[]string{"echo"}, `[] <nil>`},
		{[]string{"lines", "2"}, `[["line 0"] ["line 1"]] <nil>`},
		{[]string{"none"}, `[] Unknown command: none`},
		{[]string{"fail"}, "[[\"so\" \"far\"]] it\tbroke"},
		{[]string{"conn.event_timeout", "x"}, `[] Expected integer`},
		{[]string{"admin"}, `[] permission denied`},
		{nil, `[] missing argument`},
	} {
		lines, err := c.Do(patient(t), test.command...)
		equal(t, fmt.Sprint(test.command), fmt.Sprintf("%q %v", lines, err), test.want)
	}
}

func TestClientError(t *testing.T) {
	c := dial(t, startServer(t).path)
	_, err := c.Do(patient(t), "fail")
	if e, ok := errors.AsType[*control.Error](err); !ok || e.Code != control.CodeBusy || errors.Is(err, control.ErrPermission) {
		t.Errorf("error is %#v", err)
	}
	if _, err = c.Do(patient(t), "admin"); !errors.Is(err, control.ErrPermission) {
		t.Errorf("error is %#v", err)
	}
}

func TestClientLongAnswers(t *testing.T) {
	c := dial(t, startServer(t).path)
	lines, err := c.Do(patient(t), "lines", "20000")
	if err != nil || len(lines) != 20000 || lines[19999][0] != "line 19999" {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	lines, err = c.Do(patient(t), "wide", "3000000")
	if err != nil || len(lines) != 1 || len(lines[0][0]) != 3000000 {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	if _, err = c.Do(patient(t), "wide", "9000000"); !errors.Is(err, control.ErrTooMuch) {
		t.Errorf("a line of 9 MB: %v", err)
	}
}

func TestClientConcurrent(t *testing.T) {
	c := dial(t, startServer(t).path)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 100 {
				want := fmt.Sprintf("%d/%d", i, j)
				lines, err := c.Do(patient(t), "echo", want)
				if err != nil || len(lines) != 1 || lines[0][0] != want {
					t.Errorf("%q, %v; want %q", lines, err, want)
					return
				}
			}
		})
	}
	all.Wait()
}

// A command whose caller has gone is executed all the same, and its answer is nobody's.
func TestClientCancel(t *testing.T) {
	s := startServer(t)
	c := dial(t, s.path)
	ctx, cancel := context.WithCancel(patient(t))
	result := make(chan error, 1)
	go func() { // the test receives its result
		_, err := c.Do(ctx, "later")
		result <- err
	}()
	until(t, "the command", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.dones) == 1
	})
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	next := make(chan [][]string, 1)
	go func() { // likewise
		lines, _ := c.Do(patient(t), "echo", "next")
		next <- lines
	}()
	s.finish(errors.New("too late"))
	equal(t, "next", fmt.Sprint(<-next), "[[next]]")
	if _, err := c.Do(ctx, "echo"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

// Half a command would spoil the next, so the connection ends.
func TestClientCancelWhileWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	l := listenUnix(t, path)
	conns := make(chan net.Conn, 1)
	go answer(l, "proto\t2\n", conns) // ends with the listener, or when conns has taken one
	c := dial(t, path)
	conn := <-conns
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithCancel(patient(t))
	defer cancel()
	result := make(chan error, 1)
	go func() { // the test receives its result
		_, err := c.Do(ctx, "echo", strings.Repeat("x", 8<<20))
		result <- err
	}()
	if _, err := conn.Read(make([]byte, 1)); err != nil { // it has begun
		t.Fatal(err)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	until(t, "the end of the connection", func() bool {
		_, err := c.Do(patient(t), "echo")
		return errors.Is(err, control.ErrClosed)
	})
}

// answer accepts one connection, reads a line at most, and writes a text.
func answer(l net.Listener, text string, conns chan<- net.Conn) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	_, _ = conn.Read(make([]byte, len("proto\t2\n")))
	_, _ = conn.Write([]byte(text))
	conns <- conn
}

// A command of which nothing could be written is taken back, and the connection stays.
func TestClientCancelBeforeWriting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	l := listenUnix(t, path)
	conns := make(chan net.Conn, 1)
	go answer(l, "proto\t2\n", conns) // ends with the listener, or when conns has taken one
	c := dial(t, path)
	conn := <-conns
	t.Cleanup(func() { _ = conn.Close() })
	text := strings.Repeat("x", 16<<10) // the kernel takes such a piece as a whole or not at all
	for range 60 {                      // more than it holds
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Millisecond)
		if _, err := c.Do(ctx, "echo", text); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		cancel()
	}
	result := make(chan error, 1)
	go func() { // the test receives its result
		_, err := c.Do(patient(t), "last")
		result <- err
	}()
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if fields[2] == "last" {
			_, _ = conn.Write([]byte("ok\t" + fields[1] + "\n"))
			break
		}
		if fields[0] != "id" || fields[3] != text {
			t.Fatalf("received %.40q", lines.Text())
		}
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestClientNext(t *testing.T) {
	s := startServer(t)
	c := dial(t, s.path)
	event, err := c.Next(patient(t))
	equal(t, "before the greeting", fmt.Sprint(event, err), "[signal SIGHUP 1 1] <nil>")
	s.broadcast("unit.state", "a\tb")
	event, err = c.Next(patient(t))
	equal(t, "event", fmt.Sprintf("%q %v", event, err), `["unit.state" "a\tb"] <nil>`)
	ctx, cancel := context.WithCancel(patient(t))
	cancel()
	if _, err := c.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

// Who never asks for events does not stop the answers, and learns that some are lost.
func TestClientNextOverflow(t *testing.T) {
	s := startServer(t)
	c := dial(t, s.path)
	for i := range 3000 {
		s.broadcast("event", fmt.Sprint(i))
	}
	if _, err := c.Do(patient(t), "echo", "a"); err != nil {
		t.Fatal(err)
	}
	for range 1024 {
		if event, err := c.Next(patient(t)); err != nil || event[0] == "overflow" {
			t.Fatalf("%q, %v", event, err)
		}
	}
	s.broadcast("event", "last")
	var got []string
	for range 2 {
		event, err := c.Next(patient(t))
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join(event, " "))
	}
	if !slices.Equal(got, []string{"overflow", "event last"}) {
		t.Errorf("got %q", got)
	}
}

func TestClientOverflow(t *testing.T) {
	s := startServer(t)
	c := dial(t, s.path)
	if _, err := c.Do(patient(t), "lose"); !errors.Is(err, control.ErrOverflow) {
		t.Errorf("error is %v", err)
	}
	lines, err := c.Do(patient(t), "echo", "a")
	equal(t, "afterwards", fmt.Sprint(lines, err), "[[a]] <nil>")
}

func TestClientClose(t *testing.T) {
	s := startServer(t)
	c := dial(t, s.path)
	_, _ = c.Next(patient(t)) // the signal
	results := make(chan error, 2)
	go func() { // the test receives the results of both
		_, err := c.Do(patient(t), "later")
		results <- err
	}()
	go func() {
		_, err := c.Next(patient(t))
		results <- err
	}()
	until(t, "the command", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.dones) == 1
	})
	_ = c.Close()
	for range 2 {
		if err := <-results; err != nil && !errors.Is(err, control.ErrClosed) {
			t.Errorf("error is %v", err)
		}
	}
	if _, err := c.Do(patient(t), "echo"); !errors.Is(err, control.ErrClosed) {
		t.Errorf("error is %v", err)
	}
}

func TestClientExit(t *testing.T) {
	c := dial(t, startServer(t).path)
	if _, err := c.Do(patient(t), "exit"); err != nil {
		t.Error(err)
	}
	_, _ = c.Next(patient(t)) // the signal
	if _, err := c.Next(patient(t)); !errors.Is(err, control.ErrClosed) {
		t.Errorf("error is %v", err)
	}
}

func TestDialErrors(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		want         error
	}{
		{"version 1", "fd.state\tnull\nerror\tUnknown command: proto\n", control.ErrVersion},
		{"hangs up", "", control.ErrClosed},
		{"a refusal", "error\tToo many controllers\tbusy\n", &control.Error{}},
		{"hangs up within a line", "proto\t2", control.ErrClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "control")
			l := listenUnix(t, path)
			conns := make(chan net.Conn)
			go answer(l, test.answer, conns)
			go func() { _ = (<-conns).Close() }() // ends with answer
			if _, err := control.Dial(patient(t), path); !errors.Is(err, test.want) && !sameType(err, test.want) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// sameType reports whether both are errors that a server has told.
func sameType(a, b error) bool {
	told, ok := errors.AsType[*control.Error](a)
	_, want := errors.AsType[*control.Error](b)
	return ok && want && told.Text == "Too many controllers" && told.Code == control.CodeBusy
}

func TestDialNotRunning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	if _, err := control.Dial(patient(t), path); !errors.Is(err, control.ErrNotRunning) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a socket: %v", err)
	}
	l := listenUnix(t, path).(*net.UnixListener)
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	if _, err := control.Dial(patient(t), path); !errors.Is(err, control.ErrNotRunning) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("with a socket that nobody listens on: %v", err)
	}
}

func TestDialPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to be somebody else")
	}
	s := startServer(t)
	if err := os.Chmod(s.path, 0o700); err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() { // the test receives its result
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		if err := syscall.Setfsuid(65534); err != nil {
			result <- err
			return
		}
		_, err := control.Dial(patient(t), s.path)
		result <- err
	}()
	if err := <-result; !errors.Is(err, control.ErrPermission) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error is %v", err)
	}
}

// greetAll answers the greetings of all who connect until the socket is shut down.
func greetAll(fd int) {
	for {
		conn, _, err := syscall.Accept(fd)
		if err != nil {
			return
		}
		_, _ = syscall.Read(conn, make([]byte, 8))
		_ = syscall.Sendto(conn, []byte("proto\t2\n"), syscall.MSG_NOSIGNAL, nil) // EPIPE of those who gave up
		_ = syscall.Close(conn)
	}
}

// A server that listens and says nothing, and one whose queue is full.
func TestDialWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"silent", "full"} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if _, err := control.Dial(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
	var all sync.WaitGroup
	all.Go(func() { greetAll(fd) })
	t.Cleanup(func() {
		_ = syscall.Shutdown(fd, syscall.SHUT_RDWR)
		all.Wait()
	})
	c, err := control.Dial(patient(t), path)
	if err != nil {
		t.Fatal("when there is room in the queue:", err)
	}
	_ = c.Close()
}
