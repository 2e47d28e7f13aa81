package units

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// The checks of strings. An error goes on where the name of the key ends.

// text refuses what execve(2) and paths cannot hold.
func text(s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return fmt.Errorf("%s holds a NUL byte", quoteShort(s))
	}
	return nil
}

func absolutePath(s string) error {
	if !path.IsAbs(s) {
		return fmt.Errorf("%s is not an absolute path", quoteShort(s))
	}
	return text(s)
}

func absoluteOrHome(s string) error {
	if s == "~" {
		return nil
	}
	return absolutePath(s)
}

func environmentPath(s string) error { return absolutePath(strings.TrimPrefix(s, "-")) }

// accountName refuses what no tool makes, so that a slip of the pen is not looked up.
func accountName(s string) error {
	switch {
	case s == "":
		return errors.New("is empty")
	case len(s) > 255 || strings.ContainsAny(s, ":/") || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return fmt.Errorf("%s is not the name of an account", quoteShort(s))
	case strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+"):
		return fmt.Errorf("%s is neither a name nor a number of an account", quoteShort(s))
	}
	return nil
}

// deviceName checks for what the kernel's dev_valid_name takes.
func deviceName(s string) error {
	if s == "" || len(s) > 15 || s == "." || s == ".." || strings.ContainsAny(s, "/: \t\r\n\v\f\x00") {
		return fmt.Errorf("%s is not the name of a network interface", quoteShort(s))
	}
	return nil
}

func congestionName(s string) error {
	if s == "" || len(s) > 15 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%s is not the name of a congestion control algorithm", quoteShort(s))
	}
	return nil
}

// descriptorName checks for what sd_listen_fds_with_names(3) can tell apart.
func descriptorName(s string) error {
	if s == "" || len(s) > 255 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == ':' }) {
		return fmt.Errorf("%s is not a descriptor name: 1 to 255 printable ASCII characters but %q", quoteShort(s), ":")
	}
	return nil
}

// variableName checks for the names of POSIX, which shells can use.
func variableName(s string) error {
	for i, r := range s {
		if r != '_' && (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9' || i == 0) {
			return fmt.Errorf("%s is not the name of a variable", quoteShort(s))
		}
	}
	if s == "" {
		return errors.New("has a variable without a name")
	}
	return nil
}
