package launch

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Options of a Launcher.
type Options struct {
	// Method forces a way to make processes; the zero value takes the best that works.
	Method Method
}

// A Launcher starts processes. It is safe for concurrent use.
type Launcher struct {
	method Method
	host   *host
	null   int // /dev/null, for streams that nobody gives
	pool   pool

	now   func() time.Time
	extra func(*setup) // tests add entries before execve
}

// New looks at what the kernel can do, by starting a process or two that end at once. It takes the signals that are
// ignored now as those to reset in services, our hard limit of descriptors as the bound of theirs, and reads our
// supplementary groups: call it after [Prepare], and after what changes them.
func New(o Options) (*Launcher, error) {
	h, err := survey(0)
	if err != nil {
		return nil, err
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open %q: %w", "/dev/null", err)
	}
	l := &Launcher{host: h, null: null, now: time.Now}
	if err := l.choose(o.Method); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close closes what the launcher holds. Processes that it started go on; none may be unsettled.
func (l *Launcher) Close() error {
	return errors.Join(unix.Close(l.null), l.pool.close())
}

// Method is the way that processes are made: never MethodAuto.
func (l *Launcher) Method() Method { return l.method }

// choose sets the method, by trying.
func (l *Launcher) choose(wanted Method) error {
	var errs error
	for _, method := range []Method{MethodClone3, MethodClone, MethodStage} {
		if wanted != MethodAuto && wanted != method {
			continue
		}
		err := l.probe(method)
		if err == nil {
			l.use(method)
			return nil
		}
		errs = errors.Join(errs, fmt.Errorf("cannot start processes by %v: %w", method, err))
	}
	return errs
}

func (l *Launcher) use(method Method) {
	l.method = method
	if method == MethodClone {
		l.host.signals = resettable(false)
	}
}

// probe makes a child that ends at once: which flags a kernel or a container's profile lets pass is not to be known
// otherwise.
func (l *Launcher) probe(method Method) error {
	if method == MethodStage {
		return findStage()
	}
	b, err := l.pool.get(blockSize)
	if err != nil {
		return err
	}
	b.call(StageExec, unix.SYS_EXIT_GROUP, 0)
	pid, fd, err := b.clone(method, false)
	if err != nil {
		return errors.Join(err, l.pool.put(b))
	}
	p := &Process{PID: pid, FD: fd}
	_, _, err = p.waitid(0)
	return errors.Join(err, p.Close(), l.pool.put(b))
}
