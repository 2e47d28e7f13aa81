package control_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"sockbridge/control"
)

// tiny makes queues overflow soon.
func tiny() control.Limits {
	l := control.Compatible
	l.Output, l.Begin = 100, 40
	return l
}

// A command is not begun unless at most Begin bytes are queued.
func TestCommandsWaitForRoom(t *testing.T) {
	b := newBench(control.SessionOptions{Limits: tiny()})
	b.feed("echo\t" + strings.Repeat("x", 39) + "\necho\ta\necho\tb\n")
	equal(t, "begun at 40 bytes, not at 42", string(b.Output()), strings.Repeat("x", 39)+"\na\n")
	if b.Turn() {
		t.Error("says that more could run")
	}
	b.Wrote(2)
	if b.Turn(); !bytes.HasSuffix(b.Output(), []byte("\na\nb\n")) {
		t.Errorf("not begun at 40 bytes: %q", b.Output())
	}
}

func TestOverflow(t *testing.T) {
	b := newBench(control.SessionOptions{Limits: tiny()})
	b.Emit(strings.Repeat("x", 98))
	b.Emit() // a line feed: the last byte of room
	b.Emit("dropped")
	b.Wrote(99)
	b.Emit("dropped until the queue is empty")
	equal(t, "whole lines that fit", string(b.Output()), "\n")
	b.Wrote(1)
	b.Emit("again")
	equal(t, "output", b.read(), "overflow\nagain\n")
}

// A peer that reads hears of a burst that is longer than the queue: it is flushed in between.
func TestFlushBeforeOverflow(t *testing.T) {
	var b *bench
	var written strings.Builder
	b = newBench(control.SessionOptions{Limits: tiny(), Flush: func() {
		written.Write(b.Output())
		b.Wrote(len(b.Output()))
	}})
	want := strings.Repeat("0123456789\n", 50)
	for range 50 {
		b.Emit("0123456789")
	}
	equal(t, "output", written.String()+b.read(), want)
}

// A flush that finds out that nobody reads, or that emits, is met within Emit.
func TestFlushChangesTheSession(t *testing.T) {
	var b *bench
	b = newBench(control.SessionOptions{Limits: tiny(), Flush: func() { b.CloseOutput() }})
	b.Emit(strings.Repeat("x", 98))
	b.Emit("more")
	equal(t, "output", b.read(), "")

	b = newBench(control.SessionOptions{Extended: tiny(), Flush: func() {
		b.Wrote(len(b.Output()))
		b.Emit("inner")
	}})
	b.talk("proto\t2\nseq\ton\n")
	b.Emit(strings.Repeat("x", 95))
	b.Emit("outer")
	equal(t, "output", b.read(), "2\tinner\n3\touter\n")
}

// An event that is longer than the queue goes when nothing else waits.
func TestLongEvent(t *testing.T) {
	b := newBench(control.SessionOptions{Limits: tiny()})
	b.Emit(strings.Repeat("x", 5000))
	b.Emit("dropped")
	equal(t, "output", b.read(), strings.Repeat("x", 5000)+"\noverflow\n")
	b.Emit("short")
	b.Emit(strings.Repeat("x", 5000))
	equal(t, "behind another", b.read(), "short\noverflow\n")
}

// Each write is whole lines, of at most as many bytes as a pipe takes at once.
func TestOutputIsWholeLines(t *testing.T) {
	b := newBench(control.SessionOptions{})
	lengths := []int{1, 4094, 4095, 4096, 10, 9000, 5, 2000, 2000, 2000}
	for _, n := range lengths {
		b.Emit(strings.Repeat("x", n))
	}
	var writes []int
	for len(b.Output()) > 0 {
		out := b.Output()
		if !bytes.HasSuffix(out, []byte("\n")) || len(out) > 4096 && bytes.Count(out, []byte("\n")) > 1 {
			t.Errorf("a write of %d bytes with %d lines", len(out), bytes.Count(out, []byte("\n")))
		}
		writes = append(writes, len(out))
		b.Wrote(len(out))
	}
	if len(writes) != 8 {
		t.Errorf("writes are %d", writes)
	}
}

func TestResetTimeout(t *testing.T) {
	b := newBench(control.SessionOptions{Number: 5, Limits: tiny()})
	if !b.Deadline().IsZero() {
		t.Error("has a deadline before anything is blocked")
	}
	b.Emit(strings.Repeat("x", 60))
	b.Blocked()
	b.now = b.now.Add(14 * time.Second)
	b.Blocked() // the first one counts
	b.Expire()
	equal(t, "log before", b.takeLog(), "")
	b.now = b.now.Add(time.Second)
	if b.Deadline() != b.now {
		t.Errorf("deadline is at %v, not %v", b.Deadline(), b.now)
	}
	b.Expire()
	b.Expire()
	equal(t, "log", b.takeLog(), "warning: controller 5 blocked pipe for 15 seconds")

	b.feed("call\n")
	if len(b.called) != 0 {
		t.Error("a command runs although there is room in the input")
	}
	b.feed(strings.Repeat("call\n", 300))
	if len(b.called) == 0 {
		t.Error("no command runs although the input is full")
	}
	b.feed("echo\tdiscarded\n")
	out := b.read()
	equal(t, "output", out, strings.Repeat("x", 60)+"\noverflow\n")
	if !b.Deadline().IsZero() {
		t.Error("has a deadline although the peer has read")
	}
	equal(t, "afterwards", b.talk("echo\ta\n"), "a\n")
}

