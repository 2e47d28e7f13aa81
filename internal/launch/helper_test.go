package launch

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// helpers are what the test binary can be besides tests and stage.
var helpers map[string]func(arguments []string)

func init() {
	helpers = map[string]func([]string){
		"look":        func([]string) { look() },
		"state":       func(a []string) { orExit(stateOf(a[0], a[1])) },
		"prepared":    func([]string) { orExit(prepared()) },
		"keep":        func([]string) { orExit(keepWithLimit()) },
		"order":       func(a []string) { orExit(startOrdered(a[0])) },
		"inherited":   func(a []string) { orExit(inherited(a[0], a[1])) },
		"executed":    func(a []string) { orExit(executed(a[0])) },
		"unexecuted":  func([]string) { orExit(unexecuted()) },
		"own-groups":  func([]string) { orExit(startOwnGroups()) },
		"elevated":    func([]string) { fmt.Print(elevated()) },
		"crowd-pids":  func(a []string) { orExit(crowd(a[0], func() error { return joinGroup(a[1]) })) },
		"crowd-nproc": func(a []string) { orExit(crowd(a[0], limitProcesses)) },
	}
}

// orExit ends a helper that failed.
func orExit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// facts is what a process sees of itself that a program in Go can see.
type facts struct {
	Env      []string
	Args     []string
	Dir      string
	Umask    int
	Nice     int
	PID, SID int
	PPID     int
	PGID     int
	Inode    uint64 // of a pidfd of this process
	Keyring  int    // of the session; 0: none
}

// look writes the facts to standard output.
func look() {
	f := facts{Env: os.Environ(), Args: os.Args, PID: os.Getpid(), PPID: os.Getppid()}
	slices.Sort(f.Env)
	f.Dir, _ = os.Getwd()
	f.Umask = unix.Umask(0)
	f.SID, _ = unix.Getsid(0)
	f.PGID = unix.Getpgrp()
	nice, _ := unix.Getpriority(unix.PRIO_PROCESS, 0)
	f.Nice = 20 - nice
	f.Keyring, _ = unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
	if fd, err := unix.PidfdOpen(os.Getpid(), 0); err == nil {
		var stat unix.Stat_t
		if unix.Fstat(fd, &stat) == nil {
			f.Inode = stat.Ino
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(f); err != nil {
		os.Exit(1)
	}
	unix.Exit(0) // os.Exit takes a second under the race detector
}
