package superserver

import (
	"sockbridge/internal/listener"
	"sockbridge/units"
)

// rehearse says what going over to a set would do, and takes back all that it tried for it.
func (s *Server) rehearse(set *units.Set) outcome {
	retry := s.retryLoad // this is not the reload that it is about
	p, o := s.plan(set)
	s.retryLoad = retry
	o.dry, o.generation = true, s.generation
	if o.err != nil {
		return o
	}
	o.listeners = tallyOf(p.sockets)
	o.connections = s.connectionsNow()
	p.sockets.Rollback()
	return o
}

func tallyOf(c *listener.Change) tally {
	return tally{kept: len(c.Kept()), opened: len(c.Opened()), closed: len(c.Closed())}
}
