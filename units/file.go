package units

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxFile is the longest unit file, in bytes.
const MaxFile = 1 << 20

// errMasked is a link to /dev/null: the unit or drop-in is meant not to be.
var errMasked = errors.New("masked")

// A reader reads unit files that it may trust. It opens each of them once: what it checks is what it reads.
type fileReader struct {
	uid int // of the manager; of root's files nobody else may be able to write

	// settled are folders that are links, and what they linked to when loading began: a link that is switched to another
	// folder meanwhile must not give half of each.
	settled map[string]string
}

// settle notes what a folder is, for all that is read of it.
func (r fileReader) settle(dir string) {
	if target, err := resolved(dir); err == nil {
		r.settled[strings.TrimSuffix(dir, "/")] = target
	}
}

// place is where to read what is shown as path.
func (r fileReader) place(path string) string {
	for dir := strings.TrimSuffix(path, "/"); dir != "." && dir != "/"; dir = filepath.Dir(dir) {
		if target, ok := r.settled[dir]; ok {
			return target + strings.TrimPrefix(path, dir)
		}
	}
	return path
}

// read returns the content of a file of a folder; errMasked for a link to /dev/null.
func (r fileReader) read(path string) (string, error) {
	path = r.place(path)
	text, err := r.open(path)
	if errors.Is(err, syscall.ELOOP) {
		return r.link(path)
	}
	return text, err
}

// link reads what a link within its folder points to.
func (r fileReader) link(path string) (string, error) {
	if target, err := os.Readlink(path); err != nil {
		return "", fmt.Errorf("cannot be read: %w", reason(err))
	} else if target == os.DevNull {
		return "", errMasked
	}
	target, err := resolved(path)
	if err != nil {
		return "", fmt.Errorf("is a link to nothing: %w", reason(err))
	}
	folder, err := resolved(filepath.Dir(path))
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", reason(err))
	}
	if !strings.HasPrefix(target, strings.TrimSuffix(folder, "/")+"/") {
		return "", fmt.Errorf("is a link that leaves its folder, to %q", target)
	}
	return r.open(target)
}

func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// named returns the content of a file that the user named: it may be a link to anywhere.
func (r fileReader) named(path string) (string, error) {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", reason(err))
	}
	return r.open(target)
}

// open reads a file that is no link. Opening waits for nothing, whatever the file is.
func (r fileReader) open(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", reason(err))
	}
	defer f.Close() //nolint:errcheck // nothing was written
	if err := r.trust(f); err != nil {
		return "", err
	}
	return content(f)
}

// trust checks the opened file.
func (r fileReader) trust(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("cannot be read: %w", reason(err))
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("is %s, not a file", kindOfFile(info.Mode()))
	}
	if info.Size() > MaxFile {
		return errTooLong
	}
	return r.writers(info)
}

// writers refuses what others than root can write, or could before they gave it away, when the manager is root.
func (r fileReader) writers(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if r.uid != 0 || !ok {
		return nil
	}
	if stat.Uid != 0 {
		return untrusted(fmt.Sprintf("belongs to uid %d, not to root", stat.Uid))
	}
	if stat.Mode&0o022 != 0 {
		return untrusted(fmt.Sprintf("can be written by others (mode %04o)", stat.Mode&0o7777))
	}
	return nil
}

// errUntrusted is of files and folders that somebody else than root has a hand in. A sticky folder is one too: in it
// others can put a link, which masks a unit or makes one of a file that was not meant to be.
var errUntrusted = errors.New("untrusted")

type untrusted string

func (e untrusted) Error() string        { return string(e) }
func (e untrusted) Is(target error) bool { return target == errUntrusted }

var errTooLong = fmt.Errorf("is longer than %d bytes", MaxFile)

func content(f *os.File) (string, error) {
	text, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", reason(err))
	}
	if len(text) > MaxFile {
		return "", errTooLong
	}
	return string(text), nil
}

func kindOfFile(m fs.FileMode) string {
	switch m.Type() {
	case fs.ModeDir:
		return "a folder"
	case fs.ModeNamedPipe:
		return "a FIFO"
	case fs.ModeSocket:
		return "a socket"
	case fs.ModeSymlink:
		return "a link"
	default:
		return "a device"
	}
}

// reason strips the call and the path off an error of package os: the message begins with the path.
func reason(err error) error {
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return perr.Err
	}
	return err
}
