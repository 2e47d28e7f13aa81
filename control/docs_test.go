package control_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sockbridge/control"
)

const reference = "../docs/control-protocol.md"

var update = flag.Bool("update", false, "rewrite the tables of docs/control-protocol.md")

// The tables of the page are made of those of the package: go test ./control -run TestReference -update
func TestReference(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for name, table := range map[string]string{
		"commands session": commandTable(), "limits": limitTable(), "rights": rightsTable(), "codes": codeTable(),
	} {
		want = between(t, want, "<!-- "+name+" -->\n", "<!-- end -->", "\n"+table+"\n")
	}
	if *update {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is stale; run the test with -update (-want +got):\n%s", reference, diff)
	}
}

// between replaces what stands between two marks.
func between(t *testing.T, text, from, to, with string) string {
	t.Helper()
	before, rest, ok1 := strings.Cut(text, from)
	_, after, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no %q", reference, from)
	}
	return before + from + with + to + after
}

func commandTable() string {
	var b strings.Builder
	b.WriteString("| command | what it does | version |\n|---|---|---|\n")
	for _, c := range control.Builtin() {
		form := c.Name
		for arg := range strings.FieldsSeq(c.Args) {
			if arg, optional := strings.CutPrefix(arg, "["); optional {
				form += "[⇥" + arg
			} else {
				form += "⇥" + arg
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %d |\n", strings.ReplaceAll(form, "|", `\|`), c.Help, max(c.Version, control.Version1))
	}
	return b.String()
}

func limitTable() string {
	a, z := control.Compatible, control.Extended
	var b strings.Builder
	b.WriteString("| limit | version 1 | version 2 |\n|---|---|---|\n")
	for _, row := range []struct {
		what string
		a, z any
	}{
		{"bytes of a line that a client sends, line feed included", a.Line, z.Line},
		{"bytes of a name of a service or handle", a.Name, z.Name},
		{"characters of a name, beside letters and digits", "`" + a.Marks + "`", "`" + z.Marks + "`"},
		{"bytes of events that wait for the client to read; one event may be longer if nothing else waits", a.Output, z.Output},
		{"bytes that may wait when a command is begun, at most", a.Begin, z.Begin},
		{"commands of one client before others have their turn", a.Turn, z.Turn},
		{"time that the client may read nothing until its commands run on without output", a.Reset, z.Reset},
		{"time that the client may read nothing until it is disconnected", a.Close, z.Close},
		{"descriptors that the client has sent and not yet taken", a.Ancillary, z.Ancillary},
	} {
		fmt.Fprintf(&b, "| %s | %v | %v |\n", row.what, row.a, row.z)
	}
	return b.String()
}

func rightsTable() string {
	var b strings.Builder
	b.WriteString("| rights | allow |\n|---|---|\n")
	for rights, help := range [...]string{
		control.Nothing: "the commands of the session",
		control.Read:    "also to see everything that is told: states, lists, events",
		control.Operate: "also to start, stop and pause what is configured, to end connections, and to reload",
		control.Admin:   "everything, such as what names a program, a path, a descriptor, an environment or a user",
	} {
		fmt.Fprintf(&b, "| `%s` | %s |\n", control.Rights(rights), help)
	}
	return b.String()
}

func codeTable() string {
	var b strings.Builder
	b.WriteString("| code | meaning |\n|---|---|\n")
	for _, row := range [][2]string{
		{control.CodeUsage, "the command is not written as it must be"},
		{control.CodeUnknown, "there is no such command in this version"},
		{control.CodeDenied, "the rights of the session do not reach"},
		{control.CodeNoSuchUnit, "no unit, service or handle has the name"},
		{control.CodeNoSuchConn, "no connection has the ID"},
		{control.CodeBusy, "it cannot be done now, but later"},
		{control.CodeNotListening, "the unit has no open socket"},
		{control.CodeTimeout, "it was begun and has not ended in time"},
		{control.CodeFailed, "everything else; the text says what"},
	} {
		fmt.Fprintf(&b, "| `%s` | %s |\n", row[0], row[1])
	}
	return b.String()
}

// The examples of the page are what a session says.
func TestReferenceExamples(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```\n")
	tabs := strings.NewReplacer("⇥", "\t")
	checked := 0
	for i := 1; i < len(blocks); i += 2 {
		if !strings.Contains(blocks[i], "> ") {
			continue
		}
		checked++
		b := newBench(control.SessionOptions{})
		var got strings.Builder
		for line := range strings.Lines(blocks[i]) {
			if command, sent := strings.CutPrefix(line, "> "); sent {
				got.WriteString(line)
				for answer := range strings.Lines(b.talk(tabs.Replace(command))) {
					got.WriteString("< " + strings.ReplaceAll(answer, "\t", "⇥"))
				}
			}
		}
		equal(t, "example", got.String(), blocks[i])
	}
	if checked == 0 {
		t.Error("the page has no examples")
	}
}
