package atstart_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"

	"sockbridge/internal/launch/atstart"
)

// The test binary is its own helper: it says what it has found.
func TestMain(m *testing.M) {
	if len(os.Args) == 1 {
		soft, _, known := atstart.NoFile()
		fmt.Print(soft, known)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Package syscall has raised the limit by the time a test runs; we must have been earlier.
func TestNoFile(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `ulimit -S -n 77; exec "$0"`, binary)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := "77 true"
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		want = "0 false"
	}
	if string(out) != want {
		t.Errorf("%q, want %q", out, want)
	}
}
