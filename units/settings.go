package units

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// settings reads sockbridge.toml. Where its [defaults] have errors no unit that inherits them is right: a user that is
// not taken from there would be root.
func (l *loader) settings() {
	l.set.Settings = Settings{DrainTimeoutSec: DefaultDrainTimeout, ControlGID: -1}
	if l.opt.Settings == "" || l.withoutSettings() {
		return
	}
	l.set.settings = l.opt.Settings
	before := len(l.set.Problems)
	text, err := l.read(l.opt.Settings, "", l.plan.reader.named)
	if err == nil {
		l.defaultText = text
		doc, problems := parse(l.opt.Settings, text)
		l.set.Problems = append(l.set.Problems, problems...)
		l.settingsFile(doc)
	}
	l.badDefaults = slices.ContainsFunc(l.set.Problems[before:], func(p Problem) bool {
		return p.Severity == Error && !strings.HasPrefix(p.Key, "settings")
	})
}

// withoutSettings reports whether there is no settings file and none is missed. One that was there before is: units
// would lose the user that it names and run as root.
func (l *loader) withoutSettings() bool {
	if p := l.opt.Previous; !l.opt.SettingsOptional || p != nil && p.settings == l.opt.Settings {
		return false
	}
	_, err := os.Lstat(l.opt.Settings)
	return errors.Is(err, fs.ErrNotExist)
}

func (l *loader) settingsFile(doc *document) {
	d := &draft{main: doc, unit: &Unit{}, world: l.world, uid: l.opt.UID}
	for name, v := range members(doc.data, doc.root) {
		switch name {
		case "settings":
			d.ownSettings(v, &l.set.Settings)
		case "defaults":
			var problems Problems
			l.defaults, problems = readDefaults(doc, v)
			d.problems = append(d.problems, problems...)
		default:
			d.problems = append(d.problems, doc.problem(v.node.key, Error,
				fmt.Sprintf("unknown key %s%s", quoteShort(name), didYouMean(name, []string{"settings", "defaults"}))))
		}
	}
	d.checkDefaults(l.defaults)
	l.set.Problems = append(l.set.Problems, d.problems...)
}

// ownSettings reads [settings].
func (d *draft) ownSettings(v value, to *Settings) {
	r := layerReader{layer: layer{doc: d.main}}
	tables, _ := r.tables("settings", v)
	for _, t := range tables {
		s := entries{}
		for key, kv := range members(t.data.(map[string]any), t.node) {
			r.add(s, "settings", key, kv)
		}
		d.bindTable(s, slot{settings: to})
		d.controlGroup(s["control_group"], to)
	}
	d.problems = append(d.problems, r.problems...)
}

// controlGroup looks up who may operate the manager.
func (d *draft) controlGroup(e entry, s *Settings) {
	if s.ControlGroup == "" {
		return
	}
	g, err := d.world.groupID(s.ControlGroup)
	if err != nil {
		d.fail(e, err.Error())
		return
	}
	s.ControlGID = g.gid
}

// checkDefaults reads the defaults as if a unit had written them, so that a fault is told even where there is no unit.
func (d *draft) checkDefaults(defaults layer) {
	if defaults.doc == nil {
		return
	}
	if len(defaults.sockets) > 1 {
		d.problems = append(d.problems, defaults.doc.problem(defaults.sockets[1].at, Error, "[defaults.socket] can be given once only"))
		return
	}
	d.layers = []layer{defaults}
	d.merge()
	if len(defaults.sockets) == 1 {
		d.sockets = []entries{defaults.sockets[0].entries}
	}
	d.bind()
	if d.raw.user != "" || d.raw.group != "" || len(d.raw.supplementary) > 0 {
		d.account()
	}
	d.nodeOwners()
	d.environment()
}
