package launch

import (
	"errors"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A block is the memory of one start: what parent and child share of it. It is mapped outside Go's heap, so that the
// child, which the runtime knows nothing of, never sees memory that the collector or a growing stack may take.
//
//	header | the child's stack | table → … free … ← strings and vectors
type block struct {
	memory []byte
	head   *header  // at the beginning of memory
	table  []entry  // filled from the front
	calls  int      // entries in use
	top    uintptr  // offset of the last piece taken from the end
	notes  []string // details of stages, by entry.note
	full   bool     // something did not fit: the table must not be run
}

// A header is what tells one side of the other.
type header struct {
	// Written by the kernel.
	tid   uint32 // 1 from before the clone until the child has left our memory: then it is cleared and its futex woken
	pidfd int32

	// Written by the child.
	at     uint32 // offset in the block of the entry that runs, or ran last
	failed uint32 // 1 when that entry had another result than it wants
	result int64  // of that entry then
	pid    int64  // its own
	stat   unix.Stat_t

	// Written by us.
	clone cloneArgs
	zeros [32]byte // an empty signal set, and a struct sigaction that means SIG_DFL
}

const (
	blockSize      = 64 << 10 // of all but huge environments
	hugeBlockSize  = 8 << 20  // more than maxStrings with all vectors, and maxFiles
	stackSize      = 4 << 10  // the child's code uses none of it, and blocks all signals
	maxBlocks      = 256      // starts in flight at once
	maxSpareBlocks = 16
)

const stackTop = (unsafe.Sizeof(header{})+15)&^15 + stackSize

func newBlock(size int) (*block, error) {
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	b := &block{memory: memory, head: (*header)(unsafe.Pointer(&memory[0]))}
	room := (uintptr(size) - stackTop) / unsafe.Sizeof(entry{})
	b.table = unsafe.Slice((*entry)(unsafe.Pointer(&memory[stackTop])), room)
	b.reset()
	return b, nil
}

func (b *block) reset() {
	*b.head = header{}
	b.calls, b.top, b.full = 0, uintptr(len(b.memory)), false
	clear(b.notes)
	b.notes = b.notes[:0]
}

// address is where the byte at offset lies, for system calls.
func (b *block) address(offset uintptr) uintptr {
	return uintptr(unsafe.Pointer(&b.memory[0])) + offset
}

// offset is the inverse for a variable inside the block.
func (b *block) offset(p unsafe.Pointer) uintptr {
	return uintptr(p) - uintptr(unsafe.Pointer(&b.memory[0]))
}

// inUse reports whether a child may still run in the block.
func (b *block) inUse() bool { return atomic.LoadUint32(&b.head.tid) != 0 }

// take reserves n bytes, aligned for every type, from the end of the block. It returns their offset, or 0 when they do
// not fit.
func (b *block) take(n int) uintptr {
	size := (uintptr(n) + 7) &^ 7
	if b.full || size > b.top-b.tableEnd() {
		b.full = true
		return 0
	}
	b.top -= size
	return b.top
}

func (b *block) tableEnd() uintptr { return stackTop + uintptr(b.calls)*unsafe.Sizeof(entry{}) }

// A pool lends blocks and bounds their number. It is safe for concurrent use.
type pool struct {
	mu    sync.Mutex
	spare []*block // of blockSize
	lent  int
}

// get returns an empty block of at least size bytes, or EAGAIN when too many starts are in flight.
func (p *pool) get(size int) (*block, error) {
	b, err := p.reserve(size)
	if b != nil || err != nil {
		return b, err
	}
	b, err = newBlock(size)
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.lent--
	}
	return b, err
}

// reserve counts a block as lent, and returns a spare one when one fits.
func (p *pool) reserve(size int) (*block, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lent >= maxBlocks {
		return nil, unix.EAGAIN
	}
	p.lent++
	last := len(p.spare) - 1
	if size > blockSize || last < 0 {
		return nil, nil
	}
	b := p.spare[last]
	p.spare = p.spare[:last]
	b.reset()
	return b, nil
}

// put takes back a block in which no child runs any more.
func (p *pool) put(b *block) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lent--
	if len(b.memory) == blockSize && len(p.spare) < maxSpareBlocks {
		p.spare = append(p.spare, b)
		return nil
	}
	return unix.Munmap(b.memory)
}

// close unmaps the spare blocks.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var err error
	for _, b := range p.spare {
		err = errors.Join(err, unix.Munmap(b.memory))
	}
	p.spare = nil
	return err
}
