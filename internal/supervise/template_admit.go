package supervise

import (
	"time"

	"sockbridge/internal/event"
)

// Clients that are over a limit are given doubtTime, and no more than maxDoubtful of a template at once.
const (
	doubtTime   = 20 * time.Millisecond
	maxDoubtful = 64
)

// The reasons of refusals that are not Decide's.
const (
	ReasonTotal    = "max_connections"            // TemplateConfig.Limit
	ReasonSource   = "max_connections_per_source" // TemplateConfig.Share
	ReasonSpawn    = "no_process"                 // the host had no room for a process
	ReasonStopping = "stopping"                   // Hurry
	ReasonDraining = "draining"                   // Drain
	ReasonKilled   = "killed"                     // Client.Kill and the like, of a client that waited
)

// busy is what clients are told; they hear nothing for other reasons.
var busy = map[string]string{
	ReasonTotal:    "busy: too many connections\r\n",
	ReasonSource:   "busy: too many connections from your network\r\n",
	ReasonSpawn:    tryLater,
	ReasonDraining: tryLater,
}

const tryLater = "busy: try again later\r\n"

// admit decides about a client that was just accepted.
func (t *Template) admit(c *Client) {
	if t.config.Decide != nil {
		if reason, ok := t.config.Decide(c.remote); !ok {
			c.refuse(reason)
			return
		}
	}
	if t.draining {
		c.refuse(ReasonDraining)
		return
	}
	switch reason := t.overLimit(c); {
	case reason == "":
		t.queue(c)
	case len(t.doubtful) < maxDoubtful:
		t.doubt(c)
	default:
		c.refuse(reason)
	}
}

// overLimit returns the limit that a client is over, or nothing.
func (t *Template) overLimit(c *Client) string {
	switch {
	case t.config.Share > 0 && t.sources[c.source] >= t.config.Share:
		return ReasonSource
	case t.config.Refuse && t.full():
		return ReasonTotal
	}
	return ""
}

// full reports whether all slots are taken.
func (t *Template) full() bool {
	return t.config.Limit > 0 && t.counts[clientLive] >= uint64(t.config.Limit)
}

// limitOf is the number behind the reason of a refusal.
func (t *Template) limitOf(reason string) int {
	switch reason {
	case ReasonTotal:
		return t.config.Limit
	case ReasonSource:
		return t.config.Share
	}
	return 0
}

// queue lets an admitted client have its turn.
func (t *Template) queue(c *Client) {
	c.feed(clientAdmitted)
	c.publish(event.Event{Type: event.Accept})
	t.waiting = append(t.waiting, c)
	t.startWaiting()
}

// doubt sets a client aside that is over a limit: one that comes back the moment its last connection is closed is here before
// we hear of that instance's end, and must not be refused for it.
func (t *Template) doubt(c *Client) {
	c.feed(clientOverLimit)
	t.doubtful = append(t.doubtful, c)
	if t.judge == nil {
		t.judge = t.engine.loop.After(doubtTime, t.judgeDoubtful)
	}
}

// judgeDoubtful refuses those whom time has not helped.
func (t *Template) judgeDoubtful() {
	t.judge = nil
	t.admitDoubtful()
	now := t.engine.loop.Now()
	for len(t.doubtful) > 0 {
		c := t.doubtful[0]
		if wait := c.accepted.Add(doubtTime).Sub(now); wait > 0 {
			t.judge = t.engine.loop.After(wait, t.judgeDoubtful)
			return
		}
		t.doubtful = t.doubtful[1:]
		c.refuse(t.overLimit(c))
	}
	t.next() // they may have been the last
}

// admitDoubtful admits those who are over no limit any more.
func (t *Template) admitDoubtful() {
	before := t.doubtful
	t.doubtful = nil
	for _, c := range before {
		if t.overLimit(c) == "" {
			t.queue(c)
		} else {
			t.doubtful = append(t.doubtful, c)
		}
	}
}
