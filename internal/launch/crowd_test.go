package launch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// sleeper is a program that stays.
var sleeper = Spec{Unit: "sleeper", Path: "/bin/sleep", Argv: []string{"sleep", "100"}}

// fill starts sleepers until no more can be made. It returns them and why it ended.
func fill(l *Launcher, p *Program, most int) ([]*Process, error) {
	var running []*Process
	for range most {
		process, err := start(l, p, Start{Streams: noStreams})
		if err != nil {
			return running, err
		}
		running = append(running, process)
	}
	return running, nil
}

// empty ends them.
func empty(running []*Process) error {
	var errs error
	for _, process := range running {
		errs = errors.Join(errs, process.Signal(unix.SIGKILL))
		_, err := finish(process)
		errs = errors.Join(errs, err)
	}
	return errs
}

// crowd runs in a helper: at a limit of processes starts fail for the time being, and go on when there is room again.
func crowd(method string, limit func() error) error {
	Threads(32)
	l, err := New(Options{Method: Method(method[0] - '0')})
	if err != nil {
		return err
	}
	if err := limit(); err != nil {
		return err
	}
	p, err := l.Compile(sleeper)
	if err != nil {
		return err
	}
	before, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	if err := fillAndGoOn(l, p); err != nil {
		return err
	}
	after, err := os.ReadDir("/proc/self/fd")
	if len(before) != len(after) {
		err = fmt.Errorf("%d descriptors before, %d after", len(before), len(after))
	}
	return errors.Join(err, l.Close())
}

// fillAndGoOn makes room for half of what ran, since a stage needs threads too, for a moment.
func fillAndGoOn(l *Launcher, p *Program) error {
	running, failure := fill(l, p, 100)
	var e *Error
	if !errors.As(failure, &e) || e.Stage != StageProcess || e.Err != unix.EAGAIN || !IsTemporary(failure) {
		return errors.Join(fmt.Errorf("after %d processes: %w", len(running), failure), empty(running))
	}
	gone := (len(running) + 1) / 2
	if err := empty(running[:gone]); err != nil || gone == 0 {
		return fmt.Errorf("there was room for %d processes: %w", len(running), err)
	}
	running = running[gone:]
	process, err := start(l, p, Start{Streams: noStreams})
	if err == nil {
		running = append(running, process)
	}
	return errors.Join(err, empty(running))
}

const pidsGroup = "/sys/fs/cgroup/pids"

func TestTooManyProcesses(t *testing.T) {
	needRoot(t)
	if _, err := os.Stat(filepath.Join(pidsGroup, "cgroup.procs")); err != nil {
		t.Skip("there is no pids controller of cgroups version 1")
	}
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			group := filepath.Join(pidsGroup, fmt.Sprintf("launch-%d-%d", os.Getpid(), l.method))
			if err := os.Mkdir(group, 0o755); err != nil {
				t.Skipf("cannot make a cgroup here: %v", err)
			}
			t.Cleanup(func() {
				if err := os.Remove(group); err != nil {
					t.Error(err)
				}
			})
			runCrowd(t, "crowd-pids", fmt.Sprint(uint8(l.method)), group)
		})
	}
}

// A user's limit counts all processes of the user, threads too.
func TestTooManyProcessesOfUser(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root has no limit of processes; see TestAsUser")
	}
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) { runCrowd(t, "crowd-nproc", fmt.Sprint(uint8(method))) })
	}
}

func runCrowd(t *testing.T, arguments ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), selfBinary(t), append([]string{helperName}, arguments...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// joinGroup moves this process into a cgroup with room for twenty more.
func joinGroup(group string) error {
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("0"), 0); err != nil {
		return err
	}
	used, err := os.ReadFile(filepath.Join(group, "pids.current"))
	if err != nil {
		return err
	}
	var n int
	if _, err := fmt.Sscan(strings.TrimSpace(string(used)), &n); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(group, "pids.max"), []byte(fmt.Sprint(n+20)), 0)
}

// limitProcesses does the same by RLIMIT_NPROC.
func limitProcesses() error {
	n := 0
	tasks, err := filepath.Glob("/proc/[0-9]*/task/[0-9]*")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		if info, err := os.Stat(task); err == nil && info.Sys().(*syscall.Stat_t).Uid == uint32(os.Getuid()) {
			n++
		}
	}
	return unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: uint64(n + 20), Max: uint64(n + 20)})
}

// At the user's own limit it is execve that fails, since setresuid cannot.
func TestTooManyProcessesOfService(t *testing.T) {
	needRoot(t)
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			spec := sleeper
			const uid = 54321 // nobody else uses it
			spec.Identity = &Identity{UID: uid, GID: uid}
			spec.Limits = []Limit{{"nproc", unix.RLIMIT_NPROC, 3, 3}}
			running, err := fill(l, compile(t, l, spec), 10)
			var e *Error
			if !errors.As(err, &e) || e.Stage != StageExec || e.Err != unix.EAGAIN || !IsTemporary(err) || len(running) == 0 {
				t.Errorf("after %d processes: %v", len(running), err)
			}
			if err := empty(running); err != nil {
				t.Error(err)
			}
		})
	}
}
