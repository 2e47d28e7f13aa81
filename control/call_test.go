package control_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"sockbridge/control"
)

// A script is a command "run" whose course a test decides.
func scripted(run func(c *control.Call) error) *bench {
	b := newBench(control.SessionOptions{Limits: tiny(), Extended: tiny()}, control.Command{Name: "run", Run: run})
	b.talk("proto\t2\n")
	return b
}

// count streams lines with the numbers below n.
func count(c *control.Call, prefix string, n int) {
	i := 0
	c.Stream(func() bool {
		if i < n {
			c.Emit(prefix + strconv.Itoa(i))
			i++
		}
		return i < n
	})
}

func TestStream(t *testing.T) {
	b := scripted(func(c *control.Call) error {
		count(c, "line ", 1000)
		return nil
	})
	b.feed("id\tT\trun\necho\tnext\n")
	if got := len(b.Output()); got < 40 || got > 48 {
		t.Errorf("%d bytes are queued while nobody reads", got)
	}
	got := strings.Split(b.read(), "\n")
	if len(got) != 1003 || got[999] != "line 999" || got[1000] != "ok\tT" || got[1001] != "next" {
		t.Errorf("%d lines, at the end %q", len(got), got[len(got)-3:])
	}
}

// Others have their turn while a stream runs that fills no queue.
func TestStreamIsBoundedInATurn(t *testing.T) {
	steps := 0
	b := scripted(func(c *control.Call) error {
		c.Stream(func() bool {
			steps++
			return steps < 1000
		})
		return nil
	})
	b.Input([]byte("run\n"))
	if again := b.Turn(); !again || steps == 0 || steps > 300 {
		t.Errorf("%d steps, again %v", steps, again)
	}
	b.feed("")
	if steps != 1000 {
		t.Errorf("%d steps", steps)
	}
}

func TestStreamsOneAfterAnother(t *testing.T) {
	b := scripted(func(c *control.Call) error {
		count(c, "a", 2)
		once := true
		c.Stream(func() bool {
			if once {
				once = false
				count(c, "inner", 2)
			}
			return false
		})
		count(c, "b", 2)
		return nil
	})
	equal(t, "output", b.talk("id\tT\trun\n"), "a0\na1\nb0\nb1\ninner0\ninner1\nok\tT\n")
}

// With its output discarded a stream comes to its end.
func TestStreamOfMute(t *testing.T) {
	b := scripted(func(c *control.Call) error {
		count(c, "", 5000)
		return nil
	})
	b.CloseOutput()
	b.feed("run\ncall\n")
	if len(b.called) != 1 {
		t.Error("the command behind the stream did not run")
	}
}

func TestLater(t *testing.T) {
	var done func(error)
	b := scripted(func(c *control.Call) error {
		done = c.Later()
		c.Emit("begun")
		return nil
	})
	equal(t, "at first", b.talk("id\tT\trun\necho\tnext\n"), "begun\n")
	b.EndOfInput()
	if b.Turn() || b.Ended() {
		t.Error("goes on without done")
	}
	done(nil)
	if b.woken != 1 {
		t.Errorf("woken %d times", b.woken)
	}
	b.feed("")
	equal(t, "after done", b.read(), "ok\tT\nnext\n")
	done(errors.New("a second time does nothing"))
	equal(t, "at last", b.read(), "")
	if !b.Ended() {
		t.Error("has not ended")
	}
}

func TestLaterFails(t *testing.T) {
	var done func(error)
	b := scripted(func(c *control.Call) error {
		done = c.Later()
		return nil
	})
	b.talk("run\n")
	done(&control.Error{Text: "not in time", Code: control.CodeTimeout})
	equal(t, "output", b.read(), "error\tnot in time, for command \"run\"\ttimeout\n")
}

func TestLaterDoneDuringRun(t *testing.T) {
	b := scripted(func(c *control.Call) error {
		c.Later()(nil)
		c.Emit("still running")
		return nil
	})
	equal(t, "output", b.talk("id\tT\trun\n"), "still running\nok\tT\n")
}

func TestLaterTwice(t *testing.T) {
	var first, second func(error)
	b := scripted(func(c *control.Call) error {
		first, second = c.Later(), c.Later()
		return nil
	})
	b.talk("id\tT\trun\n")
	first(errors.New("the first error"))
	first(nil)
	equal(t, "after one", b.read(), "")
	second(errors.New("the second error"))
	equal(t, "after both", b.read(), "error\tT\tthe first error\tfailed\n")
}

// What comes later may have much to say: it streams, and then is done.
func TestStreamAfterLater(t *testing.T) {
	var done func(error)
	var call *control.Call
	b := scripted(func(c *control.Call) error {
		call, done = c, c.Later()
		return nil
	})
	b.talk("id\tT\trun\n")
	count(call, "", 100)
	done(nil)
	b.feed("")
	lines := strings.Split(b.read(), "\n")
	if len(lines) != 102 || lines[100] != "ok\tT" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	call.Stream(func() bool {
		t.Error("a stream runs after the command's end")
		return false
	})
	b.feed("")
}

func TestLaterWithinStream(t *testing.T) {
	var done func(error)
	b := scripted(func(c *control.Call) error {
		c.Stream(func() bool {
			done = c.Later()
			return false
		})
		return nil
	})
	equal(t, "at first", b.talk("id\tT\trun\n"), "")
	done(nil)
	equal(t, "after done", b.read(), "ok\tT\n")
}

// An error of Run drops what it has put off.
func TestErrorOfRun(t *testing.T) {
	var done func(error)
	b := scripted(func(c *control.Call) error {
		done = c.Later()
		count(c, "", 3)
		return errors.New("changed my mind")
	})
	equal(t, "output", b.talk("id\tT\trun\n"), "error\tT\tchanged my mind\tfailed\n")
	done(nil)
	equal(t, "after done", b.read(), "")
}

// The fields belong to the command, which may keep them.
func TestArgsMayBeKept(t *testing.T) {
	var kept [][]string
	b := scripted(func(c *control.Call) error {
		kept = append(kept, c.Args)
		return nil
	})
	b.talk("run\ta\tb\nrun\tc\td\n")
	if kept[0][0] != "a" || kept[0][1] != "b" || kept[1][0] != "c" {
		t.Errorf("kept %q", kept)
	}
}

func TestRaw(t *testing.T) {
	var raw string
	b := scripted(func(c *control.Call) error {
		raw = c.Raw + "|" + c.Name
		return nil
	})
	b.talk("id\tT\trun\ta\\tb\n")
	equal(t, "raw", raw, "id\tT\trun\ta\\tb|run")
}

func TestTopicsAndData(t *testing.T) {
	b := newBench(control.SessionOptions{Number: 4, UID: 5, Rights: control.Read})
	b.Subscribe("units", "conns")
	b.Subscribe("units")
	b.SetData("mine")
	if got := strings.Join(b.Topics(), " "); got != "conns units" || !b.Subscribed("conns") || b.Subscribed("events") {
		t.Errorf("topics are %q", got)
	}
	if b.Data() != "mine" || b.Number() != 4 || b.UID() != 5 || b.Rights() != control.Read || b.Version() != control.Version1 {
		t.Error("the session has forgotten what it was given")
	}
}

func TestLeave(t *testing.T) {
	b := newBench(control.SessionOptions{})
	b.feed("echo\ta\n")
	b.Leave()
	b.feed("echo\tb\n")
	if b.Ended() {
		t.Error("has ended before its output was written")
	}
	equal(t, "output", b.read(), "a\n")
	if !b.Ended() {
		t.Error("has not ended")
	}
}
