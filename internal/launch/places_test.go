package launch

import (
	"fmt"
	"maps"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// A model runs the part of a table that is about descriptors on a table of names instead of descriptors.
type model map[int]description

type description struct {
	name    string
	cloexec bool
}

// lowest is the lowest free number from the given one on.
func (m model) lowest(from int) int {
	for m[from].name != "" {
		from++
	}
	return from
}

// run is what the child does; it fails like the kernel.
func (m model) run(b *block) error {
	for i := range b.calls {
		e := &b.table[i]
		result, err := m.call(e)
		if err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		if e.save != 0 {
			*(*uintptr)(unsafe.Pointer(&b.memory[e.save])) = uintptr(result)
		}
	}
	return nil
}

func (m model) call(e *entry) (int, error) {
	a := &e.args
	first := m[int(a[0])].name
	switch e.nr {
	case unix.SYS_UMASK:
		return 0, nil
	case unix.SYS_OPENAT, unix.SYS_OPENAT2:
		fd := m.lowest(0)
		m[fd] = description{"file", true}
		return fd, nil
	case unix.SYS_FCNTL:
		if first == "" {
			return 0, fmt.Errorf("fcntl of %d, which is closed", a[0])
		}
		if a[1] == unix.F_SETFL {
			return 0, nil
		}
		fd := m.lowest(int(a[2]))
		m[fd] = description{first, true}
		return fd, nil
	case unix.SYS_DUP3:
		if first == "" || a[0] == a[1] {
			return 0, fmt.Errorf("dup3(%d, %d)", a[0], a[1])
		}
		m[int(a[1])] = description{first, false}
	case unix.SYS_CLOSE:
		delete(m, int(a[0]))
	case unix.SYS_CLOSE_RANGE:
		maps.DeleteFunc(m, func(fd int, _ description) bool { return fd >= int(a[0]) })
	default:
		return 0, fmt.Errorf("unknown call %d", e.nr)
	}
	return 0, nil
}

// execve closes what is marked.
func (m model) execve() {
	maps.DeleteFunc(m, func(_ int, d description) bool { return d.cloexec })
}

// Whatever is open where: each source arrives in its place, and nothing else stays open.
func TestPlacesProperty(t *testing.T) {
	b := testBlock(t)
	rapid.Check(t, func(t *rapid.T) {
		open := rapid.SliceOfNDistinct(rapid.IntRange(0, 20), 1, 15, rapid.ID).Draw(t, "open")
		m := make(model)
		for _, fd := range open {
			m[fd] = description{fmt.Sprint("descriptor ", fd), rapid.Bool().Draw(t, "cloexec")}
		}
		sources := rapid.SliceOfN(rapid.SampledFrom(open), 3, 12).Draw(t, "sources")
		program := Spec{}
		want := make(model)
		for i, fd := range sources {
			switch what := rapid.IntRange(0, 3).Draw(t, "what"); {
			case what == 0:
				sources[i] = Closed
			case what == 1 && i < 3:
				sources[i], want[i] = ownFile, description{name: "file"}
				program.Files[i] = File{Path: rapid.SampledFrom([]string{"/a", "/b"}).Draw(t, "path")}
			default:
				want[i] = description{name: m[fd].name}
			}
		}
		b.reset()
		s := setup{block: b, host: &host{closeRange: true}, program: &program, sources: sources}
		s.descriptors()
		s.sweep()
		s.files()
		if err := m.run(b); err != nil {
			t.Fatal(err)
		}
		m.execve()
		if diff := cmp.Diff(want, m, cmp.AllowUnexported(description{})); diff != "" {
			t.Fatal(diff)
		}
	})
}
