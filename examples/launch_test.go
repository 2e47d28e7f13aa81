package examples_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/BurntSushi/toml"

	"sockbridge/activation"
)

// Where shipped units expect the programs and their Unix sockets.
const (
	installed = "/usr/lib/sockbridge/examples/"
	runFolder = "/run/sockbridge/examples/"
)

// patience bounds every wait.
const patience = 20 * time.Second

// A unit is what shipped units use of the unit file.
type unit struct {
	name string
	text string

	Description string
	Socket      struct {
		ListenStream []string `toml:"listen_stream"`
		Accept       bool
		SocketMode   int `toml:"socket_mode"`
	}
	Service struct {
		ExecStart      []string              `toml:"exec_start"`
		StandardInput  string                `toml:"standard_input"`
		StandardOutput string                `toml:"standard_output"`
		FDProtocol     []activation.Protocol `toml:"fd_protocol"`
		Instances      int
	}
}

// shipped returns the units of conf.d.
func shipped(t *testing.T) []unit {
	t.Helper()
	files, err := filepath.Glob("../conf.d/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("units: %v, %v", files, err)
	}
	var all []unit
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		u := unit{name: strings.TrimSuffix(filepath.Base(file), ".toml"), text: string(text)}
		u.Service.FDProtocol = []activation.Protocol{activation.Systemd, activation.Upstart}
		meta, err := toml.Decode(u.text, &u)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if keys := meta.Undecoded(); len(keys) > 0 {
			t.Errorf("%s has keys that this test does not know: %v", file, keys)
		}
		all = append(all, u)
	}
	return all
}

// shippedUnit returns one of the units of conf.d.
func shippedUnit(t *testing.T, name string) unit {
	t.Helper()
	for _, u := range shipped(t) {
		if u.name == name {
			return u
		}
	}
	t.Fatalf("conf.d has no %s.toml", name)
	return unit{}
}

// built is the folder with the programs as they would be installed.
var built struct {
	once   sync.Once
	folder string
	err    error
}

// command returns the unit's command with the paths of what was built here.
func (u unit) command(t *testing.T) []string {
	t.Helper()
	u.skipWithoutTool(t)
	built.once.Do(func() { built.folder, built.err = build() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	var command []string
	for _, word := range u.Service.ExecStart {
		command = append(command, strings.Replace(word, installed, built.folder+"/", 1))
	}
	return command
}

func (u unit) skipWithoutTool(t *testing.T) {
	t.Helper()
	program := u.Service.ExecStart[len(u.Service.ExecStart)-1]
	for folder, tool := range map[string]string{"/c/": "gcc", "/python/": "python3"} {
		if _, err := exec.LookPath(tool); err != nil && strings.Contains(program, folder) {
			t.Skipf("%s is not installed", tool)
		}
	}
}

// build compiles what has to be compiled, as the comments in the sources say, with every warning an error.
func build() (string, error) {
	folder, err := os.MkdirTemp("", "sockbridge-examples-")
	if err != nil {
		return "", err
	}
	here, err := os.Getwd()
	if err != nil {
		return folder, err
	}
	script := `set -e
mkdir c
ln -s "$0/sh" "$0/python" .
(cd "$0" && go build -o "$OLDPWD/go/message/message" ./go/message)
for source in "$0"/c/*.c; do
	if command -v gcc >/dev/null; then gcc -Wall -Wextra -Werror -o "c/$(basename "$source" .c)" "$source"; fi
done`
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", script, here)
	cmd.Dir = folder
	output, err := cmd.CombinedOutput()
	if err != nil {
		return folder, fmt.Errorf("cannot build the examples: %w\n%s", err, output)
	}
	return folder, nil
}

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(built.folder) //nolint:errcheck // in the temporary folder
	os.Exit(code)
}

// A process is one started instance.
type process struct {
	*exec.Cmd
	log  bytes.Buffer // standard error, and output that is not the connection
	done chan error
}

// launch starts command with env, and descriptors as a manager passes them. With announce LISTEN_PID is the process's
// own: a shell knows it before it executes the program.
func launch(t *testing.T, command, env []string, announce bool, stdin *os.File, fds ...*os.File) *process {
	t.Helper()
	script := `exec "$@"`
	if announce {
		script = `LISTEN_PID=$$ exec "$@"`
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", script, "sh"}, command...)...), done: make(chan error, 1)}
	p.Env = append([]string{"PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}, env...)
	p.Stdout, p.Stderr = &p.log, &p.log
	if stdin != nil {
		p.Stdin, p.Stdout = stdin, stdin
	}
	p.ExtraFiles = fds
	p.WaitDelay = patience
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.Wait() }() // ends with the process, which the test's context ends
	return p
}

// wait returns how the process ended.
func (p *process) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-p.done:
		return err
	case <-time.After(patience):
		t.Fatal("the service does not end")
		return nil
	}
}

// A listener is a unit's socket, on an address of the test's.
type listener struct {
	fd   *os.File
	addr string
}

func listen(t *testing.T) listener {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	t.Cleanup(func() { file.Close() }) //nolint:errcheck // of a test
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 8); err != nil {
		t.Fatal(err)
	}
	address, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return listener{file, activation.EndpointOf(address).String()}
}

// start starts an instance of the unit for the client that waits on the listener, as a manager does.
func (u unit) start(t *testing.T, l listener) *process {
	t.Helper()
	if !u.Socket.Accept {
		given := activation.Listening{Unit: u.name, Protocols: u.Service.FDProtocol, Sockets: []activation.Socket{{}}}
		return launch(t, u.command(t), given.Environ(), given.Announces(), nil, l.fd)
	}
	fd, remote, err := unix.Accept4(int(l.fd.Fd()), unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	conn := os.NewFile(uintptr(fd), "connection")
	defer conn.Close() //nolint:errcheck // the service has its own
	given := activation.Connection{
		Unit:      u.name,
		Protocols: u.Service.FDProtocol,
		Stdin:     u.Service.StandardInput == "socket",
		Remote:    activation.EndpointOf(remote),
	}
	if given.Stdin {
		return launch(t, u.command(t), given.AppendEnviron(nil), given.Announces(), conn)
	}
	return launch(t, u.command(t), given.AppendEnviron(nil), given.Announces(), nil, conn)
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) //nolint:errcheck // of a test
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, conn net.Conn) string {
	t.Helper()
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}
