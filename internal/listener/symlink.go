package listener

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// makeLinks makes the symlinks of the unit to the listener's node. Those that fail are told, and are no reason to
// refuse the unit, as in systemd.socket(5).
func (c *Change) makeLinks(l *Listener) error {
	var errs []error
	for _, link := range l.Socket.Symlinks {
		if err := c.makeLink(l, link); err != nil {
			errs = append(errs, fmt.Errorf("cannot make symlink %q to %q: %w", link, l.Addr.Path, err))
		}
	}
	return errors.Join(errs...)
}

// makeLink replaces a link that is in the way only if it leads to nobody.
func (c *Change) makeLink(l *Listener, link string) error {
	p, _, err := makePlace(link, l.Socket.DirectoryMode)
	if err != nil {
		return err
	}
	defer p.close()
	target := l.Addr.Path
	err = unix.Symlinkat(target, p.folder, p.name)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	have, err := p.readlink()
	if err != nil {
		return unix.EEXIST // not a link: not ours
	}
	if have == target {
		return nil
	}
	if !c.leadsNowhere(link) {
		return fmt.Errorf("%w: it leads to %q", unix.EEXIST, have)
	}
	if err := p.remove(0); err != nil {
		return err
	}
	return unix.Symlinkat(target, p.folder, p.name)
}

// leadsNowhere reports whether a link was left by an earlier generation or an earlier run: its end is missing, or is
// the node of a socket that nobody has any more.
func (c *Change) leadsNowhere(link string) bool {
	path, err := filepath.EvalSymlinks(link)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	n, st, err := lstat(path)
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK || c.isOurs(n) {
		return false
	}
	inode, err := c.census.servesNode(n, path)
	return err == nil && (inode == 0 || c.closedNodes[n])
}

// removeLinks removes the symlinks that lead to the listener's node, but for those to keep.
func (l *Listener) removeLinks(keep []string) []error {
	var errs []error
	for _, link := range l.Socket.Symlinks {
		if slices.Contains(keep, link) {
			continue
		}
		if err := removeLink(link, l.Addr.Path); err != nil {
			errs = append(errs, fmt.Errorf("cannot remove symlink %q: %w", link, err))
		}
	}
	return errs
}

func removeLink(link, target string) error {
	p, err := openPlace(link)
	if err != nil {
		return nil // gone with its folder
	}
	defer p.close()
	if have, err := p.readlink(); err != nil || have != target {
		return nil // gone, or somebody else's by now
	}
	return p.remove(0)
}
