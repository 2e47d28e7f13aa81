package units

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// Options say what to load. The zero value of each field is named beside it.
type Options struct {
	Dirs     []string // folders of units; none. A file of an earlier folder masks one of the same name in a later one
	Files    []string // single unit files, with the drop-ins beside them; none
	Settings string   // path of sockbridge.toml; "" is none
	Lookup   *Lookup  // what is asked of the host; nil is the host itself
	UID      int      // effective user id of the manager; 0 is root
	Only     []string // names of the units to load; nil is all
	Offline  bool     // leave out addresses with host names, so that nothing is asked of the network; such a Set is to be shown, not served
	Overlay  Overlay  // one more drop-in for every unit; none
	Previous *Set     // an earlier generation, of which unchanged units are used again; nil is none

	SettingsOptional bool // Settings may be missing, but not where Previous had read it; false: it must be there
}

// An Overlay is a drop-in that is in no folder, laid over all others.
type Overlay struct {
	Name string // where problems of it are said to be
	Text string // TOML; "" is none
}

// Load reads units. The error is of what could not be looked at at all: no folder is there, or ctx is done; what is
// wrong with files is in the Set's Problems.
//
// A missing folder among others is no problem. A unit of Previous is used again, the same pointer, when its files, the
// defaults and the host's answers about it are what they were; its files are read, but not parsed.
func Load(ctx context.Context, opt Options) (*Set, error) {
	return load(ctx, opt, fileReader{uid: opt.UID})
}

func load(ctx context.Context, opt Options, reader fileReader) (*Set, error) {
	p, err := makePlan(opt, reader)
	if err != nil {
		return nil, err
	}
	l := &loader{
		opt: opt, plan: p, world: newWorld(ctx, opt.Lookup),
		texts: map[string]string{}, bad: map[*Unit]bool{}, set: &Set{Problems: p.problems},
	}
	l.settings()
	for _, name := range slices.Sorted(maps.Keys(p.units)) {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("cannot load units: %w", err)
		}
		l.unit(p.units[name])
	}
	l.clashes()
	l.finish()
	return l.set, ctx.Err()
}

func makePlan(opt Options, reader fileReader) (*plan, error) {
	reader.settled = map[string]string{}
	p := &plan{
		units: map[string]*unitFiles{}, reader: reader,
		only: func(name string) bool { return opt.Only == nil || slices.Contains(opt.Only, name) },
	}
	for _, path := range opt.Files {
		p.named(path)
	}
	var last error
	for _, dir := range opt.Dirs {
		p.reader.settle(dir)
		err := p.folder(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			p.refuse(dir, "", fmt.Sprintf("cannot be read: %v", reason(err)))
		}
		if err != nil {
			last = err
		}
	}
	if last != nil && p.folders == 0 && len(opt.Files) == 0 {
		return nil, fmt.Errorf("cannot read units: %w", last)
	}
	return p, nil
}
