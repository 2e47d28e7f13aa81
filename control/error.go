package control

import "errors"

// The codes of errors, the last field of an `error` event of version 2. Clients branch on them; texts may change.
const (
	CodeUsage        = "usage"           // the command is not written as it must be
	CodeUnknown      = "unknown_command" // there is no such command in this version
	CodeDenied       = "denied"          // the session's rights do not reach
	CodeNoSuchUnit   = "no_such_unit"    // no unit, service or handle has the name
	CodeNoSuchConn   = "no_such_conn"    // no connection has the ID
	CodeBusy         = "busy"            // it cannot be done now, but later
	CodeNotListening = "not_listening"   // the unit has no open socket
	CodeTimeout      = "timeout"         // it was begun and has not ended in time
	CodeFailed       = "failed"          // everything else
)

// An Error is what a command failed with: what its Run returns, and what [Client.Do] does. errors.Is([ErrPermission]) holds for
// one with the code CodeDenied.
type Error struct {
	Text string // as the peer is told
	Code string // one of the codes above; "" is CodeFailed
}

func (e *Error) Error() string { return e.Text }

// Is makes a refusal of the server the same as one of the kernel.
func (e *Error) Is(target error) bool { return target == ErrPermission && e.Code == CodeDenied }

// Errors of the client.
var (
	// ErrNotRunning: nobody listens on the control socket, or there is none.
	ErrNotRunning = errors.New("nobody serves the control socket")
	// ErrPermission: the kernel refuses the connection, or the server the command.
	ErrPermission = errors.New("permission denied")
	// ErrVersion: the server knows version 1 of the protocol only, as daemonproxy itself does.
	ErrVersion = errors.New("server speaks only version 1 of the control protocol")
	// ErrClosed: the connection has ended.
	ErrClosed = errors.New("control connection is closed")
	// ErrOverflow: the client read too slowly, and the server has dropped events, the answer perhaps among them.
	ErrOverflow = errors.New("answers were lost because they were read too slowly")
	// ErrTooMuch: the answer is longer than the client takes.
	ErrTooMuch = errors.New("answer is too long")
)

// asError returns what a peer is told of any error.
func asError(err error) (text, code string) {
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Code == "" {
			return e.Text, CodeFailed
		}
		return e.Text, e.Code
	}
	return err.Error(), CodeFailed
}
