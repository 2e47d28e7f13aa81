package listener

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// A place is a name in an open folder. What is done there in several calls happens in one folder, even if somebody who
// can write above it makes the path lead elsewhere between two of them.
type place struct {
	folder int // O_PATH
	name   string
}

// openPlace opens the folder of path. Links on the way to it are followed: /var/run is one.
func openPlace(path string) (place, error) {
	fd, err := openFolder(filepath.Dir(path))
	return place{fd, filepath.Base(path)}, err
}

func openFolder(path string) (int, error) {
	return unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
}

func (p place) close() { closeQuietly(p.folder) }

// lstat returns what is there, without following a link.
func (p place) lstat() (node, *unix.Stat_t, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(p.folder, p.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return node{}, nil, err
	}
	return nodeOf(&st), &st, nil
}

// readlink returns what the link there leads to.
func (p place) readlink() (string, error) {
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(p.folder, p.name, b)
	return string(b[:max(n, 0)]), err
}

// remove takes the flags of unlinkat(2).
func (p place) remove(flags int) error { return unix.Unlinkat(p.folder, p.name, flags) }

// A file is one that we made, as we know it again.
type file struct {
	path string
	node node
}

// remove removes the file if it is still there; flags are those of unlinkat(2).
func (f file) remove(flags int) error {
	p, err := openPlace(f.path)
	if err != nil {
		return nil // gone with its folder, or moved away
	}
	defer p.close()
	if n, _, err := p.lstat(); err != nil || n != f.node {
		return nil // gone, or somebody else's by now
	}
	if err := p.remove(flags); err != nil {
		return fmt.Errorf("cannot remove %q: %w", f.path, err)
	}
	return nil
}

// makePlace opens the folder of path like openPlace. What is missing of it, it makes with exactly the given mode, and
// returns that, outermost first, even if an error ends it half way.
func makePlace(path string, mode fs.FileMode) (place, []file, error) {
	fd, made, err := makeFolders(filepath.Dir(path), modeBits(mode))
	return place{fd, filepath.Base(path)}, made, err
}

func makeFolders(path string, mode uint32) (fd int, made []file, err error) {
	fd, err = openFolder(path)
	if !errors.Is(err, unix.ENOENT) {
		return fd, nil, err
	}
	parent, made, err := makeFolders(filepath.Dir(path), mode)
	if err != nil {
		return -1, made, err
	}
	defer closeQuietly(parent)
	fd, n, err := makeFolder(place{parent, filepath.Base(path)}, mode)
	if n != (node{}) {
		made = append(made, file{path, n})
	}
	if err != nil {
		return -1, made, fmt.Errorf("cannot make folder %q: %w", path, err)
	}
	return fd, made, nil
}

// makeFolder does not leave the mode to the umask. It opens before it changes the mode, lest a link be followed.
func makeFolder(p place, mode uint32) (int, node, error) {
	if err := unix.Mkdirat(p.folder, p.name, mode); err != nil {
		return -1, node{}, err
	}
	fd, err := unix.Openat(p.folder, p.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, node{}, err
	}
	var st unix.Stat_t
	err = errors.Join(unix.Fstat(fd, &st), unix.Fchmod(fd, mode))
	if err != nil {
		closeQuietly(fd)
		return -1, nodeOf(&st), err
	}
	return fd, nodeOf(&st), nil
}

// removeFolders undoes makeFolders. Those that somebody uses meanwhile are not empty, and stay.
func removeFolders(made []file) {
	for _, folder := range slices.Backward(made) {
		if folder.remove(unix.AT_REMOVEDIR) != nil {
			return
		}
	}
}
