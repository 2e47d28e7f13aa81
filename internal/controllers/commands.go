package controllers

import (
	"slices"

	"sockbridge/control"
)

// Commands are the commands of the engine, which every session has beside those about itself.
func (s *Server) Commands() []control.Command {
	return slices.Concat(
		s.generalCommands(), s.serviceCommands(), s.optionCommands(), s.handleCommands(), s.signalCommands(), s.socketCommands(),
		s.connCommands(),
	)
}
