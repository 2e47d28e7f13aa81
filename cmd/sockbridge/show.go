package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sockbridge/units"
)

const unitSuffix = ".toml"

// A shower is what show was asked to show.
type shower struct {
	globals   *globals
	from      source
	effective bool
}

func newShow(g *globals) *cobra.Command {
	s := &shower{globals: g}
	c := &cobra.Command{
		Use:   "show UNIT",
		Short: "Show the files of a unit, or the values in force",
		Long: `Show a unit's file and its drop-ins, in the order in which they count; with --effective every key with the value that is in
force, and where it was written. UNIT is a name, or the path of a unit file. No manager is asked: files are shown as they are now.`,
		Args: takes(1, 1, "the name of a unit"),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := g.printer(c, "")
			if err != nil {
				return err
			}
			return s.run(c.Context(), p, args[0])
		},
		ValidArgsFunction: g.completeUnit,
	}
	s.from.flags(c)
	c.Flags().BoolVarP(&s.effective, "effective", "e", false, "every value in force, with its origin")
	return c
}

func (s *shower) run(ctx context.Context, p *printer, name string) error {
	files, err := s.files(name)
	if err != nil {
		return err
	}
	if !s.effective {
		return printFiles(p, files)
	}
	options := s.from.options()
	if isPath(name) {
		options.Files, options.Dirs, name = []string{name}, nil, strings.TrimSuffix(filepath.Base(name), unitSuffix)
	}
	options.Only, options.Offline = []string{name}, true
	set, err := units.Load(ctx, options)
	if err != nil {
		return err
	}
	if u := set.Unit(name); u != nil {
		return printAll(p, valueKind(), u.Values())
	}
	if err := set.Report(s.globals.stderr); err != nil {
		return err
	}
	if slices.Contains(set.Disabled, name) {
		return fmt.Errorf("unit %q is disabled: no value of it is in force", name)
	}
	return fmt.Errorf("unit %q has errors: no value of it is in force", name)
}

// isPath tells the path of a file from the name of a unit.
func isPath(name string) bool {
	return strings.HasSuffix(name, unitSuffix) || strings.Contains(name, "/")
}

// files are the unit's file, if it has one, and its drop-ins in the order in which they count.
func (s *shower) files(name string) ([]string, error) {
	dirs := s.from.options().Dirs
	if isPath(name) {
		dirs, name = []string{filepath.Dir(name)}, strings.TrimSuffix(filepath.Base(name), unitSuffix)
	}
	var files []string
	dropIns := map[string]string{}
	for _, dir := range slices.Backward(dirs) {
		if path := join(dir, name+unitSuffix); exists(path) {
			files = []string{path}
		}
		for _, f := range dropInsOf(join(dir, name+".d")) {
			dropIns[filepath.Base(f)] = f
		}
	}
	for _, base := range slices.Sorted(maps.Keys(dropIns)) {
		files = append(files, dropIns[base])
	}
	if len(files) == 0 {
		return nil, s.noUnit(name, dirs)
	}
	return files, nil
}

// join keeps the folder as the user wrote it.
func join(dir, name string) string { return strings.TrimSuffix(dir, "/") + "/" + name }

func dropInsOf(dir string) []string {
	var list []string
	entries, _ := os.ReadDir(dir) // none where there is no such folder
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), unitSuffix) && !strings.HasPrefix(e.Name(), ".") {
			list = append(list, join(dir, e.Name()))
		}
	}
	return list
}

func (s *shower) noUnit(name string, dirs []string) error {
	err := statusError{fmt.Errorf("no unit is named %q in %s", name, strings.Join(dirs, ", ")), exitNoSuchUnit}
	if best := nearest(name, namesIn(dirs)); best != "" {
		return hintedError{err, fmt.Sprintf("did you mean %q?", best)}
	}
	return hintedError{err, "-c names the folders that the manager was given, if not those"}
}

// namesIn are the names of the units in folders.
func namesIn(dirs []string) []string {
	names := map[string]bool{}
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir) // none where there is no such folder
		for _, e := range entries {
			if name, ok := strings.CutSuffix(e.Name(), unitSuffix); ok && units.ValidName(name) {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// maxShown bounds what is shown of a file, in bytes: a unit file is small.
const maxShown = 1 << 20

// printFiles writes files one after the other, each below its path.
func printFiles(p *printer, files []string) error {
	var objects []object
	for i, path := range files {
		text, err := readFile(path)
		if err != nil {
			return fmt.Errorf("cannot show %q: %w", path, err)
		}
		objects = append(objects, object{{"file", path}, {"text", text}})
		if err := printFile(p, path, text, i == 0); err != nil {
			return err
		}
	}
	if p.format == asJSON || p.format == asLines {
		return p.objects(objects)
	}
	return nil
}

func printFile(p *printer, path, text string, first bool) error {
	switch {
	case p.format == asNames:
		return p.write(clean(path) + "\n")
	case !p.people():
		return nil
	}
	var b strings.Builder
	if !first {
		b.WriteByte('\n')
	}
	if p.header {
		b.WriteString(p.palette.paint(dim, "# "+clean(path)) + "\n")
	}
	for line := range strings.Lines(text) {
		// TABs of a file do no harm, and are not to be seen.
		b.WriteString(strings.ReplaceAll(clean(strings.TrimSuffix(line, "\n")), `\t`, "\t") + "\n")
	}
	return p.write(b.String())
}

func readFile(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", err
	case info.Mode()&fs.ModeCharDevice != 0:
		return "# masked\n", nil // by a link to /dev/null
	case !info.Mode().IsRegular():
		return "", errors.New("it is not a file")
	case info.Size() > maxShown:
		return "", errors.New("it is too long for a unit file")
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// valueKind is how the values of a unit are shown.
func valueKind() kind[units.Value] {
	return kind[units.Value]{id: func(v units.Value) string { return v.Key }, columns: []column[units.Value]{
		{
			name: "key", doc: "the key, as SECTION.NAME", value: func(v units.Value) any { return v.Key },
			header: "KEY", text: func(v units.Value) string { return v.Key },
		},
		{
			name: "file", doc: "where it was written; null for a default", value: func(v units.Value) any { return orNull(v.Origin.File) },
			header: "ORIGIN", text: originText,
		},
		{name: "line", doc: "the line there", value: func(v units.Value) any { return lineOrNull(v.Origin) }},
		{
			name: "value", doc: "its value as a unit file writes it; null if nothing is set", value: func(v units.Value) any { return orNull(v.Text) },
			header: "VALUE", text: func(v units.Value) string { return orNone(v.Text) },
		},
	}}
}

func originText(v units.Value) string {
	if v.Origin.File == "" {
		return "default"
	}
	return fmt.Sprintf("%s:%d", v.Origin.File, v.Origin.Line)
}

func lineOrNull(o units.Origin) any {
	if o.File == "" {
		return nil
	}
	return int64(o.Line)
}
