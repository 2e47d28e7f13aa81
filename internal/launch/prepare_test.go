package launch

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// prepared runs in a helper: what Prepare promises, with and without standard streams.
func prepared() error {
	for fd := range 3 { // Go's runtime has filled them
		if err := unix.Close(fd); err != nil {
			return err
		}
	}
	if err := Prepare(); err != nil {
		return err
	}
	for fd := range 3 {
		if target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); target != "/dev/null" {
			return fmt.Errorf("descriptor %d is %q, %w", fd, target, err)
		}
	}
	if dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); dumpable != 0 || err != nil {
		return fmt.Errorf("dumpable: %d, %w", dumpable, err)
	}
	if handler, err := handlerOf(uint8(unix.SIGCHLD)); handler != 0 || err != 0 {
		return fmt.Errorf("SIGCHLD has the handler %#x: %w", handler, err)
	}
	return nil
}

func TestPrepare(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `trap '' CHLD; exec "$@"`, "sh", selfBinary(t), helperName, "prepared")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// threads counts the threads of this process.
func threads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "\nThreads:")
	n := 0
	if _, err := fmt.Sscan(after, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestThreads(t *testing.T) {
	want := threads(t) + 8
	Threads(want)
	if n := threads(t); n < want {
		t.Errorf("%d threads, want %d", n, want)
	}
}
