package launch

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What a child may share with us instead of getting its own: session, group, limits, ignored signals.

func TestSession(t *testing.T) {
	sid, err := unix.Getsid(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range usable() {
		l := newLauncher(t, method)
		for _, c := range []struct{ keep, leader bool }{{true, false}, {false, true}, {true, true}} {
			spec := looker(t)
			spec.KeepSession, spec.Leader = c.keep, c.leader
			got := see(t, l, spec, Start{Streams: toPipe})
			group := unix.Getpgrp()
			if c.leader {
				group = got.PID
			}
			if got.SID != sid || got.PGID != group {
				t.Errorf("%v, %+v: process %d has session %d and group %d, want %d and %d", method, c, got.PID, got.SID, got.PGID, sid, group)
			}
		}
	}
}

// The keyring belongs to the session. A thread's own says nothing here, since another may have made the child.
func TestSessionEntries(t *testing.T) {
	for want, spec := range map[int]Spec{0: {KeepSession: true}, 1: {Leader: true}, 2: {}} {
		s := setup{block: testBlock(t), program: &spec}
		if s.session(); s.calls != want {
			t.Errorf("%+v: %d entries, want %d", spec, s.calls, want)
		}
	}
}

// A group of its own can be signalled, and ours never is by way of a child in it.
func TestSignalGroupWithinSession(t *testing.T) {
	for _, method := range usable() {
		l := newLauncher(t, method)
		for _, leader := range []bool{false, true} {
			spec := Spec{Unit: "sleep", Path: "/bin/sleep", Argv: []string{"sleep", "100"}, KeepSession: true, Leader: leader}
			process, err := start(l, compile(t, l, spec), Start{Streams: noStreams})
			if err != nil {
				t.Fatal(err)
			}
			err = process.SignalGroup(unix.SIGKILL)
			if leader != (err == nil) || !leader && !errors.Is(err, unix.ESRCH) {
				t.Errorf("%v, leader %v: %v", method, leader, err)
			}
			if err := process.Signal(unix.SIGKILL); err != nil {
				t.Error(err)
			}
			if _, err := finish(process); err != nil {
				t.Error(err)
			}
		}
	}
}

// Any number may be closed, the streams too.
func TestClosed(t *testing.T) {
	fds, name := marked(t, 3)
	for _, method := range usable() {
		l := newLauncher(t, method)
		for _, c := range []struct {
			start Start
			files [3]File
			want  []string
		}{
			{Start{Streams: [3]int{Closed, Closed, Closed}}, [3]File{}, nil},
			{Start{Streams: [3]int{Closed, Closed, Closed}}, [3]File{{Path: "/nonexistent"}}, nil},
			{Start{Streams: [3]int{fds[0], Closed, -1}}, [3]File{2: {Path: name(1)}}, []string{"0 " + name(0), "2 " + name(1)}},
			{Start{Streams: [3]int{Closed, -1, -1}}, [3]File{1: {Path: name(1)}, 2: {Path: name(1)}}, []string{"1 " + name(1), "2 " + name(1)}},
			{Start{Streams: [3]int{Closed, fds[2], Closed}, Files: []int{Closed, fds[0], Closed, fds[0], Closed}}, [3]File{}, []string{"1 " + name(2), "4 " + name(0), "6 " + name(0)}},
		} {
			got := openIn(t, l, c.files, c.start)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%v, %+v: %s", method, c.start, diff)
			}
		}
	}
}

// openIn lists the descriptors of a program that opens none by itself, as listing does.
func openIn(t *testing.T, l *Launcher, files [3]File, s Start) []string {
	t.Helper()
	spec := Spec{Unit: "sleep", Path: "/bin/sleep", Argv: []string{"sleep", "100"}, Files: files}
	s.Announce = true // which opens another
	process, err := start(l, compile(t, l, spec), s)
	if err != nil {
		t.Fatal(err)
	}
	links := linksOf(t, process)
	if err := process.Signal(unix.SIGKILL); err != nil {
		t.Error(err)
	}
	if _, err := finish(process); err != nil {
		t.Error(err)
	}
	return links
}

// linksOf waits until the loader has closed what it opens.
func linksOf(t *testing.T, p *Process) []string {
	t.Helper()
	await(t, func() bool {
		syscall, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", p.PID))
		number, _, _ := strings.Cut(string(syscall), " ")
		return number == fmt.Sprint(unix.SYS_CLOCK_NANOSLEEP) || number == fmt.Sprint(unix.SYS_NANOSLEEP)
	}, p.FD)
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.PID))
	if err != nil {
		t.Fatal(err)
	}
	var links []string
	for _, path := range paths {
		target, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, filepath.Base(path)+" "+target)
	}
	slices.Sort(links)
	return links
}

