package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// listing starts ls on its own descriptors by a shell, and returns "number target" of each.
func listing(t *testing.T, l *Launcher, spec Spec, s Start) []string {
	t.Helper()
	spec.Unit, spec.Path, spec.Argv = "ls", "/bin/sh", []string{"sh", "-c", "/bin/ls -l /proc/$$/fd"}
	text, status := output(t, l, compile(t, l, spec), s)
	if status.Code != 0 {
		t.Fatalf("%+v: %s", status, text)
	}
	var lines []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if at := slices.Index(fields, "->"); at > 0 {
			lines = append(lines, fields[at-1]+" "+fields[at+1])
		}
	}
	slices.Sort(lines)
	return lines
}

// marked opens n files whose names are their indexes.
func marked(t *testing.T, n int) (fds []int, name func(int) string) {
	t.Helper()
	dir := t.TempDir()
	name = func(i int) string { return filepath.Join(dir, fmt.Sprint(i)) }
	for i := range n {
		fd, err := unix.Open(name(i), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
		t.Cleanup(func() {
			if err := unix.Close(fd); err != nil {
				t.Error(err)
			}
		})
	}
	return fds, name
}

// Whatever numbers descriptors have with us, and however often one is passed, each gets its place and nothing else is
// open.
func TestPlaces(t *testing.T) {
	fds, name := marked(t, 12)
	at := func(number, file int) int { // a duplicate of a file at exactly that number
		if _, err := unix.FcntlInt(uintptr(number), unix.F_GETFD, 0); err == nil {
			t.Fatalf("descriptor %d is in use", number)
		}
		if err := unix.Dup3(fds[file], number, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Close(number); err != nil {
				t.Error(err)
			}
		})
		return number
	}
	low, mid, high, higher := fds[0], at(50, 1), at(70, 2), at(900, 3)
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			for _, c := range []struct {
				files []int
				want  []int // the marks of descriptors 3, 4, …
			}{
				{nil, nil},
				{[]int{low}, []int{0}},
				{[]int{high}, []int{2}},
				{[]int{higher, mid, low, high}, []int{3, 1, 0, 2}},
				{[]int{high, high, low, low}, []int{2, 2, 0, 0}},
				{fds, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
				{reversed(fds), []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
				{append(slices.Clone(fds[1:]), fds[0]), []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0}},
				{slices.Repeat([]int{high, mid}, 40), slices.Repeat([]int{2, 1}, 40)},
			} {
				want := []string{"0 /dev/null", "2 " + name(4)}
				for i, mark := range c.want {
					want = append(want, fmt.Sprint(3+i, " ", name(mark)))
				}
				slices.Sort(want)
				got := listing(t, l, Spec{}, Start{Streams: [3]int{-1, piped, fds[4]}, Files: c.files})
				got = slices.DeleteFunc(got, func(line string) bool { return strings.HasPrefix(line, "1 pipe:") })
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%v: %s", c.files, diff)
				}
			}
		})
	}
}

func reversed(fds []int) []int {
	fds = slices.Clone(fds)
	slices.Reverse(fds)
	return fds
}

// Streams may be swapped, and descriptors 0 to 2 of ours passed on as others.
func TestStreams(t *testing.T) {
	fds, name := marked(t, 3)
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			got := listing(t, l, Spec{}, Start{Streams: [3]int{fds[2], piped, fds[0]}, Files: []int{fds[1], l.null}})
			want := []string{"0 " + name(2), "2 " + name(0), "3 " + name(1), "4 /dev/null"}
			got = slices.DeleteFunc(got, func(line string) bool { return strings.HasPrefix(line, "1 pipe:") })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Files are made with their exact mode, and a stream equal to the one before it continues its file.
func TestFiles(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			path := filepath.Join(t.TempDir(), "out")
			out := File{Path: path, Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC, Mode: 0o644}
			p := compile(t, l, Spec{
				Unit: "files", Path: "/bin/sh", Argv: []string{"sh", "-c", "umask; echo one; echo two >&2; echo three"},
				Files: [3]File{1: out, 2: out}, Umask: 0o027,
			})
			process, err := start(l, p, Start{Streams: noStreams})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := finish(process); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil || string(text) != "0027\none\ntwo\nthree\n" {
				t.Errorf("%q, %v", text, err)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode() != 0o644 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
		})
	}
}

