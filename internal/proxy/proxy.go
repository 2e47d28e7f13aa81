package proxy

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/controllers"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
	"sockbridge/internal/supervise"
)

// programName is what the program calls itself, whatever the link to it is called.
const programName = "daemonproxy"

const (
	// processors is for how many the runtime makes room: one for the loop, one for everything else. It also has to be set, or
	// the runtime keeps looking at cgroup files.
	processors = 2
	// threads are made at the start, so that none has to be at a pids limit: the loop's, those that wait for signals, and the
	// runtime's own.
	threads = 6
	// collectAt is how much the heap may grow before it is collected, in percent of what is in use: that is little here.
	collectAt = 30
)

// A program is all of it.
type program struct {
	settings *settings
	ending   *ending
	log      *Log
	loop     *loop.Loop
	signals  *receiver
	daemon   *reporter // nil: not in the background

	launcher  *launch.Launcher
	engine    *supervise.Engine
	server    *controllers.Server
	strangers *strangers // nil: none can come

	interactive *controllers.Session
	config      *controllers.Session
	standard    map[string]int // handles of standard descriptors that are still open under their numbers

	code    int
	stopped bool  // it is to end with the code
	failure error // it is to end with this status, of a fault
}

// Main runs the program and returns the code to exit with. The calling goroutine must be locked to the main thread. version is
// sockbridge's own, argv one that Named accepts.
func Main(argv []string, version string) int {
	fds := inheritedFDs()
	p, err := newProgram(version)
	if err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "fatal: %v\n", err) // nobody else could be told
		return codeEnvironment
	}
	if p.daemon != nil {
		fds = inheritedFDs() // without the one that it reports by
	}
	setCloseOnExec(fds)
	err = p.settings.parse(arguments(argv))
	if err == nil && p.settings.daemonize && p.daemon == nil {
		return p.background(argv, fds)
	}
	if err == nil {
		err = p.start(fds)
	}
	if err == nil {
		err = p.serve()
	}
	return p.leave(err)
}

// arguments are what stands behind the name of the program in a command line.
func arguments(argv []string) []string {
	if base(argv[0]) == programName {
		return argv[1:]
	}
	return argv[2:] // behind the subcommand
}

// newProgram makes what is needed to read the command line.
func newProgram(version string) (*program, error) {
	runtime.GOMAXPROCS(processors)
	debug.SetGCPercent(collectAt)
	setName(programName)
	l, err := loop.New(loop.Options{Keep: launch.Keep})
	if err != nil {
		return nil, err
	}
	p := &program{loop: l, signals: receive(l), daemon: openReporter(), standard: map[string]int{}}
	p.log = newLog(l)
	p.ending = &ending{log: p.log, execute: execute, tell: p.daemon.ended}
	p.settings = &settings{log: p.log, ending: p.ending, out: os.Stdout, build: readBuild(version)}
	if os.Getpid() == 1 {
		p.settings.config, p.ending.guard = defaultConfig, 1
	}
	return p, nil
}

// setName sets the name of the main thread, which is the process's.
func setName(name string) {
	text := append([]byte(name), 0)
	// It cannot fail: the name is short enough to be cut.
	_ = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&text[0])), 0, 0, 0)
}

// background is all that the program in the foreground does. What it would warn of, the other one does.
func (p *program) background(argv []string, fds []int) int {
	p.log.restore()
	code, err := goBackground(argv, fds, os.Stdout)
	if err == nil {
		return code
	}
	return p.leave(p.ending.fatal(codeEnvironment, err.Error()))
}

// leave writes what is left of the log and returns the code of an end.
func (p *program) leave(err error) int {
	code := 0
	if s, ok := err.(status); ok { //nolint:errorlint // a status is never wrapped
		code = s.code()
	}
	p.log.finish()
	p.daemon.ended(code)
	return code
}

// serve runs the loop until the program ends: the error is the status, if it is not 0. When the guard is set and the exec on exit
// fails, it goes on.
func (p *program) serve() error {
	for {
		if err := p.turn(); err != nil {
			return err
		}
		if !p.stopped {
			continue
		}
		p.tellEnd()
		guarded := p.ending.guard != 0
		p.ending.become(p.code, regularly)
		if !guarded {
			return status(p.code)
		}
		p.stopped = false
	}
}

// turn runs the loop until it is stopped or panics.
func (p *program) turn() (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			_, _ = os.Stderr.Write(debug.Stack()) // to whom else?
			err = p.ending.fatal(codeImpossible, fmt.Sprintf("internal error: %v", panicked))
		}
	}()
	if err := p.loop.Run(); err != nil {
		return p.ending.fatal(codeImpossible, err.Error())
	}
	return p.failure
}

// fail ends the program with what fatal returned, after this round; nil is no end.
func (p *program) fail(err error) {
	if err != nil {
		p.failure = err
		p.loop.Stop()
	}
}

// end has the program end with a code after this round.
func (p *program) end(code int) {
	p.code, p.stopped = code, true
	p.loop.Stop()
}

// tellEnd says the last words.
func (p *program) tellEnd() {
	p.server.Flush()
	p.log.Write(control.LevelInfo, "daemonproxy exiting")
	for _, name := range p.engine.ServiceNames() {
		for _, i := range p.engine.Service(name).Instances() {
			p.log.Write(control.LevelWarning, fmt.Sprintf("service '%s' running as pid %d", name, i.PID()))
		}
	}
}