// await polls, at most until the deadline or the end of the process.
func await(t *testing.T, done func() bool, fd int) {
	t.Helper()
	for range deadline.Milliseconds() {
		if done() {
			return
		}
		pause(fd)
	}
	t.Fatal("it did not happen in time")
}

// Hundreds of descriptors, high and low, equal and different ones, with gaps.
func TestManyDescriptors(t *testing.T) {
	fds, name := marked(t, 200)
	var sources []int
	var want []string
	for i := range 600 {
		fd := fds[i*7%len(fds)]
		switch {
		case i%5 == 0:
			fd = Closed
		case i%3 == 0:
			fd = fds[1]
		}
		sources = append(sources, fd)
		if fd >= 0 {
			want = append(want, fmt.Sprint(3+i, " ", name(slices.Index(fds, fd))))
		}
	}
	slices.Sort(want)
	for _, method := range usable() {
		got := openIn(t, newLauncher(t, method), [3]File{}, Start{Streams: [3]int{Closed, Closed, Closed}, Files: sources})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", method, diff)
		}
	}
}

func TestManyArguments(t *testing.T) {
	arguments := make([]string, maxArguments/2)
	for i := range arguments {
		arguments[i] = fmt.Sprint(i % 1000)
	}
	for _, method := range usable() {
		for _, n := range []int{50, 5000, len(arguments)} {
			got := see(t, newLauncher(t, method), looker(t, arguments[:n]...), Start{Streams: toPipe})
			if !slices.Equal(got.Args[2:], arguments[:n]) {
				t.Errorf("%v: %d arguments of %d arrived, or others", method, len(got.Args)-2, n)
			}
		}
	}
}

// inherited runs in a helper process that was started with another limit and ignored signals: it starts cat of its own
// status, with everything of ours that a child can keep, or nothing.
func inherited(method, keep string) error {
	signal.Ignore(unix.SIGUSR1, unix.SIGURG)
	l, err := New(Options{Method: Method(method[0] - '0')})
	if err != nil {
		return err
	}
	all := keep == "keep"
	p, err := l.Compile(Spec{
		Unit: "x", Path: "/bin/cat", Argv: []string{"cat", "/proc/self/status", "/proc/self/limits"}, KeepLimits: all, KeepIgnored: all, KeepSession: all,
	})
	if err != nil {
		return err
	}
	process, err := start(l, p, Start{Streams: [3]int{-1, 1, 2}})
	if err != nil {
		return err
	}
	_, err = finish(process)
	return errors.Join(err, l.Close())
}

const limited = `ulimit -S -n 200; trap '' HUP TTOU; exec "$@"`

func TestInherited(t *testing.T) {
	if !canClone {
		t.Skip("the limit is not known on this processor")
	}
	hard := hardLimit(t)
	ignored := fmt.Sprintf("SigIgn:\t%016x", maskOf(unix.SIGHUP, unix.SIGTTOU, unix.SIGUSR1, unix.SIGURG)|ignoredHere(t))
	for _, method := range usable() {
		for keep, want := range map[string][]string{
			"keep":  {ignored, noFileLine(200, hard)},
			"reset": {"SigIgn:\t0000000000000000", noFileLine(min(softNoFile, hard), min(hardNoFile, hard))},
		} {
			out, err := limitedHelper(t, "inherited", fmt.Sprint(uint8(method)), keep).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for _, line := range append(want, "SigBlk:\t0000000000000000", "SigCgt:\t0000000000000000") {
				if !strings.Contains(string(out), line) {
					t.Errorf("%v, %s: there is no line %q in\n%s", method, keep, line, out)
				}
			}
		}
	}
}

func noFileLine(soft, hard uint64) string {
	return fmt.Sprintf("Max open files            %-20d %-20d files", soft, hard)
}

// A limit that the Spec names is set as it says.
func TestKeepLimitsExcept(t *testing.T) {
	l := newLauncher(t, MethodAuto)
	limit := Limit{"nofile", unix.RLIMIT_NOFILE, 7, 8}
	p := compile(t, l, Spec{Unit: "x", Path: "/bin/true", Argv: []string{"true"}, KeepLimits: true, Limits: []Limit{limit}})
	if diff := cmp.Diff([]Limit{limit}, p.spec.Limits); diff != "" {
		t.Error(diff)
	}
}
