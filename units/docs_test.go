package units

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const reference = "../docs/unit-file.md"

// The tables of the reference page are made of the table of keys: go test ./units -run TestReference -update
func TestReference(t *testing.T) {
	text, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	want := string(text)
	for _, s := range Sections() {
		name := s.Name
		if name == "" {
			name = "top"
		}
		want = between(t, want, "<!-- keys "+name+" -->\n", "<!-- end -->", sectionTable(s.Name))
	}
	if *update {
		if err := os.WriteFile(reference, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("%s is stale; run the test with -update (-want +got):\n%s", reference, diff)
	}
}

// between replaces what stands between two marks.
func between(t *testing.T, text, from, to, with string) string {
	t.Helper()
	before, rest, ok1 := strings.Cut(text, from)
	_, after, ok2 := strings.Cut(rest, to)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no %q", reference, from)
	}
	return before + from + with + to + after
}

func sectionTable(section string) string {
	var now, later strings.Builder
	for _, k := range Keys() {
		switch {
		case k.Section != section:
		case k.InForce():
			fmt.Fprintf(&now, "| `%s` | %s | %s | %s | %s |\n", k.Name, typeText(k), defaultText(k), k.Doc, elsewhere(k))
		default:
			fmt.Fprintf(&later, "| `%s` | %s | %s | %s |\n", k.Name, typeText(k), k.Doc, elsewhere(k))
		}
	}
	var b strings.Builder
	if now.Len() > 0 {
		b.WriteString("\n| key | takes | default | meaning | known as |\n|---|---|---|---|---|\n" + now.String())
	}
	if later.Len() > 0 {
		b.WriteString("\nNot supported yet:\n\n| key | takes | meaning | known as |\n|---|---|---|---|\n" + later.String())
	}
	return b.String() + "\n"
}

func typeText(k *Key) string {
	if r := k.Range(); r != "" {
		return string(k.Type) + ": " + r
	}
	return string(k.Type)
}

func defaultText(k *Key) string {
	if k.Default != "" {
		return "`" + k.Default + "`"
	}
	return k.Unset
}

func elsewhere(k *Key) string {
	var names []string
	for _, n := range []struct{ where, name string }{{"systemd", k.Systemd}, {"xinetd", k.Xinetd}, {"Upstart", k.Upstart}} {
		if n.name != "" {
			names = append(names, n.where+" `"+n.name+"`")
		}
	}
	return strings.Join(names, ", ")
}
