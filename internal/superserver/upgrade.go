package superserver

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/control"
	"sockbridge/internal/event"
	"sockbridge/internal/launch"
	"sockbridge/internal/loop"
	"sockbridge/internal/supervise"
)

// An upgrade puts another program, most often a newer one of our own, in our place: same process, same children, same descriptors.
//
//	asked ── nothing is starting ──▶ state written, the new program checks it as a child of ours
//	      ── it says that it can ──▶ nothing is starting ──▶ state written again, execve(2)
//
// Whatever fails before execve, and execve itself, changes nothing: we go on as we are, and whoever asked is told why.

const (
	commandUpgrade = "upgrade"
	// StateVariable is the variable of the environment that says what a program is to do with a state, as CHECK:FD or RESUME:FD.
	StateVariable = "SOCKBRIDGE_STATE"
	// StateCheck has the program check the state, say StateAccepted, and end.
	StateCheck = "check"
	// StateResume has it take our place.
	StateResume = "resume"

	// checkPatience is how long the new program may check the state.
	checkPatience = 10 * time.Second
	// quietPatience is how long we wait for a moment at which nothing is starting, and quietLook how often we look.
	quietPatience = 15 * time.Second
	quietLook     = time.Millisecond
	// maxCheckOutput bounds what the new program says, in bytes.
	maxCheckOutput = 16 << 10
)

// StateAccepted is the line by which a program says that it can go on with the state of a process. Nothing else does: many a
// program ends well whatever it was asked.
func StateAccepted(pid int) string {
	return "sockbridge: the state of process " + strconv.Itoa(pid) + " is accepted"
}

func (s *Server) upgradeCommands() []control.Command {
	return []control.Command{{
		Name: commandUpgrade, Args: "[PATH]", Rights: control.Operate, Version: control.Version2, Run: s.upgradeCommand,
		Help: "puts the program at PATH, or the one that was started, in the manager's place; everything goes on. PATH needs the right admin",
	}}
}

func (s *Server) upgradeCommand(c *control.Call) error {
	if err := arguments(c, 0, 1); err != nil {
		return err
	}
	path := s.options.Executable
	if len(c.Args) == 1 {
		if c.Session.Rights() < control.Admin {
			return refusal(control.CodeDenied, "permission denied: to name a program needs the right admin")
		}
		path = c.Args[0]
	}
	switch {
	case s.stopping:
		return errStopping
	case s.upgrading != nil:
		return refusal(codeBusy, "an upgrade is under way")
	case !filepath.IsAbs(path):
		return refusal(codeUsage, "%q is not an absolute path", path)
	}
	s.upgrading = &upgrade{server: s, path: path, done: c.Later()}
	s.upgrading.when(s.upgrading.check)
	return nil
}

// An upgrade is one that is under way.
type upgrade struct {
	server *Server
	path   string
	done   func(error)
	until  time.Time // for a quiet moment

	memory      int // the state that is being checked; -1: none
	instance    *supervise.Instance
	read, words int // the ends of the pipe by which the new program speaks; it may be given words until its start is over
	watch       *loop.Watch
	checked     chan struct{} // closed when the check is over; nil: it was not begun
	said        []byte
	late        *loop.Timer
}

// when calls f at a moment when nothing is starting, loading or waiting for an end that only this program could wait for.
func (g *upgrade) when(f func()) {
	s := g.server
	now := s.loop.Now()
	if g.until.IsZero() {
		g.until = now.Add(quietPatience)
	}
	switch {
	case s.stopping:
		g.fail(errStopping)
	case s.quiet():
		g.until = time.Time{}
		f()
	case now.After(g.until):
		g.fail(refusal(codeBusy, "something is starting or loading all the time"))
	default:
		s.loop.After(quietLook, func() { g.when(f) })
	}
}

// quiet reports whether nobody waits for what only this program could give an end.
func (s *Server) quiet() bool {
	asked := func(r request) bool { return r.done != nil }
	return s.engine.Settled() && !s.loading && len(s.heirs) == 0 && !slices.ContainsFunc(s.requests, asked)
}

// fail ends the upgrade; nothing was changed.
func (g *upgrade) fail(err error) {
	s := g.server
	s.upgrading = nil
	s.publish(event.Event{Type: event.UpgradeError, Err: err, Text: "nothing was changed"})
	if _, known := errors.AsType[*control.Error](err); !known {
		err = refusal(codeFailed, "cannot upgrade to %q: %v", g.path, err)
	}
	g.done(err)
}

// check has the new program look at the state.
func (g *upgrade) check() {
	if err := g.beginCheck(); err != nil {
		g.endCheck()
		g.fail(err)
	}
}

func (g *upgrade) beginCheck() (err error) {
	g.memory, g.read, g.words = -1, -1, -1
	all, _, err := g.server.save()
	if err != nil {
		return err
	}
	if g.memory, err = all.Save(); err != nil {
		return err
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("cannot make a pipe for the new program's words: %w", err)
	}
	g.read, g.words = p[0], p[1]
	return g.start()
}

