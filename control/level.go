package control

import (
	"fmt"
	"slices"
)

// A Level says how much a log line matters. As a filter it is the highest level that is left out, so that LevelNone shows all.
type Level uint8

// The levels, in the order of their weight.
const (
	LevelNone Level = iota // only as a filter
	LevelTrace
	LevelDebug
	LevelInfo
	LevelWarning
	LevelError
	LevelFatal
)

var levelNames = [...]string{
	LevelNone: "none", LevelTrace: "trace", LevelDebug: "debug", LevelInfo: "info",
	LevelWarning: "warning", LevelError: "error", LevelFatal: "fatal",
}

// String returns the level's name as logs and log.filter have it.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// ParseLevel is the inverse of [Level.String].
func ParseLevel(s string) (Level, error) {
	if i := slices.Index(levelNames[:], s); i >= 0 {
		return Level(i), nil
	}
	return LevelNone, fmt.Errorf("cannot use %q as a level of the log", s)
}
