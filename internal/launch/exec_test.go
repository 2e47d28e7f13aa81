package launch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch/atstart"
)

// executed runs in a helper process: it becomes cat of its own status, which fails since a descriptor is gone. Its argument
// says by which function. A shell would change signals.
func executed(function string) error {
	signal.Ignore(unix.SIGUSR2, unix.SIGPIPE)
	kept, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	other, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	fmt.Println("was", os.Getpid())
	argv := []string{"cat", "/proc/self/status", "/proc/self/limits"}
	for _, fd := range []int{kept, other} {
		argv = append(argv, fmt.Sprint("/proc/self/fdinfo/", fd))
	}
	if function == "plain" {
		return ExecPlain("/bin/cat", argv, []string{"LC_ALL=C"})
	}
	return Exec("/bin/cat", argv, []string{"LC_ALL=C"}, []int{kept, kept})
}

func TestExec(t *testing.T) {
	for function, want := range map[string]struct {
		closed           int
		blocked, ignored uint64
	}{
		"plain": {closed: 2},
		"keep": {
			closed: 1, blocked: maskOf(unix.SIGUSR1, unix.SIGUSR2),
			ignored: maskOf(unix.SIGHUP, unix.SIGINT, unix.SIGUSR2, unix.SIGPIPE, unix.SIGTTOU) | ignoredHere(t),
		},
	} {
		out, _ := limitedHelper(t, "executed", function).CombinedOutput() // cat misses a file
		text := string(out)
		lines := []string{fmt.Sprintf("SigBlk:\t%016x", want.blocked), fmt.Sprintf("SigIgn:\t%016x", want.ignored)}
		if _, _, known := atstart.NoFile(); known {
			lines = append(lines, noFileLine(200, hardLimit(t)))
		}
		was := 0
		if _, err := fmt.Sscanf(text, "was %d\n", &was); err != nil {
			t.Error(err)
		}
		for _, line := range append(lines, fmt.Sprint("\nPid:\t", was, "\n")) {
			if !strings.Contains(text, line) {
				t.Errorf("%s: there is no line %q in\n%s", function, line, text)
			}
		}
		if closed := strings.Count(text, "No such file"); closed != want.closed {
			t.Errorf("%s: %d of 2 descriptors are closed, want %d:\n%s", function, closed, want.closed, text)
		}
	}
}

// ignoredHere is what whoever runs the tests has ignored, of what Go leaves alone.
func ignoredHere(t *testing.T) (mask uint64) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "SigIgn:")
	if _, err := fmt.Sscanf(line, "%x", &mask); err != nil {
		t.Fatal(err)
	}
	return mask
}

// limitedHelper is a helper with a limit and ignored signals of its own.
func limitedHelper(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	return exec.CommandContext(t.Context(), "/bin/sh", append([]string{"-c", limited, "sh", selfBinary(t), helperName}, arguments...)...)
}

// An Exec that fails leaves everything as it was.
func TestExecFails(t *testing.T) {
	if out, err := limitedHelper(t, "unexecuted").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// unexecuted runs in a helper process.
func unexecuted() error {
	runtime.LockOSThread()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT)
	marked, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	open, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	before := inForce(marked, open)
	null := []string{"true"}
	for name, c := range map[string]struct {
		run  func() error
		want unix.Errno
	}{
		"no file":       {func() error { return Exec("/nonexistent", null, nil, []int{marked, open, marked}) }, unix.ENOENT},
		"no file, ends": {func() error { return ExecPlain("/nonexistent", null, nil) }, unix.ENOENT},
		"no descriptor": {func() error { return Exec("/bin/true", null, nil, []int{marked, notOpen}) }, unix.EBADF},
		"bad argument":  {func() error { return Exec("/bin/true", []string{"\x00"}, nil, []int{marked}) }, unix.EINVAL},
	} {
		if err := c.run(); !errors.Is(err, c.want) {
			return fmt.Errorf("%s: %w, want %w", name, err, c.want)
		}
		if after := inForce(marked, open); after != before {
			return fmt.Errorf("%s: it was\n%s\nand is\n%s", name, before, after)
		}
	}
	// Go's handler is back in its place.
	if err := unix.Kill(os.Getpid(), unix.SIGINT); err != nil {
		return err
	}
	<-signals
	return nil
}

// inForce describes what Exec changes.
func inForce(fds ...int) string {
	var b strings.Builder
	for _, fd := range fds {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		fmt.Fprintln(&b, fd, flags, err)
	}
	for signal := range uint8(maxSignal) {
		var old sigaction
		fmt.Fprintln(&b, signalName(signal+1), setAction(signal+1, nil, &old), old)
	}
	var blocked uint64
	fmt.Fprintln(&b, changeMask(unix.SIG_BLOCK, nil, &blocked), blocked)
	var limit unix.Rlimit
	fmt.Fprintln(&b, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit), limit)
	return b.String()
}

// What our hard limit does not allow any more is not given back.
func TestFoundLimit(t *testing.T) {
	for _, c := range []struct{ most, soft uint64 }{{1, 1}, {1 << 40, hardLimit(t)}} {
		got := foundLimit(c.most)
		if got.Resource != unix.RLIMIT_NOFILE || got.Soft > c.soft || got.Hard > c.most || got.Soft > got.Hard {
			t.Errorf("at most %d: %+v", c.most, got)
		}
	}
}
