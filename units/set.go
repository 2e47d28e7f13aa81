package units

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A Set is one generation of the configuration: what was loaded at one time.
type Set struct {
	Units    []*Unit  // right and enabled, by name
	Bad      []string // names of units with errors, sorted
	Disabled []string // names of units out of service, by enabled = false or masked, sorted
	Problems Problems // of all files, by place
	Files    int      // that were looked at
	Settings Settings

	settings string // path of the settings file that this generation is made with; "" is none
}

// Settings are the [settings] of sockbridge.toml: what concerns the manager and no unit.
type Settings struct {
	DrainTimeoutSec time.Duration // math.MaxInt64 is infinity

	// ControlGroup may operate the manager through its control socket; "" is nobody, and ControlGID then -1.
	ControlGroup  string
	ControlGID    int
	ControlOthers ControlOthers
}

// ControlOthers is what users may do at the control socket who are neither root, nor the manager's own, nor of its group.
type ControlOthers int

// The values of control_others.
const (
	ControlOthersNothing ControlOthers = iota
	ControlOthersRead
)

// Unit returns the unit of a name; nil if it is not among the good ones.
func (s *Set) Unit(name string) *Unit {
	if s == nil {
		return nil
	}
	i, found := slices.BinarySearchFunc(s.Units, name, func(u *Unit, name string) int { return strings.Compare(u.Name, name) })
	if !found {
		return nil
	}
	return s.Units[i]
}

// Report writes the problems in their printed form, and a line that counts: "4 files, 3 errors, 1 warning".
func (s *Set) Report(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s%s\n", s.Problems, s.Summary())
	return err
}

// Summary returns the last line of a report.
func (s *Set) Summary() string {
	return fmt.Sprintf("%s, %s, %s", count(s.Files, "file"), count(s.Problems.Count(Error), "error"), count(s.Problems.Count(Warning), "warning"))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
