package superserver

import (
	"slices"
	"strconv"

	"sockbridge/control"
)

// The topics of subscribe.
const (
	topicUnits  = "units"  // unit.state of units whose state changes, and reloads
	topicConns  = "conns"  // conn.open, conn.refuse and conn.close
	topicEvents = "events" // every event
	// topicLog begins the topics of those who follow the log of some units, which nobody can subscribe to by name.
	topicLog = "log."
)

func (s *Server) logCommands() []control.Command {
	return []control.Command{
		{
			Name: "subscribe", Args: "TOPIC…", Rights: control.Read, Version: control.Version2, Run: s.subscribe,
			Help: "has events told from now on: `units` (`unit.state`, `reload.*`), `conns` (`conn.open`, `conn.refuse`, `conn.close`), `events` (`event`)",
		},
		{
			Name: "log.follow", Args: "N follow|once [PATTERN…]", Rights: control.Read, Version: control.Version2, Run: s.logFollow,
			Help: "tells the last N events and lines of output, of these units or of everything, and with `follow` those to come",
		},
	}
}

func (s *Server) subscribe(c *control.Call) error {
	if err := arguments(c, 1, -1); err != nil {
		return err
	}
	for _, topic := range c.Args {
		if !slices.Contains([]string{topicUnits, topicConns, topicEvents}, topic) {
			return refusal(codeUsage, "%q is not a topic: expected units, conns or events", topic)
		}
	}
	c.Session.Subscribe(c.Args...)
	s.audience = true
	return nil
}

// A follower is a session that has the events of some units told.
type follower struct {
	session *control.Session
	match   patterns
	topic   string // its own
}

func (s *Server) logFollow(c *control.Call) error {
	if err := arguments(c, 2, -1); err != nil {
		return err
	}
	n, err := strconv.Atoi(c.Args[0])
	if err != nil || n < 0 {
		return refusal(codeUsage, "%q is not a number of lines", c.Args[0])
	}
	if word := c.Args[1]; word != "follow" && word != "once" {
		return refusal(codeUsage, "expected %q or %q, not %q", "follow", "once", word)
	}
	match, err := s.patternsOf(c.Args[2:])
	if err != nil {
		return err
	}
	last := s.journal.number
	past := s.remembered(n, match)
	c.Stream(func() bool {
		if len(past) > 0 {
			c.Emit(eventRecord(&past[0].Event)...)
			past = past[1:]
			return true
		}
		if c.Args[1] == "once" {
			return false
		}
		// What came while the past was read. With the last of it the follower hears everything at first hand.
		past, last = s.journal.since(last, match), s.journal.number
		if len(past) == 0 {
			s.follow(c.Session, match)
		}
		return len(past) > 0
	})
	return nil
}

// remembered are the last n events of the units that match; of everything without patterns.
func (s *Server) remembered(n int, match patterns) []*entry {
	if match.all() {
		return s.journal.all(n)
	}
	var names []string
	for name := range s.journal.units {
		if match.match(name) {
			names = append(names, name)
		}
	}
	return s.journal.of(n, names)
}

// follow has a session told of the events of units from now on. A second time replaces the first.
func (s *Server) follow(session *control.Session, match patterns) {
	s.forgetFollowers()
	s.audience = true
	if i := slices.IndexFunc(s.followers, func(f *follower) bool { return f.session == session }); i >= 0 {
		s.followers[i].match = match // its topic stays: there is no end of a subscription
		return
	}
	s.followed++
	f := &follower{session: session, match: match, topic: topicLog + strconv.FormatUint(s.followed, 10)}
	session.Subscribe(f.topic)
	s.followers = append(s.followers, f)
}

// forgetFollowers drops those whose sessions have ended.
func (s *Server) forgetFollowers() {
	there := map[*control.Session]bool{}
	for other := range s.sessions() {
		there[other] = true
	}
	s.followers = slices.DeleteFunc(s.followers, func(f *follower) bool { return !there[f.session] })
}

// spread tells an event to those who want it.
func (s *Server) spread(n *entry) {
	if s.control == nil {
		return
	}
	s.control.server.Event(n.Event)
	if !s.hears(topicEvents) && len(s.followers) == 0 {
		return
	}
	line := eventRecord(&n.Event)
	s.control.server.Broadcast(topicEvents, line...)
	for _, f := range s.followers {
		if f.match.match(n.Unit) {
			s.control.server.Broadcast(f.topic, line...)
		}
	}
}

// hears reports whether anybody wants the events of a topic, so that they need not be made otherwise.
func (s *Server) hears(topic string) bool {
	if s.control == nil || !s.audience {
		return false
	}
	some := false
	for session := range s.sessions() {
		if session.Subscribed(topic) {
			return true
		}
		some = some || len(session.Topics()) > 0
	}
	if !some { // the last of them has left
		s.audience, s.followers = false, nil
	}
	return false
}

// tellUnit tells of a unit's new state.
func (s *Server) tellUnit(a *account) {
	if s.hears(topicUnits) {
		s.control.server.Broadcast(topicUnits, s.unitRecord(a)...)
	}
}

// tellOutcome tells of a reload.
func (s *Server) tellOutcome(o outcome) {
	if !s.hears(topicUnits) {
		return
	}
	for _, r := range o.records() {
		s.control.server.Broadcast(topicUnits, r...)
	}
}

// since returns the events after a number, of units that match, as far as they are remembered.
func (j *journal) since(number uint64, match patterns) (list []*entry) {
	for _, n := range j.all(int(min(j.number-number, journalAll))) {
		if n.number > number && match.match(n.Unit) {
			list = append(list, n)
		}
	}
	return list
}
