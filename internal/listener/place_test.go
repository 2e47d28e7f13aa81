package listener

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// victim makes a socket at path that somebody serves, and whose mode says whether it was touched.
func victim(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	mustSucceed(t, err)
	t.Cleanup(func() { closeQuietly(fd) })
	mustSucceed(t, unix.Bind(fd, &unix.SockaddrUnix{Name: path}))
	mustSucceed(t, os.Chmod(path, 0o640))
}

// exchange swaps two names, as the owner of the folder that holds them can at any time.
func exchange(dir string) error {
	return unix.Renameat2(unix.AT_FDCWD, dir+"/a", unix.AT_FDCWD, dir+"/b", unix.RENAME_EXCHANGE)
}

// twoFolders makes a and b, with a victim called s in b.
func twoFolders(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	mustSucceed(t, os.Mkdir(dir+"/a", 0o755))
	mustSucceed(t, os.Mkdir(dir+"/b", 0o755))
	victim(t, dir+"/b/s")
	return dir
}

func TestNodeIsTheOneThatWasBound(t *testing.T) {
	for name, c := range map[string]struct {
		run  func(*testing.T, func())
		want error
	}{
		"with privileges":    {func(_ *testing.T, f func()) { f() }, nil},
		"without privileges": {withoutCapabilities, errReplaced},
	} {
		t.Run(name, func(t *testing.T) {
			needRoot(t, "the kernel gives the node of a socket to CAP_NET_ADMIN")
			dir := twoFolders(t)
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			mustSucceed(t, err)
			defer closeQuietly(fd)
			mustSucceed(t, unix.Fchmod(fd, 0))
			mustSucceed(t, unix.Bind(fd, &unix.SockaddrUnix{Name: dir + "/a/s"}))
			bound, _, err := lstat(dir + "/a/s")
			mustSucceed(t, err)
			mustSucceed(t, exchange(dir))
			c.run(t, func() {
				at, err := openBound(fd, dir+"/a/s")
				if !errors.Is(err, c.want) {
					t.Errorf("openBound: %v, want %v", err, c.want)
				}
				if err != nil {
					return
				}
				defer closeQuietly(at)
				var st unix.Stat_t
				if err := unix.Fstat(at, &st); err != nil || nodeOf(&st) != bound {
					t.Errorf("node is %v, %v; want %v", nodeOf(&st), err, bound)
				}
			})
		})
	}
}

func TestStaleNodeIsRemovedWhereItWasLookedAt(t *testing.T) {
	dir := twoFolders(t)
	_, end := otherProcess(t, "stream", dir+"/a/s")
	end()
	s := newSet(t, Options{})
	c := newChange(s)
	swapped := func(node) bool {
		mustSucceed(t, exchange(dir))
		return false
	}
	mustSucceed(t, c.census.clearStale(dir+"/a/s", swapped))
	if _, err := os.Lstat(dir + "/a/s"); err != nil {
		t.Errorf("the other folder's socket: %v", err)
	}
	if _, err := os.Lstat(dir + "/b/s"); !os.IsNotExist(err) {
		t.Errorf("the stale socket is still there: %v", err)
	}
}

// Whatever the path leads to from one call to the next, only what we made is dressed and removed.
func TestSwappedFoldersKeepForeignNodes(t *testing.T) {
	for _, network := range []units.Network{units.UnixStream, units.FIFO} {
		t.Run(network.String(), func(t *testing.T) {
			dir := twoFolders(t)
			before, _, err := lstat(dir + "/b/s")
			mustSucceed(t, err)
			var stop atomic.Bool
			ended := make(chan error)
			go func() { // the test waits for what it sends
				var err error
				for err == nil && !stop.Load() {
					err = exchange(dir)
				}
				ended <- err
			}()
			u := unit("u", socket(pathOf(network, dir+"/a/s")), socket(pathOf(network, dir+"/a/x/y/s")))
			s := newSet(t, Options{})
			for range 300 {
				c, _ := s.Prepare([]*units.Unit{u}) // problems there are, whenever the victim is in the way
				c.Rollback()
			}
			stop.Store(true)
			mustSucceed(t, <-ended)
			if !wasKept(before, dir+"/a/s") && !wasKept(before, dir+"/b/s") {
				t.Error("the victim was changed or removed")
			}
		})
	}
}

func wasKept(n node, path string) bool {
	now, st, err := lstat(path)
	return err == nil && now == n && st.Mode&0o7777 == 0o640
}

func TestFoldersThatAnotherMadeStay(t *testing.T) {
	dir := t.TempDir()
	s := newSet(t, Options{})
	c, problems := s.Prepare([]*units.Unit{unit("u", socket(pathOf(units.UnixStream, dir+"/a/b/s")))})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	mustSucceed(t, os.Rename(dir+"/a/b", dir+"/a/moved"))
	mustSucceed(t, os.Mkdir(dir+"/a/b", 0o700))
	c.Rollback()
	if _, err := os.Lstat(dir + "/a/b"); err != nil {
		t.Errorf("somebody else's folder is gone: %v", err)
	}
}
