package examples_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the page of controllers shows is what the scripts of test run, and it names every controller.
func TestControllersPageShowsTheFiles(t *testing.T) {
	page, err := os.ReadFile("../docs/controllers.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := shownFile.FindAllStringSubmatch(string(page), -1)
	for _, match := range shown {
		file, err := os.ReadFile("../" + match[1])
		if err != nil {
			t.Error(err)
		} else if string(file) != match[2] {
			t.Errorf("docs/controllers.md does not show %s as it is; it should be:\n%s", match[1], file)
		}
	}
	if len(shown) != 3 {
		t.Errorf("docs/controllers.md shows %d files, want one of each language", len(shown))
	}
	for _, program := range controllers(t) {
		if !strings.Contains(string(page), "`examples/"+program+"`") {
			t.Errorf("docs/controllers.md does not mention examples/%s", program)
		}
	}
}

// controllers returns the paths of the example controllers: scripts, and folders of Go programs.
func controllers(t *testing.T) []string {
	t.Helper()
	var programs []string
	err := filepath.WalkDir("controllers", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir():
			return err
		case entry.Name() == "main.go":
			programs = append(programs, filepath.Dir(path))
		case filepath.Ext(path) != ".go" && filepath.Ext(path) != ".pyc":
			programs = append(programs, path)
		}
		return nil
	})
	if err != nil || len(programs) < 3 {
		t.Fatalf("controllers: %v, %v", programs, err)
	}
	return programs
}

// controller.py is a module; the others are programs.
func TestControllersAreExecutable(t *testing.T) {
	for _, program := range controllers(t) {
		want := fs.FileMode(0o755)
		if filepath.Base(program) == "controller.py" {
			want = 0o644
		}
		if info, err := os.Stat(program); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v; want %v", program, info.Mode(), err, want)
		}
	}
}
