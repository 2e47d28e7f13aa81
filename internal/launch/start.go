package launch

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// Start starts the program. It waits at most about a millisecond for the child to be executed; where that takes longer,
// the Process is not settled yet and the caller asks again. An error is an *Error, or one that lists bad values of s;
// then no process is left. [IsTemporary] tells whether to try again.
func (l *Launcher) Start(p *Program, s Start) (*Process, error) {
	if err := s.check(p.spec.Unit); err != nil {
		return nil, err
	}
	process, err := l.beginOne(p, &s)
	if err != nil {
		return nil, inUnit(err, p.spec.Unit)
	}
	process.unit, process.now, process.began = p.spec.Unit, l.now, l.now()
	if fd, err := Keep(process.FD); err == nil { // a pidfd that stays low is as good, but for the cost of other starts
		process.FD = fd
	}
	if _, err := process.settle(firstWait); err != nil {
		return nil, with(err, process.Close())
	}
	return process, nil
}

// inUnit makes an *Error of any error of making a process.
func inUnit(err error, unit string) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Unit = unit
		return err
	}
	return &Error{Stage: StageProcess, Unit: unit, Err: errno(err)}
}

// beginOne is begin within the number of starts that one program may have in flight: one that hangs in its set-up, on a
// network's file say, must not keep all others from starting.
func (l *Launcher) beginOne(p *Program, s *Start) (*Process, error) {
	if p.inFlight.Add(1) > maxInFlight {
		p.inFlight.Add(-1)
		return nil, unix.EAGAIN
	}
	process, err := l.begin(&p.spec, s)
	if err != nil {
		p.inFlight.Add(-1)
		return nil, err
	}
	process.program = p
	return process, nil
}

// begin makes the process.
func (l *Launcher) begin(spec *Spec, s *Start) (*Process, error) {
	sources := l.sources(spec, s)
	if l.method == MethodStage {
		return l.beginStage(spec, s, sources)
	}
	return l.beginClone(spec, s, sources)
}

// sources lists the descriptors that become 0, 1, 2, 3, …; ownFile and Closed are among them.
func (l *Launcher) sources(spec *Spec, s *Start) []int {
	sources := slices.Concat(s.Streams[:], s.Files)
	for i, fd := range s.Streams {
		if fd == ownFile && spec.Files[i] == (File{}) {
			sources[i] = l.null
		}
	}
	return sources
}

func (l *Launcher) beginClone(spec *Spec, s *Start, sources []int) (*Process, error) {
	c := &cloned{launcher: l}
	w := setup{host: l.host, program: spec, start: s, sources: sources, extra: l.extra}
	if l.host.closeRange {
		low, err := c.loan.borrow(sources)
		if err != nil {
			return nil, err
		}
		if low != nil {
			w.sources, w.shared = low, true
		}
	}
	if err := c.write(&w); err != nil {
		return nil, errors.Join(err, c.release())
	}
	pid, fd, err := c.block.clone(l.method, w.shared)
	if err != nil {
		return nil, errors.Join(err, c.release())
	}
	return &Process{PID: pid, FD: fd, setup: c}, nil
}

// write takes a block and fills it; a second, huge one when the first is too small.
func (c *cloned) write(w *setup) error {
	for _, size := range []int{blockSize, hugeBlockSize} {
		b, err := c.launcher.pool.get(size)
		if err != nil {
			return err
		}
		c.block, w.block = b, b
		if w.write(); !b.full {
			return nil
		}
		c.block = nil
		if err := c.launcher.pool.put(b); err != nil {
			return err
		}
	}
	return &Error{Stage: StageExec, Detail: w.program.Path, Err: unix.E2BIG}
}
