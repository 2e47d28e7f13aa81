package launch

import (
	"fmt"
	"maps"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// A model runs the part of a table that is about descriptors on a table of names instead of descriptors.
type model map[int]string

// lowest is the lowest free number from the given one on.
func (m model) lowest(from int) int {
	for m[from] != "" {
		from++
	}
	return from
}

// run is what the child does; it fails like the kernel.
func (m model) run(b *block) error {
	for i := range b.calls {
		e := &b.table[i]
		a := &e.args
		result := 0
		switch e.nr {
		case unix.SYS_UMASK:
		case unix.SYS_OPENAT, unix.SYS_OPENAT2:
			result = m.lowest(0)
			m[result] = "file"
		case unix.SYS_FCNTL:
			if a[1] == unix.F_SETFL {
				break
			}
			if m[int(a[0])] == "" {
				return fmt.Errorf("entry %d: F_DUPFD of %d, which is closed", i, a[0])
			}
			result = m.lowest(int(a[2]))
			m[result] = m[int(a[0])]
		case unix.SYS_DUP3:
			if m[int(a[0])] == "" || a[0] == a[1] {
				return fmt.Errorf("entry %d: dup3(%d, %d)", i, a[0], a[1])
			}
			m[int(a[1])] = m[int(a[0])]
		case unix.SYS_CLOSE_RANGE:
			maps.DeleteFunc(m, func(fd int, _ string) bool { return fd >= int(a[0]) })
		default:
			return fmt.Errorf("entry %d: unknown call %d", i, e.nr)
		}
		if e.save != 0 {
			*(*uintptr)(unsafe.Pointer(&b.memory[e.save])) = uintptr(result)
		}
	}
	return nil
}

// Whatever is open where: each source arrives in its place, and nothing else stays open.
func TestPlacesProperty(t *testing.T) {
	b := testBlock(t)
	rapid.Check(t, func(t *rapid.T) {
		open := rapid.SliceOfNDistinct(rapid.IntRange(0, 20), 1, 15, rapid.ID).Draw(t, "open")
		m := make(model)
		for _, fd := range open {
			m[fd] = fmt.Sprint("descriptor ", fd)
		}
		sources := rapid.SliceOfN(rapid.SampledFrom(open), 3, 12).Draw(t, "sources")
		program := Spec{}
		var want []string
		for i, fd := range sources {
			want = append(want, m[fd])
			if i < 3 && rapid.Bool().Draw(t, "file") {
				sources[i], want[i] = -1, "file"
				program.Files[i] = File{Path: rapid.SampledFrom([]string{"/a", "/b"}).Draw(t, "path")}
			}
		}
		b.reset()
		s := setup{block: b, host: &host{closeRange: true}, program: &program, sources: sources}
		s.descriptors()
		s.files()
		s.sweep() // last here, in place of execve, which closes what files leaves with close-on-exec
		if err := m.run(b); err != nil {
			t.Fatal(err)
		}
		for place, name := range want {
			if m[place] != name {
				t.Fatalf("descriptor %d is %q, want %q", place, m[place], name)
			}
		}
		if len(m) != len(want) {
			t.Fatalf("%d descriptors are open, want %d: %v", len(m), len(want), m)
		}
	})
}
