package listener

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

func TestExistingFIFOIsUsed(t *testing.T) {
	path := t.TempDir() + "/fifo"
	mustSucceed(t, unix.Mkfifo(path, 0o600))
	s := newSet(t, Options{})
	c, problems := s.Prepare([]*units.Unit{unit("u", socket(pathOf(units.FIFO, path)))})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c.Rollback()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("a FIFO that was there before is gone after the rollback: %v", err)
	}
	commit(t, s, unit("u", socket(pathOf(units.FIFO, path))))
	if got := modeAt(t, path); got != 0o666 {
		t.Errorf("mode is %#o", got)
	}
}

func TestFIFOHasNoEndWhenWritersLeave(t *testing.T) {
	_, l := one(t, pathOf(units.FIFO, t.TempDir()+"/fifo"))
	w, err := unix.Open(l.Addr.Path, unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	mustSucceed(t, err)
	closeQuietly(w)
	if n, err := l.Waiting(); n != 0 || err != nil {
		t.Errorf("Waiting() = %d, %v; want 0", n, err)
	}
}

// Whoever made a FIFO may still hold it open, and read or write what is not his after it got its owner and mode.
func TestForeignFIFOIsNotUsed(t *testing.T) {
	needRoot(t, "chown")
	for name, c := range map[string]struct {
		setUp   func(path string) error
		problem string // empty: used
	}{
		"ours":                    {func(string) error { return nil }, ""},
		"of socket_user":          {func(p string) error { return os.Lchown(p, 1234, 0) }, ""},
		"of somebody else":        {func(p string) error { return os.Lchown(p, 65534, 0) }, "file exists: it is a FIFO that belongs to user 65534"},
		"with a second hard link": {func(p string) error { return os.Link(p, p+".2") }, "file exists: it is a FIFO that has another name as well"},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/fifo"
			mustSucceed(t, unix.Mkfifo(path, 0o640))
			mustSucceed(t, c.setUp(path))
			_, before, err := lstat(path)
			mustSucceed(t, err)
			sock := socket(pathOf(units.FIFO, path))
			sock.SocketUID = 1234
			s := newSet(t, Options{})
			change, problems := s.Prepare([]*units.Unit{unit("u", sock)})
			defer change.Rollback()
			if c.problem == "" {
				if len(problems) > 0 {
					t.Error(problems)
				}
				return
			}
			wantProblem(t, problems, c.problem)
			if len(problems) == 1 && problems[0].Hint != "remove it, if nobody needs it, or choose another path" {
				t.Errorf("hint is %q", problems[0].Hint)
			}
			wantNode(t, path, before.Uid, before.Gid, before.Mode&0o7777)
		})
	}
}
