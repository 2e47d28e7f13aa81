package controllers

import (
	"fmt"

	"sockbridge/control"
)

func (s *Server) socketCommands() []control.Command {
	return []control.Command{
		{
			Name: "socket.create", Args: "OPTIONS PATH", Rights: control.Admin, Run: s.socketCreate,
			Help: "listens for controllers at PATH, in place of the control socket before; OPTIONS is - or empty",
		},
		{
			Name: "socket.delete", Rights: control.Admin, Run: s.socketDelete,
			Help: "closes the control socket and removes its file; sessions stay",
		},
	}
}

func (s *Server) socketCreate(c *control.Call) error {
	a := argumentsOf(c)
	options, err := a.or("missing argument")
	if err != nil {
		return err
	}
	if options != "" && options != "-" {
		return usage("Invalid options")
	}
	path, err := a.or("missing argument")
	if err != nil {
		return err
	}
	if err := s.CreateSocket(path); err != nil {
		s.log(control.LevelError, err.Error())
		return failed(control.CodeFailed, "Failed to create control socket")
	}
	return nil
}

func (s *Server) socketDelete(*control.Call) error {
	if err := s.DeleteSocket(); err != nil {
		return fmt.Errorf("cannot delete the control socket: %w", err)
	}
	return nil
}
