package launch

import (
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A staged is the set-up of a child that began as a second process of our own binary. It reports through a pipe that
// execve closes.
type staged struct {
	status  int    // our end of the pipe
	reports []byte // read so far
	closed  error  // of closing its ends
}

// stageName is the first argument of a stage, the number of descriptors to pass its second.
const stageName = "sockbridge-start"

// selfPath is our binary even after another took its place: the format of requests is a matter between equal binaries.
const selfPath = "/proc/self/exe"

func findStage() error {
	_, err := os.Readlink(selfPath)
	return err
}

// beginStage executes our own binary with the descriptors in their places, the request and the status pipe behind them.
func (l *Launcher) beginStage(spec *Spec, s *Start, sources []int) (*Process, error) {
	r := request{program: *spec, env: s.Env, places: len(sources), announce: s.Announce}
	if spec.KeepIgnored {
		r.ignored = numbersOf(l.host.ignored)
	}
	files := make([]uintptr, len(sources), len(sources)+2)
	for i, fd := range sources {
		switch fd { // no number may be free, or Go's runtime takes it for itself
		case ownFile:
			r.opened[i], fd = true, l.null
		case Closed:
			r.closed, fd = append(r.closed, i), l.null
		}
		if err := isOpen(i, fd); err != nil {
			return nil, err
		}
		files[i] = uintptr(fd)
	}
	in, err := requestFile(r.encode())
	if err != nil {
		return nil, err
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, errors.Join(err, unix.Close(in))
	}
	p, err := execStage(append(files, uintptr(in), uintptr(pipe[1])))
	closed := errors.Join(unix.Close(in), unix.Close(pipe[1]))
	if err != nil {
		return nil, errors.Join(err, closed, unix.Close(pipe[0]))
	}
	p.setup = &staged{status: pipe[0], closed: closed}
	return p, nil
}

func numbersOf(signals []uint8) []int {
	numbers := make([]int, len(signals))
	for i, signal := range signals {
		numbers[i] = int(signal)
	}
	return numbers
}

// isOpen finds what the making of the stage would only call a bad descriptor.
func isOpen(place, fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	if err == nil {
		return nil
	}
	return &Error{Stage: placeStage(place), Detail: placeDetail(place), Err: errno(err)}
}

func execStage(files []uintptr) (*Process, error) {
	p := &Process{FD: -1}
	attr := syscall.ProcAttr{Dir: "/", Env: []string{}, Files: files, Sys: &syscall.SysProcAttr{PidFD: &p.FD}}
	var err error
	p.PID, err = syscall.ForkExec(selfPath, []string{stageName, strconv.Itoa(len(files) - 2)}, &attr)
	return p, err
}

// requestFile returns a descriptor from which the data can be read. Memory, unlike a pipe, takes any size without a
// reader.
func requestFile(data []byte) (int, error) {
	fd, err := unix.MemfdCreate("request", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, err
	}
	for len(data) > 0 {
		n, err := unix.Write(fd, data)
		if err != nil {
			return -1, errors.Join(err, unix.Close(fd))
		}
		data = data[n:]
	}
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// wait reads reports until the pipe is closed, at most for d.
func (s *staged) wait(d time.Duration) bool {
	deadline := time.Now().Add(d)
	for {
		limit := unix.NsecToTimespec(max(0, time.Until(deadline).Nanoseconds()))
		ready, err := unix.Ppoll([]unix.PollFd{{Fd: int32(s.status), Events: unix.POLLIN}}, &limit, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || ready == 0:
			return false
		case s.read():
			return true
		}
	}
}

// read takes what is in the pipe, which must be readable; true: it is closed.
func (s *staged) read() bool {
	var buffer [4096]byte
	n, err := unix.Read(s.status, buffer[:])
	s.reports = append(s.reports, buffer[:max(n, 0)]...)
	return n == 0 || err != nil && !errors.Is(err, unix.EINTR)
}

// mark is the last report.
func (s *staged) mark() mark { return lastReport(s.reports) }

func (s *staged) release() error { return errors.Join(s.closed, unix.Close(s.status)) }
