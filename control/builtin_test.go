package control_test

import (
	"testing"
	"time"

	"sockbridge/control"
)

func TestEcho(t *testing.T) {
	for _, test := range []struct{ name, input, output string }{
		{"emits the remainder verbatim", "echo\ta\t\tb\t\n", "a\t\tb\t\n"},
		{"no remainder", "echo\n", ""},
		{"empty remainder", "echo\t\n", ""},
		{"two empty fields", "echo\t\t\n", "\t\n"},
		{"version 2 escapes", "proto\t2\necho\ta\\tb\\n\\\\\\x00\\x7F\t\\x41\n", "proto\t2\na\\tb\\n\\\\\\x00\\x7f\tA\n"},
		{"version 2 and a NUL", "proto\t2\necho\ta\x00b\n", "proto\t2\na\\x00b\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			equal(t, "output", newBench(control.SessionOptions{}).talk(test.input), test.output)
		})
	}
}

func TestExit(t *testing.T) {
	b := newBench(control.SessionOptions{})
	b.feed("echo\ta\nexit\necho\tb\n")
	if b.Ended() {
		t.Error("has ended before its output was written")
	}
	equal(t, "output", b.read(), "a\n")
	if !b.Ended() || b.Room() != 0 || b.Turn() {
		t.Error("has not ended")
	}
}

func TestEventTimeout(t *testing.T) {
	const command = "conn.event_timeout"
	for _, test := range []struct{ args, output string }{
		{"\t1\t2", ""},
		{"\t0\t0", ""},
		{"\t3\t2147483647", ""},
		{"\t1\t2\textra arguments are ignored", ""},
		{"", "Expected integer"},
		{"\t1", "Expected integer"},
		{"\t1\t", "Expected integer"},
		{"\tx\t1", "Expected integer"},
		{"\t1x\t2", "Expected integer"},
		{"\t+1\t2", "Expected integer"},
		{"\t-\t2", "Expected integer"},
		{"\t-1\t2", "invalid timeout (must be 0..7FFFFFFF)"},
		{"\t1\t2147483648", "invalid timeout (must be 0..7FFFFFFF)"},
		{"\t1\t99999999999999999999", "invalid timeout (must be 0..7FFFFFFF)"},
		{"\t2\t1", "reset timeout is greater than close timeout"},
	} {
		b := newBench(control.SessionOptions{}, control.Command{Name: "x"})
		got := b.talk("proto\t2\nid\tT\t" + command + test.args + "\n")
		want := "proto\t2\nok\tT\n"
		if test.output != "" {
			want = "proto\t2\nerror\tT\t" + test.output + "\tusage\n"
		}
		equal(t, test.args, got, want)
	}
}

func TestEventTimeoutIsInForce(t *testing.T) {
	b := newBench(control.SessionOptions{})
	b.feed("conn.event_timeout\t1\t3\necho\ta\n")
	b.Blocked()
	if got := b.Deadline().Sub(b.now); got != time.Second {
		t.Errorf("reset is in %v", got)
	}
}

func TestProto(t *testing.T) {
	for _, test := range []struct{ input, output string }{
		{"proto\t1\n", "proto\t1\n"},
		{"proto\t2\nproto\t2\n", "proto\t2\nproto\t2\n"},
		{"proto\n", "error\tExpected integer, for command \"proto\"\n"},
		{"proto\tx\n", "error\tExpected integer, for command \"proto x\"\n"},
		{"proto\t3\n", "error\tunsupported protocol version, for command \"proto 3\"\n"},
		{"proto\t2\nseq\ton\nproto\t1\necho\ta\n", "proto\t2\nproto\t1\na\n"},
		{"seq\ton\nid\tT\techo\ta\n", "error\tUnknown command: seq\nerror\tUnknown command: id\n"},
		{"proto\t2\nnone\n", "proto\t2\nerror\tUnknown command: none\tunknown_command\n"},
		{"proto\t2\nproto\n", "proto\t2\nerror\tExpected integer, for command \"proto\"\tusage\n"},
		{"proto\t2\necho\t\\q\n", "proto\t2\nerror\tinvalid escape, for command \"echo \\\\q\"\tusage\n"},
	} {
		b := newBench(control.SessionOptions{})
		equal(t, test.input, b.talk(test.input), test.output)
	}
}