// Progress resets the clock.
func TestProgressResetsTheClock(t *testing.T) {
	b := newBench(control.SessionOptions{Limits: tiny()})
	b.Emit(strings.Repeat("x", 60))
	b.Blocked()
	b.now = b.now.Add(14 * time.Second)
	b.Wrote(1)
	if !b.Deadline().IsZero() {
		t.Error("has a deadline")
	}
	b.Blocked()
	b.now = b.now.Add(14 * time.Second)
	b.Expire()
	equal(t, "log", b.takeLog(), "")
}

// Overflow by broadcasts alone does not cost a command its answer: it waits.
func TestOverflowKeepsCommandsWaiting(t *testing.T) {
	b := newBench(control.SessionOptions{Limits: tiny()})
	for range 10 {
		b.Emit("01234567890123456789")
	}
	b.feed("echo\tanswer\n")
	out := b.read()
	if !strings.HasSuffix(out, "\noverflow\nanswer\n") {
		t.Errorf("output is %q", out)
	}
}

func TestCloseTimeout(t *testing.T) {
	b := newBench(control.SessionOptions{Number: 5})
	b.Emit("x")
	b.Blocked()
	b.now = b.now.Add(15 * time.Second)
	b.Expire()
	b.now = b.now.Add(15 * time.Second)
	if b.Deadline() != b.now || b.Ended() {
		t.Error("deadline is not that of the close timeout")
	}
	b.Expire()
	if !b.Ended() || b.Room() != 0 || b.Turn() || !b.Deadline().IsZero() {
		t.Error("has not ended")
	}
	b.Emit("nobody hears")
	equal(t, "log", b.takeLog(), "warning: controller 5 blocked pipe for 15 seconds\nerror: controller 5 blocked pipe for 30 seconds, closing connection")
}

func TestBothTimeoutsAtOnce(t *testing.T) {
	b := newBench(control.SessionOptions{})
	b.talk("conn.event_timeout\t0\t0\n")
	b.Emit("x")
	b.Blocked()
	b.Expire()
	if !b.Ended() {
		t.Error("has not ended")
	}
}

func TestMute(t *testing.T) {
	b := newBench(control.SessionOptions{Mute: true, Limits: tiny()})
	equal(t, "output", b.talk(strings.Repeat("echo\t0123456789\n", 100)+"call\n"), "")
	if len(b.called) != 1 {
		t.Error("commands are not run")
	}
}

// When nobody reads any more, commands are still executed.
func TestCloseOutput(t *testing.T) {
	b := newBench(control.SessionOptions{Limits: tiny()})
	b.Emit(strings.Repeat("x", 60))
	b.Emit(strings.Repeat("x", 60))
	b.Blocked()
	b.feed("call\n")
	b.CloseOutput()
	for b.Turn() {
	}
	b.EndOfInput()
	if len(b.called) != 1 || len(b.Output()) > 0 || !b.Deadline().IsZero() || !b.Ended() {
		t.Errorf("called %q, output %q, ended %v", b.called, b.Output(), b.Ended())
	}
}

// What id asked for is not lost behind an event that fills the queue: it waits for room.
func TestAnswerWaitsForRoom(t *testing.T) {
	wide := control.Command{Name: "wide", Run: func(c *control.Call) error {
		c.Emit(strings.Repeat("x", 500))
		if len(c.Args) > 0 {
			return &control.Error{Text: c.Args[0], Code: control.CodeBusy}
		}
		return nil
	}}
	x := strings.Repeat("x", 500) + "\n"
	for _, test := range []struct{ input, output string }{
		{"id\tT\twide\necho\ta\n", x + "ok\tT\na\n"},
		{"id\tT\twide\tno\necho\ta\n", x + "error\tT\tno\tbusy\na\n"},
	} {
		b := newBench(control.SessionOptions{Extended: tiny()}, wide)
		b.talk("proto\t2\n")
		b.feed(test.input)
		equal(t, "output", b.read(), test.output)

		b = newBench(control.SessionOptions{Extended: tiny()}, wide)
		b.talk("proto\t2\n")
		b.feed(test.input)
		b = b.replace(t, control.SessionOptions{Extended: tiny()})
		if _, done := b.Resume(); done != nil {
			t.Error("the command's end is asked for again")
		}
		equal(t, "output of a successor", b.read(), test.output)
	}
}
