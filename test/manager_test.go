package test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// ready is the line by which a manager says that its listeners are open, as text or JSON.
var ready = regexp.MustCompile(`msg=ready\b|"msg":"ready"`)

// alarms are what no manager may ever write, whatever the script looks for.
var alarms = regexp.MustCompile(`(?m)^(WARNING: DATA RACE|panic: .*|fatal error: .*)$`)

// A manager is a running `sockbridge run` or `sockbridge once`, below a keeper of its own.
type manager struct {
	pid     int
	log     string // path of the file with both outputs
	keeper  *exec.Cmd
	hangUp  *os.File
	exited  chan struct{} // closed at its end; code is valid then
	code    int
	endOnce sync.Once
}

// startManager starts a program with its output in a new file.
func startManager(args, env []string, dir, log string) (*manager, error) {
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close() //nolint:errcheck // nothing was written to it here
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	m := &manager{log: log, exited: make(chan struct{})}
	m.keeper = exec.Command(self)
	m.keeper.Args = append([]string{keeperName}, args...)
	m.keeper.Env, m.keeper.Dir = env, dir
	m.keeper.Stdout, m.keeper.Stderr = out, out
	return m, m.start()
}

// start runs the keeper, and reads the manager's pid from it.
func (m *manager) start() error {
	report, reportW, err := os.Pipe()
	if err != nil {
		return err
	}
	hangUpR, hangUp, err := os.Pipe()
	if err != nil {
		return errors.Join(err, report.Close(), reportW.Close())
	}
	m.hangUp = hangUp
	m.keeper.ExtraFiles = []*os.File{reportW, hangUpR}
	err = m.keeper.Start()
	if err = errors.Join(err, reportW.Close(), hangUpR.Close()); err != nil {
		return errors.Join(err, report.Close(), hangUp.Close())
	}
	lines := bufio.NewScanner(report)
	if m.pid, err = scanInt(lines); err != nil {
		return errors.Join(fmt.Errorf("cannot start the manager: %w\n%s", err, m.output()), report.Close(), m.hangUpAndReap())
	}
	go func() { // ends with the keeper, for which end waits
		defer report.Close() //nolint:errcheck // it was only read
		defer close(m.exited)
		if m.code, err = scanInt(lines); err != nil {
			m.code = -1
		}
	}()
	return nil
}

func scanInt(lines *bufio.Scanner) (int, error) {
	if !lines.Scan() {
		return 0, errors.Join(lines.Err(), errors.New("the keeper says nothing"))
	}
	return strconv.Atoi(lines.Text())
}

func (m *manager) hasExited() bool {
	select {
	case <-m.exited:
		return true
	default:
		return false
	}
}

// output returns what the manager and the services that share its output have written so far.
func (m *manager) output() string {
	text, err := os.ReadFile(m.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// waitReady returns when the manager has logged that it is ready, or an error when it ended instead.
func (m *manager) waitReady() error {
	return poll(patience, func() (bool, error) {
		exited := m.hasExited() // looked at first, so that the output is complete if so
		if ready.MatchString(m.output()) {
			return true, nil
		}
		if exited {
			return false, fmt.Errorf("it ended with code %d before it was ready", m.code)
		}
		return false, nil
	})
}

// end removes the manager and all its processes, and returns what is to be said against them.
func (m *manager) end() (complaints []string) {
	m.endOnce.Do(func() {
		complaints = append(m.complaints(), alarms.FindAllString(m.output(), -1)...)
		if err := m.hangUpAndReap(); err != nil {
			complaints = append(complaints, "has a keeper that failed: "+err.Error())
		}
	})
	return complaints
}

func (m *manager) complaints() []string {
	if !m.hasExited() {
		return []string{fmt.Sprintf("is still running as process %d; end it with signal and waitexit", m.pid)}
	}
	var left []process
	err := poll(patience/5, func() (gone bool, err error) {
		left, err = processesBelow(m.keeper.Process.Pid)
		return len(left) == 0, err
	})
	if err != nil {
		return []string{fmt.Sprintf("left processes behind: %v: %v", left, err)}
	}
	return nil
}

// hangUpAndReap makes the keeper kill what is left, and waits for it.
func (m *manager) hangUpAndReap() error {
	return errors.Join(m.hangUp.Close(), m.keeper.Wait())
}

// signalNumber takes HUP and SIGHUP.
func signalNumber(name string) (unix.Signal, error) {
	number := unix.SignalNum("SIG" + strings.TrimPrefix(name, "SIG"))
	if number == 0 {
		return 0, fmt.Errorf("there is no signal %q", name)
	}
	return number, nil
}

// logPath is where the output of a manager of a script goes.
func logPath(work, name string) string { return filepath.Join(work, name+".log") }
