package activation_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/google/go-cmp/cmp"

	"sockbridge/activation"
)

// helpers are the services that the test binary plays.
var helpers = map[string]func() error{
	"listeners": serveListeners,
	"packets":   servePackets,
	"conn":      serveConn,
	"inherited": printInherited,
	"none":      expectNothing,
}

// serveListeners answers one client of each listener by the listener's number and address.
func serveListeners() error {
	listeners, err := activation.Listeners()
	if err != nil {
		return err
	}
	if err := clean(); err != nil {
		return err
	}
	for i, l := range listeners {
		client, err := l.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintf(client, "%d %s\n", i, l.Addr())
		if err := errors.Join(client.Close(), l.Close()); err != nil {
			return err
		}
	}
	return nil
}

// clean reports what taking the sockets should have removed.
func clean() error {
	for _, name := range conventional {
		if value, ok := os.LookupEnv(name); ok {
			return fmt.Errorf("%s=%s is still set", name, value)
		}
	}
	if _, err := activation.Listeners(); !errors.Is(err, activation.ErrNotActivated) {
		return fmt.Errorf("a second Listeners: %w", err)
	}
	return nil
}

// servePackets sends one datagram back, and takes a listener beside the datagram socket.
func servePackets() error {
	conns, err := activation.PacketConns()
	if err != nil {
		return err
	}
	listeners, err := activation.Listeners()
	if err != nil {
		return err
	}
	buffer := make([]byte, 100)
	n, peer, err := conns[0].ReadFrom(buffer)
	if err != nil {
		return err
	}
	_, err = conns[0].WriteTo(buffer[:n], peer)
	return errors.Join(err, conns[0].Close(), listeners[0].Close())
}

// serveConn answers, closes the connection, and stays until descriptor HOLD ends.
func serveConn() error {
	conn, err := activation.Conn()
	if err != nil {
		return err
	}
	if err := errors.Join(clean(), nullStdin()); err != nil {
		return err
	}
	fmt.Fprintf(conn, "hello %s\n", os.Getenv("REMOTE_ADDR"))
	if err := conn.Close(); err != nil {
		return err
	}
	hold, err := strconv.Atoi(os.Getenv("HOLD"))
	if err != nil {
		return err
	}
	_, err = io.ReadAll(os.NewFile(uintptr(hold), "hold"))
	return err
}

// nullStdin fails if descriptor 0 is neither closed nor /dev/null.
func nullStdin() error {
	if n, err := os.Stdin.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		return fmt.Errorf("standard input: %d bytes, %w", n, err)
	}
	return nil
}

// printInherited writes what Inherited returns to the connection at descriptor 0.
func printInherited() error {
	fds, err := activation.Inherited(true)
	if err != nil {
		return err
	}
	for _, fd := range fds {
		flags, err := unix.FcntlInt(uintptr(fd.FD), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			return fmt.Errorf("descriptor %d would be inherited: %w", fd.FD, err)
		}
		fmt.Println(fd.FD, fd.Name)
	}
	return nil
}

// expectNothing checks a program that was started by hand.
func expectNothing() error {
	_, listenErr := activation.Listeners()
	_, packetErr := activation.PacketConns()
	_, connErr := activation.Conn()
	for _, err := range []error{listenErr, packetErr, connErr} {
		if !errors.Is(err, activation.ErrNotActivated) {
			return fmt.Errorf("not ErrNotActivated but %w", err)
		}
	}
	return nil
}

// listeningSocket returns a bound, listening, blocking socket, as a manager has it.
func listeningSocket(t *testing.T, domain int, address unix.Sockaddr) *os.File {
	t.Helper()
	file := boundSocket(t, domain, unix.SOCK_STREAM, address)
	if err := unix.Listen(int(file.Fd()), 8); err != nil {
		t.Fatal(err)
	}
	return file
}

