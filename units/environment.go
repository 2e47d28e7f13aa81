package units

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// DefaultPath is the PATH of a service, and where exec_start is searched.
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment fills in the variables of the service. Of the manager's own it has only those it is told to pass.
func (d *draft) environment() {
	a := d.unit.Service.Account
	env := map[string]string{"PATH": DefaultPath, "USER": a.User, "LOGNAME": a.User, "HOME": a.Home, "SHELL": a.Shell}
	d.each("environment_file", func(e entry, path string) { d.environmentFile(env, e, path) })
	maps.Copy(env, d.raw.environment)
	for _, name := range d.raw.passEnvironment {
		if v, set := d.world.variable(name); set {
			env[name] = v
		}
	}
	for _, name := range d.raw.unsetEnvironment {
		delete(env, name)
	}
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	d.unit.Service.Environment = d.world.share(list)
}

func (d *draft) environmentFile(env map[string]string, e entry, path string) {
	file, optional := strings.CutPrefix(path, "-")
	owner := -1
	if d.uid == 0 {
		owner = d.unit.Service.Account.UID
	}
	text, err := d.world.file(file, owner)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		d.fail(e, quoteShort(file)+" cannot be read: "+err.Error())
		return
	}
	if err := parseEnvironment(env, string(text)); err != nil {
		d.fail(e, quoteShort(file)+" "+err.Error())
	}
}
