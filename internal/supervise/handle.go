package supervise

import "errors"

// The errors of handles. Their texts are those of the control protocol, which old clients compare.
var (
	ErrNoHandle    = errors.New("No such file descriptor")                       //nolint:staticcheck // see above
	ErrFixed       = errors.New("File descriptor cannot be altered")             //nolint:staticcheck // see above
	ErrHandlesFull = errors.New("Unable to allocate new file descriptor object") //nolint:staticcheck // see above
	ErrHandleTwice = errors.New("two file descriptors of the same name")
)

// A Handle is a descriptor with a name, which services are given and which may start them. From AddHandles on it belongs to the
// engine: others read it, on the loop.
type Handle struct {
	Name string
	// FD is the descriptor; -1 for what is made anew at each start. The engine closes it when the handle goes, unless it is
	// Borrowed, and as soon as no start that is still setting up uses it.
	FD       int
	Kind     string // KindPipe, "socket", "file" or "special", as the control protocol has it
	Flags    string // and how it was made
	Text     string // and its address, path or description; of a pipe with a Peer the engine makes it that
	Peer     string // of a pipe: the handle of the other end, "?" once that is gone
	Fixed    bool   // cannot be replaced or deleted
	Borrowed bool   // somebody else closes FD, after the handle is deleted or replaced
	Unit     string // the unit it belongs to; empty: it is a controller's
	// Queue tells who waits behind the handle; nil is taken for one that only knows whether there is something to read.
	Queue   Queue
	Accepts bool // connections wait there, rather than datagrams or bytes

	other   *Handle // the other end of a pipe, while it is there
	lent    int     // starts that are not settled, to which FD was lent
	dropped bool    // FD is to be closed when it is not lent any more
}

// KindPipe is the Kind of the ends of pipes.
const KindPipe = "pipe"

// gonePeer is the name of the other end of a pipe that has no handle any more.
const gonePeer = "?"

// Handle returns the handle of that name, nil if there is none. A unit's is at "unit/NAME".
func (e *Engine) Handle(name string) *Handle { return e.handles.entries[name] }

// HandleNames are the names of the handles that are of no unit, sorted bytewise: a snapshot that must not be changed.
func (e *Engine) HandleNames() []string { return e.handles.names() }

func (h *Handle) key() string { return key(h.Name, h.Unit) }

// join makes two handles the ends of one pipe.
func (h *Handle) join(other *Handle) {
	h.other, other.other = other, h
	h.Text, other.Text = other.Name, h.Name
}

// part leaves the other end of a pipe alone.
func (h *Handle) part() {
	if h.other == nil {
		return
	}
	h.other.Peer, h.other.Text, h.other.other = gonePeer, gonePeer, nil
	h.other = nil
}
