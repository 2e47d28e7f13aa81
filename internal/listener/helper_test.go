package listener

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// runHelper is what the test binary does as another process: it binds a Unix socket and lives until its standard
// input ends, without removing the node.
func runHelper(args []string) {
	kind := map[string]int{"stream": unix.SOCK_STREAM, "datagram": unix.SOCK_DGRAM}[args[0]]
	fd, err := unix.Socket(unix.AF_UNIX, kind, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: args[1]})
	}
	if err == nil && kind == unix.SOCK_STREAM {
		err = unix.Listen(fd, 5)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("bound")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

// otherProcess binds path in another process and returns how to end it.
func otherProcess(t *testing.T, kind, path string) (pid int, end func()) {
	t.Helper()
	// It ends in the cleanup, which comes after the test's context has.
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], kind, path)
	cmd.Env = append(os.Environ(), "LISTENER_TEST_HELPER=1", "GORACE=atexit_sleep_ms=0")
	in, err := cmd.StdinPipe()
	mustSucceed(t, err)
	out, err := cmd.StdoutPipe()
	mustSucceed(t, err)
	mustSucceed(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != "bound" {
		t.Fatalf("helper says %q, %v", line, err)
	}
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		mustSucceed(t, in.Close())
		mustSucceed(t, cmd.Wait())
	}
	t.Cleanup(end)
	return cmd.Process.Pid, end
}
