package launch

import (
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkStart is a start and its end, of a static program of a few bytes, by each method; and what os/exec takes.
func BenchmarkStart(b *testing.B) {
	for _, method := range usable() {
		b.Run(method.String(), func(b *testing.B) {
			benchmarkStart(b, newLauncher(b, method), Start{Streams: noStreams, Announce: true})
		})
	}
	b.Run("os/exec", func(b *testing.B) {
		path := trueBinary(b)
		for b.Loop() {
			cmd := exec.CommandContext(b.Context(), path)
			cmd.Env = []string{"PATH=/bin"}
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchmarkStart(b *testing.B, l *Launcher, s Start) {
	b.Helper()
	spec := Spec{Unit: "bench", Path: trueBinary(b), Argv: []string{"true"}, Env: []string{"PATH=/bin:/usr/bin", "HOME=/", "USER=nobody"}}
	p := compile(b, l, spec)
	b.ReportAllocs()
	for b.Loop() {
		process, err := start(l, p, s)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := finish(process); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkManyDescriptors shows that a start does not depend on how many descriptors we have: the high one is passed,
// too.
func BenchmarkManyDescriptors(b *testing.B) {
	high := 0
	for range 10_000 {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, LongLived)
		if err != nil {
			b.Skipf("not so many descriptors are allowed here: %v", err)
		}
		b.Cleanup(func() {
			if err := unix.Close(fd); err != nil {
				b.Error(err)
			}
		})
		high = fd
	}
	benchmarkStart(b, newLauncher(b, MethodAuto), Start{Streams: noStreams, Files: []int{high}})
}

// BenchmarkWrite is our own part of a start: the table.
func BenchmarkWrite(b *testing.B) {
	l := newLauncher(b, MethodAuto)
	p := compile(b, l, Spec{Unit: "bench", Path: "/bin/true", Argv: []string{"true"}, Env: []string{"PATH=/bin", "HOME=/"}, Identity: &Identity{UID: 1, GID: 1, Groups: []int{1}}})
	block, err := l.pool.get(blockSize)
	if err != nil {
		b.Fatal(err)
	}
	s := Start{Streams: noStreams, Announce: true, Env: []string{"LISTEN_FDS=1", "REMOTE_ADDR=127.0.0.1"}}
	b.ReportAllocs()
	for b.Loop() {
		block.reset()
		w := setup{block: block, host: l.host, program: &p.spec, start: &s, sources: l.sources(&p.spec, &s), shared: true}
		w.write()
	}
	if err := l.pool.put(block); err != nil {
		b.Fatal(err)
	}
}
