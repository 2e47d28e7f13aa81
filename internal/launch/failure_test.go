package launch

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A failure is a start that must fail: how, and at which stage.
type failure struct {
	name   string
	spec   func(s *Spec, dir string) error // dir is empty
	start  Start
	stage  Stage
	errno  unix.Errno
	detail string // what Detail ends with
	asUser bool   // only for another user than root
	asRoot bool
}

// set is a change that cannot fail.
func set(change func(*Spec)) func(*Spec, string) error {
	return func(s *Spec, _ string) error { change(s); return nil }
}

func executable(path string) func(*Spec, string) error {
	return set(func(s *Spec) { s.Path = path })
}

// content makes a file and takes it as the executable.
func content(mode os.FileMode, text string) func(*Spec, string) error {
	return func(s *Spec, dir string) error {
		s.Path = filepath.Join(dir, "file")
		return os.WriteFile(s.Path, []byte(text), mode)
	}
}

func stream(i int, file File) func(*Spec, string) error {
	return set(func(s *Spec) { s.Files[i] = file })
}

const notOpen = 59 // no descriptor of this number is open in these tests

var failures = []failure{
	{name: "no executable", spec: executable("/nonexistent/program"), stage: StageExec, errno: unix.ENOENT, detail: "/nonexistent/program"},
	{name: "a folder", spec: executable("/tmp"), stage: StageExec, errno: unix.EACCES, detail: "/tmp"},
	{name: "not executable", spec: content(0o600, "#!/bin/sh\n"), stage: StageExec, errno: unix.EACCES},
	{name: "no format", spec: content(0o700, "echo"), stage: StageExec, errno: unix.ENOEXEC},
	{name: "no interpreter", spec: content(0o700, "#!/nonexistent\n"), stage: StageExec, errno: unix.ENOENT},
	{name: "link loop", spec: func(s *Spec, dir string) error {
		s.Path = filepath.Join(dir, "loop")
		return os.Symlink(s.Path, s.Path)
	}, stage: StageExec, errno: unix.ELOOP},
	{name: "no folder", spec: set(func(s *Spec) { s.Dir = "/nonexistent" }), stage: StageDirectory, errno: unix.ENOENT, detail: "/nonexistent"},
	{name: "folder is a file", spec: set(func(s *Spec) { s.Dir = "/dev/null" }), stage: StageDirectory, errno: unix.ENOTDIR, detail: "/dev/null"},
	{name: "no root", spec: set(func(s *Spec) { s.Root = "/nonexistent" }), stage: StageRoot, errno: unix.ENOENT, detail: "/nonexistent"},
	{name: "no input", spec: stream(0, File{Path: "/nonexistent"}), stage: StageStdin, errno: unix.ENOENT, detail: "/nonexistent"},
	{name: "no output", spec: stream(1, File{Path: "/nonexistent/x", Flags: unix.O_WRONLY | unix.O_CREAT}), stage: StageStdout, errno: unix.ENOENT, detail: "/nonexistent/x"},
	{name: "error is a folder", spec: stream(2, File{Path: "/tmp", Flags: unix.O_WRONLY}), stage: StageStderr, errno: unix.EISDIR, detail: "/tmp"},
	{name: "output is a link", spec: stream(1, File{Path: "/proc/self/exe", Flags: unix.O_WRONLY}), stage: StageStdout, errno: unix.ELOOP, detail: "/proc/self/exe"},
	{name: "output is a FIFO that nobody reads", spec: func(s *Spec, dir string) error {
		s.Files[1] = File{Path: filepath.Join(dir, "fifo"), Flags: unix.O_WRONLY | unix.O_CREAT | unix.O_APPEND, Mode: 0o640}
		return unix.Mkfifo(s.Files[1].Path, 0o600)
	}, stage: StageStdout, errno: unix.ENXIO, detail: "/fifo"},
	{name: "bad stream", start: Start{Streams: [3]int{-1, -1, notOpen}}, stage: StageStderr, errno: unix.EBADF},
	{name: "bad descriptor", start: Start{Streams: noStreams, Files: []int{0, notOpen}}, stage: StageDescriptors, errno: unix.EBADF, detail: "descriptor 4"},
	{name: "bad high descriptor", start: Start{Streams: noStreams, Files: []int{0, 1 << 19}}, stage: StageDescriptors, errno: unix.EBADF, detail: "descriptor 4"},
	{name: "limit above our own", spec: set(func(s *Spec) {
		s.Limits = []Limit{{"core", unix.RLIMIT_CORE, 1, 2}, {"nofile", unix.RLIMIT_NOFILE, 1, math.MaxUint64}}
	}), stage: StageLimits, errno: unix.EPERM, detail: "nofile"},
	{name: "groups as a user", spec: set(func(s *Spec) { s.Identity = &Identity{UID: 1, GID: 1, Groups: []int{1}} }), stage: StageGroups, errno: unix.EPERM, asUser: true},
	{name: "nice as a user", spec: set(func(s *Spec) { s.Nice = new(-20) }), stage: StageNice, errno: unix.EACCES, asUser: true},
	{name: "root as a user", spec: set(func(s *Spec) { s.Root = "/tmp" }), stage: StageRoot, errno: unix.EPERM, asUser: true},
	{name: "folder of another", spec: func(s *Spec, dir string) error {
		s.Dir, s.Identity = dir, &Identity{UID: nobody, GID: nobody}
		return os.Chmod(dir, 0o700)
	}, stage: StageDirectory, errno: unix.EACCES, asRoot: true},
}

