package proxy

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sockbridge/control"
)

// defaultConfig is what is read as process 1, unless the command line says otherwise.
const defaultConfig = "/etc/daemonproxy.conf"

// configStdin stands for standard input in place of a file.
const configStdin = "-"

// settings are what the command line asks for.
type settings struct {
	config      string // "": none
	interactive bool
	socket      string // "": none
	daemonize   bool
	lock        bool // memory
	handles     pool
	services    pool

	ending *ending
	log    *Log
	out    io.Writer // of --help and --version
	build  build
}

func (s *settings) fatal(code int, format string, args ...any) error {
	return s.ending.fatal(code, fmt.Sprintf(format, args...))
}

func (s *settings) warn(format string, args ...any) {
	s.log.Write(control.LevelWarning, fmt.Sprintf(format, args...))
}

// check looks at what can only be told after the last option.
func (s *settings) check() error {
	if s.config == "" && !s.interactive && s.socket == "" {
		return s.fatal(codeOptions, "require -i or -c or -S")
	}
	if !s.daemonize {
		return nil
	}
	switch {
	case s.interactive:
		s.warn("Ignoring --daemonize because of --interactive")
	case os.Getpid() == 1:
		s.warn("Ignoring --daemonize because this is process 1")
	default:
		return nil
	}
	s.daemonize = false
	return nil
}

func (s *settings) setSocket(path string) error {
	s.socket = path
	return nil
}

func (s *settings) setConfig(path string) error {
	s.config = path
	if path == configStdin {
		return nil
	}
	if err := unix.Stat(path, &unix.Stat_t{}); err != nil {
		return s.fatal(codeOptions, "Cannot stat configfile \"%s\"", path)
	}
	return nil
}

// setGuard reads a number as strtol(3) does: blanks and a sign may come first, and what is too large is the largest.
func (s *settings) setGuard(text string) error {
	n, err := strconv.ParseInt(strings.TrimLeft(text, " \t\n\v\f\r"), 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil
	}
	if err != nil {
		return s.fatal(codeOptions, "Terminate guard must be an integer")
	}
	s.ending.guard = n
	return nil
}

func (s *settings) setExec(text string) error {
	if !s.ending.setArgs(strings.Split(text, "\t")) {
		return s.fatal(codeOptions, "exec-on-exit arguments exceed buffer size")
	}
	return nil
}

func (s *settings) setHandles(text string) error { return s.setPool(&s.handles, handlePool, text) }

func (s *settings) setServices(text string) error { return s.setPool(&s.services, servicePool, text) }

func (s *settings) setPool(p *pool, limits poolLimits, text string) error {
	count, size, ok := parsePool(text, limits.size)
	if !ok {
		return s.fatal(codeOptions, "Expected 'N' or 'NxM' where N and M are integers and M has an optional size suffix")
	}
	*p = limits.apply(count, size, s.warn)
	return nil
}

func (s *settings) showHelp(string) error {
	writeHelp(s.out, s.build)
	return s.fatal(codeNothing, "")
}

func (s *settings) showVersion(string) error {
	writeVersion(s.out, s.build)
	return s.fatal(codeNothing, "")
}
