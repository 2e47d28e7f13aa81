package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// systemControl is where the system's manager listens.
const systemControl = "/run/sockbridge/control.sock"

// absence says in what way there is no manager.
func absence(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such socket"
	case err != nil:
		return reasonOf(err)
	case info.Mode().Type() != fs.ModeSocket:
		return "it is not a socket"
	}
	return "the socket is left from a manager that is gone"
}

// reasonOf is an error without the call and the path that os puts before it.
func reasonOf(err error) string {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// absentHint guesses what the person wanted: another socket where somebody listens, or to start a manager.
func absentHint(path string) string {
	for _, other := range otherSockets() {
		if other != path && peer(other) != 0 {
			return "a manager listens at " + other + ": name it by --control " + other + whyElsewhere()
		}
	}
	if path != defaultControl() {
		return "start it by `sockbridge run --control " + path + "`, or see whether that is where it listens"
	}
	return "start it by `sockbridge run`, or `systemctl start sockbridge` where systemd does; --control names another socket"
}

// otherSockets are where managers listen by themselves: the system's, our own, and of who became root by sudo.
func otherSockets() []string {
	list := []string{systemControl, defaultControlOf(os.Geteuid())}
	if uid, err := strconv.Atoi(os.Getenv("SUDO_UID")); err == nil {
		list = append(list, defaultControlOf(uid))
	}
	return list
}

func defaultControlOf(uid int) string {
	if uid == 0 {
		return systemControl
	}
	return fmt.Sprintf("/run/user/%d/sockbridge/control.sock", uid)
}

// whyElsewhere names the variable that leads elsewhere, if one does.
func whyElsewhere() string {
	if path, set := os.LookupEnv("SOCKBRIDGE_CONTROL"); set {
		return fmt.Sprintf(" (SOCKBRIDGE_CONTROL is %q)", path)
	}
	return ""
}

// deniedHint says whose the socket is.
func deniedHint(path string) string {
	const how = "be that user, or let your group operate it by control_group in sockbridge.toml"
	info, err := os.Stat(path)
	if err != nil {
		return "its folder is closed to " + userName(os.Geteuid()) + "; run this as the manager's user"
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return how
	}
	return fmt.Sprintf("it belongs to %s (mode %04o), and you are %s: %s",
		userName(int(stat.Uid)), info.Mode().Perm(), userName(os.Geteuid()), how)
}

func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return "user " + strconv.Itoa(uid)
	}
	return u.Username
}
