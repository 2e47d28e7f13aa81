package units

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestSystemFile(t *testing.T) {
	host(t, map[string]string{"file": "A=1\n", "long": strings.Repeat("#", MaxFile+1), "folder/x": ""})
	if err := syscall.Mkfifo("fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := systemFile(abs(t, "file"), -1); err != nil || string(text) != "A=1\n" {
		t.Errorf("file: %q, %v", text, err)
	}
	for path, want := range map[string]string{
		"fifo": "is a FIFO, not a file", "folder": "is a folder, not a file", "long": "is longer than 1048576 bytes", "nosuch": "no such file or directory",
		"/dev/zero": "is a device, not a file",
	} {
		if _, err := systemFile(abs(t, path), -1); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

// What root puts into the environment of a service nobody else has had a hand in but the service's own user, who in turn
// gets no file of root's by a link or a folder of its own.
func TestSystemFileOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	host(t, map[string]string{
		"root": "A=1\n", "www": "A=1\n", "other": "A=1\n", "open": "A=1\n",
		"home/root": "A=1\n", "home/www": "A=1\n", "shared/root": "A=1\n", "sticky/root": "A=1\n",
	})
	for link, target := range map[string]string{
		"link": "root", "chain": abs(t, "link"), "wwwlink": "www", "through": "wwwlink", "loop": "loop", "steal": "root",
		"home/up": "..", "folder": "home", "dangling": "nothing",
	} {
		symlink(t, target, link)
	}
	for path, uid := range map[string]int{"www": 33, "other": 1000, "wwwlink": 33, "steal": 33, "home": 33, "home/www": 33, "home/up": 33} {
		if err := os.Lchown(path, uid, 0); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{"open": 0o622, "shared": 0o777, "sticky": 0o777 | os.ModeSticky} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	by := func(path string) string {
		return `is root's, but others can change "` + abs(t, path) + `" on the way to it`
	}
	for path, want := range map[string]string{
		"root": "", "www": "", "link": "", "chain": "", "wwwlink": "", "through": "", "home/www": "", "folder/www": "", "sticky/root": "", "shared/../root": by("shared"),
		"other":        "belongs to uid 1000, not to root or the service's user",
		"open":         "can be written by others (mode 0622)",
		"steal":        by("steal"),
		"home/root":    by("home"),
		"folder/root":  by("home"),
		"home/up/root": by("home"),
		"shared/root":  by("shared"),
		"loop":         "too many levels of symbolic links",
		"dangling":     "no such file or directory",
		"root/x":       "not a directory",
	} {
		got := ""
		if _, err := systemFile(abs(t, ".")+"/"+path, 33); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if _, err := systemFile(abs(t, "www"), 0); err == nil || !strings.HasPrefix(err.Error(), "belongs to uid 33") {
		t.Errorf("www's file for root's service: %v", err)
	}
	if _, err := systemFile(abs(t, "other"), -1); err != nil {
		t.Errorf("a manager that is not root: %v", err)
	}
}
