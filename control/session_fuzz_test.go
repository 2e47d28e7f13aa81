package control_test

import (
	"strings"
	"testing"

	"sockbridge/control"
)

// Whatever arrives, in whatever portions: no panic, no bound exceeded, and the same answers as in one piece.
func FuzzSession(f *testing.F) {
	f.Add([]byte("echo\ta\n#x\n\n \nexit\necho\tb"), uint64(1), false)
	f.Add([]byte("proto\t2\nseq\ton\nid\tT\techo\t\\x00\nid\t\\\tx\nproto\t1\nseq\n"), uint64(7), true)
	f.Add([]byte(long("")+long("#")+"\x00echo\t\x00\nconn.event_timeout\t1\t2\nadmin\nstream\nlater\n"), uint64(99), true)
	f.Add([]byte("proto\t2\necho\t"+strings.Repeat("y", 1500)+"\nproto\t1\necho\t"+strings.Repeat("z", 1100)+"\n"), uint64(3), false)
	f.Fuzz(func(t *testing.T, input []byte, seed uint64, lastLine bool) {
		want, wantLog := converse(t, input, 0, lastLine)
		got, gotLog := converse(t, input, seed|1, lastLine)
		equal(t, "output", got, want)
		equal(t, "log", gotLog, wantLog)
	})
}

// converse gives a session all input, in portions that follow from the seed, and reads all it says.
func converse(t *testing.T, input []byte, seed uint64, lastLine bool) (output, log string) {
	t.Helper()
	extended := control.Extended
	extended.Line = 2048
	b := newBench(control.SessionOptions{LastLine: lastLine, Extended: extended}, fuzzCommands()...)
	var all strings.Builder
	for len(input) > 0 {
		n := len(input)
		if seed != 0 {
			seed = seed*6364136223846793005 + 1442695040888963407
			n = 1 + int(seed>>33)%len(input)
		}
		taken := b.Input(input[:n])
		input = input[taken:]
		for b.Turn() {
			checkBounds(t, b)
		}
		checkBounds(t, b)
		all.WriteString(b.read())
		if taken == 0 && b.Room() == 0 {
			break // it has left
		}
	}
	b.EndOfInput()
	for b.Turn() {
	}
	all.WriteString(b.read())
	if !b.Ended() {
		t.Error("has not ended")
	}
	return all.String(), b.takeLog()
}

func checkBounds(t *testing.T, b *bench) {
	t.Helper()
	if room := b.Room(); room > b.Limits().Line {
		t.Errorf("room for %d bytes", room)
	}
	if saved := b.Save(); len(saved.Input) > 2048 || len(saved.Output) > b.Limits().Output {
		t.Errorf("holds %d bytes of input, %d of output", len(saved.Input), len(saved.Output))
	}
}

func fuzzCommands() []control.Command {
	return []control.Command{
		{Name: "admin", Rights: control.Admin},
		{Name: "later", Run: func(c *control.Call) error {
			defer c.Later()(nil)
			return nil
		}},
		{Name: "stream", Run: func(c *control.Call) error {
			count(c, "line", 20)
			return nil
		}},
	}
}
