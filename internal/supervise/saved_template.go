package supervise

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"sockbridge/activation"
)

// A SavedTemplate is a template with its clients; its configuration is not saved.
type SavedTemplate struct {
	Arrived, Starts           uint64
	Counts                    []uint64 // by state
	Paused, Draining, Closing bool
	Drained                   time.Duration // when a closing one is to be drained
	Clients                   []SavedClient
}

// A SavedClient is a client that is served or waits; the descriptor of one that waits is owned by it.
type SavedClient struct {
	ID       string
	Number   uint64
	State    uint8
	FD       int
	Socket   int // the descriptor of the listening socket that it came from
	Family   activation.Family
	Address  string
	Path     []byte
	Cred     *unix.Ucred
	CID      uint32
	Port     uint32
	Accepted time.Duration
	Tried    bool
	Instance *SavedInstance
}

// Save returns the template as it is.
func (t *Template) Save() SavedTemplate {
	v := SavedTemplate{
		Arrived: t.arrived, Starts: t.starts, Counts: t.counts[:], Paused: t.paused, Draining: t.draining, Closing: t.closing,
	}
	if t.drain.Waiting() {
		v.Drained = t.engine.loop.Monotonic(t.drain.At())
	}
	for _, c := range t.Clients() {
		v.Clients = append(v.Clients, c.save())
	}
	return v
}

func (c *Client) save() SavedClient {
	v := SavedClient{
		ID: c.id, Number: c.number, State: uint8(c.state), FD: c.fd, Socket: c.socket.Descriptor(), Tried: c.tried,
		Family: c.remote.Family, Path: []byte(c.remote.Path), Cred: c.remote.Cred, CID: c.remote.CID, Port: c.remote.Port,
		Accepted: c.template.engine.loop.Monotonic(c.accepted),
	}
	if c.remote.AddrPort.IsValid() {
		v.Address = c.remote.AddrPort.String()
	}
	if c.instance != nil {
		instance := c.instance.save()
		v.Instance = &instance
	}
	return v
}

// Restore gives a template that was just made what another has saved, and goes on. Who waited came from the socket with the same
// descriptor, or from the first. Of one that was closing gone is called when nothing is left; it is not used otherwise.
func (t *Template) Restore(v *SavedTemplate, gone func()) {
	t.arrived, t.starts, t.paused, t.draining = v.Arrived, v.Starts, v.Paused, v.Draining
	copy(t.counts[:], v.Counts)
	for i := range v.Clients {
		t.restoreClient(&v.Clients[i])
	}
	if len(t.doubtful) > 0 {
		t.judge = t.engine.loop.After(doubtTime, t.judgeDoubtful)
	}
	if v.Closing {
		t.CloseWithin(max(v.Drained-t.engine.now(), 0), gone)
		return
	}
	t.next()
}

func (t *Template) restoreClient(v *SavedClient) {
	c := &Client{
		template: t, id: v.ID, number: v.Number, state: min(clientState(v.State), clientStates-1), fd: v.FD, tried: v.Tried,
		socket: t.socket(v.Socket), accepted: t.engine.time(v.Accepted), remote: v.remote(),
	}
	c.peer, c.source = c.remote.String(), sourceOf(c.remote)
	t.enter(c, true)
	if c.state.counted() {
		t.count(c.source, true)
	}
	switch {
	case v.Instance != nil:
		t.restoreInstance(c, v.Instance)
	case c.state == clientDoubtful:
		t.doubtful = append(t.doubtful, c)
	default:
		t.waiting = append(t.waiting, c)
	}
}

// restoreInstance goes on with the client's process. One that is not there any more has served it, or nobody will ever know.
func (t *Template) restoreInstance(c *Client, v *SavedInstance) {
	i, err := t.engine.restore(v, (*ownClient)(c))
	if err != nil {
		t.report(err)
		c.feed(clientEnded)
		return
	}
	c.instance = i
}

// socket is the socket of that descriptor, or else the first.
func (t *Template) socket(fd int) Acceptable {
	for _, s := range t.config.Sockets {
		if s.Descriptor() == fd {
			return s
		}
	}
	if len(t.config.Sockets) > 0 {
		return t.config.Sockets[0]
	}
	return Plain{FD: fd}
}

func (v *SavedClient) remote() activation.Endpoint {
	e := activation.Endpoint{Family: v.Family, Path: string(v.Path), Cred: v.Cred, CID: v.CID, Port: v.Port}
	e.AddrPort, _ = netip.ParseAddrPort(v.Address) // none was saved as none
	return e
}
