package examples_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// A shown file is a code block right below a line that ends with its path: "…: `examples/sh/greet.sh`".
var shownFile = regexp.MustCompile("(?m)`((?:examples|conf\\.d)/[^`]+)`:?\n\n```[a-z]+\n((?s:.*?))```\n")

// What the page of services shows is what is tested here.
func TestDocumentShowsTheFiles(t *testing.T) {
	page, err := os.ReadFile("../docs/services.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := shownFile.FindAllStringSubmatch(string(page), -1)
	for _, match := range shown {
		file, err := os.ReadFile("../" + match[1])
		if err != nil {
			t.Error(err)
		} else if string(file) != match[2] {
			t.Errorf("docs/services.md does not show %s as it is; it should be:\n%s", match[1], file)
		}
	}
	programs := regexp.MustCompile("(?m)^```(c|go|python|sh|toml)$").FindAllString(string(page), -1)
	if len(shown) == 0 || len(shown) != len(programs) {
		t.Errorf("docs/services.md has %d code blocks and names the files of %d", len(programs), len(shown))
	}
	for _, u := range shipped(t) {
		if !strings.Contains(string(page), u.name+".toml") {
			t.Errorf("docs/services.md does not mention %s.toml", u.name)
		}
	}
}
