package superserver

import (
	"errors"
	"strings"
	"testing"

	"sockbridge/control"
)

// The table says of each state what each order leads to.
func TestAdministrationIsComplete(t *testing.T) {
	for from := range standings {
		for o := range orders {
			v := administration[from][o]
			switch v.do {
			case stepNone, stepRefuse, stepEnd:
				if v.next != from && (from != failed || v.next != stopped) {
					t.Errorf("%s, %s: comes to %s without anything being done", from, o, v.next)
				}
			case stepClose, stepCloseEnd:
				if !from.open() || v.next != stopped {
					t.Errorf("%s, %s: closes and is %s", from, o, v.next)
				}
			case stepOpen:
				if from.open() || v.next != active {
					t.Errorf("%s, %s: opens and is %s", from, o, v.next)
				}
			case stepApply, stepApplyEnd:
				if !from.open() || !v.next.open() || v.next == from {
					t.Errorf("%s, %s: applies %s", from, o, v.next)
				}
			case stepRestart:
				if v.next != from {
					t.Errorf("%s, %s: restarts and is %s", from, o, v.next)
				}
			}
		}
		if v := administration[from][orderStart]; v.next != active {
			t.Errorf("%s: start leads to %s", from, v.next)
		}
		if v := administration[from][orderStop]; v.next != stopped {
			t.Errorf("%s: stop leads to %s", from, v.next)
		}
	}
}

// bring makes a unit have a standing.
func bring(m *manager, to standing) {
	m.t.Helper()
	m.ask("unit.start", "talk")
	switch to {
	case paused:
		m.ask("unit.pause", "talk")
	case draining:
		m.ask("unit.drain", "talk")
	case stopped:
		m.ask("unit.stop", "talk")
	case active, failed, standings:
	}
}

// Every cell of the table of those who come by orders, with a real unit.
func TestEveryOrderInEveryStanding(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	for from := active; from <= stopped; from++ {
		for o := range orders {
			bring(m, from)
			v := administration[from][o]
			command := append([]string{"unit."}, strings.Fields(o.String())...)
			fields := append([]string{command[0] + command[1], "talk"}, command[2:]...)
			if v.do == stepRefuse {
				m.refused(control.CodeNotListening, fields...)
			} else {
				m.ask(fields...)
			}
			want := v.next.String()
			if v.next == active {
				want = stateListening
			}
			if word, values := m.state("talk"); word != want || values["reason"] != "" {
				t.Errorf("%s, %s: is %s, want %s", from, o, word, want)
			}
		}
	}
}

func TestPauseKeepsClientsWaiting(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	m.ask("unit.pause", "talk")
	c := m.connect("s")
	m.until("the client waits", func() bool {
		word, values := m.state("talk")
		return word == "paused" && values["queue"] == "1" && values["accepted"] == "0"
	})
	m.ask("unit.resume", "talk")
	if got := line(t, c); got != "hello" {
		t.Errorf("after resume the client reads %q", got)
	}
	m.untilState("talk", stateRunning)
}

func TestDrainRefusesAndLetsFinish(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	old := m.connect("s")
	if got := line(t, old); got != "hello" {
		t.Fatalf("the client reads %q", got)
	}
	m.ask("unit.drain", "talk")
	if got := line(t, m.connect("s")); got == "hello" {
		t.Error("a new client is served")
	}
	if _, err := old.Write([]byte("still\n")); err != nil {
		t.Fatal(err)
	}
	if got := line(t, old); got != "still" {
		t.Errorf("the old client reads %q", got)
	}
	word, values := m.state("talk")
	if word != "draining" || values["conns"] != "1" || values["refused"] != "1" {
		t.Errorf("is %s with %v", word, values)
	}
	m.ask("unit.drain", "talk", "now")
	m.until("the old client is gone", func() bool {
		_, values := m.state("talk")
		return values["conns"] == "0" && values["served"] == "1"
	})
	m.ask("unit.start", "talk")
	if got := line(t, m.connect("s")); got != "hello" {
		t.Errorf("after start the client reads %q", got)
	}
}

func TestStopClosesAndLetsFinish(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s"), "other": talk("o")})
	old := m.connect("s")
	line(t, old)
	m.ask("unit.stop", "talk")
	if _, err := m.dialUnit("s"); err == nil {
		t.Error("a stopped unit takes clients")
	}
	if got := line(t, m.connect("o")); got != "hello" {
		t.Errorf("the other unit says %q", got)
	}
	if lines := m.ask("conn.list", "talk"); len(lines) != 1 {
		t.Errorf("the connections of the stopped unit are %q", lines)
	}
	m.ask("unit.start", "talk")
	if got := line(t, m.connect("s")); got != "hello" {
		t.Errorf("after start the client reads %q", got)
	}
	m.ask("unit.stop", "talk", "now")
	m.until("nothing is left, and nothing forgotten", func() bool {
		word, values := m.state("talk")
		return word == "stopped" && values["conns"] == "0" && values["accepted"] == "2" && values["served"] == "2"
	})
	if got := line(t, old); got != "" {
		t.Errorf("the old client reads %q", got)
	}
}

