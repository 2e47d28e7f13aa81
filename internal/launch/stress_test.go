package launch

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestStress starts many processes at once, while the collector moves stacks and frees what nobody holds, and then
// looks for what is left behind.
func TestStress(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			spec := Spec{Unit: "stress", Path: trueBinary(t), Argv: []string{"true"}, Env: []string{"A=1"}}
			p := compile(t, l, spec)
			starts := 10_000
			if l.Method() == MethodStage {
				starts = 200 // each costs the start of a Go program
			}
			if testing.Short() {
				starts /= 10
			}
			before := countDescriptors(t)
			stop := collect(t)
			startMany(t, l, p, starts)
			stop()
			noChildren(t)
			if after := countDescriptors(t); after > before { // others' files may have been collected
				t.Errorf("%d descriptors are open, %d before", after, before)
			}
			if spare := len(l.pool.spare); spare > maxSpareBlocks {
				t.Errorf("%d spare blocks, want at most %d", spare, maxSpareBlocks)
			}
		})
	}
}

// startMany starts from several goroutines; a third of the descriptors must be lent.
func startMany(t *testing.T, l *Launcher, p *Program, starts int) {
	t.Helper()
	const goroutines = 8
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := range starts / goroutines {
				if err := startAndFinish(l, p, i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func startAndFinish(l *Launcher, p *Program, i int) error {
	fds := make([]int, 2)
	if err := unix.Pipe2(fds, unix.O_CLOEXEC); err != nil {
		return err
	}
	var err error
	if i%3 == 0 {
		fds[0], err = Keep(fds[0])
	}
	process, startErr := start(l, p, Start{Streams: [3]int{fds[0], fds[1], -1}, Files: fds, Env: []string{fmt.Sprintf("I=%d", i)}, Announce: i%2 == 0})
	err = errors.Join(err, startErr, unix.Close(fds[0]), unix.Close(fds[1]))
	if startErr != nil {
		return err
	}
	status, waitErr := finish(process)
	if status != (Status{User: status.User, System: status.System}) {
		err = fmt.Errorf("ended with %+v", status)
	}
	return errors.Join(err, waitErr)
}

// collect runs the collector and lets stacks grow and shrink until the returned function is called.
func collect(t *testing.T) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC()
				grow(100)
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

func grow(depth int) int {
	var filler [256]byte
	filler[depth] = byte(depth)
	if depth == 0 {
		return 0
	}
	return grow(depth-1) + int(filler[depth])
}

// noChildren fails if a child of ours, living or zombie, is left.
func noChildren(t *testing.T) {
	t.Helper()
	err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	if !errors.Is(err, unix.ECHILD) {
		children, readErr := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", unix.Gettid()))
		t.Errorf("there are children left: %v, %q, %v", err, children, readErr)
	}
}

// countDescriptors counts our open descriptors.
func countDescriptors(t *testing.T) int {
	t.Helper()
	dir, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(dir) - 1 // the folder itself
}
