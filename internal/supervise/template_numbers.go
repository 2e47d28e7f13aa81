package supervise

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Counters account for every client of a Template: Accepted is the sum of Served, Refused, ClientGone, SpawnFailed, Live and
// Waiting at every moment, also while an event is told.
type Counters struct {
	Accepted    uint64
	Served      uint64 // their instance has ended
	Refused     uint64
	ClientGone  uint64 // they left before their instance was started
	SpawnFailed uint64 // it could not be started
	Live        uint64
	Waiting     uint64 // for a slot, for a process, or for the decision about them
	Starts      uint64 // instances so far
}

// String is the line that tells them at the end.
func (c Counters) String() string {
	return fmt.Sprintf("accepted %d, served %d, refused %d, client_gone %d, spawn_failed %d",
		c.Accepted, c.Served, c.Refused, c.ClientGone, c.SpawnFailed)
}

// Counters are those of this moment.
func (t *Template) Counters() Counters {
	n := Counters{
		Served: t.counts[clientServed], Refused: t.counts[clientRefused], ClientGone: t.counts[clientLeft],
		SpawnFailed: t.counts[clientUnstarted], Live: t.counts[clientLive],
		Waiting: t.counts[clientArrived] + t.counts[clientDoubtful] + t.counts[clientWaiting], Starts: t.starts,
	}
	for _, count := range t.counts {
		n.Accepted += count
	}
	return n
}

// Clients are those who are served or wait, in the order of their coming.
func (t *Template) Clients() []*Client {
	return slices.SortedFunc(maps.Values(t.clients), func(a, b *Client) int { return cmp.Compare(a.number, b.number) })
}

// Client returns the client of that id, or nil when it is not there any more.
func (t *Template) Client(id string) *Client { return t.clients[id] }

// Sources says how many connections each source has; see Client.Source.
func (t *Template) Sources() map[string]int {
	list := make(map[string]int, len(t.sources))
	for s, n := range t.sources {
		list[s.String()] += n
	}
	return list
}
