package launch

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// descriptors puts every descriptor that was given in its place. Nothing may be overwritten before it is used, so whatever
// lies among the places first moves above them; after that the order does not matter.
func (s *setup) descriptors() {
	places := len(s.sources)
	moved := make([]int, places) // the entries that have the new numbers
	for place, fd := range s.sources {
		moved[place] = unmoved
		if fd >= 0 && fd < places {
			moved[place] = s.move(place, uintptr(fd))
		}
	}
	for place, fd := range s.sources {
		switch {
		case fd >= 0:
			s.place(place, fd, moved[place])
		case fd == Closed:
			s.vacate(place)
		}
	}
}

// vacate closes whatever has the number, if anything. What is opened there later is moved, and closed by execve.
func (s *setup) vacate(place int) {
	at := s.call(placeStage(place), unix.SYS_CLOSE, uintptr(place))
	s.table[at].want = anyResult
}

// files opens the streams that are files. That can take long, of a network's file, so it comes when nothing is open any
// more but what the service is given: a copy of another client's connection here would keep that client waiting for its
// end.
func (s *setup) files() {
	for place, fd := range s.sources {
		if fd != ownFile {
			continue
		}
		opened := s.open(place)
		s.place(place, fd, opened)
		if opened != unmoved {
			s.restoreFlags(place)
		}
	}
}

const unmoved = -1

// sameAsBefore reports whether a stream shares the file of the stream before it.
func (s *setup) sameAsBefore(stream int) bool {
	return stream > 0 && stream < len(s.program.Files) && s.sources[stream] == ownFile && s.sources[stream-1] == ownFile &&
		s.program.Files[stream] == s.program.Files[stream-1]
}

// open opens the file of a stream above all places and returns the entry that has its descriptor.
func (s *setup) open(stream int) int {
	if s.sameAsBefore(stream) {
		return unmoved
	}
	file := s.program.Files[stream]
	stage := placeStage(stream)
	// The mode is exact: our umask is not the service's business. The child's own follows later.
	s.call(stage, unix.SYS_UMASK, 0)
	opened := s.openFile(stage, file)
	s.detail(opened, file.Path)
	at := s.move(stream, 0)
	s.feed(opened, at)
	return at
}

// openFile never waits for the other end of a FIFO: children that wait would hold the blocks of all other units' starts.
// For writing it follows no link, in no part of the path where the kernel can tell: one planted in a log folder would
// lead our privileges elsewhere.
func (s *setup) openFile(stage Stage, file File) int {
	path, mode := s.text(file.Path), file.Mode
	flags := file.Flags | unix.O_CLOEXEC | unix.O_NOCTTY | unix.O_LARGEFILE | unix.O_NONBLOCK
	if flags&unix.O_CREAT == 0 {
		mode = 0 // which openat2 insists on
	}
	if flags&unix.O_ACCMODE == unix.O_RDONLY && flags&(unix.O_CREAT|unix.O_TRUNC) == 0 {
		return s.call(stage, unix.SYS_OPENAT, cwd, path, uintptr(flags), uintptr(mode))
	}
	flags |= unix.O_NOFOLLOW
	if !s.host.openat2 {
		return s.call(stage, unix.SYS_OPENAT, cwd, path, uintptr(flags), uintptr(mode))
	}
	how := s.quads(uint64(flags), uint64(mode), unix.RESOLVE_NO_SYMLINKS)
	return s.call(stage, unix.SYS_OPENAT2, cwd, path, how, unix.SizeofOpenHow)
}

// restoreFlags undoes the O_NONBLOCK of openFile. The other flags that F_SETFL would change stay as they were asked for.
func (s *setup) restoreFlags(stream int) {
	flags := s.program.Files[stream].Flags & (unix.O_APPEND | unix.O_NONBLOCK)
	s.call(placeStage(stream), unix.SYS_FCNTL, uintptr(stream), unix.F_SETFL, uintptr(flags))
}

// move duplicates fd above all places and returns the entry that has the new number.
func (s *setup) move(place int, fd uintptr) int {
	at := s.call(placeStage(place), unix.SYS_FCNTL, fd, unix.F_DUPFD_CLOEXEC, uintptr(len(s.sources)))
	s.detail(at, placeDetail(place))
	return at
}

// place makes the descriptor of its number, without close-on-exec.
func (s *setup) place(place, fd, moved int) {
	if s.sameAsBefore(place) {
		fd = place - 1
	}
	at := s.call(placeStage(place), unix.SYS_DUP3, uintptr(fd), uintptr(place), 0)
	s.detail(at, placeDetail(place))
	if moved != unmoved {
		s.feed(moved, at)
	}
}

// placeDetail says what placeStage does not.
func placeDetail(place int) string {
	if place < 3 {
		return ""
	}
	return "descriptor " + strconv.Itoa(place)
}

func placeStage(place int) Stage {
	return min(StageStdin+Stage(place), StageDescriptors)
}

// sweep closes everything else. All our descriptors are close-on-exec, but one that a library or our own parent left open
// without it must not get into a service either. Where close_range(2) is missing, survey has marked what was open.
func (s *setup) sweep() {
	if s.host.closeRange {
		s.call(StageDescriptors, unix.SYS_CLOSE_RANGE, uintptr(len(s.sources)), allDescriptors, uintptr(s.host.sweep))
	}
}
