package proxy

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/controllers"
	"sockbridge/internal/launch"
	"sockbridge/internal/supervise"
)

// umask is that of the program and of all services.
const umask = 0o077

// start makes everything that the loop serves, in the order that clients see: handles, control socket, the interactive session,
// the configuration.
func (p *program) start(fds []int) error {
	unix.Umask(umask)
	if err := p.build(); err != nil {
		if err := p.ending.fatal(codeEnvironment, err.Error()); err != nil {
			return err
		}
		return status(codeEnvironment) // there is nothing to go on with
	}
	config, err := p.configFD() // while descriptors are where a path such as /dev/fd/9 means them
	p.nameInherited(fds)
	p.engine.Observe(p)
	p.signals.serve(p.signal)
	readConfig := func() error { return p.readConfig(config, err) }
	for _, step := range []func() error{p.openSocket, p.openInteractive, readConfig} {
		if err := step(); err != nil {
			return err
		}
	}
	p.lockMemory()
	if p.config == nil {
		p.loop.Soon(p.begun)
	}
	return nil
}

// newLauncher prepares the process to start others.
func newLauncher() (*launch.Launcher, error) {
	if err := launch.Prepare(); err != nil {
		return nil, err
	}
	if err := resetOthers(); err != nil {
		return nil, err
	}
	return launch.New(launch.Options{})
}

// build makes the engine and the server of controllers.
func (p *program) build() (err error) {
	if p.launcher, err = newLauncher(); err != nil {
		return err
	}
	launch.Threads(threads)
	p.engine = supervise.New(supervise.Options{
		Loop: p.loop, Launcher: p.launcher, Publish: p.publish,
		MaxHandles: p.settings.handles.count, MaxServices: p.settings.services.count,
	})
	p.server, err = controllers.New(controllers.Options{
		Loop: p.loop, Engine: p.engine, Launcher: p.launcher, Compatible: true, Name: programName,
		ServiceSize: p.settings.services.size, HandleSize: p.settings.handles.size, Commands: p.commands(), Log: p.log.Write, Debug: p.log.Debug, Ended: p.sessionEnded,
	})
	if err != nil {
		return err
	}
	p.loop.RoundEnd(p.log.Flush) // after the server, whose sessions end then
	p.strangers = watchStrangers(p.loop, p.engine.Live)
	return nil
}

// signal handles one signal, on the loop.
func (p *program) signal(sig unix.Signal) {
	if isFault(sig) {
		p.fail(p.ending.fatal(codeSignal, faultText(sig)))
		return
	}
	p.engine.Raise(sig)
}

func (p *program) openSocket() error {
	if p.settings.socket == "" {
		return nil
	}
	if err := p.server.CreateSocket(p.settings.socket); err != nil {
		p.log.Write(control.LevelError, err.Error())
		return p.ending.fatal(codeEnvironment, "Can't create controller socket")
	}
	return nil
}

// openInteractive begins the session on standard input and output, and greets it.
func (p *program) openInteractive() error {
	if !p.settings.interactive {
		return nil
	}
	if wasClosed(0) || wasClosed(1) {
		return p.ending.fatal(codeEnvironment, "stdin/stdout are not usable!")
	}
	in, err := copyOf(0)
	if err != nil {
		return p.ending.fatal(codeEnvironment, "stdin/stdout are not usable!")
	}
	out, err := copyOf(1)
	if err != nil {
		closeQuietly(in)
		return p.ending.fatal(codeEnvironment, "stdin/stdout are not usable!")
	}
	p.interactive = p.server.Attach(controllers.Link{Read: in, Write: out, Rights: control.Admin, Interactive: true})
	for _, line := range banner(p.settings.build) {
		p.interactive.Emit("info", line)
	}
	return nil
}

// copyOf duplicates a standard descriptor: the session closes what it is given, and the program of the exec on exit is to have the
// real one.
func copyOf(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, launch.LongLived)
}

// wasClosed reports whether our parent had closed a standard descriptor. Go's runtime has opened it by now: on /dev/null, for
// reading and writing, as hardly anybody else does.
func wasClosed(fd int) bool {
	var stat, null unix.Stat_t
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil {
		err = errors.Join(unix.Fstat(fd, &stat), unix.Stat("/dev/null", &null))
	}
	return err == nil && stat.Mode&unix.S_IFMT == unix.S_IFCHR && stat.Rdev == null.Rdev && flags&unix.O_ACCMODE == unix.O_RDWR
}

// readConfig begins the session that executes the configuration, with what configFD returned.
func (p *program) readConfig(fd int, err error) error {
	if err != nil {
		p.log.Write(control.LevelError, err.Error())
		return p.ending.fatal(codeEnvironment, "Unable to process config file")
	}
	if fd < 0 {
		return nil
	}
	p.config = p.server.Attach(controllers.Link{Read: fd, Write: -1, Rights: control.Admin, LastLine: true, Mute: true})
	return nil
}

// configFD opens the configuration. Without one the descriptor is -1.
func (p *program) configFD() (int, error) {
	path := p.settings.config
	if path == "" {
		return -1, nil
	}
	if path == configStdin {
		if p.settings.interactive || wasClosed(0) {
			return -1, errors.New("stdin not available")
		}
		return copyOf(0)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err == nil {
		fd, err = launch.Keep(fd)
	}
	if err != nil {
		return -1, fmt.Errorf("Failed to open config file \"%s\": %s", path, strerror(err)) //nolint:staticcheck // a line of the log that clients compare
	}
	return fd, nil
}

// sessionEnded is called when a session of ours has ended.
func (p *program) sessionEnded(s *controllers.Session) {
	switch s {
	case p.config:
		p.config = nil
		if p.settings.config == configStdin {
			p.nullify(0)
		}
		p.begun()
	case p.interactive:
		p.interactive = nil
		p.interactiveEnded()
	}
}

// interactiveEnded ends the program with its interactive session.
func (p *program) interactiveEnded() {
	if p.ending.guard != 0 {
		p.nullify(0)
		p.nullify(1)
		p.log.Write(control.LevelWarning, "interactive session ended, but not exiting due to terminate-guard")
		return
	}
	p.log.Write(control.LevelInfo, "interactive session ended")
	if !p.stopped {
		p.end(0)
	}
}

// begun is called when the configuration was executed: in the background, the parent hears of it, and nothing holds on to what
// it had open.
func (p *program) begun() {
	if p.daemon == nil {
		return
	}
	p.log.Flush()
	p.log.restore()
	for fd := range 3 {
		p.nullify(fd)
	}
	if p.log.name == stderrName {
		p.log.direct(stderrName, p.engine.Handle("null").FD)
	}
	p.daemon.report(reportReady)
}

// lockMemory keeps memory from being swapped out, if that is asked for and allowed. Pages are locked as they come into use: Go
// reserves tens of megabytes that it never touches.
func (p *program) lockMemory() {
	if !p.settings.lock {
		return
	}
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		p.log.Write(control.LevelError, "mlockall: "+strerror(err))
	}
}

// Named reports whether a command line is this program's: by the name daemonproxy or by the subcommand proxy.
func Named(argv []string) bool {
	return len(argv) > 0 && base(argv[0]) == programName || len(argv) > 1 && argv[1] == subcommand
}

// subcommand is our name in sockbridge's command line.
const subcommand = "proxy"

func base(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if os.IsPathSeparator(path[i]) {
			return path[i+1:]
		}
	}
	return path
}
