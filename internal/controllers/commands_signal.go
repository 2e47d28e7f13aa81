package controllers

import (
	"math"

	"sockbridge/control"
)

func (s *Server) signalCommands() []control.Command {
	return []control.Command{{
		Name: "signal.clear", Args: "SIGNAL COUNT", Rights: control.Operate, Run: s.signalClear,
		Help: "takes COUNT off the number of receptions of a signal, down to 0",
	}}
}

func (s *Server) signalClear(c *control.Call) error {
	a := argumentsOf(c)
	sig, err := a.signal()
	if err != nil {
		return err
	}
	count, err := a.integer()
	if err != nil {
		return err
	}
	if count < 0 {
		return usage("invalid count (must not be negative)")
	}
	s.engine.ClearSignal(sig, int(min(count, math.MaxInt32)))
	return nil
}
