// Package test runs the scripts of testdata/script against the real program.
//
// A script is a text archive of one scenario, run in a folder of its own ($WORK) and beside the others. Beyond
// the commands of testscript (go doc github.com/rogpeppe/go-internal/testscript) it has:
//
//	[!] serve NAME ARG...      start `sockbridge ARG...` in the background and wait until it logs that it is
//	                           ready; with ! it must end before that. Its output is in $WORK/NAME.log
//	signal NAME SIGNAL         send HUP, TERM, USR1, … to it
//	waitexit NAME CODE         wait for its end; 128+N is death by signal N
//	[!] logs NAME PATTERN      wait until its output has a match; with ! it must have none now
//	[!] client NETWORK ADDRESS [-in TEXT] [-expect TEXT] [-n N] [-c N] [-timeout DURATION]
//	                           connect, say TEXT, half-close, read to the end; see client_test.go
//	await DURATION COMMAND...  repeat a program, or client, until it succeeds
//	port NAME...               set variables to free ports of the loopback addresses
//	recipe FILE [OLD=NEW]...   write FILE as docs/recipes.md has it, with texts replaced
//	proxy VERB NAME ...        start and talk to programs that speak the control protocol; see proxy_test.go
//	expand FILE...             put the values of variables for ${NAME} in files
//
// and the conditions [root], [user:NAME], [kernel:vsock] and [kernel:ipv6]. A script fails when a manager that it
// started is still running at its end, reported a data race or a panic, or left any process behind.
package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary also plays the programs that the harness starts, under the names of links to it.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case keeperName:
		os.Exit(keep())
	case "sockbridge":
		os.Exit(pretend())
	}
	os.Exit(m.Run())
}

func TestScript(t *testing.T) {
	run(t, "testdata/script", build(t))
}

// run runs every script of a folder with the programs of bin first in the search path.
func run(t *testing.T, scripts, bin string) {
	t.Helper()
	p := params(bin)
	p.Dir = scripts
	testscript.Run(t, p)
}

// params is the language of the scripts.
func params(bin string) testscript.Params {
	return testscript.Params{
		Setup:              func(env *testscript.Env) error { return setUp(env, bin) },
		Condition:          condition,
		RequireUniqueNames: true,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"await":    cmdAwait,
			"client":   cmdClient,
			"expand":   cmdExpand,
			"logs":     cmdLogs,
			"port":     cmdPort,
			"proxy":    cmdProxy,
			"recipe":   cmdRecipe,
			"serve":    cmdServe,
			"signal":   cmdSignal,
			"waitexit": cmdWaitExit,
		},
	}
}

// build compiles the program as it is shipped and returns the folder it is in. SOCKBRIDGE_RACE=1 adds the race
// detector, GOCOVERDIR=DIR counts the statements that the scripts reach.
func build(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	args := []string{"build", "-o", filepath.Join(bin, "sockbridge")}
	cgo := "0"
	if os.Getenv("SOCKBRIDGE_RACE") == "1" {
		args, cgo = append(args, "-race"), "1"
	}
	if os.Getenv("GOCOVERDIR") != "" {
		args = append(args, "-cover", "-coverpkg=sockbridge/...")
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, "sockbridge/cmd/sockbridge")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build sockbridge: %v\n%s", err, out)
	}
	return bin
}

// setUp opens the script's folder to the users that services run as, and gives the script its scenario.
func setUp(env *testscript.Env, bin string) error {
	for _, dir := range []string{filepath.Dir(env.WorkDir), env.WorkDir} {
		if err := os.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	if env.Getenv("GORACE") == "" {
		env.Setenv("GORACE", "atexit_sleep_ms=10") // otherwise each program with the detector takes a second to end
	}
	repo, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	env.Setenv("REPO", repo)
	env.Setenv("SOCKBRIDGE", filepath.Join(bin, "sockbridge"))
	s := newScenario()
	env.Values[scenarioKey{}] = s
	env.Defer(func() { s.end(env.T()) })
	return nil
}

type scenarioKey struct{}

// A scenario is what a running script holds beyond its files.
type scenario struct {
	managers map[string]*manager
	ports    []int
}

func newScenario() *scenario { return &scenario{managers: map[string]*manager{}} }

func scenarioOf(ts *testscript.TestScript) *scenario {
	return ts.Value(scenarioKey{}).(*scenario)
}

// end fails the script for everything that it left behind, and removes it. A script that failed already is not
// blamed again: it had no chance to clean up, and its managers' output says more.
func (s *scenario) end(t testscript.T) {
	freePorts.giveBack(s.ports)
	failed := t.(interface{ Failed() bool }).Failed()
	var blame []string
	for name, m := range s.managers {
		complaints := m.end()
		if failed || len(complaints) > 0 {
			t.Log("output of " + name + ":\n" + m.output())
		}
		for _, complaint := range complaints {
			blame = append(blame, name+" "+complaint)
		}
	}
	if len(blame) > 0 && !failed {
		t.Fatal(strings.Join(blame, "\n"))
	}
}
