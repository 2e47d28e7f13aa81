package state

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// seals are all that make a memfd unchangeable.
const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// Save writes the state into a sealed memfd, close-on-exec, which the caller owns.
func (s *State) Save() (fd int, err error) {
	fd, err = unix.MemfdCreate("sockbridge state", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return -1, fmt.Errorf("cannot make memory for the state: %w", err)
	}
	if err := fill(fd, s.Encode()); err != nil {
		return -1, errors.Join(fmt.Errorf("cannot write the state: %w", err), unix.Close(fd))
	}
	return fd, nil
}

func fill(fd int, b []byte) error {
	for at := 0; at < len(b); {
		n, err := unix.Pwrite(fd, b[at:], int64(at))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
		at += max(n, 0)
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	return err
}

// Load reads what Save has written. It takes nothing but a sealed memfd: a number that somebody put into our environment may be
// any descriptor. The caller still owns fd.
func Load(fd int) (*State, error) {
	got, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot read the state from descriptor %d: it is no memfd: %w", fd, err)
	}
	if got&seals != seals {
		return nil, fmt.Errorf("cannot read the state from descriptor %d: it is not sealed", fd)
	}
	b, err := readAll(fd)
	if err != nil {
		return nil, fmt.Errorf("cannot read the state: %w", err)
	}
	s, err := Decode(b)
	if err != nil {
		return nil, fmt.Errorf("cannot read the state: %w", err)
	}
	return s, nil
}

func readAll(fd int) ([]byte, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Size > MaxSize {
		return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrForm, MaxSize)
	}
	b := make([]byte, st.Size)
	for at := 0; at < len(b); {
		n, err := unix.Pread(fd, b[at:], int64(at))
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return nil, err
		case n == 0:
			return nil, os.ErrClosed // it cannot shrink
		}
		at += max(n, 0)
	}
	return b, nil
}
