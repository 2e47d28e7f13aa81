package test

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

	"golang.org/x/sys/unix"
)

// condition decides the conditions of scripts that testscript does not know.
func condition(cond string) (bool, error) {
	kind, name, _ := strings.Cut(cond, ":")
	switch kind {
	case "root":
		return os.Geteuid() == 0, nil
	case "user":
		return userExists(name)
	case "kernel":
		return kernelHas(name)
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

func userExists(name string) (bool, error) {
	_, err := user.Lookup(name)
	if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
		return false, nil
	}
	return err == nil, err
}

// kernelHas tries what it is asked for: the kernel's version and configuration say too little.
func kernelHas(feature string) (bool, error) {
	switch feature {
	case "vsock":
		return canBind(unix.AF_VSOCK, &unix.SockaddrVM{CID: unix.VMADDR_CID_ANY, Port: unix.VMADDR_PORT_ANY})
	case "ipv6":
		return canBind(unix.AF_INET6, &unix.SockaddrInet6{Addr: [16]byte{15: 1}})
	}
	return false, fmt.Errorf("unknown kernel feature %q", feature)
}

func canBind(family int, address unix.Sockaddr) (bool, error) {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, nil //nolint:nilerr // the answer is no
	}
	bindErr := unix.Bind(fd, address)
	return bindErr == nil, unix.Close(fd)
}