// start starts the new program as a child, with the state as descriptor 3.
func (g *upgrade) start() error {
	s := g.server
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("cannot tell what the working directory is: %w", err)
	}
	program, err := s.launcher.Compile(launch.Spec{
		Unit: commandUpgrade, Path: g.path, Argv: os.Args, Env: environment(StateCheck, firstFile), Dir: dir, Umask: umask(),
	})
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(g.read, true); err != nil {
		return err
	}
	if g.watch, err = s.loop.Watch(g.read, loop.Readable, func(loop.Events) { g.hear() }); err != nil {
		return err
	}
	g.instance, err = s.engine.Start(supervise.Start{
		Unit: commandUpgrade, Program: program, Owner: g, Group: true, StopTimeout: time.Second,
		Launch: launch.Start{Streams: [3]int{-1, g.words, g.words}, Files: []int{g.memory}},
	})
	if err != nil {
		return err
	}
	g.late = s.loop.After(checkPatience, func() {
		if g.instance != nil {
			g.said = append(g.said, "\nit took too long"...)
			g.instance.Kill()
		}
	})
	s.report("", g.endWithUs())
	return nil
}

// endWithUs has the check killed when the manager ends before it: a program that hangs would be left behind. The manager may have
// ended its loop by then, and its process waits for loaders.
func (g *upgrade) endWithUs() error {
	process, err := unix.PidfdOpen(g.instance.PID(), 0)
	if err != nil {
		return fmt.Errorf("cannot watch over the check: %w", err)
	}
	ctx, checked := g.server.ctx, make(chan struct{})
	g.checked = checked
	g.server.loaders.Go(func() { // close waits for it
		select {
		case <-checked:
		case <-ctx.Done():
			_ = unix.PidfdSendSignal(process, unix.SIGKILL, nil, 0) // it may have ended
		}
		_ = unix.Close(process) // it is ours alone
	})
	return nil
}

// firstFile is the number that the first of a start's files has in the child.
const firstFile = 3

// environment is ours, with what is to be done with the state at a descriptor.
func environment(what string, fd int) []string {
	env := []string{StateVariable + "=" + what + ":" + strconv.Itoa(fd)}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, StateVariable+"=") {
			env = append(env, variable)
		}
	}
	return env
}

// umask reads the mask, which can only be read by setting it: the loop's thread is the one that makes files.
func umask() uint32 {
	mask := unix.Umask(0o077)
	unix.Umask(mask)
	return uint32(mask)
}

// hear takes what the new program says.
func (g *upgrade) hear() {
	var buf [4096]byte
	n, err := unix.Read(g.read, buf[:])
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
	case err != nil || n == 0:
		g.server.report("", g.watch.Set(0))
	default:
		g.said = append(g.said, buf[:min(n, maxCheckOutput-len(g.said))]...)
	}
}

// Started is supervise.Owner's. The end of what the new program says is seen only when nobody else could say more.
func (g *upgrade) Started(*supervise.Instance) { g.close(&g.words) }

func (g *upgrade) close(fd *int) {
	if *fd >= 0 {
		g.server.report("", unix.Close(*fd))
		*fd = -1
	}
}

// Failed is supervise.Owner's.
func (g *upgrade) Failed(_ *supervise.Instance, err error) {
	g.endCheck()
	g.fail(err)
}

// Exited is supervise.Owner's.
func (g *upgrade) Exited(_ *supervise.Instance, status launch.Status) {
	for before := -1; len(g.said) != before && len(g.said) < maxCheckOutput; {
		before = len(g.said)
		g.hear()
	}
	accepted := status.Code == 0 && bytes.Contains(g.said, []byte(StateAccepted(os.Getpid())+"\n"))
	g.endCheck()
	if accepted {
		g.when(g.execute)
		return
	}
	words := strings.Join(strings.Fields(strings.ToValidUTF8(string(g.said), "�")), " ")
	if words == "" {
		words = "it is no program of this kind"
	}
	g.fail(fmt.Errorf("%q does not take over (%s): %s", g.path, ending(status), words))
}

func ending(s launch.Status) string {
	if s.Signal != 0 {
		return "ended by " + unix.SignalName(s.Signal)
	}
	return "status " + strconv.Itoa(s.Code)
}

// endCheck gives back what the check needed.
func (g *upgrade) endCheck() {
	s := g.server
	g.instance = nil
	g.late.Stop()
	if g.watch != nil {
		s.report("", g.watch.Close())
		g.watch = nil
	}
	if g.checked != nil {
		close(g.checked)
		g.checked = nil
	}
	for _, fd := range []*int{&g.memory, &g.read, &g.words} {
		g.close(fd)
	}
}

// execute makes us the new program. It returns only if that fails.
func (g *upgrade) execute() {
	s := g.server
	if s.control != nil {
		s.control.server.Flush()
	}
	all, keep, err := s.save()
	if err == nil {
		g.memory, err = all.Save()
	}
	if err == nil {
		if s.options.Flush != nil {
			s.options.Flush()
		}
		err = launch.Exec(g.path, os.Args, environment(StateResume, g.memory), append(keep, g.memory))
		err = errors.Join(err, unix.Close(g.memory))
	}
	g.fail(err)
}
