package launch

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A program with more rights than its caller is no stage, whatever its arguments say.
func TestElevated(t *testing.T) {
	needRoot(t)
	dir := t.TempDir()
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	if fs.Flags&unix.ST_NOSUID != 0 {
		t.Skipf("%q is mounted with nosuid", dir)
	}
	binary := filepath.Join(dir, "test")
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), copyFile(binary, selfBinary(t))); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{0o755: "false", os.ModeSetuid | 0o755: "true", os.ModeSetgid | 0o755: "true"} {
		if err := os.Chmod(binary, mode); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), binary, helperName, "elevated")
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("%v: %q, %v, want %s", mode, out, err, want)
		}
	}
}
