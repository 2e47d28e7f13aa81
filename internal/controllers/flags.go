package controllers

import (
	"fmt"
	"strings"
)

// words reads a list of flags: each word, with what stands behind "=" if anything does. Empty words are passed over.
func words(list string, set func(word, value string, valued bool) error) error {
	for item := range strings.SplitSeq(list, ",") {
		if item == "" {
			continue
		}
		word, value, valued := strings.Cut(item, "=")
		if err := set(word, value, valued); err != nil {
			return err
		}
	}
	return nil
}

// A flagNameError is a word that is none of a command's.
type flagNameError string

func (f flagNameError) Error() string { return fmt.Sprintf("unknown flag %q", string(f)) }

// whole is the word as it was written.
func whole(word, value string, valued bool) string {
	if valued {
		return word + "=" + value
	}
	return word
}

// chosen lists the flags that are on, each with a comma before it.
func chosen(flags ...any) string {
	var b strings.Builder
	for i := 0; i < len(flags); i += 2 {
		if flags[i] == true {
			b.WriteString("," + flags[i+1].(string))
		}
	}
	return b.String()
}
