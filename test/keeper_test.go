package test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// A keeper is a process between the harness and one manager. It is a subreaper: whatever the manager starts stays
// below the keeper, even when the manager dies, daemons that fork twice included, so that a script can be blamed
// for exactly the processes that it left. The keeper kills them when the harness goes away, however that happens.
const keeperName = "keeper"

// Descriptors of the keeper beyond those that it shares with the manager.
const (
	keeperReport = 3 // the keeper writes the manager's pid, then its exit code, a line each
	keeperHangUp = 4 // end of file: clean up and go
)

// keep is the keeper's main: its arguments are the manager's command line.
func keep() int {
	report, hangUp := os.NewFile(keeperReport, "report"), os.NewFile(keeperHangUp, "hang-up")
	unix.CloseOnExec(keeperReport)
	unix.CloseOnExec(keeperHangUp)
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return complain(err)
	}
	if err := watch(report, os.Args[1:]); err != nil {
		return complain(err)
	}
	if _, err := io.Copy(io.Discard, hangUp); err != nil {
		return complain(err)
	}
	if err := killBelow(os.Getpid()); err != nil {
		return complain(err)
	}
	return 0
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "keeper:", err)
	return 1
}

// watch runs the manager and reports its pid and its end, the latter while keep waits for the harness to hang up.
func watch(report io.WriteCloser, args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(report, cmd.Process.Pid); err != nil {
		return err
	}
	go func() { // ends with the keeper
		var exit *exec.ExitError
		if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
			complain(err)
		}
		if _, err := fmt.Fprintln(report, exitCode(cmd.ProcessState)); err != nil {
			complain(err)
		}
		if err := report.Close(); err != nil {
			complain(err)
		}
	}()
	return nil
}

// exitCode is the code that a shell would show.
func exitCode(state *os.ProcessState) int {
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
