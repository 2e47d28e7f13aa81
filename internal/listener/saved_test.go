package listener

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"sockbridge/units"
)

// saveAll ends a set as an execution of another program does: its descriptors are all that is left, here as duplicates.
func saveAll(t *testing.T, s *Set) []Saved {
	t.Helper()
	text, err := json.Marshal(s.Save())
	mustSucceed(t, err)
	var saved []Saved
	mustSucceed(t, json.Unmarshal(text, &saved))
	for i := range saved {
		fd, err := unix.FcntlInt(uintptr(saved[i].FD), unix.F_DUPFD_CLOEXEC, 0)
		mustSucceed(t, err)
		saved[i].FD = fd
	}
	return saved
}

// What was saved and restored is kept by a change to the same units, whatever the kind, with its node, and goes on being changed and
// closed as if there had been no restart.
func TestRestoredListenersAreKept(t *testing.T) {
	for name, a := range everyKind(t) {
		t.Run(name, func(t *testing.T) {
			sock := socket(a)
			sock.RemoveOnStop = true
			u := unit("u", sock)
			old := newSet(t, Options{})
			commit(t, old, u)
			before := inode(t, only(t, old, "u"))

			s := NewSet(Options{Restored: saveAll(t, old)})
			change, problems := s.Prepare([]*units.Unit{u})
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			if len(change.Kept()) != 1 || len(change.Opened())+len(change.Closed()) != 0 {
				t.Fatalf("kept %v, opened %v, closed %v; want one kept", change.Kept(), change.Opened(), change.Closed())
			}
			for _, err := range change.Commit() {
				t.Error(err)
			}
			if got := inode(t, only(t, s, "u")); got != before {
				t.Errorf("inode %d became %d", before, got)
			}
			if diff := cmp.Diff(only(t, old, "u").save(), only(t, s, "u").save(), cmp.FilterPath(func(p cmp.Path) bool {
				return p.String() == "FD"
			}, cmp.Ignore()), cmp.Comparer(func(a, b units.Address) bool { return a.Key() == b.Key() })); diff != "" {
				t.Errorf("saved (-) and restored (+) differ:\n%s", diff)
			}
			for _, err := range s.Close() {
				t.Error(err)
			}
			if hasNode(a) {
				if _, err := os.Lstat(a.Path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is still there: %v", a.Path, err)
				}
			}
		})
	}
}

// A restored listener that no unit wants any more goes away, with the folders that were made for it.
func TestRestoredListenerThatNobodyWants(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "made")
	sock := socket(pathOf(units.UnixStream, filepath.Join(folder, "s")))
	sock.RemoveOnStop = true
	old := newSet(t, Options{})
	commit(t, old, unit("u", sock))
	s := NewSet(Options{Restored: saveAll(t, old)})
	commit(t, s)
	if len(s.All()) != 0 {
		t.Errorf("%v is live", s.All())
	}
	for _, err := range s.Close() {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(folder, "s")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the node is still there: %v", err)
	}
}
