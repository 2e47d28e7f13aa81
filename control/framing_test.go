package control_test

import (
	"strings"
	"testing"

	"sockbridge/control"
)

const tooLong = "error\tline too long\n"

// long is an over-long line that begins so, with its line feed.
func long(begin string) string { return begin + strings.Repeat("x", 1024-len(begin)) + "\n" }

// Section by section what the protocol says of lines, in its words.
func TestFraming(t *testing.T) {
	for _, test := range []struct{ name, input, output, called, log string }{
		{"a message is one line of fields separated by single TABs", "call\ta\tb\n", "", `["a" "b"]`, ""},
		{"empty fields are significant, including trailing ones", "call\ta\t\tb\t\n", "", `["a" "" "b" ""]`, ""},
		{"no field", "call\n", "", `[]`, ""},
		{"one empty field", "call\t\n", "", `[""]`, ""},
		{"high bytes pass through", "echo\t\xff\xc3\xa4\n", "\xff\xc3\xa4\n", "", ""},
		{"CR is data", "echo\ta\r\n", "a\r\n", "", ""},
		{"a NUL cuts the line for echo", "echo\ta\x00b\tc\n", "a\n", "", ""},
		{"a NUL that leaves nothing", "echo\t\x00b\n", "", "", ""},
		{"backslashes are data", `echo` + "\t" + `a\tb\q` + "\n", `a\tb\q` + "\n", "", ""},
		{"maximum input line", "echo\t" + strings.Repeat("x", 1018) + "\n", strings.Repeat("x", 1018) + "\n", "", ""},
		{"over-long line by one byte", "echo\t" + strings.Repeat("x", 1019) + "\necho\ty\n", tooLong + "y\n", "", "error: controller[7] command exceeds buffer size"},
		{"over-long line is skipped whole", long("echo\t") + "echo\tnext\n", tooLong + "next\n", "", "error: controller[7] command exceeds buffer size"},
		{"over-long line of 5000 bytes", strings.Repeat("echo\ty", 833) + "\n" + "echo\tz\n", tooLong + "z\n", "", "error: controller[7] command exceeds buffer size"},
		{"over-long comment is silent", long("#") + "echo\tnext\n", "next\n", "", ""},
		{"over-long comment of many buffers is silent", "#" + strings.Repeat("echo\ty", 5000) + "\necho\tz\n", "z\n", "", ""},
		{"over-long all-blank line is an error", strings.Repeat(" ", 1024) + "\n", tooLong, "", "error: controller[7] command exceeds buffer size"},
		{"comments", "#echo\ta\n# x\n#\necho\tb\n", "b\n", "", ""},
		{"blank lines", "\n \n\t\n\r\n\x00\n \t\r\x00 \necho\tb\n", "b\n", "", ""},
		{
			"a line starting with whitespace but containing text", " echo\tx\n", "error\tUnknown command:  echo\n", "",
			"error: controller[7] sent unknown command  echo",
		},
		{
			"a comment after a blank is none", " #\n", "error\tUnknown command:  #\n", "",
			"error: controller[7] sent unknown command  #",
		},
		{
			"command names are case-sensitive", "Echo\tx\n", "error\tUnknown command: Echo\n", "",
			"error: controller[7] sent unknown command Echo",
		},
		{
			"command names end at the first TAB", "echo x\n", "error\tUnknown command: echo x\n", "",
			"error: controller[7] sent unknown command echo x",
		},
		{
			"an empty name", "\tx\n", "error\tUnknown command: \n", "",
			"error: controller[7] sent unknown command ",
		},
		{"commands are executed in order", "echo\t1\necho\t2\necho\t3\necho\t4\n", "1\n2\n3\n4\n", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(control.SessionOptions{Number: 7})
			equal(t, "output", b.talk(test.input), test.output)
			equal(t, "called", strings.Join(b.called, " "), test.called)
			equal(t, "log", b.takeLog(), test.log)
		})
	}
}

func TestLineOfSeveralReads(t *testing.T) {
	b := newBench(control.SessionOptions{})
	for _, c := range []byte("echo\thello\n") {
		equal(t, "output before the end", b.read(), "")
		b.feed(string(c))
	}
	equal(t, "output", b.read(), "hello\n")
}

func TestEndOfInput(t *testing.T) {
	const ignored = "warning: Command ends with EOF... ignored"
	const anyway = "warning: Command ends with EOF... processing anyway"
	for _, test := range []struct {
		name, input, output, log string
		lastLine                 bool
	}{
		{"a complete line", "echo\ta\n", "a\n", "", false},
		{"unterminated last line is discarded", "echo\ta\necho\tb", "a\n", ignored, false},
		{"unterminated last line of a config is executed", "echo\ta\necho\tb", "a\nb\n", anyway, true},
		{"unterminated comment", "#x", "", "", false},
		{"unterminated blanks of a config", "\t ", "", "", true},
		{"unterminated over-long line", strings.Repeat("x", 3000), "", ignored, false},
		{"unterminated over-long comment", "#" + strings.Repeat("x", 3000), "", "", true},
		{"unterminated over-long line of a config", strings.Repeat("x", 3000), tooLong, "error: controller[0] command exceeds buffer size", true},
		{"unterminated line of as many bytes as a line may have", strings.Repeat("x", 1024), "", ignored, false},
		{"nothing", "", "", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(control.SessionOptions{LastLine: test.lastLine})
			got := b.talk(test.input)
			if b.Ended() {
				t.Error("has ended before the input has")
			}
			b.EndOfInput()
			for b.Turn() {
			}
			got += b.read()
			equal(t, "output", got, test.output)
			if log := b.takeLog(); !strings.Contains(log, test.log) || test.log == "" && log != "" {
				t.Errorf("log is %q, want %q", log, test.log)
			}
			if !b.Ended() || b.Room() != 0 {
				t.Error("has not ended")
			}
		})
	}
}

// The rest of what was sent is executed before the session ends, however slowly the peer reads.
func TestEndOfInputWithCommandsWaiting(t *testing.T) {
	b := newBench(control.SessionOptions{})
	b.feed(strings.Repeat("echo\t"+strings.Repeat("x", 100)+"\n", 9))
	b.EndOfInput()
	if b.Ended() {
		t.Error("has ended with commands in its input")
	}
	if got := strings.Count(b.read(), "\n"); got != 9 || !b.Ended() {
		t.Errorf("%d commands were executed, ended %v", got, b.Ended())
	}
}

func TestTurnIsBounded(t *testing.T) {
	b := newBench(control.SessionOptions{})
	b.Input([]byte(strings.Repeat("call\n", 7)))
	for i, want := range []int{3, 6, 7} {
		again := b.Turn()
		if len(b.called) != want || again != (want < 7) {
			t.Errorf("turn %d: %d commands, again %v", i, len(b.called), again)
		}
	}
}

func TestRoomIsBounded(t *testing.T) {
	b := newBench(control.SessionOptions{})
	if n := b.Input(make([]byte, 5000)); n != 1024 || b.Room() != 0 {
		t.Errorf("took %d bytes, room for %d", n, b.Room())
	}
}
