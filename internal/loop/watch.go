package loop

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Events is what a watch waits for and what it is told.
type Events uint32

// The events. Failed and HungUp are always told, whatever was asked for.
const (
	Readable Events = unix.EPOLLIN
	Writable Events = unix.EPOLLOUT
	Edge     Events = unix.EPOLLET // told once a change instead of as long as it holds
	Failed   Events = unix.EPOLLERR
	HungUp   Events = unix.EPOLLHUP
)

// slot is a place in the loop's table of watches. Its generation counts the watches that had it.
type slot struct {
	watch      *Watch
	generation int32
}

// A Watch is a descriptor that the loop waits for. It borrows the descriptor.
type Watch struct {
	loop  *Loop
	fd    int
	slot  int32
	mode  Events // 0: the kernel is not asked
	serve func(Events)
}

// Watch calls f whenever fd has one of the events of mode; with mode 0 it waits for Set. Close the watch before fd.
func (l *Loop) Watch(fd int, mode Events, f func(Events)) (*Watch, error) {
	w := &Watch{loop: l, fd: fd, slot: l.take(), serve: f}
	l.slots[w.slot].watch = w
	if err := w.Set(mode); err != nil {
		l.release(w.slot)
		return nil, err
	}
	return w, nil
}

// Set changes what the watch waits for. Mode 0 takes the descriptor out of the kernel's set, since an error or a hang-up would
// be told all the same. Changing to an edge-triggered mode tells at once what already holds; setting the mode that is there
// does nothing.
func (w *Watch) Set(mode Events) error {
	op := unix.EPOLL_CTL_MOD
	switch {
	case mode == w.mode:
		return nil
	case mode == 0:
		op = unix.EPOLL_CTL_DEL
	case w.mode == 0:
		op = unix.EPOLL_CTL_ADD
	}
	event := unix.EpollEvent{Events: uint32(mode), Fd: w.slot, Pad: w.loop.slots[w.slot].generation}
	if err := unix.EpollCtl(w.loop.epoll, op, w.fd, &event); err != nil {
		return fmt.Errorf("cannot watch descriptor %d: %w", w.fd, err)
	}
	w.mode = mode
	return nil
}

// Close ends the watch; events already fetched for it are dropped. It is safe to close the descriptor after. Closing twice
// does nothing.
func (w *Watch) Close() error {
	if w.loop == nil {
		return nil
	}
	err := w.Set(0)
	w.loop.release(w.slot)
	w.loop = nil
	return err
}

func (l *Loop) take() int32 {
	if n := len(l.free); n > 0 {
		i := l.free[n-1]
		l.free = l.free[:n-1]
		return i
	}
	l.slots = append(l.slots, slot{})
	return int32(len(l.slots) - 1)
}

func (l *Loop) release(i int32) {
	l.slots[i].watch = nil
	l.slots[i].generation++
	l.free = append(l.free, i)
}

func (l *Loop) dispatch(e *unix.EpollEvent) {
	s := l.slots[e.Fd]
	if s.watch != nil && s.generation == e.Pad {
		s.watch.serve(Events(e.Events))
	}
}
