package control

import "slices"

// keepCapacity is how much memory an empty queue keeps.
const keepCapacity = 16 << 10

// A queue is bytes that are appended at one end and dropped at the other.
type queue struct {
	buffer []byte
	head   int
}

func (q *queue) len() int { return len(q.buffer) - q.head }

// bytes are valid until the next append.
func (q *queue) bytes() []byte { return q.buffer[q.head:] }

func (q *queue) append(b []byte) {
	if q.head > 0 && len(q.buffer)+len(b) > cap(q.buffer) {
		q.buffer = slices.Delete(q.buffer, 0, q.head)
		q.head = 0
	}
	q.buffer = append(q.buffer, b...)
}

// drop leaves the bytes where they are.
func (q *queue) drop(n int) {
	q.head += n
	if q.len() > 0 {
		return
	}
	q.buffer, q.head = q.buffer[:0], 0
	if cap(q.buffer) > keepCapacity {
		q.buffer = nil
	}
}
