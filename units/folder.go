package units

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

const suffix = ".toml"

// A plan is which files make which units. It is made of names alone; nothing has been read yet.
type plan struct {
	units    map[string]*unitFiles
	problems Problems
	reader   fileReader
	only     func(name string) bool
	folders  int // that could be looked at
}

// unitFiles are the files of one unit.
type unitFiles struct {
	name    string
	main    string            // "" where there are only drop-ins
	named   bool              // the user named the file, not its folder
	bad     bool              // the unit cannot be loaded, as a problem says
	dropIns map[string]string // by file name
}

func (p *plan) unit(name string) *unitFiles {
	if p.units[name] == nil {
		p.units[name] = &unitFiles{name: name, dropIns: map[string]string{}}
	}
	return p.units[name]
}

// folder takes in what a folder of units holds, unless an earlier folder has the same.
func (p *plan) folder(dir string) error {
	listing, err := p.list(dir)
	if errors.Is(err, errUntrusted) {
		p.folders++
		p.refuse(dir, "", err.Error())
		return nil
	}
	if err != nil {
		return err
	}
	p.folders++
	for _, f := range listing {
		name, isUnit := strings.CutSuffix(f.Name(), suffix)
		dropIns, isDropIns := strings.CutSuffix(f.Name(), ".d")
		switch {
		case strings.HasPrefix(f.Name(), "."):
		case isUnit && p.only(name):
			p.file(name, join(dir, f.Name()), f.Type())
		case isDropIns && p.only(dropIns):
			p.dropIns(dropIns, join(dir, f.Name()), f.Type())
		}
	}
	return nil
}

// list returns what a folder holds, sorted, if it can be trusted. No link is followed: those of the user's own folders
// are settled.
func (p *plan) list(dir string) ([]fs.DirEntry, error) {
	f, err := os.OpenFile(p.reader.place(dir), os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := p.reader.writers(info); err != nil {
		return nil, err
	}
	listing, err := f.ReadDir(-1)
	slices.SortFunc(listing, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return listing, err
}

// file takes in a unit's file.
func (p *plan) file(name, path string, mode fs.FileMode) {
	u := p.unit(name)
	if u.main != "" {
		return
	}
	u.main = path
	p.usable(u, path, mode)
}

// usable refuses names and kinds of files that no unit has. They are not opened: opening a device can do things.
func (p *plan) usable(u *unitFiles, path string, mode fs.FileMode) {
	switch {
	case !ValidName(u.name):
		p.refuse(path, u.name, fmt.Sprintf("%s is not the name of a unit: %s", quoteShort(u.name), nameRule))
	case mode.Type() != 0 && mode.Type() != fs.ModeSymlink:
		p.refuse(path, u.name, fmt.Sprintf("is %s, not a file", kindOfFile(mode)))
	default:
		return
	}
	u.bad = true
}

// dropIns takes in the files of NAME.d.
func (p *plan) dropIns(name, dir string, mode fs.FileMode) {
	u := p.unit(name)
	if !mode.IsDir() {
		p.refuse(dir, name, fmt.Sprintf("is %s, not a folder", kindOfFile(mode)))
		u.bad = true
		return
	}
	listing, err := p.list(dir)
	switch {
	case errors.Is(err, errUntrusted):
		p.refuse(dir, name, err.Error())
	case err != nil:
		p.refuse(dir, name, fmt.Sprintf("cannot be read: %v", reason(err)))
	}
	u.bad = u.bad || err != nil
	for _, f := range listing {
		_, taken := u.dropIns[f.Name()]
		if taken || strings.HasPrefix(f.Name(), ".") || !strings.HasSuffix(f.Name(), suffix) {
			continue
		}
		u.dropIns[f.Name()] = join(dir, f.Name())
		if f.Type() != 0 && f.Type() != fs.ModeSymlink {
			p.refuse(u.dropIns[f.Name()], name, fmt.Sprintf("is %s, not a file", kindOfFile(f.Type())))
			u.bad = true
		}
	}
}

// named takes in a file that the user named, with the drop-ins beside it.
func (p *plan) named(path string) {
	name, ok := strings.CutSuffix(filepath.Base(path), suffix)
	if !ok {
		p.refuse(path, "", fmt.Sprintf("is not a unit file, which ends in %s", suffix))
		return
	}
	u := p.unit(name)
	if u.main != "" {
		p.refuse(path, name, fmt.Sprintf("unit %q is in %s too", name, u.main))
		return
	}
	u.main, u.named = path, true
	p.usable(u, path, 0)
	dir := strings.TrimSuffix(path, suffix) + ".d"
	if info, err := os.Lstat(dir); err == nil {
		p.dropIns(name, dir, info.Mode())
	}
}

func (p *plan) refuse(path, unit, msg string) {
	p.problems = append(p.problems, Problem{File: path, Msg: msg, Unit: unit})
}

// join keeps the folder as the user wrote it.
func join(dir, name string) string {
	return strings.TrimSuffix(dir, "/") + "/" + name
}

const nameRule = "letters, digits and _ . @ : -, not first . or -, 250 at most"

// ValidName reports whether a unit may have the name: ASCII letters, digits, "_", ".", "@", ":" and "-", not beginning
// with "." or "-", at most 250 bytes, so that NAME.toml is the name of a file.
func ValidName(name string) bool {
	if name == "" || len(name)+len(suffix) > 255 || name[0] == '.' || name[0] == '-' {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("_.@:-", r)
	})
}