func boundSocket(t *testing.T, domain, socketType int, address unix.Sockaddr) *os.File {
	t.Helper()
	fd, err := unix.Socket(domain, socketType|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "socket")
	closeAtEnd(t, file)
	if err := unix.Bind(fd, address); err != nil {
		t.Fatal(err)
	}
	return file
}

func localEndpoint(t *testing.T, file *os.File) activation.Endpoint {
	t.Helper()
	address, err := unix.Getsockname(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return activation.EndpointOf(address)
}

// ask connects to an endpoint and returns all that it answers.
func ask(t *testing.T, e activation.Endpoint) string {
	t.Helper()
	network := "tcp"
	if e.Family == activation.FamilyUnix {
		network = "unix"
	}
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), network, e.String())
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, conn)
	return readAll(t, conn)
}

func readAll(t *testing.T, conn net.Conn) string {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// sockets returns a listening socket of each family and its description.
func sockets(t *testing.T) (files []*os.File, described []activation.Socket) {
	t.Helper()
	files = append(files, listeningSocket(t, unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	files = append(files, listeningSocket(t, unix.AF_UNIX, &unix.SockaddrUnix{Name: filepath.Join(t.TempDir(), "s")}))
	files = append(files, listeningSocket(t, unix.AF_UNIX, &unix.SockaddrUnix{Name: "@sockbridge-test-" + strconv.Itoa(os.Getpid())}))
	if _, err := os.Stat("/proc/net/if_inet6"); err == nil {
		files = append(files, listeningSocket(t, unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}))
	}
	for i, f := range files {
		described = append(described, activation.Socket{Name: "n" + strconv.Itoa(i), Addr: localEndpoint(t, f)})
	}
	return files, described
}

func TestListenersRoundTrip(t *testing.T) {
	for _, protocols := range [][]activation.Protocol{
		{activation.Systemd},
		{activation.Upstart},
		{activation.Systemd, activation.Upstart},
	} {
		t.Run(fmt.Sprint(protocols), func(t *testing.T) {
			files, described := sockets(t)
			l := activation.Listening{Unit: "test", Protocols: protocols, Sockets: described}
			service := start(t, "listeners", l.Announces(), l.Environ(), nil, files...)
			for i, s := range described {
				if got, want := ask(t, s.Addr), fmt.Sprintf("%d %s\n", i, s.Addr); got != want {
					t.Errorf("answer %q, want %q", got, want)
				}
			}
			service.finish(t)
			// The service's Close must have neither shut the sockets down nor removed the path.
			if _, err := os.Stat(described[1].Addr.Path); err != nil {
				t.Error(err)
			}
		})
	}
}

// A unit whose standard input is the socket has its listening socket there.
func TestListenersOnStandardInput(t *testing.T) {
	socket := listeningSocket(t, unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	endpoint := localEndpoint(t, socket)
	service := start(t, "listeners", false, activation.Listening{Unit: "test"}.Environ(), socket)
	if got, want := ask(t, endpoint), fmt.Sprintf("0 %s\n", endpoint); got != want {
		t.Errorf("answer %q, want %q", got, want)
	}
	service.finish(t)
}

func TestPacketConnsBesideListeners(t *testing.T) {
	datagrams := boundSocket(t, unix.AF_INET, unix.SOCK_DGRAM, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	stream := listeningSocket(t, unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	l := activation.Listening{Unit: "test", Protocols: everyProtocol, Sockets: []activation.Socket{{Name: "stream"}, {Name: "datagrams"}}}
	service := start(t, "packets", true, l.Environ(), nil, stream, datagrams)
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "udp", localEndpoint(t, datagrams).String())
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, conn)
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 100)
	n, err := conn.Read(got)
	if err != nil || string(got[:n]) != "ping" {
		t.Errorf("answer %q, %v", got[:n], err)
	}
	service.finish(t)
}

// Close must end the connection while the service goes on, on descriptors 0 and 1 too.
func TestConnRoundTrip(t *testing.T) {
	for _, stdin := range []bool{false, true} {
		t.Run("stdin="+strconv.FormatBool(stdin), func(t *testing.T) {
			client, server := connect(t)
			c := activation.Connection{Protocols: everyProtocol, Stdin: stdin, Remote: activation.EndpointOf(peer(t, server)), Local: localEndpoint(t, server)}
			held, hold := pipe(t)
			var service *child
			if stdin {
				service = start(t, "conn", c.Announces(), c.AppendEnviron([]string{"HOLD=3"}), server, held)
			} else {
				service = start(t, "conn", c.Announces(), c.AppendEnviron([]string{"HOLD=4"}), nil, server, held)
			}
			if err := server.Close(); err != nil { // the manager's copy
				t.Fatal(err)
			}
			if got, want := readAll(t, client), "hello 127.0.0.1\n"; got != want {
				t.Errorf("answer %q, want %q", got, want)
			}
			if err := hold.Close(); err != nil {
				t.Fatal(err)
			}
			service.finish(t)
		})
	}
}

// connect returns both ends of a TCP connection.
func connect(t *testing.T) (client net.Conn, server *os.File) {
	t.Helper()
	listener := listeningSocket(t, unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	var d net.Dialer
	client, err := d.DialContext(t.Context(), "tcp", localEndpoint(t, listener).String())
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, client)
	fd, _, err := unix.Accept4(int(listener.Fd()), unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	return client, os.NewFile(uintptr(fd), "connection")
}

func peer(t *testing.T, file *os.File) unix.Sockaddr {
	t.Helper()
	address, err := unix.Getpeername(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() }) //nolint:errcheck // closed twice where the test got there
	return r, w
}

func TestConnRefusesTwo(t *testing.T) {
	_, first := connect(t)
	_, second := connect(t)
	closeAtEnd(t, first, second)
	service := start(t, "conn", true, []string{"LISTEN_FDS=2"}, nil, first, second)
	err := service.Wait()
	if want := "conn: cannot take the connection: 2 were passed\n"; err == nil || !strings.HasPrefix(service.stderr.String(), want) {
		t.Errorf("%v, %q; want %q", err, service.stderr.String(), want)
	}
}

func TestInheritedRoundTrip(t *testing.T) {
	client, server := connect(t)
	files, described := sockets(t)
	l := activation.Listening{Unit: "test", Protocols: everyProtocol, Sockets: described[:2]}
	service := start(t, "inherited", l.Announces(), l.Environ(), server, files[:2]...)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := readAll(t, client), "3 n0\n4 n1\n"; got != want {
		t.Errorf("descriptors %q, want %q", got, want)
	}
	service.finish(t)
}

func TestListenersOfNobody(t *testing.T) {
	socket := listeningSocket(t, unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	for name, env := range map[string][]string{
		"no variable":                  nil,
		"LISTEN_PID of the parent":     {"LISTEN_FDS=1", "LISTEN_PID=" + strconv.Itoa(os.Getpid())},
		"UPSTART_FDS of another thing": {"UPSTART_FDS=4"},
	} {
		t.Run(name, func(t *testing.T) {
			null, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			closeAtEnd(t, null)
			start(t, "none", false, env, null, socket, null).finish(t)
		})
	}
}

// O_NONBLOCK belongs to the socket: clearing it would hang whoever shares the socket in accept(2).
func TestListenersKeepSharedSocketNonBlocking(t *testing.T) {
	socket := listeningSocket(t, unix.AF_INET, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err := unix.SetNonblock(int(socket.Fd()), true); err != nil {
		t.Fatal(err)
	}
	l := activation.Listening{Protocols: everyProtocol, Sockets: []activation.Socket{{Addr: localEndpoint(t, socket)}}}
	service := start(t, "listeners", l.Announces(), l.Environ(), nil, socket)
	ask(t, l.Sockets[0].Addr)
	service.finish(t)
	flags, err := unix.FcntlInt(socket.Fd(), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(unix.O_NONBLOCK, flags&unix.O_NONBLOCK); diff != "" {
		t.Errorf("O_NONBLOCK (-want +got):\n%s", diff)
	}
}
