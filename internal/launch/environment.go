package launch

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	listenPID     = "LISTEN_PID"
	listenPIDFDID = "LISTEN_PIDFDID"
)

// digits is room for the longest 64-bit number and the NUL after it.
var digits = strings.Repeat("\x00", 21)

// arguments writes argv and returns its address.
func (s *setup) arguments() uintptr {
	argv, at := s.words(len(s.program.Argv) + 1)
	for i, argument := range s.program.Argv {
		value := s.text(argument)
		if s.full {
			return 0
		}
		argv[i], argv[i+1] = value, 0
	}
	return at
}

// environment writes envp and returns its address. Where a name is set twice, the start wins over the program, and what
// we announce over both: programs differ in which of two they would take.
func (s *setup) environment() uintptr {
	environ, at := s.words(len(s.program.Env) + len(s.start.Env) + len(s.announced) + 1)
	n := 0
	add := func(value uintptr) {
		if !s.full {
			environ[n], environ[n+1] = value, 0
			n++
		}
	}
	if !s.full {
		environ[0] = 0
	}
	for _, variable := range s.program.Env {
		if !s.announces(variable) && !sets(s.start.Env, variableName(variable)) {
			add(s.text(variable))
		}
	}
	for _, variable := range s.start.Env {
		if !s.announces(variable) {
			add(s.text(variable))
		}
	}
	for _, variable := range s.announced {
		if variable != 0 {
			add(variable)
		}
	}
	return at
}

// announce comes before the limits: a service with RLIMIT_NOFILE just large enough for its descriptors could not open a
// pidfd.
func (s *setup) announce() {
	if !s.start.Announce {
		return
	}
	s.announced[0] = s.announcePID()
	if s.host.pidfs {
		s.announced[1] = s.announcePidfd()
	}
}

func (s *setup) announces(variable string) bool {
	return s.start.Announce && (strings.HasPrefix(variable, listenPID+"=") || strings.HasPrefix(variable, listenPIDFDID+"="))
}

// announcePID makes the child write its pid, which nobody knows before it exists, behind the variable's name.
func (s *setup) announcePID() uintptr {
	number := s.offset(unsafe.Pointer(&s.head.pid))
	s.table[s.call(StageAnnounce, unix.SYS_GETPID)].save = uint32(number)
	return s.decimal(listenPID, number)
}

// announcePidfd does the same for the inode number of the child's pidfd. execve closes the pidfd.
func (s *setup) announcePidfd() uintptr {
	stat := &s.head.stat
	pid := s.call(StageAnnounce, unix.SYS_GETPID)
	pidfd := s.call(StageAnnounce, unix.SYS_PIDFD_OPEN)
	look := s.call(StageAnnounce, unix.SYS_FSTAT, 0, s.address(s.offset(unsafe.Pointer(stat))))
	s.feed(pid, pidfd)
	s.feed(pidfd, look)
	return s.decimal(listenPIDFDID, s.offset(unsafe.Pointer(&stat.Ino)))
}

// decimal makes a variable and an entry that writes the number at offset behind its "=".
func (s *setup) decimal(name string, offset uintptr) uintptr {
	variable := s.text(name, "=", digits)
	s.call(StageAnnounce, nrDecimal, s.address(offset), variable+uintptr(len(name)+1))
	return variable
}
