package launch

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Process is a process that we started, or adopted. Its methods must not be called at the same time: it belongs to
// one loop.
//
// Its life: being set up (until Settled is true) · running · ended (FD is readable) · reaped by Wait · closed.
type Process struct {
	PID int
	FD  int // pidfd, owned by the Process: readable when it has ended; -1 once closed

	unit    string
	program *Program    // nil when adopted
	setup   preparation // nil once settled
	began   time.Time
	now     func() time.Time
	late    bool  // killed, since its set-up took too long
	reaped  bool  // its pid may be another's
	cloned  bool  // its execve may have ended it; only the kernel can tell
	trouble error // of freeing what the set-up needed: a matter for Close, since the process runs
}

// A preparation is what is known of a child until it is executed.
type preparation interface {
	// wait waits until the child has been executed or ended, at most for the duration.
	wait(time.Duration) bool
	// mark says how far it came.
	mark() mark
	// release frees what the set-up needed. The child must have been executed, or have ended.
	release() error
}

const (
	// firstWait is how long Start waits for execve. Nearly every start takes 50 µs; a slow one must not hold up the loop.
	firstWait = time.Millisecond
	// endWait is how long a child that is known to end may take for the rest of its exit.
	endWait = 5 * time.Millisecond
)

// Adopt takes on a child that was started before our own program was executed anew: same parent, but all descriptors and
// memory are gone. It fails with ECHILD when pid is not a child of ours, and with ESRCH when there is no such process.
func Adopt(unit string, pid int) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == nil {
		fd, err = Keep(fd)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot adopt process %d of unit %q: %w", pid, unit, err)
	}
	p := &Process{PID: pid, FD: fd, unit: unit}
	if _, _, err := p.waitid(unix.WNOHANG | unix.WNOWAIT); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot adopt process %d of unit %q: %w", pid, unit, err), p.Close())
	}
	return p, nil
}

// Settled reports whether the start is over. It is false, nil while the child is still being set up; true, nil once it
// has been executed; true and an *Error when a stage failed or the child ended before it was executed: it is reaped
// then, and only Close is left to do. A start that takes longer than five seconds is killed, and a later call tells of
// its end; false and an error mean that it could not be killed. Settled never blocks.
func (p *Process) Settled() (bool, error) { return p.settle(0) }

func (p *Process) settle(wait time.Duration) (bool, error) {
	if p.setup == nil {
		return true, nil
	}
	left := p.setup.wait(wait)
	if !left && !p.late {
		return false, p.hurry()
	}
	m := p.setup.mark()
	if m.executed() && !p.late {
		p.cloned = m.cloned
		p.trouble = p.settled()
		return true, nil
	}
	return p.fail(m, wait)
}

// hurry kills a child that has had enough time.
func (p *Process) hurry() error {
	if p.now().Sub(p.began) <= patience {
		return nil
	}
	p.late = true
	err := p.Signal(unix.SIGKILL)
	if errors.Is(err, unix.ESRCH) { // it has just ended by itself
		return nil
	}
	return err
}

// fail reaps a child that ended in its set-up.
func (p *Process) fail(m mark, wait time.Duration) (bool, error) {
	if wait > 0 {
		wait = endWait
	}
	status, ended, err := p.waitEnd(wait)
	if err == nil && !ended {
		return false, nil
	}
	failure := m.failure(p.unit, status.Signal)
	failure.Late = p.late && !m.failed
	if m.stage != StageProcess {
		failure.PID = p.PID
	}
	return true, with(failure, errors.Join(err, p.settled()))
}

// settled ends the set-up.
func (p *Process) settled() error {
	err := p.setup.release()
	p.setup = nil
	p.program.inFlight.Add(-1)
	return err
}

// errUnsettled is what Close says too early.
var errUnsettled = errors.New("its start is not settled")

// Close closes the pidfd, and tells what went wrong with other descriptors of the start. The process goes on, and if it
// has not been reaped it becomes a zombie when it ends. It is an error to close a Process whose start is not settled.
func (p *Process) Close() error {
	if p.setup != nil {
		return fmt.Errorf("cannot close process %d of unit %q: %w", p.PID, p.unit, errUnsettled)
	}
	if p.FD < 0 {
		return os.ErrClosed
	}
	err := errors.Join(p.trouble, unix.Close(p.FD))
	p.FD = -1
	return err
}
