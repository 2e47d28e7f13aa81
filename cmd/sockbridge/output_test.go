package main

import "testing"

var echoUnit = "unit.state\techo\tlistening\tmode=accept\tlisten=tcp [::]:7\tconns=3\tlimit=64\taccepted=84226\tserved=84211\trefused=12" +
	"\tclient_gone=0\tspawn_failed=0\twaiting=0\tstarts=84214\tqueue=0\tqueue_limit=4096\trate=12.4\tlast_exit=0" +
	"\tlast_exit_time=2026-11-21T14:02:14.5Z\tfile=conf.d/echo.toml\tgeneration=12\tuser=nobody"

var wakeUnit = "unit.state\tpg-wake\tasleep\tmode=proxy\tlisten=tcp 127.0.0.1:5432\tconns=0\tlimit=100\taccepted=41\tserved=41\trefused=0" +
	"\tclient_gone=0\tspawn_failed=0\twaiting=0\tqueue=0\tqueue_limit=4096\trate=0"

var tftpUnit = "unit.state\ttftp\trunning\tmode=wait\tlisten=udp [::]:69\tconns=1\tlimit=1\tstarts=1002\trefused=0\trate=0.2\tlast_exit=0"

var fingerUnit = "unit.state\tfinger\tlimited\tmode=accept\tlisten=tcp [::]:79\tconns=64\tlimit=64\taccepted=24238\tserved=19733\trefused=4410" +
	"\trefused.per_source=4398\trefused.rate=12\tclient_gone=31\tspawn_failed=0\twaiting=0\tstarts=19797\tqueue=17\tqueue_limit=128\trate=88.1" +
	"\tlast_exit=1\tlast_exit_time=2026-11-21T14:02:12.600000000Z\tsince=2026-11-21T14:02:11.500000000Z" +
	"\tdescription=finger gateway\tfile=conf.d/finger.toml\tgeneration=12\tcommand=/usr/sbin/in.fingerd\tuser=nobody"

const (
	refusal9f3c = "event\t2026-11-21T14:02:11.483Z\trefuse\tfinger\tconn=9f3c\tpeer=203.0.113.9:51312\treason=per_source\tlimit=16"
	exit9f3b    = "event\t2026-11-21T14:02:11.402Z\texit\tfinger\tconn=9f3b\tpid=4121\tduration=0.02\tstatus=1\tfailed=true\ttext=fingerd: bad request"
	hostile     = "event\t2026-11-21T14:02:12Z\toutput\tfi\x1b[2Jnger\ttext=\x1b]0;owned\x07 \xff\u202e\u009b31m\nlast: 'é' €"
)

var canned = script{
	"unit.list *": {echoUnit, wakeUnit, tftpUnit, fingerUnit},
	"unit.list":   {echoUnit, wakeUnit, tftpUnit, fingerUnit},
	"unit.status finger": {
		fingerUnit + "\tgroup=nogroup\ttimeout_stop=30", "unit.listener\tfinger\ttcp [::]:79\tname=connection\tqueue=17\tqueue_limit=128\tinode=4711",
		"unit.source\tfinger\t203.0.113.9\tcount=16\tshare=16", "unit.source\tfinger\t198.51.100.7\tcount=9\tshare=16",
		refusal9f3c, exit9f3b,
	},
	"unit.status tftp": {tftpUnit},
	"conn.list": {
		"conn.state\tfinger\t9f3a\t203.0.113.9:51311\t4120\tsince=2026-11-21T14:00:04Z\tstate=live",
		"conn.state\tfinger\t9f3d\t[2001:db8::7]:9\t0\tsince=2026-11-21T14:02:13.5Z\tstate=waiting",
		"conn.state\ttftp\ttftp/99\t-\t99\tsince=2026-11-20T14:02:13.5Z\tstate=live",
	},
	"reload": {
		"reload.change\tADDED\ttftp", "reload.change\tCHANGED\tfinger\tsocket.max_connections: 64 → 128",
		"reload.change\tREMOVED\ttalk\tdraining 2 connections",
		"reload.done\t13\tkept=3\topened=1\tclosed=1\tconnections_kept=67",
	},
	"reload dry-run": {"reload.change\tADDED\ttftp", "reload.done\t12\tkept=3\topened=1\tclosed=0\tconnections_kept=67"},
	"conn.explain 9f3c": {
		"event\t2026-11-21T14:02:11.483Z\trefuse\tfinger\tconn=9f3c\tpeer=203.0.113.9:51312\taddress=tcp [::]:79\treason=per_source\tlimit=16" +
			"\ttext=busy: too many connections from your network\r\n",
		"because\tsocket.max_connections_per_source\t16\tconf.d/finger.toml\t14\tsource 203.0.113.9/32, 16 of 16 in use",
	},
	"conn.explain 9f3b": {
		"event\t2026-11-21T14:02:11.380Z\taccept\tfinger\tconn=9f3b\tpeer=203.0.113.9:51310",
		"event\t2026-11-21T14:02:11.381Z\tstart\tfinger\tconn=9f3b\tpeer=203.0.113.9:51310\tpid=4121", exit9f3b,
	},
	"log.follow 50 once":             {refusal9f3c, exit9f3b, hostile},
	"log.follow 1000000 once finger": {refusal9f3c, exit9f3b},
	"log.follow 1000000 once":        {refusal9f3c, exit9f3b, hostile},
	"subscribe events":               {refusal9f3c, exit9f3b, hostile},
	"ping":                           {"pong"},
	"info":                           {"info\tversion=0.3.0\tpid=4000\tstarted=2026-11-21T11:00:00Z\tgeneration=12\tgeneration_loaded=2026-11-21T13:00:00Z\tprotocol=2\tunits=4\tuid=0\tcontrol=/run/sockbridge/control.sock"},
	"unit.kill finger SIGHUP":        {},
	"unit.kill 9f3a SIGTERM":         {"error\tno unit is named \"9f3a\"\tno_such_unit"},
	"conn.kill 9f3a SIGTERM":         {},
	"unit.kill nothing SIGTERM":      {"error\tno unit is named \"nothing\"\tno_such_unit"},
	"conn.kill nothing SIGTERM":      {"error\tno connection\tno_such_conn"},
	"unit.status fingre":             {"error\tno unit is named \"fingre\"\tno_such_unit"},
	"unit.pause finger":              {"error\tpermission denied\tdenied"},
	"unit.list fi*":                  {fingerUnit},
	"unit.list x*":                   {},
}

