package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdRecipe writes conf.d/NAME.toml as docs/recipes.md has it, with texts of the host there replaced by those of the
// scenario. Every text must occur, so that what is tested stays what is written.
func cmdRecipe(ts *testscript.TestScript, neg bool, args []string) {
	refuseNegation(ts, neg, "recipe")
	if len(args) < 1 {
		ts.Fatalf("usage: recipe FILE [OLD=NEW]...")
	}
	text, err := recipe(ts.Getenv("REPO"), args[0])
	ts.Check(err)
	for _, replacement := range args[1:] {
		from, to, _ := strings.Cut(replacement, "=")
		if !strings.Contains(text, from) {
			ts.Fatalf("recipe %s does not contain %q", args[0], from)
		}
		text = strings.ReplaceAll(text, from, to)
	}
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, []byte(text), 0o644))
}

// recipe finds the block of docs/recipes.md that begins with a comment of the file's name.
func recipe(repo, file string) (string, error) {
	doc, err := os.ReadFile(filepath.Join(repo, "docs/recipes.md"))
	if err != nil {
		return "", err
	}
	_, rest, found := strings.Cut(string(doc), "\n# "+file+"\n")
	if !found {
		return "", fmt.Errorf("docs/recipes.md has no %s", file)
	}
	text, _, _ := strings.Cut(rest, "\n```")
	return text + "\n", nil
}
