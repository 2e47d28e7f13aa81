package proxy

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"sockbridge/internal/launch"
)

// execute becomes another program as execvp(3) does, and returns only if that fails.
func execute(argv, env []string) error { return search(argv, env, launch.ExecPlain) }

// search tries the places of a program. What the search path leads to and may not be executed is told only if there is nothing
// better, and what the kernel does not know is given to the shell.
func search(argv, env []string, exec func(path string, argv, env []string) error) error {
	var failure error = unix.ENOENT
	for _, path := range places(argv[0]) {
		err := exec(path, argv, env)
		if errors.Is(err, unix.ENOEXEC) {
			err = exec("/bin/sh", append([]string{"/bin/sh", path}, argv[1:]...), env)
		}
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		case errors.Is(err, unix.EACCES):
			failure = err
		default:
			return err
		}
	}
	return failure
}

// places are where a program may be. An empty folder of the search path is the working directory.
func places(name string) []string {
	if name == "" || strings.Contains(name, "/") {
		return []string{name}
	}
	path, set := os.LookupEnv("PATH")
	if !set {
		path = "/bin:/usr/bin"
	}
	var list []string
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		list = append(list, dir+"/"+name)
	}
	return list
}

// endingEnv adds what the program of the exec on exit is told.
func endingEnv(env []string, code int, text string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		return strings.HasPrefix(entry, envCode+"=") || strings.HasPrefix(entry, envError+"=")
	})
	return append(env, envCode+"="+strconv.Itoa(code), envError+"="+strings.ReplaceAll(text, "\x00", ""))
}

// strerror is the text of strerror(3): Go has the same texts, but begins them in lower case.
func strerror(err error) string {
	text := err.Error()
	if number := unix.Errno(0); errors.As(err, &number) {
		text = number.Error()
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
