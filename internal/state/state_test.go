package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

func example(t testing.TB) *State {
	t.Helper()
	var s State
	for name, value := range map[string]any{"units": []string{"echo", "time"}, "pid": 17, "": nil} {
		if err := s.Put(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return &s
}

func TestSaveAndLoad(t *testing.T) {
	fd, err := example(t).Save()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	for range 2 { // reading takes nothing away
		s, err := Load(fd)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		var pid int
		if err := errors.Join(s.Get("units", &names), s.Get("pid", &pid)); err != nil || fmt.Sprint(names, pid) != "[echo time] 17" {
			t.Errorf("got %v %d %v", names, pid, err)
		}
		if err := s.Get("other", &pid); err == nil {
			t.Error("a section that is not there was read")
		}
		if err := s.Get("units", &pid); err == nil {
			t.Error("a list was read as a number")
		}
	}
	if _, err := unix.Pwrite(fd, []byte("x"), 0); !errors.Is(err, unix.EPERM) {
		t.Errorf("writing to what was saved: %v, want EPERM", err)
	}
}

func TestPutRefuses(t *testing.T) {
	s := example(t)
	if err := s.Put("pid", 1); err == nil {
		t.Error("a second section of one name was taken")
	}
	if err := s.Put("function", func() {}); err == nil {
		t.Error("what has no form was taken")
	}
}

func TestLoadTakesNothingElse(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	unsealed, err := unix.MemfdCreate("x", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(unsealed, example(t).Encode()); err != nil {
		t.Fatal(err)
	}
	for _, fd := range []int{-1, pipe[0], unsealed} {
		if _, err := Load(fd); err == nil {
			t.Errorf("a state was read from descriptor %d", fd)
		}
	}
	for _, fd := range append(pipe[:], unsealed) {
		_ = unix.Close(fd)
	}
}

// Whatever is cut off or changed is seen; a version is told even when nothing else can be understood.
func TestDamage(t *testing.T) {
	whole := example(t).Encode()
	for n := range whole {
		if _, err := Decode(whole[:n]); !errors.Is(err, ErrForm) {
			t.Fatalf("%d of %d bytes: %v, want %v", n, len(whole), err, ErrForm)
		}
		damaged := append([]byte(nil), whole...)
		damaged[n] ^= 1
		if _, err := Decode(damaged); err == nil {
			t.Fatalf("a change in byte %d was not seen", n)
		}
	}
	if _, err := Decode(append(whole, 0)); !errors.Is(err, ErrForm) {
		t.Errorf("one byte more: %v", err)
	}
	later := binary.BigEndian.AppendUint32([]byte(magic), 7)
	var version VersionError
	if _, err := Decode(append(later, "what nobody knows yet"...)); !errors.As(err, &version) || version.Version != 7 {
		t.Errorf("version 7: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(example(f).Encode())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Decode(b)
		if err != nil {
			return
		}
		if got := s.Encode(); string(got) != string(b) {
			t.Errorf("%q was read and is written as %q", b, got)
		}
	})
}

// The checksum keeps a fuzzer out of what lies behind it.
func FuzzSections(f *testing.F) {
	whole := example(f).Encode()
	f.Add(uint32(3), whole[headSize:len(whole)-32])
	f.Fuzz(func(_ *testing.T, n uint32, b []byte) { _, _ = decodeSections(n, b) })
}
