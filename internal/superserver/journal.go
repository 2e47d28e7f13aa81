package superserver

import (
	"cmp"
	"container/list"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"sockbridge/internal/event"
)

const (
	// journalUnit is how many events of one unit are remembered, journalAll how many of everything.
	journalUnit = 64
	journalAll  = 1000
	// journalBytes bounds what all units' events take together: of 10,000 busy units each remembers less. The oldest go first.
	journalBytes = 16 << 20
	// journalText is where a text is cut, in bytes.
	journalText = 1 << 10
	// journalCost is what an event takes beside its texts, about.
	journalCost = 384
)

// A journal remembers what happened last: the last events of everything, and the last of each unit, so that a unit that says
// much does not push out what others said. It holds nothing of a unit of which nothing was told. It belongs to the loop.
type journal struct {
	number uint64
	brief  bool     // units' own events are not kept: nothing but what every unit begins with
	last   []*entry // the last of everything; a ring once it is full
	next   int      // where the next one goes
	units  map[string]*unitJournal
	order  *list.List // of the units' entries, oldest first
	bytes  int        // that those take
}

// A unitJournal holds the last entries of one unit: elements of the journal's order.
type unitJournal struct{ entries []*list.Element }

// An entry is one event. It never changes, so that readers may keep it.
type entry struct {
	event.Event
	number uint64
	bytes  int
}

func newJournal() *journal {
	return &journal{units: map[string]*unitJournal{}, order: list.New()}
}

// add remembers an event and returns how it is remembered: with bounded texts, and of its error only what it says.
func (j *journal) add(e event.Event) *entry {
	j.number++
	n := newEntry(e, j.number)
	j.addLast(n)
	// That a socket was opened is in the unit's status, and 10,000 idle units are to cost nothing.
	if n.Unit != "" && n.Type != event.Listening && !j.brief {
		j.addUnit(n)
	}
	return n
}

func newEntry(e event.Event, number uint64) *entry {
	n := &entry{Event: bounded(e), number: number}
	n.bytes = journalCost + len(n.Text) + len(n.Peer) + len(n.Address) + len(n.Unit)
	if n.Err != nil {
		n.bytes += len(n.Err.Error())
	}
	return n
}

func (j *journal) addLast(n *entry) {
	if len(j.last) < journalAll {
		j.last = append(j.last, n)
		return
	}
	j.last[j.next] = n
	j.next = (j.next + 1) % journalAll
}

func (j *journal) addUnit(n *entry) {
	u := j.units[n.Unit]
	if u == nil {
		u = &unitJournal{}
		j.units[n.Unit] = u
	}
	if len(u.entries) == journalUnit {
		j.dropFirst(u)
	}
	u.entries = append(u.entries, j.order.PushBack(n))
	j.bytes += n.bytes
	for j.bytes > journalBytes {
		j.dropOldest()
	}
}

// dropOldest forgets the oldest entry of all units, which is the oldest of its own.
func (j *journal) dropOldest() {
	unit := entryOf(j.order.Front()).Unit
	u := j.units[unit]
	j.dropFirst(u)
	if len(u.entries) == 0 {
		delete(j.units, unit)
	}
}

func (j *journal) dropFirst(u *unitJournal) {
	j.bytes -= entryOf(u.entries[0]).bytes
	j.order.Remove(u.entries[0])
	copy(u.entries, u.entries[1:]) // in place, so that the array does not grow
	u.entries[len(u.entries)-1] = nil
	u.entries = u.entries[:len(u.entries)-1]
}

func entryOf(e *list.Element) *entry { return e.Value.(*entry) }

// all returns the last n events of everything, oldest first.
func (j *journal) all(n int) []*entry {
	list := slices.Concat(j.last[j.next:], j.last[:j.next])
	return lastOf(list, n)
}

// of returns the last n events of these units together, oldest first.
func (j *journal) of(n int, units []string) []*entry {
	var found []*entry
	for _, name := range units {
		if u := j.units[name]; u != nil {
			for _, e := range u.entries {
				found = append(found, entryOf(e))
			}
		}
	}
	return lastOf(inOrder(found), n)
}

// conn returns what is remembered of a connection, oldest first.
func (j *journal) conn(is func(*event.Event) bool) []*entry {
	var found []*entry
	for _, n := range j.last {
		if is(&n.Event) {
			found = append(found, n)
		}
	}
	for e := j.order.Front(); e != nil; e = e.Next() {
		if n := entryOf(e); is(&n.Event) {
			found = append(found, n)
		}
	}
	return inOrder(found)
}

// inOrder sorts entries by their time of coming, each once.
func inOrder(list []*entry) []*entry {
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.number, b.number) })
	return slices.Compact(list)
}

func lastOf(list []*entry, n int) []*entry { return list[max(0, len(list)-n):] }

// bounded returns the event as it can be kept.
func bounded(e event.Event) event.Event {
	e.Text = cut(e.Text)
	if e.Err != nil {
		e.Err = errors.New(cut(e.Err.Error()))
	}
	return e
}

// cut bounds a text, between two characters where it has any. The rest of a longer one is not kept alive.
func cut(s string) string {
	if len(s) <= journalText {
		return s
	}
	n := journalText
	for n > journalText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n]) + "…"
}
