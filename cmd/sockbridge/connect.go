package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
)

// dial begins a conversation with the manager. Its errors have the exit statuses that are promised, and say what to do.
func (g *globals) dial(ctx context.Context) (*talk, error) {
	if g.control == "" {
		err := statusError{errors.New("there is no control socket: no --control, no XDG_RUNTIME_DIR"), exitNotRunning}
		return nil, hintedError{err, "name the manager's socket by --control PATH or SOCKBRIDGE_CONTROL"}
	}
	t := &talk{path: g.control, timeout: time.Duration(g.timeout)}
	bounded, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	client, err := control.Dial(bounded, g.control)
	switch {
	case err == nil:
		t.dialogue = client
		return t, nil
	case ctx.Err() == nil && bounded.Err() != nil, errors.Is(err, unix.EAGAIN): // EAGAIN: its queue is full
		return nil, t.hangs(t.timeout)
	}
	return nil, t.refused(err)
}

// dialQuickly is dial for who does not want to know why it failed.
func (g *globals) dialQuickly(ctx context.Context) (*talk, error) {
	client, err := control.Dial(ctx, g.control)
	if err != nil {
		return nil, err
	}
	return &talk{dialogue: client, path: g.control, timeout: completionTime}, nil
}

// refused is a manager that could not be reached, or is none.
func (t *talk) refused(err error) error {
	switch {
	case errors.Is(err, control.ErrVersion):
		err = fmt.Errorf("the program that listens at %q speaks version 1 of the control protocol, this one version 2", t.path)
		return hintedError{err, "it is a daemonproxy, or a manager older than this program, to be restarted"}
	case errors.Is(err, control.ErrPermission), errors.Is(err, unix.EACCES):
		err = fmt.Errorf("may not use the control socket %q: permission denied", t.path)
		return hintedError{statusError{err, exitDenied}, deniedHint(t.path)}
	case errors.Is(err, control.ErrNotRunning), errors.Is(err, unix.ENOENT), errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOTDIR):
		err = fmt.Errorf("no manager listens at %q: %s", t.path, absence(t.path))
		return hintedError{statusError{err, exitNotRunning}, absentHint(t.path)}
	}
	if answer, ok := asAnswer(err); ok {
		err = fmt.Errorf("the program that listens at %q does not speak version 2 of the control protocol, as this one does: %w", t.path, answer)
		return hintedError{err, "sockbridge version and sockbridge --control PATH ping tell the versions of programs"}
	}
	err = fmt.Errorf("the program that listens at %q does not answer as a manager: %w", t.path, err)
	return hintedError{err, "is that the socket of another program? the default is " + orNone(defaultControl())}
}

// asAnswer is what the other side said, if it said anything.
func asAnswer(err error) (answerError, bool) {
	e, ok := errors.AsType[*control.Error](err)
	if !ok {
		return answerError{}, false
	}
	return answerError{code: e.Code, text: e.Text}, true
}

// peer is the process that listens at a path as the kernel knows it; 0 if there is none to ask.
func peer(path string) (pid int) {
	address := net.UnixAddr{Name: path, Net: "unix"}
	conn, err := net.DialUnix("unix", nil, &address)
	if err != nil {
		return 0
	}
	defer conn.Close() //nolint:errcheck // nothing was said
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	if err != nil {
		return 0
	}
	return pid
}

// isStopped reports whether a process was stopped, as SIGSTOP does.
func isStopped(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && (strings.Contains(string(status), "\nState:\tT") || strings.Contains(string(status), "\nState:\tt"))
}
