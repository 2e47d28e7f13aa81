package main

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"

	"sockbridge/control"
)

// A stage is a manager whose units change as they are asked about: each question takes the next state.
type stage struct {
	mu    sync.Mutex
	plays map[string][][]string // answers by command, one after the other; the last stays
	asked []string              // commands
}

func (s *stage) listen(t *testing.T) string {
	t.Helper()
	return listen(t, func(conn net.Conn) {
		defer conn.Close() //nolint:errcheck // the client has what it wanted
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			if _, err := conn.Write(s.answer(lines.Bytes())); err != nil {
				return
			}
		}
	})
}

func (s *stage) answer(line []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := script{}
	fields, err := control.Version2.Split(line)
	if err == nil && len(fields) > 2 {
		command := strings.Join(fields[2:], " ")
		s.asked = append(s.asked, command)
		if play := s.plays[command]; len(play) > 0 {
			now[command] = play[0]
			s.plays[command] = play[min(1, len(play)-1):]
		}
	}
	return now.answer(line)
}

func stateLine(unit, state string, more ...string) []string {
	return []string{strings.Join(append([]string{"unit.state", unit, state, "mode=accept"}, more...), "\t")}
}

func TestOrders(t *testing.T) {
	subscribed := [][]string{{}}
	live := []string{"conn.state\tweb\t7\t192.0.2.1:9\t77\tsince=2026-11-21T14:02:10Z\tstate=live"}
	for _, c := range []struct {
		name, args string
		plays      map[string][][]string
		status     int
		out, err   string
	}{
		{
			name: "start is done when clients are taken", args: "start web", out: "started web\n",
			plays: map[string][][]string{"unit.start web": {{}}, "unit.status web": {stateLine("web", "listening")}},
		},
		{
			name: "start tells why a unit failed", args: "start web", status: exitFailed, err: "unit web failed: port 80 is taken",
			plays: map[string][][]string{"unit.start web": {{}}, "unit.status web": {stateLine("web", "failed", "reason=port 80 is taken")}},
		},
		{
			name: "stop waits for connections", args: "stop web", out: "stopped web\n",
			plays: map[string][][]string{"unit.stop web": {{}}, "unit.status web": {
				stateLine("web", "stopped", "conns=2"), append(stateLine("other", "stopped"), stateLine("web", "stopped", "conns=0")...),
			}},
		},
		{
			name: "stop gives up after its time", args: "stop web --timeout 10ms", status: exitTimedOut,
			err:   "web is still stopped with 2 connections after 0.01s",
			plays: map[string][][]string{"unit.stop web": {{}}, "unit.status web": {stateLine("web", "stopped", "conns=2")}},
		},
		{
			name: "stop --now", args: "stop --now web", out: "stopped web\n",
			plays: map[string][][]string{"unit.stop web now": {{}}, "unit.status web": {stateLine("web", "stopped", "conns=0")}},
		},
		{
			name: "--no-wait", args: "stop web --no-wait", out: "asked to stop web\n",
			plays: map[string][][]string{"unit.stop web": {{}}},
		},
		{
			name: "restart waits for what ran", args: "restart web", out: "restarted web\n",
			plays: map[string][][]string{
				"unit.restart web": {{}}, "unit.status web": {stateLine("web", "running")},
				"conn.list web": {
					{"conn.state\tweb\tweb/7\t-\t7"}, {"conn.state\tweb\tweb/7\t-\t7"}, {"conn.state\tweb\tweb/8\t-\t8"},
				},
			},
		},
		{
			name: "pause and resume", args: "pause web", out: "paused web\n",
			plays: map[string][][]string{"unit.pause web": {{}}, "unit.status web": {stateLine("web", "paused")}},
		},
		{
			name: "one that fails does not keep others from it", args: "resume none web", status: exitNoSuchUnit, out: "resumed web\n",
			err: "no such unit: none",
			plays: map[string][][]string{
				"unit.resume none": {{"error\tno such unit: none\tno_such_unit"}}, "unit.list": {stateLine("web", "paused")},
				"unit.resume web": {{}}, "unit.status web": {stateLine("web", "listening")},
			},
		},
		{
			name: "drain", args: "drain web", out: "drained 1 unit\n",
			plays: map[string][][]string{"unit.drain web": {{}}, "unit.status web": {stateLine("web", "draining", "conns=1"), stateLine("web", "draining")}},
		},
		{
			name: "drain lists what is left", args: "drain --timeout 10ms", status: exitTimedOut, err: "1 connection left after 0.01s",
			out: "UNIT  ID  PEER         PID   AGE  STATE\nweb   7   192.0.2.1:9   77  4.6s  live\n",
			plays: map[string][][]string{
				"unit.list *": {append(stateLine("web", "running"), stateLine("off", "stopped")...)}, "unit.drain web": {{}},
				"unit.status web": {stateLine("web", "draining", "conns=1")}, "conn.list web": {live},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.plays["subscribe units"] = subscribed
			s := &stage{plays: c.plays}
			r := try(t, s.listen(t), strings.Fields(c.args)...)
			if r.status != c.status || r.out != c.out || !strings.Contains(r.err, c.err) || (c.err == "") != (r.err == "") {
				t.Errorf("%+v\nasked %q", r, s.asked)
			}
		})
	}
}

func TestReload(t *testing.T) {
	s := script{"reload": {"reload.failed\tconf.d/web.toml\t7\tunknown key \"bogus\"", "error\tthe configuration has errors; nothing was changed\tfailed"}}
	try(t, serveScript(t, s), "reload").expect(t, exitFailed,
		"conf.d/web.toml:7: error: unknown key \"bogus\"\nsockbridge: error: .*nothing was changed\nsockbridge: hint: .*\n")
	gone := &stage{plays: map[string][][]string{
		"reload": {{"reload.change\tREMOVED\tweb", "reload.done\t2\tkept=0\topened=0\tclosed=1\tconnections_kept=1"}}, "subscribe units conns": {{}},
		"conn.list": {{"conn.state\tweb\t7\t192.0.2.1:9\t77"}, {"conn.state\tother\t8\t192.0.2.1:9\t78"}},
	}}
	r := try(t, gone.listen(t), "reload", "--wait")
	if r.status != exitOK || r.out != "generation 2: - web\nlisteners kept 0, opened 0, closed 1; connections kept 1, lost 0\n" {
		t.Errorf("%+v", r)
	}
}

func TestUpgrade(t *testing.T) {
	s := &stage{plays: map[string][][]string{
		"info": {{"info\tversion=1\tpid=40"}, {"info\tversion=2\tpid=40"}}, "upgrade": {{}}, "upgrade /usr/bin/new": {{}},
	}}
	if r := try(t, s.listen(t), "upgrade"); r.out != "upgraded process 40 from version 1 to 2\n" || r.status != exitOK {
		t.Errorf("%+v", r)
	}
	if r := try(t, s.listen(t), "upgrade", "--binary", "/usr/bin/../bin/new"); r.status != exitOK {
		t.Errorf("%+v", r)
	}
}
