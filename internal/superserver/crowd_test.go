package superserver

import (
	"io"
	"net"
	"testing"
)

// However many sessions say nothing, there is room for who comes next, and those that are used or wait for events stay.
func TestIdleSessionsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	m.ask("ping")
	watcher := m.dial()
	ask(t, watcher, "subscribe", "units")
	var idle []net.Conn
	for range 3 * maxSessions {
		c, err := m.dialUnit("control")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		idle = append(idle, c)
		m.ask("ping")
	}
	late := m.dial()
	ask(t, late, "unit.pause", "talk")
	next(t, watcher, begins("unit.state", "talk", "paused"))
	text, err := io.ReadAll(idle[0])
	if string(text) != "closed\ttoo many sessions\n" || err != nil {
		t.Errorf("the first that said nothing reads %q, %v", text, err)
	}
}

// What is noted of sessions that are gone is dropped.
func TestNotesOfSessionsAreBounded(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	for range 2 * maxNoted {
		c := m.dial()
		ask(t, c, "ping")
		_ = c.Close()
	}
	noted := make(chan int)
	m.server.loop.Post(func() { noted <- len(m.server.control.crowd.used) })
	if n := <-noted; n > maxNoted+1 {
		t.Errorf("%d sessions are noted", n)
	}
}
