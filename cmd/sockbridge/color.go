package main

import (
	"fmt"
	"os"
)

// A style is how a text is shown on a terminal that has colours.
type style string

// The styles, as parameters of ECMA-48's SGR.
const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
)

// A palette paints texts, or leaves them alone.
type palette bool

func (p palette) paint(s style, text string) string {
	if !p || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// choosePalette decides whether a file gets colours: as --color says, else as the environment does, else only a terminal that
// has them. NO_COLOR (no-color.org) goes before CLICOLOR_FORCE.
func choosePalette(word string, f *os.File) (palette, error) {
	switch word {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
	default:
		return false, fmt.Errorf("--color is auto, always or never, not %q", word)
	}
	force := os.Getenv("CLICOLOR_FORCE")
	switch {
	case os.Getenv("NO_COLOR") != "":
		return false, nil
	case force != "" && force != "0":
		return true, nil
	case os.Getenv("TERM") == "dumb":
		return false, nil
	}
	return palette(f != nil && isTerminal(f)), nil
}

// stateStyle is the colour of a unit's state.
func stateStyle(state string) style {
	switch state {
	case "listening", "running":
		return green
	case "asleep":
		return plain
	case "stopped":
		return dim
	case "failed":
		return red
	}
	return yellow
}
