package supervise

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

// A watch is a handle that a service waits for.
type watch struct {
	handle *Handle
	watch  *loop.Watch
	// own is a descriptor of the watch's own, where somebody else waits for the handle's: epoll(7) takes a descriptor once. -1
	// is none.
	own int
	// hung says that the handle has hung up, as a pipe without writers does, and is told of that without end: such a one is
	// only listened to for what is new.
	hung  bool
	serve func(loop.Events)
}

// arm waits for all triggers. Handles that are not there are waited for when they are.
func (s *Service) arm() error {
	for _, t := range s.definition.Triggers {
		if t.Signal != 0 {
			s.engine.onSignal.add(t.Signal, s)
		}
		if t.Readable != "" {
			s.engine.onHandle.add(key(t.Readable, s.unit), s)
		}
	}
	return s.watchHandles()
}

// disarm lets go of all triggers.
func (s *Service) disarm() {
	s.unwatch()
	for _, t := range s.definition.Triggers {
		if t.Signal != 0 {
			s.engine.onSignal.remove(t.Signal, s)
		}
		if t.Readable != "" {
			s.engine.onHandle.remove(key(t.Readable, s.unit), s)
		}
	}
}

// rearm has services wait for what a handle's name stands for now. The old one may be closed after it.
func (e *Engine) rearm(key string) {
	for _, s := range e.onHandle.of(key) {
		s.unwatch()
		s.report(s.watchHandles())
		s.lookSoon()
	}
}

func (s *Service) watchHandles() error {
	if s.unwatched {
		return nil
	}
	var errs []error
	for _, t := range s.definition.Triggers {
		h := s.handle(t.Readable)
		if t.Readable == "" || h == nil || slices.ContainsFunc(s.watches, func(w *watch) bool { return w.handle == h }) {
			continue
		}
		w := &watch{handle: h, own: -1}
		w.serve = func(ev loop.Events) { s.ready(w, ev) }
		if err := w.open(s.engine.loop); err != nil {
			errs = append(errs, fmt.Errorf("cannot watch %q: %w", h.Name, err))
			continue
		}
		s.watches = append(s.watches, w)
	}
	return errors.Join(errs...)
}

// Unwatch lets go of the handles until Set is called, so that their descriptors may be changed or closed.
func (s *Service) Unwatch() {
	s.unwatched = true
	s.unwatch()
}

func (s *Service) unwatch() {
	for _, w := range s.watches {
		s.report(w.close())
	}
	s.watches = nil
}

// watch says what all handles are watched for.
func (s *Service) watch(mode loop.Events) {
	for _, w := range s.watches {
		s.report(w.set(s.engine.loop, mode))
	}
}

// lookSoon reads the queues in the next round, if there are any.
func (s *Service) lookSoon() {
	if len(s.watches) > 0 {
		s.engine.soon(s)
	}
}

// ready is called for every event of a handle. What cannot be mended is left alone for a growing while.
func (s *Service) ready(w *watch, ev loop.Events) {
	w.hung = false
	if ev&(loop.Failed|loop.HungUp) != 0 {
		if err := w.handle.Queue.Mend(); err != nil {
			d := s.pause.next(firstPause, lastPause)
			s.publish(event.Event{Type: event.Bad, Err: err, Delay: d})
			s.hold(d, false)
			return
		}
		w.hung = hung(w.handle.FD)
	}
	s.look()
}

func hung(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd)}}
	_, err := unix.Poll(fds, 0)
	return err == nil && fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
}

// open begins to watch, for as long as something can be read.
func (w *watch) open(l *loop.Loop) (err error) {
	if w.watch, err = l.Watch(w.fd(), loop.Readable, w.serve); errors.Is(err, unix.EEXIST) {
		return w.separate(l, loop.Readable)
	}
	return err
}

// set changes what is watched for; 0 is nothing.
func (w *watch) set(l *loop.Loop, mode loop.Events) error {
	if mode != 0 && w.hung {
		mode |= loop.Edge
	}
	err := w.watch.Set(mode)
	if errors.Is(err, unix.EEXIST) {
		return w.separate(l, mode)
	}
	return err
}

// separate goes on with a descriptor of the watch's own.
func (w *watch) separate(l *loop.Loop, mode loop.Events) error {
	if w.watch != nil {
		if err := w.watch.Close(); err != nil {
			return err
		}
	}
	own, err := unix.FcntlInt(uintptr(w.handle.FD), unix.F_DUPFD_CLOEXEC, launch.LongLived)
	if err != nil {
		return err
	}
	again, err := l.Watch(own, mode, w.serve)
	if err != nil {
		return errors.Join(err, unix.Close(own))
	}
	w.own, w.watch = own, again
	return nil
}

func (w *watch) fd() int {
	if w.own >= 0 {
		return w.own
	}
	return w.handle.FD
}

func (w *watch) close() error {
	err := w.watch.Close()
	if w.own >= 0 {
		err = errors.Join(err, unix.Close(w.own))
		w.own = -1
	}
	return err
}
