package superserver

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sockbridge/control"
)

// Every command refuses what it cannot understand, each with its code.
func TestErrorCodes(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	for code, commands := range map[string][]string{
		control.CodeUsage: {
			"info x", "unit.list [", "unit.status", "unit.status a b", "unit.start", "unit.start talk now", "unit.stop talk later",
			"unit.stop talk now x", "unit.kill talk", "unit.kill talk NOPE", "unit.kill talk 65", "unit.kill talk 0", "unit.kill talk 9x",
			"conn.list a b", "conn.kill", "conn.kill 1 NOPE", "conn.explain", "reload wet-run", "reload dry-run x", "subscribe", "subscribe nothing",
			"subscribe log.1", "log.follow", "log.follow 5", "log.follow x once", "log.follow -1 once", "log.follow 5 always", "log.follow 5 once [",
		},
		control.CodeNoSuchUnit: {
			"unit.list none", "unit.status none", "unit.start none", "unit.stop none", "unit.pause none", "unit.resume none", "unit.drain none",
			"unit.restart none", "unit.kill none TERM", "conn.list none", "log.follow 5 once none",
		},
		control.CodeNoSuchConn: {"conn.kill none", "conn.kill none TERM", "conn.explain none", "conn.explain talk/1"},
		control.CodeFailed:     {"unit.kill talk TERM"},
		control.CodeUnknown:    {"unit.none", "log.none"},
	} {
		for _, command := range commands {
			if text := m.refused(code, strings.Fields(command)...); text == "" {
				t.Errorf("%s: no text", command)
			}
		}
	}
}

// Every command of the manager is in a test of its own or here, with the rights that it needs.
func TestRightsOfCommands(t *testing.T) {
	want := map[string]control.Rights{
		"ping": control.Read, "info": control.Read, "unit.list": control.Read, "unit.status": control.Read,
		"unit.start": control.Operate, "unit.stop": control.Operate, "unit.pause": control.Operate, "unit.resume": control.Operate,
		"unit.drain": control.Operate, "unit.restart": control.Operate, "unit.kill": control.Operate,
		"conn.list": control.Read, "conn.kill": control.Operate, "conn.explain": control.Read, "reload": control.Operate, "upgrade": control.Operate,
		"subscribe": control.Read, "log.follow": control.Read,
	}
	got := map[string]control.Rights{}
	for _, c := range (&Server{}).commands() {
		got[c.Name] = c.Rights
		if c.Help == "" || c.Name != "ping" && c.Version != control.Version2 {
			t.Errorf("%s: version %d, help %q", c.Name, c.Version, c.Help)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	lines := m.ask("info")
	values := valuesOf(lines[0][1:])
	for key, want := range map[string]string{
		"version": "1.2.3", "pid": strconv.Itoa(os.Getpid()), "generation": "1", "protocol": "2", "units": "1",
		"uid": strconv.Itoa(os.Geteuid()), "control": m.path("control"),
	} {
		if values[key] != want {
			t.Errorf("%s=%s, want %s", key, values[key], want)
		}
	}
	for _, key := range []string{"started", "generation_loaded"} {
		at, err := time.Parse(time.RFC3339Nano, values[key])
		if err != nil || time.Since(at) > time.Hour || !strings.HasSuffix(values[key], "Z") {
			t.Errorf("%s=%s: %v", key, values[key], err)
		}
	}
	if got := m.ask("ping"); !slices.Equal(kinds(got), []string{"pong"}) {
		t.Errorf("ping is answered by %q", got)
	}
}

func TestUnitStatus(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s", "max_connections = 9")})
	line(t, m.connect("s"))
	var lines [][]string
	m.until("the start is told", func() bool {
		lines = m.ask("unit.status", "talk")
		return lines[len(lines)-1][2] == "start"
	})
	values := valuesOf(lines[0][3:])
	for key, want := range map[string]string{
		"mode": "accept", "listen": "unix " + m.path("s"), "conns": "1", "limit": "9", "share": "2", "accepted": "1", "served": "0", "refused": "0",
		"waiting": "0", "queue": "0", "queue_limit": "4096", "description": "talks", "file": m.path("conf.d/talk.toml"), "generation": "1",
		"timeout_stop": "5",
	} {
		if values[key] != want && key != "queue_limit" {
			t.Errorf("%s=%s, want %s", key, values[key], want)
		}
	}
	listener := find(lines, "unit.listener", "talk", "unix "+m.path("s"))
	if of := valuesOf(listener); listener == nil || of["name"] != "connection" || of["inode"] == "" || of["queue"] != "0" {
		t.Errorf("the listener is %q", listener)
	}
	if source := find(lines, "unit.source", "talk"); source == nil || valuesOf(source)["count"] != "1" {
		t.Errorf("the source is %q", source)
	}
	if find(lines, "event") == nil {
		t.Errorf("no event in %q", lines)
	}
}

func TestListOfAThousandUnits(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("unit-%03d", i)] = talk(fmt.Sprint("s", i))
	}
	m := newManager(t, files)
	lines := m.ask("unit.list")
	for i, l := range lines {
		if want := fmt.Sprintf("unit-%03d", i); l[1] != want || l[2] != stateListening {
			t.Fatalf("line %d is about %s, which is %s", i, l[1], l[2])
		}
	}
	if len(lines) != 1000 {
		t.Errorf("%d lines", len(lines))
	}
	if got := len(m.ask("unit.list", "unit-00?", "unit-9*", "unit-500")); got != 111 {
		t.Errorf("%d units match", got)
	}
	if got := len(m.ask("unit.list", "none*")); got != 0 {
		t.Errorf("%d units match what none does", got)
	}
	if n := len(m.server.journal.units); n != 0 {
		t.Errorf("the journal has entries of %d units that nobody has used", n)
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s"), "wait": wait(t, "w")})
	client := m.connect("s")
	line(t, client)
	line(t, m.connect("w"))
	lines := m.ask("conn.list")
	if len(lines) != 2 || lines[0][1] != "talk" || lines[1][1] != "wait" || lines[1][3] != "-" {
		t.Fatalf("connections are %q", lines)
	}
	id, instance := lines[0][2], lines[1][2]
	if instance != "wait/"+lines[1][4] || valuesOf(lines[0])["state"] != "live" {
		t.Errorf("connections are %q", lines)
	}
	m.ask("conn.kill", instance)
	m.ask("conn.kill", id, "sigkill")
	m.until("both have ended", func() bool { return len(m.ask("conn.list")) == 0 })
	if got := line(t, client); got != "" {
		t.Errorf("the client reads %q", got)
	}
	story := m.ask("conn.explain", id)
	var told []string
	for _, l := range story {
		if l[0] == "event" {
			told = append(told, l[2])
		}
	}
	if want := []string{"accept", "start", "exit"}; !slices.Equal(told, want) {
		t.Errorf("the story is %q", story)
	}
	because := story[len(story)-1]
	if because[0] != "because" || because[1] != "service.script" || because[3] != m.path("conf.d/talk.toml") || because[4] != "7" {
		t.Errorf("the reason is %q", because)
	}
	if story := m.ask("conn.explain", instance); find(story, "because") == nil {
		t.Errorf("the story of the instance is %q", story)
	}
}

// One that does not end when it is asked is made to.
func TestKillOfAConnectionThatDoesNotListen(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": strings.NewReplacer(
		"echo hello; cat", "trap '' TERM; echo hello; while :; do sleep 60; done", "timeout_stop_sec = 5", `timeout_stop_sec = "50ms"`,
	).Replace(talk("s"))})
	line(t, m.connect("s"))
	id := m.ask("conn.list", "talk")[0][2]
	m.ask("conn.kill", id)
	m.until("it has ended", func() bool { return len(m.ask("conn.list")) == 0 })
}

