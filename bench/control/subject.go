package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A subject is a process that is measured through its socket.
type subject struct {
	cmd    *exec.Cmd
	socket string
}

// startSubject starts a program and waits until its socket takes connections. dir is empty, and the program's.
func startSubject(ctx context.Context, dir string, path string, arguments func(socket string) []string) (*subject, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	s := &subject{socket: filepath.Join(dir, "socket")}
	s.cmd = exec.CommandContext(ctx, path, arguments(s.socket)...)
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %q: %w", path, err)
	}
	if err := s.await(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot reach %q: %w", path, err), s.stop())
	}
	return s, nil
}

// startTime is how long a program may take until it listens.
const startTime = 10 * time.Second

func (s *subject) await() error {
	for end := time.Now().Add(startTime); ; runtime.Gosched() {
		c, err := dial(s.socket)
		if err == nil {
			return c.close()
		}
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ECONNREFUSED) || time.Now().After(end) {
			return err
		}
	}
}

// stop kills the process: the signals that end others are events to it.
func (s *subject) stop() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait() // that it was killed
	return err
}

// pss is its proportional set size in bytes. Another user than root cannot read that of a process that is not dumpable.
func (s *subject) pss() (float64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	return pssOf(string(data))
}

// subjects are all that is measured.
type subjects struct {
	ours     *subject
	floor    *subject // answers
	starting *subject // starts a program, and answers
}

// started is the program that services run.
const started = "/bin/true"

func startSubjects(ctx context.Context, dir, echo, program string) (*subjects, error) {
	s := &subjects{}
	var errs [3]error
	s.ours, errs[0] = startSubject(ctx, filepath.Join(dir, "ours"), program, func(socket string) []string { return []string{"proxy", "-S", socket} })
	s.floor, errs[1] = startSubject(ctx, filepath.Join(dir, "floor"), echo, func(socket string) []string { return []string{socket} })
	s.starting, errs[2] = startSubject(ctx, filepath.Join(dir, "starting"), echo, func(socket string) []string { return []string{socket, started} })
	if err := errors.Join(errs[:]...); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *subjects) stop() error {
	var err error
	for _, one := range []*subject{s.ours, s.floor, s.starting} {
		if one != nil {
			err = errors.Join(err, one.stop())
		}
	}
	return err
}
