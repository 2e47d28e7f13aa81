package superserver

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the tables of the documentation anew")

const manual = "../../docs/running.md"

// The table of commands in the manual is made of theirs: go test ./internal/superserver -run TestManual -update
func TestManual(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), "<!-- commands -->\n")
	_, after, ok2 := strings.Cut(rest, "<!-- end -->\n")
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the commands", manual)
	}
	want := before + "<!-- commands -->\n" + commandTable() + "<!-- end -->\n" + after
	if *update {
		if err := os.WriteFile(manual, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is stale; run the test with -update (-want +got):\n%s", manual, diff)
	}
}

func commandTable() string {
	var b strings.Builder
	b.WriteString("\n| command | rights | effect |\n|---|---|---|\n")
	for _, c := range (&Server{}).commands() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.TrimSpace(c.Name+" "+strings.ReplaceAll(c.Args, "|", "\\|")), c.Rights, c.Help)
	}
	b.WriteString("\n")
	return b.String()
}
