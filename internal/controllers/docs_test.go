package controllers

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sockbridge/control"
)

const reference = "../../docs/control-protocol.md"

var update = flag.Bool("update", false, "rewrite the tables of docs/control-protocol.md")

// The tables of the engine are made of those of the package: go test ./internal/controllers -run TestReference -update
func TestReference(t *testing.T) {
	text, err := os.ReadFile(reference)
	must(t, err)
	want := between(t, string(text), "<!-- commands engine -->\n", "<!-- end -->", "\n"+commandTable()+"\n"+optionTable()+"\n")
	want = between(t, want, "<!-- events engine -->\n", "<!-- end -->", "\n"+eventTable()+"\n")
	if *update {
		must(t, os.WriteFile(reference, []byte(want), 0o644))
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is stale; run the test with -update (-want +got):\n%s", reference, diff)
	}
}

func between(t *testing.T, text, from, to, with string) string {
	t.Helper()
	before, rest, ok1 := strings.Cut(text, from)
	_, after, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no %q", reference, from)
	}
	return before + from + with + to + after
}

// form is how a command is written.
func form(c control.Command) string {
	text := c.Name
	for arg := range strings.FieldsSeq(c.Args) {
		if rest, optional := strings.CutPrefix(arg, "["); optional {
			text += "[⇥" + rest
		} else {
			text += "⇥" + arg
		}
	}
	return strings.ReplaceAll(text, "|", `\|`)
}

func commandTable() string {
	var b strings.Builder
	b.WriteString("| command | rights | what it does |\n|---|---|---|\n")
	for _, c := range (&Server{o: Options{Compatible: true}}).Commands() {
		fmt.Fprintf(&b, "| `%s` | %v | %s |\n", form(c), c.Rights, strings.ReplaceAll(c.Help, "|", `\|`))
	}
	b.WriteString("\n`chdir` is there under the name daemonproxy only.\n")
	return b.String()
}

func optionTable() string {
	var b strings.Builder
	b.WriteString("The keys of `service.opts`:\n\n| key | meaning |\n|---|---|\n")
	for _, o := range serviceOptions {
		fmt.Fprintf(&b, "| `%s=` | %s |\n", o.key, o.help)
	}
	b.WriteString("| `rlimit.NAME=` | SOFT:HARD or one value for both, a number or infinity; NAME as in setrlimit(2), such as nofile |\n")
	return b.String()
}

// engineEvents are the events of this package, with the test that shows each.
var engineEvents = []struct{ form, help string }{
	{"service.state⇥NAME⇥STATE⇥TIME⇥PID⇥REASON⇥VALUE⇥UP⇥DOWN", "a service is down, start, up or deleted; times are seconds of CLOCK_MONOTONIC, `-` is none"},
	{"service.tags⇥NAME⇥TAG…", "its tags were set; as in the next two, one empty field is none"},
	{"service.args⇥NAME⇥ARG…", "its program and arguments were set"},
	{"service.fds⇥NAME⇥HANDLE…", "its descriptors were set"},
	{"service.auto_up⇥NAME⇥INTERVAL⇥TRIGGER…", "what starts it was set; `service.auto_up⇥NAME⇥-` is nothing"},
	{"service.opts⇥NAME⇥KEY=VALUE…", "its options were set"},
	{"service.accept⇥NAME⇥HANDLE⇥LIMIT…", "it is started for each connection to the handle; `-` is no longer"},
	{"service.ready⇥NAME", "it has said READY=1"},
	{"service.error⇥NAME⇥STAGE⇥TEXT", "it could not be started: the stage that failed, and why"},
	{"conn.open⇥NAME⇥ID⇥PEER⇥PID", "an instance serves a connection; this and the next two are for version 2, and for `conns`"},
	{"conn.refuse⇥NAME⇥ID⇥PEER⇥REASON", "a connection was turned away"},
	{"conn.close⇥NAME⇥ID⇥PID⇥REASON⇥VALUE⇥SECONDS", "the instance of a connection has ended, by exit or signal"},
	{"fd.state⇥NAME⇥KIND⇥FLAGS⇥TEXT", "a handle was made or replaced; `fd.state⇥NAME⇥deleted` is its end"},
	{"fd.give⇥NAME", "comes with the descriptor; only to the one who asked, as the next two"},
	{"fd.queue⇥NAME⇥WAITING⇥LIMIT", "how many wait behind a handle"},
	{"warning⇥TEXT", "such as `fd \"NAME\" is not yet defined`"},
	{"signal⇥SIGNAME⇥TIME⇥COUNT", "a signal was received; the first that a new client hears are those not cleared"},
	{"statedump.end", "the end of a statedump, in version 2"},
}

func eventTable() string {
	var b strings.Builder
	b.WriteString("| event | meaning |\n|---|---|\n")
	for _, e := range engineEvents {
		fmt.Fprintf(&b, "| `%s` | %s |\n", e.form, e.help)
	}
	return b.String()
}

// Every command has what its documentation is made of.
func TestCommandsAreDocumented(t *testing.T) {
	r := newRig(t)
	for _, c := range r.server.Table() {
		if c.Help == "" || c.Run == nil {
			t.Errorf("%s has no help", c.Name)
		}
	}
}
