package listener

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Layout of inet_diag_req_v2 and inet_diag_msg, linux/inet_diag.h: both have an inet_diag_sockid, at 8 and at 4.
const (
	internetRequestLen, internetMessageLen = 56, 72
	sockidPort, sockidSource, sockidCookie = 0, 4, 40
	requestID, messageID, messageInode     = 8, 4, 68
)

// unaccepted returns the cookies of the TCP connections that wait on the listening socket fd. A connection that nobody
// has accepted has no inode; nor has one whose process closed it, but such a one is neither established nor in
// CLOSE_WAIT any more.
//
// A wildcard listener is told the connections of listeners at specific addresses of its port too.
func (d *diag) unaccepted(fd, family int) ([]uint64, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return nil, err
	}
	port, address := internetName(sa)
	r := make([]byte, internetRequestLen)
	r[0], r[1] = byte(family), unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(r[4:], 1<<unix.BPF_TCP_ESTABLISHED|1<<unix.BPF_TCP_CLOSE_WAIT)
	binary.BigEndian.PutUint16(r[requestID+sockidPort:], port)
	binary.NativeEndian.PutUint64(r[requestID+sockidCookie:], ^uint64(0))
	cookies := []uint64{}
	err = d.dump(r, func(m []byte) {
		if len(m) < internetMessageLen || binary.NativeEndian.Uint32(m[messageInode:]) != 0 {
			return
		}
		id := m[messageID:]
		if len(address) > 0 && !bytes.HasPrefix(id[sockidSource:], address) {
			return
		}
		cookies = append(cookies, binary.NativeEndian.Uint64(id[sockidCookie:]))
	})
	return cookies, err
}

// internetName returns the port and the address in network order, no address for the wildcard.
func internetName(sa unix.Sockaddr) (port uint16, address []byte) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		if sa.Addr != [4]byte{} {
			address = sa.Addr[:]
		}
		return uint16(sa.Port), address
	case *unix.SockaddrInet6:
		if sa.Addr != [16]byte{} {
			address = sa.Addr[:]
		}
		return uint16(sa.Port), address
	default:
		return 0, nil
	}
}
