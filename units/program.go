package units

import (
	"fmt"
	"path"
	"strings"
)

// Program returns what execve(2) is given: the path of the program, and its arguments with the name that it is called by.
func (s *Service) Program() (file string, argv []string) {
	if s.Script != "" {
		return s.ExecStart[0], append([]string{"sh"}, s.ExecStart[1:]...)
	}
	return s.ExecStart[0], s.ExecStart
}

// program fills in what is started.
func (d *draft) program() {
	s := &d.unit.Service
	e, written := d.service["exec_start"]
	_, script := d.service["script"]
	switch {
	case written && script:
		d.fail(d.service["script"], "and exec_start exclude each other")
	case script:
		d.script(d.service["script"])
	case !written && !d.has("service"):
	case !written:
		d.failAt("service", "[service] has neither exec_start nor script")
	case d.elements(e) == 0:
		d.fail(e, "is empty")
	case d.elements(e) == len(d.raw.execStart): // else one is wrong, as has been told
		s.ExecStart = append([]string(nil), d.raw.execStart...)
		d.executable(e)
	}
}

// elements counts the elements of a list; -1 is no list.
func (d *draft) elements(e entry) int {
	list, err := e.list()
	if err != nil {
		return -1
	}
	return len(list)
}

func (d *draft) script(e entry) {
	s := &d.unit.Service
	if s.Script == "" {
		if e.value == "" {
			d.fail(e, "is empty")
		}
		return
	}
	s.ExecStart = []string{"/bin/sh", "-e", "-c", s.Script}
	d.lookAt(e, s.ExecStart[0])
}

// executable searches the program and warns when it is not there: it may be installed before the first client comes.
func (d *draft) executable(e entry) {
	s := &d.unit.Service
	name := s.ExecStart[0]
	switch {
	case name == "" || strings.HasSuffix(name, "/"):
		d.fail(e, quoteShort(name)+" is not a program")
	case path.IsAbs(name):
		d.lookAt(e, name)
	case strings.Contains(name, "/"):
		d.fail(e, quoteShort(name)+" is neither an absolute path nor a name without a slash")
	default:
		s.ExecStart[0] = d.search(e, name)
	}
}

// search returns the path of a program. One that is not there gets a path where it may be installed yet, so that it
// is never searched in the folder that the service starts in.
func (d *draft) search(e entry, name string) string {
	for dir := range strings.SplitSeq(DefaultPath, ":") {
		if file := path.Join(dir, name); d.world.executable(d.inRoot(file)) == nil {
			return file
		}
	}
	d.warn(e, fmt.Sprintf("%q is not in %s", name, DefaultPath))
	return path.Join("/usr/bin", name)
}

func (d *draft) lookAt(e entry, file string) {
	if err := d.world.executable(d.inRoot(file)); err != nil {
		d.warn(e, fmt.Sprintf("%q cannot be executed: %v", d.inRoot(file), err))
	}
}

func (d *draft) inRoot(file string) string {
	return path.Join("/", d.unit.Service.RootDirectory, file)
}

func (d *draft) warn(e entry, msg string) {
	d.tell(e.doc, e.node.value, Warning, e.key, e.key.Name+" "+msg)
}
