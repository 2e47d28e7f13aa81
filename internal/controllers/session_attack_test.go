package controllers

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
)

func init() {
	players["dumps"] = func() { // as many as the socket takes
		_ = unix.SetNonblock(3, true)
		_, _ = unix.Write(3, []byte(strings.Repeat("statedump\n", 15000)))
	}
}

// A service that ends leaves what it wrote to be executed. Nobody hears the answers of one that cannot hear any, so they are not
// made: otherwise as many dumps as a socket holds would keep everybody waiting for minutes.
func TestCommandsLeftByADeadServiceKeepNobodyWaiting(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.play(r, "a", "dumps")
	c.ask("service.fds⇥a⇥null⇥null⇥null⇥control.cmd")
	dumped := 0
	r.on(func() {
		for i := range 2000 {
			_, err := r.engine.Define("filler."+itoa(i), "")
			must(t, err)
		}
		for name := range r.server.commands {
			if name == "statedump" {
				command := r.server.commands[name]
				run := command.Run
				command.Run = func(call *control.Call) error {
					err := run(call)
					call.Stream(func() bool { dumped++; return false })
					return err
				}
				r.server.commands[name] = command
			}
		}
	})
	c.send("service.start⇥a")
	c.await(`/service.state⇥a⇥down⇥.*/`)
	r.on(func() {
		if dumped > 0 {
			t.Errorf("%d dumps were made that nobody could hear", dumped)
		}
	})
}

// Who may not name descriptors has none kept.
func TestDescriptorsOfSessionsWithoutRights(t *testing.T) {
	for _, rights := range []control.Rights{control.Nothing, control.Read, control.Operate} {
		r := newRig(t, func(o *Options) {
			o.Compatible = false
			o.Rights = func(*unix.Ucred, []uint32) control.Rights { return rights }
		})
		c := r.dial()
		read, write, err := os.Pipe()
		must(t, err)
		_, _, err = c.conn.WriteMsgUnix([]byte("echo\tx\n"), unix.UnixRights(int(write.Fd()), int(write.Fd()), int(write.Fd())), nil)
		must(t, err)
		c.expect("x")
		must(t, write.Close())
		must(t, read.SetReadDeadline(time.Now().Add(patience)))
		if n, err := read.Read(make([]byte, 1)); n != 0 || os.IsTimeout(err) {
			t.Errorf("with the right to %s the pipe is still held: %v", rights, err)
		}
		must(t, read.Close())
		r.mu.Lock()
		if len(r.lines) > 0 {
			t.Errorf("with the right to %s the log says %q", rights, r.lines)
		}
		r.mu.Unlock()
	}
}

// A control socket has the path that was asked for, or none.
func TestPathsOfControlSockets(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Compatible = false })
	c := r.dial2()
	for _, path := range []string{r.path("cut") + `\x00off`, "@", "", r.path(strings.Repeat("x", 200))} {
		c.refused("socket.create⇥-⇥"+path, "Failed to create control socket")
	}
	if _, err := os.Lstat(r.path("cut")); err == nil {
		t.Error("the path was cut at a NUL")
	}
}

// What a session has set outlives it; the session does not.
func TestDefinitionsHoldNoSessions(t *testing.T) {
	r := newRig(t)
	gone := make(chan int, 8)
	for i := range cap(gone) {
		c := r.dial()
		name := "s" + itoa(i)
		for _, command := range []string{
			"service.tags⇥%s⇥x", "service.args⇥%s⇥x", "service.fds⇥%s⇥null", "service.auto_up⇥%s⇥5⇥USR1", "service.opts⇥%s⇥nice=1",
		} {
			c.ask(fmt.Sprintf(command, name))
		}
		r.on(func() {
			runtime.AddCleanup(r.server.sessions[len(r.server.sessions)-1], func(n int) { gone <- n }, i)
		})
		c.send("exit")
		c.ended()
	}
	// The last one may still be in some list that is used again.
	eventually(t, "the sessions are collected", func() bool { runtime.GC(); return len(gone) >= cap(gone)-1 })
}

// A peer that leaves while its session takes no more input, since it reads no output, is gone: the session ends.
func TestPeerThatLeavesWithEverythingFull(t *testing.T) {
	for _, version := range []string{"1", "2"} {
		r := newRig(t, func(o *Options) { o.Compatible = false })
		for range 20 {
			c := r.dial()
			c.send("proto⇥"+version, "conn.event_timeout⇥2147483647⇥2147483647")
			raw, err := c.conn.SyscallConn()
			must(t, err)
			line := []byte("echo\t" + strings.Repeat("x", 900) + "\n")
			var last error
			for full := 0; full < 3; { // as long as it takes any
				must(t, raw.Write(func(fd uintptr) bool { _, last = unix.Write(int(fd), line); return true }))
				full++
				if last == nil {
					full = 0
				}
				r.on(func() {})
			}
			must(t, c.conn.Close())
		}
		eventually(t, "all sessions have ended", func() (none bool) {
			r.on(func() { none = len(r.server.sessions) == 0 })
			return none
		})
	}
}
