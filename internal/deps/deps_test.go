package deps

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "sockbridge"

// architectures are those whose files differ: the two with a launcher in assembly, and one of the others.
var architectures = []string{"amd64", "arm64", "riscv64"}

func TestImportPolicy(t *testing.T) {
	policy := mustPolicy(t)
	for _, arch := range architectures {
		t.Run(arch, func(t *testing.T) {
			for _, pkg := range list(t, arch) {
				for _, complaint := range policy.complaints(pkg) {
					t.Error(complaint)
				}
			}
		})
	}
}

// A policy is both parts of it, read.
type policy struct {
	product, tests rules
}

func mustPolicy(t *testing.T) policy {
	t.Helper()
	return policy{product: mustParse(t, product), tests: mustParse(t, tests)}
}

func mustParse(t *testing.T, text string) rules {
	t.Helper()
	r, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A listed is what `go list -json` says of a package.
type listed struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// list returns the packages of the module as they are built for an architecture, without C.
func list(t *testing.T, arch string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", module+"/...")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot list the packages of %q: %v", module, err)
	}
	pkgs, err := decode(string(out))
	if err != nil {
		t.Fatal(err)
	}
	return pkgs
}

// decode reads the stream of objects that `go list -json` prints.
func decode(out string) ([]listed, error) {
	var pkgs []listed
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var pkg listed
		if err := d.Decode(&pkg); errors.Is(err, io.EOF) {
			return pkgs, nil
		} else if err != nil {
			return nil, fmt.Errorf("cannot read go list's output: %w", err)
		}
		pkgs = append(pkgs, pkg)
	}
}

// complaints returns a sentence for every import that the policy forbids.
func (p policy) complaints(pkg listed) []string {
	name := ours(pkg.ImportPath)
	if !p.product.lists(name) {
		return []string{fmt.Sprintf(
			"package %q has no line in the import policy; give it one in internal/deps/policy_test.go that says whom it may know", name)}
	}
	var all []string
	for _, path := range pkg.Imports {
		if !p.mayImport(name, path) {
			all = append(all, complaint(name, path))
		}
	}
	for _, path := range slices.Concat(pkg.TestImports, pkg.XTestImports) {
		if !p.testMayImport(name, path) {
			all = append(all, complaint("the tests of "+name, path))
		}
	}
	return all
}

func (p policy) mayImport(importer, path string) bool {
	return p.product.allow(importer, ours(path)) || isStandard(path) && restricted[path] == ""
}

func (p policy) testMayImport(importer, path string) bool {
	return isStandard(path) || ours(path) == importer ||
		p.product.allow(importer, ours(path)) || p.tests.allow(importer, ours(path))
}

func complaint(importer, path string) string {
	because := "the import policy does not list it"
	if reason := restricted[path]; reason != "" {
		because = reason
	}
	return fmt.Sprintf("%s must not import %q: %s; if it has to, allow it in internal/deps/policy_test.go and say why in the commit",
		importer, ours(path), because)
}

// ours cuts the module's name off its packages' paths, so that policies read like the tree.
func ours(path string) string { return strings.TrimPrefix(path, module+"/") }

func isStandard(path string) bool {
	return !isOutside(path) && !strings.HasPrefix(path, module+"/")
}