func TestOutput(t *testing.T) {
	path := serveScript(t, canned)
	for _, c := range []struct {
		golden string
		args   []string
	}{
		{"list.txt", []string{"list"}},
		{"list-wide.txt", []string{"ls", "-o", "wide"}},
		{"list.json", []string{"list", "-o", "json"}},
		{"list.jsonl", []string{"list", "fi*", "-o", "jsonl"}},
		{"list-name.txt", []string{"list", "-o", "name"}},
		{"list-no-header.txt", []string{"list", "--no-header"}},
		{"list-color.txt", []string{"list", "--color", "always"}},
		{"status-finger.txt", []string{"status", "finger"}},
		{"status-tftp.txt", []string{"status", "tftp"}},
		{"status-finger.json", []string{"status", "finger", "-o", "json"}},
		{"conns.txt", []string{"conns"}},
		{"conns-from.txt", []string{"conns", "--from", "203.0.113.0/24"}},
		{"conns-old.txt", []string{"conns", "--min-age", "1min"}},
		{"conns.jsonl", []string{"conns", "-o", "jsonl"}},
		{"reload.txt", []string{"reload"}},
		{"reload-dry.txt", []string{"reload", "--dry-run"}},
		{"reload.json", []string{"reload", "-o", "json"}},
		{"explain-refused.txt", []string{"explain", "9f3c"}},
		{"explain-exited.txt", []string{"explain", "9f3b"}},
		{"explain.json", []string{"explain", "9f3c", "-o", "json"}},
		{"logs.txt", []string{"logs"}},
		{"logs.jsonl", []string{"logs", "-o", "jsonl"}},
		{"logs-conn.txt", []string{"logs", "finger", "--conn", "9f3b"}},
		{"logs-grep.txt", []string{"logs", "--grep", "pid \\d+", "--since", "5min"}},
		{"events.jsonl", []string{"events", "-n", "3"}},
		{"events-refuse.jsonl", []string{"events", "--type", "refuse", "-n", "1", "finger"}},
		{"events-table.txt", []string{"events", "-n", "3", "-o", "table"}},
		{"ping.txt", []string{"ping"}},
		{"ping.json", []string{"ping", "-o", "json"}},
		{"kill.txt", []string{"kill", "finger", "-s", "hup"}},
		{"kill-conn.txt", []string{"kill", "9f3a"}},
	} {
		t.Run(c.golden, func(t *testing.T) {
			r := try(t, path, c.args...)
			if r.status != exitOK || r.err != "" {
				t.Fatalf("status %d: %s", r.status, r.err)
			}
			golden(t, c.golden, r.out)
		})
	}
}
