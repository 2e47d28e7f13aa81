package supervise

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// AddHandles puts handles into the engine's table and takes ownership of their descriptors: all of them or, on an error, none.
// One that is there under the same name is replaced: services that wait for it wait for the new one, and its descriptor is
// closed after the observer has heard of it. The engine needs a free place for each new handle even then, as the old one goes last.
//
// Two handles that come together and name each other as Peer are the ends of a pipe. The Peer of any other pipe is gone.
//
// The errors are ErrFixed, ErrHandlesFull and ErrHandleTwice.
func (e *Engine) AddHandles(hs ...*Handle) error {
	added, err := e.admit(hs)
	if err != nil {
		return err
	}
	linkPipes(added, hs)
	var replaced []*Handle
	for _, h := range hs {
		if old := e.handles.entries[h.key()]; old != nil {
			replaced = append(replaced, old)
			old.part()
		}
		if h.Queue == nil {
			h.Queue = polled{h.FD}
		}
		e.handles.put(h)
		e.rearm(h.key())
	}
	for _, h := range hs {
		e.handleChanged(h, false)
	}
	for _, old := range replaced {
		e.discard(old)
	}
	return nil
}

// DeleteHandle deletes a handle, and closes its descriptor after the observer has heard of it. The errors are ErrNoHandle and ErrFixed.
func (e *Engine) DeleteHandle(name string) error {
	h := e.Handle(name)
	switch {
	case h == nil:
		return ErrNoHandle
	case h.Fixed:
		return ErrFixed
	}
	e.handles.remove(h)
	h.part()
	e.rearm(name)
	e.handleChanged(h, true)
	e.discard(h)
	return nil
}

// admit reports whether all of hs may be added, and returns them by key.
func (e *Engine) admit(hs []*Handle) (map[string]*Handle, error) {
	added, loose := make(map[string]*Handle, len(hs)), 0
	for _, h := range hs {
		if old := e.handles.entries[h.key()]; old != nil && old.Fixed {
			return nil, ErrFixed
		}
		added[h.key()] = h
		if h.Unit == "" {
			loose++
		}
	}
	switch {
	case len(added) < len(hs):
		return nil, ErrHandleTwice
	case e.maxHandles > 0 && loose > 0 && e.handles.loose+loose > e.maxHandles:
		return nil, ErrHandlesFull
	}
	return added, nil
}

// linkPipes has the ends of pipes know each other.
func linkPipes(added map[string]*Handle, hs []*Handle) {
	for _, h := range hs {
		if h.Peer == "" || h.other != nil {
			continue
		}
		if other := added[key(h.Peer, h.Unit)]; other != nil && other != h && other.Peer == h.Name {
			h.join(other)
		} else {
			h.Peer, h.Text = gonePeer, gonePeer
		}
	}
}

// discard lets go of a handle that is not in the table any more. Whoever watched it has been told.
func (e *Engine) discard(h *Handle) {
	h.dropped = true
	e.closeUnused(h)
}

// closeUnused closes the descriptor of a handle that nobody can use any more.
func (e *Engine) closeUnused(h *Handle) {
	if !h.dropped || h.lent > 0 || h.Borrowed || h.FD < 0 {
		return
	}
	if err := unix.Close(h.FD); err != nil && !errors.Is(err, unix.EINTR) { // Linux closes all the same, close(2)
		e.report(h.Unit, "", fmt.Errorf("cannot close %q: %w", h.Name, err))
	}
	h.FD = -1
}
