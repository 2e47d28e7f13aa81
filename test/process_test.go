package test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// killBelow kills until no process is left: those that die may just have started others.
func killBelow(pid int) error {
	return poll(patience, func() (bool, error) {
		below, err := processesBelow(pid)
		for _, p := range below {
			if err := unix.Kill(p.pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return false, err
			}
		}
		return len(below) == 0, err
	})
}

// A process is one line of ps.
type process struct {
	pid, parent int
	command     string
}

func (p process) String() string { return fmt.Sprintf("%d (%s)", p.pid, p.command) }

// processesBelow returns the children of a process, their children and so on, without those that are dead and
// only wait to be reaped.
func processesBelow(pid int) ([]process, error) {
	all, err := processes()
	if err != nil {
		return nil, err
	}
	children := map[int][]process{}
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
	}
	below := children[pid]
	for i := 0; i < len(below); i++ {
		below = append(below, children[below[i].pid]...)
	}
	return below, nil
}

// processes reads /proc as proc_pid_stat(5) describes it.
func processes() ([]process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has ended since
		}
		if p, alive := parseStat(pid, string(stat)); alive {
			all = append(all, p)
		}
	}
	return all, nil
}

// parseStat reads `PID (COMMAND) STATE PARENT …`; the command may hold blanks and parentheses.
func parseStat(pid int, stat string) (p process, alive bool) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return process{}, false
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
		return process{}, false
	}
	parent, err := strconv.Atoi(fields[1])
	return process{pid: pid, parent: parent, command: stat[open+1 : end]}, err == nil
}