const nobody = 65534

func TestFailures(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			before := countDescriptors(t)
			for _, f := range failures {
				if f.asUser && os.Geteuid() == 0 || f.asRoot && os.Geteuid() != 0 {
					continue // root's children do the others, see TestAsUser
				}
				t.Run(f.name, func(t *testing.T) { f.check(t, l) })
			}
			noChildren(t)
			if after := countDescriptors(t); after != before {
				t.Errorf("%d descriptors are open, %d before", after, before)
			}
		})
	}
}

func (f *failure) check(t *testing.T, l *Launcher) {
	t.Helper()
	spec := Spec{Unit: "broken", Path: "/bin/true", Argv: []string{"true"}}
	s := f.start
	if f.spec != nil {
		s.Streams = noStreams
		if err := f.spec(&spec, t.TempDir()); err != nil {
			t.Fatal(err)
		}
	}
	process, err := start(l, compile(t, l, spec), s)
	if err == nil {
		status, err := finish(process)
		t.Fatalf("it was executed, %+v, %v", status, err)
	}
	f.compare(t, err)
}

func (f *failure) compare(t *testing.T, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T %v, want an *Error", err, err)
	}
	// Of a descriptor that is not open, the stage's parent knows before it makes a process.
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", e.PID)); e.PID < 0 || e.PID > 0 && err == nil || f.stage > StageDescriptors && e.PID == 0 {
		t.Errorf("the child had the pid %d, %v", e.PID, err)
	}
	if e.Stage != f.stage || e.Err != f.errno || e.Signal != 0 || e.Late || e.Unit != "broken" {
		t.Errorf("%#v (%v), want stage %d and %v", e, e, f.stage, f.errno)
	}
	if !strings.HasSuffix(e.Detail, f.detail) {
		t.Errorf("detail %q, want %q", e.Detail, f.detail)
	}
}

// A file that is open for writing cannot be executed: a moment later it can.
func TestTextBusy(t *testing.T) {
	for _, method := range usable() {
		t.Run(method.String(), func(t *testing.T) {
			l := newLauncher(t, method)
			path := trueBinary(t)
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			p := compile(t, l, Spec{Unit: "busy", Path: path, Argv: []string{"true"}})
			_, err = start(l, p, Start{Streams: noStreams})
			if !errors.Is(err, unix.ETXTBSY) || !IsTemporary(err) {
				t.Errorf("%v, want ETXTBSY, temporary", err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			process, err := start(l, p, Start{Streams: noStreams})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := finish(process); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*Error{
		`unit "x": setting resource limits (nofile): operation not permitted`:         {Stage: StageLimits, Unit: "x", Detail: "nofile", Err: unix.EPERM},
		`unit "x": executing (/bin/x): killed by signal 9 (killed)`:                   {Stage: StageExec, Unit: "x", Detail: "/bin/x", Signal: unix.SIGKILL},
		`unit "x": setting up standard input (/f): took longer than 5 s`:              {Stage: StageStdin, Unit: "x", Detail: "/f", Signal: unix.SIGKILL, Late: true},
		`unit "x": verifying that privileges are gone (user 0): they can be regained`: {Stage: StageVerify, Unit: "x", Detail: "user 0"},
		`unit "x": making a process: ended early`:                                     {Unit: "x"},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if e := error(&Error{Err: syscall.ENOENT}); !errors.Is(e, os.ErrNotExist) {
		t.Error("ENOENT is not fs.ErrNotExist")
	}
	if e := error(&Error{Signal: unix.SIGKILL}); errors.Unwrap(e) != nil {
		t.Error("a signal is no errno")
	}
}

func TestStages(t *testing.T) {
	for s := range stageCount {
		if s.String() == "" || s.Code() < 1 || s.Code() > 255 || s.Code() > 1 != (s.Word() != "") {
			t.Errorf("stage %d: %q, %d, %q", s, s, s.Code(), s.Word())
		}
	}
	if StageExec.Code() != 203 || StageExec.Word() != "EXEC" || Stage(200).String() == "" {
		t.Error("execve is 203/EXEC")
	}
}
