package launch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// stateScript prints what the kernel knows of a process that has just been executed, and becomes cat without changing it.
const stateScript = `ls -l /proc/$$/fd
pwd
exec cat /proc/self/status /proc/self/limits /proc/self/oom_score_adj /proc/self/timerslack_ns`

// stateOf runs in a helper process: it prepares itself as main would, starts the script and leaves its output in a file.
func stateOf(method, path string) error {
	if err := Prepare(); err != nil {
		return err
	}
	l, err := New(Options{Method: Method(method[0] - '0')})
	if err != nil {
		return err
	}
	out := File{Path: path, Flags: unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT, Mode: 0o640}
	p, err := l.Compile(Spec{
		Unit: "state", Path: "/bin/sh", Argv: []string{"sh", "-c", stateScript}, Env: []string{"PATH=/bin:/usr/bin", "LC_ALL=C"},
		Umask: 0o22, Files: [3]File{1: out, 2: out},
	})
	if err != nil {
		return err
	}
	flags := unix.O_RDONLY
	if !l.host.closeRange { // else the sweep also finds what is opened without close-on-exec now, as a library might
		flags |= unix.O_CLOEXEC
	}
	zero, err := unix.Open("/dev/zero", flags, 0)
	if err != nil {
		return err
	}
	process, err := start(l, p, Start{Streams: noStreams, Files: []int{zero}})
	if err != nil {
		return err
	}
	status, err := finish(process)
	if status.Code != 0 {
		err = errors.Join(err, fmt.Errorf("the script ended with %+v", status))
	}
	fmt.Println(l.Method())
	return errors.Join(err, l.Close())
}

// The child must look the same however we were started: under nohup, with a small soft limit of descriptors, without
// standard streams, with descriptors left open, signals blocked, another umask and another folder.
const hostile = `trap '' HUP PIPE INT TERM USR1 CHLD
ulimit -S -n 64
umask 077
cd /tmp
block=--block-signal=TERM,USR2,RTMIN
env $block true || block=
exec env $block "$@" <&- >&- 2>&- 7</dev/zero 9</dev/null`

const leaky = `exec "$@" 7</dev/zero 9</dev/null`

func TestStateIsTheSame(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("there is no shell here")
	}
	want, _ := runState(t, MethodStage)
	checkState(t, want)
	for _, method := range usable() {
		for name, prefix := range map[string][]string{"plain": {"env"}, "hostile": {"sh", "-c", hostile, "sh"}} {
			got, _ := runState(t, method, prefix...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("started by %v in a %s environment: %s", method, name, diff)
			}
		}
	}
}

// runState runs the helper behind a command and returns the state and what the helper says, which is the method it has
// used.
func runState(t *testing.T, method Method, command ...string) (state, said string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state")
	command = append(command, selfBinary(t), helperName, "state", fmt.Sprint(uint8(method)), path)
	out, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return readState(t, path), string(out)
}

// Kernels and containers that lack a call lead to the next best way, with the same result.
func TestStateWithoutCalls(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	if !canClone {
		t.Skip("a stage is all that this processor has")
	}
	want, _ := runState(t, MethodStage)
	for _, c := range []struct {
		inject string
		want   Method
	}{
		{"close_range:error=ENOSYS", MethodClone3},
		{"close_range:error=EPERM", MethodClone3},
		{"openat2:error=ENOSYS", MethodClone3},
		{"keyctl:error=EDQUOT", MethodClone3},
		{"clone3:error=ENOSYS", MethodClone},
		{"clone3,keyctl:error=ENOSYS", MethodClone},
		{"clone3,close_range:error=ENOSYS", MethodClone},
	} {
		got, said := runState(t, MethodAuto, strace, "-f", "-qq", "-o", "/dev/null", "-e", "inject="+c.inject, "sh", "-c", leaky, "sh")
		if diff := cmp.Diff(want, got); diff != "" || said != c.want.String()+"\n" {
			t.Errorf("with %s, by %q: %s", c.inject, said, diff)
		}
	}
}

// readState reads a file of the script, without what differs between any two processes.
func readState(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	volatile := []string{"TracerPid:", "FDSize:", "Pid:", "PPid:", "Tgid:", "NS", "Vm", "Rss", "voluntary", "nonvoluntary", "Mems", "SigQ:", "HugetlbPages:", "Threads:"}
	lines := slices.DeleteFunc(strings.Split(string(data), "\n"), func(line string) bool {
		return slices.ContainsFunc(volatile, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
	})
	for i, line := range lines {
		if before, target, ok := strings.Cut(line, " -> "); ok { // of ls: the date differs
			lines[i] = before[strings.LastIndexByte(before, ' ')+1:] + " -> " + target
		}
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), path, "OUT")
}

// checkState checks the lines that have only one right value.
func checkState(t *testing.T, state string) {
	t.Helper()
	limits := fmt.Sprintf("Max open files            %-20d %-20d files", min(softNoFile, hardLimit(t)), min(hardNoFile, hardLimit(t)))
	for _, line := range []string{
		"0 -> /dev/null", "1 -> OUT", "2 -> OUT", "3 -> /dev/zero\n/", "Umask:\t0022", limits, "CapInh:\t0000000000000000", "CapAmb:\t0000000000000000",
		"SigPnd:\t0000000000000000", "ShdPnd:\t0000000000000000", "SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000", "SigCgt:\t0000000000000000",
	} {
		if !strings.Contains(state, line) {
			t.Errorf("there is no line %q in\n%s", line, state)
		}
	}
}

func hardLimit(t *testing.T) uint64 {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return limit.Max
}
