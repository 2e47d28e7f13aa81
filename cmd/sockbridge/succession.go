package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sockbridge/internal/state"
	"sockbridge/internal/superserver"
)

// A succession is what the environment says of the program before us: that we take its place, or are asked whether we could.
type succession struct {
	check bool
	state *state.State // nil: nobody was before us
}

// newSuccession reads the state that another program has left us, and takes all trace of it out of the environment.
func newSuccession() (*succession, error) {
	value, set := os.LookupEnv(superserver.StateVariable)
	if !set {
		return &succession{}, nil
	}
	if err := os.Unsetenv(superserver.StateVariable); err != nil {
		return nil, err
	}
	what, number, _ := strings.Cut(value, ":")
	fd, err := strconv.Atoi(number)
	if err != nil || what != superserver.StateCheck && what != superserver.StateResume {
		return nil, fmt.Errorf("cannot understand %s=%q", superserver.StateVariable, value)
	}
	s := &succession{check: what == superserver.StateCheck}
	if s.state, err = state.Load(fd); err != nil {
		return nil, err
	}
	return s, unix.Close(fd)
}

// answer says whether a manager with these options could go on with the state of our parent.
func (s *succession) answer(ctx context.Context, o superserver.Options) error {
	if err := superserver.CheckState(ctx, o, s.state, os.Getppid()); err != nil {
		return err
	}
	_, err := fmt.Println(superserver.StateAccepted(os.Getppid()))
	return err
}
