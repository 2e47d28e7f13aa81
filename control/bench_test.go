package control_test

import (
	"testing"

	"sockbridge/control"
)

// One echo: the input, the turn, the output.
func BenchmarkEcho(b *testing.B) {
	for _, version := range []string{"proto\t1\n", "proto\t2\n"} {
		b.Run("version "+version[6:7], func(b *testing.B) {
			s := newBench(control.SessionOptions{})
			s.talk(version)
			line := []byte("echo\thello\tworld\n")
			b.ReportAllocs()
			for b.Loop() {
				s.Input(line)
				s.Turn()
				s.Wrote(len(s.Output()))
			}
		})
	}
}

// A command of a client, with its id.
func BenchmarkID(b *testing.B) {
	s := newBench(control.SessionOptions{})
	s.talk("proto\t2\n")
	line := []byte("id\t123456\techo\thello\n")
	b.ReportAllocs()
	for b.Loop() {
		s.Input(line)
		s.Turn()
		s.Wrote(len(s.Output()))
	}
}

// An event to a session, of the form that a service has.
func BenchmarkEmit(b *testing.B) {
	s := newBench(control.SessionOptions{})
	b.ReportAllocs()
	for b.Loop() {
		s.Emit("service.state", "name", "up", "123456", "4711", "-", "-", "0", "-")
		s.Wrote(len(s.Output()))
	}
}

func TestEchoAllocatesLittle(t *testing.T) {
	s := newBench(control.SessionOptions{})
	line := []byte("echo\thello\tworld\n")
	got := testing.AllocsPerRun(1000, func() {
		s.Input(line)
		s.Turn()
		s.Wrote(len(s.Output()))
	})
	if got > 3 {
		t.Errorf("an echo allocates %v times", got)
	}
}