// A service that accepts by itself holds the socket: a start after a stop waits for its end.
func TestStartWaitsForInstancesThatHoldTheAddress(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"wait": wait(t, "s")})
	first := line(t, m.connect("s"))
	m.ask("unit.stop", "wait")
	m.ask("unit.start", "wait")
	second := line(t, m.connect("s"))
	if !strings.HasPrefix(first, "pid ") || !strings.HasPrefix(second, "pid ") || first == second {
		t.Errorf("served by %q, then by %q", first, second)
	}
}

func TestRestartEndsInstancesAndKeepsListeners(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"wait": wait(t, "s")})
	first := line(t, m.connect("s"))
	m.untilState("wait", stateRunning)
	if _, values := m.state("wait"); values["mode"] != "wait" || values["starts"] != "1" || values["conns"] != "1" {
		t.Errorf("state is %v", values)
	}
	m.ask("unit.restart", "wait")
	m.untilState("wait", stateListening)
	if second := line(t, m.connect("s")); first == second {
		t.Errorf("served by %q again", second)
	}
}

// A unit that was left out says why, and can be started when the reason is gone.
func TestFailedUnitCanBeStarted(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{
		"talk": talk("o"), "taken": strings.Replace(talk("x"), "DIR/x", "/dev/null/x", 1), "bad": strings.Replace(talk("b"), "accept", "acept", 1),
	})
	word, values := m.state("taken")
	if word != "failed" || !strings.Contains(values["reason"], "/dev/null/x") {
		t.Errorf("is %s because of %q", word, values["reason"])
	}
	if word, values := m.state("bad"); word != "failed" || !strings.Contains(values["reason"], `unknown key "acept"`) || values["file"] != m.path("conf.d/bad.toml") {
		t.Errorf("is %s because of %q, file %s", word, values["reason"], values["file"])
	}
	for _, unit := range []string{"taken", "bad"} {
		m.refused(control.CodeFailed, "unit.start", unit)
		m.refused(control.CodeNotListening, "unit.pause", unit)
	}
	m.ask("unit.stop", "taken")
	if word, values := m.state("taken"); word != "stopped" || values["reason"] != "" {
		t.Errorf("is %s because of %q", word, values["reason"])
	}
}

func TestStartTellsWhoHasTheAddress(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	m.ask("unit.stop", "talk")
	other := m.listen("s")
	if text := m.refused(control.CodeFailed, "unit.start", "talk"); !strings.Contains(text, "address already in use") || !strings.Contains(text, "pid") {
		t.Errorf("start is refused with %q", text)
	}
	m.untilState("talk", "failed")
	_ = other.Close()
	m.ask("unit.start", "talk")
	m.untilState("talk", stateListening)
}

// While a start waits for instances that do not end nothing else can be ordered but a stop, which ends the waiting.
func TestStopEndsAStartThatWaits(t *testing.T) {
	t.Parallel()
	stubborn := strings.Replace(wait(t, "s"), `"accept"`, `"stubborn"`, 1) + "timeout_stop_sec = \"infinity\"\n"
	m := newManager(t, map[string]string{"wait": stubborn})
	line(t, m.connect("s"))
	m.ask("unit.stop", "wait")
	starter := m.dial()
	started := make(chan error, 1)
	go func() { // the test waits for what it sends
		_, err := starter.Do(t.Context(), "unit.start", "wait")
		started <- err
	}()
	m.until("the start waits", func() bool {
		_, err := m.Do(t.Context(), "unit.restart", "wait")
		failed, _ := errors.AsType[*control.Error](err)
		return failed != nil && failed.Code == control.CodeBusy
	})
	m.ask("unit.stop", "wait")
	if failed, _ := errors.AsType[*control.Error](<-started); failed == nil || failed.Code != control.CodeFailed {
		t.Errorf("the start ends with %v", failed)
	}
	m.ask("unit.stop", "wait", "now")
	m.until("it has ended", func() bool { return len(m.ask("conn.list")) == 0 })
	m.ask("unit.start", "wait")
	if got := line(t, m.connect("s")); !strings.HasPrefix(got, "pid ") {
		t.Errorf("after a start the client reads %q", got)
	}
	m.ask("unit.kill", "wait", "KILL")
}

// Who asks a manager that is being stopped is told so, also who has asked before.
func TestOrdersWhileStopping(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	c := m.connect("s")
	line(t, c)
	m.cancel()
	m.until("the manager stops", func() bool {
		word, _ := m.state("talk")
		return word == "stopped"
	})
	m.refused(control.CodeBusy, "unit.start", "talk")
	m.refused(control.CodeBusy, "reload")
	if lines := m.ask("conn.list"); len(lines) != 1 {
		t.Errorf("connections are %q", lines)
	}
	_ = c.Close()
}
