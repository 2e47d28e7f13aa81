package launch

import (
	"errors"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A cloned is the set-up of a child that shares our memory.
type cloned struct {
	launcher *Launcher
	block    *block
	loan     loan
	returned error // of giving the loan back early
}

// wait waits until the child has left our memory, at most for d. Once the child has a descriptor table of its own, the
// loan is given back.
func (c *cloned) wait(d time.Duration) bool {
	deadline := time.Now().Add(d)
	for c.block.inUse() {
		left := time.Until(deadline)
		if left <= 0 || !futexWait(&c.block.head.tid, 1, left) {
			if c.block.position() > 0 {
				c.returned = errors.Join(c.returned, c.loan.giveBack())
			}
			return false
		}
	}
	return true
}

func (c *cloned) mark() mark { return c.block.mark() }

// release ends the use of the block; no child may be in it.
func (c *cloned) release() error {
	err := errors.Join(c.returned, c.loan.giveBack())
	if c.block != nil {
		err = errors.Join(err, c.launcher.pool.put(c.block))
		c.block = nil
	}
	return err
}

// futexWait waits while *word is value, at most for d, and may return early; false: it cannot wait. The wake comes from
// the kernel's exit and exec paths, which use shared futexes: a private wait would never see it. It is an ordinary
// blocking call, so that the runtime can hand our P to others.
func futexWait(word *uint32, value uint32, d time.Duration) bool {
	const wait = 0 // FUTEX_WAIT, not private
	limit := unix.NsecToTimespec(d.Nanoseconds())
	_, _, err := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wait, uintptr(value), uintptr(unsafe.Pointer(&limit)), 0, 0)
	return err == 0 || err == unix.EAGAIN || err == unix.EINTR || err == unix.ETIMEDOUT
}
