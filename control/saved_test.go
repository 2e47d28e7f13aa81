package control_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"sockbridge/control"
)

// replace does what an upgrade does with a session.
func (b *bench) replace(t *testing.T, o control.SessionOptions) *bench {
	t.Helper()
	state, err := json.Marshal(b.Save())
	if err != nil {
		t.Fatal(err)
	}
	var saved control.Saved
	if err := json.Unmarshal(state, &saved); err != nil {
		t.Fatal(err)
	}
	next := &bench{now: b.now, log: b.log, called: b.called}
	next.Session = control.Restore(next.options(o), saved)
	return next
}

// A session that is replaced between any two bytes of its input gives the same answers.
func TestReplaceAnywhere(t *testing.T) {
	script := "echo\ta\n#comment\n" + long("") + long("#") + "call\tx\ty\nproto\t2\nseq\ton\nid\tT\techo\t\\t\n" +
		"conn.event_timeout\t1\t2\nnone\nproto\t1\necho\tz\nexit\necho\tno\n"
	whole := newBench(control.SessionOptions{})
	want := whole.talk(script)
	b := newBench(control.SessionOptions{})
	var got strings.Builder
	for i := range len(script) {
		b.Input([]byte{script[i]})
		b = b.replace(t, control.SessionOptions{})
		b.feed("")
		b = b.replace(t, control.SessionOptions{})
		for out := b.Output(); len(out) > 0; out = b.Output() { // a byte at a time
			got.WriteByte(out[0])
			b.Wrote(1)
			b = b.replace(t, control.SessionOptions{})
		}
	}
	equal(t, "output", got.String(), want)
	equal(t, "called", strings.Join(b.called, " "), strings.Join(whole.called, " "))
	equal(t, "log", b.takeLog(), whole.takeLog())
	if !b.Ended() {
		t.Error("has not ended")
	}
}

func TestReplaceInOverflow(t *testing.T) {
	o := control.SessionOptions{Limits: tiny()}
	b := newBench(o)
	b.Subscribe("units")
	b.Emit(strings.Repeat("x", 98))
	b.Emit("dropped")
	b = b.replace(t, o)
	b.Emit("dropped")
	equal(t, "output", b.read(), strings.Repeat("x", 98)+"\noverflow\n")
	if !b.Subscribed("units") {
		t.Error("has forgotten its topics")
	}
}

func TestReplaceTimeouts(t *testing.T) {
	b := newBench(control.SessionOptions{})
	b.talk("conn.event_timeout\t3\t7\n")
	b = b.replace(t, control.SessionOptions{})
	b.Emit("x")
	b.Blocked()
	if got := b.Deadline().Sub(b.now).Seconds(); got != 3 {
		t.Errorf("reset is in %v seconds", got)
	}
}

// The answer of the command that replaces the program comes from the next one.
func TestReplaceWithinACommand(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, "ok\tT\nafter\n"},
		{errors.New("it broke"), "error\tT\tit broke\tfailed\nafter\n"},
	} {
		b := newBench(control.SessionOptions{}, control.Command{Name: "upgrade", Run: func(c *control.Call) error {
			c.Later()
			return nil
		}})
		equal(t, "before", b.talk("proto\t2\nid\tT\tupgrade\techo\necho\tafter\n"), "proto\t2\n")
		b = b.replace(t, control.SessionOptions{})
		equal(t, "at first", b.talk(""), "")
		name, done := b.Resume()
		equal(t, "name", name, "upgrade")
		done(test.err)
		b.feed("")
		equal(t, "after", b.read(), test.want)
		if _, done := b.Resume(); done != nil {
			t.Error("still waits")
		}
	}
}

func TestReplaceEnded(t *testing.T) {
	b := newBench(control.SessionOptions{})
	b.CloseOutput()
	b.EndOfInput()
	b = b.replace(t, control.SessionOptions{})
	b.Emit("x")
	if !b.Ended() || len(b.Output()) > 0 {
		t.Error("lives again")
	}
}