// A FIFO without a writer is at its end, and the service's descriptors block as everybody expects.
func TestFIFO(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	for _, method := range usable() {
		l := newLauncher(t, method)
		spec := Spec{Unit: "fifo", Path: "/bin/sh", Argv: []string{"sh", "-c", "cat; cat /proc/$$/fdinfo/0 /proc/$$/fdinfo/2"}}
		spec.Files = [3]File{0: {Path: fifo}, 2: {Path: log, Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_APPEND, Mode: 0o600}}
		text, status := output(t, l, compile(t, l, spec), Start{Streams: [3]int{-1, piped, -1}})
		var flags []uint64
		for line := range strings.Lines(text) {
			if value, ok := strings.CutPrefix(line, "flags:"); ok {
				n, err := strconv.ParseUint(strings.TrimSpace(value), 8, 32)
				if err != nil {
					t.Fatal(err)
				}
				flags = append(flags, n&(unix.O_APPEND|unix.O_NONBLOCK))
			}
		}
		if status.Code != 0 || !slices.Equal(flags, []uint64{0, unix.O_APPEND}) {
			t.Errorf("%v: flags %#o, %+v: %s", method, flags, status, text)
		}
	}
}

// A link in a log's path is not followed, wherever it stands; an input's is.
func TestFilesBehindLink(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "target")
	through := filepath.Join(dir, "link", "file")
	if err := errors.Join(os.Mkdir(target, 0o700), os.Symlink(target, filepath.Dir(through)), os.WriteFile(filepath.Join(target, "file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, method := range usable() {
		l := newLauncher(t, method)
		if !l.host.openat2 {
			t.Skip("the kernel has no openat2(2)")
		}
		spec := Spec{Unit: "x", Path: "/bin/true", Argv: []string{"true"}}
		spec.Files[1] = File{Path: through + "2", Flags: unix.O_WRONLY | unix.O_CREAT, Mode: 0o600}
		_, err := start(l, compile(t, l, spec), Start{Streams: noStreams})
		if !errors.Is(err, unix.ELOOP) {
			t.Errorf("%v: %v, want ELOOP", method, err)
		}
		if _, err := os.Stat(through + "2"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v: it was made: %v", method, err)
		}
		spec.Files = [3]File{{Path: through}}
		if _, status := output(t, l, compile(t, l, spec), Start{Streams: toPipe}); status.Code != 0 {
			t.Errorf("%v: reading ended with %+v", method, status)
		}
	}
}

// A given descriptor wins over the program's file, and an input file is read.
func TestInputFile(t *testing.T) {
	in := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(in, []byte("text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			spec := Spec{Unit: "cat", Path: "/bin/cat", Argv: []string{"cat"}}
			spec.Files = [3]File{{Path: in}, {Path: "/nonexistent"}, {Path: "/nonexistent"}}
			if text, status := output(t, l, compile(t, l, spec), Start{Streams: toPipe}); text != "text\n" {
				t.Errorf("%q, %+v", text, status)
			}
		})
	}
}

// When every number below LongLived is taken, the child copies the whole table instead.
func TestNoLowNumbers(t *testing.T) {
	for {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := unix.Close(fd); err != nil {
				t.Error(err)
			}
		})
		if fd > LongLived {
			break
		}
	}
	fds, name := marked(t, 1)
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			got := listing(t, l, Spec{}, Start{Streams: [3]int{fds[0], piped, fds[0]}, Files: fds})
			got = slices.DeleteFunc(got, func(line string) bool { return strings.HasPrefix(line, "1 pipe:") })
			if diff := cmp.Diff([]string{"0 " + name(0), "2 " + name(0), "3 " + name(0)}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
