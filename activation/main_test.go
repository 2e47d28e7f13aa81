package activation_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// helperVariable names the helper that the test binary plays instead of running tests.
const helperVariable = "ACTIVATION_TEST_HELPER"

func TestMain(m *testing.M) {
	if name := os.Getenv(helperVariable); name != "" {
		if err := helpers[name](); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if slices.Contains(conventional, name) {
			os.Unsetenv(name) //nolint:errcheck // fails for empty names only
		}
	}
	goleak.VerifyTestMain(m)
}

// conventional are the variables that would reach the tests from a manager above them.
var conventional = []string{"LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES", "UPSTART_FDS", "NOTIFY_SOCKET"}

// A child is the test binary as a service. Its output is at most a page, so that a pipe holds it.
type child struct {
	*exec.Cmd
	stderr bytes.Buffer
}

// start starts a helper with the descriptors from 3 on and the variables. With announce LISTEN_PID is the child's pid:
// a shell knows it before the program is executed.
func start(t *testing.T, helper string, announce bool, env []string, stdin *os.File, fds ...*os.File) *child {
	t.Helper()
	script := `exec "$0"`
	if announce {
		script = `LISTEN_PID=$$ exec "$0"`
	}
	c := &child{Cmd: exec.CommandContext(t.Context(), "/bin/sh", "-c", script, os.Args[0])}
	c.Env = append([]string{helperVariable + "=" + helper, "GORACE=atexit_sleep_ms=0"}, env...) // no second of waiting
	c.Stdin = stdin
	if stdin != nil {
		c.Stdout = stdin
	}
	c.Stderr = &c.stderr
	c.ExtraFiles = fds
	c.WaitDelay = 5 * time.Second
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// finish waits for the child, which must end by itself and without an error.
func (c *child) finish(t *testing.T) {
	t.Helper()
	timer := time.AfterFunc(20*time.Second, func() { c.Process.Kill() }) //nolint:errcheck // Wait tells
	defer timer.Stop()
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, c.stderr.String())
	}
}

func closeAtEnd(t *testing.T, closers ...io.Closer) {
	t.Helper()
	t.Cleanup(func() {
		for _, c := range closers {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
