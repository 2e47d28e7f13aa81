package control_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sockbridge/control"
)

// A model is the queue of a session as the protocol describes it, as a list of lines.
type model struct {
	lines    []string // whole ones, behind what is left of the first
	overflow bool
	discard  bool // commands run on without output
	blocked  time.Time
	late     bool
	waiting  []string // commands that were sent and not begun
}

func (m *model) queued() int { return len(strings.Join(m.lines, "")) }

func (m *model) emit(text string) {
	line := text + "\n"
	switch {
	case m.overflow:
	case m.queued() == 0 || m.queued()+len(line) <= 100:
		m.lines = append(m.lines, line)
	default:
		m.overflow = true
	}
}

func (m *model) wrote(n int) {
	if n == 0 {
		return
	}
	m.blocked, m.late = time.Time{}, false
	for n > 0 {
		k := min(n, len(m.lines[0]))
		if m.lines[0] = m.lines[0][k:]; m.lines[0] == "" {
			m.lines = m.lines[1:]
		}
		n -= k
	}
	if len(m.lines) == 0 && m.overflow {
		m.overflow, m.discard = false, false
		m.emit("overflow")
	}
}

// input is how much of what was sent is held.
func (m *model) input() int {
	n := 0
	for _, c := range m.waiting {
		n += len("echo\t") + len(c) + 1
	}
	return n
}

// run executes what may be executed. Commands are of one length, so that the input is full or has room for one.
func (m *model) run() {
	for len(m.waiting) > 0 {
		if m.late && m.input() >= commandLength*inputCommands {
			m.overflow, m.discard = true, true
		}
		if m.queued() > 40 && !m.discard {
			return
		}
		m.emit(m.waiting[0])
		m.waiting = m.waiting[1:]
	}
}

const (
	commandLength = 16
	inputCommands = 4
)

func TestOutputModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limits := tiny()
		limits.Line = commandLength * inputCommands
		b := newBench(control.SessionOptions{Limits: limits})
		m := &model{}
		number := 0
		text := func() string {
			number++
			return fmt.Sprintf("%010d", number)
		}
		check := func() {
			m.run()
			for b.Turn() {
			}
			saved := b.Save()
			if got, want := string(saved.Output), strings.Join(m.lines, ""); got != want {
				t.Fatalf("queue is %q, want %q", got, want)
			}
			if saved.Overflow != m.overflow || saved.Running != m.discard || len(saved.Input) != m.input() {
				t.Fatalf("overflow %v, running %v, input %d; want %v, %v, %d",
					saved.Overflow, saved.Running, len(saved.Input), m.overflow, m.discard, m.input())
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { check() },
			"event": func(t *rapid.T) {
				line := text() + strings.Repeat("x", rapid.IntRange(0, 120).Draw(t, "length"))
				b.Emit(line)
				m.emit(line)
			},
			"command": func(t *rapid.T) {
				if b.Room() < commandLength {
					t.Skip("the input is full")
				}
				argument := text()
				b.Input([]byte("echo\t" + argument + "\n"))
				m.waiting = append(m.waiting, argument)
			},
			"write": func(t *rapid.T) {
				n := rapid.IntRange(0, len(b.Output())).Draw(t, "bytes")
				b.Wrote(n)
				m.wrote(n)
			},
			"block": func(*rapid.T) {
				b.Blocked()
				if m.blocked.IsZero() && m.queued() > 0 {
					m.blocked = b.now
				}
			},
			"wait": func(t *rapid.T) {
				b.now = b.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
				if !m.blocked.IsZero() && b.now.Sub(m.blocked) >= limits.Close {
					t.Skip("the session would end")
				}
				b.Expire()
				m.late = m.late || !m.blocked.IsZero() && b.now.Sub(m.blocked) >= limits.Reset
			},
		})
	})
}
