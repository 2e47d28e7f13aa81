package launch

import (
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stageExtra is Launcher.extra of a stage.
var stageExtra func(*setup)

// IsStage reports whether this process was made by a Launcher to start a program. Main must ask this before anything else,
// and call [RunStage] if so. A program that has more rights than who executed it is none: anybody can choose its
// arguments.
func IsStage() bool {
	return len(os.Args) == 2 && os.Args[0] == stageName && !elevated()
}

// elevated reports whether our file has given us rights: set-user-ID, set-group-ID or capabilities, see getauxval(3).
func elevated() bool {
	const atSecure = 23 // AT_SECURE
	vector, err := unix.Auxv()
	return err != nil || slices.Contains(vector, [2]uintptr{atSecure, 1})
}

// RunStage becomes the program that the launcher wants, or ends the process. It never returns.
func RunStage() {
	// Nothing may make a thread while execve runs: the kernel refuses it, and the runtime would end the program. With
	// one P, held by a thread that makes raw system calls only, and without collections, nothing does.
	debug.SetGCPercent(-1)
	runtime.LockOSThread()
	runtime.GOMAXPROCS(1)
	places, err := strconv.Atoi(os.Args[1])
	if err != nil || places < 3 {
		unix.Exit(StageExec.Code())
	}
	status := places + 1
	unix.CloseOnExec(status)
	err = runStage(places, status)
	send(status, mark{stage: StageExec, failed: true, result: -int64(errno(err)), last: true})
	unix.Exit(StageExec.Code())
}

// runStage returns when it cannot even begin.
func runStage(places, status int) error {
	data, err := readAll(places)
	if err != nil {
		return err
	}
	r, err := decodeRequest(data)
	if err != nil || r.places != places {
		return errors.Join(err, unix.EPROTO)
	}
	// The runtime's own descriptors must stay open until execve, or its netpoller ends the program.
	h, err := survey(unix.CLOSE_RANGE_CLOEXEC)
	if err != nil {
		return err
	}
	b, err := r.write(h)
	if err != nil {
		return err
	}
	b.run(func(m mark) { send(status, m) })
	return unix.ENOTRECOVERABLE // unreached: a table ends with execve or an exit
}

func readAll(fd int) ([]byte, error) {
	f := os.NewFile(uintptr(fd), "request")
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

// write fills a block as the launcher would, but that the descriptors are in their places already and the pid is known.
func (r *request) write(h *host) (*block, error) {
	sources, err := r.sources()
	if err != nil {
		return nil, err
	}
	if h.ignored, err = r.ignoredSignals(); err != nil {
		return nil, err
	}
	s := setup{host: h, program: &r.program, start: r.start(h), sources: sources, extra: stageExtra}
	for _, size := range []int{blockSize, hugeBlockSize} {
		b, err := newBlock(size)
		if err != nil {
			return nil, err
		}
		s.block = b
		if s.write(); !b.full {
			return b, nil
		}
	}
	return nil, unix.E2BIG
}

// sources are the descriptors in their places.
func (r *request) sources() ([]int, error) {
	sources := make([]int, r.places)
	for i := range sources {
		sources[i] = i
		if i < len(r.opened) && r.opened[i] {
			sources[i] = ownFile
		}
	}
	for _, place := range r.closed {
		if place < 0 || place >= len(sources) {
			return nil, errRequest
		}
		sources[place] = Closed
	}
	return sources, nil
}

// ignoredSignals are those of the launcher: our own runtime has taken over most of what was ignored.
func (r *request) ignoredSignals() ([]uint8, error) {
	signals := make([]uint8, len(r.ignored))
	for i, signal := range r.ignored {
		if signal < 1 || signal > maxSignal {
			return nil, errRequest
		}
		signals[i] = uint8(signal)
	}
	return signals, nil
}

// start announces the process as the clone's table would: here it is our own.
func (r *request) start(h *host) *Start {
	s := &Start{Env: r.env}
	if !r.announce {
		return s
	}
	s.Env = without(s.Env, listenPID, listenPIDFDID)
	s.Env = append(s.Env, listenPID+"="+strconv.Itoa(os.Getpid()))
	r.program.Env = without(r.program.Env, listenPID, listenPIDFDID)
	if inode, ok := pidfdInode(h); ok {
		s.Env = append(s.Env, listenPIDFDID+"="+strconv.FormatUint(inode, 10))
	}
	return s
}

// without returns the variables that have none of the names.
func without(variables []string, names ...string) []string {
	var kept []string
	for _, variable := range variables {
		if !sets([]string{variable}, names[0]) && !sets([]string{variable}, names[1]) {
			kept = append(kept, variable)
		}
	}
	return kept
}

// pidfdInode is the inode number that a pidfd of this process has. The pidfd is left to the sweep.
func pidfdInode(h *host) (uint64, bool) {
	var stat unix.Stat_t
	fd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err == nil {
		err = unix.Fstat(fd, &stat)
	}
	return stat.Ino, h.pidfs && err == nil
}

// run is the portable form of what the assembly does. It returns only if the table has no end.
func (b *block) run(report func(mark)) {
	for i := range b.calls {
		e := &b.table[i]
		b.head.at = uint32(b.offset(unsafe.Pointer(e)))
		report(b.mark())
		a := &e.args
		r1, _, err := unix.RawSyscall6(uintptr(e.nr), a[0], a[1], a[2], a[3], a[4], a[5])
		result := int64(r1)
		if err != 0 {
			result = -int64(err)
		}
		if !e.wants(result) {
			b.head.failed, b.head.result = 1, result
			report(b.mark())
			unix.Exit(int(e.exit))
		}
		if e.save != 0 {
			*(*uintptr)(unsafe.Pointer(&b.memory[e.save])) = r1
		}
	}
}

// send writes a report. A reader that has gone away changes nothing about the start.
func send(status int, m mark) {
	data := appendReport(nil, m)
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(status), uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)))
}
