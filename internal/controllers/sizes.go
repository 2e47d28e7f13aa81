package controllers

import (
	"errors"

	"sockbridge/internal/supervise"
)

// errTooLarge is what set refuses; commands say it in the words of the protocol.
var errTooLarge = errors.New("it does not fit into the pool")

// set gives a service another definition, if that fits into the service's place in the pool.
func (s *Server) set(service *supervise.Service, d supervise.Definition) error {
	if s.o.ServiceSize > 0 && sizeOf(service.Name(), d) > s.o.ServiceSize {
		return errTooLarge
	}
	return service.Set(d)
}

// sizeOf is how many bytes a service takes as daemonproxy counts: its texts, each with what ends it.
func sizeOf(name string, d supervise.Definition) int {
	size := len(name) + 1
	for _, list := range [][]string{d.Tags, d.Args, d.FDs} {
		for _, text := range list {
			size += len(text) + 1
		}
	}
	return size
}

// ellipsis ends what was cut.
const ellipsis = "..."

// shown is a path as the pool of handles can keep it.
func (s *Server) shown(path string) string {
	if n := s.o.HandleSize; n > len(ellipsis) && len(path) > n {
		return path[:n-len(ellipsis)] + ellipsis
	}
	return path
}
