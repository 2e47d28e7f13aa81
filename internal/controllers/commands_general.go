package controllers

import (
	"golang.org/x/sys/unix"

	"sockbridge/control"
)

func (s *Server) generalCommands() []control.Command {
	commands := []control.Command{{
		Name: "statedump", Rights: control.Read, Run: s.statedump,
		Help: "tells the state of all handles, services and signals; version 2 ends it with `statedump.end`",
	}}
	if s.o.Compatible {
		commands = append(commands, control.Command{
			Name: "chdir", Args: "PATH", Rights: control.Admin, Run: chdir,
			Help: "changes the working directory, of services that start later too",
		})
	}
	return commands
}

func chdir(c *control.Call) error {
	a := argumentsOf(c)
	path, err := a.or("missing path argument")
	if err != nil {
		return err
	}
	if err := a.end("unexpected argument after path"); err != nil {
		return err
	}
	if err := unix.Chdir(path); err != nil {
		return built(c, "chdir failed: %s", strerror(err))
	}
	return nil
}
