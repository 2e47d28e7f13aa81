package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sockbridge/control"
)

// A bench is a session on the table: it is fed, read and driven in virtual time.
type bench struct {
	*control.Session
	now    time.Time
	log    []string
	woken  int
	called []string // what the command "call" was called with
}

func newBench(o control.SessionOptions, commands ...control.Command) *bench {
	b := &bench{now: time.Unix(1000, 0)}
	b.Session = control.NewSession(b.options(o, commands...))
	return b
}

// options completes options with what a bench observes.
func (b *bench) options(o control.SessionOptions, commands ...control.Command) control.SessionOptions {
	call := control.Command{Name: "call", Run: func(c *control.Call) error {
		b.called = append(b.called, fmt.Sprintf("%q", c.Args))
		return nil
	}}
	o.Commands = control.NewCommands(append(commands, call))
	o.Now = func() time.Time { return b.now }
	o.Log = func(level control.Level, text string) { b.log = append(b.log, level.String()+": "+text) }
	o.Wake = func() { b.woken++ }
	return o
}

// feed gives text to the session as it has room, running commands meanwhile, and returns what it did not take.
func (b *bench) feed(text string) string {
	for {
		text = text[b.Input([]byte(text)):]
		for b.Turn() {
		}
		if b.Room() == 0 || text == "" {
			return text
		}
	}
}

// read takes all output, as a peer does that reads.
func (b *bench) read() string {
	var all strings.Builder
	for {
		out := b.Output()
		if len(out) == 0 {
			return all.String()
		}
		all.Write(out)
		b.Wrote(len(out))
		for b.Turn() {
		}
	}
}

// talk is feed and read.
func (b *bench) talk(text string) string {
	var all strings.Builder
	for {
		rest := b.feed(text)
		all.WriteString(b.read())
		if rest == text || rest == "" {
			return all.String()
		}
		text = rest
	}
}

func (b *bench) takeLog() string {
	log := strings.Join(b.log, "\n")
	b.log = nil
	return log
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
