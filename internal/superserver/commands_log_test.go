package superserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"sockbridge/control"
)

// next returns the next event of a client that the test wants.
func next(t *testing.T, c *control.Client, wanted func([]string) bool) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		e, err := c.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if wanted(e) {
			return e
		}
	}
}

func begins(fields ...string) func([]string) bool {
	return func(e []string) bool { return find([][]string{e}, fields...) != nil }
}

func ask(t *testing.T, c *control.Client, fields ...string) [][]string {
	t.Helper()
	lines, err := c.Do(t.Context(), fields...)
	if err != nil {
		t.Fatalf("%q: %v", fields, err)
	}
	return lines
}

func TestSubscribeToUnits(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	watcher := m.dial()
	ask(t, watcher, "subscribe", "units")
	m.ask("unit.pause", "talk")
	next(t, watcher, begins("unit.state", "talk", "paused"))
	m.ask("unit.resume", "talk")
	next(t, watcher, begins("unit.state", "talk", stateListening))
	c := m.connect("s")
	line(t, c)
	next(t, watcher, begins("unit.state", "talk", stateRunning))
	_ = c.Close()
	next(t, watcher, begins("unit.state", "talk", stateListening))
	m.write(map[string]string{"new": talk("n")})
	m.ask("reload")
	next(t, watcher, begins("reload.change", "added", "new"))
	next(t, watcher, begins("reload.done", "2"))
	next(t, watcher, begins("unit.state", "new", stateListening))
	m.ask("unit.stop", "new", "now")
	next(t, watcher, begins("unit.state", "new", "stopped"))
}

func TestSubscribeToConnections(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	watcher := m.dial()
	ask(t, watcher, "subscribe", "conns", "events")
	c := m.connect("s")
	line(t, c)
	open := next(t, watcher, begins("conn.open", "talk"))
	_ = c.Close()
	if e := next(t, watcher, begins("conn.close", "talk")); e[2] != open[2] {
		t.Errorf("%q was opened, and closed %q", open, e)
	}
}

func TestSubscribeToEvents(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	watcher := m.dial()
	ask(t, watcher, "subscribe", "events")
	line(t, m.connect("s"))
	for _, kind := range []string{"accept", "start"} {
		next(t, watcher, func(e []string) bool { return e[0] == "event" && e[2] == kind && e[3] == "talk" })
	}
}

// What a service says to the log is remembered, told to those who follow it, and to nobody else.
func TestFollowTheLogOfAUnit(t *testing.T) {
	t.Parallel()
	chatty := strings.Replace(talk("c"), "echo hello; cat", "cat >&2; echo done", 1)
	m := newManager(t, map[string]string{"chatty": chatty, "talk": talk("s")})
	say := func(text string) {
		c := m.connect("c")
		if _, err := c.Write([]byte(text + "\n")); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		line(t, c)
	}
	says := func(text string) func([]string) bool {
		return func(e []string) bool { return slices.Contains(e, "text="+text) }
	}
	say("one")
	m.until("the first line is remembered", func() bool {
		return slices.ContainsFunc(m.ask("log.follow", "100", "once", "chatty"), says("one"))
	})
	watcher := m.dial()
	past := ask(t, watcher, "log.follow", "100", "follow", "chat*")
	if !slices.ContainsFunc(past, says("one")) {
		t.Errorf("the past is %q", past)
	}
	line(t, m.connect("s"))
	say("two")
	next(t, watcher, func(e []string) bool {
		if e[3] != "chatty" {
			t.Errorf("an event of another unit: %q", e)
		}
		return says("two")(e)
	})
	if got := m.ask("log.follow", "0", "once"); len(got) != 0 {
		t.Errorf("none of the last events are %q", got)
	}
	if got := m.ask("log.follow", "2", "once"); len(got) != 2 {
		t.Errorf("the last two events are %q", got)
	}
}

// Following again replaces what was followed.
func TestFollowAgain(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s"), "other": talk("o")})
	watcher := m.dial()
	ask(t, watcher, "log.follow", "0", "follow", "talk")
	ask(t, watcher, "log.follow", "0", "follow", "other")
	line(t, m.connect("s"))
	line(t, m.connect("o"))
	if e := next(t, watcher, begins("event")); e[3] != "other" {
		t.Errorf("told of %q", e)
	}
}

// A subscriber that reads nothing loses events and holds up nobody.
func TestSlowSubscriber(t *testing.T) {
	t.Parallel()
	noisy := strings.Replace(talk("n"), "echo hello; cat", "cat >&2; echo done", 1)
	m := newManager(t, map[string]string{"noisy": noisy})
	slow, err := net.Dial("unix", m.path("control"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slow.Close() })
	if _, err := slow.Write([]byte("proto\t2\nid\t1\tsubscribe\tevents\n")); err != nil {
		t.Fatal(err)
	}
	m.until("it has subscribed", func() bool { return strings.Contains(read(t, slow, "ok\t1\n"), "ok\t1\n") })
	text := strings.Repeat("x", 3000)
	told := func() int {
		m.mu.Lock()
		defer m.mu.Unlock()
		return len(m.events)
	}
	for told() < 4000 { // some megabytes
		c := m.connect("n")
		for range 100 {
			if _, err := fmt.Fprintln(c, text); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		line(t, c)
		m.ask("ping")
	}
	m.until("it is told of the overflow", func() bool { return strings.Contains(read(t, slow, "\noverflow\n"), "\noverflow\n") })
}

// read reads what is there, until some text has come.
func read(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	var all strings.Builder
	buf := make([]byte, 64<<10)
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(all.String(), text) {
		n, err := c.Read(buf)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		all.Write(buf[:n])
	}
	return all.String()
}
