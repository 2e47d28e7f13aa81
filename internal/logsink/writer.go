package logsink

import (
	"io"
	"sync"
	"time"
)

// queueSize bounds what waits for a slow reader of the log, in bytes.
const queueSize = 1 << 20

// A Writer hands lines to a slow or stuck destination without ever blocking whoever writes them: they wait in a queue of at
// most 1 MiB, and what does not fit is counted and reported once there is room. It is safe for concurrent use.
type Writer struct {
	out  io.Writer
	lost func(lines int) []byte // the line that tells of lost ones

	mu      sync.Mutex // guards what follows
	wake    sync.Cond
	queue   []byte
	dropped int
	failed  int // lines lost because the destination refused them
	writing bool
	closing bool
	flushed chan struct{} // closed when nothing is queued or written; nil: nobody waits

	done chan struct{} // closed when the writing goroutine has ended
}

// NewWriter returns a Writer of lines of a format in front of out, which it does not close. Close ends it.
func NewWriter(out io.Writer, f Format) *Writer {
	w := &Writer{out: out, lost: f.lost, done: make(chan struct{})}
	w.wake.L = &w.mu
	go w.run() // Close waits for it, as long as its caller allows
	return w
}

// Write queues one line. It always reports success: what becomes of a line is not its writer's business.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue)+len(line) > queueSize || w.closing {
		w.dropped++
		return len(line), nil
	}
	w.queue = append(w.queue, line...)
	w.wake.Signal()
	return len(line), nil
}

// Close writes out what is queued and ends the Writer, waiting no longer than patience: a destination that takes nothing keeps
// what is left, and its goroutine, until the process ends.
func (w *Writer) Close(patience time.Duration) {
	w.mu.Lock()
	w.closing = true
	w.wake.Signal()
	w.mu.Unlock()
	select {
	case <-w.done:
	case <-time.After(patience):
	}
}

// Flush waits until everything that is queued has been written, no longer than patience.
func (w *Writer) Flush(patience time.Duration) {
	w.mu.Lock()
	if len(w.queue) == 0 && w.dropped == 0 && !w.writing {
		w.mu.Unlock()
		return
	}
	if w.flushed == nil {
		w.flushed = make(chan struct{})
	}
	flushed := w.flushed
	w.mu.Unlock()
	select {
	case <-flushed:
	case <-time.After(patience):
	}
}

func (w *Writer) run() {
	defer close(w.done)
	var spare []byte
	for {
		batch, more := w.next(spare[:0])
		if len(batch) > 0 {
			w.put(batch)
		}
		if !more {
			return
		}
		spare = batch
	}
}

// next takes the whole queue, leaving spare in its place, and reports whether there may be more.
func (w *Writer) next(spare []byte) (batch []byte, more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writing = false
	for len(w.queue) == 0 && w.dropped == 0 && !w.closing {
		if w.flushed != nil {
			close(w.flushed)
			w.flushed = nil
		}
		w.wake.Wait()
	}
	w.writing = true
	batch, w.queue = w.queue, spare
	if lost := w.dropped + w.failed; lost > 0 {
		batch = append(batch, w.lost(lost)...)
		w.dropped, w.failed = 0, 0
	}
	return batch, !w.closing
}

// put writes a batch. A destination that fails (a full disk, a closed pipe) loses the batch; the loss is reported with the next
// one that it takes.
func (w *Writer) put(batch []byte) {
	if _, err := w.out.Write(batch); err != nil {
		w.mu.Lock()
		w.failed += countLines(batch)
		w.mu.Unlock()
	}
}

func countLines(b []byte) (n int) {
	for _, c := range b {
		if c == '\n' {
			n++
		}
	}
	return n
}
