package controllers

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// defaultPath is where execvp(3) looks without PATH.
const defaultPath = "/bin:/usr/bin"

// An executable is a file that was found, as we would know it again.
type executable struct {
	path        string
	inode, size uint64
	changed     unix.Timespec
}

// find looks for a program as execvp(3) does: a name with a slash is a path, relative to dir; another one is looked for in the
// folders of PATH. Of one that is nowhere, the path is returned at which exec fails for the reason that execvp tells.
func find(name, dir string) executable {
	if strings.IndexByte(name, '/') >= 0 {
		return look(absolute(name, dir))
	}
	path, set := os.LookupEnv("PATH")
	if !set {
		path = defaultPath
	}
	var forbidden, missing executable
	for folder := range strings.SplitSeq(path, ":") {
		candidate := absolute(filepath.Join(folder, name), dir)
		found := look(candidate)
		switch {
		case found.inode != 0 && unix.Access(candidate, unix.X_OK) == nil:
			return found
		case found.inode != 0 && forbidden.path == "":
			forbidden = found
		case found.inode == 0:
			missing = found
		}
	}
	if forbidden.path != "" {
		return forbidden
	}
	return missing
}

// absolute does not clean the path: the kernel follows links before it goes up.
func absolute(path, dir string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return dir + "/" + path
}

// look returns what is at path; its inode is 0 if there is nothing.
func look(path string) executable {
	e := executable{path: path}
	var st unix.Stat_t
	if unix.Stat(path, &st) == nil {
		e.inode, e.size, e.changed = st.Ino, uint64(st.Size), st.Ctim
	}
	return e
}

// peekSize is how much of a program is read to tell a script from other programs: the kernel reads no more to find "#!".
const peekSize = 256

// isPlainScript reports whether execve(2) would not know what to do with a program, so that execvp(3) has the shell run it: it
// says nothing of an interpreter, and its first line is text.
func (e executable) isPlainScript() bool {
	if e.inode == 0 || unix.Access(e.path, unix.X_OK) != nil {
		return false
	}
	fd, err := unix.Open(e.path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer closeQuietly(fd)
	var buf [peekSize]byte
	n, err := unix.Pread(fd, buf[:], 0)
	if err != nil {
		return false
	}
	begin := buf[:n]
	if bytes.HasPrefix(begin, []byte("#!")) || bytes.HasPrefix(begin, []byte("\x7fELF")) {
		return false
	}
	line, _, _ := bytes.Cut(begin, []byte("\n"))
	return bytes.IndexByte(line, 0) < 0
}
