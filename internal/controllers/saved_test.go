package controllers

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/supervise"
)

// replace has another server take the place of r's, with all it knows, as after an execve(2).
func (r *rig) replace() {
	r.t.Helper()
	r.on(func() {
		v, fds := r.server.Save()
		engine := r.engine.Save()
		for _, fd := range fds {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil {
				r.t.Errorf("descriptor %d: %v", fd, err)
			}
		}
		r.forget()
		text, err := json.Marshal(v)
		if err != nil {
			r.t.Fatal(err)
		}
		var read Saved
		if err := json.Unmarshal(text, &read); err != nil {
			r.t.Fatal(err)
		}
		old := r.server.o
		old.Restored = true
		old.Engine = supervise.New(supervise.Options{Loop: r.loop, Launcher: old.Launcher, Publish: func(e eventOf) { r.server.Event(e) }})
		r.engine = old.Engine
		if r.server, err = New(old); err != nil {
			r.t.Fatal(err)
		}
		if err := r.server.RestoreEngine(&engine); err != nil {
			r.t.Error(err)
		}
		if err := r.server.Restore(read, nil); err != nil {
			r.t.Error(err)
		}
	})
}

// forget lets go of all that the old server has, without closing what the new one goes on with.
func (r *rig) forget() {
	r.server.trouble(r.server.socket.events.Close())
	for _, session := range r.server.sessions {
		session.over = true
		for _, p := range []*pipe{session.in, session.out} {
			if p != nil && p.events != nil {
				r.server.trouble(p.events.Close())
			}
		}
	}
	r.server.sessions, r.server.dirty = nil, nil
}

func TestRestore(t *testing.T) {
	r := newRig(t)
	c, d := r.dial(), r.dial2()
	f, err := os.Open("/dev/zero")
	must(t, err)
	defer func() { _ = f.Close() }()
	c.sendWith([]int{int(f.Fd())}, "echo⇥sent")
	c.expect("sent")
	c.ask("fd.socket⇥n⇥listen⇥" + r.path("s"))
	c.ask("service.tags⇥a⇥x")
	c.ask("service.opts⇥a⇥umask=022⇥env=X=\xff")
	c.ask("service.auto_up⇥a⇥5⇥INT⇥⇥always")
	d.await("service.auto_up⇥a⇥5⇥INT⇥⇥always")
	before := strings.Join(c.ask("statedump"), "\n")
	_, err = c.conn.Write([]byte("echo\tin two "))
	must(t, err)
	eventually(t, "half a line is read", func() (half bool) {
		r.on(func() { half = r.server.sessions[0].state.Room() < control.Compatible.Line })
		return half
	})
	r.replace()
	c.send("halves")
	c.expect("in two halves")
	if after := strings.Join(c.ask("statedump"), "\n"); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
	c.want("fd.take⇥z", "fd.state⇥z⇥file⇥read⇥unknown")
	d.expect("fd.state⇥z⇥file⇥read⇥unknown")
	d.want("id⇥1⇥echo⇥x", "x", "ok⇥1")
	e := r.dial()
	e.want("fd.queue⇥n", "fd.queue⇥n⇥0⇥32")
}
