package proxy

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"sockbridge/internal/loop"
)

var (
	// recorded signals are told to controllers and start services. They never end the program.
	recorded = []unix.Signal{unix.SIGINT, unix.SIGHUP, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGQUIT}
	// wakeUps do nothing at all.
	wakeUps = []unix.Signal{unix.SIGALRM, unix.SIGPIPE}
	// faults end the program, by way of the exec on exit.
	faults = []unix.Signal{unix.SIGABRT, unix.SIGFPE, unix.SIGILL, unix.SIGSEGV, unix.SIGBUS, unix.SIGTRAP}
	// runtimes are Go's own: preemption, and the one by which it changes all threads' credentials; the two beside that are the
	// C library's.
	runtimes = []unix.Signal{unix.SIGURG, 32, 33, 34}
)

const maxSignal = 64

// A receiver takes signals from Go's runtime and hands them to the loop. Those that come before the loop has looked merge.
type receiver struct {
	arrived chan os.Signal
	pending atomic.Uint64 // bit n is signal n
	loop    *loop.Loop
	handle  func(unix.Signal) // on the loop
}

// receive takes over all signals. It is called first thing, since the runtime lets some of them through while it starts.
func receive(l *loop.Loop) *receiver {
	// Each signal fits once; that more of one kind are left out is as good as merging them.
	r := &receiver{arrived: make(chan os.Signal, maxSignal), loop: l}
	for _, sig := range slices.Concat(recorded, wakeUps, faults) {
		signal.Notify(r.arrived, sig)
	}
	return r
}

// serve hands signals on from now on, those that came before first. One goroutine waits for them, as long as the program lives.
func (r *receiver) serve(handle func(unix.Signal)) {
	r.handle = handle
	go r.forward()
}

func (r *receiver) forward() {
	for arrived := range r.arrived {
		sig, ok := arrived.(syscall.Signal)
		if !ok || slices.Contains(wakeUps, sig) {
			continue
		}
		if r.pending.Or(1<<uint(sig)) == 0 {
			r.loop.Post(r.collect)
		}
	}
}

// collect runs on the loop.
func (r *receiver) collect() {
	set := r.pending.Swap(0)
	for sig := range unix.Signal(maxSignal) {
		if set&(1<<uint(sig)) != 0 {
			r.handle(sig)
		}
	}
}

// resetOthers gives all signals that we do not take their default action, past Go, which takes all but a few and ignores what
// nobody has asked for: PROF and its like must end the program, TSTP stop it.
func resetOthers() error {
	taken := slices.Concat(recorded, wakeUps, faults, runtimes, []unix.Signal{unix.SIGKILL, unix.SIGSTOP, unix.SIGCHLD})
	for sig := unix.Signal(1); sig <= maxSignal; sig++ {
		if slices.Contains(taken, sig) {
			continue
		}
		if err := resetSignal(sig); err != nil {
			return fmt.Errorf("cannot reset %v: %w", sig, err)
		}
	}
	return nil
}

// resetSignal sets the default action: all zeros in the kernel's struct sigaction, whatever its layout on a processor.
func resetSignal(sig unix.Signal) error {
	const setSize = 8
	var action [4]uint64
	_, _, err := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, setSize, 0, 0)
	if err != 0 {
		return err
	}
	return nil
}

// isFault tells a signal that ends the program.
func isFault(sig unix.Signal) bool { return slices.Contains(faults, sig) }

// faultText is what the log and the exec on exit are told of it.
func faultText(sig unix.Signal) string {
	return fmt.Sprintf("Received signal %s (%d)", unix.SignalName(sig), int(sig))
}
