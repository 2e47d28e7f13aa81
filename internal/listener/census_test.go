package listener

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockbridge/units"
)

func TestStaleNodes(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	file := func(path string) { mustSucceed(t, os.WriteFile(path, []byte("x"), 0o600)) }
	dead := func(path string) {
		_, end := otherProcess(t, "stream", path)
		end()
	}
	live := func(kind, path string) string {
		pid, _ := otherProcess(t, kind, path)
		return fmt.Sprintf("(pid %d) has it", pid)
	}
	for _, c := range []struct {
		name    string
		setUp   func(path string) (hint string)
		problem string // empty: replaced
	}{
		{"dead socket", func(p string) string { dead(p); return "" }, ""},
		{"other user's dead socket", func(p string) string { dead(p); mustSucceed(t, os.Lchown(p, 65534, 65534)); return "" }, ""},
		{"live stream", func(p string) string { return live("stream", p) }, "address already in use"},
		{"live datagram", func(p string) string { return live("datagram", p) }, "address already in use"},
		{"file", func(p string) string { file(p); return "remove it" }, "it is a regular file, not a socket"},
		{"folder", func(p string) string { mustSucceed(t, os.Mkdir(p, 0o700)); return "remove it" }, "it is a folder, not a socket"},
		{"fifo", func(p string) string { mustSucceed(t, unix.Mkfifo(p, 0o600)); return "remove it" }, "it is a FIFO, not a socket"},
		{"link to dead socket", func(p string) string { dead(p + ".to"); link(t, p+".to", p); return "remove it" }, "it is a symbolic link"},
		{"link to live socket", func(p string) string { live("stream", p+".to"); link(t, p+".to", p); return "remove it" }, "it is a symbolic link"},
		{"link to file", func(p string) string { file(p + ".to"); link(t, p+".to", p); return "remove it" }, "it is a symbolic link"},
		{"link to folder", func(p string) string { link(t, dir, p); return "remove it" }, "it is a symbolic link"},
		{"link to nothing", func(p string) string { link(t, p+".to", p); return "remove it" }, "it is a symbolic link"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := at(strings.ReplaceAll(c.name, " ", "-"))
			if c.name == "other user's dead socket" {
				needRoot(t, "chown")
			}
			hint := c.setUp(path)
			before, _, err := lstat(path)
			mustSucceed(t, err)
			s := newSet(t, Options{})
			change, problems := s.Prepare([]*units.Unit{unit("u", socket(pathOf(units.UnixStream, path)))})
			after, _, err := lstat(path)
			mustSucceed(t, err)
			if c.problem == "" {
				if len(problems) > 0 {
					t.Error(problems)
				}
				change.Commit()
				dial(t, only(t, s, "u"))
				return
			}
			wantProblem(t, problems, c.problem)
			if len(problems) == 1 && !strings.Contains(problems[0].Hint, hint) {
				t.Errorf("hint is %q, want one with %q", problems[0].Hint, hint)
			}
			if before != after {
				t.Error("the node was touched")
			}
			change.Rollback()
		})
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	mustSucceed(t, os.Symlink(target, path))
}

// A connection that outlives its listener has the listener's name, but serves nobody new.
func TestSessionOfADeadListenerDoesNotKeepTheNode(t *testing.T) {
	path := t.TempDir() + "/s"
	old := newSet(t, Options{})
	commit(t, old, unit("u", socket(pathOf(units.UnixStream, path))))
	l := only(t, old, "u")
	dial(t, l)
	accept(t, l)
	old.Close()
	s := newSet(t, Options{})
	commit(t, s, unit("u", socket(pathOf(units.UnixStream, path))))
}

func TestTwoPathsToOneNode(t *testing.T) {
	dir := t.TempDir()
	mustSucceed(t, os.Mkdir(dir+"/run", 0o755))
	link(t, "run", dir+"/var-run")
	s := newSet(t, Options{})
	a, b := pathOf(units.UnixStream, dir+"/run/s"), pathOf(units.UnixStream, dir+"/var-run/s")
	c, problems := s.Prepare([]*units.Unit{unit("a", socket(a)), unit("b", socket(b))})
	wantProblem(t, problems, "address already in use")
	c.Commit()
	dial(t, only(t, s, "a"))
	c, problems = s.Prepare([]*units.Unit{unit("a", socket(a)), unit("b", socket(b))})
	wantProblem(t, problems, "address already in use")
	c.Rollback()
	dial(t, only(t, s, "a"))
}
