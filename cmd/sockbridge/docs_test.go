package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// docPage is the page that this file holds against the program.
const docPage = "../../docs/command-line.md"

// documentedElsewhere are the commands that other pages describe.
var documentedElsewhere = []string{"run", "once", "check", "version", "proxy", "help", "completion"}

// section is the text below a heading, up to the next heading of any level.
func section(page, heading string) string {
	_, rest, found := strings.Cut(page, "\n"+heading+"\n")
	if !found {
		return ""
	}
	text, _, _ := strings.Cut(rest, "\n#")
	return text
}

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(docPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryCommandAndFlagIsDocumented(t *testing.T) {
	page := readPage(t)
	for _, c := range newRoot().Commands() {
		if !c.IsAvailableCommand() || strings.Contains(strings.Join(documentedElsewhere, " "), c.Name()) {
			continue
		}
		text := ""
		for line := range strings.SplitSeq(page, "\n") {
			if strings.HasPrefix(line, "### ") && strings.Contains(" "+line[4:]+",", " "+c.Name()+",") {
				text = section(page, line)
			}
		}
		if text == "" {
			t.Errorf("%s has no section", c.Name())
		}
		for _, name := range flagNames(c) {
			if !strings.Contains(text, "`--"+name) {
				t.Errorf("the section of %s does not tell of --%s", c.Name(), name)
			}
		}
		if !strings.Contains(section(page, "## Synopsis"), "sockbridge "+c.Name()) {
			t.Errorf("%s is not in the synopsis", c.Name())
		}
	}
	for _, name := range globalNames {
		if !strings.Contains(section(page, "## Global options"), "`--"+name) {
			t.Errorf("--%s is not among the global options", name)
		}
	}
}

func flagNames(c *cobra.Command) (names []string) {
	for word := range strings.FieldsSeq(c.LocalNonPersistentFlags().FlagUsages()) {
		if name, ok := strings.CutPrefix(word, "--"); ok && len(name) > 2 && name == strings.Trim(name, ".,;:)") {
			if flag := c.Flags().Lookup(name); flag != nil {
				names = append(names, name)
			}
		}
	}
	return names
}

// fields are the JSON fields of a kind of record as the page has them.
func fields[T any](columns []column[T]) string {
	var b strings.Builder
	for _, c := range columns {
		if c.name != "" {
			fmt.Fprintf(&b, "| `%s` | %s |\n", c.name, c.doc)
		}
	}
	return b.String()
}

func TestEveryFieldIsDocumented(t *testing.T) {
	page := readPage(t)
	for what, want := range map[string]string{
		"list":  fields(unitKind(at).columns),
		"conns": fields(connectionKind(at).columns),
		"event": fields(happeningKind(at.Location()).columns),
		"show":  fields(valueKind().columns),
		"ping":  fields(infoKind().columns),
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s does not have the fields of %s:\n%s", docPage, what, want)
		}
	}
}

func TestTopicsAreDocumented(t *testing.T) {
	for name := range topics {
		if !strings.Contains(readPage(t), "`"+name+"`") {
			t.Errorf("topic %s is not documented", name)
		}
	}
}
