package units

import (
	"fmt"
	"slices"
	"strconv"
)

// root is who a service of a root manager runs as that names nobody, on a host without /etc/passwd.
var root = Account{User: "root", Group: "root", Home: "/root", Shell: "/bin/sh"}

// account fills in whom the service runs as, and reports whether there is such an account.
func (d *draft) account() bool {
	if d.mistaken("user") || d.mistaken("group") { // then nothing says that the service may be root
		return false
	}
	if d.raw.user == "" && d.raw.group == "" && len(d.raw.supplementary) == 0 && d.uid != 0 {
		a, ok := d.self()
		d.unit.Service.Account = a
		return ok
	}
	a, ok := d.baseAccount()
	a.Named = true
	ok = d.group(&a) && ok
	ok = d.supplement(&a, ok) && ok
	d.unit.Service.Account = a
	if ok = ok && d.permitted(a); !ok || d.uid == 0 {
		return ok
	}
	d.unit.Service.Account, ok = d.self() // whose groups may be others than those of its login, and cannot be set
	return ok
}

// mistaken reports whether a key is written with a value that is none, as has been told.
func (d *draft) mistaken(key string) bool {
	_, written := d.service[key]
	return written && map[string]string{"user": d.raw.user, "group": d.raw.group}[key] == ""
}

// group sets the primary group.
func (d *draft) group(a *Account) bool {
	if d.raw.group != "" {
		g, err := d.world.groupID(d.raw.group)
		if err != nil {
			d.fail(d.service["group"], err.Error())
			return false
		}
		a.GID, a.Group = g.gid, g.name
	}
	if a.User != "" && a.GID < 0 {
		d.fail(d.service["user"], fmt.Sprintf("%q has no entry in %s, so that a group must be named too", d.raw.user, passwdFile))
		return false
	}
	return true
}

// self returns the manager's own account for a unit that names no user.
func (d *draft) self() (Account, bool) {
	a, err := d.world.self()
	if err != nil {
		d.problems = append(d.problems, Problem{File: d.main.path, Line: 1, Column: 1, Msg: fmt.Sprintf("the manager's account cannot be looked up: %v", err), Unit: d.name, Key: "service.user"})
		return a, false
	}
	a.Named = false
	return a, true
}

// baseAccount returns the account of user, or of the manager where only groups are named.
func (d *draft) baseAccount() (Account, bool) {
	if d.raw.user == "" && d.uid != 0 {
		return d.self()
	}
	if d.raw.user == "" {
		a, err := d.world.userID("root")
		if err != nil || a.UID != 0 || a.GID < 0 {
			return root, true
		}
		return a, true
	}
	a, err := d.world.userID(d.raw.user)
	if err != nil {
		d.fail(d.service["user"], err.Error())
		return a, false
	}
	return a, true
}

// supplement adds the groups of the user, where there is one, and supplementary_groups.
func (d *draft) supplement(a *Account, found bool) bool {
	var ids []int
	if found {
		var err error
		if ids, err = d.world.groups(a.User, a.GID); err != nil {
			d.failAt("service", fmt.Sprintf("the groups of user %q cannot be looked up: %v", a.User, err))
			return false
		}
	}
	before := len(d.problems)
	d.each("supplementary_groups", func(e entry, name string) {
		g, err := d.world.groupID(name)
		if err != nil {
			d.fail(e, err.Error())
		}
		ids = append(ids, g.gid)
	})
	slices.Sort(ids)
	a.Groups = slices.Compact(ids)
	return len(d.problems) == before
}

// each goes through the elements of a list in [service] that are right in themselves.
func (d *draft) each(key string, do func(e entry, s string)) {
	e, written := d.service[key]
	if !written {
		return
	}
	elems, err := e.list()
	if err != nil {
		return // as has been told
	}
	for _, elem := range elems {
		if s, err := parseString(elem); err == nil {
			do(elem, s)
		}
	}
}

// permitted refuses what a manager that is not root cannot become.
func (d *draft) permitted(a Account) bool {
	if d.uid == 0 {
		return true
	}
	before := len(d.problems)
	if a.UID != d.uid {
		d.fail(d.service["user"], fmt.Sprintf("%q is another user than the manager's, who is not root", d.raw.user))
	}
	if self, err := d.world.self(); err == nil && d.raw.group != "" && a.GID != self.GID {
		d.fail(d.service["group"], fmt.Sprintf("%q is another group than the manager's, who is not root", d.raw.group))
	}
	if len(d.raw.supplementary) > 0 {
		d.fail(d.service["supplementary_groups"], "cannot be set by a manager who is not root")
	}
	return len(d.problems) == before
}

// nodeOwners looks up who owns the nodes of the sockets.
func (d *draft) nodeOwners() {
	for i := range d.unit.Sockets {
		s, raw, table := &d.unit.Sockets[i], d.rawNodes[i], d.sockets[i]
		if raw.user != "" {
			if a, err := d.world.userID(raw.user); err != nil {
				d.fail(table["socket_user"], err.Error())
			} else {
				s.SocketUID, s.SocketGID = a.UID, max(a.GID, -1)
			}
		}
		if raw.group != "" {
			if g, err := d.world.groupID(raw.group); err != nil {
				d.fail(table["socket_group"], err.Error())
			} else {
				s.SocketGID = g.gid
			}
		}
		if d.uid != 0 && s.SocketUID >= 0 && s.SocketUID != d.uid {
			d.fail(table["socket_user"], strconv.Quote(raw.user)+" is another user than the manager's, who is not root")
		}
	}
}
