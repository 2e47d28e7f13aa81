package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
	"sockbridge/internal/launch"
	"sockbridge/internal/logsink"
	"sockbridge/internal/superserver"
)

const (
	// threads is how many OS threads are made at the start, so that none has to be made at a pids limit, where the runtime
	// would end the program: the loop, the log's writer, signals, a reload, the runtime's own, and as many for blocking
	// calls of each.
	threads = 16
	// logPatience is how long the end of the program waits for a slow reader of its log.
	logPatience = time.Second
)

// A manager is what run and once share: the process made ready, a log, and a server until it ends.
type manager struct {
	log     string // --log
	control string
	strict  bool
}

func (m *manager) run(ctx context.Context, load loader) error {
	before, err := newSuccession()
	if err != nil {
		return err
	}
	if before.check {
		return before.answer(ctx, superserver.Options{Load: load})
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot tell which program this is: %w", err)
	}
	inherited, err := activation.Inherited(true)
	if err != nil {
		return fmt.Errorf("cannot take the sockets that were passed to us: %w", err)
	}
	format, level, err := m.logFormat()
	if err != nil {
		return usageError{err}
	}
	if err := prepare(); err != nil {
		return err
	}
	stderr, err := logFile()
	if err != nil {
		return err
	}
	writer := logsink.NewWriter(stderr, format)
	defer writer.Close(logPatience)
	server, err := superserver.New(superserver.Options{
		Load: load, Control: m.control, Strict: m.strict, Inherited: inherited, Version: version,
		Sink: logsink.New(writer, format, level).Event, Flush: func() { writer.Flush(logPatience) },
		Executable: executable, Resume: before.state,
	})
	if err != nil {
		return err
	}
	return server.Run(ctx)
}

// logFile is standard error under another number: the runtime ends a program that writes to descriptor 2 when its reader is
// gone, and we must not end for that.
func logFile() (*os.File, error) {
	fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, launch.LongLived)
	if err != nil {
		return nil, fmt.Errorf("cannot open the log: %w", err)
	}
	return os.NewFile(uintptr(fd), "standard error"), nil
}

// prepare makes the process fit to start others.
func prepare() error {
	// Set explicitly, or the runtime keeps looking at cgroup files for a changed limit.
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	if err := launch.Prepare(); err != nil {
		return err
	}
	launch.Threads(threads)
	return nil
}

// logFormat is what --log says, by default text for people and JSON for programs.
func (m *manager) logFormat() (logsink.Format, slog.Level, error) {
	name := m.log
	if name == "" || name == "auto" {
		name = string(logsink.JSON)
		if isTerminal(os.Stderr) {
			name = string(logsink.Text)
		}
	}
	return logsink.ParseFormat(name)
}

// defaultControl is where the control socket is unless --control or SOCKBRIDGE_CONTROL says otherwise; empty is nowhere.
func defaultControl() string {
	if path, set := os.LookupEnv("SOCKBRIDGE_CONTROL"); set {
		return path
	}
	const name = "sockbridge/control.sock"
	if os.Geteuid() == 0 {
		return filepath.Join("/run", name)
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, name)
	}
	return ""
}

const logUsage = "the `format` of the log on standard error: text or json, with :LEVEL (debug, info, warn, error);" +
	" auto is text on a terminal, else json"

// isTerminal reports whether a person reads the file.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