func TestID(t *testing.T) {
	for _, test := range []struct{ name, input, output string }{
		{"success", "id\tT\techo\ta\tb\n", "a\tb\nok\tT\n"},
		{"success without output", "id\tT\tcall\n", "ok\tT\n"},
		{"failure", "id\tT\tfail\n", "error\tT\tit broke\tfailed\n"},
		{"denied", "id\tT\tadmin\n", "error\tT\tpermission denied\tdenied\n"},
		{"unknown command", "id\tT\tnone\ta\n", "error\tT\tUnknown command: none\tunknown_command\n"},
		{"id within id", "id\tT\tid\tU\techo\ta\n", "error\tT\tid cannot be within id\tusage\n"},
		{"without a command", "id\tT\n", "error\tT\tmissing argument\tusage\n"},
		{"without a token", "id\n", "error\tmissing argument, for command \"id\"\tusage\n"},
		{"an empty token", "id\t\techo\ta\n", "error\tmissing argument, for command \"id  echo a\"\tusage\n"},
		{"a token of any bytes", "id\t\\t\\\\\techo\n", "ok\t\\t\\\\\n"},
		{"a bad escape behind the token", "id\tT\techo\t\\x0g\n", "error\tT\tinvalid escape\tusage\n"},
		{"a bad escape in the token", "id\t\\\techo\n", "error\tinvalid escape, for command \"id \\\\ echo\"\tusage\n"},
		{"several", "id\t1\techo\ta\nid\t2\techo\tb\n", "a\nok\t1\nb\nok\t2\n"},
		{"exit", "id\tT\texit\necho\ta\n", "ok\tT\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(control.SessionOptions{}, fails("it broke"), control.Command{Name: "admin", Rights: control.Admin})
			b.talk("proto\t2\n")
			equal(t, "output", b.talk(test.input), test.output)
		})
	}
}

func TestSeq(t *testing.T) {
	b := newBench(control.SessionOptions{})
	b.talk("echo\tbefore\nproto\t2\n")
	equal(t, "output", b.talk("id\tT\tseq\ton\necho\ta\nseq\ton\necho\tb\nnone\n"), "1\tok\tT\n2\ta\n3\tb\n4\terror\tUnknown command: none\tunknown_command\n")
	equal(t, "off and on", b.talk("seq\toff\necho\tc\nseq\ton\necho\td\n"), "c\n1\td\n")
	equal(t, "errors", b.talk("id\tT\tseq\nid\tU\tseq\tx\n"), "2\terror\tT\tmissing argument\tusage\n3\terror\tU\texpected on or off\tusage\n")
}

// Dropped events are numbered too, so that a gap says how many they were.
func TestSeqCountsWhatOverflowDropped(t *testing.T) {
	small := control.Extended
	small.Output = 20
	b := newBench(control.SessionOptions{Extended: small})
	b.talk("proto\t2\nseq\ton\n")
	for range 5 {
		b.Emit("12345678")
	}
	equal(t, "output", b.read(), "1\t12345678\n6\toverflow\n")
	b.Emit("a")
	equal(t, "afterwards", b.read(), "7\ta\n")
}

func TestVersion2HasLongLines(t *testing.T) {
	b := newBench(control.SessionOptions{})
	line := string(control.Version2.Append([]byte("echo\t"), make([]string, 5000)...))
	equal(t, "output", b.talk("proto\t2\n"+line), "proto\t2\n"+line[5:])
	equal(t, "back in version 1", b.talk("proto\t1\n"+line), "proto\t1\n"+tooLong)
}

func TestVersion2LineTooLong(t *testing.T) {
	small := control.Extended
	small.Line = 100
	b := newBench(control.SessionOptions{Limits: small, Extended: small})
	equal(t, "output", b.talk("proto\t2\n"+long("")), "proto\t2\nerror\tline too long\tusage\n")
}
