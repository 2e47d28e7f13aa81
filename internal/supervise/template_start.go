package supervise

import (
	"slices"
	"time"

	"sockbridge/internal/event"
	"sockbridge/internal/launch"
)

// A connection is tried again every spawnRetry while the kernel has no room for a process, for spawnWait from its coming on.
const (
	spawnRetry = 50 * time.Millisecond
	spawnWait  = 5 * time.Second
)

// startWaiting starts those who wait, in their order, as long as there are slots and processes to be had.
func (t *Template) startWaiting() {
	for len(t.waiting) > 0 && !t.full() && t.retry == nil {
		c := t.waiting[0]
		t.waiting = t.waiting[1:]
		t.start(c)
	}
}

// start starts the instance of a client, if the client is still there.
func (t *Template) start(c *Client) {
	if c.gone() {
		c.feed(clientHasLeft)
		c.publish(event.Event{Type: event.ClientGone})
		c.close()
		return
	}
	c.feed(clientBegun)
	if err := t.begin(c); err != nil {
		t.notStarted(c, err)
	}
}

func (t *Template) begin(c *Client) error {
	p, err := t.config.Prepare(c)
	if err != nil {
		return err
	}
	c.release = p.Release
	i, err := t.engine.Start(Start{
		Unit: t.config.Unit, Service: t.service(), Conn: c.id, Peer: c.peer, Program: p.Program, Launch: p.Launch,
		StopSignal: t.config.StopSignal, StopTimeout: t.config.StopTimeout, Group: p.Group, Owner: (*ownClient)(c),
	})
	if err != nil {
		c.settled()
		return err
	}
	c.instance = i
	return nil
}

// notStarted tries a client again whose service cannot be started for the moment, and closes one whose service cannot be
// started at all.
func (t *Template) notStarted(c *Client, err error) {
	if launch.IsTemporary(err) {
		c.feed(clientPutBack)
		t.tryAgain(c, err)
		return
	}
	c.feed(clientFailed)
	c.publish(event.Event{Type: event.StartFailed, Err: err})
	c.close()
}

// tryAgain puts a client for which there was no process back at the head, and stops accepting until there is one.
func (t *Template) tryAgain(c *Client, err error) {
	now := t.engine.loop.Now()
	if now.Sub(c.accepted) > spawnWait {
		c.refuse(ReasonSpawn)
		return
	}
	if !c.tried {
		c.tried = true
		c.publish(event.Event{Type: event.StartFailed, Err: err, Delay: spawnRetry})
	}
	t.waiting = slices.Insert(t.waiting, 0, c)
	if t.retry == nil {
		t.retry = t.engine.loop.After(spawnRetry, func() {
			t.retry = nil
			t.next()
		})
	}
}
