package test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] serve NAME ARG...")
	}
	name, s := args[0], scenarioOf(ts)
	if s.managers[name] != nil {
		ts.Fatalf("there is a manager named %q already", name)
	}
	m, err := startManager(append([]string{"sockbridge"}, args[1:]...), environment(ts), ts.MkAbs("."), logPath(ts.Getenv("WORK"), name))
	ts.Check(err)
	s.managers[name] = m
	err = m.waitReady()
	if err == nil && neg {
		ts.Fatalf("%s is ready, and should have failed", name)
	}
	if err != nil && (!neg || !m.hasExited()) {
		ts.Fatalf("%s is not ready: %v", name, err)
	}
}

func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	refuseNegation(ts, neg, "signal")
	if len(args) != 2 {
		ts.Fatalf("usage: signal NAME SIGNAL")
	}
	number, err := signalNumber(args[1])
	ts.Check(err)
	m := managerOf(ts, args[0])
	if m.hasExited() {
		ts.Fatalf("%s has ended with code %d", args[0], m.code)
	}
	ts.Check(unix.Kill(m.pid, number))
}

func cmdWaitExit(ts *testscript.TestScript, neg bool, args []string) {
	refuseNegation(ts, neg, "waitexit")
	if len(args) != 2 {
		ts.Fatalf("usage: waitexit NAME CODE")
	}
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	m := managerOf(ts, args[0])
	select {
	case <-m.exited:
	case <-time.After(patience):
		ts.Fatalf("%s is still running", args[0])
	}
	if m.code != want {
		ts.Fatalf("%s ended with code %d, want %d", args[0], m.code, want)
	}
}

func cmdLogs(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] logs NAME PATTERN")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	m := managerOf(ts, args[0])
	if neg {
		if line := pattern.FindString(m.output()); line != "" {
			ts.Fatalf("the output of %s has %q", args[0], line)
		}
		return
	}
	err = poll(patience, func() (bool, error) { return pattern.MatchString(m.output()), nil })
	if err != nil {
		ts.Fatalf("the output of %s has no match of %q", args[0], args[1])
	}
}

func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	refuseNegation(ts, neg, "await")
	if len(args) < 2 {
		ts.Fatalf("usage: await DURATION COMMAND...")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	var out string
	var failure error
	try := program(ts)
	if args[1] == "client" {
		args, try = args[1:], runClient
	}
	err = poll(limit, func() (bool, error) {
		out, failure = try(args[1:])
		return failure == nil, nil
	})
	write(ts, out)
	if err != nil {
		ts.Fatalf("%s did not succeed within %s: %v", args[1], limit, failure)
	}
}

// program returns a function that runs a program in the script's folder and environment.
func program(ts *testscript.TestScript) func(args []string) (string, error) {
	env, dir := environment(ts), ts.MkAbs(".")
	return func(args []string) (string, error) {
		var out bytes.Buffer
		cmd := exec.Command("env", args...)
		cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, dir, &out, &out
		err := cmd.Run()
		return out.String(), err
	}
}

// variable is a reference that cmdExpand replaces.
var variable = regexp.MustCompile(`\$\{[A-Z][A-Z0-9_]*\}`)

// cmdExpand leaves references to unset variables alone: the files may hold shell.
func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	refuseNegation(ts, neg, "expand")
	for _, name := range args {
		path := ts.MkAbs(name)
		text, err := os.ReadFile(path)
		ts.Check(err)
		expanded := variable.ReplaceAllStringFunc(string(text), func(ref string) string {
			if value := ts.Getenv(strings.Trim(ref, "${}")); value != "" {
				return value
			}
			return ref
		})
		ts.Check(os.WriteFile(path, []byte(expanded), 0o644))
	}
}

func cmdPort(ts *testscript.TestScript, neg bool, args []string) {
	refuseNegation(ts, neg, "port")
	s := scenarioOf(ts)
	for _, name := range args {
		port, err := freePorts.take()
		ts.Check(err)
		s.ports = append(s.ports, port)
		ts.Setenv(name, strconv.Itoa(port))
	}
}

func managerOf(ts *testscript.TestScript, name string) *manager {
	m := scenarioOf(ts).managers[name]
	if m == nil {
		ts.Fatalf("there is no manager named %q; start it with serve", name)
	}
	return m
}

func refuseNegation(ts *testscript.TestScript, neg bool, command string) {
	if neg {
		ts.Fatalf("%s cannot be negated", command)
	}
}

// environment returns the script's variables as they are now, which only a program that it runs can tell.
func environment(ts *testscript.TestScript) []string {
	file := ts.Getenv("TMPDIR") + "/environment"
	ts.Check(ts.Exec("cp", "/proc/self/environ", file))
	return strings.Split(strings.TrimSuffix(ts.ReadFile(file), "\x00"), "\x00")
}

func write(ts *testscript.TestScript, out string) {
	_, err := ts.Stdout().Write([]byte(out))
	ts.Check(err)
}
