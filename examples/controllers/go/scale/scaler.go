package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sockbridge/control"
)

type options struct {
	listener, address, output string
	command                   []string
	backlog, min, max, calm   int
	every                     time.Duration
}

// A scaler has a number of workers in mind.
type scaler struct {
	client *control.Client
	options
	want     int
	idle     int // looks since somebody waited
	stopping map[string]bool
}

func (s *scaler) worker(number int) string { return s.listener + "." + strconv.Itoa(number) }

// states returns the last state of each service, and whether the listener is there.
func (s *scaler) states(ctx context.Context) (states map[string]string, open bool, err error) {
	lines, err := s.client.Do(ctx, "statedump")
	states = map[string]string{}
	for _, line := range lines {
		switch {
		case len(line) < 3:
		case line[0] == "service.state":
			states[line[1]] = line[2]
		case line[0] == "fd.state" && line[1] == s.listener:
			open = line[2] != "deleted"
		}
	}
	return states, open, err
}

func runs(state string) bool { return state == "up" || state == "start" }

// begin sets up what is not there. What an earlier scale has left running stays.
func (s *scaler) begin(ctx context.Context) error {
	states, open, err := s.states(ctx)
	if err != nil {
		return err
	}
	if s.address != "" && !open {
		kind := "tcp"
		if strings.Contains(s.address, "/") {
			kind = "unix"
		}
		if _, err := s.client.Do(ctx, "fd.socket", s.listener, fmt.Sprintf("%s,listen=%d", kind, s.backlog), s.address); err != nil {
			return err
		}
	}
	s.want, s.stopping = 0, map[string]bool{}
	for number := 1; number <= s.max; number++ {
		if err := s.define(ctx, s.worker(number)); err != nil {
			return err
		}
		if runs(states[s.worker(number)]) {
			s.want++
		}
	}
	s.want = max(s.want, s.min)
	return nil
}

func (s *scaler) define(ctx context.Context, worker string) error {
	for _, command := range [][]string{
		append([]string{"service.args", worker}, s.command...),
		{"service.fds", worker, "null", s.output, s.output, s.listener},
		{"service.opts", worker, "env=UPSTART_FDS=3"},
	} {
		if _, err := s.client.Do(ctx, command...); err != nil {
			return err
		}
	}
	return nil
}

// look starts or stops workers by the length of the queue.
func (s *scaler) look(ctx context.Context) error {
	waiting, err := s.waiting(ctx)
	if err != nil {
		return err
	}
	s.decide(waiting)
	states, _, err := s.states(ctx)
	if err != nil {
		return err
	}
	for number := 1; number <= s.max; number++ {
		if err := s.settle(ctx, number, states[s.worker(number)]); err != nil {
			return err
		}
	}
	return nil
}

// waiting asks for the length of the queue.
func (s *scaler) waiting(ctx context.Context) (int, error) {
	lines, err := s.client.Do(ctx, "fd.queue", s.listener)
	if err != nil {
		return 0, err
	}
	for _, line := range lines {
		if len(line) == 4 && line[0] == "fd.queue" && line[1] == s.listener {
			return strconv.Atoi(line[2])
		}
	}
	return 0, fmt.Errorf("cannot find the queue of %q in %q", s.listener, lines)
}

// decide chooses how many workers there should be.
func (s *scaler) decide(waiting int) {
	s.idle++
	if waiting > 0 {
		s.idle = 0
	}
	switch {
	case waiting > 0 && s.want < s.max:
		s.want++
	case s.idle >= s.calm && s.want > s.min:
		s.want--
		s.idle = 0
	}
}

// settle starts or stops one worker if need be.
func (s *scaler) settle(ctx context.Context, number int, state string) error {
	worker := s.worker(number)
	switch {
	case !runs(state):
		delete(s.stopping, worker)
		if number > s.want {
			return nil
		}
		_, err := s.client.Do(ctx, "service.start", worker)
		return err
	case number > s.want && !s.stopping[worker]:
		s.stopping[worker] = true
		_, err := s.client.Do(ctx, "service.stop", worker)
		return err
	}
	return nil
}
