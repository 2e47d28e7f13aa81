package launch

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An entry is one system call of the child. The assembly in start_*.s and [block.run] read it.
type entry struct {
	args [6]uintptr
	nr   uint32
	save uint32 // offset in the block of the word that takes the result, mostly an argument of a later entry; 0: none
	want int32  // 0: success; anyResult; else exactly this result, such as -EPERM of a call that must fail
	// stage and note name the entry for Error; exit is the status with which the child ends when the entry fails.
	stage Stage
	exit  uint8
	note  uint16 // index+1 in block.notes; 0: none
}

// nrDecimal is no system call: it writes the number at address args[0] in decimal to address args[1].
const nrDecimal = 1 << 16

// anyResult as entry.want lets the call fail. No system call of a table returns it.
const anyResult = 1<<31 - 1

// wants reports whether the result is one with which the table goes on.
func (e *entry) wants(result int64) bool {
	switch e.want {
	case 0:
		return result >= 0
	case anyResult:
		return true
	}
	return result == int64(e.want)
}

// call appends a system call to the table and returns its index.
func (b *block) call(stage Stage, nr uintptr, args ...uintptr) int {
	if b.full || b.tableEnd()+unsafe.Sizeof(entry{}) > b.top {
		b.full = true
		return 0
	}
	e := &b.table[b.calls]
	*e = entry{nr: uint32(nr), stage: stage, exit: uint8(stage.Code())}
	copy(e.args[:], args)
	b.calls++
	return b.calls - 1
}

// detail says what the entry is at, for Error.
func (b *block) detail(index int, text string) {
	b.notes = append(b.notes, text)
	b.table[index].note = uint16(len(b.notes))
}

// feed makes the result of one entry the first argument of a later one.
func (b *block) feed(from, to int) {
	b.table[from].save = uint32(b.offset(unsafe.Pointer(&b.table[to].args[0])))
}

// text copies strings into the block, one after the other with a NUL at the end, and returns the address.
func (b *block) text(parts ...string) uintptr {
	size := 1
	for _, part := range parts {
		size += len(part)
	}
	at := b.take(size)
	if b.full {
		return 0
	}
	to := b.memory[at : at+uintptr(size)]
	for _, part := range parts {
		to = to[copy(to, part):]
	}
	to[0] = 0
	return b.address(at)
}

// words reserves a vector of n words, not cleared; it is empty when the block is full.
func (b *block) words(n int) (vector []uintptr, address uintptr) {
	at := b.take(n * int(unsafe.Sizeof(uintptr(0))))
	if b.full {
		return nil, 0
	}
	return unsafe.Slice((*uintptr)(unsafe.Pointer(&b.memory[at])), n), b.address(at)
}

// longs copies 32-bit numbers into the block: ids, capability sets.
func (b *block) longs(values ...uint32) uintptr {
	at := b.take(4 * len(values))
	if b.full {
		return 0
	}
	copy(unsafe.Slice((*uint32)(unsafe.Pointer(&b.memory[at])), len(values)), values)
	return b.address(at)
}

// quads is longs for 64-bit numbers: limits.
func (b *block) quads(values ...uint64) uintptr {
	at := b.take(8 * len(values))
	if b.full {
		return 0
	}
	copy(unsafe.Slice((*uint64)(unsafe.Pointer(&b.memory[at])), len(values)), values)
	return b.address(at)
}

// A mark is how far a child came: the entry at which it is or ended.
type mark struct {
	stage  Stage
	detail string
	failed bool
	result int64
	last   bool // no entry follows: it is execve
	cloned bool // the process was cloned for this, it has executed nothing before
}

// executed is right when the child is no longer in its set-up, unless a signal ended it within execve.
func (m mark) executed() bool { return m.last && !m.failed }

// mark reads it. It is exact once the child has left the block, and a moment old before.
func (b *block) mark() mark {
	index := b.position()
	e := &b.table[index]
	m := mark{stage: e.stage, last: index == b.calls-1, cloned: true}
	if e.note > 0 {
		m.detail = b.notes[e.note-1]
	}
	if atomic.LoadUint32(&b.head.failed) != 0 {
		m.failed, m.result = true, atomic.LoadInt64(&b.head.result)
	}
	return m
}

// position is the index of the entry that runs or ran last.
func (b *block) position() int {
	at := uintptr(atomic.LoadUint32(&b.head.at))
	if at < stackTop {
		return 0 // the child has not got a processor yet
	}
	return int((at - stackTop) / unsafe.Sizeof(entry{}))
}

// failure is the error of a mark; signal is what ended the child, 0 for an exit.
func (m mark) failure(unit string, signal unix.Signal) *Error {
	e := &Error{Stage: m.stage, Unit: unit, Detail: m.detail}
	switch {
	case !m.failed && m.stage == StageProcess && signal != unix.SIGKILL:
		// A stage that ended by itself before it could say anything: Go's runtime needs threads, and a limit of
		// processes kept it from them.
		e.Err = unix.EAGAIN
	case !m.failed:
		e.Signal = signal
	case m.result < 0:
		e.Err = unix.Errno(-m.result)
	}
	return e
}
