package supervise

import (
	"fmt"
	"time"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
)

// dropAtOnce bounds how many clients of a service that cannot be started are turned away in one go.
const dropAtOnce = 128

// look reads the queues and does what decide says.
func (s *Service) look() {
	called := s.called
	s.called = false
	if s.closed {
		return
	}
	waiting := s.waiting()
	if s.failing && len(s.running) == 0 && !called {
		s.watch(s.turnAway(waiting))
		return
	}
	p := decide(view{
		waiting: waiting, running: len(s.running), recent: s.recent(), limit: s.definition.limit(),
		called: called, held: s.held != nil || s.paused,
	})
	for range p.start {
		if !s.startOne(waiting, called) {
			return // it has set a pause and looked again
		}
	}
	s.watch(p.watch)
	s.again.Stop()
	if p.again {
		s.again = s.engine.loop.After(settleTime, s.look)
	}
}

// waiting is the number of clients in all queues. A queue that cannot be read is taken for empty: an event will come.
func (s *Service) waiting() (n int) {
	for _, w := range s.watches {
		waiting, err := w.handle.Queue.Waiting()
		s.report(err)
		n += waiting
	}
	return n
}

func (s *Service) recent() (n int) {
	now := s.engine.loop.Now()
	for _, m := range s.running {
		if now.Sub(m.instance.began) < settleTime {
			n++
		}
	}
	return n
}

func (s *Service) heads() (ids []uint64, known bool) {
	for _, w := range s.watches {
		some, ok := w.handle.Queue.Pending()
		if !ok {
			return nil, false
		}
		ids = append(ids, some...)
	}
	return ids, true
}

func (s *Service) hold(d time.Duration, failing bool) {
	s.held.Stop()
	s.failing = failing
	s.held = s.engine.loop.After(d, func() {
		s.resume()
		s.look()
	})
	s.look()
}

// resume ends a pause that hold has set.
func (s *Service) resume() {
	s.held.Stop()
	s.held, s.failing = nil, false
}

// turnAway closes the connections and drops the datagrams that wait for a service that cannot be started, and returns how to
// watch for more. Those who cannot be turned away wait for the pause's end, unwatched: they would be readable all the time.
func (s *Service) turnAway(waiting int) loop.Events {
	if s.paused {
		return 0
	}
	dropped := 0
	for _, w := range s.watches {
		dropped += s.dropFrom(w, dropAtOnce)
	}
	if dropped > 0 {
		s.publish(event.Event{
			Type: event.Dropped, Reason: "start_failed", Text: fmt.Sprintf("%d waiting clients were turned away", dropped),
		})
	}
	if dropped == 0 && waiting > 0 {
		return 0
	}
	return loop.Readable
}

// dropFrom throws away up to n of those who wait at a handle, and returns how many.
func (s *Service) dropFrom(w *watch, n int) (dropped int) {
	for ; dropped < n; dropped++ {
		one, err := w.handle.Queue.DropOne()
		s.report(err)
		if !one || err != nil {
			break
		}
	}
	return dropped
}

// mend undoes what the last instance may have done to listeners that it shared with us, without a sign of it: a datagram
// socket that is connected to one client hears no other.
func (s *Service) mend() {
	if s.closed || len(s.running) > 0 {
		return
	}
	for _, w := range s.watches {
		s.report(w.handle.Queue.Mend())
	}
}

func (s *Service) judge(i *Instance, r run) {
	switch s.verdict(r) {
	case tookNothing:
		s.tookNone(i)
	case unsure:
		s.hold(breath, false)
	case tookSome:
		s.pause.reset()
		s.resume()
		s.look()
	}
}

// tookNone lets the next instance wait.
func (s *Service) tookNone(i *Instance) {
	d := s.pause.next(firstPause, lastPause)
	s.publish(event.Event{Type: event.Idle, PID: i.process.PID, Delay: d})
	s.dropUnread()
	s.hold(d, false)
}

// run is what progress needs to know of an instance that has ended.
func (s *Service) run(i *Instance, before queue, status launch.Status) run {
	r := run{
		before: before.waiting, after: s.waiting(), lasted: s.lasted(i), well: status.Code == 0,
	}
	if before.known && r.after > 0 {
		var heads []uint64
		if heads, r.known = s.heads(); r.known {
			r.took = s.definition.took(before.heads, heads)
		}
	}
	return r
}

// dropUnread throws away the datagram that the last instance left: the next would leave it too, and those behind it would wait
// for ever.
func (s *Service) dropUnread() {
	for _, w := range s.watches {
		if !w.handle.Accepts && s.dropFrom(w, 1) > 0 {
			s.publish(event.Event{Type: event.Dropped, Reason: "unread_datagram"})
		}
	}
}
