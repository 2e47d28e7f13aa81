package superserver

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sockbridge/control"
)

func TestReloadTellsWhatChanged(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s", "max_connections = 64"), "gone": talk("g"), "same": talk("e")})
	line(t, m.connect("s"))
	m.write(map[string]string{"talk": talk("s", "max_connections = 128"), "new": talk("n")})
	if err := os.Remove(m.path("conf.d/gone.toml")); err != nil {
		t.Fatal(err)
	}
	changes := [][]string{
		{"reload.change", "removed", "gone"},
		{"reload.change", "added", "new"},
		{"reload.change", "changed", "talk", "socket.max_connections: 64 → 128", "socket.max_connections_per_source: 16 → 32"},
	}
	dry := m.ask("reload", "dry-run")
	done := []string{"reload.done", "1", "kept=2", "opened=1", "closed=1", "connections_kept=1", "dry_run=true"}
	if diff := cmp.Diff(append(slices.Clone(changes), done), dry); diff != "" {
		t.Error(diff)
	}
	if _, err := m.dialUnit("n"); err == nil {
		t.Error("a rehearsal has opened a unit")
	}
	if got := line(t, m.connect("g")); got != "hello" {
		t.Errorf("after a rehearsal the unit that is to go says %q", got)
	}
	m.until("that client has left", func() bool { return len(m.ask("conn.list", "gone")) < 2 })
	done = []string{"reload.done", "2", "kept=2", "opened=1", "closed=1"}
	lines := m.ask("reload")
	if diff := cmp.Diff(changes, lines[:3]); diff != "" {
		t.Error(diff)
	}
	if got := lines[3]; !slices.Equal(got[:5], done) {
		t.Errorf("the end is %q", got)
	}
	if got := line(t, m.connect("n")); got != "hello" {
		t.Errorf("the new unit says %q", got)
	}
	m.refused(control.CodeNoSuchUnit, "unit.status", "gone")
	if lines := m.ask("reload"); len(lines) != 1 || lines[0][1] != "3" {
		t.Errorf("a reload of the same is %q", lines)
	}
}

func TestReloadThatFailsTellsWhere(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	m.write(map[string]string{"talk": talk("s", "acept = true"), "taken": talk("t")})
	m.listen("t")
	for _, command := range [][]string{{"reload", "dry-run"}, {"reload"}} {
		lines, err := m.Do(t.Context(), command...)
		if failed, ok := err.(*control.Error); !ok || failed.Code != control.CodeFailed { //nolint:errorlint // as it comes
			t.Errorf("%q: %v", command, err)
		}
		want := []string{"reload.failed", m.path("conf.d/talk.toml"), "5", `unknown key "acept" in [socket]; did you mean "accept"?`}
		if diff := cmp.Diff([][]string{want}, lines); diff != "" {
			t.Error(diff)
		}
	}
	m.write(map[string]string{"talk": talk("s")})
	lines, _ := m.Do(t.Context(), "reload")
	if len(lines) != 1 || lines[0][1] != m.path("conf.d/taken.toml") || lines[0][2] != "3" || !strings.Contains(lines[0][3], "address already in use") {
		t.Errorf("a taken address is told as %q", lines)
	}
	if got := valuesOf(m.ask("info")[0])["generation"]; got != "1" {
		t.Errorf("generation is %s", got)
	}
}

// What an operator has ordered holds across a reload, whatever changes.
func TestReloadKeepsStandings(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"a": talk("a"), "b": talk("b"), "c": talk("c"), "d": talk("d")})
	m.ask("unit.pause", "a")
	m.ask("unit.drain", "b")
	m.ask("unit.stop", "c")
	check := func(when string) {
		t.Helper()
		for unit, want := range map[string]string{"a": "paused", "b": "draining", "c": "stopped", "d": stateListening} {
			if word, _ := m.state(unit); word != want {
				t.Errorf("%s %s is %s, want %s", when, unit, word, want)
			}
		}
		if got := line(t, m.connect("b")); got == "hello" {
			t.Errorf("%s a client of a unit that drains is served", when)
		}
		if _, err := m.dialUnit("c"); err == nil {
			t.Errorf("%s a stopped unit takes clients", when)
		}
	}
	m.ask("reload")
	check("after a reload without changes")
	changed := map[string]string{}
	for _, unit := range []string{"a", "b", "c", "d"} {
		changed[unit] = talk(unit, "max_connections = 7")
	}
	m.write(changed)
	m.ask("reload")
	check("after a reload with changes")
	for _, unit := range []string{"a", "b", "c", "d"} {
		m.ask("unit.start", unit)
		if got := line(t, m.connect(unit)); got != "hello" {
			t.Errorf("%s says %q", unit, got)
		}
		if _, values := m.state(unit); values["limit"] != "7" {
			t.Errorf("%s has limit %s", unit, values["limit"])
		}
	}
}

// A unit that changes from one way of serving to the other stays paused.
func TestReloadKeepsPausedWhoeverServes(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	m.ask("unit.pause", "talk")
	m.write(map[string]string{"talk": wait(t, "s")})
	m.ask("reload")
	c := m.connect("s")
	m.until("the client waits", func() bool {
		word, values := m.state("talk")
		return word == "paused" && values["queue"] == "1" && values["mode"] == "wait"
	})
	m.ask("unit.resume", "talk")
	if got := line(t, c); !strings.HasPrefix(got, "pid ") {
		t.Errorf("the client reads %q", got)
	}
}

// Everybody who asks at once is answered, by as few reloads as do.
func TestReloadsAtOnce(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	var all sync.WaitGroup
	for i := range 20 {
		c := m.dial()
		all.Go(func() { // Wait waits for it
			command := []string{"reload", "dry-run"}[:1+i%2]
			if lines, err := c.Do(t.Context(), command...); err != nil || len(lines) != 1 || lines[0][0] != "reload.done" {
				t.Errorf("%q, %v", lines, err)
			}
		})
	}
	all.Wait()
}

func TestReloadTriesAgainWhatWasLeftOut(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s"), "late": strings.Replace(talk("l"), "[service]", "[servise]", 1)})
	m.untilState("late", "failed")
	m.write(map[string]string{"late": talk("l")})
	if lines := m.ask("reload"); find(lines, "reload.change", "added", "late") == nil {
		t.Errorf("the reload tells %q", lines)
	}
	m.untilState("late", stateListening)
}
