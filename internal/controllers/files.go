package controllers

import (
	"errors"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A fileRequest is what fd.open asks for.
type fileRequest struct {
	read, write, append, create, trunc, nonblock, mkdir bool
	path                                                string
}

func parseFile(flags string) (r fileRequest, err error) {
	on := map[string]*bool{
		"read": &r.read, "write": &r.write, "append": &r.append, "create": &r.create, "trunc": &r.trunc,
		"nonblock": &r.nonblock, "mkdir": &r.mkdir,
	}
	err = words(flags, func(word, value string, valued bool) error {
		p := on[word]
		if p == nil || valued {
			return flagNameError(whole(word, value, valued))
		}
		*p = true
		return nil
	})
	return r, err
}

// text is how fd.state prints the flags.
func (r fileRequest) text() string {
	access := "read"
	switch {
	case r.write && r.read:
		access = "read,write"
	case r.write:
		access = "write"
	}
	return access + chosen(r.append, "append", r.create, "create", r.trunc, "trunc", r.nonblock, "nonblock", r.mkdir, "mkdir")
}

func (r fileRequest) flags() int {
	flags := unix.O_RDONLY
	switch {
	case r.write && r.read:
		flags = unix.O_RDWR
	case r.write:
		flags = unix.O_WRONLY
	}
	for _, f := range []struct {
		on   bool
		flag int
	}{{r.append, unix.O_APPEND}, {r.create, unix.O_CREAT}, {r.trunc, unix.O_TRUNC}} {
		if f.on {
			flags |= f.flag
		}
	}
	return flags | unix.O_NOCTTY | unix.O_CLOEXEC
}

// open opens the file. It never waits, as open(2) does for the other end of a FIFO or the carrier of a line: everybody would
// wait with it. The description is ours alone, so that its mode may be set afterwards.
func (r fileRequest) open() (int, error) {
	if r.mkdir {
		makeFolders(filepath.Dir(r.path))
	}
	fd, err := unix.Open(r.path, r.flags()|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return -1, err
	}
	if !r.nonblock {
		if err := unix.SetNonblock(fd, false); err != nil {
			closeQuietly(fd)
			return -1, err
		}
	}
	return fd, nil
}

// makeFolders makes the folders that are missing. Its failures are told by whoever opens something below them.
func makeFolders(path string) {
	if err := unix.Mkdir(path, 0o700); errors.Is(err, unix.ENOENT) && path != "/" && path != "." {
		makeFolders(filepath.Dir(path))
		_ = unix.Mkdir(path, 0o700) // see above
	}
}

// closeQuietly closes a descriptor to which nothing was written that could be lost.
func closeQuietly(fd int) { _ = unix.Close(fd) }
