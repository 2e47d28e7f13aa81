package supervise

import (
	"time"

	"sockbridge/internal/event"
	"sockbridge/internal/loop"
)

// Close accepts nobody any more, serves those who were accepted, asks their instances to end when DrainTimeout is over, turns away
// who is not served by then, and calls gone when nothing is left. The descriptors of the sockets may be closed after it.
func (t *Template) Close(gone func()) { t.CloseWithin(t.config.DrainTimeout, gone) }

// CloseWithin is Close with another time for those who are served; math.MaxInt64 is for ever. Called again it sets that time anew,
// and the gone of the last call counts.
func (t *Template) CloseWithin(timeout time.Duration, gone func()) {
	if t.closing && t.gone == nil { // nothing was left
		gone()
		return
	}
	t.closing = true
	t.Unwatch()
	t.drain.Stop()
	t.drain = t.engine.loop.After(timeout, func() {
		t.Hurry()
		for _, c := range t.live() {
			c.instance.Stop()
		}
	})
	t.gone = gone
	t.next()
}

// tellGone ends a template that is closed and has no clients.
func (t *Template) tellGone() {
	if t.gone == nil || len(t.clients) > 0 {
		return
	}
	gone := t.gone
	t.gone = nil
	for _, timer := range []*loop.Timer{t.drain, t.judge, t.resting, t.retry} {
		timer.Stop()
	}
	if t.engine.accepting.templates--; t.engine.accepting.templates == 0 {
		t.engine.accepting.reserve.close()
	}
	t.publish(event.Event{Type: event.Ended, Text: t.Counters().String()})
	gone()
}

// Hurry turns away those who are not served yet.
func (t *Template) Hurry() {
	waiting, doubtful := t.waiting, t.doubtful
	t.waiting, t.doubtful = nil, nil
	for _, c := range waiting {
		c.refuse(ReasonStopping)
	}
	for _, c := range doubtful {
		c.refuse(ReasonStopping)
	}
	t.next()
}

// Kill ends all instances at once; the template goes on.
func (t *Template) Kill() {
	for _, c := range t.live() {
		c.instance.Kill()
	}
}

// live are the clients that have an instance. It is a copy, since stopping one may end it.
func (t *Template) live() []*Client {
	list := make([]*Client, 0, t.counts[clientLive])
	for _, c := range t.clients {
		if c.state == clientLive {
			list = append(list, c)
		}
	}
	return list
}
