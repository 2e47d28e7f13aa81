package activation

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// ErrNotActivated means that the process was given no socket of the kind that was asked for: it was started by hand, or
// its unit is of another kind. A program that can then opens its sockets itself.
var ErrNotActivated = errors.New("no socket was passed")

// Listeners takes the listening sockets that this process was given: those of LISTEN_FDS, else those of UPSTART_FDS,
// else descriptor 0 if it is one, which is then /dev/null. There is at least one, or the error is [ErrNotActivated].
//
// The caller owns them; closing one leaves the manager's copy open and a Unix socket's path in place. They become
// non-blocking for every process that shares them. The variables are unset and descriptors of other kinds stay for
// [PacketConns] and [Conn]; a second call finds none. It is safe for concurrent use.
func Listeners() ([]net.Listener, error) {
	return takeAll(&given, listening, net.FileListener)
}

// PacketConns takes the datagram sockets that this process was given, in the way of [Listeners].
func PacketConns() ([]net.PacketConn, error) {
	return takeAll(&given, datagrams, net.FilePacketConn)
}

// Conn takes the one connection that this process was started for, in the way of [Listeners]: descriptor 3 where
// LISTEN_FDS announces it, else descriptors 0 and 1. Those are then /dev/null, so that Close ends the connection.
func Conn() (net.Conn, error) {
	conns, err := takeAll(&given, connected, net.FileConn)
	if err != nil {
		return nil, err
	}
	if n := len(conns); n > 1 {
		return nil, errors.Join(fmt.Errorf("cannot take the connection: %d were passed", n), closeAll(conns))
	}
	return conns[0], nil
}

// takeAll takes the descriptors of a kind and converts each; at an error it closes them all.
func takeAll[T io.Closer](from *pool, want kind, convert func(*os.File) (T, error)) ([]T, error) {
	fds, err := from.take(want)
	if err != nil {
		return nil, err
	}
	var taken []T
	var failed error
	for _, fd := range fds {
		t, err := adopt(fd.FD, convert)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("cannot use descriptor %d: %w", fd.FD, err))
			continue
		}
		taken = append(taken, t)
	}
	if failed != nil {
		return nil, errors.Join(failed, closeAll(taken))
	}
	return taken, nil
}

// adopt takes ownership of fd. Package net duplicates the descriptor of a file and os.NewFile leaves O_NONBLOCK alone,
// so that the socket is at no time switched to blocking.
func adopt[T io.Closer](fd int, convert func(*os.File) (T, error)) (T, error) {
	var none T
	if fd < firstFD {
		var err error
		if fd, err = detachStdio(fd); err != nil {
			return none, err
		}
	}
	file := os.NewFile(uintptr(fd), "passed socket")
	t, err := convert(file)
	if closeErr := file.Close(); err == nil && closeErr != nil {
		return none, errors.Join(closeErr, t.Close())
	}
	return t, err
}

func closeAll[T io.Closer](closers []T) error {
	var err error
	for _, c := range closers {
		err = errors.Join(err, c.Close())
	}
	return err
}
