package units

import "slices"

// draft makes a unit of the text of its files.
func (l *loader) draft(name string, sources []source) *draft {
	d := &draft{name: name, unit: &Unit{Name: name}, world: l.world, uid: l.opt.UID, offline: l.opt.Offline}
	for i, s := range sources {
		doc, problems := parse(s.path, s.text)
		doc.rank = i + 1
		over, more := readLayer(doc, name)
		for _, p := range append(problems, more...) {
			p.Unit = name
			d.problems = append(d.problems, p)
		}
		if i == 0 {
			d.main = doc
		}
		d.layers = append(d.layers, over)
		if doc.data == nil { // what else is wrong cannot be known
			return d
		}
	}
	d.inherit(l.defaults, l.badDefaults)
	d.complete()
	return d
}

// inherit puts the defaults of the host under what the unit says, unless it wants none.
func (d *draft) inherit(defaults layer, bad bool) {
	wanted := true
	for _, l := range d.layers {
		if e, written := l.top["defaults"]; written {
			wanted = e.value != false
		}
	}
	if !wanted {
		return
	}
	if bad {
		d.problems = append(d.problems, Problem{File: d.main.path, Msg: "the unit inherits [defaults] that have errors", Unit: d.name})
	}
	if defaults.doc != nil {
		d.layers = slices.Insert(d.layers, 0, defaults)
	}
}

// complete makes the unit of the layers.
func (d *draft) complete() {
	d.world.next()
	d.merge()
	d.bind()
	d.keepOrigins()
	if d.raw.enabled {
		found := d.account()
		d.nodeOwners()
		d.shape()
		d.home()
		d.program()
		d.environment()
		if found {
			d.rootWarning()
		}
	}
	d.unit.asked = slices.Clip(d.world.asked)
	d.unit.answers = d.world.fingerprint(d.unit.asked)
}

// home resolves the "~" of working_directory.
func (d *draft) home() {
	if s := &d.unit.Service; s.WorkingDirectory == "~" {
		s.WorkingDirectory = s.Account.Home
	}
}
