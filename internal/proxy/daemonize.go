package proxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
)

// reportVariable names the descriptor by which a program in the background tells its parent how it began. It is how the program
// knows, when it is executed anew, that it is to be that: Go cannot fork.
const reportVariable = "DAEMONPROXY_REPORT"

// Reports are lines: ready, or the code of an end before that.
const (
	reportReady = "ready"
	reportEnd   = "end "
)

// A reporter is the way back to the parent, in the background.
type reporter struct{ fd int }

// openReporter returns nil unless we were executed anew for the background. Services must not see the variable.
func openReporter() *reporter {
	text, set := os.LookupEnv(reportVariable)
	if !set {
		return nil
	}
	// It is set now, so that it can be unset.
	_ = os.Unsetenv(reportVariable)
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 3 {
		return nil
	}
	unix.CloseOnExec(fd)
	return &reporter{fd}
}

// report writes one line and closes. Only the first report counts; a parent that is gone misses it.
func (r *reporter) report(line string) {
	if r == nil || r.fd < 0 {
		return
	}
	_, _ = unix.Write(r.fd, []byte(line+"\n"))
	closeQuietly(r.fd)
	r.fd = -1
}

func (r *reporter) ended(code int) { r.report(reportEnd + strconv.Itoa(code)) }

// goBackground starts the program anew in a session of its own, waits until it is ready, and prints its process id without a
// line feed. It returns the code to exit with: that of the other one, if it ended first.
func goBackground(argv []string, fds []int, out io.Writer) (int, error) {
	var report [2]int
	if err := unix.Pipe2(report[:], unix.O_CLOEXEC); err != nil {
		return 0, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer closeQuietly(report[0])
	pid, err := startAnew(argv, fds, report[1])
	closeQuietly(report[1])
	if err != nil {
		return 0, err
	}
	line, err := readLine(report[0])
	if err != nil {
		return 0, err
	}
	if line == reportReady {
		_, err := fmt.Fprint(out, pid)
		return 0, err
	}
	if code, ok := strings.CutPrefix(line, reportEnd); ok {
		return strconv.Atoi(code)
	}
	return waitFor(pid)
}

// startAnew starts our own binary with everything that we were started with: descriptors at their numbers, limits, and a
// further descriptor for its report.
func startAnew(argv []string, fds []int, report int) (pid int, err error) {
	launcher, err := newLauncher()
	if err != nil {
		return 0, err
	}
	program, err := selfProgram(launcher, argv)
	if err != nil {
		return 0, err
	}
	files := atTheirNumbers(fds)
	process, err := launcher.Start(program, launch.Start{
		Streams: [3]int{0, 1, 2}, Files: append(files, report),
		Env: []string{reportVariable + "=" + strconv.Itoa(3+len(files))},
	})
	if err == nil {
		err = settle(process)
	}
	if err != nil {
		return 0, fmt.Errorf("cannot go into the background: %w", err)
	}
	return process.PID, nil
}

// settle waits until a process is executed: it uses our descriptors until then.
func settle(process *launch.Process) error {
	for {
		done, err := process.Settled()
		if done || err != nil {
			return err
		}
		time.Sleep(time.Millisecond) // the kernel has no event for it
	}
}

func selfProgram(l *launch.Launcher, argv []string) (*launch.Program, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find our own program: %w", err)
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "/proc/self/cwd" // it was removed, or is out of sight
	}
	mask := syscall.Umask(0)
	syscall.Umask(mask)
	return l.Compile(launch.Spec{
		Unit: programName, Path: path, Argv: argv, Env: os.Environ(), Dir: dir, Umask: uint32(mask), KeepLimits: true, KeepIgnored: true,
	})
}

// atTheirNumbers lists what becomes 3, 4, …, with gaps closed.
func atTheirNumbers(fds []int) (files []int) {
	for _, fd := range fds {
		for 3+len(files) < fd {
			files = append(files, launch.Closed)
		}
		files = append(files, fd)
	}
	return files
}

// readLine reads to the end of a line, or of the file: then there is none.
func readLine(fd int) (string, error) {
	var text []byte
	var one [64]byte
	for {
		n, err := unix.Read(fd, one[:])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return "", fmt.Errorf("cannot read how it began: %w", err)
		default:
			text = append(text, one[:n]...)
		}
		if line, _, found := strings.Cut(string(text), "\n"); found || err == nil && n == 0 {
			return line, nil
		}
	}
}

// waitFor returns how a child ended that has not said so itself.
func waitFor(pid int) (int, error) {
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("cannot wait for process %d: %w", pid, err)
		case status.Signaled():
			return 128 + int(status.Signal()), nil
		default:
			return status.ExitStatus(), nil
		}
	}
}
