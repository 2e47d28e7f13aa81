package units

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// A way leads to a file through folders and links. Whoever can change one of them says which file it is.
type way struct {
	end     string // the file, without links
	foreign string // the first folder or link that others than root can change; "" is none
}

// systemFile reads a regular file for a service that runs as owner; see [Lookup.File]. A file of root's must be where
// root alone can put it, or the owner could have the content of another one, that of some other service say.
func systemFile(path string, owner int) ([]byte, error) {
	w, err := findWay(path)
	if err != nil {
		return nil, reason(err)
	}
	f, err := os.OpenFile(w.end, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	if err := w.trust(f, owner); err != nil {
		return nil, err
	}
	text, err := content(f)
	return []byte(text), err
}

// trust checks the opened file at the end of the way.
func (w way) trust(f *os.File, owner int) error {
	if err := (fileReader{uid: -1}).trust(f); err != nil { // what it is, not whose
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return reason(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case owner < 0 || !ok:
		return nil
	case stat.Uid != 0 && int(stat.Uid) != owner:
		return untrusted(fmt.Sprintf("belongs to uid %d, not to root or the service's user", stat.Uid))
	case stat.Mode&0o022 != 0:
		return untrusted(fmt.Sprintf("can be written by others (mode %04o)", stat.Mode&0o7777))
	case stat.Uid == 0 && w.foreign != "":
		return untrusted(fmt.Sprintf("is root's, but others can change %q on the way to it", w.foreign))
	}
	return nil
}

// findWay follows an absolute path as the kernel does, path_resolution(7), and looks at all that it passes.
func findWay(path string) (way, error) {
	w := way{end: "/"}
	links := 40 // as many as the kernel follows
	for rest := strings.Split(path, "/"); len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == "" {
			continue
		}
		next := filepath.Join(w.end, name)
		info, err := os.Lstat(next)
		if err != nil {
			return w, err
		}
		isLink := info.Mode().Type() == fs.ModeSymlink
		if (isLink || info.IsDir()) && w.foreign == "" && changeable(info) {
			w.foreign = next
		}
		if !isLink {
			w.end = next
			continue
		}
		if links--; links < 0 {
			return w, syscall.ELOOP
		}
		target, err := os.Readlink(next)
		if err != nil {
			return w, err
		}
		if filepath.IsAbs(target) {
			w.end = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return w, nil
}

// changeable reports whether others than root can change a link or the names in a folder. In a sticky folder they can
// change their own, which are looked at themselves.
func changeable(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && (stat.Uid != 0 || info.IsDir() && stat.Mode&0o022 != 0 && stat.Mode&syscall.S_ISVTX == 0)
}
