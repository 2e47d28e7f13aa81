package test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// The proxy command starts programs that speak the control protocol on their standard input and output, and talks to them:
//
//	proxy start NAME COMMAND ARG...  start a program in a session of its own; its standard error is in $WORK/NAME.log
//	proxy connect NAME PATH          connect to the control socket at PATH
//	proxy say NAME FIELD...          send a line, its fields divided by TABs; Go's escapes such as \n are understood
//	proxy give NAME FILE FIELD...    the same, with a descriptor of FILE
//	[!] proxy hear NAME PATTERN      wait for a match in what was not heard so far, which is heard then; ! must have none now
//	[!] proxy log NAME PATTERN       the same in its standard error, which is never used up
//	proxy signal NAME SIGNAL         send a signal
//	proxy hangup NAME                close its input, or the connection
//	proxy exit NAME CODE             wait for its end; 128+N is death by signal N
//
// What is left of their sessions is killed at the end of the script, and alarms in their output fail it.
var proxyVerbs = map[string]struct {
	least int
	run   func(t *talker, ts *testscript.TestScript, neg bool, args []string)
}{
	"say":    {1, (*talker).say},
	"give":   {2, (*talker).give},
	"hear":   {1, (*talker).hear},
	"log":    {1, (*talker).inLog},
	"signal": {1, (*talker).signal},
	"hangup": {0, (*talker).hangUp},
	"exit":   {1, (*talker).exit},
}

// talkers are those of each running script by name.
var talkers sync.Map // *testscript.TestScript → map[string]*talker

func cmdProxy(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: proxy VERB NAME ARG...")
	}
	loaded, _ := talkers.LoadOrStore(ts, map[string]*talker{})
	mine := loaded.(map[string]*talker)
	verb, name, rest := args[0], args[1], args[2:]
	switch verb {
	case "start":
		mine[name] = startTalker(ts, name, rest)
		return
	case "connect":
		mine[name] = connectTalker(ts, rest)
		return
	}
	v, known := proxyVerbs[verb]
	if !known || mine[name] == nil || len(rest) < v.least {
		ts.Fatalf("proxy %s %s: no such verb or name, or too little said", verb, name)
	}
	v.run(mine[name], ts, neg, rest)
}

// A talker is a program or a connection that events are read from.
type talker struct {
	cmd  *exec.Cmd // nil: a connection
	in   *os.File  // or the connection's descriptor
	log  string
	done chan struct{} // closed at the program's end

	mu   sync.Mutex
	text string // not heard so far
}

func startTalker(ts *testscript.TestScript, name string, args []string) *talker {
	if len(args) == 0 {
		ts.Fatalf("usage: proxy start NAME COMMAND ARG...")
	}
	t := &talker{log: logPath(ts.Getenv("WORK"), name), done: make(chan struct{})}
	stderr, err := os.OpenFile(t.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	ts.Check(err)
	defer stderr.Close() //nolint:errcheck // nothing was written to it here
	in, inW, err := os.Pipe()
	ts.Check(err)
	outR, out, err := os.Pipe()
	ts.Check(err)
	t.in = inW
	t.cmd = exec.Command(args[0], args[1:]...)
	t.cmd.Env, t.cmd.Dir = environment(ts), ts.MkAbs(".")
	t.cmd.Stdin, t.cmd.Stdout, t.cmd.Stderr = in, out, stderr
	t.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	ts.Check(t.cmd.Start())
	ts.Check(errors.Join(in.Close(), out.Close()))
	go t.read(outR) // until the last process that has the pipe has ended
	go func() {     // until the program has ended
		defer close(t.done)
		_ = t.cmd.Wait()
	}()
	ts.Defer(func() { t.end(ts) })
	return t
}

// end kills what is left of the session.
func (t *talker) end(ts *testscript.TestScript) {
	if err := unix.Kill(-t.cmd.Process.Pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		ts.Logf("cannot kill: %v", err)
	}
	<-t.done
	_ = t.in.Close() // a script may have done so
	text, err := os.ReadFile(t.log)
	ts.Check(err)
	ts.Logf("%s:\n%s", t.log, text)
	if alarm := alarms.FindString(string(text)); alarm != "" {
		ts.Fatalf("%s: %s", t.log, alarm)
	}
}

func connectTalker(ts *testscript.TestScript, args []string) *talker {
	t := &talker{}
	var conn *net.UnixConn
	ts.Check(poll(patience, func() (bool, error) {
		var err error
		conn, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: ts.MkAbs(args[0]), Net: "unix"})
		return err == nil, nil
	}))
	file, err := conn.File() // a copy, by which descriptors can be sent
	ts.Check(errors.Join(err, conn.Close()))
	t.in = file
	ts.Check(unix.SetNonblock(int(file.Fd()), false))
	copied, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	ts.Check(err)
	go t.read(os.NewFile(uintptr(copied), "events"))
	ts.Defer(func() {
		_ = unix.Shutdown(int(file.Fd()), unix.SHUT_RDWR) // the script may have closed it; the copy's number may be another's
		_ = file.Close()
	})
	return t
}

