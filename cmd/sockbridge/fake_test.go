package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sockbridge/control"
)

// A script is what a manager in a test answers: its lines by the command as it is asked, fields separated by blanks. A line
// that begins with "error" ends the answer as one.
type script map[string][]string

// listen opens a socket in a folder of its own, closed at the end of the test, and serves each connection by serve.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	path := filepath.Join(shortDir(t), "control.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // the cleanup waits for it
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn) // ends with the client's connection
		}
	}()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return path
}

// shortDir is a folder whose path leaves room for the name of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sb") //nolint:usetesting // TempDir's path may be longer than that of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// serveScript listens and answers by a script, as a manager does in version 2.
func serveScript(t *testing.T, s script) string {
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

func (s script) answer(line []byte) (out []byte) {
	fields, err := control.Version2.Split(line)
	if err != nil || len(fields) < 3 || fields[0] != "id" {
		return append(bytes.Clone(line), '\n') // proto
	}
	token, command := fields[1], strings.Join(fields[2:], " ")
	answer, known := s[command]
	if !known {
		answer = []string{"error\tUnknown command: " + fields[2] + "\tunknown_command"}
	}
	for _, l := range answer {
		words := strings.Split(l, "\t")
		if words[0] == "error" {
			return control.Version2.Append(out, append([]string{"error", token}, words[1:]...)...)
		}
		out = control.Version2.Append(out, words...)
	}
	return control.Version2.Append(out, "ok", token)
}

// at is when the tests take place.
var at = time.Date(2026, 11, 21, 14, 2, 14, 600e6, time.UTC)

// A result is what a command line came to.
type result struct {
	out, err string
	status   int
}

// try runs a command line with a socket as its manager's.
func try(t *testing.T, path string, args ...string) result {
	t.Helper()
	return tryBare(t, append([]string{"--control", path, "--timeout", "5s"}, args...)...)
}

// tryBare runs a command line as it is.
func tryBare(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	g := newGlobals()
	g.stdout, g.stderr, g.zone = &out, &errs, time.UTC
	g.now = func() time.Time { return at }
	root := newRootOf(g)
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetArgs(args)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err := root.ExecuteContext(ctx)
	tellError(&errs, err)
	return result{out.String(), errs.String(), exitStatus(err)}
}

// golden compares an output with testdata/NAME; with -update in the environment variable GOLDEN it writes that.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("GOLDEN") == "update" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("not as %s has it:\n%s\nwant\n%s", path, got, want)
	}
}

// A hang takes connections and what they say, and says nothing.
func hang(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
