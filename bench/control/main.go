// Control measures how fast the engine answers its controllers: a program started as `PROGRAM proxy -S SOCKET`, against
// the floor of bench/echo.c.
//
//	control [-rounds N] ECHO PROGRAM
//
// Both run at the same time and are measured in turns, so that what disturbs a machine disturbs both. Each value is the
// median of all rounds, each ratio the median of the ratios of single rounds. The status is 0 whatever the targets say.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

func main() {
	rounds := flag.Int("rounds", 7, "how often each value is measured")
	flag.Parse()
	if flag.NArg() != 2 || *rounds < 1 {
		fmt.Fprintln(os.Stderr, "usage: control [-rounds N] ECHO PROGRAM")
		os.Exit(2)
	}
	if err := run(context.Background(), flag.Arg(0), flag.Arg(1), *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "control:", err)
		os.Exit(1)
	}
}

// run measures and prints. Our own thread and memory are kept calm: what is measured is a few microseconds long.
func run(ctx context.Context, echo, program string, rounds int) (err error) {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := startSubjects(ctx, dir, echo, program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	results, err := s.measure(rounds)
	if err != nil {
		return err
	}
	return printTable(os.Stdout, results)
}