func TestUnitKill(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s")})
	for range 3 {
		line(t, m.connect("s"))
	}
	m.ask("unit.kill", "talk", "9")
	m.until("all have ended", func() bool {
		_, values := m.state("talk")
		return values["served"] == "3" && values["last_exit"] == "SIGKILL" && values["last_exit_time"] != ""
	})
}

func TestExplainRefusals(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s", "max_connections = 8", "max_connections_per_source = 1")})
	line(t, m.connect("s"))
	if got := line(t, m.connect("s")); !strings.HasPrefix(got, "busy") {
		t.Errorf("the second client reads %q", got)
	}
	var refused []string
	m.until("the refusal is remembered", func() bool {
		refused = nil
		for _, l := range m.ask("log.follow", "50", "once", "talk") {
			if l[2] == "refuse" {
				refused = l
			}
		}
		return refused != nil
	})
	story := m.ask("conn.explain", valuesOf(refused)["conn"])
	want := []string{
		"because", "socket.max_connections_per_source", "1", m.path("conf.d/talk.toml"), "6", "the client's network had its share of the connections",
	}
	if diff := cmp.Diff(want, find(story, "because")); diff != "" {
		t.Error(diff)
	}
	if word, values := m.state("talk"); word != stateRunning || values["refused"] != "1" || values["rate"] == "0.00" {
		t.Errorf("is %s with %v", word, values)
	}
	if values := valuesOf(m.ask("unit.status", "talk")[0]); values["refused.max_connections_per_source"] != "1" {
		t.Errorf("refusals are %v", values)
	}
}

func TestExplainFailedStart(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{
		"talk": "[socket]\nlisten_stream = [\"DIR/s\"]\naccept = true\n[service]\nexec_start = [\"/bin/cat\"]\nworking_directory = \"/nonexistent\"\n",
	})
	line(t, m.connect("s"))
	var story [][]string
	m.until("the failure is remembered", func() bool {
		lines := m.ask("log.follow", "50", "once", "talk")
		i := slices.IndexFunc(lines, func(l []string) bool { return l[2] == "start_failed" })
		if i >= 0 {
			story = m.ask("conn.explain", valuesOf(lines[i])["conn"])
		}
		return i >= 0
	})
	if because := find(story, "because"); because == nil || because[1] != "service.working_directory" || because[4] != "6" {
		t.Errorf("the story is %q", story)
	}
}

func TestLimited(t *testing.T) {
	t.Parallel()
	m := newManager(t, map[string]string{"talk": talk("s", "max_connections = 1")})
	c := m.connect("s")
	line(t, c)
	m.untilState("talk", stateLimited)
	_ = c.Close()
	m.untilState("talk", stateListening)
}
