package proxy

import (
	"fmt"
	"os"
	"strconv"

	"sockbridge/control"
)

// Exit codes. What terminate is given is one too.
const (
	codeNothing     = 1 // --help and --version: nothing was to be done
	codeOptions     = 2 // the command line is wrong
	codeEnvironment = 3 // what the command line asks for is not to be had
	codeSignal      = 4 // a signal that means a fault
	codeImpossible  = 5 // a fault of the program itself
)

// A status is the end of the program, on its way up to main: the code that it exits with.
type status int

func (s status) Error() string { return "exit status " + strconv.Itoa(int(s)) }

// code is what the parent sees of it.
func (s status) code() int { return int(s) & 0xFF }

// maxExec bounds the arguments of the exec on exit, in bytes with a separator between two.
const maxExec = 255

// Variables that the program of the exec on exit finds in its environment.
const (
	envCode  = "DAEMONPROXY_EXITCODE"
	envError = "DAEMONPROXY_ERROR"
)

// regularly is what the program of the exec on exit is told of an end that is no fault.
const regularly = "terminated normally"

// An ending is how the program may end: the guard forbids it, and the exec on exit turns it into another program.
type ending struct {
	guard int64    // 0: none is set
	args  []string // of the exec on exit; nil: none

	log     *Log
	execute func(argv, env []string) error // returns only if it fails
	// tell is called before the program goes, with its code: somebody may wait for how it began. Nil is nobody.
	tell func(code int)
}

// setArgs sets the exec on exit, or takes it back if there are no arguments. It reports whether they fit.
func (e *ending) setArgs(args []string) bool {
	length := max(len(args)-1, 0)
	for _, arg := range args {
		length += len(arg)
	}
	if length > maxExec {
		return false
	}
	if length == 0 || args[0] == "" {
		args = nil
	}
	e.args = args
	return true
}

// fatal ends the program for a fault: the error is the status to exit with. It is nil when the guard is set and the program goes
// on as well as it can. Where there is an exec on exit and it succeeds, fatal does not return.
func (e *ending) fatal(code int, text string) error {
	e.become(code, text)
	if text != "" {
		prefix := ""
		if e.guard != 0 {
			prefix = "(attempting to continue) "
		}
		e.log.Write(control.LevelFatal, prefix+text)
	}
	if e.guard != 0 {
		return nil
	}
	return status(code)
}

// become turns into the program of the exec on exit, and returns if there is none or it cannot be executed.
func (e *ending) become(code int, text string) {
	if e.args == nil {
		return
	}
	e.log.Write(control.LevelWarning, fmt.Sprintf("daemonproxy exec_on_exit to '%s'", e.args[0]))
	e.log.finish()
	if e.tell != nil {
		e.tell(code)
	}
	e.log.restore()
	err := e.execute(e.args, endingEnv(os.Environ(), code, text))
	e.log.Write(control.LevelError, fmt.Sprintf("Unable to exec \"%s\": %s", e.args[0], strerror(err)))
}