func (t *talker) read(from *os.File) {
	defer from.Close() //nolint:errcheck // it was only read
	var b [4096]byte
	for {
		n, err := from.Read(b[:])
		t.mu.Lock()
		t.text += string(b[:n])
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func line(ts *testscript.TestScript, fields []string) []byte {
	var text string
	ts.Check(unescape(&text)(strings.Join(fields, "\t") + "\n"))
	return []byte(text)
}

func (t *talker) say(ts *testscript.TestScript, _ bool, args []string) {
	_, err := t.in.Write(line(ts, args))
	ts.Check(err)
}

func (t *talker) give(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(err)
	defer file.Close() //nolint:errcheck // nothing was written to it
	ts.Check(unix.Sendmsg(int(t.in.Fd()), line(ts, args[1:]), unix.UnixRights(int(file.Fd())), nil, 0))
}

func (t *talker) hear(ts *testscript.TestScript, neg bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	find := func() (bool, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		at := pattern.FindStringIndex(t.text)
		if at == nil {
			return false, nil
		}
		if !neg {
			t.text = t.text[at[1]:]
		}
		return true, nil
	}
	t.expect(ts, neg, args[0], find)
}

func (t *talker) inLog(ts *testscript.TestScript, neg bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	t.expect(ts, neg, args[0], func() (bool, error) {
		text, err := os.ReadFile(t.log)
		return pattern.Match(text), err
	})
}

// expect waits for something to be found, or looks that it is not there.
func (t *talker) expect(ts *testscript.TestScript, neg bool, what string, find func() (bool, error)) {
	if neg {
		found, err := find()
		ts.Check(err)
		if found {
			ts.Fatalf("there is %q", what)
		}
		return
	}
	if err := poll(patience, find); err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		ts.Fatalf("there is no %q (%v) in:\n%s", what, err, t.text)
	}
}

func (t *talker) signal(ts *testscript.TestScript, _ bool, args []string) {
	number, err := signalNumber(args[0])
	ts.Check(err)
	ts.Check(t.cmd.Process.Signal(number))
}

func (t *talker) hangUp(ts *testscript.TestScript, _ bool, _ []string) {
	if t.cmd == nil {
		ts.Check(unix.Shutdown(int(t.in.Fd()), unix.SHUT_RDWR))
	}
	ts.Check(t.in.Close())
}

func (t *talker) exit(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(poll(patience, func() (bool, error) {
		select {
		case <-t.done:
			return true, nil
		default:
			return false, nil
		}
	}))
	status := t.cmd.ProcessState.Sys().(syscall.WaitStatus)
	code := status.ExitStatus()
	if status.Signaled() {
		code = 128 + int(status.Signal())
	}
	if code != want {
		ts.Fatalf("%s ended with %s, want %d", filepath.Base(t.log), fmt.Sprint(code), want)
	}
}
