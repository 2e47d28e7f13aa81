package launch

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// An Error says at which stage a start failed. No process is left of such a start.
type Error struct {
	Stage  Stage
	Unit   string
	Detail string // what the stage was at: a path, a limit's name, ids, a descriptor; may be ""

	// Err is why the stage's system call failed. It is 0 when the process ended by Signal before it was executed, or when
	// a call succeeded that must fail (StageVerify).
	Err    unix.Errno
	Signal unix.Signal
	Late   bool // we sent that signal, since the start took longer than patience

	// PID is the process id that the child had when a stage after StageProcess failed; 0 when no process of this start has
	// come so far. It is reaped: the number may be another's.
	PID int
}

// patience is how long a start may take: a stuck file system must not hold a connection for ever.
const patience = 5 * time.Second

// Error says it in a line: `unit "x": setting resource limits (nofile): operation not permitted`.
func (e *Error) Error() string {
	detail := ""
	if e.Detail != "" {
		detail = " (" + e.Detail + ")"
	}
	return fmt.Sprintf("unit %q: %v%s: %s", e.Unit, e.Stage, detail, e.reason())
}

func (e *Error) reason() string {
	switch {
	case e.Late:
		return fmt.Sprintf("took longer than %d s", patience/time.Second)
	case e.Signal != 0:
		return fmt.Sprintf("killed by signal %d (%v)", e.Signal, e.Signal)
	case e.Err == 0 && e.Stage == StageVerify:
		return "they can be regained"
	case e.Err == 0:
		return "ended early"
	}
	return e.Err.Error()
}

// Unwrap makes errors.Is(err, fs.ErrNotExist) and the like work.
func (e *Error) Unwrap() error {
	if e.Err == 0 {
		return nil
	}
	return e.Err
}

// IsTemporary reports whether the same start may succeed a moment later: processes, memory or descriptors ran
// out, or the executable is just being written. It takes errors of preparing a start too.
func IsTemporary(err error) bool {
	var number unix.Errno
	if !errors.As(err, &number) {
		return false
	}
	switch number { //nolint:exhaustive // all other errors are lasting ones
	case unix.EAGAIN, unix.ENOMEM, unix.EMFILE, unix.ENFILE, unix.ETXTBSY:
		return true
	}
	return false
}

// errno is the number of an error that golang.org/x/sys/unix returned.
func errno(err error) unix.Errno {
	number := unix.EINVAL
	errors.As(err, &number)
	return number
}

// with is errors.Join, but keeps the type of an error that is alone.
func with(err, other error) error {
	if other == nil {
		return err
	}
	return errors.Join(err, other)
}
