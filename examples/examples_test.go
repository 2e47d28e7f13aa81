// Package examples_test runs the example services and the shipped units, started as a manager starts them.
package examples_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// answering returns the shipped units whose services answer.
func answering(t *testing.T) []unit {
	t.Helper()
	var units []unit
	for _, u := range shipped(t) {
		if u.Service.StandardOutput != "log" {
			units = append(units, u)
		}
	}
	return units
}

func TestMessageIsAnswered(t *testing.T) {
	for _, u := range answering(t) {
		for name, pieces := range map[string][]string{
			"a line":                  {"hi\n"},
			"an empty line":           {"\n"},
			"in pieces":               {"good ", "mor", "ning\n"},
			"more than a line":        {"one\ntwo\n"},
			"a format":                {"%s%n\\n\n"},
			"bytes that are no UTF-8": {"\xff\xfe\n"},
		} {
			t.Run(u.name+"/"+name, func(t *testing.T) {
				l := listen(t)
				client := dial(t, l.addr)
				service := u.start(t, l)
				for _, piece := range pieces {
					send(t, client, piece)
				}
				first, _, _ := strings.Cut(strings.Join(pieces, ""), "\n")
				if got, want := readLine(t, client), "I got your message: "+first+"\n"; got != want {
					t.Errorf("answer %q, want %q", got, want)
				}
				if err := service.wait(t); err != nil {
					t.Errorf("%v: %s", err, service.log.String())
				}
			})
		}
	}
}

// readLine reads a line only: what a service leaves unread makes the kernel reset the connection after it.
func readLine(t *testing.T, conn net.Conn) string {
	t.Helper()
	var line []byte
	for buffer := make([]byte, 1); !strings.HasSuffix(string(line), "\n"); {
		n, err := conn.Read(buffer)
		if err != nil {
			t.Fatalf("after %q: %v", line, err)
		}
		line = append(line, buffer[:n]...)
	}
	return string(line)
}

// echo hi | nc ends its half of the connection and waits for the service's.
func TestMessageWithoutNewlineIsAnswered(t *testing.T) {
	for _, u := range answering(t) {
		t.Run(u.name, func(t *testing.T) {
			l := listen(t)
			client := dial(t, l.addr)
			service := u.start(t, l)
			send(t, client, "hi")
			if err := client.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if got, want := receive(t, client), "I got your message: hi\n"; got != want {
				t.Errorf("answer %q, want %q", got, want)
			}
			if err := service.wait(t); err != nil {
				t.Errorf("%v: %s", err, service.log.String())
			}
		})
	}
}

func TestClientThatLeavesIsSurvived(t *testing.T) {
	for _, u := range answering(t) {
		for name, linger := range map[string]int{"by closing": -1, "by a reset": 0} {
			t.Run(u.name+"/"+name, func(t *testing.T) {
				l := listen(t)
				client := dial(t, l.addr)
				if err := client.(*net.TCPConn).SetLinger(linger); err != nil {
					t.Fatal(err)
				}
				if err := client.Close(); err != nil {
					t.Fatal(err)
				}
				service := u.start(t, l)
				if err := service.wait(t); err != nil {
					t.Errorf("%v: %s", err, service.log.String())
				}
			})
		}
	}
}

func TestStoppedServiceGoesOn(t *testing.T) {
	for _, u := range answering(t) {
		t.Run(u.name, func(t *testing.T) {
			l := listen(t)
			client := dial(t, l.addr)
			service := u.start(t, l)
			pause(t, service.Process)
			send(t, client, "half")
			pause(t, service.Process)
			send(t, client, " and half\n")
			if got, want := readLine(t, client), "I got your message: half and half\n"; got != want {
				t.Errorf("answer %q, want %q", got, want)
			}
			if err := service.wait(t); err != nil {
				t.Errorf("%v: %s", err, service.log.String())
			}
		})
	}
}

// pause stops the process, waits until it is stopped, and lets it go on.
func pause(t *testing.T, p *os.Process) {
	t.Helper()
	if err := p.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(p.Pid) + "/stat")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(stat), ") T ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not stopped: %s", stat)
		}
	}
	if err := p.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// A program reads the variables of its convention only, and says what it misses.
func TestOtherConventionIsRefused(t *testing.T) {
	for name, variables := range map[string][]string{
		"message-upstart-c":      {"LISTEN_FDS=1"},
		"message-upstart-python": {"LISTEN_FDS=1"},
		"message-systemd-c":      {"UPSTART_FDS=3"},
		"message-systemd-python": {"UPSTART_FDS=3"},
		"message-go":             nil,
	} {
		t.Run(name, func(t *testing.T) {
			command := shippedUnit(t, name).command(t)
			service := launch(t, command, variables, true, nil, listen(t).fd)
			if err := service.wait(t); err == nil || service.log.Len() == 0 {
				t.Errorf("%v, %q; want a failure and a message", err, service.log.String())
			}
		})
	}
}

// The pid of a process that a wrapper forked is not the one that LISTEN_PID names.
func TestLISTEN_PIDOfAnotherIsRefused(t *testing.T) {
	for _, name := range []string{"message-systemd-c", "message-systemd-python", "message-go"} {
		t.Run(name, func(t *testing.T) {
			command := shippedUnit(t, name).command(t)
			service := launch(t, command, []string{"LISTEN_FDS=1", "LISTEN_PID=1"}, false, nil, listen(t).fd)
			if err := service.wait(t); err == nil || service.log.Len() == 0 {
				t.Errorf("%v, %q; want a failure and a message", err, service.log.String())
			}
		})
	}
}

func TestEnvironmentIsLogged(t *testing.T) {
	l := listen(t)
	client := dial(t, l.addr)
	service := shippedUnit(t, "environment").start(t, l)
	if got := receive(t, client); got != "" {
		t.Errorf("the client got %q", got)
	}
	if err := service.wait(t); err != nil {
		t.Errorf("%v: %s", err, service.log.String())
	}
	_, port, err := net.SplitHostPort(client.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=connection", "LISTEN_PID=" + strconv.Itoa(service.Process.Pid), "REMOTE_ADDR=127.0.0.1", "REMOTE_PORT=" + port} {
		if !strings.Contains(service.log.String(), "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, service.log.String())
		}
	}
}

// The programs must work under the manager whose conventions they follow, too.
func TestUnderSystemdSocketActivate(t *testing.T) {
	activate, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Skip("systemd-socket-activate is not installed")
	}
	for name, options := range map[string][]string{
		"message-systemd-c":      nil,
		"message-systemd-python": nil,
		"message-go":             nil,
		"greet":                  {"--accept", "--inetd"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "socket")
			command := append([]string{activate, "--listen=" + path}, options...)
			manager := launch(t, append(command, shippedUnit(t, name).command(t)...), nil, false, nil)
			client := dialWhenBound(t, path)
			if err := client.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			send(t, client, "hi\n")
			if got, want := receive(t, client), "I got your message: hi\n"; got != want {
				t.Errorf("answer %q, want %q; %s", got, want, manager.log.String())
			}
			if err := manager.Process.Kill(); err != nil && options != nil {
				t.Error(err) // the others have become the service, which ended
			}
		})
	}
}

// dialWhenBound connects as soon as somebody listens: a first connection that only looked would be served in place of
// the test's.
func dialWhenBound(t *testing.T, path string) net.Conn {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("unix", path)
		if err == nil {
			t.Cleanup(func() { conn.Close() }) //nolint:errcheck // of a test
			return conn
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
