// Package activation is what a service is given when it is started for a socket: it encodes descriptors and addresses
// as environment variables for a child, and decodes them in a service.
//
// A service in Go takes its listening socket, or its one connection, in three lines:
//
//	listeners, err := activation.Listeners() // accept = false: the service accepts
//	…
//	client, err := listeners[0].Accept()
//
//	client, err := activation.Conn() // accept = true: one process a connection
//
// A manager describes what it passes as a [Listening] or a [Connection] and takes the variables from there.
//
// # Conventions
//
//   - [Systemd]: LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES; the descriptors are 3, 4 and so on (sd_listen_fds(3)).
//   - [Upstart]: UPSTART_FDS names the descriptors of listening sockets; PROTO, PORT, ADDR or SOCKET_PATH describe the
//     first (socket-event(7)). The socket's path is never a variable PATH, which would destroy the search path.
//   - [UCSPI]: TCPREMOTEIP and its kin describe a connection on descriptors 0 and 1 (tcp-environ(5)).
//
// # Invariants
//
// Encoding is pure and safe for concurrent use. What a peer chose, the path of its Unix socket, is cut to a bounded
// length and loses its control characters before it becomes a variable or text for a log.
//
// Decoding gives each descriptor to one owner. It never clears O_NONBLOCK, which belongs to the socket and not to the
// descriptor: another process that shares a listening socket would hang in accept(2).
//
// # Notes
//
// "no socket was passed" from [Listeners] means that the program was started by hand, or through a wrapper that did not
// use exec: LISTEN_PID is then the wrapper's.
package activation
