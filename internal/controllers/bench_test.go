package controllers

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// benchClient is a socket of a client without anything between us and the system calls.
func benchClient(b *testing.B) int {
	b.Helper()
	r := newRig(b)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: r.path("control")})
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { closeQuietly(fd) })
	return fd
}

func BenchmarkEcho(b *testing.B) {
	fd := benchClient(b)
	line, buf := []byte("echo\tx\n"), make([]byte, 16)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := unix.Write(fd, line); err != nil {
			b.Fatal(err)
		}
		if _, err := unix.Read(fd, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDefine(b *testing.B) {
	fd := benchClient(b)
	go func() { // ends when the socket is closed
		buf := make([]byte, 64<<10)
		for {
			if n, err := unix.Read(fd, buf); n <= 0 || err != nil {
				return
			}
		}
	}()
	b.ReportAllocs()
	const batch = 100
	i := 0
	for b.Loop() {
		var text strings.Builder
		for range batch {
			fmt.Fprintf(&text, "service.args\ts%d\t/bin/true\n", i%10000)
			i++
		}
		if _, err := unix.Write(fd, []byte(text.String())); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/command")
}

func BenchmarkStart(b *testing.B) {
	fd := benchClient(b)
	buf := make([]byte, 4096)
	until := func(what string) {
		for got := ""; !strings.Contains(got, what); {
			n, err := unix.Read(fd, buf)
			if err != nil {
				b.Fatal(err)
			}
			got += string(buf[:n])
		}
	}
	_, _ = unix.Write(fd, []byte("service.args\ta\t/bin/true\n"))
	until("true\n")
	for b.Loop() {
		_, _ = unix.Write(fd, []byte("service.start\ta\n"))
		until("\tup\t")
		b.StopTimer()
		if !strings.Contains(string(buf), "\tdown\t") {
			until("\tdown\t")
		}
		clear(buf)
		b.StartTimer()
	}
}
