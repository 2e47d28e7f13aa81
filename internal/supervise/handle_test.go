package supervise

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func null(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestHandles(t *testing.T) {
	b := newBench(t)
	o := b.observe()
	first := &Handle{Name: "a", FD: null(t), Kind: "file"}
	b.add(first, &Handle{Name: "B", FD: null(t), Kind: "file"}, &Handle{Name: "-.0", FD: null(t), Kind: "file"})
	o.want(t, "fd a file", "fd B file", "fd -.0 file")
	if got, want := b.engine.HandleNames(), []string{"-.0", "B", "a"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	fd := first.FD
	second := &Handle{Name: "a", FD: null(t), Kind: "socket"}
	b.add(second)
	o.want(t, "fd a socket")
	if b.engine.Handle("a") != second || isOpen(fd) || !isOpen(second.FD) {
		t.Error("the new one has not taken the place of the old one")
	}
	before, fd := b.engine.HandleNames(), second.FD
	if err := b.engine.DeleteHandle("a"); err != nil || isOpen(fd) || b.engine.Handle("a") != nil {
		t.Error("it is still there", err)
	}
	o.want(t, "fd a deleted")
	if len(before) != 3 || len(b.engine.HandleNames()) != 2 {
		t.Errorf("names %q before and %q after", before, b.engine.HandleNames())
	}
	if err := b.engine.DeleteHandle("a"); !errors.Is(err, ErrNoHandle) {
		t.Error(err)
	}
}

func TestHandlesAreAddedAllOrNone(t *testing.T) {
	b := newBench(t)
	b.engine.maxHandles = 3
	o := b.observe()
	fixed := &Handle{Name: "null", FD: null(t), Fixed: true}
	defer func() { _ = unix.Close(fixed.FD) }()
	if err := b.engine.AddHandles(fixed, &Handle{Name: "control.cmd", FD: -1, Fixed: true}); err != nil {
		t.Fatal(err)
	}
	a := &Handle{Name: "a", FD: null(t)}
	b.add(a)
	o.lines = nil
	fd := null(t)
	defer func() { _ = unix.Close(fd) }()
	for name, test := range map[string]struct {
		want    error
		handles []*Handle
	}{
		"full":                    {ErrHandlesFull, []*Handle{{Name: "b", FD: fd}}},
		"full for a replacement":  {ErrHandlesFull, []*Handle{{Name: "a", FD: fd}}},
		"fixed":                   {ErrFixed, []*Handle{{Name: "null", FD: fd}}},
		"fixed, and never opened": {ErrFixed, []*Handle{{Name: "x", FD: fd}, {Name: "control.cmd", FD: fd}}},
		"twice":                   {ErrHandleTwice, []*Handle{{Name: "p", FD: fd}, {Name: "p", FD: fd}}},
	} {
		if err := b.engine.AddHandles(test.handles...); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	o.want(t)
	if b.engine.Handle("a") != a || !isOpen(a.FD) || !isOpen(fd) || len(b.engine.HandleNames()) != 3 {
		t.Error("something has changed")
	}
	if err := b.engine.DeleteHandle("null"); !errors.Is(err, ErrFixed) {
		t.Error(err)
	}
	if err := b.engine.DeleteHandle("a"); err != nil {
		t.Fatal(err)
	}
	b.add(&Handle{Name: "b", FD: null(t)})
}

func TestPipeEndsKnowEachOther(t *testing.T) {
	b := newBench(t)
	r, w := b.pipe("w")
	if r.Peer != "w" || r.Text != "w" || w.Peer != "r" || w.Text != "r" {
		t.Errorf("%+v, %+v", r, w)
	}
	r2, w2 := b.pipe("w2")
	if w.Peer != "?" || w.Text != "?" || r2.Peer != "w2" || w2.Peer != "r" {
		t.Errorf("after one end was replaced: %+v; %+v, %+v", w, r2, w2)
	}
	if err := b.engine.DeleteHandle("r"); err != nil {
		t.Fatal(err)
	}
	if w2.Peer != "?" || w.Peer != "?" {
		t.Errorf("after one end was deleted: %+v, %+v", w2, w)
	}
	alone := &Handle{Name: "alone", FD: null(t), Kind: KindPipe, Peer: "w2"}
	b.add(alone)
	if alone.Peer != "?" || w2.Peer != "?" {
		t.Errorf("%+v is linked to %+v", alone, w2)
	}
}

func TestBorrowedHandleIsNotClosed(t *testing.T) {
	b := newBench(t)
	fd := null(t)
	defer func() { _ = unix.Close(fd) }()
	b.add(&Handle{Name: "a", FD: fd, Borrowed: true})
	if err := b.engine.DeleteHandle("a"); err != nil || !isOpen(fd) {
		t.Error("it is closed", err)
	}
}

// A descriptor that a child is still being given stays open, so that its number cannot come to mean another.
func TestHandleThatIsLentStaysOpen(t *testing.T) {
	b := newBench(t)
	h := &Handle{Name: "a", FD: null(t)}
	b.add(h)
	s := b.define("s", Definition{FDs: []string{"a", "a", "-"}})
	m := &member{service: s}
	m.lend()
	if err := b.engine.DeleteHandle("a"); err != nil {
		t.Fatal(err)
	}
	fd := h.FD
	if !isOpen(fd) {
		t.Error("it was closed under the start")
	}
	m.settle()
	if isOpen(fd) || h.FD != -1 {
		t.Error("it is still open")
	}
}

func TestUnitsAndControllersHaveTheirOwnNames(t *testing.T) {
	b := newBench(t)
	b.engine.maxServices, b.engine.maxHandles = 1, 1
	o := b.observe()
	unit, err := b.engine.Define("a", "a")
	if err != nil {
		t.Fatal(err)
	}
	mine := b.define("a", Definition{})
	if unit == mine || b.engine.Service("a") != mine || b.engine.Service(UnitKey("a")) != unit {
		t.Error("they are mixed up")
	}
	if same, err := b.engine.Define("a", ""); same != mine || err != nil {
		t.Error("the name does not stand for the same service", err)
	}
	if _, err := b.engine.Define("b", ""); !errors.Is(err, ErrServicesFull) {
		t.Error(err)
	}
	for _, unit := range []string{"a", "b", ""} {
		b.add(&Handle{Name: "x" + unit, FD: null(t), Unit: unit})
	}
	if err := b.engine.AddHandles(&Handle{Name: "y", FD: -1}); !errors.Is(err, ErrHandlesFull) {
		t.Error(err)
	}
	o.want(t, "fd x ")
	if err := unit.Start(0); err != nil {
		t.Fatal(err)
	}
	if err := b.engine.Delete(UnitKey("a")); err != nil {
		t.Fatal(err)
	}
	o.want(t)
	if !slices.Equal(b.engine.ServiceNames(), []string{"a"}) || !slices.Equal(b.engine.HandleNames(), []string{"x"}) {
		t.Errorf("names %q, %q", b.engine.ServiceNames(), b.engine.HandleNames())
	}
}
