package supervise

// The life of a client is a table, state × input. Only Client.feed reads it, and only there a state changes, so that the counters
// of a template, which are the numbers of clients by state, add up at every moment.
//
//	           admitted  over limit  begun  put back  failed     ended   left  turned away
//	arrived    waiting   doubtful    –      –         –          –       –     refused
//	doubtful   waiting   –           –      –         –          –       –     refused
//	waiting    –         –           live   –         –          –       left  refused
//	live       –         –           –      waiting   unstarted  served  –     –
//
// The other states are the end.

type clientState uint8

const (
	clientArrived   clientState = iota // accepted, and not decided about
	clientDoubtful                     // over a limit, for the moment
	clientWaiting                      // admitted: it waits for a slot or a process
	clientLive                         // it has a slot: its instance is started or runs
	clientServed                       // its instance has ended
	clientRefused                      // it was told, or closed
	clientLeft                         // it had left before it was its turn
	clientUnstarted                    // its instance could not be started
	clientStates
)

var clientStateNames = [clientStates]string{
	"arrived", "doubtful", "waiting", "live", "served", "refused", "left", "unstarted",
}

func (s clientState) String() string { return clientStateNames[s] }

// here reports whether the client is among those of its template.
func (s clientState) here() bool { return s > clientArrived && s <= clientLive }

// counted reports whether the client takes a part of its source's share.
func (s clientState) counted() bool { return s == clientWaiting || s == clientLive }

type clientInput uint8

const (
	clientAdmitted   clientInput = iota
	clientOverLimit              // it may still be admitted in a moment
	clientBegun                  // there is a slot for it
	clientPutBack                // there is no process for it at the moment
	clientFailed                 // its instance cannot be started
	clientEnded                  // its instance has ended
	clientHasLeft                // before its instance was started
	clientTurnedAway             // before its instance was started
	clientInputs
)

var clientInputNames = [clientInputs]string{
	"admitted", "over limit", "begun", "put back", "failed", "ended", "left", "turned away",
}

func (i clientInput) String() string { return clientInputNames[i] }

// neverClient marks what the callers make sure does not happen: it changes nothing.
const neverClient = clientStates

var clientLife = [clientStates][clientInputs]clientState{
	clientArrived: {
		clientAdmitted:   clientWaiting,
		clientOverLimit:  clientDoubtful,
		clientBegun:      neverClient,
		clientPutBack:    neverClient,
		clientFailed:     neverClient,
		clientEnded:      neverClient,
		clientHasLeft:    neverClient,
		clientTurnedAway: clientRefused,
	},
	clientDoubtful: {
		clientAdmitted:   clientWaiting,
		clientOverLimit:  neverClient,
		clientBegun:      neverClient,
		clientPutBack:    neverClient,
		clientFailed:     neverClient,
		clientEnded:      neverClient,
		clientHasLeft:    neverClient,
		clientTurnedAway: clientRefused,
	},
	clientWaiting: {
		clientAdmitted:   neverClient,
		clientOverLimit:  neverClient,
		clientBegun:      clientLive,
		clientPutBack:    neverClient,
		clientFailed:     neverClient,
		clientEnded:      neverClient,
		clientHasLeft:    clientLeft,
		clientTurnedAway: clientRefused,
	},
	clientLive: {
		clientAdmitted:   neverClient,
		clientOverLimit:  neverClient,
		clientBegun:      neverClient,
		clientPutBack:    clientWaiting,
		clientFailed:     clientUnstarted,
		clientEnded:      clientServed,
		clientHasLeft:    neverClient,
		clientTurnedAway: neverClient,
	},
	clientServed:    lifeOver,
	clientRefused:   lifeOver,
	clientLeft:      lifeOver,
	clientUnstarted: lifeOver,
}

// lifeOver is the row of the states that are the end.
var lifeOver = [clientInputs]clientState{
	neverClient, neverClient, neverClient, neverClient, neverClient, neverClient, neverClient, neverClient,
}

// feed is the one place where a client changes its state. The books of its template follow.
func (c *Client) feed(in clientInput) {
	before, next := c.state, clientLife[c.state][in]
	if next == neverClient {
		return
	}
	c.state = next
	t := c.template
	t.counts[before]--
	t.counts[next]++
	if before.here() != next.here() {
		t.enter(c, next.here())
	}
	if before.counted() != next.counted() {
		t.count(c.source, next.counted())
	}
}

// enter puts a client into the template's list, or takes it out.
func (t *Template) enter(c *Client, in bool) {
	if in {
		t.clients[c.id] = c
	} else {
		delete(t.clients, c.id)
	}
}

// count counts one connection of a source more, or one less.
func (t *Template) count(s source, more bool) {
	switch n := t.sources[s]; {
	case more:
		t.sources[s] = n + 1
	case n <= 1:
		delete(t.sources, s)
	default:
		t.sources[s] = n - 1
	}
}
