package launch

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// The test binary plays the stage and all helpers.
func TestMain(m *testing.M) {
	stageExtra = waitForPipe
	switch {
	case IsStage():
		RunStage()
	case os.Args[0] == helperName:
		runHelper(os.Args[1:])
	case len(os.Args) > 2 && os.Args[1] == helperName: // a shell cannot set argv[0]
		runHelper(os.Args[2:])
	}
	// The race detector of a helper would wait a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func runHelper(arguments []string) {
	helpers[arguments[0]](arguments[1:])
	os.Exit(0)
}

const helperName = "launch-helper"

// looker is the Spec of the helper that says what it sees of itself.
func looker(tb testing.TB, arguments ...string) Spec {
	tb.Helper()
	return Spec{Unit: tb.Name(), Path: selfBinary(tb), Argv: append([]string{helperName, "look"}, arguments...)}
}

func selfBinary(tb testing.TB) string {
	tb.Helper()
	path, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

var methods = []Method{MethodClone3, MethodClone, MethodStage}

// usable are those that this processor has.
func usable() []Method {
	if !canClone {
		return methods[2:]
	}
	return methods
}

func newLauncher(tb testing.TB, method Method) *Launcher {
	tb.Helper()
	l, err := New(Options{Method: method})
	if err != nil {
		tb.Fatal(err)
	}
	if l.Method() != method && method != MethodAuto {
		tb.Fatalf("method %v, want %v", l.Method(), method)
	}
	tb.Cleanup(func() {
		if l.pool.lent != 0 {
			tb.Errorf("%d blocks are still in use", l.pool.lent)
		}
		if err := l.Close(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

func compile(tb testing.TB, l *Launcher, spec Spec) *Program {
	tb.Helper()
	p, err := l.Compile(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

var noStreams = [3]int{-1, -1, -1}

// deadline bounds everything that a test waits for.
const deadline = 20 * time.Second

// start starts and settles.
func start(l *Launcher, p *Program, s Start) (*Process, error) {
	process, err := l.Start(p, s)
	if err != nil {
		return nil, err
	}
	if err := settle(process); err != nil {
		return nil, err
	}
	return process, nil
}

// settle waits until the start is settled. The process is closed when it has failed.
func settle(p *Process) error {
	for end := time.Now().Add(deadline); time.Now().Before(end); runtime.Gosched() {
		settled, err := p.Settled()
		if settled && err != nil {
			return with(err, p.Close())
		}
		if settled || err != nil {
			return err
		}
		pause(p.FD)
	}
	return errors.New("the start was not settled in time")
}

// pause waits a moment, or until the process ends.
func pause(fd int) {
	limit := unix.NsecToTimespec(time.Millisecond.Nanoseconds())
	_, _ = unix.Ppoll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, &limit, nil)
}

// finish waits for the end and closes the process.
func finish(p *Process) (Status, error) {
	for end := time.Now().Add(deadline); time.Now().Before(end); {
		status, ended, err := p.Wait()
		if err != nil || ended {
			return status, with(err, p.Close())
		}
		pause(p.FD)
	}
	return Status{}, errors.New("the process did not end in time")
}

// output starts the program with a pipe on the streams of s that are piped, and returns what it writes and how it ends.
func output(t *testing.T, l *Launcher, p *Program, s Start) (string, Status) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeFile(t, r) })
	fd := rawFD(t, w)
	for i := range s.Streams {
		if s.Streams[i] == piped {
			s.Streams[i] = fd
		}
	}
	process, err := start(l, p, s)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	status, err := finish(process)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), status
}

func closeFile(t *testing.T, f *os.File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

const piped = -100

var toPipe = [3]int{-1, piped, piped}

// rawFD is the number of a file's descriptor, without File.Fd's change to blocking mode.
func rawFD(tb testing.TB, f *os.File) int {
	tb.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		tb.Fatal(err)
	}
	number := -1
	if err := raw.Control(func(fd uintptr) { number = int(fd) }); err != nil {
		tb.Fatal(err)
	}
	return number
}

// trueBinary writes a static program of a few bytes that exits with status 0: what a start costs without a loader.
func trueBinary(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "true")
	if err := os.WriteFile(path, tinyELF(tb), 0o700); err != nil {
		tb.Fatal(err)
	}
	return path
}

func tinyELF(tb testing.TB) []byte {
	tb.Helper()
	code := map[string][]byte{ // exit_group(0)
		"amd64": {0x31, 0xff, 0xb8, 231, 0, 0, 0, 0x0f, 0x05},
		"arm64": {0, 0, 0x80, 0xd2, 0xc8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4},
	}[runtime.GOARCH]
	machine := map[string]uint16{"amd64": 62, "arm64": 183}[runtime.GOARCH]
	if code == nil {
		tb.Skipf("there is no machine code for %s in this test", runtime.GOARCH)
	}
	const base, headers = 0x400000, 64 + 56
	put := binary.LittleEndian
	elf := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 9)...)
	elf = put.AppendUint16(put.AppendUint16(elf, 2), machine)
	elf = put.AppendUint32(elf, 1)
	for _, v := range []uint64{base + headers, 64, 0} {
		elf = put.AppendUint64(elf, v)
	}
	elf = put.AppendUint32(elf, 0)
	for _, v := range []uint16{64, 56, 1, 0, 0, 0} {
		elf = put.AppendUint16(elf, v)
	}
	elf = put.AppendUint32(put.AppendUint32(elf, 1), 5)
	size := uint64(headers + len(code))
	for _, v := range []uint64{0, base, base, size, size, 0x1000} {
		elf = put.AppendUint64(elf, v)
	}
	return append(elf, code...)
}

// needRoot skips a test that only root can do.
func needRoot(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("only root can change ids, root directory and cgroups")
	}
}
