package units

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A loader makes a Set.
type loader struct {
	opt         Options
	plan        *plan
	world       *world
	defaults    layer
	defaultText string
	badDefaults bool
	texts       map[string]string // of all files read, by path
	loaded      []*Unit           // with all that can be told of them, good and bad
	bad         map[*Unit]bool
	set         *Set
}

// read returns the content of a file, and whether it is to be used.
func (l *loader) read(path, unit string, read func(string) (string, error)) (text string, err error) {
	text, err = read(path)
	if errors.Is(err, errMasked) {
		return "", err
	}
	l.set.Files++
	if err != nil {
		l.set.Problems = append(l.set.Problems, Problem{File: path, Msg: err.Error(), Unit: unit})
		return "", err
	}
	return text, nil
}

// A source is the content of one file of a unit.
type source struct{ path, text string }

// unit loads one unit.
func (l *loader) unit(f *unitFiles) {
	if f.main == "" {
		l.orphans(f)
		return
	}
	sources, err := l.sources(f)
	switch {
	case errors.Is(err, errMasked):
		l.set.Disabled = append(l.set.Disabled, f.name)
	case err != nil || f.bad:
		l.set.Bad = append(l.set.Bad, f.name)
	default:
		l.make(f.name, sources)
	}
}

// orphans warns of drop-ins to a unit that is not there.
func (l *loader) orphans(f *unitFiles) {
	for _, name := range slices.Sorted(maps.Keys(f.dropIns)) {
		l.set.Problems = append(l.set.Problems, Problem{
			File: f.dropIns[name], Severity: Warning, Msg: fmt.Sprintf("there is no unit %q to add to", f.name), Unit: f.name,
		})
	}
}

// sources reads the files of a unit; every one of them, so that all that is wrong is told.
func (l *loader) sources(f *unitFiles) (sources []source, failed error) {
	if f.bad {
		return nil, nil
	}
	read := l.plan.reader.read
	if f.named {
		read = l.plan.reader.named
	}
	text, err := l.read(f.main, f.name, read)
	if errors.Is(err, errMasked) {
		return nil, err
	}
	sources, failed = append(sources, source{f.main, text}), err
	for _, name := range slices.Sorted(maps.Keys(f.dropIns)) {
		path := f.dropIns[name]
		text, err := l.read(path, f.name, l.plan.reader.read)
		switch {
		case errors.Is(err, errMasked):
		case err != nil:
			failed = err
		default:
			sources = append(sources, source{path, text})
		}
	}
	return sources, failed
}

// make makes a unit of its files, or takes the one of the previous generation.
func (l *loader) make(name string, sources []source) {
	if o := l.opt.Overlay; o.Text != "" {
		sources = append(sources, source{o.Name, o.Text})
	}
	for _, s := range sources {
		l.texts[s.path] = s.text
	}
	hash := l.hash(sources)
	if u := l.opt.Previous.Unit(name); u != nil && u.hash == hash && u.answers == l.world.fingerprint(u.asked) {
		l.loaded = append(l.loaded, u)
		l.set.Problems = append(l.set.Problems, u.warnings...)
		return
	}
	d := l.draft(name, sources)
	l.set.Problems = append(l.set.Problems, d.problems...)
	switch {
	case !d.ok():
		l.set.Bad = append(l.set.Bad, name)
		l.bad[d.unit] = true
	case !d.raw.enabled:
		l.set.Disabled = append(l.set.Disabled, name)
		return
	}
	d.unit.hash, d.unit.warnings = hash, d.problems
	l.loaded = append(l.loaded, d.unit)
}

// hash identifies all that a unit is made from but the host's answers.
func (l *loader) hash(sources []source) [sha256.Size]byte {
	b := fmt.Appendf(nil, "%d %v %v %q %d\n%s", l.opt.UID, l.opt.Offline, l.badDefaults, l.opt.Settings, len(l.defaultText), l.defaultText)
	for _, s := range sources {
		b = fmt.Appendf(b, "%q %d\n%s", s.path, len(s.text), s.text)
	}
	return sha256.Sum256(b)
}

// clashes finds addresses that are wanted twice. Good units have theirs first, so that none of them is left out
// because of a unit that is left out itself.
func (l *loader) clashes() {
	c := clashChecker{sysctl: l.world.lookup.BindV6Only(), taken: map[spot][]claim{}, texts: l.texts, docs: map[string]*document{}}
	slices.SortStableFunc(l.loaded, func(a, b *Unit) int {
		if l.bad[a] != l.bad[b] {
			return map[bool]int{false: -1, true: 1}[l.bad[a]]
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, u := range l.loaded {
		problems := c.add(u)
		l.set.Problems = append(l.set.Problems, problems...)
		if len(problems) > 0 && !l.bad[u] {
			l.bad[u] = true
			l.set.Bad = append(l.set.Bad, u.Name)
		}
	}
}

// finish puts the Set in order.
func (l *loader) finish() {
	for _, u := range l.loaded {
		if !l.bad[u] {
			l.set.Units = append(l.set.Units, u)
		}
	}
	l.set.Problems = append(l.set.Problems, l.nothing()...)
	l.set.Problems = l.set.Problems.sorted()
	slices.Sort(l.set.Bad)
	slices.Sort(l.set.Disabled)
}

// nothing tells of units that were asked for and are not there, and of folders without any.
func (l *loader) nothing() Problems {
	where := "units"
	if len(l.opt.Dirs) > 0 {
		where = l.opt.Dirs[0]
	}
	var problems Problems
	for _, name := range l.opt.Only {
		if u := l.plan.units[name]; u == nil || u.main == "" {
			problems = append(problems, Problem{File: where, Msg: fmt.Sprintf("there is no unit %q", name), Unit: name})
		}
	}
	if len(l.plan.units) == 0 && len(l.set.Problems)+len(problems) == 0 {
		problems = append(problems, Problem{File: where, Severity: Warning, Msg: "there are no units"})
	}
	return problems
}
