package listener

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// diag asks the kernel about sockets, sock_diag(7). The netlink socket is made at the first question and then kept.
type diag struct {
	minFD int
	fd    int // 0: not open yet
	seq   uint32
	buf   []byte
}

// Sizes and numbers of sock_diag(7), which x/sys does not have.
const (
	sockDiagByFamily = 20
	diagHeaderLen    = unix.NLMSG_HDRLEN
	// diagBuffer holds the largest message that the kernel makes of a dump (NLMSG_GOODSIZE, 8 KiB, or what we offer up to 32 KiB).
	diagBuffer = 32 << 10
)

var errShortDiag = errors.New("answer of sock_diag is cut short")

// one asks for one socket and hands its message to each; a socket that is not there is unix.ENOENT.
func (d *diag) one(request []byte, each func(message []byte)) error {
	return d.ask(request, 0, each)
}

// dump asks for all sockets that match the request.
func (d *diag) dump(request []byte, each func(message []byte)) error {
	return d.ask(request, unix.NLM_F_DUMP, each)
}

func (d *diag) ask(request []byte, flags uint16, each func([]byte)) error {
	if err := d.open(); err != nil {
		return fmt.Errorf("cannot open sock_diag: %w", err)
	}
	d.seq++
	message := make([]byte, diagHeaderLen, diagHeaderLen+len(request))
	binary.NativeEndian.PutUint32(message, uint32(diagHeaderLen+len(request)))
	binary.NativeEndian.PutUint16(message[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(message[6:], unix.NLM_F_REQUEST|flags)
	binary.NativeEndian.PutUint32(message[8:], d.seq)
	message = append(message, request...)
	if err := unix.Sendto(d.fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("cannot ask sock_diag: %w", err)
	}
	return d.read(flags != 0, each)
}

// read takes answers until the one that ends them. The kernel writes them before sendto returns, or as we read, so
// that the call never has to wait; should it ever, MSG_DONTWAIT makes that an error.
func (d *diag) read(dump bool, each func([]byte)) error {
	for {
		n, _, err := unix.Recvfrom(d.fd, d.buf, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot read sock_diag: %w", err)
		}
		done, err := d.parse(d.buf[:n], each)
		if done || err != nil || !dump {
			return err
		}
	}
}

// parse walks the messages of one datagram. Those of an earlier question that was not read to its end are passed over.
func (d *diag) parse(b []byte, each func([]byte)) (done bool, err error) {
	for len(b) >= diagHeaderLen {
		size := int(binary.NativeEndian.Uint32(b))
		if size < diagHeaderLen || size > len(b) {
			return true, errShortDiag
		}
		kind, body := binary.NativeEndian.Uint16(b[4:]), b[diagHeaderLen:size]
		switch {
		case binary.NativeEndian.Uint32(b[8:]) != d.seq:
		case kind == unix.NLMSG_DONE:
			return true, nil
		case kind == unix.NLMSG_ERROR:
			return true, diagError(body)
		default:
			each(body)
		}
		b = b[min(align4(size), len(b)):]
	}
	return false, nil
}

func diagError(body []byte) error {
	if len(body) < 4 {
		return errShortDiag
	}
	if code := int32(binary.NativeEndian.Uint32(body)); code != 0 {
		return unix.Errno(-code)
	}
	return nil
}

func (d *diag) open() error {
	if d.fd != 0 {
		return nil
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return err
	}
	d.buf = make([]byte, diagBuffer)
	d.fd, err = lift(fd, max(d.minFD, 3))
	return err
}

func (d *diag) close() error {
	if d.fd == 0 {
		return nil
	}
	err := unix.Close(d.fd)
	d.fd = 0
	return err
}

func align4(n int) int { return (n + 3) &^ 3 }

// attributes calls each for the netlink attributes in b, rtnetlink(7).
func attributes(b []byte, each func(kind uint16, value []byte)) {
	for len(b) >= unix.SizeofNlAttr {
		size := int(binary.NativeEndian.Uint16(b))
		if size < unix.SizeofNlAttr || size > len(b) {
			return
		}
		each(binary.NativeEndian.Uint16(b[2:]), b[unix.SizeofNlAttr:size])
		b = b[min(align4(size), len(b)):]
	}
}
