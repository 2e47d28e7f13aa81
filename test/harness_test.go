package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// pretenders returns a folder in which sockbridge is the stand-in.
func pretenders(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "sockbridge")); err != nil {
		t.Fatal(err)
	}
	return bin
}

func TestHarness(t *testing.T) {
	run(t, "testdata/harness", pretenders(t))
}

// TestHarnessBlames runs scripts that must fail, and looks at what they fail with: the pattern is the line of the
// script that begins with `# blame: `.
func TestHarnessBlames(t *testing.T) {
	bin := pretenders(t)
	scripts, err := filepath.Glob("testdata/blame/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, script := range scripts {
		t.Run(filepath.Base(script), func(t *testing.T) {
			text, err := os.ReadFile(script)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(text), "\n")
			want, ok := strings.CutPrefix(first, "# blame: ")
			if !ok {
				t.Fatalf("%s does not begin with `# blame: `", script)
			}
			r := record(script, bin)
			if !r.failed || !strings.Contains(r.said.String(), want) {
				t.Errorf("failed = %t, want it to fail with %q; it said:\n%s", r.failed, want, r.said.String())
			}
		})
	}
}

// record runs one script and notes its end instead of failing.
func record(script, bin string) *recorder {
	r := &recorder{}
	p := params(bin)
	p.Files = []string{script}
	func() {
		defer r.recoverFailure()
		testscript.RunT(r, p)
	}()
	return r
}

// A recorder is a testscript.T that takes notes.
type recorder struct {
	failed bool
	said   strings.Builder
}

// errFailNow ends a recorded test, as runtime.Goexit ends a real one.
type errFailNow struct{}

func (r *recorder) recoverFailure() {
	if p := recover(); p != nil && p != any(errFailNow{}) {
		panic(p)
	}
}

func (r *recorder) FailNow() {
	r.failed = true
	panic(errFailNow{})
}

func (r *recorder) Fatal(args ...any) {
	r.Log(args...)
	r.FailNow()
}

func (r *recorder) Skip(args ...any) {
	r.Log(args...)
	panic(errFailNow{})
}

func (r *recorder) Log(args ...any) { fmt.Fprintln(&r.said, args...) }

func (r *recorder) Run(_ string, f func(t testscript.T)) {
	defer r.recoverFailure()
	f(r)
}

func (r *recorder) Failed() bool  { return r.failed }
func (r *recorder) Parallel()     {}
func (r *recorder) Verbose() bool { return false }
