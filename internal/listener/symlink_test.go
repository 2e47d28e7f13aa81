package listener

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sockbridge/units"
)

func TestSymlinks(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	link(t, at("nothing"), at("dangling"))
	link(t, dir, at("foreign"))
	mustSucceed(t, os.WriteFile(at("file"), nil, 0o600))
	sock := socket(pathOf(units.UnixStream, at("s")))
	sock.Symlinks = []string{at("new/link"), at("dangling"), at("foreign"), at("file"), at("goes")}
	s := newSet(t, Options{})
	c, problems := s.Prepare([]*units.Unit{unit("u", sock)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	warnings := fmt.Sprint(c.Commit())
	for _, name := range []string{"foreign", "file"} {
		if !strings.Contains(warnings, fmt.Sprintf("cannot make symlink %q", at(name))) {
			t.Errorf("no warning about %s: %s", name, warnings)
		}
	}
	for _, name := range []string{"new/link", "dangling", "goes"} {
		if got, err := os.Readlink(at(name)); got != at("s") || err != nil {
			t.Errorf("%s leads to %q, %v", name, got, err)
		}
	}
	sock.Symlinks = []string{at("dangling")}
	commit(t, s, unit("u", sock))
	if _, err := os.Lstat(at("goes")); !os.IsNotExist(err) {
		t.Errorf("a symlink that is not wanted any more is still there: %v", err)
	}
	if got, err := os.Readlink(at("foreign")); got != dir || err != nil {
		t.Errorf("somebody else's link is now %q, %v", got, err)
	}
}

// The path of a unit changes, and its link moves along, whether the old node stays as a stale one or was left by an
// earlier run.
func TestSymlinkMovesToTheNewPath(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	unitAt := func(path string) *units.Unit {
		sock := socket(pathOf(units.UnixStream, path))
		sock.Symlinks = []string{at("link")}
		return unit("u", sock)
	}
	wantLink := func(to string) {
		t.Helper()
		if got, err := os.Readlink(at("link")); got != to || err != nil {
			t.Errorf("the link leads to %q, %v; want %q", got, err, to)
		}
	}
	_, end := otherProcess(t, "stream", at("earlier"))
	end()
	link(t, at("earlier"), at("link"))
	s := newSet(t, Options{})
	for _, path := range []string{at("a"), at("b"), at("a")} {
		commit(t, s, unitAt(path))
		wantLink(path)
	}
	other, _ := one(t, pathOf(units.UnixStream, at("other")))
	mustSucceed(t, os.Remove(at("link")))
	link(t, at("other"), at("link"))
	c, problems := s.Prepare([]*units.Unit{unitAt(at("a"))})
	if errs := c.Commit(); len(problems) != 0 || len(errs) != 1 {
		t.Errorf("a link to somebody else's live socket: %v, %v", problems, errs)
	}
	wantLink(at("other"))
	_ = other
}
